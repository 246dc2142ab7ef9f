//! A user on one socket: the frames that are sent to this socket only, and the state of its resumes.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chinwag_core::app::connect::Window;
use chinwag_core::app::resume::Resumed;
use chinwag_core::app::{Context, Who};
use chinwag_core::audit::CallSource;
use chinwag_core::bot::{BotGrant, BotSecret};
use chinwag_core::error::whole_seconds;
use chinwag_core::event::Origin;
use chinwag_core::rate::Cost;
use chinwag_core::store::CommitPoint;
use chinwag_core::token::TokenHash;
use chinwag_core::user::Caller;
use chinwag_core::{Error, GroupId};
use chinwag_hub::Connection;
use tokio::time::Instant;

use crate::error::{code, detail};
use crate::state::ServerState;
use crate::trace::note_refusal;
use crate::wire::outgoing::{self, ErrorDetail, FieldProblem};

/// The maximum number of resumes of a socket within [`RESUMES_WITHIN`].
const RESUMES: u32 = 20;
const RESUMES_WITHIN: Duration = Duration::from_secs(10);

/// A user on one socket.
pub(crate) struct Session {
    pub(crate) state: Arc<ServerState>,
    pub(crate) connection: Connection,
    /// The part of its groups with which the socket begins.
    pub(crate) window: Window,
    /// The bot key with which the socket was opened, if any, and its grant.
    pub(crate) key: Option<(TokenHash, BotGrant)>,
    source: CallSource,
    resumes: Mutex<Resumes>,
    answered: Mutex<ResumeState>,
}

/// The groups that the client has named in its resumes, and the point that it has received.
#[derive(Default)]
pub(crate) struct ResumeState {
    /// The named groups, at most [`HEADS`](crate::wire::key::HEADS); further ones count as not named.
    pub(crate) named: BTreeSet<GroupId>,
    /// The answers to the parts of a resume in progress. They name at most as many groups.
    pub(crate) parts: Resumed,
    /// The store's point before the first of these parts was answered.
    pub(crate) begun: Option<CommitPoint>,
    /// The point up to which the client has everything.
    pub(crate) point: Option<CommitPoint>,
}

impl ResumeState {
    /// Completes a resume with these answers. A group that was named only in earlier resumes is covered by live
    /// events alone, which may be late, so while there is such a group the point does not advance.
    pub(crate) fn advance(&mut self, answer: &Resumed, has_all: bool) {
        let begun = self.begun.take().filter(|_| has_all);
        let is_answered = |group| answer.heads.contains_key(group) || answer.refused.contains_key(group);
        if self.point.is_none() || self.named.iter().all(is_answered) {
            self.point = begun.or(self.point);
        }
    }
}

/// The number of recent resumes of a socket.
struct Resumes {
    since: Instant,
    count: u32,
}

impl Session {
    pub(crate) fn new(
        state: Arc<ServerState>,
        connection: Connection,
        window: Window,
        key: Option<(TokenHash, BotGrant)>,
        address: IpAddr,
    ) -> Self {
        let resumes = Mutex::new(Resumes { since: Instant::now(), count: 0 });
        let source = CallSource::Address(address);
        Self { state, connection, window, key, source, resumes, answered: Mutex::default() }
    }

    /// The groups of the bot key with which the socket was opened, if any.
    pub(crate) fn scope(&self) -> Option<Vec<GroupId>> {
        self.key.as_ref().map(|(_, grant)| grant.groups.clone())
    }

    /// Counts a resume, which costs far more than other events. Returns whether it is within the limit.
    pub(crate) fn may_resume(&self) -> bool {
        let mut resumes = self.resumes.lock().unwrap_or_else(PoisonError::into_inner);
        if resumes.since.elapsed() >= RESUMES_WITHIN {
            *resumes = Resumes { since: Instant::now(), count: 0 };
        }
        resumes.count += 1;
        resumes.count <= RESUMES
    }

    /// The state of its resumes. Only one event of a socket uses it at a time.
    pub(crate) fn answered(&self) -> MutexGuard<'_, ResumeState> {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn context(&self, reference: Option<Arc<str>>) -> Context {
        let who = match &self.key {
            Some((hash, _)) => Who::Bot(BotSecret::Key(*hash)),
            None => Who::Known(Caller::User(self.connection.user())),
        };
        Context { who, origin: Some(Origin { socket: self.connection.id(), reference }), source: self.source }
    }

    /// Sends a frame to this socket only.
    pub(crate) fn send(&self, frame: Bytes) {
        self.state.hub.send(&self.connection, frame);
    }

    /// Answers an event with an error that does not come from a use case.
    pub(crate) fn refuse(&self, kind: &str, code: u16, detail: Cow<'_, str>, reference: Option<&str>) {
        let problem = ErrorDetail { detail, errors: vec![], retry_after: None };
        self.send(outgoing::error(kind, code, &problem, reference));
    }

    /// Answers an event with the error of its use case. Refunds the charge if the use case refused it by a rate
    /// limit.
    pub(crate) fn fail_charged(&self, error: &Error, cost: Cost, reference: Option<&str>) {
        if error.is_too_many() {
            self.state.app.rates().give_back(self.connection.user(), cost);
        }
        self.fail(error, reference);
    }

    /// Answers an event with an error.
    pub(crate) fn fail(&self, error: &Error, reference: Option<&str>) {
        let code = code(error);
        note_refusal(code);
        let kind = if code >= 500 { "error.handler" } else { "error.data" };
        if let Error::Internal(why) = error {
            tracing::error!(why, "an event failed");
        }
        let errors = match error {
            Error::Invalid(fields) => &fields[..],
            _ => &[],
        };
        let errors = errors.iter().filter(|f| !f.field.is_empty());
        let errors = errors.map(|f| FieldProblem { field: &f.field, detail: &f.detail }).collect();
        let retry_after = match error {
            Error::TooMany(wait) | Error::SlowMode(wait) => Some(whole_seconds(*wait)),
            _ => None,
        };
        let problem = ErrorDetail { detail: detail(error), errors, retry_after };
        self.send(outgoing::error(kind, code, &problem, reference));
    }
}
