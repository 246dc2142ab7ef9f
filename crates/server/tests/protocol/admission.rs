//! Heavy load from one address or user does not delay others.

use chinwag_testkit::app::{Options, TestApp};
use chinwag_testkit::setup::{group, send};
use chinwag_testkit::wait::{WAIT_TIMEOUT, Wait};
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::files::upload;
use crate::validator::Host;

/// A server that trusts a proxy's addresses and allows 20 concurrent requests.
async fn app(change: impl FnOnce(&mut Options)) -> TestApp {
    TestApp::with(|options| {
        options.http.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
        options.http.requests = 20;
        change(options);
    })
    .await
}

/// A connection with an unfinished request.
async fn begin_request(app: &TestApp, from: &str, head: &str) -> TcpStream {
    let address = app.url().trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&address).await.expect("it listens");
    let text = format!("{head}\r\nhost: {address}\r\nx-forwarded-for: {from}\r\n\r\n");
    stream.write_all(text.as_bytes()).await.expect("sent");
    stream
}

/// The status of the answer, which must arrive in time.
async fn status(stream: &mut TcpStream) -> String {
    timeout(WAIT_TIMEOUT, answered(stream)).await.expect("an answer in time")
}

/// The same without a timeout.
async fn answered(stream: &mut TcpStream) -> String {
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.expect("an answer");
    String::from_utf8_lossy(&answer[9..]).into_owned()
}

#[tokio::test]
async fn unfinished_bodies_of_one_address_delay_no_others() {
    let app = app(|_| {}).await;
    let ann = app.user("ann").await;
    let authorization = format!("authorization: Bearer {}", ann.token());
    let anonymous = "POST /api/v1/sessions/ HTTP/1.1\r\ncontent-length: 1000";
    let signed_in = format!("POST /api/v1/groups/ HTTP/1.1\r\n{authorization}\r\ncontent-length: 1000");
    let mut held = Vec::new();
    for head in [anonymous, &signed_in].into_iter().cycle().take(30) {
        held.push(begin_request(&app, "10.0.0.1", head).await);
    }
    // Two are a tenth of twenty: the others are refused.
    let mut answers: FuturesUnordered<_> = held.iter_mut().map(answered).collect();
    for _ in 0..28 {
        let answer = timeout(WAIT_TIMEOUT, answers.next()).await.expect("28 are answered in time");
        assert_eq!(answer.as_deref(), Some("429"));
    }
    ann.get("groups/").await.ok(200);
    ann.post("groups/", json!({ "name": "g" })).await.ok(201);
    let account = json!({ "name": "bob", "password": "correct horse" });
    let request = app.nobody().request(Method::POST, "accounts/").header("x-forwarded-for", "10.0.0.2");
    app.nobody().send(request.body(account.to_string())).await.ok(201);
    assert!(answers.next().now_or_never().is_none(), "two still send their bodies");
}

#[tokio::test]
async fn uploads_of_one_user_from_many_addresses_are_bounded() {
    let app = app(|_| {}).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let authorization = format!("authorization: Bearer {}", ann.token());
    let head = format!("POST /api/v1/files/ HTTP/1.1\r\n{authorization}\r\ncontent-length: 1000");
    let mut held = Vec::new();
    for number in 0..17 {
        held.push(begin_request(&app, &format!("10.0.0.{number}"), &head).await);
    }
    // 16 are a tenth of 160: the last is refused.
    let mut answers: FuturesUnordered<_> = held.iter_mut().map(answered).collect();
    let refused = timeout(WAIT_TIMEOUT, answers.next()).await.expect("one is answered in time");
    assert_eq!(refused.as_deref(), Some("429"));
    upload(&bob, "free", "x").await.ok(201);
    assert!(answers.next().now_or_never().is_none(), "the others still send their bodies");
}

#[tokio::test]
async fn slow_validator_delays_no_others() {
    let host = Host::start("silent").await;
    let app = app(|options| options.http.validate_url = Some(host.url.clone())).await;
    let ann = app.user("ann").await;
    let head = "GET /api/v1/groups/ HTTP/1.1\r\ncookie: sessionid=1";
    let mut waiting = Vec::new();
    for _ in 0..2 {
        waiting.push(begin_request(&app, "10.0.0.1", head).await);
    }
    host.was_asked(2).await;
    for _ in 0..30 {
        assert_eq!(status(&mut begin_request(&app, "10.0.0.1", head).await).await, "429");
    }
    ann.get("groups/").await.ok(200);
    ann.post("groups/", json!({ "name": "g" })).await.ok(201);
    let _other = begin_request(&app, "10.0.0.2", head).await;
    host.was_asked(3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_from_one_address_leave_the_queue_to_others() {
    let app = app(|options| options.http.requests = 1024).await;
    let nobody = app.nobody();
    let send = async |from: &str, path: &str, name: &str| {
        let body = json!({ "name": name, "password": "correct horse" }).to_string();
        nobody.send(nobody.request(Method::POST, path).header("x-forwarded-for", from).body(body)).await
    };
    send("10.0.0.2", "accounts/", "ann").await.ok(201);
    let guesses = join_all((0..100).map(|n| {
        let name = format!("guess{n}");
        async move { send("10.0.0.1", "sessions/", &name).await.status }
    }));
    let owner = async {
        for _ in 0..3 {
            send("10.0.0.2", "sessions/", "ann").await.ok(201);
        }
    };
    let (statuses, ()) = tokio::join!(guesses, owner);
    assert!(statuses.iter().all(|status| [401, 429, 503].contains(status)), "{statuses:?}");
}

#[tokio::test]
async fn answers_that_a_user_does_not_read_are_bounded() {
    let app = TestApp::with(|options| options.http.user_bytes = 512 << 10).await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let group = group(&app.service(), &["ann"]).await;
    for _ in 0..50 {
        send(&ann, &group, "\u{1d4d0}".repeat(4096)).await;
    }
    // More data than the kernel's buffers of a connection hold.
    let asked = format!(
        "GET /api/v1/groups/{group}/messages/?limit=50 HTTP/1.1\r\nauthorization: Bearer {}",
        ann.token()
    );
    let mut unread = begin_request(&app, "10.0.0.1", &asked).await;
    for _ in 0..20 {
        let again = format!("{asked}\r\nhost: localhost\r\n\r\n");
        unread.write_all(again.as_bytes()).await.expect("sent");
    }
    let wait = Wait::begin();
    let refused = loop {
        let answer = ann.get("groups/").await;
        if answer.status == 429 {
            break answer;
        }
        wait.step(|| "it may still ask for more").await;
    };
    assert!(refused.text.contains("read them before you request more"), "{}", refused.text);
    assert!(app.nobody().figure("chinwag_http_answers_waiting_bytes").await >= f64::from(512 << 10));
    bob.get("groups/").await.ok(200);
    drop(unread);
    while ann.get("groups/").await.status != 200 {
        wait.step(|| "the answers are gone").await;
    }
}
