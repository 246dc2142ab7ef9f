//! Calls of the Rust client without a test of their own: each must reach its route and parse the answer.

use chinwag_client::{
    Change, ContactChange, History, HistoryRow, MeChange, NewGroup, NewMessage, Rest, UserSuspension,
};
use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::Client;
use chinwag_testkit::setup::{group, users};
use serde_json::json;
use uuid::Uuid;

async fn two(service: &Client) -> [Client; 2] {
    users(service, &["ann", "bob"]).await.try_into().expect("two")
}

fn message(group: Uuid, body: &str, thread: Option<Uuid>) -> NewMessage {
    NewMessage { group, body: body.into(), thread, ..NewMessage::default() }
}

#[tokio::test]
async fn calls_change_groups_and_their_members() {
    let app = TestApp::with(|options| options.limits.consent = true).await;
    let [ann, bob] = two(&app.service()).await;
    let (ann, bob) = (ann.rest(), bob.rest());
    let new = NewGroup { name: "Tea".into(), members: vec!["bob".into()], ..NewGroup::default() };
    let tea = ann.create_group(&new).await.expect("a group").id;
    assert!(bob.group(tea).await.expect("he sees it").is_pending());
    assert_eq!(bob.accept_group(tea).await.expect("he accepts").id, tea);
    let members = ann.members(tea).await.expect("a list");
    let roles: Vec<_> = members.iter().map(|member| (&*member.name, &*member.role, member.pending)).collect();
    assert_eq!(roles, [("ann", "owner", false), ("bob", "member", false)]);
    let settings = MeChange { pinned: Some(true), ..MeChange::default() };
    assert!(bob.change_settings(tea, &settings).await.expect("the settings").pinned);
    ann.delete_group(tea).await.expect("it is deleted");
    assert!(bob.group(tea).await.is_err());
    let private = ann.open_private("bob").await.expect("a private group");
    assert_eq!(bob.open_private("ann").await.expect("the same").id, private.id);
}

#[tokio::test]
async fn calls_read_and_change_messages() {
    let app = TestApp::start().await;
    let service = app.service();
    let [ann, bob] = two(&service).await;
    let group: Uuid = group(&service, &["ann", "bob"]).await.parse().expect("an id");
    let (ann, bob) = (ann.rest(), bob.rest());
    let root = ann.send_message(&message(group, "root", None)).await.expect("it is sent");
    let reply = bob.send_message(&message(group, "reply", Some(root.id))).await.expect("it is sent");
    assert_eq!(ann.thread(root.id, History::Newest, 10).await.expect("a page")[0].id, reply.id);
    let outside = ann.history_outside_threads(group, History::Newest, 10).await.expect("a page");
    assert_eq!(outside.iter().map(|message| message.id).collect::<Vec<_>>(), [root.id]);
    let found = ann.messages_by_id(group, &[reply.id, root.id]).await.expect("a list");
    assert_eq!(found.iter().map(|message| message.id).collect::<Vec<_>>(), [reply.id, root.id]);
    assert!(ann.pin(root.id, true).await.expect("it is pinned").pinned);
    assert_eq!(bob.pins(group).await.expect("a list")[0].id, root.id);
    let rows = bob.history_with_entries(group, History::After(reply.seq), 10).await.expect("a page");
    assert!(matches!(&rows[..], [HistoryRow::Entry(entry)] if entry.changes[0].kind == "pinned"), "{rows:?}");
    assert_eq!(bob.mark_read(group, root.seq).await.expect("a mark").seq, root.seq);
    bob.delete_message(reply.id).await.expect("it is deleted");
    assert!(ann.message(reply.id).await.is_err());
}

#[tokio::test]
async fn calls_change_accounts_and_relations() {
    let app = TestApp::start().await;
    let service = app.service();
    let [ann, bob] = two(&service).await;
    let change = |name: &str, operation| ContactChange { name: name.into(), operation };
    ann.rest().change_contact("ann", &change("bob", Change::Invitation)).await.expect("he is invited");
    bob.rest().change_contact("bob", &change("ann", Change::Contact)).await.expect("he accepts");
    let contacts = &ann.rest().user("ann").await.expect("herself").more["contacts"];
    assert_eq!(contacts, &json!(["bob"]));

    let eve = Rest::new(&app.url()).sign_up("eve", "a long password").await.expect("an account");
    eve.change_password("a long password", "another password").await.expect("it is changed");
    eve.sign_out().await.expect("she is signed out");
    assert!(eve.user("eve").await.is_err());
    service.rest().set_password("eve", "a third password").await.expect("it is set");
    let eve = Rest::new(&app.url()).sign_in("eve", "a third password").await.expect("a session");
    assert!(!eve.push_key().await.expect("a key").key.is_empty());
    assert!(eve.subscriptions().await.expect("a list").is_empty());
}

#[tokio::test]
async fn calls_of_a_service_govern_users_and_bots() {
    let app = TestApp::start().await;
    let service = app.service();
    let [ann, bob] = two(&service).await;
    service.put("users/echo/", json!({ "kind": "bot" })).await.ok(201);
    let group: Uuid = group(&service, &["ann", "bob", "echo"]).await.parse().expect("an id");
    let sent = ann.rest().send_message(&message(group, "Cheap watches", None)).await.expect("it is sent");
    let service = service.rest();

    let key = service.create_bot_key("echo", &[group], &["read", "send"]).await.expect("a key");
    assert_eq!(service.bot_keys("echo").await.expect("a list")[0].id, key.id);
    service.end_bot_key("echo", key.id).await.expect("it is ended");
    let hook = service.create_hook("echo", group).await.expect("a hook");
    assert_eq!(service.hooks("echo").await.expect("a list")[0].id, hook.id);
    service.end_hook("echo", hook.id).await.expect("it is ended");
    assert!(service.hooks("echo").await.expect("a list").is_empty());

    let report = bob.rest().report_message(sent.id, "advertising").await.expect("a report");
    let reports = service.reports("open").await.expect("a list");
    assert_eq!((reports[0].id, reports[0].body.as_deref()), (report.id, Some("Cheap watches")));
    let closed = service.set_report_state(report.id, "resolved").await.expect("it is closed");
    assert_eq!(closed.state, "resolved");

    let suspension = UserSuspension { until: "2099-01-01T00:00:00Z".into(), reason: Some("spam".into()) };
    assert!(service.suspend_user("ann", Some(&suspension)).await.expect("a user").suspended.is_some());
    assert!(service.suspend_user("ann", None).await.expect("a user").suspended.is_none());
    assert_eq!(service.set_admin("bob", true).await.expect("a user").admin, Some(true));
    service.delete_user("ann").await.expect("she is deleted");
    assert!(service.user("ann").await.is_err());
}
