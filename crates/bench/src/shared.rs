//! Shared by the nodes: a database on a PostgreSQL that waits for its disk, and a Redis.

use std::sync::Arc;

use anyhow::Result;
use chinwag_core::store::Store;
use chinwag_store_postgres::{Options, PostgresStore};
use chinwag_testkit::postgres::{Database, Server};
use chinwag_testkit::redis::Redis;

use crate::world::{Deaf, block_on};

const KEY: &str = "the-service-key-of-a-workload-0123456789";
const SECRET: &str = "the-secret-of-a-workload-0123456789-0123456789";

/// A database of its own on the server, and a Redis if there are to be nodes.
pub(crate) struct Shared {
    database: Database,
    redis: Option<Redis>,
    /// Dropped last.
    _server: Arc<Server>,
}

impl Shared {
    /// For one node alone.
    pub(crate) fn by_one(server: &Arc<Server>) -> Self {
        Self { database: server.database(), redis: None, _server: server.clone() }
    }

    /// For nodes.
    pub(crate) fn by_nodes(server: &Arc<Server>) -> Self {
        Self { redis: Some(Redis::start()), ..Self::by_one(server) }
    }

    /// The database's address.
    pub(crate) fn url(&self) -> String {
        self.database.url()
    }

    /// The variables of a node's environment.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        let mut settings = vec![("CHINWAG_DATABASE", self.url()), ("CHINWAG_SERVICE_KEY", KEY.to_owned())];
        if let Some(redis) = &self.redis {
            settings.extend([("CHINWAG_REDIS", redis.url()), ("CHINWAG_CLUSTER_SECRET", SECRET.to_owned())]);
        }
        settings
    }

    /// The bytes of these tables and their indexes.
    pub(crate) fn bytes_of(&self, tables: &[&str]) -> Result<f64> {
        let sizes = tables.iter().map(|table| {
            let size = self.database.ask(&format!("SELECT pg_total_relation_size('{table}')"));
            Ok(size[0][0].parse::<f64>()?)
        });
        sizes.sum()
    }

    /// The store in it.
    pub(crate) fn open(&self) -> Result<Arc<dyn Store>> {
        let url = self.url();
        let opening = PostgresStore::open(&url, Options::default(), Arc::new(Deaf));
        Ok(Arc::new(block_on(opening)??))
    }
}
