//! Server frames on a WebSocket: events, answers and errors, one frame each.

use std::borrow::Cow;

use bytes::Bytes;
use chinwag_core::profile::ProfileCard;
use chinwag_core::{HistoryId, Seq};
use serde::Serialize;
use uuid::Uuid;

use super::frame;
use super::object::ProfileCards;
use super::server_event::ServerEvent;

/// The content of a frame: `type`; `seq` of a numbered event; `ref` for the socket whose request it answers;
/// `history` if a client may resume from the numbers in it.
#[derive(Serialize)]
struct ServerFrame<'a, T> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<i64>,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    people: Option<ProfileCards<'a>>,
    data: T,
}

/// A frame for one socket: an answer, or a part of a new socket's summary.
pub fn answer<E: ServerEvent + Serialize>(data: E, reference: Option<&str>) -> Bytes {
    event(None, data, reference)
}

/// Like [`answer`], for an event with numbers from which a client may resume. They belong to `history`.
pub fn numbers<E: ServerEvent + Serialize>(
    history: HistoryId,
    people: &[ProfileCard],
    data: E,
    reference: Option<&str>,
) -> Bytes {
    let (people, history) = (ProfileCards::of(people), Some(history.0));
    put(&ServerFrame { kind: E::NAME, seq: None, reference, history, people, data })
}

/// An event with its number, if it has one.
pub fn event<E: ServerEvent + Serialize>(seq: Option<Seq>, data: E, reference: Option<&str>) -> Bytes {
    with_people(seq, &[], data, reference)
}

/// Like [`event`], with the profiles of the users in the event.
pub fn with_people<E: ServerEvent + Serialize>(
    seq: Option<Seq>,
    people: &[ProfileCard],
    data: E,
    reference: Option<&str>,
) -> Bytes {
    let (people, seq) = (ProfileCards::of(people), seq.map(|seq| seq.0));
    put(&ServerFrame { kind: E::NAME, seq, reference, history: None, people, data })
}

fn put(envelope: &ServerFrame<'_, impl Serialize>) -> Bytes {
    frame::text(|buffer| {
        serde_json::to_writer(buffer, envelope).expect("names, numbers and strings always serialise");
    })
}

/// The detail of an error.
#[derive(Serialize)]
pub struct ErrorDetail<'a> {
    /// A sentence with the problem and the remedy.
    pub detail: Cow<'a, str>,
    /// The refused fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem<'a>>,
    /// The seconds after which a retry may succeed, for a rate limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

/// A refused field.
#[derive(Serialize)]
pub struct FieldProblem<'a> {
    /// The payload's key.
    pub field: &'a str,
    /// The problem.
    pub detail: &'a str,
}

/// An error frame.
pub fn error(kind: &str, code: u16, problem: &ErrorDetail<'_>, reference: Option<&str>) -> Bytes {
    #[derive(Serialize)]
    struct ErrorFrame<'a> {
        #[serde(rename = "type")]
        kind: &'a str,
        code: u16,
        data: &'a ErrorDetail<'a>,
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<&'a str>,
    }
    frame::text(|buffer| {
        let frame = ErrorFrame { kind, code, data: problem, reference };
        serde_json::to_writer(buffer, &frame).expect("names, numbers and strings always serialise");
    })
}
