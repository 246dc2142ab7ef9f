//! The paged list of a group's members.

use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::Client;
use chinwag_testkit::setup::{crowd, group, id, send, users};
use serde_json::{Value, json};

async fn members(client: &Client, group: &str, query: &str) -> Vec<Value> {
    let list = client.get(&format!("groups/{group}/members/{query}")).await.ok(200);
    list.as_array().expect("a list").clone()
}

fn names(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["name"].as_str().expect("a name")).collect()
}

#[tokio::test]
async fn members_are_listed_by_role_and_then_by_joining() {
    let app = TestApp::start().await;
    let service = app.service();
    let [ann, bob, ..] =
        <[Client; 5]>::try_from(users(&service, &["ann", "bob", "cat", "dan", "eve"]).await).expect("five");
    let made = json!({ "name": "g", "author": "ann", "admins": ["dan"], "restricts": ["cat"] });
    let group = id(&service.post("groups/", made).await.ok(201));
    service.patch(&format!("groups/{group}/"), json!({ "members": ["bob"] })).await.ok(200);
    service.patch(&format!("groups/{group}/"), json!({ "admins": ["eve"] })).await.ok(200);
    let all = members(&bob, &group, "").await;
    assert_eq!(names(&all), ["ann", "dan", "eve", "bob", "cat"]);
    let roles: Vec<_> = all.iter().map(|row| row["role"].as_str().expect("a role")).collect();
    assert_eq!(roles, ["owner", "admin", "admin", "member", "restrict"]);
    assert!(
        all.iter().all(|row| row["since"].is_string() && row["read"].is_null() && row["pending"] == false)
    );
    assert_eq!(names(&members(&bob, &group, "?role=admin").await), ["dan", "eve"]);
    let refused = ann.get(&format!("groups/{group}/members/?role=boss")).await.ok(400);
    assert_eq!(refused["errors"][0]["field"], "role");

    let (mut path, mut paged) = (format!("groups/{group}/members/?limit=2"), Vec::new());
    loop {
        let answer = ann.get(&path).await;
        let next = answer.header("link").split(['<', '>']).nth(1).map(str::to_owned);
        paged.extend(answer.ok(200).as_array().expect("a list").clone());
        let Some(next) = next else { break };
        path = next;
    }
    assert_eq!(paged, all);
}

#[tokio::test]
async fn members_are_found_by_similar_looking_names() {
    let app = TestApp::start().await;
    let service = app.service();
    let ann = app.user("ann").await;
    // The first name begins with a Cyrillic letter, and the second contains digits.
    for (user, shown) in
        [("bob", "Оlivia Bell"), ("cat", "0livia Be11"), ("dan", "Olivia"), ("eve", "Olivia Bell")]
    {
        service.put(&format!("users/{user}/"), json!({ "display_name": shown })).await.ok(201);
    }
    let group = group(&service, &["ann"]).await;
    let wanted = json!({ "members": ["bob", "cat", "dan"] });
    service.patch(&format!("groups/{group}/"), wanted).await.ok(200);
    assert_eq!(names(&members(&ann, &group, "?like=olivia+bell").await), ["bob", "cat"]);
    assert_eq!(names(&members(&ann, &group, "?like=olivia+bell&limit=1").await), ["bob"]);
    assert_eq!(names(&members(&ann, &group, "?like=olivia+bell&role=admin").await), [""; 0]);
    assert_eq!(names(&members(&ann, &group, "?like=BOB").await), ["bob"]);
    assert_eq!(names(&members(&ann, &group, "?like=%E2%80%8B").await), [""; 0]);
    let long = "x".repeat(129);
    for query in ["like=bob&q=b", &format!("like={long}")] {
        let refused = ann.get(&format!("groups/{group}/members/?{query}")).await.ok(400);
        assert_eq!(refused["errors"][0]["field"], "like");
    }
    app.user("fay").await.get(&format!("groups/{group}/members/?like=bob")).await.ok(404);
}

#[tokio::test]
async fn members_are_found_by_the_beginning_of_a_name() {
    let app = TestApp::start().await;
    let service = app.service();
    let ann = app.user("ann").await;
    let mut wanted: Vec<_> =
        crowd(&service, "m", 12).await.iter().map(|user| user.name().to_owned()).collect();
    service.put("users/eve/", json!({ "display_name": "Élodie" })).await.ok(201);
    service.put("users/max/", json!({})).await.ok(201);
    wanted.extend(["eve".to_owned(), "max".to_owned()]);
    let group = group(&service, &["ann"]).await;
    service.patch(&format!("groups/{group}/"), json!({ "members": wanted })).await.ok(200);
    assert_eq!(names(&members(&ann, &group, "?q=ELO").await), ["eve"]);
    // They joined at the same time: their order is arbitrary but stable.
    let found = members(&ann, &group, "?q=M1").await;
    let mut sorted = names(&found);
    sorted.sort_unstable();
    assert_eq!(sorted, ["m1", "m10", "m11"]);
    assert_eq!(members(&ann, &group, "?q=m1&limit=2").await, found[..2]);
    assert!(members(&ann, &group, "?q=m1&role=admin").await.is_empty());
    assert!(members(&ann, &group, "?q=%25").await.is_empty());
}

#[tokio::test]
async fn read_marks_are_listed_for_users_who_receive_them() {
    let app = TestApp::start().await;
    let service = app.service();
    let [ann, bob, cat] = users(&service, &["ann", "bob", "cat"]).await.try_into().expect("three");
    let group = group(&service, &["ann", "bob", "cat"]).await;
    send(&ann, &group, "hello").await;
    for client in [&bob, &cat] {
        client.post(&format!("groups/{group}/read/"), json!({ "seq": 2 })).await.ok(200);
    }
    let reads = async |client: &Client| {
        let rows = members(client, &group, "").await;
        let mut reads: Vec<_> = rows.iter().map(|row| (row["name"].clone(), row["read"].clone())).collect();
        reads.sort_by_key(|(name, _)| name.to_string());
        reads.into_iter().map(|(_, read)| read).collect::<Vec<_>>()
    };
    assert_eq!(reads(&ann).await, [json!(null), json!(2), json!(2)]);
    let block = json!({ "contact": { "author": "ann", "name": "bob", "operation": "block" } });
    ann.patch("users/ann/", block).await.ok(200);
    assert_eq!(reads(&ann).await, [json!(null), json!(null), json!(2)]);
    assert_eq!(reads(&bob).await, [json!(null), json!(2), json!(2)]);
    cat.patch("users/cat/", json!({ "settings": { "hide_reads": true } })).await.ok(200);
    assert_eq!(reads(&bob).await, [json!(null), json!(2), json!(null)]);
    assert_eq!(reads(&cat).await, [json!(null), json!(null), json!(2)]);
    assert_eq!(reads(&service).await, [json!(null), json!(2), json!(2)]);
}

#[tokio::test]
async fn pending_members_are_marked_and_private_groups_show_a_block() {
    let app = TestApp::with(|options| options.limits.consent = true).await;
    let service = app.service();
    let [ann, bob] = users(&service, &["ann", "bob"]).await.try_into().expect("two");
    let made = ann.post("groups/", json!({ "name": "g", "members": ["bob"] })).await.ok(201);
    let rows = members(&ann, &id(&made), "").await;
    assert_eq!((&rows[0]["pending"], &rows[1]["pending"]), (&json!(false), &json!(true)));
    let private = id(&ann.put("private/", json!({ "user": "bob" })).await.ok(201));
    let roles = async || {
        let rows = members(&ann, &private, "").await;
        rows.iter().map(|row| row["role"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(roles().await, ["member", "member"]);
    let block = json!({ "contact": { "author": "bob", "name": "ann", "operation": "block" } });
    bob.patch("users/bob/", block).await.ok(200);
    assert_eq!(roles().await, ["restrict", "restrict"]);
}
