//! Log entries: changes of a group, in its history and live.

use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::Client;
use chinwag_testkit::setup::{crowd, group, id, send, two, users};
use serde_json::{Value, json};

async fn history(client: &Client, group: &str, query: &str) -> Vec<Value> {
    let page = client.get(&format!("groups/{group}/messages/?entries=all{query}")).await.ok(200);
    page.as_array().expect("a list").clone()
}

/// Each row as its number and body, or as its author and changes.
fn brief(rows: &[Value]) -> Vec<Value> {
    let brief = |row: &Value| {
        if row["changes"].is_null() {
            json!([row["seq"], row["body"]])
        } else {
            json!([row["seq"], row["by"], row["changes"]])
        }
    };
    rows.iter().map(brief).collect()
}

async fn change(client: &Client, group: &str, body: Value) {
    client.patch(&format!("groups/{group}/"), body).await.ok(200);
}

/// Ann, bob and cat in a group owned by ann; returns the group's id.
async fn three(app: &TestApp) -> ([Client; 3], String) {
    let clients = users(&app.service(), &["ann", "bob", "cat"]).await.try_into().expect("three");
    (clients, group(&app.service(), &["ann", "bob", "cat"]).await)
}

#[tokio::test]
async fn a_history_shows_changes_among_messages_by_number() {
    let app = TestApp::start().await;
    let ([ann, bob, _], group) = three(&app).await;
    app.user("dan").await;
    send(&bob, &group, "hello").await; // 2
    let second = id(&send(&ann, &group, "second").await); // 3
    ann.patch(&format!("messages/{second}/"), json!({ "body": "edited" })).await.ok(200); // 4
    bob.put(&format!("messages/{second}/reactions/:a:/"), json!({})).await.ok(200); // 5
    let all = json!({
        "name": "cake", "slow": 5, "description": "x", "admins": ["bob", "dan"], "restricts": ["cat"],
    });
    change(&ann, &group, all).await; // 6
    change(&app.service(), &group, json!({ "remove": ["cat"] })).await; // 7
    change(&ann, &group, json!({ "owner": ["bob"] })).await; // 8
    bob.post(&format!("groups/{group}/quit/"), json!({})).await.ok(200); // 9

    let created = json!([1, "ann", [{ "kind": "created" }]]);
    let changed = json!([6, "ann", [
        { "kind": "renamed", "name": "cake" },
        { "kind": "changed", "keys": ["description", "slow"] },
        { "kind": "joined", "who": ["dan"] },
        { "kind": "role", "role": "admin", "who": ["bob", "dan"] },
        { "kind": "role", "role": "restrict", "who": ["cat"] },
    ]]);
    let removed = json!([7, null, [{ "kind": "removed", "who": ["cat"] }]]);
    let owner = json!([8, "ann", [{ "kind": "owner", "who": ["bob"] }]]);
    let left = json!([9, "bob", [{ "kind": "owner", "who": ["ann"] }, { "kind": "left", "who": ["bob"] }]]);
    let mut rows = vec![created, json!([2, "hello"]), json!([3, "edited"]), changed, removed, owner, left];
    assert_eq!(brief(&history(&ann, &group, "&after=0").await), rows);
    assert_eq!(brief(&history(&ann, &group, "&after=2&limit=2").await), rows[2..4]);
    rows.reverse();
    assert_eq!(brief(&history(&ann, &group, "").await), rows);
    assert_eq!(brief(&history(&ann, &group, "&before=8&limit=3").await), rows[2..5]);
    let plain = ann.get(&format!("groups/{group}/messages/")).await.ok(200);
    assert_eq!(plain.as_array().map(Vec::len), Some(2));
    let refused = ann.get(&format!("groups/{group}/messages/?entries=some")).await.ok(400);
    assert_eq!(refused["errors"][0]["field"], "entries");
    let dates = history(&ann, &group, "&after=0").await;
    assert!(dates.iter().all(|row| row["date"].as_str().is_some_and(|date| date.ends_with('Z'))));
}

#[tokio::test]
async fn pages_without_replies_or_with_entries_name_the_next() {
    let app = TestApp::start().await;
    let ([ann, ..], group) = three(&app).await;
    for body in ["one", "two", "three"] {
        send(&ann, &group, body).await;
    }
    change(&ann, &group, json!({ "name": "cake" })).await;
    for query in ["entries=all", "entries=all&after=0", "thread=none", "thread=none&after=0"] {
        let list = format!("groups/{group}/messages/?{query}");
        let whole = ann.get(&list).await;
        assert_eq!(whole.header("link"), "", "no page was asked for");
        let (mut rows, mut next) = (Vec::new(), Some(format!("{list}&limit=2")));
        while let Some(path) = next {
            let page = ann.get(&path).await;
            next = page.header("link").split(['<', '>']).nth(1).map(str::to_owned);
            rows.extend(page.ok(200).as_array().expect("a list").clone());
        }
        assert_eq!(Value::from(rows), whole.ok(200), "{query}");
    }
}

#[tokio::test]
async fn live_entries_equal_those_in_the_history() {
    let app = TestApp::start().await;
    let (ann, _, _bob, mut b) = two(&app.service(), ["ann", "bob"]).await;
    let group = group(&app.service(), &["ann", "bob"]).await;
    let mut told = vec![b.until("group.update").await["data"]["entry"].clone()];
    app.user("cat").await;
    change(&app.service(), &group, json!({ "members": ["cat"], "name": "cake" })).await;
    told.push(b.until("group.update").await["data"]["entry"].clone());
    change(&ann, &group, json!({ "remove": ["cat"] })).await;
    told.push(b.until("group.update").await["data"]["entry"].clone());
    assert_eq!(told, history(&ann, &group, "&after=0").await);
    assert_eq!(told[2]["changes"], json!([{ "kind": "removed", "who": ["cat"] }]));
}

#[tokio::test]
async fn names_follow_renames_and_deletions() {
    let app = TestApp::start().await;
    let service = app.service();
    let ([ann, ..], group) = three(&app).await;
    app.user("dan").await;
    change(&service, &group, json!({ "author": "ann", "members": ["dan"], "restricts": ["bob"] })).await;
    service.patch("users/ann/", json!({ "new_name": "anna" })).await.ok(200);
    service.delete("users/dan/").await.ok(200);
    let rows = history(&ann, &group, "&after=1").await;
    let wanted = [
        json!([2, "anna", [{ "kind": "joined", "who": [null] }, { "kind": "role", "role": "restrict", "who": ["bob"] }]]),
        json!([3, null, [{ "kind": "user_renamed", "name": "ann", "new_name": "anna" }]]),
        json!([4, null, [{ "kind": "user_deleted", "name": null }]]),
    ];
    assert_eq!(brief(&rows), wanted);
}

#[tokio::test]
async fn live_entry_of_an_inheriting_owner_equals_the_history() {
    let app = TestApp::start().await;
    let (_ann, _, bob, mut b) = two(&app.service(), ["ann", "bob"]).await;
    let group = group(&app.service(), &["ann", "bob"]).await;
    b.until("group.update").await;
    app.service().delete("users/ann/").await.ok(200);
    let told = b.until("group.update").await["data"]["entry"].clone();
    let owner = json!({ "kind": "owner", "who": ["bob"] });
    assert_eq!(told["changes"], json!([owner, { "kind": "user_deleted", "name": null }]));
    assert_eq!(history(&bob, &group, "&after=1").await, [told]);
}

#[tokio::test]
async fn live_entries_name_the_first_hundred_and_the_history_all() {
    let app = TestApp::start().await;
    let (ann, mut a, ..) = two(&app.service(), ["ann", "bob"]).await;
    let group = group(&app.service(), &["ann"]).await;
    let names: Vec<_> =
        crowd(&app.service(), "m", 101).await.iter().map(|user| user.name().to_owned()).collect();
    a.until("group.update").await;
    change(&app.service(), &group, json!({ "members": names })).await;
    let told = a.until("group.update").await["data"]["entry"]["changes"][0].clone();
    assert_eq!((told["who"].as_array().map(Vec::len), &told["count"]), (Some(100), &json!(101)));
    let all = history(&ann, &group, "&after=1").await;
    let all = &all[0]["changes"][0];
    assert_eq!((all["who"].as_array().map(Vec::len), all.get("count")), (Some(101), None));
}

#[tokio::test]
async fn pins_are_entries_that_outlive_their_message() {
    let app = TestApp::start().await;
    let service = app.service();
    let ([ann, bob, cat], group) = three(&app).await;
    change(&ann, &group, json!({ "admins": ["bob"] })).await; // 2
    let message = id(&send(&cat, &group, "the day").await); // 3
    let path = format!("messages/{message}/pin/");
    for author in [&ann, &bob] {
        author.put(&path, json!({})).await.ok(200); // 4; the second call changes nothing
    }
    bob.delete(&path).await.ok(200); // 5
    service.put(&path, json!({})).await.ok(200); // 6
    let pinned = |seq: i64, by: Value, kind: &str| json!([seq, by, [{ "kind": kind, "id": message }]]);
    let rows = [
        pinned(4, json!("ann"), "pinned"),
        pinned(5, json!("bob"), "unpinned"),
        pinned(6, Value::Null, "pinned"),
    ];
    let entries = history(&ann, &group, "&after=3").await;
    assert_eq!(brief(&entries), rows);
    assert!(entries.iter().all(|entry| entry["date"].as_str().is_some_and(|date| date.ends_with('Z'))));
    assert_eq!(brief(&history(&ann, &group, "&before=6&limit=2").await), [rows[1].clone(), rows[0].clone()]);
    cat.delete(&format!("messages/{message}/")).await.ok(200); // 7
    service.patch("users/ann/", json!({ "new_name": "anna" })).await.ok(200); // 8
    service.delete("users/bob/").await.ok(200); // 9
    let rows = [pinned(4, json!("anna"), "pinned"), pinned(5, Value::Null, "unpinned"), rows[2].clone()];
    assert_eq!(brief(&history(&cat, &group, "&after=3&limit=3").await), rows);
    let shown = cat.get(&format!("groups/{group}/?fields=pins+unread")).await.ok(200);
    assert_eq!(shown, json!({ "pins": [], "unread": 0 }));
}

#[tokio::test]
async fn private_groups_begin_with_an_entry_or_a_message() {
    let app = TestApp::start().await;
    let (ann, mut a, bob, _) = two(&app.service(), ["ann", "bob"]).await;
    let opened = id(&ann.put("private/", json!({ "user": "bob" })).await.ok(201));
    assert_eq!(brief(&history(&bob, &opened, "").await), [json!([1, "ann", [{ "kind": "created" }]])]);
    let first = a.ask("message.first", json!({ "target": "ann", "body": "note" })).await;
    assert_eq!(first["data"].get("entry"), None);
    assert_eq!(brief(&history(&ann, &id(&first["data"]), "").await), [json!([1, "note"])]);
}
