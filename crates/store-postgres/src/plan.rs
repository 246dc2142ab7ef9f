//! The query plans of PostgreSQL: runs the conformance suite again, and checks the plan of every statement.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use chinwag_testkit::bus::Recorder;
use chinwag_testkit::postgres::Database;
use chinwag_testkit::store::Opened;
use tokio_postgres::SimpleQueryMessage;

use crate::address::Target;
use crate::link::Link;
use crate::send::statements::{HOLD, MARK, SEND};
use crate::{Options, PostgresStore, open};

/// Panics if a statement would scan a whole table or index.
pub(crate) fn check(link: &Link, begin: Option<&str>, sql: &'static str) {
    static SEEN: Mutex<Option<HashSet<&str>>> = Mutex::new(None);
    begin.map_or(Ok(()), |begin| link.batch(begin)).expect("a transaction");
    // `TRUNCATE` has no plan.
    if sql.starts_with("TRUNCATE ") {
        return;
    }
    if !SEEN.lock().expect("no panic").get_or_insert_default().insert(sql) {
        return;
    }
    check_steps(link, sql, "");
}

/// Checks the plan steps that read this table, or any table if it is empty.
fn check_steps(link: &Link, sql: &str, table: &str) {
    let steps = plan(link, sql);
    for (at, step) in steps.iter().enumerate() {
        assert!(!step.contains("Seq Scan on"), "{step}: {sql}\n{}", steps.join("\n"));
        let of_index = step.contains("Index Scan using") || step.contains("Index Only Scan using");
        if (of_index || step.contains("Bitmap Index Scan")) && step.contains(table) {
            let by_key = steps.get(at + 1).is_some_and(|next| next.contains("Index Cond"));
            assert!(by_key, "{step} reads all of it: {sql}\n{}", steps.join("\n"));
        }
    }
}

fn plan(link: &Link, sql: &str) -> Vec<String> {
    let parameters = (1..20).take_while(|number| sql.contains(&format!("${number}"))).count();
    let nulls =
        if parameters == 0 { String::new() } else { format!("({})", vec!["NULL"; parameters].join(", ")) };
    let explain = format!(
        "PREPARE looked_at AS {sql};
        EXPLAIN EXECUTE looked_at{nulls}; DEALLOCATE looked_at"
    );
    let rows = link.wait(link.client().simple_query(&explain)).expect(sql);
    let text = |row| match row {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    };
    rows.into_iter().filter_map(text).collect()
}

async fn open(bus: Arc<Recorder>) -> Opened {
    let database = Database::new();
    let store = PostgresStore::open(&database.url(), Options::default(), bus).await.expect("a store");
    Opened { store: Arc::new(store), guard: Box::new(database) }
}

#[test]
fn messages_are_sent_by_keys() {
    let database = Database::new();
    let (target, _): (Target, _) = open::prepare(&database.url(), &Options::default()).expect("a database");
    let Ok(link) = Link::open(&target) else { panic!("a link") };
    check_steps(&link, HOLD, "");
    check_steps(&link, SEND, "");
    check_steps(&link, MARK, "");
    // With the whole key: a part of it would match all rows of a large group.
    let steps = plan(&link, SEND).join("\n");
    for keys in [&["user_id = ", "group_id = "][..], &["group_id = ", "author_id = ", "client_id = "]] {
        let whole = |step: &str| step.contains("Index Cond") && keys.iter().all(|key| step.contains(key));
        assert!(steps.lines().any(whole), "{keys:?}\n{steps}");
    }
    let by_number = steps.lines().zip(steps.lines().skip(1)).any(|(step, condition)| {
        step.contains("messages_pkey") && condition.contains("group_id = ") && condition.contains("seq = ")
    });
    assert!(by_number, "{steps}");
    // With statistics of an empty table, every access path looks equally cheap. The plan must not scan all
    // messages, since it is used until the next ANALYZE.
    database.ask("VACUUM ANALYZE");
    check_steps(&link, SEND, "messages");
    check_steps(&link, MARK, "messages");
}

chinwag_testkit::store_suite!(open);
