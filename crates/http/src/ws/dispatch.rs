//! Dispatch of client events: parses a frame's envelope, charges the user, and begins the event.

use std::borrow::Cow;
use std::sync::Arc;

use chinwag_core::rate::Cost;
use chinwag_core::{Error, Result};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::client_event::{EventRequest, Work};
use super::session::Session;
use crate::api::CLIENT_EVENTS;
use crate::wire::input::not_an_object;

/// The maximum length of a `ref`, in characters.
const REFERENCE_CHARS: usize = 64;

/// A client's frame. `data` is parsed by the event.
#[derive(Deserialize)]
struct ClientFrame<'a> {
    #[serde(rename = "type", borrow)]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(rename = "ref", borrow)]
    reference: Option<&'a RawValue>,
}

impl ClientFrame<'_> {
    /// The event's type, if it is a string.
    fn kind(&self) -> Option<Cow<'_, str>> {
        serde_json::from_str(self.kind?.get()).ok()
    }
}

/// Refuses a binary frame.
pub(super) fn refuse_binary(session: &Session) -> Work {
    if let Some(refused) = charge(session, Cost::Event, None) {
        return refused;
    }
    refuse(session, "error.decode", 400, "events are text frames, not binary ones".into(), None)
}

/// Begins the event of a text frame.
pub(super) fn begin(session: &Arc<Session>, text: &str) -> Work {
    let envelope: Result<ClientFrame, _> = serde_json::from_str(text);
    let kind = envelope.as_ref().ok().and_then(ClientFrame::kind);
    let event = kind.as_deref().and_then(|name| CLIENT_EVENTS.iter().find(|event| event.name == name));
    let (given, data) =
        envelope.as_ref().map(|envelope| (envelope.reference, envelope.data)).unwrap_or_default();
    let reference = given.filter(|raw| raw.get() != "null").map(reference).transpose();
    let cost = event.map_or(Cost::Event, |event| (event.cost)(data));
    if let Some(refused) = charge(session, cost, reference.as_ref().ok().and_then(Option::as_deref)) {
        return refused;
    }
    if let Some(why) = not_an_object(text.as_bytes()) {
        return refuse(session, "error.decode", 400, format!("an event {why}").into(), None);
    }
    if let Err(why) = &envelope {
        let detail = format!("this is not a JSON object with a type: {why}").into();
        return refuse(session, "error.decode", 400, detail, None);
    }
    let reference = match reference {
        Ok(reference) => reference,
        Err(error) => return fail(session, &error, None),
    };
    let Some(event) = event else { return refuse_type(session, kind.as_deref(), reference.as_deref()) };
    let Some(data) = data else {
        let error = Error::field("data", "is required: an object");
        return fail(session, &error, reference.as_deref());
    };
    let begin = |span| {
        let context = session.context(reference.clone());
        let request = EventRequest { session: session.clone(), context, cost, span };
        (event.begin)(request, data).unwrap_or_else(|error| fail(session, &error, reference.as_deref()))
    };
    let Some(span) = session.state.tracer.as_ref().and_then(|tracer| tracer.event(event.name)) else {
        return begin(None);
    };
    match span.enter(|| begin(Some(span.clone()))) {
        Work::Alone(job) => Work::Alone(Box::pin(span.within(job))),
        work => work,
    }
}

fn refuse_type(session: &Session, kind: Option<&str>, reference: Option<&str>) -> Work {
    let Some(kind) = kind else {
        let detail = "an event must have a type, which is a string".into();
        return refuse(session, "error.type", 400, detail, reference);
    };
    let kind: String = kind.chars().take(64).collect();
    refuse(session, "error.type", 404, format!("there is no event {kind:?}").into(), reference)
}

/// Charges the user for a frame. Returns the refusal if the rate limit is exceeded.
fn charge(session: &Session, cost: Cost, reference: Option<&str>) -> Option<Work> {
    let error = session.state.app.rates().spend(session.connection.user(), cost).err()?;
    session.fail(&error, reference);
    Some(Work::TooMany)
}

fn refuse(session: &Session, kind: &str, code: u16, detail: Cow<'_, str>, reference: Option<&str>) -> Work {
    session.refuse(kind, code, detail, reference);
    Work::Nothing
}

fn fail(session: &Session, error: &Error, reference: Option<&str>) -> Work {
    session.fail(error, reference);
    Work::Nothing
}

fn reference(raw: &RawValue) -> Result<Arc<str>> {
    let refused = || Error::field("ref", "must be a string of at most 64 characters");
    let text: Cow<str> = serde_json::from_str(raw.get()).map_err(|_| refused())?;
    if text.chars().nth(REFERENCE_CHARS).is_some() { Err(refused()) } else { Ok(text.into()) }
}

/// The type and `ref` of a client event, if they are valid. For the fuzz targets.
#[cfg(feature = "fuzzing")]
pub(crate) fn envelope(text: &str) -> Option<(String, Option<Arc<str>>)> {
    let envelope: ClientFrame = serde_json::from_str(text).ok()?;
    let kind = serde_json::from_str(envelope.kind?.get()).ok()?;
    Some((kind, envelope.reference.map(reference).transpose().ok()?))
}
