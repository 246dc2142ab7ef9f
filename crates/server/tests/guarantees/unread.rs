//! Sockets that never read their summary cost little memory and do not disturb others.

use std::time::Duration;

use chinwag_testkit::client::Client;
use chinwag_testkit::process::Program;
use futures_util::StreamExt;
use futures_util::stream::iter;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::raw::tcp;
use crate::slow::memory;
use crate::{WAIT_TIMEOUT, group, seq};

const GROUPS: usize = 1000;
const SOCKETS: usize = 200;
/// Upper bound of their memory: the user's limit of queued bytes, as much again for the allocator, and for each
/// socket a page of 64 KiB in two forms. A complete summary would take 6 MiB per socket.
const GROWTH: u64 = 2 * (8 << 20) + SOCKETS as u64 * (128 << 10);

/// Sends a long message to each of the user's groups.
async fn fill(service: &Client) {
    let body = "漢".repeat(2000);
    let groups = iter(0..GROUPS).map(|n| {
        let body = &body;
        async move {
            let made = json!({ "name": format!("group {n}"), "author": "eve" });
            let made = service.post("groups/", made).await.ok(201);
            let sent = json!({ "author": "eve", "group": made["id"], "body": body });
            service.post("messages/", sent).await.ok(201);
        }
    });
    groups.buffer_unordered(32).collect::<Vec<()>>().await;
}

/// Shakes hands, and reads only the answer to the handshake.
async fn open_socket(url: &str, token: &str) -> TcpStream {
    let mut stream = tcp(url, None, Some(4096)).await;
    let host = url.strip_prefix("http://").expect("an address");
    let request = format!(
        "GET /chat/ HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.expect("it is open");
    let mut status = [0; 12];
    stream.read_exact(&mut status).await.expect("an answer");
    assert_eq!(&status, b"HTTP/1.1 101");
    stream
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_that_never_read_stay_within_their_users_bound() {
    let program = Program::new(env!("CARGO_BIN_EXE_chinwag"));
    let running = program.serve_with(|command| {
        command.env("CHINWAG_WS__SOCKETS_PER_USER", "1000").env("CHINWAG_LIMITS__CONNECTS_BURST", "0");
    });
    let service = program.service(&running);
    let eve = service.user("eve").await;
    let (ann, bob) = (service.user("ann").await, service.user("bob").await);
    fill(&service).await;
    let talk = group(&service, &["ann", "bob"]).await;
    let (mut anns, mut bobs) = (ann.ws().await, bob.ws().await);
    let whole = eve.ws().await;
    assert_eq!(whole.summary().as_array().map(Vec::len), Some(GROUPS));
    drop(whole);

    let before = memory(running.pid());
    let mut sockets = Vec::new();
    let (mut longest, mut most) = (Duration::ZERO, 0);
    for number in 0..SOCKETS {
        sockets.push(open_socket(running.url(), eve.token()).await);
        let started = tokio::time::Instant::now();
        let sent = anns.ask("message.text", json!({ "group": talk, "body": number.to_string() })).await;
        assert_eq!(seq(&bobs.until("message.text").await), seq(&sent));
        longest = longest.max(started.elapsed());
        most = most.max(memory(running.pid()).unwrap_or_default());
    }
    assert!(longest < WAIT_TIMEOUT, "one waited {longest:?}");
    if let Some(before) = before {
        assert!(most < before + GROWTH, "the process grew from {before} to {most}");
    }
    drop(sockets);
    let back = eve.ws().await;
    assert_eq!(back.summary().as_array().map(Vec::len), Some(GROUPS), "who reads is shown all");
}
