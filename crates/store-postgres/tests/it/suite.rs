//! The conformance suite.

use std::sync::Arc;

use chinwag_store_postgres::Options;
use chinwag_testkit::bus::Recorder;
use chinwag_testkit::postgres::Database;
use chinwag_testkit::store::Opened;

async fn open(bus: Arc<Recorder>) -> Opened {
    let database = Database::new();
    let store = crate::world::open(&database.url(), &Options::default(), &bus).await;
    Opened { store: Arc::new(store), guard: Box::new(database) }
}

chinwag_testkit::store_suite!(open);
