//! Search with the index: the same hits as without, and a rare word among many messages on the first page.

use chinwag_core::app::App;
use chinwag_core::app::message::Send;
use chinwag_core::context::Context;
use chinwag_core::message::Body;
use chinwag_core::user::Caller;
use chinwag_core::{Date, Name};
use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::{Answer, Client};
use chinwag_testkit::setup::{group, index, send, two};
use chinwag_testkit::store::Numbers;
use futures_util::future::join_all;
use serde_json::{Value, json};

/// Messages per group: more than a page scans before it uses the index and, in three groups, more than it scans
/// beside the index.
const MANY: usize = 1200;

/// Sends messages, some with explicit dates, in any order.
pub(crate) async fn fill(app: &App, group: &str, texts: Vec<(String, Option<i64>)>) {
    let context = Context::new(Caller::Service);
    for some in texts.chunks(250) {
        let sent = some.iter().map(|(text, seconds)| {
            let message = Send {
                author: Some(Name::parse("bob").expect("a name")),
                date: seconds.map(|seconds| Date::from_micros(seconds * 1_000_000)),
                ..Send::new(group.parse().expect("an id"), Body::parse(text, 4096).expect("a body"))
            };
            (&context, message)
        });
        for sent in join_all(app.messages_send(sent)).await {
            sent.expect("it is stored");
        }
    }
}

/// The hits of all pages, and the number of pages.
pub(crate) async fn all(client: &Client, query: &str) -> (Vec<Value>, usize) {
    let (mut next, mut hits, mut pages) = (Some(format!("messages/?{query}")), Vec::new(), 0);
    while let Some(path) = next {
        let page = client.get(&path).await;
        next = following(&page);
        hits.extend(page.ok(200).as_array().expect("a list").clone());
        pages += 1;
    }
    (hits, pages)
}

pub(crate) fn following(page: &Answer) -> Option<String> {
    let link = page.header("link").to_owned();
    link.split("/api/v1/").nth(1).and_then(|rest| rest.split('>').next()).map(str::to_owned)
}

/// Texts from words of which each is rarer than the previous one.
fn texts(random: &mut Numbers, count: usize) -> Vec<(String, Option<i64>)> {
    const WORDS: [&str; 8] = ["tea", "time", "café", "修复", "мир", "rare", "한국", "foo.png"];
    let text = |number: usize| {
        let word = |random: &mut Numbers| {
            let last = random.below(WORDS.len()) + 1;
            WORDS[random.below(last)]
        };
        let words: Vec<_> = (0..=random.below(4)).map(|_| word(random)).collect();
        let seconds =
            number.is_multiple_of(3).then(|| 1_600_000_000 + i64::try_from(random.below(500)).expect("few"));
        (words.join(" "), seconds)
    };
    (0..count).map(text).collect()
}

const QUERIES: [&str; 12] = [
    "q=tea&limit=100",
    "q=rare&limit=7",
    "q=rare+foo.png",
    "q=%22rare+tea%22",
    "q=rar*+-tea&limit=50",
    "q=%E4%BF%AE%E5%A4%8D&limit=100",
    "q=%E5%A4%8D+png",
    "q=%ED%95%9C&limit=30",
    "q=rare&before=2020-09-13T12:30:00Z&limit=9",
    "q=rare&after=2020-09-13T12:30:00Z&limit=9",
    "q=cafe&author=ann",
    "q=nothing",
];

#[tokio::test]
async fn index_changes_neither_hits_nor_order() {
    let app = TestApp::start().await;
    let service = app.service();
    let (ann, _a, _bob, _b) = two(&service, ["ann", "bob"]).await;
    let (one, other) = (group(&service, &["ann", "bob"]).await, group(&service, &["ann", "bob"]).await);
    let own = group(&service, &["bob"]).await;
    let mut random = Numbers(7);
    for group in [&one, &other, &own] {
        fill(app.app(), group, texts(&mut random, MANY)).await;
    }
    let mut scanned = Vec::new();
    for query in QUERIES {
        scanned.push((all(&ann, query).await.0, all(&service, query).await.0));
    }
    assert!(scanned.iter().filter(|(hits, _)| !hits.is_empty()).count() >= 9);
    // First part of the index, then all of it.
    for steps in [4, usize::MAX] {
        assert!(index(app.app(), steps).await > 2);
        for (query, (for_ann, for_service)) in QUERIES.iter().zip(&scanned) {
            assert_eq!(&all(&ann, query).await.0, for_ann, "{query}, {steps}");
            assert_eq!(&all(&service, query).await.0, for_service, "{query}, {steps}");
        }
    }
}

#[tokio::test]
async fn rare_word_among_many_messages_is_on_the_first_page() {
    let app = TestApp::start().await;
    let service = app.service();
    let (ann, _a, bob, _b) = two(&service, ["ann", "bob"]).await;
    let group = group(&service, &["ann", "bob"]).await;
    let old = send(&bob, &group, "a rare word").await;
    let texts = (0..10_400).map(|number| (format!("common {number}"), None)).collect();
    fill(app.app(), &group, texts).await;
    let first = ann.get("messages/?q=rare").await;
    assert_eq!(first.header("chinwag-indexing"), "0", "before it begins, as after a migration");
    assert!(following(&first).is_some() && first.ok(200) == json!([]), "a page reads 10,000 messages");

    // While the index is built, the hits are the same, and the answer has the progress.
    index(app.app(), 2).await;
    let (hits, pages) = all(&ann, "q=rare").await;
    assert_eq!((hits.len(), pages), (1, 2));
    assert_eq!(ann.get("messages/?q=rare").await.header("chinwag-indexing"), "0");
    assert_eq!(ann.get("search/?q=rare").await.header("chinwag-indexing"), "0");

    index(app.app(), usize::MAX).await;
    let found = ann.get("messages/?q=rare").await;
    assert_eq!((found.header("chinwag-indexing"), following(&found)), ("", None));
    assert_eq!(found.ok(200)[0]["id"], old["id"]);

    // New messages are found at once, and edits and deletions count at once.
    let new = send(&bob, &group, "a rare thing").await;
    let path = format!("messages/{}/", old["id"].as_str().expect("an id"));
    bob.patch(&path, json!({ "body": "a scarce word" })).await.ok(200);
    let ids = async |query: &str| {
        let (hits, pages) = all(&ann, query).await;
        assert_eq!(pages, 1, "{query}");
        hits.iter().map(|hit| hit["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids("q=rare").await, [new["id"].clone()]);
    assert_eq!(ids("q=scarce").await, [old["id"].clone()]);
    bob.delete(&path).await.ok(200);
    assert_eq!(ids("q=scarce").await, [Value::Null; 0]);
}
