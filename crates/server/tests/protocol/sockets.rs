//! The WebSocket: its handshake, order, bounds and close.

use std::sync::Arc;
use std::time::Duration;

use chinwag_testkit::app::TestApp;
use chinwag_testkit::fault::Faults;
use chinwag_testkit::setup::group;
use chinwag_testkit::wait::Wait;
use futures_util::future::join_all;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn a_handshake_takes_every_credential_and_a_ticket_once() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let nobody = app.nobody();
    ann.ws().await.close().await;
    let cookie = format!("access={}; other=1", ann.token());
    nobody.try_ws("/chat/", &[("cookie", &cookie)]).await.expect("a cookie").close().await;
    nobody.try_ws("/chat", &[("cookie", &cookie)]).await.expect("no slash").close().await;
    let offered = format!("chinwag, bearer.{}", ann.token());
    let socket =
        nobody.try_ws("/chat/", &[("sec-websocket-protocol", &offered)]).await.expect("a subprotocol");
    assert_eq!(socket.protocol(), Some("chinwag"));
    let ticket = ann.post("tickets/", json!({})).await.ok(201);
    let path = format!(
        "/chat/?ticket={}",
        ticket["ticket"].as_str().or(ticket["token"].as_str()).expect("a ticket")
    );
    nobody.try_ws(&path, &[]).await.expect("a ticket").close().await;
    let again = nobody.try_ws(&path, &[]).await.expect_err("a ticket is used once");
    assert_eq!(again.status, 401);
    for bad in ["Bearer nonsense", "Basic YTpi", "Bearer "] {
        let refused = nobody.try_ws("/chat/", &[("authorization", bad)]).await.expect_err(bad);
        assert_eq!(refused.status, 401, "{bad}");
    }
}

#[tokio::test]
async fn foreign_origins_are_refused_own_and_configured_ones_not() {
    let app = TestApp::with(|options| options.http.origins = vec!["https://app.example".into()]).await;
    let ann = app.user("ann").await;
    let own = app.url();
    for origin in [own.as_str(), "https://app.example"] {
        ann.try_ws("/chat/", &[("origin", origin)]).await.expect(origin).close().await;
    }
    let port = own.rsplit(':').next().expect("a port");
    for origin in [
        "null",
        "https://evil.example",
        "https://app.example.evil.example",
        "https://evilapp.example",
        "http://app.example",
        "https://app.example:444",
        &format!("https://127.0.0.1:{port}"),
        &format!("http://127.0.0.1:{port}.evil.example"),
        "",
    ] {
        let refused = ann.try_ws("/chat/", &[("origin", origin)]).await.expect_err(origin);
        assert_eq!(refused.status, 403, "{origin:?}");
    }
}

#[tokio::test]
async fn request_without_upgrade_is_told_how_to_connect() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let answer = ann.get("/chat/").await;
    assert_eq!((answer.status, answer.header("upgrade")), (426, "websocket"));
    let old = ann.request(reqwest::Method::GET, "/chat/").header("connection", "upgrade");
    let old = old.header("upgrade", "websocket").header("sec-websocket-version", "8");
    let answer = ann.send(old.header("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA==")).await;
    assert_eq!((answer.status, answer.header("sec-websocket-version")), (426, "13"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipelined_messages_keep_their_order_for_everybody() {
    let app = TestApp::start().await;
    let names = ["ann", "bob", "cat"];
    for name in names {
        app.user(name).await;
    }
    let group = group(&app.service(), &names).await;
    let mut sockets = Vec::new();
    for name in names {
        sockets.push((name, app.sign_in(name).await.ws().await));
    }
    let writers = sockets.into_iter().map(|(name, mut socket)| {
        let group = &group;
        async move {
            for number in 0..200 {
                let body = format!("{name} {number}");
                let data = json!({ "group": group, "body": body, "client_id": number.to_string() });
                socket.send(json!({ "type": "message.text", "data": data, "ref": number.to_string() })).await;
            }
            let (mut seen, mut acknowledged) = (Vec::new(), Vec::new());
            while seen.len() < 600 {
                let frame = socket.until("message.text").await;
                acknowledged.extend(frame["ref"].as_str().map(str::to_owned));
                seen.push((frame["seq"].as_i64().expect("a seq"), frame["data"]["body"].clone()));
            }
            assert_eq!(acknowledged, (0..200).map(|number| number.to_string()).collect::<Vec<_>>(), "{name}");
            seen
        }
    });
    let seen = join_all(writers).await;
    let numbers: Vec<i64> = seen[0].iter().map(|(seq, _)| *seq).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
    assert_eq!((&seen[0], &seen[1]), (&seen[1], &seen[2]));
}

#[tokio::test]
async fn a_slow_reader_is_closed_with_4008_and_delays_no_others() {
    let app = TestApp::with(|options| {
        options.hub.queue_bytes = 64 * 1024;
        options.limits.message_chars = 4096;
    })
    .await;
    app.user("ann").await;
    app.user("bob").await;
    let group = group(&app.service(), &["ann", "bob"]).await;
    let mut slow = app.sign_in("bob").await.ws().await;
    let mut healthy = app.sign_in("bob").await.ws().await;
    let mut ann = app.sign_in("ann").await.ws().await;
    // More data than the kernel's buffers hold: bob's first socket does not read.
    let body = "x".repeat(4096);
    let mut sent = 0;
    while app.hub().counts().too_slow == 0 {
        sent += 50;
        assert!(sent <= 6000, "the slow socket is kept");
        for _ in 0..50 {
            ann.ask("message.text", json!({ "group": group, "body": body })).await;
            healthy.until("message.text").await;
        }
    }
    assert_eq!(slow.close_code_within(Duration::from_secs(20)).await, Some(4008));
}

#[tokio::test]
async fn ended_credentials_close_sockets_with_4001() {
    let app = TestApp::start().await;
    let service = app.service();
    let ann = app.user("ann").await;
    let (mut first, mut second) = (ann.ws().await, app.sign_in("ann").await.ws().await);
    let ticket =
        |value: serde_json::Value| format!("/chat/?ticket={}", value["ticket"].as_str().expect("a ticket"));
    let (used, unused) =
        (ann.post("tickets/", json!({})).await.ok(201), ann.post("tickets/", json!({})).await.ok(201));
    let mut third = app.nobody().try_ws(&ticket(used), &[]).await.expect("a ticket");
    ann.delete("sessions/").await.ok(200);
    assert_eq!(first.close_code().await, Some(4001));
    assert_eq!(
        third.close_code().await,
        Some(4001),
        "a ticket's socket ends with the token that asked for it"
    );
    assert_eq!(app.nobody().try_ws(&ticket(unused), &[]).await.expect_err("so does the ticket").status, 401);
    assert_eq!(ann.get("users/").await.status, 401);
    second.ask("status.update", json!({ "status": "afk" })).await;
    let short = service.post("users/ann/tokens/", json!({ "ttl": 1 })).await.ok(201);
    let short = format!("Bearer {}", short["token"].as_str().expect("a token"));
    let mut short =
        app.nobody().try_ws("/chat/", &[("authorization", &short)]).await.expect("good for a second");
    assert_eq!(short.close_code().await, Some(4001));
    service.delete("users/ann/").await.ok(200);
    assert_eq!(second.close_code().await, Some(4001));
}

#[tokio::test]
async fn sockets_over_the_bounds_are_503_and_the_rest_served() {
    let app = TestApp::with(|options| {
        options.hub.sockets = 3;
        options.hub.sockets_per_user = 2;
    })
    .await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let (one, mut two) = (ann.ws().await, ann.ws().await);
    assert_eq!(ann.try_ws("/chat/", &[]).await.expect_err("ann has two").status, 503);
    let _three = bob.ws().await;
    assert_eq!(bob.try_ws("/chat/", &[]).await.expect_err("there are three").status, 503);
    two.ask("status.update", json!({ "status": "afk" })).await;
    one.close().await;
    // The server counts a socket until it has noticed the disconnect.
    let come_in = async { while bob.try_ws("/chat/", &[]).await.is_err() {} };
    tokio::time::timeout(Duration::from_secs(60), come_in).await.expect("there is room again");
}

#[tokio::test]
async fn a_peer_that_ignores_pings_is_closed() {
    let app = TestApp::with(|options| {
        options.hub.ping_every = Duration::from_secs(1);
        options.hub.pong_within = Duration::from_secs(2);
    })
    .await;
    let ann = app.user("ann").await;
    // A client that reads answers pings; one that does not read sends nothing.
    let (mut reading, mut silent) = (ann.ws().await, ann.ws().await);
    let wait = Wait::begin();
    let closed = async {
        while app.hub().counts().sockets > 1 {
            wait.step(|| "both are served").await;
        }
    };
    tokio::select! {
        frame = reading.next() => panic!("nothing should have come, but {frame}"),
        () = closed => {}
    }
    let code = silent.close_code().await;
    assert!(matches!(code, Some(1001) | None), "{code:?}");
    reading.ask("status.update", json!({ "status": "afk" })).await;
}

#[tokio::test]
async fn a_ping_is_answered_and_a_close_is_answered_with_its_code() {
    let app = TestApp::start().await;
    let mut socket = app.user("ann").await.ws().await;
    socket.send_message(Message::Ping("are you there".into())).await;
    socket.ask("status.update", json!({ "status": "afk" })).await;
    let close =
        tokio_tungstenite::tungstenite::protocol::CloseFrame { code: 4321.into(), reason: "bye".into() };
    socket.send_message(Message::Close(Some(close))).await;
    assert_eq!(socket.close_code().await, Some(4321));
}

#[tokio::test]
async fn unknown_tickets_are_no_work_for_the_writer() {
    let faults = Arc::new(Faults::default());
    let app = TestApp::with(|options| options.faults = faults.clone()).await;
    let nobody = app.nobody();
    let guess = async || nobody.try_ws("/chat/?ticket=unknown", &[]).await.expect_err("it is unknown").status;
    // Only this many failures get an entry in the audit log.
    for _ in 0..20 {
        guess().await;
    }
    faults.panic_in_write();
    assert_eq!((guess().await, faults.panicked()), (401, 0));
}
