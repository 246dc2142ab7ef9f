//! A file written by version 1, and the unchanged schema of version 1.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use chinwag_store_sqlite::{Options, SqliteStore};
use chinwag_testkit::store::{Fixture, Opened, version};
use sha2::{Digest, Sha256};

const STORED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/version-1.db");

#[test]
fn the_schema_of_version_1_never_changes() {
    let digest = Sha256::digest(include_str!("../../store-sql/migrations/0001_begin.sqlite.sql"));
    let digit = |half: u8| char::from_digit(half.into(), 16).expect("a digit");
    let digest: String = digest.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
    assert_eq!(digest, include_str!("data/version-1.sha256").trim(), "write a migration instead");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_version_1_is_brought_up_to_date() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("chinwag.db");
    fs::copy(STORED, &path).expect("a copy");
    version::check(&open(&path).await).await;
}

/// Recreates the stored file. Needed only when version 1 changes, and never after its release: `cargo test -p
/// chinwag-store-sqlite --test version -- --ignored`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "writes the stored file"]
async fn make_the_file_of_version_1() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("chinwag.db");
    version::fill(&open(&path).await).await;
    fs::create_dir_all(Path::new(STORED).parent().expect("a folder")).expect("a folder");
    // Closing the store has moved its journal into the file.
    fs::copy(&path, STORED).expect("a copy");
}

async fn open(path: &Path) -> Fixture {
    Fixture::open(async |bus| {
        let store = SqliteStore::open(path, Options::default(), bus).expect("a store");
        Opened { store: Arc::new(store), guard: Box::new(()) }
    })
    .await
}
