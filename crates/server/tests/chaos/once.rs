//! One `client_id` many times: concurrently over both transports, after a crash, after a restart, and after a
//! deletion.

use chinwag_testkit::client::Client;
use chinwag_testkit::process::{Program, Running};
use chinwag_testkit::trial::{TrialSocket, group, history, report, times};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::program;

const SOCKETS: usize = 25;
const REQUESTS: usize = 25;
const BODY: &str = "said once";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_client_id_50_times_and_after_a_crash_is_one_message() {
    let rounds = times(3, 100);
    let program = program();
    let running = program.serve();
    let service = program.service(&running);
    let token = service.user("ann").await.token().to_owned();
    let group = group(&service, &["ann"]).await;
    let mut answers = 0;
    let mut firsts = Vec::new();
    for round in 0..rounds {
        let received = fifty(&running, &token, &group, &format!("c-{round}")).await;
        assert_eq!(received.len(), SOCKETS + REQUESTS);
        assert!(received.iter().all(|answer| *answer == received[0]), "{received:#?}");
        assert_eq!(received[0]["seq"], round + 2);
        answers += received.len();
        firsts.push(received.into_iter().next().expect("fifty were told"));
    }
    assert_eq!(history(&service, &group).await, firsts);
    assert_eq!(running.kill(), Some(9));
    let running = program.serve();
    answers += again(&program, &running, &token, &group, &firsts).await;
    assert_eq!(running.stop().code, Some(0));
    let running = program.serve();
    answers += again(&program, &running, &token, &group, &firsts).await;
    let ann = Client::new(running.url(), Some(&token), "ann");
    for first in &firsts {
        ann.delete(&format!("messages/{}/", first["id"].as_str().expect("an id"))).await.ok(200);
    }
    answers += again(&program, &running, &token, &group, &firsts).await;
    let ann = program.service(&running);
    assert_eq!(history(&ann, &group).await, Vec::<Value>::new());
    let head = ann.get(&format!("groups/{group}/?fields=head")).await.ok(200);
    assert_eq!(head["head"], 2 * rounds + 1, "the beginning, each message and each deletion");
    report("once", format!("{rounds} messages"), format!("{answers} answers, each the original one"));
}

/// Sends one message in fifty concurrent requests before reading any answer.
async fn fifty(running: &Running, token: &str, group: &str, client_id: &str) -> Vec<Value> {
    let connect = (0..SOCKETS).map(|_| TrialSocket::connect(running.url(), token));
    let mut sockets: Vec<TrialSocket> =
        join_all(connect).await.into_iter().map(|socket| socket.expect("the server is there")).collect();
    let client = Client::new(running.url(), Some(token), "ann");
    let rest = (0..REQUESTS).map(|_| client.post("messages/", payload(group, client_id)));
    let over_sockets = async {
        for sent in join_all(sockets.iter_mut().map(|socket| socket.say(group, client_id, BODY))).await {
            assert!(sent, "the sockets are open");
        }
        join_all(sockets.iter_mut().map(|socket| socket.answer(client_id))).await
    };
    let (frames, answers) = tokio::join!(over_sockets, join_all(rest));
    let frames = frames.into_iter().map(|mut frame| frame["data"].take());
    frames.chain(answers.into_iter().map(|answer| answer.ok(201))).collect()
}

/// Sends every message again over both transports and asserts the original answers. Returns the number of
/// answers.
async fn again(program: &Program, running: &Running, token: &str, group: &str, firsts: &[Value]) -> usize {
    let client = Client::new(running.url(), Some(token), "ann");
    let mut socket = TrialSocket::connect(running.url(), token).await.expect("the server is there");
    let stands = history(&program.service(running), group).await.len();
    for first in firsts {
        let client_id = first["client_id"].as_str().expect("it was sent with one");
        let frame = socket.ask("message.text", payload(group, client_id), client_id).await;
        assert_eq!((&frame["data"], &frame["seq"]), (first, &first["seq"]));
        assert_eq!(client.post("messages/", payload(group, client_id)).await.ok(201), *first);
    }
    assert_eq!(history(&program.service(running), group).await.len(), stands);
    2 * firsts.len()
}

fn payload(group: &str, client_id: &str) -> Value {
    json!({ "group": group, "body": BODY, "client_id": client_id })
}
