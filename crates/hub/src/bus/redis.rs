//! The bus of a node among others: events go on in this process at once, as on the local bus, and
//! hints of them go to the other nodes over Redis (or Valkey), 7.0 or later.
//!
//! Redis keeps nothing of Chinwag's but how much of its limits each has used, and that only until it
//! may all be used again; it carries the rest. A hint that is lost is found missing by its number, or
//! by the comparison with the store.

mod carrier;
mod codec;
mod limits;
mod senders;
mod server;
mod window;

use std::sync::Arc;

use chinwag_core::Clock;
use chinwag_core::bus::Bus;
use chinwag_core::event::Event;
use chinwag_core::rate::Rates;

use super::link::{Link, NodeId};
use super::{LocalBus, Receiver};
use carrier::Carrier;
use server::RedisServer;

/// Where Redis is, and what this node shares with the others.
#[derive(Clone)]
pub struct RedisOptions {
    /// Where: `redis://[user[:password]@]host[:port]`, `rediss://…` over TLS,
    /// `redis+sentinel://[user[:password]@]host[:port][,host[:port]…]/master`, or
    /// `redis+cluster://[user[:password]@]host[:port][,…]`; `rediss+…` over TLS.
    pub url: String,
    /// The cluster's secret, the same on all nodes: hints of whoever does not know it are dropped.
    pub secret: Vec<u8>,
    /// The certificate, in PEM, of the authority that signed the server's, instead of those that
    /// the machine trusts.
    pub authority: Option<Vec<u8>>,
    /// Commits that may wait for their fan-out here.
    pub capacity: usize,
    /// Hints that may wait to be sent, and as many that have come may wait to be taken.
    pub hints: usize,
}

impl RedisOptions {
    /// The defaults: 1024 commits, 16 384 hints.
    pub fn new(url: impl Into<String>, secret: impl Into<Vec<u8>>) -> Self {
        let (url, secret) = (url.into(), secret.into());
        Self { url, secret, authority: None, capacity: 1024, hints: 16 * 1024 }
    }
}

/// Why there is no link to Redis: one sentence that says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// Nobody answers there, or not in time.
    #[error("{0}")]
    Away(String),
    /// The URL, the server or its rules have to be changed first.
    #[error("{0}")]
    Unfit(String),
}

impl ConnectError {
    /// Whether a later attempt may succeed with nothing changed here.
    pub fn is_away(&self) -> bool {
        matches!(self, Self::Away(_))
    }
}

/// See the module's documentation.
#[derive(Debug)]
pub struct RedisBus {
    local: Arc<LocalBus>,
    carrier: Arc<Carrier>,
}

impl RedisBus {
    /// A bus and its one receiver, once Redis has answered and is found fit. From then on the link
    /// is renewed whenever it is lost.
    pub async fn connect(
        options: RedisOptions,
        clock: &dyn Clock,
    ) -> Result<(Arc<Self>, Receiver), ConnectError> {
        let random = clock.secret();
        let node = NodeId(u128::from_le_bytes(*random.first_chunk().expect("there are 32 bytes")));
        let nonce = u128::from_le_bytes(*random.last_chunk().expect("there are 32 bytes"));
        let (carrier, heard) = Carrier::connect(&options, node, nonce).await?;
        let (local, receiver) = LocalBus::new(options.capacity);
        let receiver = receiver.among(carrier.clone(), heard);
        Ok((Arc::new(Self { local, carrier }), receiver))
    }

    /// Whether Redis answers and is fit: where it is and its version.
    pub async fn check(options: &RedisOptions) -> Result<String, ConnectError> {
        let server = RedisServer::parse(options)?;
        let (_, version) = server.connect(Arc::new(|_| {})).await?;
        Ok(format!("{} at {}", version, server.place()))
    }

    /// The link to the other nodes.
    pub fn link(&self) -> Arc<dyn Link> {
        self.carrier.clone()
    }
}

impl Bus for RedisBus {
    fn publish(&self, events: Vec<Event>) {
        self.local.publish(events);
    }

    fn publish_ephemeral(&self, events: Vec<Event>) {
        self.local.publish_ephemeral(events);
    }

    fn share_rates(&self, rates: &Arc<Rates>) {
        self.carrier.share_rates(rates);
    }
}
