//! Bans: who may set them, whom they exclude, and who is notified.

use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::Client;
use chinwag_testkit::setup::{head, id, seq, two, users};
use chinwag_testkit::trial::BanRace;
use serde_json::{Value, json};

fn path(group: &str) -> String {
    format!("groups/{group}/")
}

/// A group owned by Ann with Bob as admin and these members.
async fn group(service: &Client, members: &[&str]) -> String {
    let made = json!({ "name": "g", "author": "ann", "admins": ["bob"], "members": members });
    id(&service.post("groups/", made).await.ok(201))
}

async fn banned(client: &Client, group: &str) -> Value {
    client.get(&format!("{}?fields=banned", path(group))).await.ok(200)["banned"].clone()
}

#[tokio::test]
async fn a_banned_member_is_removed_and_the_log_says_so() {
    let app = TestApp::start().await;
    let service = app.service();
    let (ann, mut a, _tam, mut t) = two(&service, ["ann", "tam"]).await;
    let [bob, cat] = users(&service, &["bob", "cat"]).await.try_into().expect("two");
    let group = group(&service, &["tam", "cat"]).await;
    a.until("group.update").await;
    t.until("group.update").await;
    // A ban and a removal are one change, and a user in both lists is removed once.
    let change = json!({ "remove": ["cat", "tam"], "ban": ["tam"] });
    let answer = bob.patch(&path(&group), change).await.ok(200);
    assert_eq!(
        (&answer["banned"], &answer["admins"], &answer["members"]),
        (&json!(["tam"]), &json!(["bob"]), &json!([]))
    );
    let told = a.until("group.update").await;
    assert_eq!(told["data"]["entry"]["changes"], json!([{ "kind": "removed", "who": ["cat", "tam"] }]));
    assert_eq!((told["data"].get("banned"), &told["data"]["entry"]["by"]), (None, &json!("bob")));
    let gone = t.until("group.quit").await;
    assert_eq!((seq(&gone), &gone["data"]), (seq(&told), &json!({ "group": group, "name": "tam" })));
    ann.patch(&path(&group), json!({ "members": ["cat"] })).await.ok(200);
    t.quiet().await;
    for (client, wanted) in
        [(&ann, json!(["tam"])), (&bob, json!(["tam"])), (&service, json!(["tam"])), (&cat, Value::Null)]
    {
        assert_eq!(banned(client, &group).await, wanted, "{}", client.name());
    }
    let as_cat = service.get(&format!("{}?fields=__all__&as=cat", path(&group))).await.ok(200);
    assert_eq!(as_cat.get("banned"), None);
    let listed = bob.get("groups/?fields=id+banned").await.ok(200);
    assert_eq!(listed, json!([{ "id": group, "banned": ["tam"] }]));
}

#[tokio::test]
async fn banned_users_are_added_by_nobody() {
    let app = TestApp::start().await;
    let service = app.service();
    let [ann, bob, _tam, _olga] =
        users(&service, &["ann", "bob", "tam", "olga"]).await.try_into().expect("four");
    let group = group(&service, &["tam"]).await;
    bob.patch(&path(&group), json!({ "ban": ["tam"] })).await.ok(200);
    let before = head(&service, &group).await;
    let mut socket = ann.ws().await;
    for change in [
        json!({ "members": ["tam"] }),
        json!({ "admins": ["tam"] }),
        json!({ "restricts": ["tam"] }),
        json!({ "members": ["olga", "tam"], "name": "with both" }),
        json!({ "members": ["olga"], "restricts": ["tam"] }),
    ] {
        for client in [&ann, &bob, &service] {
            let refused = client.patch(&path(&group), change.clone()).await.ok(403);
            assert!(refused["detail"].as_str().is_some_and(|why| why.contains("tam")), "{refused}");
        }
        let mut named = change.clone();
        named["author"] = "ann".into();
        service.patch(&path(&group), named).await.ok(403);
        let mut event = change;
        event["id"] = group.as_str().into();
        assert_eq!(socket.ask("group.update", event).await["code"], 403);
    }
    let seen = ann.get(&format!("{}?fields=name+members", path(&group))).await.ok(200);
    assert_eq!(seen, json!({ "name": "g", "members": [] }));
    assert_eq!(head(&service, &group).await, before);
    // A role and a ban of one user contradict each other: nothing is changed.
    let refused = ann.patch(&path(&group), json!({ "members": ["olga"], "ban": ["olga"] })).await.ok(400);
    assert_eq!(refused["errors"][0]["field"], "ban");
    // Bans are lifted before members are added.
    let added =
        ann.patch(&path(&group), json!({ "unban": ["tam"], "members": ["tam", "olga"] })).await.ok(200);
    assert_eq!((&added["members"], &added["banned"]), (&json!(["tam", "olga"]), &json!([])));
}

#[tokio::test]
async fn bans_follow_the_rules_of_removal() {
    let app = TestApp::start().await;
    let service = app.service();
    let [ann, bob, cat, dan] = users(&service, &["ann", "bob", "cat", "dan"]).await.try_into().expect("four");
    service.user("eve").await;
    let group = group(&service, &["cat"]).await;
    ann.patch(&path(&group), json!({ "admins": ["eve"] })).await.ok(200);
    for (client, whom, status) in [
        (&bob, "ann", 403),
        (&bob, "bob", 403),
        (&ann, "ann", 403),
        (&service, "ann", 403),
        (&bob, "eve", 403),
        (&cat, "dan", 403),
        (&cat, "bob", 403),
        (&dan, "cat", 404),
        (&ann, "nobody", 400),
        (&ann, "admin", 400),
        (&ann, "eve", 200),
        (&bob, "cat", 200),
        (&bob, "dan", 200),
    ] {
        let answer = client.patch(&path(&group), json!({ "ban": [whom] })).await;
        assert_eq!(answer.status, status, "{} bans {whom}: {}", client.name(), answer.text);
        if status == 400 {
            let field = if whom == "nobody" { "ban[0]" } else { "ban" };
            assert_eq!(answer.json["errors"][0]["field"], field);
        }
    }
    assert_eq!(banned(&ann, &group).await, json!(["cat", "dan", "eve"]));
    // If one name is refused, nobody is banned.
    ann.patch(&path(&group), json!({ "ban": ["bob", "ann"] })).await.ok(403);
    assert_eq!(banned(&ann, &group).await, json!(["cat", "dan", "eve"]));
    dan.patch(&path(&group), json!({ "unban": ["dan"] })).await.ok(404);
    ann.patch(&path(&group), json!({ "unban": ["nobody"] })).await.ok(400);
    bob.patch(&path(&group), json!({ "unban": ["eve", "bob"] })).await.ok(200);
    assert_eq!(banned(&ann, &group).await, json!(["cat", "dan"]));
    let private = id(&ann.put("private/", json!({ "user": "bob" })).await.ok(201));
    for client in [&ann, &service] {
        client.patch(&path(&private), json!({ "ban": ["cat"] })).await.ok(403);
        client.patch(&path(&private), json!({ "unban": ["cat"], "data": {} })).await.ok(403);
    }
    assert_eq!(banned(&service, &private).await, Value::Null);
}

#[tokio::test]
async fn ban_of_a_stranger_takes_no_number_and_sends_no_event() {
    let app = TestApp::start().await;
    let service = app.service();
    let (ann, mut a, bob, mut b) = two(&service, ["ann", "bob"]).await;
    let _tam = service.user("tam").await;
    let group = group(&service, &[]).await;
    a.until("group.update").await;
    b.until("group.update").await;
    let before = head(&service, &group).await;
    for change in [json!({ "ban": ["tam"] }), json!({ "ban": ["tam"] }), json!({ "unban": ["tam"] })] {
        let mut event = change.clone();
        event["id"] = group.as_str().into();
        let answer = a.ask("group.update", event).await;
        assert_eq!((&answer["type"], answer.get("seq")), (&json!("group.update"), None), "{answer}");
        bob.patch(&path(&group), change).await.ok(200);
    }
    app.quiet([&mut a, &mut b]).await;
    assert_eq!((head(&service, &group).await, banned(&ann, &group).await), (before, json!([])));
    // An unban together with another change is not in the entry.
    ann.patch(&path(&group), json!({ "ban": ["tam"] })).await.ok(200);
    ann.patch(&path(&group), json!({ "unban": ["tam"], "name": "h" })).await.ok(200);
    let told = b.until("group.update").await;
    assert_eq!(told["data"]["entry"]["changes"], json!([{ "kind": "renamed", "name": "h" }]));
}

#[tokio::test]
async fn bans_follow_renames_and_end_with_their_user() {
    let app = TestApp::with(|options| options.users.directory = chinwag_core::limits::Directory::None).await;
    let service = app.service();
    let ann = app.user("ann").await;
    users(&service, &["bob", "tam", "olga"]).await;
    let group = group(&service, &["tam", "olga"]).await;
    ann.patch(&path(&group), json!({ "ban": ["tam", "olga"] })).await.ok(200);
    service.patch("users/tam/", json!({ "new_name": "tom" })).await.ok(200);
    assert_eq!(banned(&ann, &group).await, json!(["olga", "tom"]));
    service.patch(&path(&group), json!({ "members": ["tom"] })).await.ok(403);
    service.delete("users/olga/").await.ok(200);
    assert_eq!(banned(&ann, &group).await, json!(["tom"]));
    // A banned stranger can be named; other strangers cannot.
    service.user("eve").await;
    ann.patch(&path(&group), json!({ "unban": ["tom", "eve"] })).await.ok(400);
    ann.patch(&path(&group), json!({ "unban": ["tom"] })).await.ok(200);
    assert_eq!(banned(&ann, &group).await, json!([]));
}

#[tokio::test]
async fn banned_pending_member_receives_the_end() {
    let app = TestApp::with(|options| options.limits.consent = true).await;
    let (ann, mut a, tam, mut t) = two(&app.service(), ["ann", "tam"]).await;
    let made = a.ask("group.create", json!({ "name": "g", "members": ["tam"] })).await;
    let group = id(&made["data"]);
    t.until("group.update").await;
    ann.patch(&path(&group), json!({ "ban": ["tam"] })).await.ok(200);
    assert_eq!(t.until("group.quit").await["data"]["group"], json!(group));
    tam.post(&format!("groups/{group}/accept/"), json!({})).await.ok(404);
    ann.patch(&path(&group), json!({ "members": ["tam"] })).await.ok(403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ban_that_races_a_join_keeps_its_user_out() {
    let app = TestApp::start().await;
    let (owner, watcher, user) = (app.user("ann").await, app.user("bob").await, app.user("tam").await);
    let race = BanRace { owner, watcher, user };
    let (joined, refused) = Box::pin(race.run(&app.service())).await;
    assert!(joined > 0 && refused > 0, "{joined} joined before the ban, {refused} after: they never raced");
}
