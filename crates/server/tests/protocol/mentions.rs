//! Mentions in messages over both transports, and their counts.

use chinwag_core::limits::Directory;
use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::Client;
use chinwag_testkit::setup::{group, head, id, send, seq, two, users};
use serde_json::{Value, json};

async fn call(client: &Client, group: &str, mentions: Value) -> Value {
    let message = json!({ "group": group, "body": "look", "mentions": mentions });
    client.post("messages/", message).await.ok(201)
}

async fn edit(client: &Client, message: &Value, changes: Value) -> Value {
    client.patch(&format!("messages/{}/", id(message)), changes).await.ok(200)
}

/// `mentioned`, which must be the same in a group and in a summary.
async fn mentioned(client: &Client, group: &str) -> i64 {
    let me = client.get(&format!("groups/{group}/?fields=me")).await.ok(200)["me"]["mentioned"].clone();
    let socket = client.ws().await;
    let groups = socket.summary().as_array().expect("groups").clone();
    let shown = groups.iter().find(|shown| shown["id"] == group).expect("the group");
    assert_eq!(shown["me"]["mentioned"], me);
    me.as_i64().expect("a number")
}

fn field(refused: &Value) -> &str {
    refused["errors"][0]["field"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_message_shows_the_mentions_that_are_kept() {
    let app = TestApp::start().await;
    let (ann, mut a, bob, mut b) = two(&app.service(), ["ann", "bob"]).await;
    app.user("eve").await;
    let group = group(&app.service(), &["ann", "bob"]).await;
    let plain = send(&ann, &group, "hello").await;
    assert_eq!(plain["mentions"], json!([]));
    b.until("message.text").await;
    a.until("message.text").await;

    // Users who are not members are dropped, and duplicates are removed.
    let sent = call(&ann, &group, json!(["eve", "BOB", "ann", "bob", "@all"])).await;
    let kept = json!(["@all", "bob", "ann"]);
    assert_eq!(sent["mentions"], kept);
    assert_eq!(b.until("message.text").await["data"]["mentions"], kept);
    assert_eq!(ann.get(&format!("messages/{}/", id(&sent))).await.ok(200)["mentions"], kept);
    let history = bob.get(&format!("groups/{group}/messages/")).await.ok(200);
    assert_eq!((&history[0]["mentions"], &history[1]["mentions"]), (&kept, &json!([])));
    assert_eq!(bob.ws().await.summary()[0]["messages"][0]["mentions"], kept);
    let fetched = b.ask("message.fetch", json!({ "group": group })).await;
    assert_eq!(fetched["data"]["history"][0]["mentions"], kept);

    let mention = json!({ "group": group, "body": "you", "mentions": ["ann"] });
    let event = b.ask("message.text", mention).await;
    assert_eq!(event["data"]["mentions"], json!(["ann"]));
    let first = json!({ "target": "bob", "body": "hi", "mentions": ["bob", "eve"] });
    let opened = a.ask("message.first", first).await;
    assert_eq!(opened["data"]["messages"][0]["mentions"], json!(["bob"]));
    let again = a.ask("message.first", json!({ "target": "bob", "body": "hi", "mentions": ["ann"] })).await;
    assert_eq!((&again["type"], &again["data"]["mentions"]), (&json!("message.text"), &json!(["ann"])));
    let private = text_of(&again["data"]["group"]);
    assert_eq!(mentioned(&bob, &private).await, 1);
}

#[tokio::test]
async fn private_group_begins_with_its_mention_counted() {
    let app = TestApp::start().await;
    let (ann, mut a, bob, mut b) = two(&app.service(), ["ann", "bob"]).await;
    let (mut second, mut other) = (ann.ws().await, bob.ws().await);
    let first = json!({ "target": "bob", "body": "hi", "mentions": ["bob", "ann"] });
    let opened = a.ask("message.first", first).await;
    assert_eq!((&opened["type"], &opened["data"]["me"]["mentioned"]), (&json!("group.update"), &json!(0)));
    assert_eq!(second.until("group.update").await["data"]["me"]["mentioned"], 0, "nobody mentions oneself");
    for socket in [&mut b, &mut other] {
        let event = socket.until("group.update").await;
        assert_eq!((&event["seq"], &event["data"]["me"]["mentioned"]), (&json!(1), &json!(1)));
    }
    assert_eq!(mentioned(&bob, &id(&opened["data"])).await, 1);
    // Notes to oneself do not count.
    let noted = a.ask("message.first", json!({ "target": "ann", "body": "me", "mentions": ["ann"] })).await;
    assert_eq!(noted["data"]["me"]["mentioned"], 0);
}

fn text_of(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

#[tokio::test]
async fn bad_mentions_are_refused_by_their_index() {
    let app = TestApp::start().await;
    let (ann, mut a, bob, _b) = two(&app.service(), ["ann", "bob"]).await;
    let group = group(&app.service(), &["ann", "bob"]).await;
    let message = call(&bob, &group, json!(["ann"])).await;
    let path = format!("messages/{}/", id(&message));
    let many: Vec<_> = (0..51).map(|number| format!("u{number}")).collect();
    for (mentions, wrong) in [
        (json!("bob"), "mentions"),
        (json!([1]), "mentions[0]"),
        (json!(["bob", "a b"]), "mentions[1]"),
        (json!(["bob", "@bob"]), "mentions[1]"),
        (json!(["bob", "nobody"]), "mentions[1]"),
        (json!(many), "mentions"),
    ] {
        let new = json!({ "group": group, "body": "look", "mentions": mentions });
        assert_eq!(field(&ann.post("messages/", new.clone()).await.ok(400)), wrong);
        let refused = a.ask("message.text", new).await;
        assert_eq!((&refused["code"], field(&refused["data"])), (&json!(400), wrong));
        assert_eq!(field(&bob.patch(&path, json!({ "mentions": mentions })).await.ok(400)), wrong);
    }
    let refused = bob.patch(&path, json!({})).await.ok(400);
    assert_eq!(
        refused["errors"],
        json!([{ "field": "body", "detail": "is required unless mentions is given" }])
    );
    assert_eq!(head(&ann, &group).await, 2, "nothing is stored");
    // Duplicates count once.
    let names: Vec<_> = (0..60).map(|_| "bob").collect();
    assert_eq!(call(&ann, &group, json!(names)).await["mentions"], json!(["bob"]));
}

#[tokio::test]
async fn users_who_are_not_found_cannot_be_mentioned() {
    let app = TestApp::with(|options| options.users.directory = Directory::None).await;
    let ann = app.user("ann").await;
    app.user("eve").await;
    let group = group(&app.service(), &["ann"]).await;
    let new = json!({ "group": group, "body": "look", "mentions": ["eve"] });
    let unknown = json!({ "group": group, "body": "look", "mentions": ["nobody"] });
    let (hidden, missing) =
        (ann.post("messages/", new).await.ok(400), ann.post("messages/", unknown).await.ok(400));
    let detail = |refused: &Value, name: &str| text_of(&refused["errors"][0]["detail"]).replace(name, "");
    assert_eq!(detail(&hidden, "eve"), detail(&missing, "nobody"));
    let by_service = json!({ "group": group, "author": "ann", "body": "look", "mentions": ["eve"] });
    assert_eq!(app.service().post("messages/", by_service).await.ok(201)["mentions"], json!([]));
}

#[tokio::test]
async fn only_the_owner_and_admins_mention_everyone() {
    let app = TestApp::start().await;
    let (service, everyone) = (app.service(), json!(["@all"]));
    let [ann, bob, cat] = &users(&service, &["ann", "bob", "cat"]).await[..] else { panic!("three") };
    let made = json!({ "name": "g", "author": "ann", "admins": ["bob"], "members": ["cat"] });
    let group = id(&service.post("groups/", made).await.ok(201));
    call(ann, &group, everyone.clone()).await;
    let of_bob = call(bob, &group, everyone.clone()).await;
    let new = json!({ "group": group, "body": "look", "mentions": everyone });
    cat.post("messages/", new.clone()).await.ok(403);
    assert_eq!(cat.ws().await.ask("message.text", new).await["code"], 403);
    let of_cat = call(cat, &group, json!([])).await;
    let path = format!("messages/{}/", id(&of_cat));
    cat.patch(&path, json!({ "mentions": everyone })).await.ok(403);
    service.patch(&path, json!({ "mentions": everyone })).await.ok(200);
    // An edit keeps `@all` even if its author may no longer add it.
    let demoted = json!({ "author": "ann", "members": ["bob"] });
    service.patch(&format!("groups/{group}/"), demoted).await.ok(200);
    let mended = edit(bob, &of_bob, json!({ "body": "look!", "mentions": everyone })).await;
    assert_eq!((&mended["body"], &mended["mentions"]), (&json!("look!"), &everyone));
    edit(bob, &of_bob, json!({ "mentions": [] })).await;
    bob.patch(&format!("messages/{}/", id(&of_bob)), json!({ "mentions": everyone })).await.ok(403);
    // Nobody may use it in a private group.
    let private = id(&ann.put("private/", json!({ "user": "bob" })).await.ok(201));
    ann.post("messages/", json!({ "group": private, "body": "hi", "mentions": everyone })).await.ok(403);
}

#[tokio::test]
async fn unread_mentions_are_counted_everywhere() {
    let app = TestApp::start().await;
    let (ann, bob, service) = (app.user("ann").await, app.user("bob").await, app.service());
    let (one, other) = (group(&service, &["ann", "bob"]).await, group(&service, &["ann", "bob"]).await);
    send(&ann, &one, "plain").await;
    call(&ann, &one, json!(["bob"])).await;
    let last = call(&ann, &one, json!(["@all", "bob"])).await;
    call(&ann, &other, json!(["@all"])).await;
    assert_eq!((mentioned(&bob, &one).await, mentioned(&bob, &other).await), (2, 1));
    assert_eq!((mentioned(&ann, &one).await, mentioned(&ann, &other).await), (0, 0), "never the author");
    let total = async || bob.get("unread/").await.ok(200);
    assert_eq!(total().await, json!({ "unread": 4, "mentioned": 3, "groups": 2 }));
    let listed = bob.get("groups/?fields=id+me+unread").await.ok(200);
    let of = |group: &str| {
        let rows = listed.as_array().expect("groups");
        rows.iter().find(|row| row["id"] == group).expect("the group")["me"]["mentioned"].clone()
    };
    assert_eq!((of(&one), of(&other)), (json!(2), json!(1)));
    let set = bob.patch(&format!("groups/{one}/me/"), json!({ "notify": "mentions" })).await.ok(200);
    assert_eq!(set["mentioned"], 2);
    // Totals omit muted groups.
    assert_eq!(total().await, json!({ "unread": 4, "mentioned": 3, "groups": 2 }));
    bob.patch(&format!("groups/{other}/me/"), json!({ "notify": "none" })).await.ok(200);
    assert_eq!(total().await, json!({ "unread": 3, "mentioned": 2, "groups": 1 }));
    let mut left_out = bob.try_ws("/chat/?groups=0", &[]).await.expect("a socket");
    let more = left_out.until("summary.more").await["data"].clone();
    assert_eq!(more, json!({ "unread": 3, "mentioned": 2 }));
    bob.post(&format!("groups/{one}/read/"), json!({ "seq": seq(&last) - 1 })).await.ok(200);
    assert_eq!(mentioned(&bob, &one).await, 1);
    bob.post(&format!("groups/{one}/read/"), json!({ "seq": seq(&last) })).await.ok(200);
    assert_eq!(mentioned(&bob, &one).await, 0);
}

#[tokio::test]
async fn edits_and_deletions_change_what_is_counted() {
    let app = TestApp::start().await;
    let (ann, _a, bob, mut b) = two(&app.service(), ["ann", "bob"]).await;
    let group = group(&app.service(), &["ann", "bob"]).await;
    let message = send(&ann, &group, "look").await;
    let reacted = format!("messages/{}/reactions/:a:/", id(&message));
    bob.put(&reacted, json!({})).await.ok(200);
    assert_eq!(mentioned(&bob, &group).await, 0);
    let added = edit(&ann, &message, json!({ "mentions": ["bob"] })).await;
    assert_eq!((&added["body"], &added["mentions"]), (&json!("look"), &json!(["bob"])));
    assert!(added["edited"].is_string());
    assert_eq!(mentioned(&bob, &group).await, 1);
    let event = b.until("message.update").await;
    assert_eq!((&event["data"]["mentions"], &event["seq"]), (&json!(["bob"]), &json!(4)));
    // An edit of the text keeps mentions and reactions.
    let mended = edit(&ann, &message, json!({ "body": "look!" })).await;
    assert_eq!((&mended["mentions"], &mended["reactions"][":a:"]["count"]), (&json!(["bob"]), &json!(1)));
    edit(&app.service(), &message, json!({ "body": "look?" })).await;
    assert_eq!(mentioned(&bob, &group).await, 1);
    // An edit without a change is answered only to its socket and takes no number.
    let mut socket = ann.ws().await;
    let same = json!({ "id": id(&message), "body": "look?", "mentions": ["bob"] });
    let unchanged = socket.ask("message.update", same).await;
    assert_eq!((unchanged.get("seq"), &unchanged["data"]["mentions"]), (None, &json!(["bob"])));
    edit(&ann, &message, json!({ "mentions": ["bob"] })).await;
    assert_eq!(head(&ann, &group).await, 6);
    let none = socket.ask("message.update", json!({ "id": id(&message), "mentions": [] })).await;
    assert_eq!((&none["seq"], &none["data"]["mentions"]), (&json!(7), &json!([])));
    assert_eq!(mentioned(&bob, &group).await, 0);
    edit(&ann, &message, json!({ "mentions": ["bob"] })).await;
    // A message that was read does not count again.
    bob.post(&format!("groups/{group}/read/"), json!({ "seq": seq(&message) })).await.ok(200);
    for mentions in [json!([]), json!(["bob"])] {
        edit(&ann, &message, json!({ "mentions": mentions })).await;
        assert_eq!(mentioned(&bob, &group).await, 0);
    }
    let gone = call(&ann, &group, json!(["bob"])).await;
    assert_eq!(mentioned(&bob, &group).await, 1);
    ann.delete(&format!("messages/{}/", id(&gone))).await.ok(200);
    assert_eq!(mentioned(&bob, &group).await, 0);
}

#[tokio::test]
async fn an_edit_checks_only_names_that_are_added() {
    let app = TestApp::start().await;
    let (service, ann) = (app.service(), app.user("ann").await);
    let [bob, _cat, _eve] = &users(&service, &["bob", "cat", "eve"]).await[..] else { panic!("three") };
    let group = group(&service, &["ann", "bob", "cat"]).await;
    let message = call(&ann, &group, json!(["bob", "cat"])).await;
    bob.post(&format!("groups/{group}/quit/"), json!({})).await.ok(200);
    let mended = edit(&ann, &message, json!({ "body": "look!", "mentions": ["cat", "bob", "eve"] })).await;
    assert_eq!(mended["mentions"], json!(["cat", "bob"]), "who left stays, who never came is dropped");
    let mentions = json!({ "body": "look?", "mentions": ["bob", "nobody"] });
    let refused = ann.patch(&format!("messages/{}/", id(&message)), mentions).await.ok(400);
    assert_eq!(field(&refused), "mentions[1]");
    // Mentions follow renames, and disappear with their user.
    service.patch("users/bob/", json!({ "new_name": "rob" })).await.ok(200);
    let shown = async || ann.get(&format!("messages/{}/", id(&message))).await.ok(200)["mentions"].clone();
    assert_eq!(shown().await, json!(["cat", "rob"]));
    service.delete("users/cat/").await.ok(200);
    assert_eq!(shown().await, json!(["rob"]));
}

#[tokio::test]
async fn a_retry_with_other_mentions_is_a_conflict() {
    let app = TestApp::start().await;
    let (ann, mut a, _bob, _b) = two(&app.service(), ["ann", "bob"]).await;
    app.user("eve").await;
    let group = group(&app.service(), &["ann", "bob"]).await;
    let new = |id: &str, mentions: Value| json!({ "group": group, "body": "look", "client_id": id, "mentions": mentions });
    let first = ann.post("messages/", new("1", json!(["bob", "eve"]))).await.ok(201);
    assert_eq!(first["mentions"], json!(["bob"]));
    assert_eq!(ann.post("messages/", new("1", json!(["eve", "bob", "eve"]))).await.ok(201), first);
    let again = a.ask("message.text", new("1", json!(["bob", "eve"]))).await;
    assert_eq!(again["data"], first);
    ann.post("messages/", new("1", json!(["bob"]))).await.ok(409);
    ann.post("messages/", new("1", json!([]))).await.ok(409);
    let plain = ann.post("messages/", new("2", json!([]))).await.ok(201);
    ann.post("messages/", new("2", json!(["bob"]))).await.ok(409);
    ann.post("messages/", json!({ "group": group, "body": "look", "client_id": "2" })).await.ok(201);
    // A retry must repeat the mentions as sent, even if all of them were dropped.
    ann.post("messages/", new("3", json!(["eve"]))).await.ok(201);
    ann.post("messages/", new("3", json!([]))).await.ok(409);
    assert_eq!(seq(&plain), 3);
}

#[tokio::test]
async fn mentions_by_blocked_users_count_for_nobody_else() {
    let app = TestApp::start().await;
    let [ann, bob, cat] = &users(&app.service(), &["ann", "bob", "cat"]).await[..] else { panic!("three") };
    let group = group(&app.service(), &["ann", "bob", "cat"]).await;
    bob.patch("users/bob/", json!({ "contact": { "name": "ann", "operation": "block" } })).await.ok(200);
    let sent = call(ann, &group, json!(["bob", "cat"])).await;
    assert_eq!(sent["mentions"], json!(["bob", "cat"]), "the blocked user is not told");
    call(ann, &group, json!(["@all"])).await;
    assert_eq!((mentioned(bob, &group).await, mentioned(cat, &group).await), (0, 2));
    assert_eq!(bob.get("unread/").await.ok(200), json!({ "unread": 2, "mentioned": 0, "groups": 1 }));
    bob.patch("users/bob/", json!({ "contact": { "name": "ann", "operation": "unblock" } })).await.ok(200);
    assert_eq!(mentioned(bob, &group).await, 2);
}

#[tokio::test]
async fn mentions_while_away_do_not_count() {
    let app = TestApp::start().await;
    let (service, ann, bob) = (app.service(), app.user("ann").await, app.user("bob").await);
    let group = group(&service, &["ann", "bob"]).await;
    let path = format!("groups/{group}/");
    call(&ann, &group, json!(["@all"])).await;
    bob.post(&format!("{path}quit/"), json!({})).await.ok(200);
    call(&ann, &group, json!(["@all"])).await;
    service.patch(&path, json!({ "members": ["bob"] })).await.ok(200);
    assert_eq!(mentioned(&bob, &group).await, 0);
    call(&ann, &group, json!(["bob"])).await;
    assert_eq!(mentioned(&bob, &group).await, 1);
}

#[tokio::test]
async fn a_pending_member_is_counted_from_its_acceptance() {
    let app = TestApp::with(|options| options.limits.consent = true).await;
    let (ann, _a, bob, mut b) = two(&app.service(), ["ann", "bob"]).await;
    let made = ann.post("groups/", json!({ "name": "g", "members": ["bob"] })).await.ok(201);
    let group = id(&made);
    let sent = call(&ann, &group, json!(["bob"])).await;
    assert_eq!(sent["mentions"], json!(["bob"]));
    assert_eq!(mentioned(&bob, &group).await, 0);
    b.until("group.update").await;
    b.send(json!({ "type": "group.accept", "data": { "group": group } })).await;
    let accepted = b.until("group.update").await;
    assert_eq!(accepted["data"]["me"]["mentioned"], 1, "{accepted}");
    assert_eq!(mentioned(&bob, &group).await, 1);
}

#[tokio::test]
async fn a_resume_has_the_mentions_as_they_stand() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let group = group(&app.service(), &["ann", "bob"]).await; // 1
    let old = call(&ann, &group, json!(["bob"])).await; // 2
    let new = call(&ann, &group, json!([])).await; // 3
    edit(&ann, &old, json!({ "mentions": ["ann"] })).await; // 4
    edit(&ann, &new, json!({ "mentions": ["@all"] })).await; // 5
    let mut socket = bob.ws().await;
    socket.send(json!({ "type": "sync.resume", "data": { "groups": { &group: 2 } } })).await;
    let mut missed = Vec::new();
    for _ in 0..3 {
        let frame = socket.next().await;
        missed.push((frame["type"].clone(), frame["seq"].clone(), frame["data"]["mentions"].clone()));
    }
    assert_eq!(
        missed,
        [
            (json!("message.text"), json!(3), json!(["@all"])),
            (json!("message.update"), json!(4), json!(["ann"])),
            (json!("message.update"), json!(5), json!(["@all"])),
        ]
    );
    assert_eq!(socket.next().await["type"], "sync.done");
}

#[tokio::test]
async fn messages_of_a_deleted_author_mention_nobody() {
    let app = TestApp::start().await;
    let (ann, bob, service) = (app.user("ann").await, app.user("bob").await, app.service());
    app.user("cat").await;
    let group = group(&service, &["cat", "ann", "bob"]).await;
    call(&ann, &group, json!(["bob"])).await;
    call(&app.sign_in("cat").await, &group, json!(["@all"])).await;
    assert_eq!(mentioned(&bob, &group).await, 2);
    service.delete("users/ann/").await.ok(200);
    assert_eq!(mentioned(&bob, &group).await, 1);
}
