//! `kill -9` while messages wait for the hook before sending.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use chinwag_testkit::client::Client;
use chinwag_testkit::process::Program;
use chinwag_testkit::setup::{group, history, text};
use chinwag_testkit::trial::{random, report, times};
use chinwag_testkit::webhook::{HookReceiver, Received, Reply};
use serde_json::{Value, json};

/// Messages per author in each run of the server.
const MESSAGES: usize = 20;
const AUTHORS: [&str; 3] = ["ann", "bob", "cat"];

fn configure(program: &Program, receiver: &HookReceiver) {
    let url = receiver.url();
    let settings = format!(
        "[hooks]\nbefore_send = \"{url}\"\ntimeout = \"30s\"\n[limits]\nmessages_burst = 0\nmessages_per_second = 0\n"
    );
    std::fs::write(program.folder().join("chinwag.toml"), settings).expect("a file");
}

/// Replaces every third message and refuses every fifth.
fn decide(request: &Received) -> Reply {
    let body = text(&request.event()["body"]);
    let number: usize = body.rsplit(' ').next().and_then(|number| number.parse().ok()).expect("a number");
    Reply::Body(match number {
        number if number.is_multiple_of(5) => json!({ "allow": false }).to_string(),
        number if number.is_multiple_of(3) => json!({ "body": format!("replaced {body}") }).to_string(),
        _ => json!({ "allow": true }).to_string(),
    })
}

/// Sends the numbers in order and checks each answer against [`decide`]. Returns the first number that was not
/// answered before the server died.
async fn write(author: Client, group: String, numbers: Range<usize>) -> usize {
    let end = numbers.end;
    for number in numbers {
        let body = format!("{} {number}", author.name());
        let message = json!({ "group": group, "body": body, "client_id": number.to_string() });
        let answer = author.request(reqwest::Method::POST, "messages/").json(&message).send().await;
        let Ok(answer) = answer else { return number };
        let expected = if number.is_multiple_of(5) { 403 } else { 201 };
        assert_eq!(answer.status(), expected, "{body}");
    }
    end
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn kill_9_stores_nothing_unasked_and_nothing_twice() {
    let kills = times(3, 60);
    let (program, receiver) = (crate::program(), HookReceiver::answering(decide).await);
    configure(&program, &receiver);
    let mut running = program.serve();
    let service = program.service(&running);
    let mut authors = Vec::new();
    for name in AUTHORS {
        authors.push(service.user(name).await);
    }
    let group = group(&service, &AUTHORS).await;
    let mut next = [0; AUTHORS.len()];
    for life in 0..=kills {
        let (before, is_last) = (receiver.received().len(), life == kills);
        let end = next.iter().max().unwrap_or(&0) + MESSAGES;
        let writing = authors.iter().zip(next).map(|(author, from)| {
            let author = Client::new(running.url(), Some(author.token()), author.name());
            tokio::spawn(write(author, group.clone(), from..end))
        });
        let writing: Vec<_> = writing.collect();
        if !is_last {
            // Kill the server while it still asks about and stores the remaining messages.
            receiver.count(before + random(MESSAGES)).await;
            assert_eq!(running.kill(), Some(9), "it was alive, and died of this");
            running = program.serve();
        }
        for (next, writing) in next.iter_mut().zip(writing) {
            *next = writing.await.expect("a writer does not panic");
        }
    }
    let count = next[0];
    assert_eq!(next, [count; AUTHORS.len()], "the last life has answered all");
    let service = program.service(&running);
    let stored = history(&service, &group).await;
    let asked: BTreeSet<String> =
        receiver.received().iter().map(|request| text(&request.event()["body"])).collect();
    let mut seen = BTreeSet::new();
    for message in &stored {
        let body = text(&message["body"]);
        let sent = body.strip_prefix("replaced ").unwrap_or(&body);
        assert!(asked.contains(sent), "{body} was stored and not asked about");
        assert!(seen.insert(sent.to_owned()), "{body} was stored twice");
        let number: usize = sent.rsplit(' ').next().and_then(|number| number.parse().ok()).expect("a number");
        assert_eq!(body != sent, number.is_multiple_of(3), "{body}");
        assert!(!number.is_multiple_of(5), "{body} was refused");
    }
    in_order(&stored);
    let expected = AUTHORS.len() * (0..count).filter(|number| !number.is_multiple_of(5)).count();
    assert_eq!(stored.len(), expected, "each that is acknowledged is stored");
    let questions = receiver.received().len();
    report(
        "before_send",
        format!("{kills} kills while messages wait for the hook"),
        format!("{expected} messages, {questions} questions"),
    );
}

/// Asserts that the messages of each author are in the order of sending.
fn in_order(stored: &[Value]) {
    let mut last: BTreeMap<String, usize> = BTreeMap::new();
    for message in stored {
        let body = text(&message["body"]);
        let number: usize = body.rsplit(' ').next().and_then(|number| number.parse().ok()).expect("a number");
        let before = last.insert(text(&message["author"]), number);
        assert!(before.is_none_or(|before| before < number), "{body} after {before:?}");
    }
}
