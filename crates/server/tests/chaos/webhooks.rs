//! `kill -9` during the delivery of events to a webhook, and a host name that resolves to a private address.

use std::collections::BTreeMap;

use chinwag_testkit::process::{Program, Running};
use chinwag_testkit::setup::{group, head, id, text};
use chinwag_testkit::trial::{random, report, times, write_in_turn};
use chinwag_testkit::wait::Wait;
use chinwag_testkit::webhook::{HookReceiver, numbers_in_order};
use serde_json::json;

const GROUPS: usize = 4;
/// Messages per run of the server.
const MESSAGES: usize = 60;

fn configure(program: &Program, private: bool) {
    let settings = format!("[webhooks]\nprivate = {private}\n[presence]\nlease = \"2s\"\n");
    std::fs::write(program.folder().join("chinwag.toml"), settings).expect("a file");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_loses_no_event_of_a_webhook() {
    let kills = times(3, 100);
    let (program, receiver) = (crate::program(), HookReceiver::start().await);
    configure(&program, true);
    let mut running = program.serve();
    let service = program.service(&running);
    service.post("users/", json!({ "name": "ann" })).await.ok(201);
    service.post("webhooks/", json!({ "url": receiver.url() })).await.ok(201);
    let mut groups = Vec::new();
    for _ in 0..GROUPS {
        groups.push(group(&service, &["ann"]).await);
    }
    for _ in 0..kills {
        let before = receiver.received().len();
        let writing = tokio::spawn(write_in_turn(vec![program.service(&running)], groups.clone(), MESSAGES));
        // Kill the server while messages are still written and sent.
        receiver.count(before + random(MESSAGES / 2)).await;
        assert_eq!(running.kill(), Some(9), "it was alive, and died of this");
        writing.await.expect("a writer does not panic");
        running = program.serve();
    }
    let found = settled(&program, running, &receiver, &groups).await;
    let again = receiver.received().len() - found;
    report(
        "webhooks",
        format!("{kills} kills while events are sent"),
        format!("{found} events, {again} sent again"),
    );
}

/// Waits until every committed event has arrived, in the order of each group. Returns the number of events.
async fn settled(program: &Program, running: Running, receiver: &HookReceiver, groups: &[String]) -> usize {
    let service = program.service(&running);
    let mut heads = BTreeMap::new();
    for group in groups {
        heads.insert(group.clone(), head(&service, group).await);
    }
    let expected: BTreeMap<_, Vec<_>> =
        heads.into_iter().map(|(group, head)| (group, (1..=head).collect())).collect();
    let received = receiver.until("every event", |received| numbers_in_order(received) == expected).await;
    drop(running);
    numbers_in_order(&received).values().map(Vec::len).sum()
}

#[tokio::test]
async fn private_addresses_of_a_name_are_refused_when_sending() {
    let (program, receiver) = (crate::program(), HookReceiver::start().await);
    configure(&program, true);
    let running = program.serve();
    let service = program.service(&running);
    service.post("users/", json!({ "name": "ann" })).await.ok(201);
    let url = receiver.url().replace("127.0.0.1", "localhost");
    let hook = id(&service.post("webhooks/", json!({ "url": url })).await.ok(201));
    group(&service, &["ann"]).await;
    receiver.count(1).await;
    assert_eq!(running.stop().code, Some(0));
    let came = receiver.received().len();
    configure(&program, false);
    let running = program.serve();
    let service = program.service(&running);
    group(&service, &["ann"]).await;
    let wait = Wait::begin();
    let failed = loop {
        let attempts = service.get(&format!("webhooks/{hook}/attempts/")).await.ok(200);
        if attempts[0]["error"].is_string() {
            break attempts[0].clone();
        }
        wait.step(|| format!("no attempt has failed: {attempts}")).await;
    };
    assert!(text(&failed["error"]).contains("private") && failed["status"].is_null(), "{failed}");
    assert_eq!(receiver.received().len(), came, "nothing was sent");
}
