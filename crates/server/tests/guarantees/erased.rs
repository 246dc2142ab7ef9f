//! Deleted text disappears from every answer and from the database's files.

use std::path::Path;
use std::time::Duration;

use chinwag_testkit::client::Client;
use chinwag_testkit::process::{Program, Running};
use chinwag_testkit::trial::bound;
use chinwag_testkit::wait::Wait;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

use crate::{group, send, text};

/// Text in every deleted body, and in every other body.
const GONE: &str = "quokka-that-goes";
const KEPT: &str = "wombat-that-stays";
/// A search term that occurs only in the deleted bodies.
const WORD: &str = "quokka";

/// Waits until the search index has all messages.
async fn wait_for_index(database: &Path) {
    let conn =
        Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("the database opens");
    let lacking = "SELECT count(*) FROM groups g LEFT JOIN search_groups s ON s.group_id = g.id
        WHERE g.last_seq > coalesce(s.position, 0)";
    let wait = Wait::within(bound(Duration::from_secs(60)));
    while conn.query_row(lacking, [], |row| row.get::<_, i64>(0)).expect("a count") > 0 {
        wait.step(|| "messages are not indexed").await;
    }
    let has = "SELECT count(*) FROM search_words_data WHERE instr(block, CAST(?1 AS BLOB)) > 0";
    assert!(
        conn.query_row(has, [WORD], |row| row.get::<_, i64>(0)).expect("a count") > 0,
        "the index has it"
    );
}

/// The number of occurrences of a text in the columns of all rows.
fn rows_with(database: &Path, what: &str) -> usize {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(database, flags).expect("the database opens");
    let mut columns = conn
        .prepare(
            "SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c
                WHERE m.type = 'table' AND m.name <> 'search_words'",
        )
        .expect("a schema");
    let columns: Vec<(String, String)> = columns
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .expect("columns")
        .collect::<Result<_, _>>()
        .expect("names");
    assert!(columns.iter().any(|(table, column)| table == "messages" && column == "body"), "{columns:?}");
    let count = |(table, column): &(String, String)| {
        let sql = format!(r#"SELECT count(*) FROM "{table}" WHERE instr(CAST("{column}" AS TEXT), ?1) > 0"#);
        conn.query_row(&sql, [what], |row| row.get::<_, i64>(0)).expect("a count")
    };
    usize::try_from(columns.iter().map(count).sum::<i64>()).expect("a count")
}

/// The number of occurrences of a text in the bytes of the database's files.
fn bytes_with(database: &Path, what: &str) -> usize {
    ["", "-wal", "-shm"].iter().map(|suffix| bytes_in(database, suffix, what)).sum()
}

/// The same for one of the files.
fn bytes_in(database: &Path, suffix: &str, what: &str) -> usize {
    let bytes = std::fs::read(format!("{}{suffix}", database.display())).unwrap_or_default();
    bytes.windows(what.len()).filter(|window| *window == what.as_bytes()).count()
}

/// Short bodies, and bodies that fill several pages.
fn body(what: &str, number: usize) -> String {
    let long = [1, 1, 40, 230][number % 4];
    format!("{what} {number} ").repeat(long).chars().take(4096).collect()
}

struct World {
    group: String,
    gone: Vec<String>,
    reply: String,
}

/// Writes text to be erased between text that stays: messages to be deleted or edited, of a user to be deleted,
/// and in a group to be deleted.
async fn written(service: &Client, ann: &Client, zoe: &Client) -> World {
    let group = group(service, &["ann", "bob", "zoe"]).await;
    let mut gone = Vec::new();
    for number in 0..120 {
        send(ann, &group, &body(KEPT, number)).await;
        let client_id = format!("one {number}");
        let data = json!({ "group": group, "body": body(GONE, number), "client_id": client_id });
        let author = if number % 2 == 0 { ann } else { zoe };
        let sent = author.post("messages/", data).await.ok(201);
        if number % 2 == 0 {
            gone.push(text(&sent["id"]));
        }
    }
    let edited = text(&send(ann, &group, &body(GONE, 3)).await["id"]);
    ann.patch(&format!("messages/{edited}/"), json!({ "body": body(KEPT, 2) })).await.ok(200);
    let reply = json!({ "group": group, "body": KEPT, "respond_to": gone[0] });
    let reply = text(&ann.post("messages/", reply).await.ok(201)["id"]);
    World { group, gone, reply }
}

async fn erase(service: &Client, ann: &Client, world: &World) {
    for id in &world.gone {
        ann.delete(&format!("messages/{id}/")).await.ok(200);
    }
    service.delete("users/zoe/").await.ok(200);
    let other = group(service, &["ann", "bob"]).await;
    for number in 0..40 {
        send(ann, &other, &body(GONE, number)).await;
    }
    ann.delete(&format!("groups/{other}/")).await.ok(200);
}

/// The answers of every request that shows messages.
async fn shown(running: &Running, service: &Client, bob: &Client, world: &World) -> Vec<String> {
    let group = &world.group;
    let mut all = Vec::new();
    for client in [service, bob] {
        for path in [
            format!("groups/{group}/?fields=__all__"),
            "groups/?fields=__all__".into(),
            format!("groups/{group}/messages/?limit=100"),
            format!("groups/{group}/messages/?limit=100&after=0"),
            format!("groups/{group}/messages/?limit=100&after=90"),
            format!("groups/{group}/messages/?limit=100&after=180"),
            format!("messages/{}/", world.gone[0]),
            format!("messages/{}/", world.reply),
            "openapi.json".into(),
            "asyncapi.json".into(),
            "/metrics".into(),
        ] {
            all.push(client.get(&path).await.text);
        }
    }
    let mut socket = bob.ws().await;
    all.push(socket.summary().to_string());
    for before in [50, 100, 200, 300, 400] {
        all.push(
            socket
                .ask("message.fetch", json!({ "group": group, "before": before, "limit": 100 }))
                .await
                .to_string(),
        );
    }
    let since = json!({ "groups": { group: 1 } });
    socket.send(json!({ "type": "sync.resume", "data": since, "ref": "resume" })).await;
    loop {
        let frame = socket.next().await;
        all.push(frame.to_string());
        if frame["type"] == "sync.done" {
            break;
        }
    }
    all.push(running.stdout());
    all.push(running.stderr());
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_body_is_in_no_answer_log_or_file() {
    let program = Program::new(env!("CARGO_BIN_EXE_chinwag"));
    let running = program.serve_with(|command| {
        command.env("CHINWAG_LOG__LEVEL", "debug");
    });
    let database = program.data().join("chinwag.db");
    let service = program.service(&running);
    let (ann, bob) = (service.user("ann").await, service.user("bob").await);
    let zoe = service.user("zoe").await;
    let world = written(&service, &ann, &zoe).await;
    assert!(rows_with(&database, GONE) >= 120, "they were there");
    assert!(bytes_with(&database, GONE) >= 120, "in the file's bytes, too");
    wait_for_index(&database).await;
    assert!(shown(&running, &service, &bob, &world).await.iter().any(|text| text.contains(GONE)));

    erase(&service, &ann, &world).await;
    for (number, text) in shown(&running, &service, &bob, &world).await.iter().enumerate() {
        assert!(!text.contains(GONE), "answer {number}: {text}");
    }
    let reply = bob.get(&format!("messages/{}/", world.reply)).await.ok(200);
    assert_eq!((&reply["respond_to"], &reply["body"]), (&Value::Null, &json!(KEPT)));
    // The answer to a retry has the number of the first message, and the body of the retry.
    let retry = json!({ "group": world.group, "body": "guessed", "client_id": "one 0" });
    let retried = ann.post("messages/", retry).await;
    assert!(!retried.text.contains(GONE), "{}", retried.text);
    assert_eq!(retried.json["id"], world.gone[0], "{}", retried.text);

    assert_eq!(rows_with(&database, GONE), 0, "in a row that stands");
    assert!(rows_with(&database, KEPT) >= 120, "what stays stays");
    // The bytes disappear from the running server's files within a minute of the last erasure.
    let wait = Wait::within(bound(Duration::from_secs(60)));
    while bytes_with(&database, WORD) > 0 {
        wait.step(|| "it is still in the files").await;
    }
    running.stop();
    assert_eq!(rows_with(&database, GONE), 0, "in a row that stands");
    assert_eq!(bytes_with(&database, WORD), 0, "in the file's bytes, where no row stands, or in the index");
}
