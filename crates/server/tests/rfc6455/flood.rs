//! The last frames of a peer, and a peer that never reads.

use std::future::pending;
use std::time::Duration;

use chinwag_testkit::app::TestApp;
use chinwag_testkit::wait::until;
use serde_json::json;

use crate::peer::{FIN, PING, Peer, Sent, TEXT, close, frame};

/// Far beyond the kernel's buffers and the server's bounds.
const TOO_MUCH: usize = 256 * 1024 * 1024;

#[tokio::test]
async fn events_before_a_close_are_handled() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let made = app.service().post("groups/", json!({ "name": "g", "author": "ann" })).await.ok(201);
    let group = made["id"].as_str().expect("an id");
    let mut bytes = Vec::new();
    for number in 0..100 {
        let data = json!({ "group": group, "body": format!("{number}") });
        let event = json!({ "type": "message.text", "data": data, "ref": "last" });
        bytes.extend(frame(FIN | TEXT, event.to_string().as_bytes()));
    }
    bytes.extend(close(1000, b""));
    let mut peer = Peer::connect(&ann, "a close behind messages", &[]).await.greeted().await;
    peer.write(&bytes).await;
    // The close may overtake the answers, so check the store instead.
    while let Sent::Frame(_) = peer.next().await {}
    let kept = ann.get(&format!("groups/{group}/messages/?limit=100")).await.ok(200);
    let kept: Vec<_> =
        kept.as_array().expect("a list").iter().map(|message| message["body"].clone()).collect();
    assert_eq!(kept.len(), 100, "{kept:?}");
}

#[tokio::test]
async fn a_ping_flooder_that_never_reads_is_closed() {
    let app = TestApp::with(|options| {
        options.hub.ping_every = Duration::from_secs(1);
        options.hub.pong_within = Duration::from_secs(2);
    })
    .await;
    let ann = app.user("ann").await;
    let mut peer = Peer::connect(&ann, "a flood of pings", &[]).await.greeted().await;
    let pings = frame(FIN | PING, &[b'p'; 125]).repeat(1000);
    let mut written = 0;
    let flood = async {
        // The hub's metric shows when the socket is closed.
        while peer.try_write(&pings).await.is_ok() {
            written += pings.len();
            assert!(written < TOO_MUCH, "the server reads on, and holds all the pongs");
        }
        pending::<()>().await;
    };
    tokio::select! {
        () = flood => {}
        () = until("the end of a socket that says nothing", || app.hub().counts().sockets == 0) => {}
    }
}
