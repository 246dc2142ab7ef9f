//! The bus of a node in a cluster. Events take the local bus within this process, and hints of them go to the
//! other nodes over Redis (or Valkey) 7.0 or later.
//!
//! Redis stores nothing of Chinwag except the usage of rate limits, until it has refilled. Everything else
//! only passes through Redis. A lost hint is detected by a gap in the numbers, or by the comparison with the
//! store.

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

/// The address of Redis, and the settings that this node shares with the others.
#[derive(Clone)]
pub struct RedisOptions {
    /// The URL: `redis://[user[:password]@]host[:port]`, `rediss://…` with TLS,
    /// `redis+sentinel://[user[:password]@]host[:port][,host[:port]…]/master`, or
    /// `redis+cluster://[user[:password]@]host[:port][,…]`; `rediss+…` with TLS.
    pub url: String,
    /// The cluster's secret, the same on all nodes. Hints that are not authenticated with it are dropped.
    pub secret: Vec<u8>,
    /// The certificate, in PEM, of the authority that signed the server's certificate. It replaces the
    /// authorities that the machine trusts.
    pub authority: Option<Vec<u8>>,
    /// Commits that may be queued for their fan-out on this node.
    pub capacity: usize,
    /// Hints that may be queued for sending, and the same number of received hints that may be queued for the
    /// dispatcher.
    pub hints: usize,
}

impl RedisOptions {
    /// The defaults: 1024 commits, 16 384 hints.
    pub fn new(url: impl Into<String>, secret: impl Into<Vec<u8>>) -> Self {
        let (url, secret) = (url.into(), secret.into());
        Self { url, secret, authority: None, capacity: 1024, hints: 16 * 1024 }
    }
}

/// Why there is no link to Redis, in one sentence that names the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The server does not answer, or not in time.
    #[error("{0}")]
    Away(String),
    /// The URL, the server or its access rules must be corrected first.
    #[error("{0}")]
    Unfit(String),
}

impl ConnectError {
    /// Whether a later attempt may succeed without any change on this node.
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
    /// A bus and its only receiver, once Redis has answered and meets the requirements. From then on the link
    /// reconnects whenever it is lost.
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

    /// Checks that Redis answers and meets the requirements. Returns its version and address.
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
