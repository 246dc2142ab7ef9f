//! The search index: built by the server, checked and rebuilt by commands, and included in a backup.

use std::path::Path;

use chinwag_testkit::client::Client;
use chinwag_testkit::setup::{group, send};
use chinwag_testkit::trial::WAIT_TIMEOUT;
use chinwag_testkit::wait::Wait;
use rusqlite::Connection;

use crate::program;

fn number(database: &Path, sql: &str) -> i64 {
    let conn = Connection::open(database).expect("a database");
    conn.busy_timeout(WAIT_TIMEOUT).expect("a wait");
    conn.query_row(sql, [], |row| row.get(0)).expect(sql)
}

/// Waits until all messages are indexed.
async fn wait_for_index(database: &Path) {
    let lacking = "SELECT count(*) FROM groups g LEFT JOIN search_groups s ON s.group_id = g.id
        WHERE g.last_seq > coalesce(s.position, 0)";
    let wait = Wait::within(WAIT_TIMEOUT);
    while number(database, lacking) > 0 {
        wait.step(|| "messages are not indexed").await;
    }
}

fn with_word(database: &Path, word: &str) -> i64 {
    number(database, &format!("SELECT count(*) FROM search_words WHERE search_words MATCH '{word}'"))
}

async fn write(service: &Client, count: usize) {
    let ann = service.user("ann").await;
    let group = group(service, &["ann"]).await;
    for number in 0..count {
        send(&ann, &group, &format!("tea number{number}")).await;
    }
}

/// Simulates a store of an earlier version with many messages.
fn fill(database: &Path, count: i64, body: &str) {
    let fill = format!(
        "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {count})
        INSERT INTO messages (group_id, seq, author_id, date, id, body)
        SELECT g.id, g.last_seq + n, u.id, u.created + n, randomblob(16), {body}
        FROM n CROSS JOIN groups g JOIN users u ON u.name = 'ann'"
    );
    let conn = Connection::open(database).expect("a database");
    conn.execute(&fill, []).expect("messages");
    conn.execute("UPDATE groups SET last_seq = last_seq + ?1", [count]).expect("the head");
}

#[tokio::test(flavor = "multi_thread")]
async fn index_is_built_checked_and_built_anew() {
    let program = program();
    let running = program.serve();
    write(&program.service(&running), 12).await;
    let database = program.data().join("chinwag.db");
    wait_for_index(&database).await;
    assert_eq!((with_word(&database, "tea"), with_word(&database, "number7")), (12, 1));
    let checked = program.run(&["check"]);
    assert!(checked.stdout.contains("ok       the search index"), "{checked:?}");
    let refused = program.run(&["search", "rebuild"]);
    assert_ne!(refused.code, Some(0), "a server runs: {refused:?}");
    running.stop();

    let conn = Connection::open(&database).expect("a database");
    let row: i64 = conn
        .query_row("SELECT rowid FROM search_words WHERE search_words MATCH 'number7'", [], |row| row.get(0))
        .expect("a row");
    let remove = "INSERT INTO search_words (search_words, rowid, terms) VALUES ('delete', ?1, 'number7')";
    conn.execute(remove, [row]).expect("a removal");
    drop(conn);
    let checked = program.run(&["check"]);
    assert!(checked.stdout.contains("problem  the search index does not match"), "{checked:?}");
    let built = program.run(&["search", "rebuild"]);
    assert_eq!((built.code, built.stdout.as_str()), (Some(0), "12 messages are in the index\n"), "{built:?}");
    assert_eq!((with_word(&database, "tea"), with_word(&database, "number7")), (12, 1));
    let checked = program.run(&["check"]);
    assert!(checked.stdout.contains("ok       the search index"), "{checked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn index_goes_on_after_a_kill() {
    let program = program();
    let running = program.serve_with(|command| {
        command.env("CHINWAG_SEARCH__ENABLED", "false");
    });
    let service = program.service(&running);
    let server = service.get("server/").await.ok(200);
    assert!(!server["features"].as_array().expect("a list").contains(&"search".into()), "{server}");
    write(&service, 1).await;
    running.stop();
    let database = program.data().join("chinwag.db");
    assert_eq!(number(&database, "SELECT count(*) FROM search_groups"), 0);

    fill(&database, 6000, "'coffee ' || n");
    for kills in 0..3 {
        let before = with_word(&database, "coffee");
        assert!(kills > 0 || before == 0);
        let running = program.serve_with(|command| {
            command.env("CHINWAG_PRESENCE__LEASE", "2s");
        });
        let wait = Wait::within(WAIT_TIMEOUT);
        while with_word(&database, "coffee") <= before.min(5000) {
            wait.step(|| "nothing is added").await;
        }
        running.kill();
    }
    let running = program.serve_with(|command| {
        command.env("CHINWAG_PRESENCE__LEASE", "2s");
    });
    wait_for_index(&database).await;
    assert_eq!((with_word(&database, "coffee"), with_word(&database, "4711")), (6000, 1));
    running.stop();
    let checked = program.run(&["check"]);
    assert!(checked.stdout.contains("ok       the search index"), "{checked:?}");

    // A backup includes the index.
    let copy = program.data().join("copy.db");
    let copied = program.run(&["backup", copy.to_str().expect("a path")]);
    assert_eq!(copied.code, Some(0), "{copied:?}");
    assert_eq!(with_word(&copy, "coffee"), 6000);
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_a_large_index_are_merged() {
    let program = program();
    let running = program.serve();
    write(&program.service(&running), 1).await;
    running.stop();
    let database = program.data().join("chinwag.db");
    fill(&database, 10_000, "hex(randomblob(30))");
    let parts = || number(&database, "SELECT count(DISTINCT segid) FROM search_words_idx");

    let running = program.serve();
    wait_for_index(&database).await;
    let wait = Wait::within(WAIT_TIMEOUT);
    while parts() > 1 {
        wait.step(|| format!("the index has {} parts", parts())).await;
    }
    running.stop();
    let built = program.run(&["search", "rebuild"]);
    assert_eq!(
        (built.code, built.stdout.as_str()),
        (Some(0), "10001 messages are in the index\n"),
        "{built:?}"
    );
    assert_eq!(parts(), 1);
    let checked = program.run(&["check"]);
    assert!(checked.stdout.contains("ok       the search index"), "{checked:?}");
}
