//! A panic affects only its own request, and a stalled store stops nothing else.

use std::sync::Arc;
use std::time::Duration;

use chinwag_testkit::app::TestApp;
use chinwag_testkit::ws::Ws;
use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use serde_json::json;
use tokio::time::Instant;

use crate::raw::{Incoming, Keep, Raw};
use crate::{WAIT_TIMEOUT, frames_until, group, seq, text, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_in_one_job_is_500_there_undone_and_nothing_else() {
    let app = TestApp::start().await;
    let faults = app.faults();
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let group = group(&app.service(), &["ann", "bob"]).await;
    let (mut anns, mut bobs) = (ann.ws().await, bob.ws().await);
    let hello = |body: &str| json!({ "group": group, "body": body });

    faults.panic_in_write();
    let failed = ann.post("messages/", hello("lost")).await;
    assert_eq!((failed.status, faults.panicked()), (500, 1), "{}", failed.text);
    assert!(!failed.text.contains("panic"), "the log has the detail: {}", failed.text);
    faults.panic_in_read();
    assert_eq!(ann.get(&format!("groups/{group}/")).await.status, 500);
    for (kind, data) in [
        ("message.text", hello("lost, too")),
        ("message.fetch", json!({ "group": group })),
        ("group.update", json!({ "id": group, "name": "lost" })),
    ] {
        if kind == "message.fetch" {
            faults.panic_in_read();
        } else {
            faults.panic_in_write();
        }
        let frame = anns.ask(kind, data).await;
        assert_eq!((&frame["type"], &frame["code"]), (&json!("error.handler"), &json!(500)), "{frame}");
        assert!(!frame.to_string().contains("panic"), "{frame}");
    }
    assert_eq!(faults.panicked(), 5, "each took hold once");

    // Everything works at once, and the numbers have no gap.
    ann.post("messages/", hello("one")).await.ok(201);
    anns.ask("message.text", hello("two")).await;
    let seen = frames_until(&mut bobs, "two").await;
    assert_eq!(seen.iter().map(seq).collect::<Vec<_>>(), [2, 3], "{seen:?}");
    assert_eq!(ann.get(&format!("groups/{group}/")).await.ok(200)["name"], "g");
    assert_eq!(app.nobody().get("/readyz").await.status, 200);
}

/// Waits until the hub has read all pending presence: each change of status is answered only after its
/// announcement.
async fn settle(socket: &mut Ws) {
    for status in ["afk", "online"] {
        socket.ask("status.update", json!({ "status": status })).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handlers_panic_is_500_and_its_connection_goes_on() {
    let app = TestApp::start().await;
    let faults = app.faults();
    let service = app.service();
    let ann = app.user("ann").await;
    let group = group(&service, &["ann"]).await;
    let mut other = ann.ws().await;
    settle(&mut other).await;
    // One kept-alive connection for all requests.
    let mut peer = Keep::connect(&app.url(), None).await;
    let path = format!("/api/v1/groups/{group}/");
    for (round, id) in ["first-1", "second-2"].into_iter().enumerate() {
        faults.panic_in_caller();
        let (head, body) = peer.get(&path, id).await;
        assert_eq!(faults.panicked(), round + 1, "it took hold");
        assert!(head.starts_with("http/1.1 500 "), "{head}");
        assert!(head.contains(&format!("x-request-id: {id}\r\n")), "{head}");
        let constant = json!({
            "type": "about:blank", "title": "Internal Server Error", "status": 500,
            "detail": "internal error: the server's log has the details, under this response's X-Request-Id",
        });
        assert_eq!(serde_json::from_str::<serde_json::Value>(&body).expect("JSON"), constant);
        let (head, body) = peer.get(&path, "after").await;
        assert!(head.starts_with("http/1.1 200 ") && body.contains(&group), "the same connection: {head}");
    }
    other.ask("status.update", json!({ "status": "afk" })).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_in_an_events_handler_is_1011_there_and_nothing_else() {
    let app = TestApp::start().await;
    let faults = app.faults();
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let group = group(&app.service(), &["ann", "bob"]).await;
    let (mut second, mut bobs) = (ann.ws().await, bob.ws().await);
    settle(&mut second).await;
    settle(&mut bobs).await;
    let kinds = ["message.text", "message.fetch", "group.update", "typing.start", "sync.resume"];
    for (round, kind) in kinds.into_iter().enumerate() {
        let mut doomed = Raw::connect(&app.url(), ann.token(), None).await;
        faults.panic_in_caller();
        let data =
            json!({ "group": group, "id": group, "name": "n", "body": "lost", "groups": { &group: 1 } });
        doomed.send(&json!({ "type": kind, "data": data, "ref": "doomed" })).await;
        let code = loop {
            match doomed.next().await {
                Incoming::End(code) => break code,
                Incoming::Text(text) => assert!(!text.contains("doomed"), "{text}"),
                Incoming::Pong(_) => {}
            }
        };
        assert_eq!((code, faults.panicked()), (Some(1011), round + 1), "{kind}");
        let body = format!("after {kind}");
        second.ask("message.text", json!({ "group": group, "body": body })).await;
        let seen = frames_until(&mut bobs, &body).await;
        let numbered = seen.iter().filter(|frame| frame["seq"].is_i64()).map(seq).collect::<Vec<_>>();
        assert_eq!(numbered, [2 + i64::try_from(round).expect("small")], "nothing of it was done: {seen:?}");
    }
    assert_eq!(app.hub().counts().sockets, 2, "those that panicked are gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_beside_others_in_one_commit_undoes_its_own_job_alone() {
    let app = TestApp::start().await;
    let faults = app.faults();
    let service = app.service();
    app.user("ann").await;
    let group = group(&service, &["ann"]).await;
    let post = async |body: String| {
        service.post("messages/", json!({ "group": group, "author": "ann", "body": body })).await.status
    };
    // The jobs queue behind the first while the store stalls, and so share a commit.
    faults.stall();
    let sends = (0..40).map(|number| post(number.to_string()));
    let doomed = async {
        until("the stall", || faults.held() > 0).await;
        faults.panic_in_write();
        let release = async {
            until("the panic's job", || faults.panicked() == 1).await;
            faults.release();
        };
        tokio::join!(post("the last".into()), release).0
    };
    let (mut statuses, last) = tokio::join!(join_all(sends), doomed);
    statuses.push(last);
    let count = |status| statuses.iter().filter(|found| **found == status).count();
    assert_eq!((count(201), count(500)), (40, 1), "{statuses:?}");
    let stored = service.get(&format!("groups/{group}/messages/?limit=100")).await.ok(200);
    let seqs: Vec<i64> = stored.as_array().expect("messages").iter().map(seq).collect();
    assert_eq!(seqs, (2..=41).rev().collect::<Vec<_>>(), "no gap");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn reads_of_one_user_leave_the_store_to_others() {
    let app = TestApp::with(|options| options.store.readers = 8).await;
    let faults = app.faults();
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    for user in [&ann, &bob] {
        user.get("groups/").await.ok(200);
    }
    faults.stall();
    let mut reads: FuturesUnordered<_> = (0..110).map(|_| ann.get("groups/")).collect();
    // Two run, a hundred wait, and the others are refused.
    for _ in 0..8 {
        let refused = reads.next().await.expect("a read");
        assert_eq!((refused.status, refused.header("retry-after")), (429, "1"), "{}", refused.text);
    }
    let others = async {
        until("another user's read", || faults.held() == 3).await;
        faults.release();
    };
    let (read, ()) = tokio::join!(bob.get("groups/"), others);
    read.ok(200);
    assert!(reads.all(async |read| read.status == 200).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_store_is_503_and_pings_are_answered() {
    const PLACES: usize = 8;
    let app = TestApp::with(|options| {
        options.store.queue = PLACES;
        options.store.batch = 1;
        options.store.patience = Duration::from_secs(1);
    })
    .await;
    let faults = app.faults();
    let ann = app.user("ann").await;
    let group = Arc::new(group(&app.service(), &["ann"]).await);
    let mut socket = Raw::connect(&app.url(), ann.token(), None).await;

    faults.stall();
    let started = Instant::now();
    let frame = |number: i32| {
        let data = json!({ "group": *group, "body": format!("event {number}") });
        json!({ "type": "message.text", "data": data, "ref": number.to_string() })
    };
    for number in 0..32 {
        socket.send(&frame(number)).await;
    }
    until("the stall", || faults.held() > 0).await;
    let mut frames = socket.ping("during").await;
    assert_eq!(app.nobody().get("/healthz").await.status, 200, "it is live");
    assert_eq!(app.nobody().get("/readyz").await.status, 503, "and not ready");
    // One runs, `PLACES` wait, and the others are refused.
    while frames.len() < 32 - 1 - PLACES {
        frames.extend(socket.ping("again").await);
        assert!(started.elapsed() < WAIT_TIMEOUT, "{} of the frames", frames.len());
    }
    assert!(started.elapsed() >= Duration::from_secs(1), "they waited for their patience");
    assert_eq!(frames.len(), 32 - 1 - PLACES);
    for frame in &frames {
        assert_eq!((&frame["type"], &frame["code"]), (&json!("error.handler"), &json!(503)), "{frame}");
    }
    assert!(faults.held() > 0, "the store has stood all the time");

    faults.release();
    frames.clear();
    while frames.len() < 1 + PLACES {
        frames.extend(socket.ping("after").await);
        assert!(started.elapsed() < WAIT_TIMEOUT, "{} of the frames", frames.len());
    }
    assert!(frames.iter().all(|frame| frame["type"] == "message.text"), "{frames:?}");
    let seqs: Vec<i64> = frames.iter().map(seq).collect();
    assert_eq!(seqs, (2..=10).collect::<Vec<_>>(), "what was not refused was done, in order");
    ann.post("messages/", json!({ "group": *group, "body": "well again" })).await.ok(201);
    assert_eq!(app.nobody().get("/readyz").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_to_a_stalled_store_are_503_and_leave_no_trace() {
    const PLACES: usize = 4;
    let app = TestApp::with(|options| {
        options.store.queue = PLACES;
        options.store.batch = 1;
        options.store.patience = Duration::from_secs(1);
        options.store.readers = 1;
    })
    .await;
    let faults = app.faults();
    let service = app.service();
    app.user("ann").await;
    let group = group(&service, &["ann"]).await;
    faults.stall();
    // The service key needs no read, so that these jobs are all writes.
    let sends = (0..24).map(|number| {
        let body = json!({ "group": group, "author": "ann", "body": number.to_string() });
        let service = &service;
        async move {
            let answer = service.post("messages/", body).await;
            let retry = answer.header("retry-after").to_owned();
            (answer.status, retry, answer.json["body"].clone())
        }
    });
    let release = async {
        until("the stall", || faults.held() > 0).await;
        // Some reads run; those that wait for a permit are refused, too.
        let path = format!("groups/{group}/");
        let reads = (0..PLACES + 9).map(|_| service.get(&path));
        let mut reads = reads.collect::<futures_util::stream::FuturesUnordered<_>>();
        for _ in 0..7 {
            assert_eq!(reads.next().await.expect("an answer").status, 503);
        }
        assert!(faults.held() > 0);
        faults.release();
        while let Some(answer) = reads.next().await {
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
    };
    let (answers, ()) = tokio::join!(join_all(sends), release);
    let (refused, done): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(status, ..)| *status == 503);
    assert!(refused.iter().all(|(_, retry, _)| !retry.is_empty()), "{refused:?}");
    assert!(!refused.is_empty() && done.len() > PLACES, "{} were done, {refused:?}", done.len());
    let mut acknowledged: Vec<String> = done.iter().map(|(_, _, body)| text(body)).collect();
    let stored = service.get(&format!("groups/{group}/messages/?limit=100")).await.ok(200);
    let mut stored: Vec<String> =
        stored.as_array().expect("messages").iter().map(|message| text(&message["body"])).collect();
    acknowledged.sort();
    stored.sort();
    assert_eq!(stored, acknowledged, "a 503 changes nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ping_is_answered_while_an_event_waits_for_the_store() {
    let app = TestApp::start().await;
    let faults = app.faults();
    let ann = app.user("ann").await;
    let group = group(&app.service(), &["ann"]).await;
    let mut socket = Raw::connect(&app.url(), ann.token(), None).await;
    faults.stall();
    for kind in ["group.update", "message.text"] {
        let data = json!({ "id": group, "group": group, "name": "n", "body": "b" });
        socket.send(&json!({ "type": kind, "data": data, "ref": kind })).await;
    }
    until("the stall", || faults.held() > 0).await;
    assert_eq!(socket.ping("during").await, Vec::<serde_json::Value>::new());
    faults.release();
    for kind in ["group.update", "message.text"] {
        while socket.frame().await["ref"] != kind {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_past_its_deadline_is_503_and_a_retry_is_sent_once() {
    let app = TestApp::with(|options| {
        options.store.deadline = Duration::from_secs(2);
        options.store.batch = 1;
    })
    .await;
    let faults = app.faults();
    let service = app.service();
    let ann = app.user("ann").await;
    let group = group(&service, &["ann"]).await;
    let mut socket = ann.ws().await;
    let post = |id: &str| {
        let body = json!({ "group": group, "author": "ann", "body": id, "client_id": id });
        service.post("messages/", body)
    };

    faults.stall();
    let waits = async {
        until("the stall", || faults.held_writes() > 0).await;
        let event = json!({ "group": group, "body": "event", "client_id": "event" });
        tokio::join!(post("waits"), socket.ask("message.text", event))
    };
    let (begun, (waited, event)) = tokio::join!(post("begun"), waits);
    assert_eq!(faults.held_writes(), 1, "the store has stood all the time");
    for (answer, word) in [(&begun, "unknown"), (&waited, "nothing was changed")] {
        assert_eq!((answer.status, answer.header("retry-after")), (503, "1"), "{}", answer.text);
        assert!(answer.text.contains(word), "{}", answer.text);
    }
    assert_eq!((&event["type"], &event["code"]), (&json!("error.handler"), &json!(503)), "{event}");
    assert!(event.to_string().contains("nothing was changed"), "{event}");

    faults.release();
    let again = post("begun").await.ok(201);
    assert_eq!(again["seq"], 2, "it was done after all, and once");
    let stored = service.get(&format!("groups/{group}/messages/")).await.ok(200);
    assert_eq!(stored, json!([again]), "what had not begun never ran");
    assert_eq!(post("waits").await.ok(201)["seq"], 3);
}
