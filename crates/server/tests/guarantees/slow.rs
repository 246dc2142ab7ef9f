//! A stalled reader and a flooding client do not disturb others.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use chinwag_testkit::app::TestApp;
use chinwag_testkit::process::Program;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::raw::{Incoming, Raw};
use crate::{WAIT_TIMEOUT, group, seq, until};

const MEMBERS: usize = 100;
/// Number of members who read, besides the writer and the stalled reader.
const READERS: usize = 38;
/// Number of messages. Together they exceed the kernel's socket buffers.
const MESSAGES: usize = 450;
/// The maximum lead of the writer over the slowest active reader.
const AHEAD: usize = 30;
/// The allowed growth of the process's memory: socket queues and the database's page cache.
const GROWTH: u64 = 64 << 20;

/// The resident memory of a process in bytes; `None` if the system does not report it.
pub(crate) fn memory(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? * 1024)
}

/// The number of a frame, without parsing the whole frame.
fn number(text: &str) -> Option<usize> {
    let rest = text.strip_prefix(r#"{"type":"message.text","seq":"#)?;
    rest.split_once(',')?.0.parse().ok()
}

/// Reads every message and asserts the order.
async fn read_all(mut socket: Raw, read: &AtomicUsize) {
    while read.load(Ordering::SeqCst) < MESSAGES {
        match socket.next().await {
            Incoming::Text(text) => {
                let Some(number) = number(&text) else { continue };
                // The group's creation has the first number.
                assert_eq!(number, read.load(Ordering::SeqCst) + 2, "in order, and none missed");
                read.fetch_add(1, Ordering::SeqCst);
            }
            Incoming::Pong(_) => {}
            Incoming::End(code) => panic!("one who reads was closed with {code:?}"),
        }
    }
}

/// Writes every message, and reads its own events meanwhile so as not to become a slow reader itself.
async fn write_all(mut socket: Raw, group: &str, read: &[AtomicUsize]) {
    let (body, mut own) = ("漢".repeat(4000), 0);
    for sent in 0..MESSAGES {
        while own + AHEAD < sent {
            own += usize::from(socket.frame().await["type"] == "message.text");
        }
        let last = || read.iter().map(|read| read.load(Ordering::SeqCst)).min().expect("readers");
        if last() + AHEAD < sent {
            until("the others", || last() + AHEAD >= sent).await;
        }
        socket.send(&json!({ "type": "message.text", "data": { "group": group, "body": body } })).await;
    }
    while own < MESSAGES {
        own += usize::from(socket.frame().await["type"] == "message.text");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_reader_in_a_group_of_100_is_cut_and_resumes() {
    let program = Program::new(env!("CARGO_BIN_EXE_chinwag"));
    let running = program.serve_with(|command| {
        command.env("CHINWAG_WS__QUEUE_BYTES", "524288").env("CHINWAG_LOG__LEVEL", "error");
    });
    let service = program.service(&running);
    let names: Vec<String> = (0..MEMBERS).map(|number| format!("user{number}")).collect();
    let mut clients = Vec::new();
    for name in &names {
        clients.push(service.user(name).await);
    }
    let group = group(&service, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut slow = Raw::connect(running.url(), clients[1].token(), Some(64 * 1024)).await;
    let writer = Raw::connect(running.url(), clients[0].token(), None).await;
    let mut readers = Vec::new();
    for client in &clients[2..2 + READERS] {
        readers.push(Raw::connect(running.url(), client.token(), None).await);
    }
    let before = memory(running.pid());
    let read: Vec<AtomicUsize> = readers.iter().map(|_| AtomicUsize::new(0)).collect();
    let reading = join_all(readers.into_iter().zip(&read).map(|(socket, read)| read_all(socket, read)));
    tokio::join!(write_all(writer, &group, &read), reading);
    if let (Some(before), Some(after)) = (before, memory(running.pid())) {
        assert!(after < before + GROWTH, "the process grew from {before} to {after}");
    }

    // The frames in the kernel's buffers arrive in order, then the close.
    let mut held = 1;
    let code = loop {
        match slow.next().await {
            Incoming::Text(text) => {
                let Some(number) = number(&text) else { continue };
                assert_eq!(number, held + 1, "in order until it is cut");
                held = number;
            }
            Incoming::Pong(_) => {}
            Incoming::End(code) => break code,
        }
    };
    assert_eq!(code, Some(4008));
    assert!(held < MESSAGES, "it missed some: it holds {held}");
    let mut again = clients[1].ws().await;
    let since = json!({ "groups": { &group: held } });
    again.send(json!({ "type": "sync.resume", "data": since })).await;
    for expected in held + 1..=MESSAGES + 1 {
        let frame = again.next().await;
        assert_eq!(
            (&frame["type"], seq(&frame)),
            (&json!("message.text"), i64::try_from(expected).expect("small"))
        );
        assert_eq!(frame["data"]["body"].as_str().map(str::len), Some(12_000));
    }
    let done = again.next().await;
    assert_eq!((&done["type"], &done["data"]["groups"][&group]), (&json!("sync.done"), &json!(MESSAGES + 1)));
}

/// Sends bursts as fast as the socket takes them until stopped; every event must be answered.
async fn flood(mut socket: Raw, group: &str, stop: &AtomicBool, acknowledged: &AtomicUsize) -> (usize, i64) {
    const BURST: usize = 500;
    let (mut sent, mut last) = (0, 1);
    while !stop.load(Ordering::SeqCst) {
        for _ in 0..BURST {
            socket
                .send(&json!({ "type": "message.text", "data": { "group": group, "body": "flood" } }))
                .await;
        }
        sent += BURST;
        while acknowledged.load(Ordering::SeqCst) < sent {
            let frame = socket.frame().await;
            if frame["type"] == "message.text" {
                assert_eq!(seq(&frame), last + 1);
                last += 1;
                acknowledged.fetch_add(1, Ordering::SeqCst);
            }
        }
    }
    (sent, last)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flooding_client_does_not_delay_or_reorder_others() {
    const TALK: usize = 60;
    let app = TestApp::start().await;
    let service = app.service();
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let eve = app.user("eve").await;
    let (flooded, quiet) = (group(&service, &["eve"]).await, group(&service, &["ann", "bob"]).await);
    let (mut anns, mut bobs) = (ann.ws().await, bob.ws().await);
    let eves = Raw::connect(&app.url(), eve.token(), None).await;
    let (stop, acknowledged) = (AtomicBool::new(false), AtomicUsize::new(0));
    let talking = async {
        until("the flood", || acknowledged.load(Ordering::SeqCst) > 0).await;
        let before = acknowledged.load(Ordering::SeqCst);
        let mut longest = Duration::ZERO;
        for number in 0..TALK {
            let started = tokio::time::Instant::now();
            let said = anns.ask("message.text", json!({ "group": quiet, "body": number.to_string() })).await;
            let heard = bobs.until("message.text").await;
            longest = longest.max(started.elapsed());
            assert_eq!((seq(&said), &heard["data"]), (seq(&heard), &said["data"]));
        }
        // A conversation that ends before the next burst proves nothing: wait for one more burst.
        until("the flood", || acknowledged.load(Ordering::SeqCst) > before + 100).await;
        stop.store(true, Ordering::SeqCst);
        longest
    };
    let ((sent, last), longest) = tokio::join!(flood(eves, &flooded, &stop, &acknowledged), talking);
    assert!(longest < WAIT_TIMEOUT, "one waited {longest:?}");
    assert_eq!(
        last,
        i64::try_from(sent).expect("small") + 1,
        "the flooder's own were numbered without a gap"
    );
    let talk = bob.get(&format!("groups/{quiet}/messages/?limit=100")).await.ok(200);
    let bodies: Vec<&Value> =
        talk.as_array().expect("messages").iter().map(|message| &message["body"]).collect();
    let expected: Vec<Value> = (0..TALK).rev().map(|number| json!(number.to_string())).collect();
    assert_eq!(bodies, expected.iter().collect::<Vec<_>>());
}
