//! The services that nodes share: a PostgreSQL database with durable commits, and Redis.

use std::sync::Arc;

use anyhow::{Context, Result};
use chinwag_core::store::Store;
use chinwag_store_postgres::{Options, PostgresStore};
use chinwag_testkit::postgres::{Database, Server};
use chinwag_testkit::redis::Redis;

use crate::subject;
use crate::world::{NullBus, block_on};

const KEY: &str = "the-service-key-of-a-workload-0123456789";
const SECRET: &str = "the-secret-of-a-workload-0123456789-0123456789";

/// A new database, and a Redis server where there are several nodes.
pub(crate) struct Shared {
    database: Database,
    redis: Option<Redis>,
    /// Dropped last.
    server: Arc<Server>,
}

impl Shared {
    /// For a single node.
    pub(crate) fn by_one(server: &Arc<Server>) -> Self {
        Self { database: server.database(), redis: None, server: server.clone() }
    }

    /// For several nodes.
    pub(crate) fn by_nodes(server: &Arc<Server>) -> Self {
        Self { redis: Some(Redis::start()), ..Self::by_one(server) }
    }

    /// The database's address.
    pub(crate) fn url(&self) -> String {
        self.database.url()
    }

    /// The environment variables of a node.
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

    /// Runs a query that returns one number.
    pub(crate) fn number(&self, sql: &str) -> Result<f64> {
        let rows = self.database.ask(sql);
        Ok(rows.first().and_then(|row| row.first()).context("a query answers a row")?.parse()?)
    }

    /// The bytes of memory that Redis uses.
    pub(crate) fn redis_bytes(&self) -> Result<f64> {
        Ok(self.redis_info("used_memory:")?.parse()?)
    }

    pub(crate) fn redis_process(&self) -> Result<u32> {
        Ok(self.redis_info("process_id:")?.parse()?)
    }

    fn redis_info(&self, key: &str) -> Result<String> {
        let redis = self.redis.as_ref().context("there is no Redis")?;
        let info = redis.ask("INFO").context("Redis does not answer")?;
        let value = info.lines().find_map(|line| line.strip_prefix(key));
        Ok(value.with_context(|| format!("Redis does not say {key}"))?.trim().to_owned())
    }

    /// The server processes of PostgreSQL, of all databases.
    pub(crate) fn postgres_processes(&self) -> Result<Vec<u32>> {
        let file = std::fs::read_to_string(self.server.data().join("postmaster.pid"))?;
        let postmaster = file.lines().next().context("its process")?.trim().parse()?;
        let mut processes = subject::children(postmaster)?;
        processes.push(postmaster);
        Ok(processes)
    }

    /// Opens the store in the database.
    pub(crate) fn open(&self) -> Result<Arc<dyn Store>> {
        let url = self.url();
        let opening = PostgresStore::open(&url, Options::default(), Arc::new(NullBus));
        Ok(Arc::new(block_on(opening)??))
    }
}
