//! Sixty-four who write to one group, over two nodes.

use std::time::Instant;

use chinwag_testkit::client::Client;
use chinwag_testkit::trial::{Reader, Transport, group, rate, report, times};

use crate::cluster::Cluster;

const WRITERS: usize = 64;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_writers_on_two_nodes_share_one_order() {
    let messages = times(2000, 50_000);
    let cluster = Cluster::of(2).await;
    let writers = cluster.users("writer", WRITERS).await;
    let readers = cluster.users("reader", 4).await;
    let names: Vec<&str> = readers.iter().chain(&writers).map(Client::name).collect();
    let group = group(&cluster.nodes[0].service(), &names).await;
    let mut reading = Vec::new();
    for (number, reader) in readers.iter().enumerate() {
        reading.push(Reader::new(reader, &group).follow(&cluster.urls_from(number)).await);
    }
    let begun = Instant::now();
    let flow =
        Cluster::flow(&writers, &group, |number| (Transport::WebSocket, cluster.urls_from(number / 2)));
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
