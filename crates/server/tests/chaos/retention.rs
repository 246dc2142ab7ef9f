//! Retention of very many old messages while another group chats, interrupted by `kill -9`.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use chinwag_testkit::client::Client;
use chinwag_testkit::trial::{bound, group, history, report, times};
use chinwag_testkit::wait::Wait;
use tokio::time::Instant;

use crate::erase::{BOUND, CHAT, GONE, age, chat, fill, has_erased, remaining, until_erased};
use crate::program;

/// Age of the old messages in days; the retention is 5 days.
const DAYS: i64 = 10;

fn keep(command: &mut Command) {
    command.env("CHINWAG_MESSAGES__KEEP", "5d");
}

/// The 99th percentile of the messages' times.
fn p99(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() * 99 / 100]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_old_messages_are_erased_while_others_chat() {
    let count = times(100_000, 1_000_000);
    let program = program();
    let database = program.data().join("chinwag.db");
    let running = program.serve();
    let service = program.service(&running);
    let (ann, bob) = (service.user("ann").await, service.user("bob").await);
    let (old, near) = (group(&service, &["ann", "bob"]).await, group(&service, &["ann", "bob"]).await);
    chat(&bob, &old, 3).await;
    let mut alone = chat(&ann, &near, CHAT).await;
    running.stop();
    fill(&database, &old, "ann", count);
    age(&database, DAYS);

    let running = program.serve_with(keep);
    let ann = Client::new(running.url(), Some(ann.token()), "ann");
    let wait = Wait::begin();
    while !has_erased(&database) {
        wait.step(|| format!("nothing is erased: {}", running.stderr())).await;
    }
    let mut during = chat(&ann, &near, CHAT).await;
    assert_eq!(running.kill(), Some(9));
    let (cut, tasks) = remaining(&database);
    assert!(0 < cut && cut < count && tasks == 1, "it was cut in the middle: {cut} of {count}, {tasks}");

    let running = program.serve_with(keep);
    let begun = Instant::now();
    let (ann, bob) = (
        Client::new(running.url(), Some(ann.token()), "ann"),
        Client::new(running.url(), Some(bob.token()), "bob"),
    );
    during.extend(chat(&ann, &near, CHAT).await);
    until_erased(&database, &running).await;
    let took = begun.elapsed();
    for (group, left) in [(&old, 3), (&near, 3 * CHAT)] {
        let shown = history(&bob, group).await;
        assert!(
            shown.iter().all(|message| !message["body"].as_str().is_some_and(|body| body.contains(GONE)))
        );
        let ids: BTreeSet<_> = shown.iter().map(|message| message["id"].to_string()).collect();
        assert_eq!(ids.len(), left);
    }
    assert_eq!(running.stop().code, Some(0));
    let (alone, during) = (p99(&mut alone), p99(&mut during));
    assert!(during < bound(BOUND), "the neighbours' p99 was {during:?}");
    let seen = format!(
        "p99 {during:?} beside it, {alone:?} alone; {cut} left at the kill, gone {took:?} after the restart"
    );
    report("retention", format!("{count} messages"), seen);
}
