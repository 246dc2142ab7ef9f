//! Admission control: the bounds on what requests hold at a time.

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
use crate::shares::{ReadLine, ReadTurn, Share, Shares};
use crate::trace::carry;
use crate::waiting::WaitingAnswers;

/// The bounds on what requests hold.
pub(crate) struct Admission {
    options: Arc<Options>,
    /// Requests under way.
    requests: Arc<Semaphore>,
    /// Bodies that are being read.
    bodies: SharedPermits,
    /// Questions to the validator.
    questions: SharedPermits,
    /// The shares of users and addresses.
    shares: Shares,
    /// Answers that wait to be read.
    pub(crate) answers: WaitingAnswers,
}

/// A request under way, in the extensions of the request that its handler is given.
#[derive(Clone)]
pub(crate) struct UnderWay {
    /// Released when the last copy is dropped.
    _permit: Arc<Permit>,
    /// The token that the use case looks up, once the handler has asked for the caller.
    pub(crate) token: Arc<OnceLock<TokenHash>>,
    /// The turn of a user's read.
    turn: Option<Arc<ReadTurn>>,
}

/// The permit of a request under way.
enum Permit {
    Request(#[expect(dead_code, reason = "it is held, not used")] OwnedSemaphorePermit),
    /// Of an upload, which reads its body while it is under way.
    Upload(#[expect(dead_code, reason = "it is held, not used")] SharedPermit),
}

/// Goes on with a request in a task of its own, to its end, also if the client goes away. The permit is released then.
pub(crate) async fn detach<T: Send + 'static>(
    parts: &mut Parts,
    work: impl Future<Output = Answer<T>> + Send + 'static,
) -> Answer<T> {
    let under_way = parts.extensions.remove::<UnderWay>();
    let work = async move {
        let _under_way = under_way;
        work.await
    };
    tokio::spawn(carry(work).in_current_span()).await.map_err(|_| Problem::fault())?
}

impl UnderWay {
    /// The same with the turn of a user's read.
    pub(crate) fn with_turn(self, turn: Option<ReadTurn>) -> Self {
        Self { turn: turn.map(Arc::new), ..self }
    }

    /// Gives the turn back, if no other copy holds it: the line for another one.
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

    /// A permit for one more request, or `None` while as many as allowed are under way. `token` is
    /// filled in by the handler's extractor.
    pub(crate) fn request(&self, token: Arc<OnceLock<TokenHash>>) -> Option<UnderWay> {
        let permit = self.requests.clone().try_acquire_owned().ok()?;
        Some(UnderWay { _permit: Arc::new(Permit::Request(permit)), token, turn: None })
    }

    /// The share of a user.
    pub(crate) fn share(&self, user: UserId) -> Arc<Share> {
        self.shares.of_user(user)
    }

    /// The line in which a user's reads wait, counted for the request's address.
    pub(crate) fn line(&self, user: &Arc<Share>, parts: &Parts) -> ReadLine {
        self.shares.line(user, self.counted_address(parts))
    }

    /// A permit among `uploads`, for a request whose handler reads the body itself.
    pub(crate) fn upload(
        &self,
        uploads: &SharedPermits,
        parts: &Parts,
        token: Arc<OnceLock<TokenHash>>,
    ) -> Result<UnderWay, Error> {
        let permit = self.shared(uploads, parts)?;
        Ok(UnderWay { _permit: Arc::new(Permit::Upload(permit)), token, turn: None })
    }

    /// One of some permits, counted for the request's address.
    pub(crate) fn shared(&self, permits: &SharedPermits, parts: &Parts) -> Result<SharedPermit, Error> {
        permits.take(self.counted_address(parts))
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
