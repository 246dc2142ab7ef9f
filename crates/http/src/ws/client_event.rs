//! The declaration of a client event: its name, keys, parser, handler, right and documentation in one type. `api.rs`
//! lists the types; dispatch, the AsyncAPI document, the table of `docs/protocol.md`, the test of rights and the fuzz
//! targets are generated from that list.

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;

use chinwag_core::Result;
use chinwag_core::app::{App, Context, message};
use chinwag_core::permission::Action;
use chinwag_core::rate::Cost;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::session::Session;
use crate::trace::ActiveSpan;
use crate::wire::input::{Fields, Payload};
use crate::wire::key::Key;
use crate::wire::outgoing;
use crate::wire::server_event::ServerEvent;

/// A client event.
pub(crate) trait ClientEvent: 'static {
    /// Its `type`.
    const NAME: &'static str;
    /// Its effect, for the AsyncAPI document.
    const ABOUT: &'static str;
    /// Its effect, in Markdown, for the table of `docs/protocol.md`.
    const EFFECT: &'static str;
    /// The server events that may be sent to the sending socket in response. Any event may also be answered with an
    /// error.
    const ANSWERS: &'static [&'static str];
    /// The users who may send it.
    const RIGHT: Right;
    /// Its cost to the user's rate limits.
    const COST: Cost = Cost::Event;
    /// The keys of its `data`.
    type Payload: Payload;
    /// The command of its use case.
    type Command: Debug + Send + 'static;

    /// An example of its `data`.
    fn example(ids: &Example) -> Value;

    /// Its cost, if that depends on its `data`. Called before anything else is parsed.
    fn cost(_data: Option<&RawValue>) -> Cost {
        Self::COST
    }

    /// Builds the command. Returns `None` only after it has refused a key.
    fn command(payload: Self::Payload, fields: &mut Fields<'_>) -> Option<Self::Command>;

    /// Executes the command.
    fn run(request: EventRequest, command: Self::Command) -> impl Future<Output = Result<()>> + Send;

    /// The work for the socket's loop.
    fn work(request: EventRequest, command: Self::Command) -> Work {
        let (session, cost, reference) = (request.session.clone(), request.cost, request.reference_owned());
        Work::Alone(Box::pin(async move {
            if let Err(error) = Self::run(request, command).await {
                session.fail_charged(&error, cost, reference.as_deref());
            }
            1
        }))
    }
}

/// The users who may send an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Every user.
    User,
    /// The members of the event's group whose role allows this action.
    Member(Action),
}

/// Ids for the example of an event.
#[derive(Debug, Clone)]
pub struct Example {
    /// A group that has the sender as a member.
    pub group: String,
    /// A message by the sender in that group.
    pub message: String,
    /// The name of another user.
    pub user: String,
}

/// A client event in the list of all events.
#[derive(Debug, Clone, Copy)]
pub struct ClientEventEntry {
    /// Its `type`.
    pub name: &'static str,
    pub(crate) about: &'static str,
    /// Its effect, in Markdown.
    pub effect: &'static str,
    /// The server events that may be sent to the sending socket in response, except errors.
    pub answers: &'static [&'static str],
    /// The users who may send it.
    pub right: Right,
    /// An example of its `data`.
    pub example: fn(&Example) -> Value,
    pub(crate) keys: fn() -> Vec<&'static Key>,
    pub(crate) cost: fn(Option<&RawValue>) -> Cost,
    pub(crate) begin: fn(EventRequest, &RawValue) -> Result<Work>,
    /// Parses `data` into the debug text of the command, for tests and fuzz targets.
    pub parse: fn(&[u8]) -> Result<String>,
}

impl ClientEventEntry {
    pub(crate) const fn of<E: ClientEvent>() -> Self {
        Self {
            name: E::NAME,
            about: E::ABOUT,
            effect: E::EFFECT,
            answers: E::ANSWERS,
            right: E::RIGHT,
            example: E::example,
            keys: E::Payload::keys,
            cost: E::cost,
            begin: begin::<E>,
            parse: |data| Ok(format!("{:?}", Fields::parse(data)?.of_event().command(E::command)?)),
        }
    }
}

fn begin<E: ClientEvent>(request: EventRequest, data: &RawValue) -> Result<Work> {
    let fields = Fields::parse_text(data.get())?.of_event();
    let command = fields.limited(request.session.state.app.limits()).command(E::command)?;
    Ok(E::work(request, command))
}

/// Work that a socket does for its client. The output is the number of events that it handled.
pub(crate) type Job = Pin<Box<dyn Future<Output = usize> + Send>>;

/// The work of an event for the socket's loop.
#[expect(clippy::large_enum_variant, reason = "most are messages, and a box would be an allocation for each")]
pub(crate) enum Work {
    /// No work: the event was refused.
    Nothing,
    /// No work: the event was refused by a rate limit.
    TooMany,
    /// A message, which may wait for its commit together with others. Messages that arrive together are sent
    /// together, in order.
    Pipelined(EventRequest, message::Send),
    /// A job that begins after all earlier ones are done, and that all later ones wait for.
    Alone(Job),
}

/// An event that is being handled.
pub(crate) struct EventRequest {
    pub(crate) session: Arc<Session>,
    pub(crate) context: Context,
    /// The cost that was charged to the user.
    pub(crate) cost: Cost,
    /// Its span, if it is sampled.
    pub(crate) span: Option<ActiveSpan>,
}

impl EventRequest {
    /// The use cases.
    pub(crate) fn app(&self) -> &App {
        &self.session.state.app
    }

    /// The client's `ref`.
    pub(crate) fn reference(&self) -> Option<&str> {
        self.context.origin.as_ref()?.reference.as_deref()
    }

    fn reference_owned(&self) -> Option<Arc<str>> {
        self.context.origin.as_ref()?.reference.clone()
    }

    /// Sends an answer to this socket only.
    pub(crate) fn answer(&self, data: impl ServerEvent + Serialize) {
        self.session.send(outgoing::answer(data, self.reference()));
    }
}
