//! Admission control: the bounds on what requests hold at a time.

use std::sync::{Arc, OnceLock};

use axum::http::request::Parts;
use chinwag_core::Error;
use chinwag_core::token::TokenHash;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::network::peer::{Peer, trusts};
use crate::options::Options;
use crate::permits::{SharedPermit, SharedPermits};

/// The bounds on what requests hold.
pub(crate) struct Admission {
    options: Arc<Options>,
    /// Requests under way.
    requests: Arc<Semaphore>,
    /// Bodies that are being read.
    bodies: SharedPermits,
    /// Questions to the validator.
    questions: SharedPermits,
}

/// A request under way, in the extensions of the request that its handler is given.
#[derive(Clone)]
pub(crate) struct UnderWay {
    /// Released when the last copy is dropped.
    _permit: Arc<OwnedSemaphorePermit>,
    /// The token that the use case looks up, once the handler has asked for the caller.
    pub(crate) token: Arc<OnceLock<TokenHash>>,
}

impl Admission {
    pub(crate) fn new(options: Arc<Options>) -> Self {
        Self {
            requests: Arc::new(Semaphore::new(options.requests.min(Semaphore::MAX_PERMITS))),
            bodies: SharedPermits::new(options.requests),
            questions: SharedPermits::new(options.requests),
            options,
        }
    }

    /// A permit for one more request, or `None` while as many as allowed are under way. `token` is
    /// filled in by the handler's extractor.
    pub(crate) fn request(&self, token: Arc<OnceLock<TokenHash>>) -> Option<UnderWay> {
        let permit = self.requests.clone().try_acquire_owned().ok()?;
        Some(UnderWay { _permit: Arc::new(permit), token })
    }

    /// The number of requests under way.
    pub(crate) fn requests_under_way(&self) -> usize {
        self.options.requests.saturating_sub(self.requests.available_permits())
    }

    /// A permit to read one more body, counted for the request's address.
    pub(crate) fn body(&self, parts: &Parts) -> Result<SharedPermit, Error> {
        self.bodies.take(self.counted_address(parts))
    }

    /// A permit for one more question to the validator, counted for the request's address.
    pub(crate) fn question(&self, parts: &Parts) -> Result<SharedPermit, Error> {
        self.questions.take(self.counted_address(parts))
    }

    /// The address whose share a request counts for. Requests that a trusted proxy makes itself
    /// count for no address.
    fn counted_address(&self, parts: &Parts) -> Option<std::net::IpAddr> {
        let address = Peer::of(parts, &self.options).address;
        Some(address).filter(|address| !trusts(&self.options, *address))
    }
}
