//! The summary of a new socket: all of its groups, or the requested part.

use chinwag_core::limits::MAX_LISTED_MEMBERS;
use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::Client;
use chinwag_testkit::ws::Ws;
use serde_json::{Value, json};

/// Groups of ann and bob with a message each, in the order of the messages.
async fn groups(app: &TestApp, count: usize) -> Vec<Value> {
    let service = app.service();
    let mut groups = Vec::new();
    for n in 0..count {
        let group = json!({ "name": format!("group {n}"), "author": "ann", "members": ["bob"] });
        groups.push(service.post("groups/", group).await.ok(201)["id"].clone());
    }
    for (n, group) in groups.iter().enumerate() {
        for body in [format!("first of {n}"), format!("second of {n}")] {
            let sent = json!({ "author": "ann", "group": group, "body": body });
            service.post("messages/", sent).await.ok(201);
        }
    }
    groups
}

/// A socket that requests part of its summary.
async fn windowed(client: &Client, window: &str) -> Ws {
    client.try_ws(&format!("/chat/?{window}"), &[]).await.expect("a handshake")
}

fn ids(socket: &Ws) -> Vec<Value> {
    socket.summary().as_array().expect("groups").iter().map(|group| group["id"].clone()).collect()
}

#[tokio::test]
async fn summary_of_many_groups_is_one_message_with_all_of_them() {
    let app = TestApp::start().await;
    let (_, bob) = (app.user("ann").await, app.user("bob").await);
    let groups = groups(&app, 100).await;
    let mut bobs = bob.ws().await;
    let shown = bobs.summary().as_array().expect("groups").clone();
    let mut expected: Vec<_> = groups.iter().map(|id| id.as_str().expect("an id").to_owned()).collect();
    expected.sort_unstable();
    assert_eq!(shown.iter().map(|group| group["id"].as_str().expect("an id")).collect::<Vec<_>>(), expected);
    for group in &shown {
        assert_eq!((&group["head"], &group["unread"]), (&json!(3), &json!(2)));
        assert_eq!(group["messages"].as_array().map(Vec::len), Some(2));
    }
    bobs.ask("message.text", json!({ "group": groups[7], "body": "live" })).await;
}

#[tokio::test]
async fn window_shows_the_newest_groups_and_counts_the_others() {
    let app = TestApp::start().await;
    let (_, bob) = (app.user("ann").await, app.user("bob").await);
    let groups = groups(&app, 40).await;
    let newest: Vec<_> = groups.iter().rev().cloned().collect();
    let three = windowed(&bob, "groups=3&messages=1").await;
    assert_eq!((ids(&three), three.more()), (newest[..3].to_vec(), &json!({ "groups": 37 })));
    let messages = &three.summary()[0]["messages"];
    assert_eq!((&messages[0]["body"], messages.as_array().map(Vec::len)), (&json!("second of 39"), Some(1)));
    let bare = windowed(&bob, "messages=0").await;
    assert_eq!((bare.more(), ids(&bare).len()), (&json!({ "groups": 0 }), 40));
    assert_eq!(bare.summary()[0]["messages"], json!([]));
    assert_eq!(ids(&windowed(&bob, "groups=2000").await), newest, "in several pages, too");
    let mut socket = windowed(&bob, "groups=0").await;
    assert_eq!((socket.summary(), socket.more()), (&json!([]), &json!({ "groups": 40 })));
    assert_eq!(socket.until("summary.more").await["data"], json!({ "unread": 80, "mentioned": 0 }));
    let sent = json!({ "author": "ann", "group": groups[5], "body": "live" });
    app.service().post("messages/", sent).await.ok(201);
    assert_eq!(socket.until("message.text").await["seq"], 4, "events of every group arrive");
    let held = json!({ groups[6].as_str().expect("an id"): 2 });
    socket.send(json!({ "type": "sync.resume", "data": { "groups": held } })).await;
    assert_eq!(socket.next().await["data"]["body"], "second of 6");
    assert_eq!(socket.next().await["type"], "sync.done");
}

#[tokio::test]
async fn summary_more_counts_what_the_window_leaves_out() {
    let app = TestApp::with(|options| options.limits.consent = true).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let groups = groups(&app, 36).await;
    let read = |group: &Value| format!("groups/{}/read/", group.as_str().expect("an id"));
    bob.post(&read(&groups[0]), json!({ "seq": 2 })).await.ok(200);
    bob.post(&read(&groups[1]), json!({ "seq": 3 })).await.ok(200);
    // Groups that are not accepted count in no total.
    let eve = app.user("eve").await;
    let pending = eve.post("groups/", json!({ "name": "strange", "members": ["bob"] })).await.ok(201);
    eve.post("messages/", json!({ "group": pending["id"], "body": "come" })).await.ok(201);
    for (window, groups, unread) in [("groups=0", 37, 69), ("groups=2", 35, 67)] {
        let mut socket = windowed(&bob, window).await;
        assert_eq!(socket.more(), &json!({ "groups": groups }), "{window}");
        let sum = socket.until("summary.more").await;
        assert_eq!(
            (&sum["data"], sum.get("seq")),
            (&json!({ "unread": unread, "mentioned": 0 }), None),
            "{window}"
        );
    }
    // Muted groups count in no total.
    let me = |group: &Value| format!("groups/{}/me/", group.as_str().expect("an id"));
    for (group, setting) in [
        (&groups[2], json!({ "notify": "none" })),
        (&groups[3], json!({ "muted_until": "2100-01-01T00:00:00Z" })),
        (&groups[4], json!({ "notify": "mentions" })),
    ] {
        bob.patch(&me(group), setting).await.ok(200);
    }
    let sum = windowed(&bob, "groups=0").await.until("summary.more").await;
    assert_eq!(sum["data"], json!({ "unread": 65, "mentioned": 0 }));
    let mut all = windowed(&bob, "groups=40").await;
    all.send(json!({ "type": "typing.start", "data": {} })).await;
    assert_eq!(all.next().await["type"], "error.data", "nothing is left out, so that there is no sum");
    let mut others = windowed(&ann, "groups=0").await;
    assert_eq!(others.until("summary.more").await["data"], json!({ "unread": 0, "mentioned": 0 }));
}

#[tokio::test]
async fn window_out_of_range_is_400_and_large_groups_carry_no_lists() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    for window in ["groups=2001", "messages=21", "groups=-1", "messages=all"] {
        let refused = ann.try_ws(&format!("/chat/?{window}"), &[]).await.expect_err(window);
        assert_eq!(refused.status, 400, "{window}");
    }
    let mut names = Vec::new();
    for n in 1..=MAX_LISTED_MEMBERS {
        let name = format!("user{n}");
        app.service().post("users/", json!({ "name": name })).await.ok(201);
        names.push(name);
    }
    let group = json!({ "name": "large", "author": "ann", "members": names });
    app.service().post("groups/", group).await.ok(201);
    let short = windowed(&ann, "messages=20").await;
    let group = &short.summary()[0];
    assert_eq!((&group["owner"], &group["members_count"]), (&json!(["ann"]), &json!(101)));
    assert_eq!((group.get("admins"), group.get("members"), group.get("restricts")), (None, None, None));
    let whole = ann.ws().await;
    assert_eq!(whole.summary()[0]["members"].as_array().map(Vec::len), Some(MAX_LISTED_MEMBERS));
}

/// The ids in a list of groups.
fn listed(groups: &Value) -> Vec<Value> {
    groups.as_array().expect("a list").iter().map(|group| group["id"].clone()).collect()
}

#[tokio::test]
async fn groups_by_activity_come_in_pages_as_in_a_summary() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let groups = groups(&app, 70).await;
    let newest: Vec<_> = groups.iter().rev().cloned().collect();
    assert_eq!(listed(&bob.get("groups/?order=recent").await.ok(200)), newest, "in several reads");
    let first = bob.get("groups/?order=recent&limit=66&messages=1&fields=__all__").await;
    let next = first.header("link").split(['<', '>']).nth(1).expect("a link").to_owned();
    let page = first.ok(200);
    assert_eq!(listed(&page), newest[..66]);
    let window = windowed(&bob, "groups=66&messages=1").await;
    assert_eq!(&page, window.summary(), "a group has the form of the summary");
    // A group that becomes active meanwhile is announced by its event.
    ann.post("messages/", json!({ "group": groups[1], "body": "moved" })).await.ok(201);
    let next = next.split("/api/v1/").nth(1).expect("a path").to_owned();
    let rest = bob.get(&next).await;
    assert_eq!(rest.header("link"), "", "the last page");
    assert_eq!(listed(&rest.ok(200)), [newest[66].clone(), newest[67].clone(), newest[69].clone()]);
    let short = bob.get("groups/?order=recent&limit=1").await.ok(200);
    assert_eq!(short, json!([{ "id": groups[1], "name": "group 1" }]));
    let with = app.service().get("groups/?order=recent&as=bob&limit=1").await.ok(200);
    assert_eq!(with, short);
}

#[tokio::test]
async fn groups_by_activity_are_filtered_by_one_parameter() {
    let app = TestApp::start().await;
    let (ann, bob, _) = (app.user("ann").await, app.user("bob").await, app.user("eve").await);
    let groups = groups(&app, 4).await;
    let private = ann.put("private/", json!({ "user": "bob" })).await.ok(201)["id"].clone();
    let of_eve = app.service().post("groups/", json!({ "name": "other", "author": "eve" })).await.ok(201);
    let id = |group: &Value| group.as_str().expect("an id").to_owned();
    bob.patch(&format!("groups/{}/me/", id(&groups[1])), json!({ "pinned": true })).await.ok(200);
    let list = async |query: String| listed(&bob.get(&format!("groups/?order=recent&{query}")).await.ok(200));
    assert_eq!(list("pinned=true".into()).await, [groups[1].clone()]);
    assert_eq!(list("with=ANN".into()).await, [private]);
    assert_eq!(list("with=eve".into()).await, Vec::<Value>::new(), "there is no such group");
    assert_eq!(list("with=nobody".into()).await, Vec::<Value>::new());
    let ids = format!("ids={},{},{}", id(&groups[0]), id(&groups[3]), id(&of_eve["id"]));
    assert_eq!(list(ids).await, [groups[3].clone(), groups[0].clone()], "only those of the user");
    for refused in ["order=name", "order=recent&messages=21", "order=recent&messages=x", "order=recent&ids=x"]
    {
        bob.get(&format!("groups/?{refused}")).await.ok(400);
    }
    for refused in ["pinned=false", "pinned=true&with=ann", "ids=&with=ann&pinned=true", "with=%00"] {
        bob.get(&format!("groups/?order=recent&{refused}")).await.ok(400);
    }
    for (query, field) in [
        ("with=ann", "with"),
        ("ids=x", "ids"),
        ("pinned=true", "pinned"),
        ("messages=1", "messages"),
        ("open=true&with=ann", "with"),
    ] {
        let refused = bob.get(&format!("groups/?{query}")).await.ok(400);
        assert_eq!(refused["errors"][0]["field"], field, "{query} is of order=recent");
    }
    app.service().get("groups/?order=recent").await.ok(403);
}
