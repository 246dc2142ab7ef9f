//! Resuming from the last numbers held: no event is missed, repeated or silently dropped.

use std::collections::BTreeMap;

use chinwag_testkit::app::TestApp;
use chinwag_testkit::setup::{group, send};
use chinwag_testkit::ws::Ws;
use serde_json::{Value, json};

/// Resumes; returns the frames before `sync.done` and the data of that.
async fn resume(socket: &mut Ws, groups: Value) -> (Vec<Value>, Value) {
    socket.send(json!({ "type": "sync.resume", "data": { "groups": groups }, "ref": "resume" })).await;
    let mut missed = Vec::new();
    loop {
        let frame = socket.next().await;
        if frame["type"] == "sync.done" {
            assert_eq!(frame["ref"], "resume");
            return (missed, frame["data"].clone());
        }
        missed.push(frame);
    }
}

fn numbers(frames: &[Value]) -> Vec<(&str, Option<i64>)> {
    frames.iter().map(|frame| (frame["type"].as_str().expect("a type"), frame["seq"].as_i64())).collect()
}

#[tokio::test]
async fn a_resume_sends_every_missed_event_in_order_then_the_head() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    app.user("cat").await;
    let group = group(&app.service(), &["ann", "bob"]).await; // 1
    let one = send(&ann, &group, "one").await; // 2
    let two = send(&ann, &group, "two").await; // 3
    ann.patch(&format!("messages/{}/", one["id"].as_str().expect("an id")), json!({ "body": "edited" }))
        .await
        .ok(200); // 4
    ann.delete(&format!("messages/{}/", two["id"].as_str().expect("an id"))).await.ok(200); // 5
    ann.patch(&format!("groups/{group}/"), json!({ "name": "renamed" })).await.ok(200); // 6
    ann.patch(&format!("groups/{group}/"), json!({ "members": ["cat"] })).await.ok(200); // 7
    send(&bob, &group, "three").await; // 8
    let mut socket = bob.ws().await;
    let (missed, done) = resume(&mut socket, json!({ &group: 1 })).await;
    assert_eq!(
        numbers(&missed),
        [
            ("message.text", Some(2)),
            ("message.update", Some(4)),
            ("message.delete", Some(5)),
            ("group.update", Some(7)),
            ("message.text", Some(8)),
        ]
    );
    assert_eq!(
        (&missed[0]["data"]["body"], &missed[1]["data"]["body"]),
        (&json!("edited"), &json!("edited"))
    );
    assert_eq!(missed[2]["data"], json!({ "id": two["id"], "group": group, "seq": 3 }));
    assert_eq!(
        (&missed[3]["data"]["name"], &missed[3]["data"]["members"]),
        (&json!("renamed"), &json!(["bob", "cat"]))
    );
    assert_eq!(done, json!({ "groups": { &group: 8 }, "refused": {} }));
    let (missed, done) = resume(&mut socket, json!({ &group: 8 })).await;
    assert_eq!((missed, done), (vec![], json!({ "groups": { &group: 8 }, "refused": {} })));
    send(&ann, &group, "live").await;
    assert_eq!(socket.next().await["seq"], 9);
}

#[tokio::test]
async fn groups_that_cannot_be_resumed_are_named_with_a_reason() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let own = group(&app.service(), &["ann", "bob"]).await;
    let (foreign, long) =
        (group(&app.service(), &["ann"]).await, group(&app.service(), &["ann", "bob"]).await);
    for batch in (0..1001).collect::<Vec<_>>().chunks(50) {
        let sends = batch.iter().map(|number| send(&ann, &long, number));
        futures_util::future::join_all(sends).await;
    }
    let nowhere = "00000000-0000-7000-8000-000000000000";
    let mut socket = bob.ws().await;
    let (missed, done) = resume(&mut socket, json!({ &own: 99, &foreign: 0, nowhere: 1, &long: 1 })).await;
    assert_eq!(missed, Vec::<Value>::new());
    let refused = json!({ &own: "seq_ahead", &foreign: "not_found", nowhere: "not_found", &long: "too_far" });
    assert_eq!(done, json!({ "groups": {}, "refused": refused }));
    let (missed, done) = resume(&mut socket, json!({ &long: 2 })).await;
    assert_eq!((missed.len(), &done["groups"][&long]), (1000, &json!(1002)));
    for bad in [
        json!({ &own: -1 }),
        json!({ &own: "1" }),
        json!({ "x": 1 }),
        json!([]),
        json!({ &own: 1.5 }),
        Value::Null,
    ] {
        let answer = socket.ask("sync.resume", json!({ "groups": bad })).await;
        assert_eq!((&answer["type"], &answer["code"]), (&json!("error.data"), &json!(400)), "{bad}");
    }
}

#[tokio::test]
async fn rename_is_sent_on_resume() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let group = group(&app.service(), &["ann", "bob"]).await;
    assert_eq!(ann.name(), "ann");
    app.service().patch("users/ann/", json!({ "new_name": "anna" })).await.ok(200);
    let mut socket = bob.ws().await;
    let (missed, _) = resume(&mut socket, json!({ &group: 1 })).await;
    assert_eq!(numbers(&missed), [("user.update", None), ("group.update", Some(2))]);
    let renamed = json!({
        "name": "ann", "new_name": "anna", "display_name": null, "avatar": null, "data": null, "kind": "person",
    });
    assert_eq!(missed[0]["data"], renamed);
}

#[tokio::test]
async fn repeated_resumes_are_closed_with_4029() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let group = group(&app.service(), &["ann"]).await;
    let mut socket = ann.ws().await;
    for _ in 0..30 {
        socket.send(json!({ "type": "sync.resume", "data": { "groups": { &group: 0 } } })).await;
    }
    assert_eq!(socket.close_code().await, Some(4029));
}

/// Sockets connect, resume and disconnect while messages are sent: together they must have received every
/// number once, in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reconnecting_sockets_see_each_number_once_in_order() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let group = group(&app.service(), &["ann", "bob"]).await;
    let writing = tokio::spawn({
        let group = group.clone();
        async move {
            for number in 0..600 {
                send(&ann, &group, number).await;
            }
        }
    });
    let (mut seen, mut held, mut rounds) = (BTreeMap::new(), 1, 0);
    while held < 601 {
        let mut socket = bob.ws().await;
        let (missed, done) = resume(&mut socket, json!({ &group: held })).await;
        let head = done["groups"][&group].as_i64().expect("a head");
        // The resume repeats events that arrived live before it began.
        let count = usize::try_from(head - held).expect("a head is not behind");
        let mut frames = missed[missed.len() - count..].to_vec();
        for _ in 0..(rounds % 7) {
            if head + 7 < 601 {
                frames.push(socket.next().await);
            }
        }
        for frame in frames {
            let seq = frame["seq"].as_i64().expect("a number");
            assert_eq!(seq, held + 1, "in order and with no gap, in round {rounds}");
            held = seq;
            seen.insert(seq, frame["data"]["body"].clone());
        }
        rounds += 1;
        socket.vanish();
    }
    writing.await.expect("the writer is done");
    assert_eq!(seen.len(), 600);
    assert!(rounds > 3, "there were {rounds} rounds");
}

#[tokio::test]
async fn long_resume_comes_in_pages_with_each_number_once() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let groups = [group(&app.service(), &["ann", "bob"]).await, group(&app.service(), &["ann", "bob"]).await];
    let mut anns = ann.ws().await;
    let mut expected = Vec::new();
    for group in &groups {
        for number in 2..=700 {
            let is_change = number == 3 || number == 600;
            let (kind, data) = if is_change {
                ("group.update", json!({ "id": group, "name": number.to_string() }))
            } else {
                // Long messages fill a page by size, short ones by count.
                let length = if number % 100 == 0 { 4000 } else { 1 };
                ("message.text", json!({ "group": group, "body": "漢".repeat(length) }))
            };
            assert_eq!(anns.ask(kind, data).await["seq"], number);
            if number != 3 {
                expected.push((group.clone(), number));
            }
        }
    }
    let mut bobs = bob.ws().await;
    let (missed, done) = resume(&mut bobs, json!({ &groups[0]: 1, &groups[1]: 1 })).await;
    let of = |frame: &Value| {
        let group = frame["data"]["group"].as_str().or(frame["data"]["id"].as_str()).expect("a group");
        (group.to_owned(), frame["seq"].as_i64().expect("a number"))
    };
    let mut numbers: Vec<_> = missed.iter().map(of).collect();
    if groups[0] > groups[1] {
        numbers.rotate_left(698);
    }
    assert_eq!(numbers, expected);
    let changes: Vec<_> = missed.iter().filter(|frame| frame["type"] == "group.update").collect();
    assert!(changes.len() == 2 && changes.iter().all(|frame| frame["data"]["name"] == "600"), "{changes:?}");
    assert_eq!((&done["groups"][&groups[0]], &done["refused"]), (&json!(700), &json!({})));
}
