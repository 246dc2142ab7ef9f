//! Search never reveals text that the user may not read, with or without the index: not through hits, marks,
//! counts, pages or headers.

use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::Client;
use chinwag_testkit::setup::{group, index, send, users};
use serde_json::{Value, json};

use crate::search_index::{all, fill, following};

/// A word in a group that ann may not read, and a word that nobody has used.
const SECRET: &str = "quokka";
const UNSAID: &str = "wombat";

/// Queries in which `WORD` stands for the word.
const ASKED: [&str; 12] = [
    "messages/?q=WORD",
    "messages/?q=WOR*",
    "messages/?q=%22the+WORD%22",
    "messages/?q=the+-WORD&limit=3",
    "messages/?q=WORD+the",
    "messages/?q=WORD&group=HIDDEN",
    "messages/?q=the&group=HIDDEN",
    "messages/?q=WORD&author=bob",
    "messages/?q=WORD&has=link",
    "messages/?q=WORD&mentions=me",
    "messages/?q=WORD&before=2999-01-01T00:00:00Z&after=1999-01-01T00:00:00Z",
    "search/?q=WORD",
];

/// The answers to ann: status, body, whether there is another page, and the state of the index.
async fn answers(ann: &Client, word: &str, hidden: &str) -> Vec<(u16, String, bool, String)> {
    let mut answers = Vec::new();
    for asked in ASKED {
        let path =
            asked.replace("WORD", word).replace("WOR", &word[..word.len() - 1]).replace("HIDDEN", hidden);
        let answer = ann.get(&path).await;
        let (next, indexing) = (following(&answer).is_some(), answer.header("chinwag-indexing").to_owned());
        answers.push((answer.status, answer.text.clone(), next, indexing));
    }
    answers
}

fn texts(count: usize) -> Vec<(String, Option<i64>)> {
    (0..count)
        .map(|number| (format!("the {SECRET} {number} @ann https://a.example/{SECRET}"), None))
        .collect()
}

#[tokio::test]
async fn unreadable_words_are_answered_like_unused_ones() {
    let app = TestApp::start().await;
    let service = app.service();
    let people = users(&service, &["ann", "bob", "zoe"]).await;
    let (ann, bob) = (&people[0], &people[1]);
    let shared = group(&service, &["ann", "bob"]).await;
    let hidden = group(&service, &["bob", "zoe"]).await;
    let none = "00000000-0000-4000-8000-000000000000";
    for number in 0..30 {
        send(bob, &shared, format!("the tea {number}")).await;
    }
    fill(app.app(), &hidden, texts(600)).await;
    // Without the index, with part of it, and with all of it.
    for steps in [0, 2, usize::MAX] {
        index(app.app(), steps).await;
        let unsaid = answers(ann, UNSAID, none).await;
        assert_eq!(answers(ann, SECRET, &hidden).await, unsaid, "after {steps} steps");
        assert!(all(bob, &format!("q={SECRET}")).await.0.len() == 600, "bob finds them");
    }
}

#[tokio::test]
async fn lost_rights_and_changed_texts_count_at_once() {
    let app = TestApp::start().await;
    let service = app.service();
    let people = users(&service, &["ann", "bob", "zoe"]).await;
    let (ann, bob, zoe) = (&people[0], &people[1], &people[2]);
    let shared = group(&service, &["bob", "ann", "zoe"]).await;
    let other = group(&service, &["bob", "ann"]).await;
    let edited = send(bob, &shared, "an edited quokka").await;
    let deleted = send(bob, &shared, "a deleted quokka").await;
    send(zoe, &shared, "the quokka of one who goes").await;
    send(bob, &other, "a quokka elsewhere").await;
    fill(app.app(), &shared, (0..900).map(|number| (format!("tea {number}"), None)).collect()).await;
    index(app.app(), usize::MAX).await;
    let found = async || {
        let (hits, _) = all(ann, "q=quokka").await;
        hits.iter().map(|hit| hit["body"].as_str().expect("a body").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found().await.len(), 4);

    let path = |message: &Value| format!("messages/{}/", message["id"].as_str().expect("an id"));
    bob.patch(&path(&edited), json!({ "body": "an edited wombat" })).await.ok(200);
    assert_eq!(found().await.len(), 3, "an edit");
    assert_eq!(all(ann, "q=wombat").await.0[0]["marks"], json!([[10, 6]]));
    bob.delete(&path(&deleted)).await.ok(200);
    assert_eq!(found().await, ["a quokka elsewhere", "the quokka of one who goes"], "a deletion");
    service.delete("users/zoe/").await.ok(200);
    assert_eq!(found().await, ["a quokka elsewhere"], "the end of an account");
    bob.patch(&format!("groups/{other}/"), json!({ "remove": ["ann"] })).await.ok(200);
    assert_eq!(found().await, [""; 0], "a removal from the group");
    bob.delete(&format!("groups/{shared}/")).await.ok(200);
    assert_eq!(all(ann, "q=wombat").await.0, [Value::Null; 0], "the end of a group");
}
