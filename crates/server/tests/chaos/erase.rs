//! Deletion of a user with very many messages while others chat, interrupted by `kill -9`.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use chinwag_testkit::client::Client;
use chinwag_testkit::process::Running;
use chinwag_testkit::trial::{WAIT_TIMEOUT, bound, group, history, report, times};
use chinwag_testkit::wait::Wait;
use rusqlite::{Connection, OpenFlags, params};
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use crate::program;

/// Prefix of every body of the deleted user.
pub(crate) const GONE: &str = "quokka-that-goes";
const TASKS: &str = "SELECT count(*) FROM tasks";
/// Number of messages that others write before and during the erasure.
pub(crate) const CHAT: usize = 40;
/// Upper bound for one message of the others: long enough for many steps, far too short for all.
pub(crate) const BOUND: Duration = Duration::from_secs(5);

/// The maximum number of events of one group in a resume.
const RESUMED: i64 = 1000;

/// A client's state of the group before the deletion.
struct Held {
    head: i64,
    messages: BTreeSet<String>,
}

fn open(database: &Path) -> Connection {
    let conn =
        Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("the file opens");
    conn.busy_timeout(WAIT_TIMEOUT).expect("a wait");
    conn
}

/// Appends messages of a user to a group's log in the server's format. The server must not be running.
pub(crate) fn fill(database: &Path, group: &str, author: &str, count: usize) {
    let conn = open(database);
    let group = group.parse::<Uuid>().expect("an id").into_bytes();
    let sql = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?4)
        INSERT INTO messages (group_id, seq, author_id, date, id, body)
        SELECT ?1, g.last_seq + n, u.id, u.created + n, randomblob(16), ?3 || ' ' || n
        FROM n JOIN groups g ON g.id = ?1 JOIN users u ON u.name = ?2";
    let rows = conn.execute(sql, params![group, author, GONE, i64::try_from(count).expect("a count")]);
    assert_eq!(rows.expect("messages"), count);
    let head =
        "UPDATE groups SET last_seq = (SELECT max(seq) FROM messages WHERE group_id = ?1) WHERE id = ?1";
    conn.execute(head, [group]).expect("the head");
    index_dates(&conn);
}

/// Builds the index of messages by date, as the server does.
fn index_dates(conn: &Connection) {
    let sql = "DELETE FROM message_dates;
        INSERT INTO message_dates (group_id, date, seq)
            SELECT group_id, date, seq FROM messages WHERE body IS NOT NULL;
        UPDATE groups SET dated_seq = last_seq;";
    conn.execute_batch(sql).expect("an index");
}

/// Makes these messages older by a number of days.
pub(crate) fn age(database: &Path, days: i64) {
    let sql = format!("UPDATE messages SET date = date - ?1 WHERE body LIKE '{GONE}%'");
    let conn = open(database);
    conn.execute(&sql, [days * 86_400_000_000]).expect("older messages");
    index_dates(&conn);
}

fn hold(database: &Path) -> Held {
    let conn = open(database);
    let head = conn.query_row("SELECT last_seq FROM groups", [], |row| row.get(0)).expect("one group");
    let mut ids = conn.prepare("SELECT id FROM messages").expect("a statement");
    let ids = ids.query_map([], |row| row.get::<_, [u8; 16]>(0)).expect("ids");
    let messages = ids.map(|id| Uuid::from_bytes(id.expect("an id")).to_string()).collect();
    Held { head, messages }
}

/// The number of the user's messages with a body, and the number of remaining tasks.
pub(crate) fn remaining(database: &Path) -> (usize, usize) {
    let bodies = count(database, &format!("SELECT count(*) FROM messages WHERE body LIKE '{GONE}%'"));
    (bodies, count(database, TASKS))
}

/// Whether any message is erased; cheaper than a count.
pub(crate) fn has_erased(database: &Path) -> bool {
    count(database, "SELECT EXISTS (SELECT 1 FROM messages WHERE body IS NULL)") == 1
}

fn count(database: &Path, sql: &str) -> usize {
    open(database).query_row(sql, [], |row| row.get(0)).map(|n: u32| n as usize).expect("a count")
}

/// Sends messages of a remaining user, and returns the time that each took.
pub(crate) async fn chat(client: &Client, group: &str, count: usize) -> Vec<Duration> {
    let mut times = Vec::with_capacity(count);
    for number in 0..count {
        let begun = Instant::now();
        let body = format!("{} stays {number}", client.name());
        client.post("messages/", json!({ "group": group, "body": body })).await.ok(201);
        times.push(begun.elapsed());
    }
    times
}

async fn longest_of_chat(client: &Client, group: &str) -> Duration {
    chat(client, group, CHAT).await.into_iter().max().unwrap_or_default()
}

/// Asserts that no answer contains the user or its messages.
async fn assert_gone(service: &Client, bob: &Client, group: &str, held: &Held, one: &str) {
    assert_eq!(service.get("users/zoe/").await.status, 404);
    let mut shown = Vec::new();
    for client in [service, bob] {
        assert_eq!(client.get(&format!("messages/{one}/")).await.status, 404);
        for query in ["", "&after=0", "&before=1000", &format!("&before={}", held.head)] {
            shown.push(client.get(&format!("groups/{group}/messages/?limit=100{query}")).await.text);
        }
        shown.push(client.get(&format!("groups/{group}/?fields=__all__")).await.text);
    }
    shown.push(bob.ws().await.summary().to_string());
    for text in shown {
        assert!(!text.contains(GONE) && !text.contains("zoe"), "{text}");
    }
}

/// Applies a resume to the held messages, and counts its events; `None` if the erasure took more steps than a
/// resume can send.
async fn resume(bob: &Client, group: &str, held: &Held) -> Option<(BTreeSet<String>, usize)> {
    let (mut messages, mut events) = (held.messages.clone(), 0);
    let mut socket = bob.ws().await;
    socket.send(json!({ "type": "sync.resume", "data": { "groups": { group: held.head } } })).await;
    loop {
        let frame = socket.next().await;
        let data = &frame["data"];
        let text = |value: &Value| value.as_str().expect("an id").to_owned();
        events += 1;
        match frame["type"].as_str().expect("a type") {
            "message.text" => drop(messages.insert(text(&data["id"]))),
            "message.delete" if data["ids"].is_array() => {
                let ids = data["ids"].as_array().expect("ids");
                assert!((1..=1000).contains(&ids.len()));
                // Each message was held and is deleted once.
                assert!(ids.iter().all(|id| messages.remove(&text(id))), "{frame}");
            }
            "sync.done" => {
                if data["refused"][group] == "too_far" {
                    return None;
                }
                assert!(data["refused"].as_object().is_none_or(serde_json::Map::is_empty), "{frame}");
                return Some((messages, events));
            }
            _ => {}
        }
    }
}

pub(crate) async fn until_erased(database: &Path, running: &Running) {
    let (mut wait, mut last) = (Wait::begin(), usize::MAX);
    // Poll the tasks, because counting bodies at each poll would slow the erasure down. On a slow machine,
    // extend the deadline while the erasure makes progress.
    while count(database, TASKS) > 0 {
        if wait.is_over() {
            let (bodies, _) = remaining(database);
            if bodies < last {
                (wait, last) = (Wait::begin(), bodies);
            }
        }
        wait.step(|| format!("{:?} remain: {}", remaining(database), running.stderr())).await;
    }
    assert_eq!(remaining(database), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_with_many_messages_is_erased_at_once_and_in_steps() {
    let count = times(100_000, 1_000_000);
    let program = program();
    let database = program.data().join("chinwag.db");
    let running = program.serve();
    let service = program.service(&running);
    let (ann, bob) = (service.user("ann").await, service.user("bob").await);
    service.user("zoe").await;
    let group = group(&service, &["ann", "bob", "zoe"]).await;
    chat(&ann, &group, CHAT).await;
    running.stop();
    fill(&database, &group, "zoe", count);
    let held = hold(&database);
    assert_eq!(held.messages.len(), count + CHAT);

    let running = program.serve();
    let (service, url) = (program.service(&running), running.url().to_owned());
    let (ann, bob) =
        (Client::new(&url, Some(ann.token()), "ann"), Client::new(&url, Some(bob.token()), "bob"));
    let last = service.get(&format!("groups/{group}/messages/?limit=1")).await.ok(200);
    assert!(last[0]["body"].as_str().expect("a body").starts_with(GONE), "{last}");
    let one = last[0]["id"].as_str().expect("an id");
    let begun = Instant::now();
    service.delete("users/zoe/").await.ok(200);
    let answered = begun.elapsed();
    assert!(answered < bound(BOUND), "the answer took {answered:?}");
    assert_gone(&service, &bob, &group, &held, one).await;
    let during = longest_of_chat(&ann, &group).await.max(longest_of_chat(&bob, &group).await);
    assert_eq!(running.kill(), Some(9));
    let (cut, tasks) = remaining(&database);
    assert!(0 < cut && cut < count && tasks == 1, "it was cut in the middle: {cut} of {count}, {tasks}");

    let running = program.serve();
    let (service, url) = (program.service(&running), running.url().to_owned());
    let (ann, bob) =
        (Client::new(&url, Some(ann.token()), "ann"), Client::new(&url, Some(bob.token()), "bob"));
    assert_gone(&service, &bob, &group, &held, one).await;
    let during = during.max(longest_of_chat(&bob, &group).await);
    assert!(during < bound(BOUND), "one of the others' messages took {during:?}");
    until_erased(&database, &running).await;
    assert_gone(&service, &bob, &group, &held, one).await;
    let shown: BTreeSet<_> =
        history(&ann, &group).await.iter().map(|m| m["id"].as_str().map(str::to_owned)).collect();
    assert_eq!(shown.len(), 4 * CHAT);
    if count <= 100_000 {
        match resume(&bob, &group, &held).await {
            Some((told, events)) => {
                assert_eq!(told.into_iter().map(Some).collect::<BTreeSet<_>>(), shown, "{events} events");
            }
            None => assert!(hold(&database).head - held.head > RESUMED, "a resume reaches that far"),
        }
    }
    assert_eq!(running.stop().code, Some(0));
    let seen = format!("answer {answered:?}, the others' slowest message {during:?}, {cut} left at the kill");
    report("erase", format!("{count} messages"), seen);
}
