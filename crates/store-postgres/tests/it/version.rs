//! A database written by version 1, and the unchanged schema of version 1.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use chinwag_store_postgres::Options;
use chinwag_testkit::postgres::Database;
use chinwag_testkit::store::{Fixture, Opened, version};
use sha2::{Digest, Sha256};

const STORED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/version-1.sql");

#[test]
fn the_schema_of_version_1_never_changes() {
    let digest = Sha256::digest(include_str!("../../../store-sql/migrations/0001_begin.postgres.sql"));
    let digit = |half: u8| char::from_digit(half.into(), 16).expect("a digit");
    let digest: String = digest.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
    assert_eq!(digest, include_str!("../data/version-1.sha256").trim(), "write a migration instead");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_version_1_is_brought_up_to_date() {
    let database = Database::new();
    database.ask(&fs::read_to_string(STORED).expect("the stored dump"));
    version::check(&open(&database).await).await;
}

/// Recreates the stored dump with `pg_dump`. Needed only when version 1 changes, and never after its release:
/// `cargo test -p chinwag-store-postgres --test it -- --ignored version`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "writes the stored dump"]
async fn make_the_dump_of_version_1() {
    let database = Database::new();
    version::fill(&open(&database).await).await;
    let dump = Command::new(std::env::var("PG_DUMP").unwrap_or("pg_dump".into()))
        .args(["--inserts", "--no-owner", "--no-privileges", "--schema=chinwag", "--dbname", &database.url()])
        .output()
        .expect("pg_dump");
    assert!(dump.status.success(), "{dump:?}");
    let text = String::from_utf8(dump.stdout).expect("text");
    // Drop the lines that address psql or name the version of pg_dump.
    let lines = text.lines().filter(|line| !line.starts_with('\\') && !line.starts_with("--"));
    let lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
    fs::create_dir_all(Path::new(STORED).parent().expect("a folder")).expect("a folder");
    fs::write(STORED, lines.join("\n") + "\n").expect("a file");
}

async fn open(database: &Database) -> Fixture {
    let url = database.url();
    Fixture::open(async |bus| {
        let store = crate::world::open(&url, &Options::default(), &bus).await;
        Opened { store: Arc::new(store), guard: Box::new(()) }
    })
    .await
}
