//! Sixty-four users write to one group on two nodes.

use std::time::Instant;

use chinwag_testkit::trial::{Transport, rate, report, times};

use crate::cluster::{Cluster, Crowd};

const WRITERS: usize = 64;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_writers_on_two_nodes_share_one_order() {
    let messages = times(2000, 50_000);
    let cluster = Cluster::of(2).await;
    let Crowd { group, writers, reading } = cluster.crowd(WRITERS, 4).await;
    let begun = Instant::now();
    let flow =
        Cluster::flow(&writers, &group, |number| (Transport::WebSocket, cluster.urls_from(number / 2)))
            .waiting_for(&reading);
    flow.ledger.busy(messages, WRITERS).await;
    let took = begun.elapsed();
    let (verdict, ends, read) = cluster.settle(flow, reading, &group).await;
    assert!(ends.is_empty(), "no socket was closed: {ends:?}");
    assert!(read.iter().all(|reader| reader.ends().is_empty()), "no reader was sent away");
    for node in &cluster.nodes {
        let received = node.figure("chinwag_hints_received_total").await;
        assert!(received > 0.0, "each node has heard of the other's");
    }
    let rate = rate(verdict.acked, took);
    report("order", format!("{WRITERS} writers, two nodes"), format!("{rate:.0} messages/s; {verdict}"));
    verdict.assert_kept();
}
