//! One user on one socket: what it is shown when it comes, and how what it says is understood.

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chinwag_core::app::connect::Window;
use chinwag_core::app::{Context, Who, message};
use chinwag_core::error::whole_seconds;
use chinwag_core::event::Origin;
use chinwag_core::rate::Cost;
use chinwag_core::user::Caller;
use chinwag_core::{Error, Result};
use chinwag_hub::Connection;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::events;
use crate::doors::Doors;
use crate::error::{code, detail};
use crate::wire::input::not_an_object;
use crate::wire::outgoing::{self, FieldProblem, Problem};

/// The longest `ref`, in characters.
const REFERENCE_CHARS: usize = 64;
/// How often a socket may resume in [`RESUMES_WITHIN`].
const RESUMES: u32 = 20;
const RESUMES_WITHIN: Duration = Duration::from_secs(10);

/// What a socket does for its peer; answers how many events that was.
pub(super) type Job = Pin<Box<dyn Future<Output = usize> + Send>>;

/// What an event asks of the socket's loop.
pub(super) enum Work {
    /// Nothing: it was refused, and the peer told so.
    Nothing,
    /// The same, because the user has sent too many.
    TooMany,
    /// May wait for its commit beside others, and is begun with those that have come with it; their
    /// order is that of their beginning.
    Pipelined(Asked, message::Send),
    /// Begins when all before it is done, and all after it waits.
    Alone(Job),
}

/// One user on one socket.
pub(super) struct Session {
    pub(super) doors: Arc<Doors>,
    pub(super) connection: Connection,
    /// Which groups the socket is shown.
    pub(super) window: Window,
    resumes: Mutex<Resumes>,
}

/// How often a socket has resumed of late.
struct Resumes {
    since: Instant,
    count: u32,
}

/// An event as it comes. Only `data` is kept unread.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "type", borrow)]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(rename = "ref", borrow)]
    reference: Option<&'a RawValue>,
}

impl Envelope<'_> {
    /// The event's type, if it is a string.
    fn kind(&self) -> Option<Cow<'_, str>> {
        serde_json::from_str(self.kind?.get()).ok()
    }
}

/// One event, understood as far as its type.
pub(super) struct Asked {
    pub(super) session: Arc<Session>,
    pub(super) context: Context,
}

impl Session {
    pub(super) fn new(doors: Arc<Doors>, connection: Connection, window: Window) -> Self {
        Self { doors, connection, window, resumes: Mutex::new(Resumes { since: Instant::now(), count: 0 }) }
    }

    /// Whether the socket may resume once more: a resume costs far more than other events.
    pub(super) fn may_resume(&self) -> bool {
        let mut resumes = self.resumes.lock().unwrap_or_else(PoisonError::into_inner);
        if resumes.since.elapsed() >= RESUMES_WITHIN {
            *resumes = Resumes { since: Instant::now(), count: 0 };
        }
        resumes.count += 1;
        resumes.count <= RESUMES
    }

    pub(super) fn context(&self, reference: Option<Arc<str>>) -> Context {
        Context {
            who: Who::Known(Caller::User(self.connection.user())),
            origin: Some(Origin { socket: self.connection.id(), reference }),
        }
    }

    /// Sends a frame to this socket alone.
    pub(super) fn send(&self, frame: Bytes) {
        self.doors.hub.send(&self.connection, frame);
    }

    pub(super) fn refuse_binary(&self) -> Work {
        self.admit(Cost::Event, None).unwrap_or_else(|| {
            self.refuse("error.decode", 400, "events are text frames, not binary ones".into(), None)
        })
    }

    /// Understands one event, as far as its type, and answers what is to be done.
    pub(super) fn work(self: &Arc<Self>, text: &str) -> Work {
        let envelope: Result<Envelope, _> = serde_json::from_str(text);
        let kind = envelope.as_ref().ok().and_then(Envelope::kind);
        let (cost, asked) = match &envelope {
            Ok(envelope) => {
                let asked = envelope.reference.and_then(|raw| reference(raw).ok());
                (kind.as_deref().map_or(Cost::Event, |kind| events::cost(kind, envelope.data)), asked)
            }
            Err(_) => (Cost::Event, None),
        };
        if let Some(refused) = self.admit(cost, asked.as_deref()) {
            return refused;
        }
        if let Some(why) = not_an_object(text.as_bytes()) {
            return self.refuse("error.decode", 400, format!("an event {why}").into(), None);
        }
        let envelope = match &envelope {
            Ok(envelope) => envelope,
            Err(error) => return self.refuse("error.decode", 400, decode_detail(error).into(), None),
        };
        let reference = match envelope.reference.filter(|raw| raw.get() != "null").map(reference).transpose()
        {
            Ok(reference) => reference,
            Err(error) => return self.fail(&error, None),
        };
        let Some(kind) = kind else {
            let detail = "an event has a type, which is a string".into();
            return self.refuse("error.type", 400, detail, reference.as_deref());
        };
        let asked = Asked { session: self.clone(), context: self.context(reference.clone()) };
        match events::begin(&kind, envelope.data, asked) {
            Ok(work) => work,
            Err(events::Refused::Type) => {
                let kind: String = kind.chars().take(64).collect();
                let detail = format!("there is no event {kind:?}").into();
                self.refuse("error.type", 404, detail, reference.as_deref())
            }
            Err(events::Refused::Data(error)) => self.fail(&error, reference.as_deref()),
        }
    }

    /// Counts an event, or refuses the one too many.
    fn admit(&self, cost: Cost, reference: Option<&str>) -> Option<Work> {
        let error = self.doors.app.rates().spend(self.connection.user(), cost).err()?;
        self.fail(&error, reference);
        Some(Work::TooMany)
    }

    fn refuse(&self, kind: &str, code: u16, detail: Cow<'_, str>, reference: Option<&str>) -> Work {
        self.send(outgoing::error(
            kind,
            code,
            &Problem { detail, errors: vec![], retry_after: None },
            reference,
        ));
        Work::Nothing
    }

    /// Tells the peer that its event was refused, and why.
    pub(super) fn fail(&self, error: &Error, reference: Option<&str>) -> Work {
        let code = code(error);
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
            Error::TooMany(wait) => Some(whole_seconds(*wait)),
            _ => None,
        };
        let problem = Problem { detail: detail(error), errors, retry_after };
        self.send(outgoing::error(kind, code, &problem, reference));
        Work::Nothing
    }
}

/// An event's type and `ref`, where they are read without an error. For the fuzz targets.
#[cfg(feature = "fuzzing")]
pub(crate) fn envelope(text: &str) -> Option<(String, Option<Arc<str>>)> {
    let envelope: Envelope = serde_json::from_str(text).ok()?;
    let kind = serde_json::from_str(envelope.kind?.get()).ok()?;
    if let Some(data) = envelope.data {
        // Refused or not, it must come back.
        let _ = crate::wire::input::Fields::parse(data.get().as_bytes());
    }
    Some((kind, envelope.reference.map(reference).transpose().ok()?))
}

fn decode_detail(error: &serde_json::Error) -> String {
    format!("this is not a JSON object with a type: {error}")
}

fn reference(raw: &RawValue) -> Result<Arc<str>> {
    let refused = || Error::field("ref", "must be a string of at most 64 characters");
    let text: Cow<str> = serde_json::from_str(raw.get()).map_err(|_| refused())?;
    if text.chars().nth(REFERENCE_CHARS).is_some() { Err(refused()) } else { Ok(text.into()) }
}
