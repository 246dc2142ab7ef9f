//! Every event of the WebSocket: its effect and its recipients.

use std::time::{Duration, Instant};

use chinwag_testkit::app::TestApp;
use serde_json::{Value, json};

fn id(value: &Value) -> &str {
    value.as_str().expect("an id")
}

/// Two connected users who are contacts and share a private group.
async fn pair(app: &TestApp) -> (chinwag_testkit::ws::Ws, chinwag_testkit::ws::Ws, String) {
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let (mut a, mut b) = (ann.ws().await, bob.ws().await);
    let opened = a.ask("message.first", json!({ "target": "bob", "body": "hello" })).await;
    b.until("group.update").await;
    (a, b, id(&opened["data"]["id"]).to_owned())
}

#[tokio::test]
async fn a_socket_starts_with_summaries_and_then_presence() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let group = json!({ "name": "g", "author": "ann", "members": ["bob"] });
    let group = app.service().post("groups/", group).await.ok(201);
    let sent = json!({ "author": "ann", "group": group["id"], "body": "first" });
    let sent = app.service().post("messages/", sent).await.ok(201);
    for (author, name) in [("ann", "bob"), ("bob", "ann")] {
        let contact = json!({ "contact": { "author": author, "name": name, "operation": "contact" } });
        app.service().patch(&format!("users/{author}/"), contact).await.ok(200);
    }
    let _ann = ann.ws().await;
    // Her status has been announced by now.
    app.settle().await;
    let mut bob = bob.ws().await;
    assert_eq!(
        *bob.summary(),
        json!([{
            "id": group["id"], "name": "g", "owner": ["ann"], "admins": [], "members": ["bob"], "restricts": [],
            "members_count": 2, "description": null, "avatar": null, "data": null, "open": false, "slow": 0, "keep": null,
            "messages": [{
                "id": sent["id"], "author": "ann", "date": sent["date"], "body": "first", "respond_to": null,
                "seq": 2, "edited": null, "mentions": [], "reactions": {}, "thread": null, "replies": null,
                "pinned": false, "data": null, "attachments": [],
            }],
            "pins": [],
            "head": 2, "reads": {}, "me": {
                "notify": "all", "muted_until": null, "hidden": false, "pinned": false, "marked_unread": false,
                "mentioned": 0, "pending": false,
            }, "last_read": null, "last_read_seq": null, "unread": 1,
        }])
    );
    assert_eq!(
        *bob.contacts(),
        json!({
            "contacts": ["ann"], "blockeds": [], "blocked_by": [], "invitations": [], "invited_by": [],
            "presence": { "ann": "online" },
        })
    );
    let status = bob.expect("status.update").await;
    assert_eq!(status["data"], json!({ "author": "ann", "status": "online" }));
    app.quiet([&mut bob]).await;
}

#[tokio::test]
async fn a_message_reaches_every_socket_once_and_its_sender_with_ref() {
    let app = TestApp::start().await;
    let (mut a, mut b, group) = pair(&app).await;
    let mut a2 = app.sign_in("ann").await.ws().await;
    let frame = json!({ "type": "message.text", "ref": "r1", "data": {
        "group": group, "body": "to all", "author": "mallory", "id": "x", "seq": 99, "date": "1999-01-01T00:00:00Z",
        "respond_to": "",
    } });
    a.send(frame).await;
    let (own, other, twin) =
        (a.until("message.text").await, b.until("message.text").await, a2.until("message.text").await);
    assert_eq!(own["ref"], "r1");
    assert_eq!((other.get("ref"), twin.get("ref")), (None, None));
    assert_eq!((&own["data"], &own["seq"]), (&other["data"], &other["seq"]));
    assert_eq!(other, twin);
    assert_eq!((&other["seq"], &other["data"]["seq"]), (&json!(2), &json!(2)));
    assert_eq!((&other["data"]["author"], &other["data"]["body"]), (&json!("ann"), &json!("to all")));
    assert_eq!(other["data"]["respond_to"], Value::Null);
    assert!(id(&other["data"]["date"]) > "2024");
    let stored = app.service().get(&format!("messages/{}/", id(&own["data"]["id"]))).await.ok(200);
    assert_eq!(stored, own["data"]);
    app.quiet([&mut a, &mut b]).await;
}

#[tokio::test]
async fn a_reply_names_its_message_and_foreign_ones_are_refused() {
    let app = TestApp::start().await;
    let (mut a, mut b, group) = pair(&app).await;
    let first = a.ask("message.text", json!({ "to": group, "body": "question" })).await;
    b.until("message.text").await;
    let reply = b
        .ask("message.text", json!({ "group": group, "body": "answer", "respond_to": first["data"]["id"] }))
        .await;
    assert_eq!(reply["data"]["respond_to"], first["data"]["id"]);
    let elsewhere = b.ask("group.create", json!({ "name": "elsewhere" })).await;
    let foreign = json!({ "group": elsewhere["data"]["id"], "body": "?", "respond_to": first["data"]["id"] });
    let refused = b.ask("message.text", foreign).await;
    assert_eq!((&refused["type"], &refused["code"]), (&json!("error.data"), &json!(400)));
    assert_eq!(refused["data"]["errors"][0]["field"], "respond_to");
    a.ask("message.delete", json!({ "id": first["data"]["id"] })).await;
    let reply = app.service().get(&format!("messages/{}/", id(&reply["data"]["id"]))).await.ok(200);
    assert_eq!(reply["respond_to"], Value::Null);
}

#[tokio::test]
async fn message_first_makes_one_private_group_and_then_sends() {
    let app = TestApp::start().await;
    let (mut a, mut b) = (app.user("ann").await.ws().await, app.user("bob").await.ws().await);
    let opened = a.ask("message.first", json!({ "target": "bob", "body": "hello" })).await;
    let told = b.until("group.update").await;
    assert_eq!((&opened["type"], &opened["seq"]), (&json!("group.update"), &json!(1)));
    assert_eq!(told["data"], opened["data"]);
    let group = &opened["data"];
    assert_eq!((&group["name"], &group["owner"]), (&json!("@"), &json!(["admin"])));
    assert_eq!((&group["members"], &group["head"]), (&json!(["ann", "bob"]), &json!(1)));
    assert_eq!((&group["messages"][0]["body"], &group["messages"][0]["seq"]), (&json!("hello"), &json!(1)));

    let again = b.ask("message.first", json!({ "target": "ann", "body": "hello back" })).await;
    assert_eq!((&again["type"], &again["data"]["group"]), (&json!("message.text"), &group["id"]));
    assert_eq!(a.until("message.text").await["data"]["body"], "hello back");
    let shown = a.ask("message.first", json!({ "target": "bob" })).await;
    assert_eq!((&shown["type"], &shown["data"]["head"]), (&json!("group.update"), &json!(2)));
    app.quiet([&mut b]).await;
}

#[tokio::test]
async fn simultaneous_first_messages_share_one_group() {
    let app = TestApp::start().await;
    for round in 0..10 {
        let (ann, bob) = (format!("ann{round}"), format!("bob{round}"));
        let (mut a, mut b) = (app.user(&ann).await.ws().await, app.user(&bob).await.ws().await);
        let (one, other) = tokio::join!(
            a.ask("message.first", json!({ "target": bob, "body": "from ann" })),
            b.ask("message.first", json!({ "target": ann, "body": "from bob" })),
        );
        let group = |frame: &Value| match id(&frame["type"]) {
            "group.update" => frame["data"]["id"].clone(),
            _ => frame["data"]["group"].clone(),
        };
        assert_eq!(group(&one), group(&other));
        let history = app.service().get(&format!("groups/{}/messages/", id(&group(&one)))).await.ok(200);
        assert_eq!(history.as_array().map(Vec::len), Some(2), "{history}");
        assert_eq!((&history[1]["seq"], &history[0]["seq"]), (&json!(1), &json!(2)));
    }
}

#[tokio::test]
async fn message_fetch_answers_its_sender_alone() {
    let app = TestApp::start().await;
    let (mut a, mut b, group) = pair(&app).await;
    let mut dates = Vec::new();
    for number in 2..=30 {
        let sent = a.ask("message.text", json!({ "group": group, "body": number.to_string() })).await;
        dates.push(sent["data"]["date"].clone());
        b.until("message.text").await;
    }
    let seqs = |frame: &Value| -> Vec<i64> {
        let history = frame["data"]["history"].as_array().expect("a history");
        history.iter().map(|message| message["seq"].as_i64().expect("a seq")).collect()
    };
    let newest = a.ask("message.fetch", json!({ "group": group })).await;
    assert_eq!(seqs(&newest), (11..=30).rev().collect::<Vec<_>>());
    assert_eq!((&newest["data"]["author"], &newest["data"]["date"]), (&json!("ann"), &Value::Null));
    let before = a.ask("message.fetch", json!({ "group": group, "before": 11, "limit": 3 })).await;
    assert_eq!(seqs(&before), [10, 9, 8]);
    let by_date = a.ask("message.fetch", json!({ "group": group, "date": dates[8], "limit": 2 })).await;
    assert_eq!(seqs(&by_date), [9, 8]);
    assert_eq!(by_date["data"]["date"], dates[8]);
    app.quiet([&mut b]).await;
}

#[tokio::test]
async fn read_mark_only_moves_forward_and_reaches_all_members() {
    let app = TestApp::start().await;
    let (mut a, mut b, group) = pair(&app).await;
    for number in 2..=4 {
        a.ask("message.text", json!({ "group": group, "body": number.to_string() })).await;
    }
    let (bob, path) = (app.sign_in("bob").await, format!("groups/{group}/?fields=unread+last_read_seq"));
    let unread = async || {
        let seen = bob.get(&path).await.ok(200);
        (seen["unread"].clone(), seen["last_read_seq"].clone())
    };
    assert_eq!(unread().await, (json!(4), Value::Null));
    let read = b.ask("message.read", json!({ "group": group, "seq": 3 })).await;
    assert_eq!((&read["data"]["author"], &read["data"]["seq"]), (&json!("bob"), &json!(3)));
    assert_eq!(a.until("message.read").await["data"], read["data"]);
    assert_eq!(unread().await, (json!(1), json!(3)));
    let back = b.ask("message.read", json!({ "group": group, "seq": 1 })).await;
    assert_eq!(back["data"], read["data"], "it does not move back, and tells where it stands");
    app.quiet([&mut a]).await;
    let past = b.ask("message.read", json!({ "group": group, "seq": 5 })).await;
    assert_eq!((&past["code"], &past["data"]["errors"][0]["field"]), (&json!(400), &json!("seq")));
    let now = b.ask("message.read", json!({ "group": group, "date": "2999-01-01T00:00:00" })).await;
    assert_eq!(now["data"]["seq"], 4);
    assert_eq!(unread().await, (json!(0), json!(4)));
}

#[tokio::test]
async fn edits_and_deletions_have_numbers_of_their_own() {
    let app = TestApp::start().await;
    let (mut a, mut b, group) = pair(&app).await;
    let sent = a.ask("message.text", json!({ "group": group, "body": "tpyo" })).await;
    let message = sent["data"]["id"].clone();
    let edited = a.ask("message.update", json!({ "id": message, "body": "typo" })).await;
    assert_eq!((&edited["seq"], &edited["data"]["seq"]), (&json!(3), &json!(2)));
    assert_eq!(edited["data"]["body"], "typo");
    assert!(edited["data"]["edited"].is_string());
    assert_eq!(b.until("message.update").await["data"], edited["data"]);
    let deleted = a.ask("message.delete", json!({ "id": message })).await;
    assert_eq!(deleted["data"], json!({ "id": message, "group": group, "seq": 2 }));
    assert_eq!(deleted["seq"], 4);
    assert_eq!(b.until("message.delete").await["data"], deleted["data"]);
    app.service().get(&format!("messages/{}/", id(&message))).await.ok(404);
    let gone = a.ask("message.update", json!({ "id": message, "body": "again" })).await;
    assert_eq!((&gone["type"], &gone["code"]), (&json!("error.data"), &json!(404)));
}

#[tokio::test]
async fn an_accepted_invitation_makes_contacts_with_presence() {
    let app = TestApp::start().await;
    let (mut a, mut b) = (app.user("ann").await.ws().await, app.user("bob").await.ws().await);
    let asked = a.ask("contact.update", json!({ "name": "bob", "operation": "invit", "author": "" })).await;
    let invitation = json!({ "author": "ann", "name": "bob", "operation": "invitation" });
    assert_eq!(asked["data"], invitation);
    assert_eq!(b.until("contact.update").await["data"], invitation);
    let again = a.ask("contact.update", json!({ "name": "bob", "operation": "invite" })).await;
    assert_eq!(again["data"], invitation);
    app.quiet([&mut b]).await;
    b.send(json!({ "type": "contact.update", "data": { "name": "ann", "operation": "contact" } })).await;
    let contact = json!({ "author": "bob", "name": "ann", "operation": "contact" });
    assert_eq!(a.until("contact.update").await["data"], contact);
    assert_eq!(b.until("contact.update").await["data"], contact);
    assert_eq!(a.until("status.update").await["data"], json!({ "author": "bob", "status": "online" }));
    assert_eq!(b.until("status.update").await["data"], json!({ "author": "ann", "status": "online" }));
    let ann = app.sign_in("ann").await.get("users/ann/?fields=contacts,presence").await.ok(200);
    assert_eq!(ann, json!({ "contacts": ["bob"], "presence": { "bob": "online" } }));
}

#[tokio::test]
async fn group_changes_reach_affected_users() {
    let app = TestApp::start().await;
    let (mut a, mut b, mut c) = (
        app.user("ann").await.ws().await,
        app.user("bob").await.ws().await,
        app.user("cat").await.ws().await,
    );
    let made =
        a.ask("group.create", json!({ "name": " Hunters ", "admins": ["bob"], "members": ["bob"] })).await;
    let group = made["data"]["id"].clone();
    assert_eq!(
        (&made["type"], &made["seq"], &made["data"]["name"]),
        (&json!("group.update"), &json!(1), &json!("Hunters"))
    );
    assert_eq!((&made["data"]["owner"], &made["data"]["admins"]), (&json!(["ann"]), &json!(["bob"])));
    assert_eq!(b.until("group.update").await["data"], made["data"]);
    app.quiet([&mut c]).await;

    let added = b.ask("group.update", json!({ "id": group, "members": ["cat"], "name": "Gatherers" })).await;
    assert_eq!((&added["seq"], &added["data"]["members"]), (&json!(2), &json!(["cat"])));
    assert_eq!(c.until("group.update").await["data"]["name"], "Gatherers");
    a.until("group.update").await;
    let same = b.ask("group.update", json!({ "group": group, "members": ["cat"] })).await;
    assert_eq!(same["data"]["members_count"], 3, "nothing changed, and nobody else is told");
    app.quiet([&mut c]).await;

    b.ask("group.update", json!({ "id": group, "remove": ["cat"] })).await;
    let quit = c.until("group.quit").await;
    assert_eq!(quit["data"], json!({ "group": group, "name": "cat" }));
    assert_eq!(quit["seq"], 3);
    a.ask("message.text", json!({ "group": group, "body": "without cat" })).await;
    app.quiet([&mut c]).await;

    let left = a.ask("group.quit", json!({ "group": group })).await;
    assert_eq!(
        (&left["type"], &left["data"]),
        (&json!("group.quit"), &json!({ "group": group, "name": "ann" }))
    );
    let heir = loop {
        let update = b.until("group.update").await;
        if update["data"]["owner"] == json!(["bob"]) {
            break update;
        }
    };
    assert_eq!(heir["seq"], left["seq"]);
    let deleted = b.ask("group.delete", json!({ "id": group })).await;
    assert_eq!((&deleted["type"], &deleted["data"]), (&json!("group.delete"), &group));
    app.service().get(&format!("groups/{}/", id(&group))).await.ok(404);
}

#[tokio::test]
async fn empty_group_is_deleted() {
    let app = TestApp::start().await;
    let mut a = app.user("ann").await.ws().await;
    let made = a.ask("group.create", json!({ "name": "alone" })).await;
    let group = made["data"]["id"].clone();
    let left = a.ask("group.quit", json!({ "group": group })).await;
    assert_eq!(left["type"], "group.quit");
    app.service().get(&format!("groups/{}/", id(&group))).await.ok(404);
    app.quiet([&mut a]).await;
}

#[tokio::test]
async fn typing_reaches_others_at_most_once_in_3_s() {
    let app = TestApp::start().await;
    let (mut a, mut b, group) = pair(&app).await;
    for _ in 0..3 {
        a.send(json!({ "type": "typing.start", "data": { "group": group } })).await;
    }
    a.send(json!({ "type": "typing.stop", "data": { "group": group } })).await;
    assert_eq!(b.expect("typing.start").await["data"], json!({ "author": "ann", "group": group }));
    b.expect("typing.stop").await;
    app.quiet([&mut b, &mut a]).await;
}

#[tokio::test]
async fn presence_follows_the_most_present_socket_and_its_grace() {
    const GRACE: Duration = Duration::from_secs(2);
    let app = TestApp::with(|options| options.hub.presence_grace = GRACE).await;
    let (mut a, b, _) = pair(&app).await;
    for (author, name) in [("ann", "bob"), ("bob", "ann")] {
        let contact = json!({ "contact": { "author": author, "name": name, "operation": "contact" } });
        app.service().patch(&format!("users/{author}/"), contact).await.ok(200);
    }
    a.until("status.update").await;
    let mut second = app.sign_in("bob").await.ws().await;
    app.quiet([&mut a]).await;
    let shown = second.ask("status.update", json!({ "status": "afk" })).await;
    assert_eq!(shown["data"], json!({ "author": "bob", "status": "online" }), "the other socket is online");
    b.vanish();
    assert_eq!(a.until("status.update").await["data"]["status"], "afk");
    let hidden = second.ask("status.update", json!({ "status": "disconnected" })).await;
    assert_eq!(hidden["data"]["status"], "disconnected");
    assert_eq!(a.until("status.update").await["data"]["status"], "disconnected");
    second.ask("status.update", json!({ "status": "online" })).await;
    assert_eq!(a.until("status.update").await["data"]["status"], "online");
    let left = Instant::now();
    second.vanish();
    assert_eq!(a.until("status.update").await["data"]["status"], "disconnected");
    assert!(left.elapsed() >= GRACE, "it is announced after {:?}", left.elapsed());
}

#[tokio::test]
async fn changes_over_rest_reach_sockets_as_the_same_events() {
    let app = TestApp::start().await;
    let service = app.service();
    let (mut a, mut b) = (app.user("ann").await.ws().await, app.user("bob").await.ws().await);
    let group = json!({ "name": "match", "author": "tournament", "members": ["ann", "bob"] });
    let group = service.post("groups/", group).await.ok(201);
    assert_eq!(a.until("group.update").await["data"]["owner"], json!(["tournament"]));
    b.until("group.update").await;
    let sent = json!({ "author": "tournament", "group": group["id"], "body": "begin", "date": "2020-02-02T02:02:02" });
    let sent = service.post("messages/", sent).await.ok(201);
    assert_eq!(sent["date"], "2020-02-02T02:02:02.000000Z");
    assert_eq!(a.until("message.text").await["data"], sent);
    service.patch(&format!("messages/{}/", id(&sent["id"])), json!({ "body": "go" })).await.ok(200);
    assert_eq!(a.until("message.update").await["data"]["body"], "go");
    service.delete(&format!("messages/{}/", id(&sent["id"]))).await.ok(200);
    a.until("message.delete").await;
    service.patch("users/ann/", json!({ "new_name": "anna" })).await.ok(200);
    let renamed = json!({
        "name": "ann", "new_name": "anna", "display_name": null, "avatar": null, "data": null, "kind": "person",
    });
    assert_eq!(b.until("user.update").await["data"], renamed);
    service.delete("users/anna/").await.ok(200);
    assert_eq!(b.until("user.delete").await["data"], json!({ "name": "anna" }));
    assert_eq!(a.close_code().await, Some(4001));
    service.delete(&format!("groups/{}/", id(&group["id"]))).await.ok(200);
    let deleted = b.until("group.delete").await;
    assert_eq!(deleted["data"], group["id"]);
}

#[tokio::test]
async fn a_client_id_sends_once_over_both_transports() {
    let app = TestApp::start().await;
    let (mut a, mut b, group) = pair(&app).await;
    let data = json!({ "group": group, "body": "once", "client_id": "c-1" });
    let first = a.ask("message.text", data.clone()).await;
    assert_eq!(first["data"]["client_id"], "c-1");
    let again = a.ask("message.text", data.clone()).await;
    assert_eq!((&again["data"], &again["seq"]), (&first["data"], &first["seq"]));
    let ann = app.sign_in("ann").await;
    assert_eq!(ann.post("messages/", data).await.ok(201), first["data"]);
    let other = json!({ "group": group, "body": "another", "client_id": "c-1" });
    assert_eq!(a.ask("message.text", other.clone()).await["code"], 409);
    ann.post("messages/", other.clone()).await.ok(409);
    assert_eq!(b.ask("message.text", other).await["type"], "message.text", "an id is its author's own");
    a.ask("message.delete", json!({ "id": first["data"]["id"] })).await;
    let after = a.ask("message.text", json!({ "group": group, "body": "once", "client_id": "c-1" })).await;
    assert_eq!((&after["data"]["id"], &after["seq"]), (&first["data"]["id"], &first["seq"]));
    b.until("message.delete").await;
    app.quiet([&mut b]).await;
}
