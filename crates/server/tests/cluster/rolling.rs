//! Rolling restarts of nodes under load.

use std::time::Duration;

use chinwag_testkit::client::Client;
use chinwag_testkit::trial::{Incoming, Reader, Transport, TrialSocket, WAIT_TIMEOUT, report, times};
use futures_util::future::join_all;
use tokio::time::{Instant, timeout};

use crate::cluster::{Cluster, Crowd};

const WRITERS: usize = 8;
/// Idle sockets, to observe that a drain closes them over a period.
const IDLE: usize = 40;
const DRAIN: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rolling_restarts_lose_and_repeat_nothing() {
    let rounds = times(2, 40);
    let settings = &[("CHINWAG_SHUTDOWN__DRAIN", "2s")];
    let mut cluster = Cluster::with(0, settings).await;
    for _ in 0..2 {
        let mut node = cluster.node(settings).await;
        node.become_build(crate::older());
        node.start();
        cluster.nodes.push(node);
    }
    let idle = cluster.users("idle", 1).await.remove(0);
    let Crowd { group, writers, reading } = cluster.crowd(WRITERS, 4).await;
    let flow = cluster.flood(&writers, &group).waiting_for(&reading);
    let mut least = DRAIN;
    for round in 0..rounds {
        let number = round % 2;
        flow.ledger.busy(100, WRITERS / 2).await;
        let listening = listen(&cluster.nodes[number].url(), &idle).await;
        cluster.nodes[number].running().terminate();
        let ended = timeout(WAIT_TIMEOUT, join_all(listening)).await.expect("all are sent away");
        let ended: Vec<_> = ended.into_iter().map(|end| end.expect("it listens")).collect();
        assert!(ended.iter().all(|(code, _)| *code == Some(1012)), "{ended:?}");
        let spread = spread(&ended.iter().map(|(_, at)| *at).collect::<Vec<_>>());
        assert!(spread > DRAIN / 2, "they are sent away over {spread:?}, not all at once");
        least = least.min(spread);
        let output = cluster.nodes[number].wait();
        assert_eq!(output.code, Some(0), "{}", output.stderr);
        flow.ledger.busy(100, 1).await;
        cluster.nodes[number].become_build(crate::binary());
        cluster.nodes[number].start();
    }
    let (verdict, ends, read) = cluster.settle(flow, reading, &group).await;
    let away: Vec<_> = ends.iter().filter(|end| end.transport == Transport::WebSocket).collect();
    assert!(!away.is_empty() && away.iter().all(|end| end.code == Some(1012)), "{ends:?}");
    let resumed: Vec<_> = read.iter().flat_map(Reader::ends).collect();
    assert!(!resumed.is_empty() && resumed.iter().all(|code| **code == Some(1012)), "{resumed:?}");
    report(
        "rolling",
        format!("{rounds} restarts under load"),
        format!("all 1012, over {least:.1?} or more; {} times resumed elsewhere; {verdict}", resumed.len()),
    );
    verdict.assert_kept();
}

type Listening = tokio::task::JoinHandle<(Option<u16>, Instant)>;

/// Opens idle sockets, and records how and when each is closed.
async fn listen(url: &str, user: &Client) -> Vec<Listening> {
    let mut listening = Vec::new();
    for _ in 0..IDLE {
        let mut socket = TrialSocket::connect(url, user.token()).await.expect("the node is there");
        listening.push(tokio::spawn(async move {
            loop {
                if let Incoming::End(code) = socket.await_next().await {
                    return (code, Instant::now());
                }
            }
        }));
    }
    listening
}

/// The time from the first to the last.
fn spread(times: &[Instant]) -> Duration {
    let first = times.iter().min().expect("there are some");
    times.iter().max().expect("there are some").duration_since(*first)
}
