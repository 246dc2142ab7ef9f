//! `kill -9` of one node after the other under load: clients continue at the remaining nodes.

use std::time::Duration;

use chinwag_testkit::trial::{random, report, times};
use tokio::time::sleep;

use crate::cluster::{Cluster, Crowd};

const WRITERS: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_of_nodes_loses_and_repeats_nothing_acknowledged() {
    let kills = times(4, 200);
    let mut cluster = Cluster::of(2).await;
    let Crowd { group, writers, reading } = cluster.crowd(WRITERS, 2).await;
    let flow = cluster.flood(&writers, &group).waiting_for(&reading);
    for round in 0..kills {
        let node = round % cluster.nodes.len();
        flow.ledger.busy(random(200), 1).await;
        sleep(Duration::from_micros(random(20_000) as u64)).await;
        cluster.nodes[node].kill();
        // The remaining nodes take messages meanwhile.
        flow.ledger.busy(50, 1).await;
        cluster.nodes[node].start();
    }
    let (verdict, ends, read) = cluster.settle(flow, reading, &group).await;
    let cut: usize = ends.iter().map(|end| end.cut).sum();
    assert!(cut > 0, "no kill met a request under way");
    let resumed: usize = read.iter().map(|reader| reader.ends().len()).sum();
    assert!(resumed > 0, "no reader had to go to another node");
    report(
        "kills",
        format!("{kills} kills of two nodes under load"),
        format!("{cut} requests cut; {resumed} times resumed elsewhere; {verdict}"),
    );
    verdict.assert_kept();
}
