//! More connections from one address than allowed. On Linux, all of 127.0.0.0/8 is local.

use chinwag_testkit::app::TestApp;
use chinwag_testkit::wait::Wait;
use futures_util::StreamExt;
use futures_util::stream;
use serde_json::json;

use crate::raw::{Keep, Raw, tcp};
use crate::{frames_until, group};

const CROWD: &str = "127.0.0.2";
const OTHER: &str = "127.0.0.3";
/// The limit per address.
const MOST: usize = 3;

/// A server without a trusted proxy, which counts each peer address.
async fn app() -> TestApp {
    TestApp::with(|options| {
        options.http.connections_per_address = MOST;
    })
    .await
}

async fn answers(keep: &mut Keep) -> bool {
    keep.try_get("/healthz", "id").await.is_some_and(|(head, _)| head.starts_with("http/1.1 200 "))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_over_the_address_bound_are_closed_alone() {
    let app = app().await;
    let url = app.url();
    let mut crowd: Vec<Keep> =
        stream::iter(0..MOST).then(|_| Keep::connect(&url, Some(CROWD))).collect().await;
    for keep in &mut crowd {
        assert!(answers(keep).await, "within the bound");
    }
    for _ in 0..20 {
        assert!(!answers(&mut Keep::connect(&url, Some(CROWD)).await).await, "one too many");
    }
    assert!(answers(&mut Keep::connect(&url, Some(OTHER)).await).await, "another address");
    for keep in &mut crowd {
        assert!(answers(keep).await, "those that were there go on");
    }
    crowd.pop();
    let wait = Wait::begin();
    while !answers(&mut Keep::connect(&url, Some(CROWD)).await).await {
        wait.step(|| "the place that came free is not given").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_over_the_process_bound_are_closed() {
    let app = TestApp::with(|options| options.http.connections = MOST).await;
    let url = app.url();
    let mut crowd: Vec<Keep> =
        stream::iter(0..MOST).then(|_| Keep::connect(&url, Some(CROWD))).collect().await;
    for keep in &mut crowd {
        assert!(answers(keep).await, "within the bound");
    }
    for from in [CROWD, OTHER] {
        assert!(!answers(&mut Keep::connect(&url, Some(from)).await).await, "one too many");
    }
    for keep in &mut crowd {
        assert!(answers(keep).await, "those that were there go on");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_over_the_address_bound_are_503_alone() {
    let app = TestApp::with(|options| options.http.sockets_per_address = MOST).await;
    let url = app.url();
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let group = group(&app.service(), &["ann", "bob"]).await;
    let shake = async |token: &str, from| Raw::shake(&url, token, tcp(&url, Some(from), None).await).await;
    let mut crowd = Vec::new();
    for _ in 0..MOST {
        crowd.push(shake(ann.token(), CROWD).await.expect("within the bound"));
    }
    for token in [ann.token(), bob.token()] {
        assert_eq!(shake(token, CROWD).await.err(), Some(503), "whoever it is");
    }
    let mut other = shake(ann.token(), OTHER).await.expect("another address");
    let sent = json!({ "type": "message.text", "data": { "group": group, "body": "heard" } });
    crowd[0].send(&sent).await;
    for socket in crowd.iter_mut().chain([&mut other]) {
        while socket.frame().await["data"]["body"] != "heard" {}
    }
    crowd.pop();
    let wait = Wait::begin();
    while shake(bob.token(), CROWD).await.is_err() {
        wait.step(|| "the place that came free is not given").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_behind_a_trusted_proxy_are_counted_by_client() {
    let app = TestApp::with(|options| {
        options.http.sockets_per_address = 1;
        options.http.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
    })
    .await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let group = group(&app.service(), &["ann", "bob"]).await;
    let through = async |client: &str| ann.try_ws("/chat/", &[("x-forwarded-for", client)]).await;
    let mut first = through("203.0.113.1").await.expect("the first");
    assert_eq!(through("203.0.113.1").await.expect_err("the second").status, 503);
    assert_eq!(through("9.9.9.9, 203.0.113.1").await.expect_err("whatever it adds").status, 503);
    let mut other = through("203.0.113.2").await.expect("another client");
    let (mut near, _too) = (bob.ws().await, bob.ws().await);
    near.ask("message.text", json!({ "group": group, "body": "heard" })).await;
    for socket in [&mut first, &mut other] {
        frames_until(socket, "heard").await;
    }
}
