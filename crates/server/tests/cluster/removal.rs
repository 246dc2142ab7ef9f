//! A member is removed on one node while messages flow, and is connected to the other node.

use std::time::{Duration, Instant};

use chinwag_testkit::client::Client;
use chinwag_testkit::trial::{
    Incoming, Reader, Transport, TrialSocket, WAIT_TIMEOUT, group, rate, report, times,
};
use serde_json::json;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::cluster::{Cluster, write};

const WRITERS: usize = 6;
/// Pause after each answer. A new socket buffers live events until its summary is sent, and is closed if there
/// are too many.
const PACE: Duration = Duration::from_millis(10);
/// Messages before each removal, and after it to prove that the removed user does not receive them.
const FLOW: usize = 300;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removal_on_one_node_ends_delivery_on_another() {
    let rounds = times(3, 100);
    let cluster = Cluster::of(2).await;
    let (first, second) = (&cluster.nodes[0], &cluster.nodes[1]);
    let writers = cluster.users("writer", WRITERS).await;
    let others = cluster.users("member", 3).await;
    let [owner, witness, victim] = &others[..] else { panic!("three were asked for") };
    let names: Vec<&str> = others.iter().chain(&writers).map(Client::name).collect();
    let group = group(&first.service(), &names).await;
    // A member who stays in the group, at the node of the removed user.
    let keeping = Reader::new(witness, &group).follow(&cluster.urls_from(1)).await;
    let flow = write(&writers, &group, PACE, |_| (Transport::WebSocket, cluster.urls()));
    let (begun, mut most) = (Instant::now(), 0);
    let (owner, path) = (first.as_user(owner), format!("groups/{group}/"));
    for round in 0..rounds {
        let mut socket =
            TrialSocket::connect(&second.url(), victim.token()).await.expect("the node is there");
        let (stop, mut stopped) = oneshot::channel::<()>();
        let listening = tokio::spawn(async move {
            let mut frames = Vec::new();
            loop {
                tokio::select! {
                    came = socket.await_next() => match came {
                        Incoming::Frame(frame) => frames.push(frame),
                        Incoming::End(code) => panic!("the socket is closed with {code:?}"),
                    },
                    _ = &mut stopped => return frames,
                }
            }
        });
        flow.ledger.busy(FLOW, WRITERS).await;
        let before = cluster.head(&group);
        owner.patch(&path, json!({ "remove": [victim.name()] })).await.ok(200);
        let removal = cluster.last_change(&group);
        flow.ledger.busy(FLOW, WRITERS).await;
        let after = cluster.head(&group);
        assert!(before < removal && removal < after, "messages flow on: {before} {removal} {after}");
        // Delivery on a node is ordered: when the other member has a message there, the removed user has
        // received all it ever will.
        keeping.reaches(after, WAIT_TIMEOUT).await;
        stop.send(()).expect("it listens");
        let frames = timeout(WAIT_TIMEOUT, listening).await.expect("it stops").expect("the socket was open");
        let seqs: Vec<i64> = frames.iter().filter_map(|frame| frame["seq"].as_i64()).collect();
        most = most.max(seqs.len());
        assert!(seqs.len() > FLOW / 2, "round {round}: messages flowed to the victim: {}", seqs.len());
        let late: Vec<_> = frames.iter().filter(|frame| frame["seq"].as_i64() > Some(removal)).collect();
        assert!(late.is_empty(), "round {round}: removed at {removal}, and told {late:?}");
        assert!(seqs.windows(2).all(|pair| pair[0] < pair[1]), "round {round}: {seqs:?}");
        let last = frames.iter().rfind(|frame| frame["seq"].is_i64()).expect("there are some");
        assert_eq!((&last["type"], &last["seq"]), (&json!("group.quit"), &json!(removal)), "{last}");
        // The service adds members without their consent.
        first.service().patch(&path, json!({ "members": [victim.name()] })).await.ok(200);
    }
    let rate = rate(flow.ledger.load().acks, begun.elapsed());
    let (verdict, ..) = cluster.settle(flow, vec![keeping], &group).await;
    report(
        "removal",
        format!("{rounds} removals"),
        format!("at {rate:.0} messages/s; up to {most} events before it, none after; {verdict}"),
    );
    verdict.assert_kept();
}
