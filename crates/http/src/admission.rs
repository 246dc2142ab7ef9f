//! Admission control: bounds on the resources that concurrent requests hold.

use std::sync::{Arc, OnceLock};

use axum::http::request::Parts;
use chinwag_core::token::TokenHash;
use chinwag_core::{Error, UserId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::Instrument;

use crate::error::{Problem, Result as Answer};
use crate::network::peer::{Peer, trusts};
use crate::options::Options;
use crate::permits::{SharedPermit, SharedPermits};
use crate::shares::{AddressTurn, ReadLine, ReadTurn, Share, Shares};
use crate::trace::carry;
use crate::waiting::WaitingAnswers;

pub(crate) struct Admission {
    options: Arc<Options>,
    /// Permits for requests in flight.
    requests: Arc<Semaphore>,
    /// Permits for reading bodies.
    bodies: SharedPermits,
    /// Permits for questions to the validator.
    questions: SharedPermits,
    /// The shares of users and addresses.
    shares: Shares,
    /// Responses with bytes that clients have not read yet.
    pub(crate) answers: WaitingAnswers,
}

/// A request in flight. It is an extension of the request that the handler receives.
#[derive(Clone)]
pub(crate) struct RequestInFlight {
    /// Released when the last clone is dropped.
    _permit: Arc<Permit>,
    /// The token that the use case looks up. The caller's extractor sets it.
    pub(crate) token: Arc<OnceLock<TokenHash>>,
    /// The user whose limits apply, if any.
    user: Option<UserId>,
    /// The turn of a user's read, if it holds one.
    turn: Option<Arc<ReadTurn>>,
}

/// The permit of a request in flight.
enum Permit {
    Request(#[expect(dead_code, reason = "it is held, not used")] OwnedSemaphorePermit),
    /// Of an upload, whose body is read by its handler.
    Upload(#[expect(dead_code, reason = "it is held, not used")] SharedPermit),
}

/// Runs a request to its end in a task of its own, even if the client disconnects. The task holds the permit.
pub(crate) async fn detach<T: Send + 'static>(
    parts: &mut Parts,
    work: impl Future<Output = Answer<T>> + Send + 'static,
) -> Answer<T> {
    let under_way = parts.extensions.remove::<RequestInFlight>();
    let work = async move {
        let _under_way = under_way;
        work.await
    };
    tokio::spawn(carry(work).in_current_span()).await.map_err(|_| Problem::fault())?
}

impl RequestInFlight {
    /// Adds the turn of a user's read.
    pub(crate) fn with_turn(self, turn: Option<ReadTurn>) -> Self {
        Self { turn: turn.map(Arc::new), ..self }
    }

    /// Ends the turn, unless another clone holds it. Returns the line in which to wait for the next turn.
    pub(crate) fn end_turn(&mut self) -> Option<ReadLine> {
        self.turn.take().map(|turn| turn.line.clone())
    }
}

impl Admission {
    pub(crate) fn new(options: Arc<Options>) -> Self {
        Self {
            requests: Arc::new(Semaphore::new(options.requests.min(Semaphore::MAX_PERMITS))),
            bodies: SharedPermits::new(options.requests),
            questions: SharedPermits::new(options.requests),
            shares: Shares::new(options.requests),
            answers: WaitingAnswers::new(options.total_bytes, options.user_bytes),
            options,
        }
    }

    /// A permit for one more request of a user, or `None` while the maximum is in flight. The handler's extractor sets
    /// `token`.
    pub(crate) fn request(
        &self,
        token: Arc<OnceLock<TokenHash>>,
        user: Option<UserId>,
    ) -> Option<RequestInFlight> {
        let permit = self.requests.clone().try_acquire_owned().ok()?;
        Some(RequestInFlight { _permit: Arc::new(Permit::Request(permit)), token, user, turn: None })
    }

    /// The share of a user.
    pub(crate) fn share(&self, user: UserId) -> Arc<Share> {
        self.shares.of_user(user)
    }

    /// The line in which reads of a user wait for their turn. They also count for the address of the request.
    pub(crate) fn line(&self, user: &Arc<Share>, parts: &Parts) -> ReadLine {
        self.shares.line(user, self.counted_address(parts))
    }

    /// Waits for a turn to look up the credential of a request in the store. It counts for the address of the request.
    pub(crate) async fn lookup_turn(&self, parts: &Parts) -> Result<Option<AddressTurn>, Error> {
        match self.counted_address(parts) {
            Some(address) => self.shares.address_turn(address).await.map(Some),
            None => Ok(None),
        }
    }

    /// A permit from `uploads`, for a request of a user whose handler reads the body itself.
    pub(crate) fn upload(
        &self,
        uploads: &SharedPermits,
        parts: &Parts,
        token: Arc<OnceLock<TokenHash>>,
        user: Option<UserId>,
    ) -> Result<RequestInFlight, Error> {
        let permit = uploads.take(self.counted_address(parts), user)?;
        Ok(RequestInFlight { _permit: Arc::new(Permit::Upload(permit)), token, user, turn: None })
    }

    /// A permit that counts for the address and the user of a request in flight.
    pub(crate) fn shared(&self, permits: &SharedPermits, parts: &Parts) -> Result<SharedPermit, Error> {
        let user = parts.extensions.get::<RequestInFlight>().and_then(|request| request.user);
        permits.take(self.counted_address(parts), user)
    }

    /// The number of requests in flight.
    pub(crate) fn requests_under_way(&self) -> usize {
        self.options.requests.saturating_sub(self.requests.available_permits())
    }

    /// A permit to read a body. It counts for the address of the request.
    pub(crate) fn body(&self, parts: &Parts) -> Result<SharedPermit, Error> {
        self.bodies.take(self.counted_address(parts), None)
    }

    /// A permit for a question to the validator. It counts for the address of the request.
    pub(crate) fn question(&self, parts: &Parts) -> Result<SharedPermit, Error> {
        self.questions.take(self.counted_address(parts), None)
    }

    /// The address for which a request counts. A trusted proxy's own requests count for no address.
    fn counted_address(&self, parts: &Parts) -> Option<std::net::IpAddr> {
        let address = Peer::of(parts, &self.options).address;
        Some(address).filter(|address| !trusts(&self.options, *address))
    }
}
