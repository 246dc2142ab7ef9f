//! `kill -9` during push notifications: each message is pushed at most once, and later messages are still
//! pushed.

use std::collections::BTreeSet;

use chinwag_testkit::process::Program;
use chinwag_testkit::push::Device;
use chinwag_testkit::setup::{group, id, text};
use chinwag_testkit::trial::{random, report, times, write_in_turn};
use chinwag_testkit::webhook::{HookReceiver, Received, Reply};
use serde_json::json;

const GROUPS: usize = 4;
/// Messages per run of the server.
const MESSAGES: usize = 60;

fn configure(program: &Program) {
    let settings = "[push]\nprivate = true\ndelay = \"0s\"\n[presence]\nlease = \"2s\"\n";
    std::fs::write(program.folder().join("chinwag.toml"), settings).expect("a file");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_pushes_no_message_twice() {
    let kills = times(3, 100);
    let receiver = HookReceiver::answering(|_| Reply::Status(201)).await;
    let (program, device) = (crate::program(), Device::at(&receiver, "phone"));
    configure(&program);
    let mut running = program.serve();
    let service = program.service(&running);
    let mut subscription = device.subscription();
    subscription["author"] = json!("bob");
    for name in ["ann", "bob"] {
        service.post("users/", json!({ "name": name })).await.ok(201);
    }
    service.post("push/subscriptions/", subscription).await.ok(201);
    let mut groups = Vec::new();
    for _ in 0..GROUPS {
        groups.push(group(&service, &["ann", "bob"]).await);
    }
    for _ in 0..kills {
        let before = receiver.received().len();
        let writing = tokio::spawn(write_in_turn(vec![program.service(&running)], groups.clone(), MESSAGES));
        // Kill the server while messages are still written and pushed.
        receiver.count(before + random(GROUPS)).await;
        assert_eq!(running.kill(), Some(9), "it was alive, and died of this");
        writing.await.expect("a writer does not panic");
        running = program.serve();
        // The VAPID key is the same as before.
        let service = program.service(&running);
        let last = json!({ "group": groups[0], "author": "ann", "body": "last" });
        let last = id(&service.post("messages/", last).await.ok(201));
        let came = |received: &[Received]| received.iter().any(|one| device.decrypt(one)["message"] == last);
        receiver.until("a message after the kill", came).await;
    }
    let pushed = device.notifications(&receiver.received());
    let different: BTreeSet<_> = pushed.iter().map(|one| text(&one["message"])).collect();
    assert_eq!(different.len(), pushed.len(), "each message at most once");
    report(
        "push",
        format!("{kills} kills while notifications are pushed"),
        format!("{} pushed", pushed.len()),
    );
}
