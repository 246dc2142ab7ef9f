//! Search for messages, people and groups.

use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::Client;
use chinwag_testkit::setup::{group, send, two};
use serde_json::{Value, json};

/// The bodies of the messages that a query finds, newest first.
async fn found(client: &Client, query: &str) -> Vec<String> {
    let hits = client.get(&format!("messages/?{query}")).await.ok(200);
    bodies(&hits)
}

fn bodies(hits: &Value) -> Vec<String> {
    let hits = hits.as_array().expect("a list");
    hits.iter().map(|hit| hit["body"].as_str().expect("a body").to_owned()).collect()
}

fn path(message: &Value) -> String {
    format!("messages/{}/", message["id"].as_str().expect("an id"))
}

#[tokio::test]
async fn hits_are_whole_messages_with_marks() {
    let app = TestApp::start().await;
    let (ann, _a, bob, _b) = two(&app.service(), ["ann", "bob"]).await;
    let group = group(&app.service(), &["ann", "bob"]).await;
    for body in ["Straße zum Café", "😀 Привет мир", "已修复: foo.png", "cafe\u{301} cafés"]
    {
        send(&ann, &group, body).await;
    }
    for (query, hits) in [
        ("q=cafe", json!([["cafe\u{301} cafés", [[0, 5]]], ["Straße zum Café", [[11, 4]]]])),
        ("q=caf*", json!([["cafe\u{301} cafés", [[0, 5], [6, 5]]], ["Straße zum Café", [[11, 4]]]])),
        ("q=strasse", json!([["Straße zum Café", [[0, 6]]]])),
        ("q=%D0%BC%D0%B8%D1%80", json!([["😀 Привет мир", [[9, 3]]]])),
        ("q=%E4%BF%AE%E5%A4%8D+png", json!([["已修复: foo.png", [[1, 2], [9, 3]]]])),
        ("q=cafe+-zum", json!([["cafe\u{301} cafés", [[0, 5]]]])),
        ("q=%22zum+cafe%22", json!([["Straße zum Café", [[7, 3], [11, 4]]]])),
        ("q=tea", json!([])),
    ] {
        let answer = bob.get(&format!("messages/?{query}")).await.ok(200);
        let answer = answer.as_array().expect("a list");
        let seen: Vec<_> = answer.iter().map(|hit| json!([hit["body"], hit["marks"]])).collect();
        assert_eq!(json!(seen), hits, "{query}");
    }
    let mut hit = bob.get("messages/?q=zum").await.ok(200)[0].take();
    hit.as_object_mut().expect("an object").remove("marks");
    assert_eq!(hit, bob.get(&path(&hit)).await.ok(200));
    let picked = bob.get("messages/?q=zum&fields=seq+body").await.ok(200);
    assert_eq!(picked, json!([{ "seq": hit["seq"], "body": hit["body"], "marks": [[7, 3]] }]));
    bob.get("messages/?q=zum&fields=colour").await.ok(400);
}

#[tokio::test]
async fn a_user_finds_what_it_may_read_now() {
    let app = TestApp::start().await;
    let service = app.service();
    let (ann, _a, bob, _b) = two(&service, ["ann", "bob"]).await;
    let (both, own) = (group(&service, &["ann", "bob"]).await, group(&service, &["ann"]).await);
    let shared = send(&ann, &both, "tea for two").await;
    let secret = send(&ann, &own, "tea for one").await;
    assert_eq!(found(&ann, "q=tea").await, ["tea for one", "tea for two"]);
    assert_eq!(found(&bob, "q=tea").await, ["tea for two"]);
    assert_eq!(found(&bob, &format!("q=tea&group={own}")).await, [""; 0]);
    assert_eq!(found(&service, "q=tea").await, ["tea for one", "tea for two"]);
    assert_eq!(found(&service, "q=tea&as=bob").await, ["tea for two"]);

    ann.patch(&path(&shared), json!({ "body": "coffee" })).await.ok(200);
    assert_eq!(found(&bob, "q=tea").await, [""; 0]);
    assert_eq!(found(&bob, "q=coffee").await, ["coffee"]);
    ann.delete(&path(&secret)).await.ok(200);
    assert_eq!(found(&ann, "q=tea").await, [""; 0]);

    service.patch(&format!("groups/{both}/"), json!({ "remove": ["bob"] })).await.ok(200);
    assert_eq!(found(&bob, "q=coffee").await, [""; 0]);
    service.delete("users/ann/").await.ok(200);
    assert_eq!(found(&service, "q=coffee").await, [""; 0]);
}

#[tokio::test]
async fn filters_narrow_a_search() {
    let app = TestApp::start().await;
    let service = app.service();
    let (ann, _a, bob, _b) = two(&service, ["ann", "bob"]).await;
    let (one, two) = (group(&service, &["ann", "bob"]).await, group(&service, &["ann", "bob"]).await);
    send(&ann, &one, "word 1").await;
    send(&bob, &two, "word 2").await;
    let day = |day: u32| format!("2020-01-0{day}T00:00:00Z");
    for (number, body) in [(3, "word 3 https://a.example"), (4, "word 4")] {
        let dated = json!({ "group": one, "author": "bob", "body": body, "date": day(number) });
        service.post("messages/", dated).await.ok(201);
    }
    let mention = json!({ "group": one, "body": "word 5", "mentions": ["bob"] });
    ann.post("messages/", mention).await.ok(201);
    let (d3, d4) = (day(3), day(4));
    for (query, numbers) in [
        (String::new(), "5 2 1 4 3"),
        (format!("&group={two}"), "2"),
        ("&author=ann".into(), "5 1"),
        ("&author=nobody".into(), ""),
        ("&author=%2F".into(), ""),
        ("&group=unknown".into(), ""),
        (format!("&before={d4}"), "3"),
        (format!("&after={d3}&before=2021-01-01T00:00:00Z"), "4"),
        (format!("&after={d4}&author=bob"), "2"),
        ("&has=link".into(), "3"),
        ("&has=file".into(), ""),
        ("&mentions=me".into(), "5"),
    ] {
        let seen = found(&bob, &format!("q=word{query}")).await;
        let seen: Vec<_> = seen.iter().filter_map(|body| body.split(' ').nth(1)).collect();
        assert_eq!(seen.join(" "), numbers, "{query}");
    }
}

#[tokio::test]
async fn pages_of_a_search_follow_each_other() {
    let app = TestApp::start().await;
    let service = app.service();
    let (ann, _a, _bob, _b) = two(&service, ["ann", "bob"]).await;
    let groups = [group(&service, &["ann", "bob"]).await, group(&service, &["ann", "bob"]).await];
    // Several messages of both groups have the same date.
    let mut sent = Vec::new();
    for number in 0..23 {
        let body = format!("word {number}");
        let date = format!("2020-01-01T00:00:{:02}Z", number / 5);
        let message = json!({ "group": groups[number % 2], "author": "bob", "body": body, "date": date });
        service.post("messages/", message).await.ok(201);
        sent.push(body);
    }
    let mut next = Some("messages/?q=word&limit=4".to_owned());
    let (mut seen, mut pages) = (Vec::new(), 0);
    while let Some(path) = next {
        let page = ann.get(&path).await;
        let link = page.header("link").to_owned();
        next = link.split("/api/v1/").nth(1).and_then(|rest| rest.split('>').next()).map(str::to_owned);
        let hits = bodies(&page.ok(200));
        assert!(hits.len() == 4 || next.is_none());
        seen.extend(hits);
        pages += 1;
    }
    assert_eq!(pages, 6);
    let whole = found(&ann, "q=word&limit=100").await;
    assert_eq!(seen, whole);
    let mut sorted = seen.clone();
    sorted.sort_unstable();
    sent.sort_unstable();
    assert_eq!(sorted, sent, "each once");
}

#[tokio::test]
async fn invalid_searches_are_refused_with_the_key() {
    let app = TestApp::start().await;
    let (ann, service) = (app.user("ann").await, app.service());
    let long = "a".repeat(257);
    for (query, field) in [
        ("", "q"),
        ("q=", "q"),
        ("q=-a", "q"),
        ("q=%F0%9F%98%80", "q"),
        (&format!("q={long}"), "q"),
        ("q=a&has=words", "has"),
        ("q=a&mentions=ann", "mentions"),
        ("q=a&before=12", "before"),
        ("q=a&after=soon", "after"),
        ("q=a&limit=101", "limit"),
        ("q=a&cursor=AAAA", "cursor"),
    ] {
        let refused = ann.get(&format!("messages/?{query}")).await.ok(400);
        assert_eq!(refused["errors"][0]["field"], field, "{query}");
    }
    let refused = service.get("messages/?q=a&mentions=me").await.ok(400);
    assert_eq!(refused["errors"][0]["field"], "mentions");
}

#[tokio::test]
async fn a_search_box_finds_people_groups_and_messages() {
    let app = TestApp::start().await;
    let service = app.service();
    let (ann, _a, _bob, _b) = two(&service, ["ann", "bob"]).await;
    service.put("users/bob/", json!({ "display_name": "Élodie" })).await.ok(200);
    let group = async |name: &str, members: &[&str]| {
        let group = json!({ "name": name, "author": "bob", "members": members });
        service.post("groups/", group).await.ok(201)["id"].as_str().expect("an id").to_owned()
    };
    let (id, _) = (group("The Elephants", &["ann"]).await, group("Elevators", &[]).await);
    send(&ann, &id, "ele vator").await;
    let seen = ann.get("search/?q=ele").await.ok(200);
    assert_eq!(seen["people"], json!([]));
    assert_eq!(seen["groups"], json!([{ "id": id, "name": "The Elephants", "avatar": null }]));
    assert_eq!(bodies(&seen["messages"]), ["ele vator"]);
    assert_eq!(seen["messages"][0]["marks"], json!([[0, 3]]));
    let seen = ann.get("search/?q=elo").await.ok(200);
    let person = json!({ "name": "bob", "display_name": "Élodie", "avatar": null, "kind": "person" });
    assert_eq!(seen, json!({ "people": [person.clone()], "groups": [], "messages": [] }));
    // A prefix, as while typing.
    let seen = ann.get("search/?q=el*").await.ok(200);
    assert_eq!(seen["people"], json!([person]));
    assert_eq!(seen["groups"][0]["id"], json!(id));
    assert_eq!(bodies(&seen["messages"]), ["ele vator"]);
    assert_eq!(ann.get("search/").await.ok(400)["errors"][0]["field"], "q");
}
