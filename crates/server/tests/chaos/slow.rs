//! A client that stops reading in a large group, in alternating runs with and without it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chinwag_testkit::client::Client;
use chinwag_testkit::process::Running;
use chinwag_testkit::setup::crowd;
use chinwag_testkit::trial::{Incoming, TrialSocket, WAIT_TIMEOUT, group, report, times};
use futures_util::future::join_all;
use serde_json::json;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use crate::{median, program};

const MEMBERS: usize = 100;
/// Messages per run. Together they exceed the kernel's socket buffers.
const MESSAGES: usize = 450;
const CHARS: usize = 4000;
/// Upper bound for the ratio of the other readers' p99 with the stalled reader to that without.
const SHARE: f64 = 1.2;

/// The members of the group and their connections.
struct Crowd {
    group: String,
    clients: Vec<Client>,
    running: Running,
    readers: usize,
    /// The last number of the group's log.
    head: i64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_reader_costs_others_nothing_and_resumes() {
    // The readers are members beside the writer and the stalled client.
    let (rounds, readers) = (times(1, 15), times(6, 38));
    let program = program();
    let running = program.serve_with(|command| {
        command.env("CHINWAG_WS__QUEUE_BYTES", "524288").env("CHINWAG_LOG__LEVEL", "error");
    });
    let service = program.service(&running);
    let clients = crowd(&service, "user", MEMBERS).await;
    let names: Vec<&str> = clients.iter().map(Client::name).collect();
    let group = group(&service, &names).await;
    let mut crowd = Crowd { group, clients, running, readers, head: 1 };
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        // Alternate the order, so that a drift between runs affects both kinds.
        let first = round % 2 == 0;
        let one = Box::pin(crowd.round(first)).await;
        let other = Box::pin(crowd.round(!first)).await;
        let (slow, alone) = if first { (one, other) } else { (other, one) };
        with.push(slow);
        without.push(alone);
    }
    let (with, without) = (median(with), median(without));
    let share = with / without;
    report(
        "slow",
        format!("{rounds} x 2 runs"),
        format!(
            "p99 {with:.1} ms with a slow reader, {without:.1} ms without: {share:.2} of it; all cut with 4008 and whole again"
        ),
    );
    // A single pair of runs beside other tests cannot measure latency.
    assert!(rounds == 1 || share <= SHARE, "the others wait {share:.2} times as long");
}

impl Crowd {
    /// One run: the p99 in milliseconds between sending a message and each reader's receipt. With `slow`, one
    /// more client connects and never reads; it is closed, and resumes.
    async fn round(&mut self, slow: bool) -> f64 {
        let url = self.running.url();
        let connect = async |client: &Client| TrialSocket::live(url, client.token(), None).await;
        let cut = too_slow(&self.clients[0]).await;
        let mut silent = None;
        if slow {
            silent = Some(TrialSocket::live(url, self.clients[1].token(), Some(64 * 1024)).await);
        }
        let mut writer = connect(&self.clients[0]).await;
        let mut readers = Vec::new();
        for client in &self.clients[2..2 + self.readers] {
            readers.push(connect(client).await);
        }
        let (said, heard) = watch::channel(Instant::now());
        let counts: Vec<_> = readers.iter().map(|_| AtomicUsize::new(0)).collect();
        let taken = Notify::new();
        let first = self.head + 1;
        let reading = readers
            .into_iter()
            .zip(&counts)
            .map(|(socket, count)| read(socket, first, (count, &taken), heard.clone()));
        let writing = write(&mut writer, &self.group, &said, (&counts, &taken));
        let (took, ()) = tokio::join!(join_all(reading), writing);
        self.head += i64::try_from(MESSAGES).expect("small");
        assert_eq!(too_slow(&self.clients[0]).await, cut + u64::from(slow), "who was cut");
        if let Some(silent) = silent {
            self.resume(silent, first).await;
        }
        let mut took = took.concat();
        took.sort_unstable();
        took[took.len() * 99 / 100].as_secs_f64() * 1000.0
    }

    /// Reads the stalled socket at last: the frames in the kernel's buffers in order, then 4008. A new
    /// connection resumes with the remaining messages.
    async fn resume(&self, mut silent: TrialSocket, first: i64) {
        let mut held = first - 1;
        let code = loop {
            match silent.next().await {
                Incoming::Frame(frame) if frame["type"] == "message.text" => {
                    assert_eq!(frame["seq"], held + 1, "in order until it is cut");
                    held += 1;
                }
                Incoming::Frame(_) => {}
                Incoming::End(code) => break code,
            }
        };
        assert_eq!(code, Some(4008));
        assert!(held < self.head, "it missed some");
        let mut again = TrialSocket::live(self.running.url(), self.clients[1].token(), None).await;
        let since = json!({ "groups": { &self.group: held } });
        assert!(again.send(json!({ "type": "sync.resume", "data": since })).await, "it is open");
        loop {
            let Incoming::Frame(frame) = again.next().await else { panic!("closed while it resumes") };
            match frame["type"].as_str() {
                Some("message.text") => {
                    assert_eq!(frame["seq"], held + 1, "each once, in order");
                    assert_eq!(frame["data"]["body"].as_str().map(str::len), Some(CHARS * 3));
                    held += 1;
                }
                Some("sync.done") => return assert_eq!(held, self.head, "whole"),
                _ => {}
            }
        }
    }
}

/// The number of sockets closed with 4008.
async fn too_slow(client: &Client) -> u64 {
    let metrics = client.get("/metrics").await.text;
    let line = metrics.lines().find_map(|line| line.strip_prefix("chinwag_sockets_too_slow_total "));
    line.map_or(0, |count| count.trim().parse().expect("a number"))
}

/// Reads every message of a run in order, and returns the latency of each.
async fn read(
    mut socket: TrialSocket,
    first: i64,
    (count, taken): (&AtomicUsize, &Notify),
    said: watch::Receiver<Instant>,
) -> Vec<Duration> {
    let mut took = Vec::with_capacity(MESSAGES);
    for number in (first..).take(MESSAGES) {
        let came = loop {
            if let Some(came) = numbered(&mut socket).await {
                break came;
            }
        };
        took.push(said.borrow().elapsed());
        assert_eq!(came, number);
        count.fetch_add(1, Ordering::SeqCst);
        taken.notify_one();
    }
    took
}

/// Sends each message after all readers have received the previous one.
async fn write(
    writer: &mut TrialSocket,
    group: &str,
    said: &watch::Sender<Instant>,
    (counts, taken): (&[AtomicUsize], &Notify),
) {
    let body = "漢".repeat(CHARS);
    for number in 0..MESSAGES {
        while counts.iter().any(|count| count.load(Ordering::SeqCst) < number) {
            timeout(WAIT_TIMEOUT, taken.notified()).await.expect("the readers read on");
        }
        said.send_replace(Instant::now());
        let event = json!({ "type": "message.text", "data": { "group": group, "body": body } });
        assert!(writer.send(event).await, "the writer's socket is open");
        while numbered(writer).await.is_none() {}
    }
}

/// The number of the next frame if it is a message. It does not parse the whole frame, which would distort the
/// latencies.
async fn numbered(socket: &mut TrialSocket) -> Option<i64> {
    let text = socket.text().await.unwrap_or_else(|code| panic!("one who reads was closed with {code:?}"));
    assert!(!text.starts_with(r#"{"type":"error."#), "{text}");
    text.strip_prefix(r#"{"type":"message.text","seq":"#)?.split_once(',')?.0.parse().ok()
}
