//! Messages by id, and the service reading as a user.

use chinwag_testkit::app::TestApp;
use chinwag_testkit::setup::{group, id, send};
use serde_json::json;

#[tokio::test]
async fn messages_are_read_by_their_ids() {
    let app = TestApp::start().await;
    let (ann, eve) = (app.user("ann").await, app.user("eve").await);
    let (one, other) = (group(&app.service(), &["ann"]).await, group(&app.service(), &["ann"]).await);
    let (first, second) = (id(&send(&ann, &one, "first").await), id(&send(&ann, &one, "second").await));
    let gone = id(&send(&ann, &one, "gone").await);
    ann.delete(&format!("messages/{gone}/")).await.ok(200);
    let elsewhere = id(&send(&ann, &other, "elsewhere").await);
    ann.put(&format!("messages/{second}/reactions/:a:/"), json!({})).await.ok(200);
    let path = format!("groups/{one}/messages/?ids={second},{gone},{elsewhere},{first},{second}");
    let found = ann.get(&path).await.ok(200);
    let bodies: Vec<_> = found.as_array().expect("a list").iter().map(|found| &found["body"]).collect();
    assert_eq!(bodies, ["second", "first"]);
    assert_eq!(found[0]["reactions"][":a:"]["mine"], true);
    assert_eq!(ann.get(&format!("{path}&fields=seq")).await.ok(200), json!([{ "seq": 3 }, { "seq": 2 }]));
    assert_eq!(ann.get(&format!("groups/{one}/messages/?ids=")).await.ok(200), json!([]));
    eve.get(&path).await.ok(404);
    let refused = ann.get(&format!("groups/{one}/messages/?ids=x")).await.ok(400);
    assert_eq!(refused["errors"][0]["field"], "ids");
}

#[tokio::test]
async fn service_reads_with_the_rights_of_a_user() {
    let app = TestApp::start().await;
    let (ann, bob, service) = (app.user("ann").await, app.user("bob").await, app.service());
    let shared = group(&service, &["ann", "bob"]).await;
    let own = group(&service, &["ann"]).await;
    let message = id(&send(&ann, &shared, "hello").await);
    bob.put(&format!("messages/{message}/reactions/:a:/"), json!({})).await.ok(200);
    for path in [
        format!("groups/{shared}/?fields=__all__"),
        format!("groups/{shared}/messages/?limit=5"),
        format!("messages/{message}/?fields=__all__"),
        "groups/?fields=__all__".into(),
        "users/bob/?fields=__all__".into(),
        "users/ann/?fields=__all__".into(),
        "unread/?x".into(),
    ] {
        let as_bob = service.get(&format!("{path}&as=bob")).await;
        assert_eq!(as_bob.json, bob.get(&path).await.json, "{path}");
        assert_eq!(as_bob.status, 200, "{path}");
    }
    assert_eq!(service.get(&format!("groups/{shared}/?fields=unread&as=bob")).await.ok(200)["unread"], 1);
    service.get(&format!("groups/{own}/?as=bob")).await.ok(404);
    service.get(&format!("groups/{own}/")).await.ok(200);
    for query in ["as=nobody", "as=", "as=ann&as=bob"] {
        let refused = service.get(&format!("groups/?{query}")).await.ok(400);
        assert_eq!(refused["errors"][0]["field"], "as", "{query}");
    }
}

#[tokio::test]
async fn a_page_of_a_list_as_a_user_leads_to_the_next_one() {
    let app = TestApp::start().await;
    app.user("ann").await;
    app.user("bob").await;
    let service = app.service();
    for _ in 0..3 {
        group(&service, &["ann"]).await;
    }
    group(&service, &["bob"]).await;
    let first = service.get("groups/?limit=2&as=ann").await;
    let next = first.header("link").split(['<', '>']).nth(1).and_then(|link| link.split_once("/api/v1/"));
    let rest = service.get(next.expect("a link").1).await;
    assert_eq!((rest.json.as_array().map(Vec::len), rest.header("link")), (Some(1), ""));
}

#[tokio::test]
async fn for_a_user_and_in_a_change_it_is_unknown() {
    let app = TestApp::start().await;
    let (ann, _bob) = (app.user("ann").await, app.user("bob").await);
    let group = group(&app.service(), &["ann"]).await;
    let path = format!("groups/{group}/?as=bob");
    let answer = ann.get(&path).await;
    assert_eq!((answer.status, answer.header("chinwag-ignored")), (200, "as"));
    let answer = app.service().patch(&path, json!({ "name": "tea" })).await;
    assert_eq!((answer.status, answer.header("chinwag-ignored")), (200, "as"));
    app.nobody().get(&path).await.ok(401);
    let strict = TestApp::with(|options| options.http.strict = true).await;
    let ann = strict.user("ann").await;
    let refused = ann.get("groups/?as=ann").await.ok(400);
    assert_eq!(refused["errors"][0]["field"], "as");
    strict.service().get("groups/?as=ann").await.ok(200);
}
