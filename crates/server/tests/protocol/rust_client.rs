//! The Rust client and the server: it knows every event, misses none and repeats none.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chinwag_client::{
    Access, ClientEvent, Credential, Error, GroupChange, MessageEdit, NewInvite, NewMessage, Options,
    Positions, Rest, ServerEvent, Session, Update, Updates,
};
use chinwag_core::limits::RateLimits;
use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::Client;
use chinwag_testkit::setup::{group, send, users};
use chinwag_testkit::wait::{self, WAIT_TIMEOUT};
use serde_json::Value;
use tokio::time::timeout;
use uuid::Uuid;

#[path = "../../../client/examples/echo.rs"]
#[allow(dead_code, reason = "its main is for people")]
mod echo;

fn quick() -> Options {
    Options { backoff_min: Duration::from_millis(10), ..Options::default() }
}

fn bearer(client: &Client) -> Credential {
    Credential::Bearer(client.token().to_owned())
}

async fn next(updates: &mut Updates) -> Update {
    timeout(WAIT_TIMEOUT, updates.next()).await.expect("an update comes").expect("the session has not ended")
}

/// The first update that `pick` accepts.
async fn until<T>(updates: &mut Updates, pick: impl Fn(Update) -> Option<T>) -> T {
    loop {
        if let Some(found) = pick(next(updates).await) {
            return found;
        }
    }
}

async fn connected(updates: &mut Updates) -> chinwag_client::Summary {
    until(updates, |update| match update {
        Update::Connected(summary) => Some(summary),
        _ => None,
    })
    .await
}

/// Reads message bodies up to this one.
async fn bodies_until(updates: &mut Updates, last: &str) -> Vec<String> {
    let mut bodies = Vec::new();
    while bodies.last().is_none_or(|body| body != last) {
        if let Update::Event(frame) = next(updates).await
            && let ServerEvent::MessageText(message) = frame.event
        {
            bodies.push(message.body);
        }
    }
    bodies
}

#[tokio::test]
async fn calls_join_open_groups_and_use_invites() {
    let app = TestApp::start().await;
    let (ann, bob, group) = pair(&app).await;
    let [eve, fay] = users(&app.service(), &["eve", "fay"]).await.try_into().expect("two");
    let (ann, bob, eve, fay) = (ann.rest(), bob.rest(), eve.rest(), fay.rest());
    let change =
        GroupChange { id: group, open: Some(true), ban: vec!["fay".into()], ..GroupChange::default() };
    assert_eq!(ann.update_group(&change).await.expect("a change").banned, Some(vec!["fay".into()]));
    let open = eve.open_groups("G").await.expect("a list");
    assert_eq!((open.len(), open[0].id, open[0].shown.members_count), (1, group, 2));
    assert_eq!(eve.join_group(group).await.expect("it is open").members_count, 3);
    assert!(fay.join_group(group).await.is_err());
    let invite = ann.create_invite(group, &NewInvite { uses: None, ttl: Some(60) }).await.expect("a code");
    assert_eq!(ann.invites(group).await.expect("a list"), std::slice::from_ref(&invite));
    assert_eq!(fay.invited_group(&invite.code).await.expect("it is good").members_count, 3);
    bob.leave_group(group).await.expect("he leaves");
    assert_eq!(bob.use_invite(&invite.code).await.expect("it is good").members_count, 3);
    ann.end_invite(group, &invite.code).await.expect("it is ended");
    assert!(bob.invited_group(&invite.code).await.is_err());
    let usual = ann.create_invite(group, &NewInvite::default()).await.expect("a code");
    assert_eq!(usual.uses, Some(1));
}

fn numbered(range: std::ops::RangeInclusive<u32>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

/// Two users in a group: their clients, and the group's id.
async fn pair(app: &TestApp) -> (Client, Client, Uuid) {
    let service = app.service();
    let [ann, bob] = users(&service, &["ann", "bob"]).await.try_into().expect("two");
    let group = group(&service, &["ann", "bob"]).await.parse().expect("an id");
    (ann, bob, group)
}

#[tokio::test]
async fn client_and_server_know_the_same_events() {
    let app = TestApp::start().await;
    let document = app.nobody().get("asyncapi.json").await.ok(200);
    let messages = document["channels"]["chat"]["messages"].as_object().expect("messages");
    let of = |side: &str| -> BTreeSet<String> {
        messages.keys().filter_map(|key| key.strip_prefix(side)).map(str::to_owned).collect()
    };
    let known =
        |names: &[&str]| -> BTreeSet<String> { names.iter().map(|name| (*name).to_owned()).collect() };
    let errors = ["error.decode", "error.type", "error.data", "error.handler"];
    assert_eq!(of("client."), known(ClientEvent::NAMES));
    assert_eq!(of("server."), &known(ServerEvent::NAMES) | &known(&errors));
}

#[tokio::test]
async fn session_misses_and_repeats_nothing_over_restarts() {
    let mut app = TestApp::start().await;
    let (ann, bob, group) = pair(&app).await;
    let (writer, mut writers) = Session::connect_with(&app.url(), bearer(&ann), quick());
    let (_reader, mut updates) = Session::connect_with(&app.url(), bearer(&bob), quick());
    assert!(!connected(&mut writers).await.resumed && !connected(&mut updates).await.resumed);
    let read_on = tokio::spawn(async move { while writers.next().await.is_some() {} });
    let reading = tokio::spawn(async move {
        let bodies = bodies_until(&mut updates, "60").await;
        (bodies, updates)
    });
    let written = Arc::new(AtomicUsize::new(0));
    let progress = written.clone();
    let writing = tokio::spawn(async move {
        for number in 1..=60 {
            progress.fetch_add(1, Ordering::SeqCst);
            let message = writer.send(group, &number.to_string()).await.expect("it is sent in the end");
            assert_eq!((message.seq, message.body), (number + 1, number.to_string()));
        }
    });
    for restart in 1..=3 {
        wait::until("a dozen messages", || written.load(Ordering::SeqCst) > 12 * restart).await;
        app.restart().await;
    }
    timeout(WAIT_TIMEOUT, writing).await.expect("all is sent").expect("as it should be");
    let (bodies, updates) = timeout(WAIT_TIMEOUT, reading).await.expect("all is read").expect("in order");
    assert_eq!(bodies, numbered(1..=60));
    assert_eq!(updates.positions().groups[&group], 61);
    assert_eq!(bob.rest().history(group, chinwag_client::History::After(0), 100).await.unwrap().len(), 60);
    drop(updates);
    read_on.abort();
}

#[tokio::test]
async fn session_goes_on_from_stored_positions() {
    let app = TestApp::start().await;
    let (ann, bob, group) = pair(&app).await;
    let (session, mut updates) = Session::connect_with(&app.url(), bearer(&bob), quick());
    connected(&mut updates).await;
    send(&ann, &group.to_string(), 1).await;
    assert_eq!(bodies_until(&mut updates, "1").await, ["1"]);
    let stored = serde_json::to_string(updates.positions()).expect("positions are JSON");
    drop((session, updates));
    for number in 2..=4 {
        send(&ann, &group.to_string(), number).await;
    }
    let positions: Positions = serde_json::from_str(&stored).expect("as they were stored");
    let options = Options { positions: Some(positions), window: Some((1, 0)), ..quick() };
    let (_session, mut updates) = Session::connect_with(&app.url(), Access::tickets(bob.rest()), options);
    assert!(connected(&mut updates).await.resumed);
    assert_eq!(bodies_until(&mut updates, "4").await, numbered(2..=4));
    assert_eq!(until(&mut updates, |update| (update == Update::Resumed).then_some(())).await, ());
}

#[tokio::test]
async fn positions_that_do_not_fit_begin_anew() {
    let app = TestApp::start().await;
    let (_, bob, group) = pair(&app).await;
    let history = app.nobody().rest().server_info().await.unwrap().history;
    let ahead = Positions { history: Some(history), groups: [(group, 99), (Uuid::nil(), 1)].into() };
    let options = Options { positions: Some(ahead), ..quick() };
    let (_session, mut updates) = Session::connect_with(&app.url(), bearer(&bob), options);
    assert!(connected(&mut updates).await.resumed);
    let gone = |update| matches!(update, Update::Gone(id) if id == Uuid::nil()).then_some(());
    until(&mut updates, gone).await;
    let reset = |update| match update {
        Update::Reset { group, why } => Some((group.id, group.head, why)),
        _ => None,
    };
    assert_eq!(until(&mut updates, reset).await, (group, Some(1), "seq_ahead".to_owned()));
    assert_eq!(updates.positions().groups, [(group, 1)].into());

    let other = Positions { history: Some(Uuid::from_u128(1)), groups: [(group, 1)].into() };
    let options = Options { positions: Some(other), ..quick() };
    let (_session, mut updates) = Session::connect_with(&app.url(), bearer(&bob), options);
    let summary = connected(&mut updates).await;
    assert_eq!((summary.resumed, summary.history), (false, Some(history)));
}

#[tokio::test]
async fn slow_program_reads_every_event_in_the_end() {
    let app = TestApp::start().await;
    let (ann, bob, group) = pair(&app).await;
    let options = Options { updates: 8, ..quick() };
    let (_session, mut updates) = Session::connect_with(&app.url(), bearer(&bob), options);
    connected(&mut updates).await;
    for number in 1..=80 {
        send(&ann, &group.to_string(), number).await;
    }
    assert_eq!(bodies_until(&mut updates, "80").await, numbered(1..=80));
}

#[tokio::test]
async fn session_waits_where_the_server_says_too_often() {
    let app = TestApp::with(|options| {
        options.limits.rates =
            RateLimits { messages_burst: 2, messages_per_second: 1, ..RateLimits::lifted() };
    })
    .await;
    let (ann, _, group) = pair(&app).await;
    let (session, _updates) = Session::connect_with(&app.url(), bearer(&ann), quick());
    for number in 1..=4 {
        let sent = timeout(WAIT_TIMEOUT, session.send(group, &number.to_string())).await;
        assert_eq!(sent.expect("it is sent").expect("not refused").seq, number + 1);
    }
    let hasty = Options { retry_max: Duration::ZERO, ..quick() };
    let (session, _updates) = Session::connect_with(&app.url(), bearer(&ann), hasty);
    let refused = loop {
        if let Err(error) = session.send(group, "too often").await {
            break error;
        }
    };
    assert_eq!(refused.status(), Some(429));
}

#[tokio::test]
async fn event_that_is_too_long_fails_and_the_session_goes_on() {
    let app = TestApp::with(|options| options.http.max_frame = 8 * 1024).await;
    let (ann, _, group) = pair(&app).await;
    let (session, _updates) = Session::connect_with(&app.url(), bearer(&ann), quick());
    for length in [10_000, 70_000] {
        let sent = timeout(WAIT_TIMEOUT, session.send(group, &"b".repeat(length))).await.expect("an outcome");
        assert!(matches!(sent, Err(Error::TooLong(_))), "{length}: {sent:?}");
    }
    assert_eq!(session.send(group, "hello").await.expect("it is sent").seq, 2);
}

#[tokio::test]
async fn ended_credential_ends_the_session_or_is_renewed() {
    let app = TestApp::start().await;
    let (ann, bob, group) = pair(&app).await;
    let (fixed, mut updates) = Session::connect_with(&app.url(), bearer(&bob), quick());
    let (service, again) = (app.service(), Rest::new(&app.url()));
    let access = Access::renewed(move || {
        let service = service.rest().clone();
        async move {
            let issued = service.issue_token("bob", Duration::from_secs(60)).await?;
            Ok(Credential::Bearer(issued.token))
        }
    });
    let (renewed, mut others) = Session::connect_with(again.server(), access, quick());
    connected(&mut updates).await;
    connected(&mut others).await;
    app.service().rest().revoke_tokens("bob").await.unwrap();
    let ended = |update| match update {
        Update::Ended(Error::Ended(end)) => Some(end.code()),
        _ => None,
    };
    assert_eq!(until(&mut updates, ended).await, Some(4001));
    assert_eq!(timeout(WAIT_TIMEOUT, updates.next()).await.expect("it is over"), None);
    assert!(matches!(fixed.send(group, "late").await, Err(Error::Closed | Error::Ended(_))));
    assert!(connected(&mut others).await.resumed);
    assert_eq!(renewed.send(group, "still here").await.unwrap().author, "bob");
    drop(ann);
}

#[tokio::test]
async fn mentions_are_sent_edited_and_counted() {
    let app = TestApp::start().await;
    let (ann, bob, group) = pair(&app).await;
    let (session, _updates) = Session::connect_with(&app.url(), bearer(&ann), quick());
    let mentions = vec!["bob".to_owned()];
    let new = NewMessage { group, body: "look".into(), mentions: mentions.clone(), ..NewMessage::default() };
    let sent = session.send_message(new).await.unwrap();
    assert_eq!(sent.mentions, mentions);
    let unread = bob.rest().unread().await.unwrap();
    assert_eq!((unread.unread, unread.mentioned, unread.groups), (1, 1, 1));
    let edit = MessageEdit { id: sent.id, body: None, mentions: Some(vec![]) };
    let edited = ann.rest().edit_message(&edit).await.unwrap();
    assert_eq!((edited.body.as_str(), edited.mentions.len()), ("look", 0));
    let me = bob.rest().group(group).await.unwrap().me.expect("the user's own");
    assert_eq!(me.mentioned, 0);
}

#[tokio::test]
async fn refusals_reach_the_caller_with_their_fields() {
    let app = TestApp::start().await;
    let (ann, _, group) = pair(&app).await;
    let (session, _updates) = Session::connect_with(&app.url(), bearer(&ann), quick());
    let Err(Error::Refused(refusal)) = session.send(group, "").await else { panic!("an empty body") };
    assert_eq!((refusal.status, refusal.errors[0].field.as_str()), (400, "body"));
    assert_eq!(session.send(Uuid::nil(), "hello").await.unwrap_err().status(), Some(404));
    assert_eq!(ann.rest().create_user("eve").await.unwrap_err().status(), Some(403));
}

#[tokio::test]
async fn example_bot_answers_and_stops() {
    let app = TestApp::start().await;
    let (ann, bob, group) = pair(&app).await;
    let rest = bob.rest().clone();
    let bot = tokio::spawn(async move { echo::echo(&rest, "bob").await });
    let (session, mut updates) = Session::connect(ann.rest());
    connected(&mut updates).await;
    // The bot answers only messages after it has connected.
    let heard = async {
        loop {
            session.send(group, "hello").await.unwrap();
            let answer = timeout(Duration::from_millis(500), until(&mut updates, of_bob)).await;
            if let Ok(body) = answer {
                return body;
            }
        }
    };
    assert_eq!(timeout(WAIT_TIMEOUT, heard).await.expect("the bot answers"), "hello");
    session.send(group, "stop").await.unwrap();
    timeout(WAIT_TIMEOUT, bot)
        .await
        .expect("it stops")
        .expect("without a panic")
        .expect("and without an error");
}

fn of_bob(update: Update) -> Option<String> {
    match update {
        Update::Event(frame) => match frame.event {
            ServerEvent::MessageText(message) if message.author == "bob" => Some(message.body),
            _ => None,
        },
        _ => None,
    }
}

#[test]
fn debug_output_shows_no_secret() {
    let rest = Rest::new("http://127.0.0.1:1").with_token("cw_token_secret");
    let shown = format!("{rest:?} {:?} {:?}", rest.credential(), Access::from(bearer_of("cw_token_secret")));
    assert!(!shown.contains("secret"), "{shown}");
    let signed: chinwag_client::SignIn =
        serde_json::from_value(Value::from_iter([("name", "ann"), ("token", "secret")])).unwrap();
    assert!(!format!("{signed:?}").contains("secret"));
}

fn bearer_of(token: &str) -> Credential {
    Credential::Bearer(token.to_owned())
}
