//! The conformance suite on a file and on a temporary store.

use std::sync::Arc;

use chinwag_store_sqlite::{Options, SqliteStore};
use chinwag_testkit::bus::Recorder;
use chinwag_testkit::store::Opened;

async fn open_file(bus: Arc<Recorder>) -> Opened {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("chinwag.db");
    let store = SqliteStore::open(&path, Options::default(), bus).expect("a store");
    Opened { store: Arc::new(store), guard: Box::new(folder) }
}

async fn open_memory(bus: Arc<Recorder>) -> Opened {
    let store = SqliteStore::memory(bus).expect("a store");
    Opened { store: Arc::new(store), guard: Box::new(()) }
}

mod file {
    use super::*;
    chinwag_testkit::store_suite!(open_file);
}

mod memory {
    use super::*;
    chinwag_testkit::store_suite!(open_memory);
}
