//! The query plans of SQLite: runs the conformance suite again, and checks the plan of every statement.

use std::sync::Arc;

use chinwag_testkit::bus::Recorder;
use chinwag_testkit::store::Opened;
use rusqlite::Connection;

use crate::SqliteStore;

/// Panics if a statement would scan a whole table or index.
pub(crate) fn check(conn: &Connection, sql: &str) {
    let mut explain = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("a plan");
    let mut steps = explain.raw_query();
    while let Some(step) = steps.next().expect("a step") {
        let step: String = step.get(3).expect("its text");
        // Rows that the statement itself produces: the authors of a group, a count, a bounded part, a key.
        let own =
            ["SCAN CONSTANT ROW", "SCAN a", "SCAN near", "SCAN part", "SCAN asked"].contains(&step.as_str());
        // A full-text search with the index of terms (M).
        let own = own || (step.starts_with("SCAN search_words VIRTUAL TABLE INDEX") && step.contains(":M"));
        let whole = step.starts_with("SCAN ") && !step.starts_with("SCAN (") && !own;
        assert!(!whole, "{step}: {sql}");
    }
}

async fn open(bus: Arc<Recorder>) -> Opened {
    let store = SqliteStore::memory(bus).expect("a store");
    Opened { store: Arc::new(store), guard: Box::new(()) }
}

chinwag_testkit::store_suite!(open);
