//! Open groups: their list, and joining.

use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::Client;
use chinwag_testkit::setup::{group, head, id, send, seq, two, users};
use serde_json::{Value, json};

/// An open group owned by the first user, with the others as members.
async fn open(service: &Client, name: &str, members: &[&str]) -> String {
    let made = json!({
        "name": name, "author": members[0], "members": members[1..], "open": true,
        "description": "All about it", "avatar": "https://a.example/g.png", "data": { "secret": 1 },
    });
    id(&service.post("groups/", made).await.ok(201))
}

fn names(list: &Value) -> Vec<&str> {
    let list = list.as_array().expect("a list");
    list.iter().map(|group| group["name"].as_str().expect("a name")).collect()
}

#[tokio::test]
async fn a_stranger_sees_five_keys_of_an_open_group() {
    let app = TestApp::start().await;
    let service = app.service();
    let [ann, eve] = users(&service, &["ann", "eve"]).await.try_into().expect("two");
    let tea = open(&service, "Tea", &["ann"]).await;
    group(&service, &["ann"]).await;
    send(&ann, &tea, "hello").await;
    let shown = json!([{
        "id": tea, "name": "Tea", "description": "All about it", "avatar": "https://a.example/g.png", "members_count": 1,
    }]);
    for query in ["", "&fields=__all__", "&q=t"] {
        let listed = eve.get(&format!("groups/?open=true{query}")).await.ok(200);
        assert_eq!(listed, shown, "{query}");
    }
    assert_eq!(service.get("groups/?open=true").await.ok(200), shown);
    assert_eq!(ann.get("groups/?open=true").await.ok(200), shown);
    let some = eve.get("groups/?open=true&fields=members+name+head").await.ok(200);
    assert_eq!(some, json!([{ "name": "Tea" }]));
    // Members and the service may request more fields.
    for client in [&ann, &service] {
        let more = client.get("groups/?open=true&fields=owner+data").await.ok(200);
        assert_eq!(more, json!([{ "owner": ["ann"], "data": { "secret": 1 } }]), "{}", client.name());
    }
    assert_eq!(eve.get("groups/").await.ok(200), json!([]));
    for path in ["", "messages/", "members/", "pins/", "invites/"] {
        eve.get(&format!("groups/{tea}/{path}")).await.ok(404);
    }
    eve.post(&format!("groups/{tea}/read/"), json!({ "seq": 1 })).await.ok(404);
    eve.post("messages/", json!({ "group": tea, "body": "hello" })).await.ok(404);
    eve.patch(&format!("groups/{tea}/"), json!({ "name": "mine" })).await.ok(404);
    let mut socket = eve.ws().await;
    assert_eq!(socket.ask("message.fetch", json!({ "group": tea })).await["code"], 404);
    app.nobody().get("groups/?open=true").await.ok(401);
}

#[tokio::test]
async fn open_groups_are_found_in_any_spelling_and_paged() {
    let app = TestApp::start().await;
    let service = app.service();
    let [ann, eve] = users(&service, &["ann", "eve"]).await.try_into().expect("two");
    for name in ["Éclairs", "tea", "Teapots", "Eclipse", "tea"] {
        open(&service, name, &["ann"]).await;
    }
    let listed = async |query: &str| eve.get(&format!("groups/?open=true{query}")).await.ok(200);
    assert_eq!(names(&listed("").await), ["Éclairs", "Eclipse", "tea", "tea", "Teapots"]);
    assert_eq!(names(&listed("&q=TEA").await), ["tea", "tea", "Teapots"]);
    assert_eq!(names(&listed("&q=%C3%A9CL").await), ["Éclairs", "Eclipse"]);
    assert!(names(&listed("&q=pots").await).is_empty());
    let (mut path, mut paged) = ("groups/?open=true&q=te&limit=1".to_owned(), Vec::new());
    loop {
        let answer = eve.get(&path).await;
        let next = answer.header("link").split(['<', '>']).nth(1).map(str::to_owned);
        paged.extend(answer.ok(200).as_array().expect("a list").clone());
        let Some(next) = next else { break };
        path = next;
    }
    assert_eq!(Value::from(paged), listed("&q=te").await);
    let refused = [
        ("?open=false", "open"),
        ("?open=yes", "open"),
        ("?q=tea", "q"),
        ("?open=true&order=recent", "order"),
    ];
    for (query, field) in refused {
        assert_eq!(eve.get(&format!("groups/{query}")).await.ok(400)["errors"][0]["field"], field);
    }
    let long = "x".repeat(201);
    assert_eq!(listed_status(&eve, &long).await, 400);
    // Names that share a prefix longer than the sort key are still distinguished.
    let (one, other) = (format!("{}a", &long[..150]), format!("{}b", &long[..150]));
    open(&service, &one, &["ann"]).await;
    open(&service, &other, &["ann"]).await;
    assert_eq!(names(&listed(&format!("&q={other}")).await), [other.as_str()]);
    // A closed group is no longer listed.
    let closed = ann.get("groups/?open=true&q=eclipse").await.ok(200)[0]["id"].clone();
    ann.patch(&format!("groups/{}/", closed.as_str().expect("an id")), json!({ "open": false }))
        .await
        .ok(200);
    assert_eq!(names(&listed("&q=ecl").await), ["Éclairs"]);
}

async fn listed_status(client: &Client, prefix: &str) -> u16 {
    client.get(&format!("groups/?open=true&q={prefix}")).await.status
}

#[tokio::test]
async fn joining_adds_a_member_and_reaches_all_members() {
    let app = TestApp::with(|options| options.limits.consent = true).await;
    let service = app.service();
    let (_ann, mut a, eve, mut e) = two(&service, ["ann", "eve"]).await;
    let tea = open(&service, "Tea", &["ann"]).await;
    a.until("group.update").await;
    let path = format!("groups/{tea}/join/");
    let joined = eve.post(&path, json!({})).await.ok(200);
    assert_eq!((&joined["members"], &joined["me"]["pending"]), (&json!(["eve"]), &json!(false)));
    assert_eq!((&joined["owner"], joined.get("banned")), (&json!(["ann"]), None));
    let event = a.until("group.update").await;
    let entry = &event["data"]["entry"];
    assert_eq!(
        (&entry["by"], &entry["changes"]),
        (&json!("eve"), &json!([{ "kind": "joined", "who": ["eve"] }]))
    );
    let new = e.until("group.update").await;
    assert_eq!((seq(&new), &new["data"]["head"]), (seq(&event), &joined["head"]));
    assert_eq!(new["data"]["me"]["pending"], false);
    // Joining again changes nothing, whatever the role.
    service.patch(&format!("groups/{tea}/"), json!({ "restricts": ["eve"] })).await.ok(200);
    let before = head(&service, &tea).await;
    let again = eve.post(&path, json!({ "author": "eve" })).await.ok(200);
    assert_eq!(again["restricts"], json!(["eve"]));
    service.post(&path, json!({ "author": "ann" })).await.ok(200);
    assert_eq!(head(&service, &tea).await, before);
    // A user who left may rejoin, although a stranger could not add it.
    eve.post(&format!("groups/{tea}/quit/"), json!({})).await.ok(200);
    eve.post(&path, json!({})).await.ok(200);
    assert_eq!(e.until("group.quit").await["data"]["group"], json!(tea));
    send(&eve, &tea, "hello").await;
    assert_eq!(a.until("message.text").await["data"]["author"], "eve");
}

#[tokio::test]
async fn only_open_groups_are_joined_and_not_by_everybody() {
    let app = TestApp::with(|options| {
        options.limits.group_members = 2;
        options.limits.user_groups = 3;
    })
    .await;
    let service = app.service();
    let [ann, bob, eve] = users(&service, &["ann", "bob", "eve"]).await.try_into().expect("three");
    let (tea, closed) = (open(&service, "Tea", &["ann"]).await, group(&service, &["ann"]).await);
    let private = id(&ann.put("private/", json!({ "user": "bob" })).await.ok(201));
    let path = |group: &str| format!("groups/{group}/join/");
    for (client, group, body, status) in [
        (&eve, &closed, json!({}), 404),
        (&eve, &private, json!({}), 404),
        (&ann, &private, json!({}), 403),
        (&ann, &closed, json!({}), 200),
        (&eve, &tea, json!({ "author": "ann" }), 403),
        (&service, &tea, json!({}), 400),
        (&service, &tea, json!({ "author": "admin" }), 400),
        (&service, &closed, json!({ "author": "eve" }), 403),
        (&service, &private, json!({ "author": "eve" }), 403),
    ] {
        let answer = client.post(&path(group), body.clone()).await;
        assert_eq!(answer.status, status, "{} {body}: {}", client.name(), answer.text);
    }
    ann.patch(&format!("groups/{tea}/"), json!({ "ban": ["eve"] })).await.ok(200);
    eve.post(&path(&tea), json!({})).await.ok(403);
    service.post(&path(&tea), json!({ "author": "eve" })).await.ok(403);
    ann.patch(&format!("groups/{tea}/"), json!({ "unban": ["eve"] })).await.ok(200);
    bob.post(&path(&tea), json!({})).await.ok(200);
    // First the group is full, then eve has reached her limit.
    eve.post(&path(&tea), json!({})).await.ok(403);
    bob.post(&format!("groups/{tea}/quit/"), json!({})).await.ok(200);
    for _ in 0..3 {
        group(&service, &["eve"]).await;
    }
    eve.post(&path(&tea), json!({})).await.ok(403);
}

#[tokio::test]
async fn private_groups_count_towards_no_limit_of_groups() {
    let app = TestApp::with(|options| options.limits.user_groups = 1).await;
    let service = app.service();
    let [ann, bob, eve] = users(&service, &["ann", "bob", "eve"]).await.try_into().expect("three");
    for other in ["ann", "bob", "eve"] {
        ann.put("private/", json!({ "user": other })).await.ok(201);
    }
    let tea = open(&service, "Tea", &["ann"]).await;
    service.patch(&format!("groups/{tea}/"), json!({ "members": ["bob"] })).await.ok(200);
    eve.post(&format!("groups/{tea}/join/"), json!({})).await.ok(200);
    bob.post("groups/", json!({ "name": "g" })).await.ok(400);
}

#[tokio::test]
async fn joining_accepts_a_pending_membership() {
    let app = TestApp::with(|options| options.limits.consent = true).await;
    let (_ann, mut a, tam, mut t) = two(&app.service(), ["ann", "tam"]).await;
    for is_open in [true, false] {
        let made = a.ask("group.create", json!({ "name": "g", "members": ["tam"], "open": is_open })).await;
        let group = id(&made["data"]);
        assert_eq!(t.until("group.update").await["data"]["me"]["pending"], true);
        let joined = tam.post(&format!("groups/{group}/join/"), json!({})).await.ok(200);
        assert_eq!((&joined["me"]["pending"], &joined["head"]), (&json!(false), &json!(1)));
        assert_eq!(t.until("group.me").await["data"]["pending"], false);
        assert_eq!(t.until("group.update").await["data"]["head"], 1);
        a.quiet().await;
    }
}

#[tokio::test]
async fn a_service_may_name_the_user_in_the_query() {
    let app = TestApp::start().await;
    let service = app.service();
    let [ann, eve] = users(&service, &["ann", "eve"]).await.try_into().expect("two");
    let tea = open(&service, "Tea", &["ann"]).await;
    let at = |route: &str| format!("groups/{tea}/{route}/?author=eve");
    service.post(&at("join"), json!({})).await.ok(200);
    let read = service.post(&at("read"), json!({ "seq": 2 })).await.ok(200);
    assert_eq!(read["group"], json!(tea));
    assert_eq!(service.patch(&at("me"), json!({ "pinned": true })).await.ok(200)["pinned"], true);
    service.post(&at("accept"), json!({})).await.ok(200);
    ann.post(&at("quit"), json!({})).await.ok(403);
    service.post(&at("quit"), json!({})).await.ok(200);
    let invite = ann.post(&format!("groups/{tea}/invites/"), json!({})).await.ok(201);
    let code = invite["code"].as_str().expect("a code");
    service.post(&format!("invites/{code}/?author=eve"), json!({})).await.ok(200);
    assert_eq!(eve.get("groups/").await.ok(200)[0]["id"], json!(tea));
}

#[tokio::test]
async fn group_over_a_lowered_limit_may_change_and_shrink() {
    let mut app = TestApp::start().await;
    let service = app.service();
    users(&service, &["ann", "bob", "eve", "joe"]).await;
    let path = format!("groups/{}/", group(&service, &["ann", "bob", "eve"]).await);
    app.restart_with(|options| options.limits.group_members = 2).await;
    service.patch(&path, json!({ "name": "tea" })).await.ok(200);
    let refused = service.patch(&path, json!({ "members": ["joe"] })).await.ok(400);
    assert_eq!(refused["errors"][0]["field"], "members");
    let left = service.patch(&path, json!({ "ban": ["eve"] })).await.ok(200);
    assert_eq!((&left["name"], &left["members"]), (&json!("tea"), &json!(["bob"])));
}
