//! Pages that are read during writes, edits and deletions add up to the log.

use std::collections::{BTreeMap, BTreeSet};

use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::Client;
use serde_json::{Value, json};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::{group, send, seq, text};

/// Messages written before the paging begins.
const OLD: usize = 300;

/// The direction and the kind of edge.
#[derive(Debug, Clone, Copy)]
enum Way {
    BackBySeq,
    BackByDate,
    OnBySeq,
    OnByDate,
}

const WAYS: [Way; 4] = [Way::BackBySeq, Way::BackByDate, Way::OnBySeq, Way::OnByDate];

impl Way {
    /// The point after which the next page begins.
    fn point(self, last: Option<&Value>) -> String {
        let date = |last: &Value| text(&last["date"]);
        match (self, last) {
            (Self::BackBySeq | Self::BackByDate, None) => String::new(),
            (Self::OnBySeq, None) => "after=0".into(),
            (Self::OnByDate, None) => "after=2000-01-01T00:00:00Z".into(),
            (Self::BackBySeq, Some(last)) => format!("before={}", seq(last)),
            (Self::OnBySeq, Some(last)) => format!("after={}", seq(last)),
            (Self::BackByDate, Some(last)) => format!("before={}", date(last)),
            (Self::OnByDate, Some(last)) => format!("after={}", date(last)),
        }
    }
}

/// Reads all pages and concatenates them. Before each page it requests one change from `churn`, after the
/// previous one has been taken up.
async fn paged(client: &Client, group: &str, way: Way, churn: Option<&Sender<()>>) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    loop {
        if let Some(churn) = churn {
            churn.send(()).await.expect("there is enough to change");
        }
        let point = way.point(all.last());
        let page = client.get(&format!("groups/{group}/messages/?limit=7&{point}")).await.ok(200);
        let page = page.as_array().expect("a page").clone();
        if page.is_empty() {
            break;
        }
        all.extend(page);
    }
    if matches!(way, Way::BackBySeq | Way::BackByDate) {
        all.reverse();
    }
    assert!(all.windows(2).all(|pair| seq(&pair[0]) < seq(&pair[1])), "{way:?}: in order, and each once");
    all
}

/// Deletes, edits and sends in turn, one change per request on the channel.
async fn churn(client: &Client, group: &str, old: &[String], mut requested: Receiver<()>) {
    for (turn, id) in old.iter().enumerate() {
        if requested.recv().await.is_none() {
            return;
        }
        let path = format!("messages/{id}/");
        match turn % 3 {
            0 => drop(client.delete(&path).await.ok(200)),
            1 => drop(client.patch(&path, json!({ "body": format!("edited {turn}") })).await.ok(200)),
            _ => drop(send(client, group, &format!("new {turn}")).await),
        }
    }
}

fn by_seq(messages: &[Value]) -> BTreeMap<i64, &Value> {
    messages.iter().map(|message| (seq(message), message)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paging_during_writes_edits_and_deletions_equals_the_log() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let group = group(&app.service(), &["ann", "bob"]).await;
    let mut old = Vec::new();
    for number in 0..OLD {
        old.push(text(&send(&ann, &group, &format!("old {number}")).await["id"]));
    }
    // Interleave both ends, so that changes hit read and unread pages.
    let (front, back) = old.split_at(OLD / 2);
    let mixed: Vec<String> =
        front.iter().zip(back.iter().rev()).flat_map(|(a, b)| [a.clone(), b.clone()]).collect();
    let (requests, requested) = channel(1);
    let paging = async {
        let mut found = Vec::new();
        for way in WAYS {
            found.push((way, paged(&bob, &group, way, Some(&requests)).await));
        }
        drop(requests);
        found
    };
    let ((), found) = tokio::join!(churn(&ann, &group, &mixed, requested), paging);

    let log = paged(&bob, &group, Way::OnBySeq, None).await;
    for way in WAYS {
        assert_eq!(paged(&bob, &group, way, None).await, log, "{way:?}, when nothing happens");
    }
    let stands = by_seq(&log);
    for (way, pages) in found {
        let held = by_seq(&pages);
        let last = *held.keys().last().expect("messages");
        let missed: BTreeSet<_> =
            stands.keys().filter(|seq| **seq <= last && !held.contains_key(seq)).collect();
        assert!(missed.is_empty(), "{way:?}: {missed:?} stand and were on no page");
        for (seq, message) in &held {
            // A message that was deleted meanwhile stays deleted; others are unchanged except for edits.
            let Some(now) = stands.get(seq) else {
                assert_eq!(ann.get(&format!("messages/{}/", text(&message["id"]))).await.status, 404);
                continue;
            };
            assert_eq!(
                (&now["id"], &now["date"], &now["author"]),
                (&message["id"], &message["date"], &message["author"])
            );
            assert!(message["body"] == now["body"] || !now["edited"].is_null(), "{way:?}: {message}, {now}");
        }
    }
}
