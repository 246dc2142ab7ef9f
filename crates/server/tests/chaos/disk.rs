//! The system calls between a request and its acknowledgement.

use chinwag_testkit::trial::{TrialSocket, group, report, times};
use serde_json::json;

use crate::program;
use crate::trace::{Call, Traced};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_acknowledgement_waits_until_the_journal_is_on_the_disk() {
    let sends = times(20, 500);
    let program = program();
    let traced = Traced::serve(&program);
    let service = program.service(traced.running());
    let (ann, bob) = (service.user("ann").await, service.user("bob").await);
    // Separate groups, so that each message is delivered only to its author.
    let (anns, bobs) = (group(&service, &["ann"]).await, group(&service, &["bob"]).await);
    let mut socket =
        TrialSocket::connect(traced.running().url(), bob.token()).await.expect("the server is there");
    for number in 0..sends {
        let body = format!("by-rest-{number:04}");
        ann.post("messages/", json!({ "group": anns, "body": body })).await.ok(201);
        let data = json!({ "group": bobs, "body": format!("by-socket-{number:04}") });
        let frame = socket.ask("message.text", data, &number.to_string()).await;
        assert_eq!(frame["type"], "message.text", "{frame}");
    }
    drop(socket);
    let (output, calls) = traced.stop();
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let mut syncs = Vec::new();
    for number in 0..sends {
        syncs.push(sync_before(&calls, &format!("by-rest-{number:04}")));
        syncs.push(sync_before(&calls, &format!("by-socket-{number:04}")));
    }
    let count = syncs.len();
    syncs.sort_unstable();
    syncs.dedup();
    assert_eq!(syncs.len(), count, "messages sent one after the other share no commit");
    report("disk", format!("{count} sends"), format!("{count} times fsync between request and answer"));
}

/// The line of the sync that began after the request with this text had arrived, and ended before its text was
/// sent to any client.
fn sync_before(calls: &[Call], words: &str) -> usize {
    let answer = calls.iter().find(|call| call.writes(words)).expect("the trace shows every answer");
    let arrivals = calls.iter().filter(|call| call.is_arrival() && call.file == answer.file);
    let arrived = arrivals.map(|call| call.ended).filter(|ended| *ended < answer.begun).max();
    let arrived = arrived.expect("the trace shows every request");
    let sync = calls.iter().find(|call| call.is_sync() && call.begun > arrived && call.ended < answer.begun);
    let sync = sync.unwrap_or_else(|| panic!("{words} is acknowledged and not on the disk: {answer:?}"));
    sync.begun
}

#[test]
fn new_folders_are_on_the_disk_before_a_request_is_read() {
    let program = program();
    let (output, calls) = Traced::serve(&program).stop();
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let outer = program.folder().canonicalize().expect("the folder is there");
    let arrival = calls.iter().find(|call| call.is_arrival()).expect("a probe");
    for (new, folder) in [("chinwag-data", outer.clone()), ("chinwag-data/files", outer.join("chinwag-data"))]
    {
        let creates =
            |call: &&Call| call.name.starts_with("mkdir") && call.text.contains(&format!("{new}\""));
        let created = calls.iter().find(creates).expect("it is created").ended;
        let synced = format!("<{}>", folder.display());
        let is_sync =
            |call: &Call| call.name == "fsync" && call.file.ends_with(&synced) && call.begun > created;
        assert!(calls.iter().any(|call| is_sync(call) && call.ended < arrival.begun), "{new}");
    }
}
