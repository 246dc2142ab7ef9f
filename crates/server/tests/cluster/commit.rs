//! The link to PostgreSQL fails after the commit was sent and before its answer arrives.

use std::time::Duration;

use chinwag_testkit::client::{Answer, Client};
use chinwag_testkit::postgres::Database;
use chinwag_testkit::process::Program;
use chinwag_testkit::proxy::Proxy;
use chinwag_testkit::setup::two;
use chinwag_testkit::trial::{WAIT_TIMEOUT, group, report, times};
use chinwag_testkit::wait::Wait;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::cluster::{Cluster, KEY, Node};

const UNKNOWN: &str = "the outcome is unknown: try again with the same client_id";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_commit_is_answered_so_and_retried_once() {
    let rounds = times(4, 200);
    let cluster = Cluster::of(2).await;
    let node = &cluster.nodes[0];
    let ann = cluster.users("ann", 1).await.remove(0);
    let group = group(&node.service(), &[ann.name()]).await;
    let (mut made, mut tried) = (0, 0);
    while made < rounds {
        assert!(tried < rounds * 3, "only {made} of {tried} cuts came after the commit");
        let body = format!("cut after these words {tried}");
        let data = json!({ "group": group, "body": body, "client_id": format!("c-{tried}") });
        // The statement reaches the database; its result does not come back.
        node.postgres.cut_after(body.as_bytes());
        let by_socket = tried % 2 == 1;
        if by_socket {
            unknown_by_socket(node, &ann, &data).await;
        } else {
            unknown_by_rest(node, &ann, &data).await;
        }
        timeout(WAIT_TIMEOUT, node.postgres.has_cut()).await.expect("the cut takes hold");
        made += usize::from(appears(&cluster.database, &body).await);
        node.postgres.restore();
        node.is_ready_but_for(None, WAIT_TIMEOUT).await;
        // A retry may go to any node.
        let other = &cluster.nodes[tried / 2 % 2];
        let first = retry(other, &ann, &data).await;
        assert_eq!(retry(node, &ann, &data).await, first, "each retry is answered alike");
        assert_eq!(rows(&cluster.database, &body), 1, "one row of {body}");
        tried += 1;
    }
    let count = i64::try_from(tried).expect("a count");
    assert_eq!(cluster.numbers(&group), (1..=count + 1).collect::<Vec<_>>());
    report(
        "commit",
        format!("{tried} cuts during a commit"),
        format!("{made} had committed; all answered as unknown, each retry one row"),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lone_node_delivers_a_message_of_an_unknown_commit() {
    let (database, program) = (Database::new(), Program::new(crate::binary()));
    let link = Proxy::to(database.server()).await;
    let node = program.serve_with(|command| {
        command.env("CHINWAG_DATABASE", database.url_by(link.address())).env("CHINWAG_SERVICE_KEY", KEY);
    });
    let service = Client::new(node.url(), Some(KEY), "service");
    let (ann, _anns, bob, mut bobs) = two(&service, ["ann", "bob"]).await;
    let group = group(&service, &[ann.name(), bob.name()]).await;
    for tried in 0.. {
        assert!(tried < 20, "no cut came after the commit");
        let body = format!("cut after these words {tried}");
        link.cut_after(body.as_bytes());
        let answer = ann.post("messages/", json!({ "group": group, "body": body })).await;
        assert_eq!((answer.status, answer.json["detail"].as_str()), (503, Some(UNKNOWN)), "{}", answer.text);
        let is_kept = appears(&database, &body).await;
        link.restore();
        if is_kept {
            let delivered = bobs.frame_where(|frame| frame["data"]["body"] == body.as_str());
            timeout(WAIT_TIMEOUT, delivered).await.expect("it is delivered");
            return;
        }
        let wait = Wait::begin();
        while service.get("/readyz").await.status != 200 {
            wait.step(|| "it is not ready").await;
        }
    }
}

async fn unknown_by_rest(node: &Node, ann: &Client, data: &Value) {
    let answer = node.as_user(ann).post("messages/", data.clone()).await;
    assert_eq!((answer.status, answer.json["detail"].as_str()), (503, Some(UNKNOWN)), "{}", answer.text);
    assert!(after(&answer) >= 1, "{:?}", answer.headers);
}

async fn unknown_by_socket(node: &Node, ann: &Client, data: &Value) {
    // Connect first, so that the snapshot is read before the cut.
    let user = node.as_user(ann);
    let mut socket = user.ws().await;
    let frame = socket.ask("message.text", data.clone()).await;
    assert_eq!((&frame["code"], &frame["data"]["detail"]), (&json!(503), &json!(UNKNOWN)), "{frame}");
}

/// Retries until it is answered; the link was cut just before.
async fn retry(node: &Node, ann: &Client, data: &Value) -> Value {
    let wait = Wait::begin();
    loop {
        let answer = node.as_user(ann).post("messages/", data.clone()).await;
        match answer.status {
            201 => return answer.json,
            503 => wait.step(|| &answer.text).await,
            _ => panic!("{}", answer.text),
        }
    }
}

/// Whether the row of the interrupted statement appears within 2 s.
async fn appears(database: &Database, body: &str) -> bool {
    let wait = Wait::within(Duration::from_secs(2));
    while rows(database, body) == 0 {
        if wait.is_over() {
            return false;
        }
        wait.step(|| "there is no row").await;
    }
    true
}

fn rows(database: &Database, body: &str) -> usize {
    let sql = format!("SELECT count(*) FROM chinwag.messages WHERE body = '{body}'");
    database.ask(&sql)[0][0].parse().expect("a count")
}

fn after(answer: &Answer) -> u64 {
    answer.header("retry-after").parse().expect("seconds")
}
