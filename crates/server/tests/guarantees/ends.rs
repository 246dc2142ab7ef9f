//! Sockets of an ended credential are closed, whatever they are busy with.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use chinwag_core::Name;
use chinwag_core::app::Context;
use chinwag_core::user::Caller;
use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::Client;
use chinwag_testkit::trial::bound;
use chinwag_testkit::wait::Wait;
use serde_json::json;
use tokio::time::Instant;

use crate::raw::{Incoming, Raw};
use crate::{group, until};

/// The bound in the contract.
const WITHIN: Duration = Duration::from_secs(5);

/// The ways in which a credential ends.
#[derive(Debug, Clone, Copy)]
enum End {
    Revocation,
    Deletion,
    Expiry,
    Password,
}

const ENDS: [End; 4] = [End::Revocation, End::Deletion, End::Expiry, End::Password];

impl End {
    /// Creates a user whose credential can end in this way.
    async fn user(self, app: &TestApp, name: &str) -> Client {
        if matches!(self, Self::Password) {
            return app.nobody().sign_up(name, "a long password").await;
        }
        let user = app.user(name).await;
        if !matches!(self, Self::Expiry) {
            return user;
        }
        let short = app.service().post(&format!("users/{name}/tokens/"), json!({ "ttl": 8 })).await.ok(201);
        Client::new(&app.url(), short["token"].as_str(), name)
    }

    /// Ends the credential. For an expiry, waits until the token is refused.
    async fn apply(self, app: &TestApp, user: &Client) {
        let name = user.name();
        match self {
            Self::Revocation => drop(user.delete("sessions/").await.ok(200)),
            Self::Deletion => drop(app.service().delete(&format!("users/{name}/")).await.ok(200)),
            Self::Expiry => {
                let wait = Wait::begin();
                while user.get("users/").await.status != 401 {
                    wait.step(|| "the token does not expire").await;
                }
            }
            Self::Password => {
                let name = Name::parse(name).expect("a name");
                let phc = chinwag_core::password::Password::parse("another password").expect("long enough");
                let phc = phc.hash().expect("a hash");
                app.app().password_set(&Context::new(Caller::Service), name, phc).await.expect("it is set");
            }
        }
    }
}

/// Writes without pauses until stopped.
async fn flood(client: &Client, group: &str, stop: &AtomicBool) -> usize {
    let mut socket = client.ws().await;
    let mut sent = 0;
    while !stop.load(Ordering::SeqCst) {
        for _ in 0..50 {
            let data = json!({ "group": group, "body": "x".repeat(100) });
            socket.send(json!({ "type": "message.text", "data": data, "ref": "mine" })).await;
        }
        for _ in 0..50 {
            while socket.until("message.text").await["ref"] != "mine" {}
            sent += 1;
        }
    }
    sent
}

/// Reads until the end and counts the frames.
async fn read_on(mut socket: Raw, read: &AtomicUsize) -> (Option<u16>, Instant) {
    loop {
        if let Incoming::End(code) = socket.next().await {
            return (code, Instant::now());
        }
        read.fetch_add(1, Ordering::SeqCst);
    }
}

/// Ends a credential in one way while others flood the socket's group.
async fn while_flooded(end: End) {
    let app = TestApp::start().await;
    app.user("writer").await;
    let writer = app.sign_in("writer").await;
    app.user("keeper").await;
    let mut victims = Vec::new();
    for number in 0..3 {
        victims.push(end.user(&app, &format!("victim{number}")).await);
    }
    let group = group(&app.service(), &["keeper", "writer", "victim0", "victim1", "victim2"]).await;
    let (stop, read) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut sockets = Vec::new();
    for victim in &victims {
        sockets.push(Raw::connect(&app.url(), victim.token(), None).await);
    }
    let reading = futures_util::future::join_all(sockets.into_iter().map(|socket| read_on(socket, &read)));
    let ending = async {
        until("the flood", || read.load(Ordering::SeqCst) > 150).await;
        let mut ended = Vec::new();
        for victim in &victims {
            end.apply(&app, victim).await;
            ended.push(Instant::now());
        }
        ended
    };
    let all = async {
        let found = tokio::join!(reading, ending);
        stop.store(true, Ordering::SeqCst);
        found
    };
    let (sent, (closed, ended)) = tokio::join!(flood(&writer, &group, &stop), all);
    assert!(sent > 50, "{end:?}: the flood was of {sent}");
    for (number, ((code, at), ended)) in closed.into_iter().zip(ended).enumerate() {
        let took = at.saturating_duration_since(ended);
        assert_eq!(code, Some(4001), "{end:?} of {number}");
        assert!(took < WITHIN, "{end:?} of {number} took {took:?}");
        let refused = victims[number].try_ws("/chat/", &[]).await.expect_err("the credential has ended");
        assert_eq!(refused.status, 401, "{end:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ended_credentials_close_sockets_under_load() {
    for end in ENDS {
        Box::pin(while_flooded(end)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flooding_socket_is_closed_and_its_later_events_dropped() {
    let app = TestApp::start().await;
    app.user("keeper").await;
    for (number, end) in ENDS.into_iter().enumerate() {
        let name = format!("flooder{number}");
        let user = end.user(&app, &name).await;
        let group = group(&app.service(), &["keeper", &name]).await;
        let mut socket = user.ws().await;
        for event in 0..400 {
            let data = json!({ "group": group, "body": format!("event {event}") });
            socket.send(json!({ "type": "message.text", "data": data, "ref": event.to_string() })).await;
        }
        socket.until("message.text").await;
        end.apply(&app, &user).await;
        let ended = Instant::now();
        let (service, path) = (app.service(), format!("groups/{group}/?fields=messages"));
        assert_eq!(socket.close_code().await, Some(4001), "{end:?}");
        assert!(ended.elapsed() < bound(WITHIN), "{end:?} took {:?}", ended.elapsed());
        // Events that were being stored at the close are stored by now.
        app.settle().await;
        let written = service.get(&path).await.ok(200);
        assert_eq!(service.get(&path).await.ok(200), written, "{end:?}: nothing more is written");
    }
}
