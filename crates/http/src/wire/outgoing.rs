//! Server frames on a WebSocket: events, summaries, answers and errors, each as one frame.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use chinwag_core::app::resume::Resumed;
use chinwag_core::event::{Event, Kind, Pending};
use chinwag_core::message::Message as CoreMessage;
use chinwag_core::presence::Status;
use chinwag_core::relation::Relations;
use chinwag_core::{Date, GroupId, HistoryId, Name, Seq};
use chinwag_hub::Encode;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::frame;
use super::object::{ContactStatuses, Group, Lists, Message, maybe_text, text};

/// One frame's text: `type`, `seq` where the event is numbered, `ref` in the asker's own copy, `history`
/// where a client may resume from what it shows.
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
    data: T,
}

/// A frame for one socket: an answer, or a part of what it is shown when it comes.
pub fn answer(kind: &str, data: impl Serialize, reference: Option<&str>) -> Bytes {
    envelope(kind, None, data, reference)
}

/// The same for what shows numbers from which a client may resume: they belong to `history`.
pub fn numbers(kind: &str, history: HistoryId, data: impl Serialize, reference: Option<&str>) -> Bytes {
    put(&ServerFrame { kind, seq: None, reference, history: Some(history.0), data })
}

fn envelope(kind: &str, seq: Option<Seq>, data: impl Serialize, reference: Option<&str>) -> Bytes {
    put(&ServerFrame { kind, seq: seq.map(|seq| seq.0), reference, history: None, data })
}

fn put(envelope: &ServerFrame<'_, impl Serialize>) -> Bytes {
    frame::text(|buffer| {
        serde_json::to_writer(buffer, envelope).expect("names, numbers and strings always serialise");
    })
}

/// `contact.summary`'s data.
#[derive(Serialize)]
pub struct ContactSummary<'a> {
    /// The five lists.
    #[serde(flatten)]
    pub lists: Lists<'a>,
    /// Contacts' statuses.
    pub presence: ContactStatuses<'a>,
}

/// The frames of a user's relations and its contacts' presence.
pub fn contacts(relations: &Relations, presence: &[(&Name, Status)]) -> Vec<Bytes> {
    let lists = Lists::from(relations);
    let summary = ContactSummary { lists, presence: ContactStatuses(presence.to_vec()) };
    let mut frames = vec![answer("contact.summary", summary, None)];
    for (name, status) in presence.iter().filter(|(_, status)| *status != Status::Disconnected) {
        let update = StatusUpdateData { author: name.as_str(), status: status.as_str() };
        frames.push(answer("status.update", update, None));
    }
    frames
}

/// `summary.more`'s data.
#[derive(Serialize)]
pub struct Unshown {
    /// The number of others' unread messages in the groups that the summary leaves out.
    pub unread: u64,
}

/// `message.fetch`'s answer.
#[derive(Serialize)]
pub struct Fetched<'a> {
    /// The user who asked.
    #[serde(serialize_with = "text")]
    pub author: &'a Name,
    /// The group.
    pub group: Uuid,
    /// The date that was asked for, if one was.
    #[serde(serialize_with = "maybe_text")]
    pub date: Option<Date>,
    /// Messages before that point, newest first.
    pub history: Vec<Message<'a>>,
}

/// `message.read`'s data.
#[derive(Serialize)]
pub struct ReadMark<'a> {
    /// The user of the mark.
    #[serde(serialize_with = "text")]
    pub author: &'a Name,
    /// The group.
    pub group: Uuid,
    /// The last read message's date.
    #[serde(serialize_with = "maybe_text")]
    pub date: Option<Date>,
    /// The last read message's number; 0 before the first.
    pub seq: i64,
}

impl<'a> ReadMark<'a> {
    /// A mark as it stands.
    pub fn new(author: &'a Name, group: GroupId, at: Option<(Seq, Date)>) -> Self {
        let (seq, date) = at.map_or((0, None), |(seq, date)| (seq.0, Some(date)));
        Self { author, group: group.0, date, seq }
    }
}

/// `contact.update`'s data.
#[derive(Serialize)]
pub struct ContactUpdateData<'a> {
    /// The user who changed the relation.
    pub author: &'a str,
    /// The other.
    pub name: &'a str,
    /// The current relation.
    pub operation: &'static str,
}

/// `status.update`'s data.
#[derive(Serialize)]
pub struct StatusUpdateData<'a> {
    pub author: &'a str,
    /// `online`, `afk` or `disconnected`.
    pub status: &'static str,
}

/// `sync.done`'s data.
#[derive(Serialize)]
pub struct Synced {
    /// The head of each group that was answered.
    pub groups: BTreeMap<Uuid, i64>,
    /// The groups that were not, and why.
    pub refused: BTreeMap<Uuid, &'static str>,
}

impl From<&Resumed> for Synced {
    fn from(resumed: &Resumed) -> Self {
        Self {
            groups: resumed.heads.iter().map(|(group, head)| (group.0, head.0)).collect(),
            refused: resumed.refused.iter().map(|(group, why)| (group.0, why.as_str())).collect(),
        }
    }
}

/// The problem with a field.
#[derive(Serialize)]
pub struct ErrorDetail<'a> {
    /// A sentence that says what is wrong and what would be right.
    pub detail: Cow<'a, str>,
    /// The fields that were refused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem<'a>>,
    /// After how many seconds it is worth another try, where it came too often.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

/// One refused field.
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

/// Turns events into frames for the hub.
#[derive(Debug, Default)]
pub struct EventEncoder;

impl Encode for EventEncoder {
    fn event(&self, event: &Event, reference: Option<&str>) -> Bytes {
        let put = Put { seq: event.seq, reference };
        match &event.kind {
            Kind::MessageText(message) => put.message("message.text", message),
            Kind::MessageUpdate(message) => put.message("message.update", message),
            Kind::MessageDelete { id, group, seq } => {
                put.data("message.delete", json!({ "id": id.0, "group": group.0, "seq": seq.0 }))
            }
            Kind::MessagesDelete { group, ids } => {
                let ids: Vec<_> = ids.iter().map(|id| id.0).collect();
                put.data("message.delete", json!({ "group": group.0, "ids": ids }))
            }
            Kind::MessageRead { author, group, at } => {
                put.data("message.read", ReadMark::new(author, *group, *at))
            }
            Kind::GroupUpdate { view, .. } => put.data("group.update", Group::changed(view)),
            Kind::GroupQuit { group, name } | Kind::Pending(Pending::Ended { group, name }) => {
                put.data("group.quit", json!({ "group": group.0, "name": name.as_str() }))
            }
            Kind::GroupDelete(group) | Kind::Pending(Pending::Deleted(group)) => {
                put.data("group.delete", group.0)
            }
            Kind::Pending(Pending::Added(view)) => {
                let group = Group { messages: vec![], ..Group::new(view, None) };
                put.data("group.update", group.pending(true))
            }
            Kind::GroupAccepted(view) => put.data("group.update", Group::new(view, None).pending(false)),
            Kind::GroupMe { group, pending } => {
                put.data("group.me", json!({ "group": group.0, "pending": pending }))
            }
            Kind::ContactUpdate { author, name, outcome } => {
                let (author, name) = (author.1.as_str(), name.1.as_str());
                put.data("contact.update", ContactUpdateData { author, name, operation: outcome.as_str() })
            }
            Kind::StatusUpdate { author, status } => put
                .data("status.update", StatusUpdateData { author: author.as_str(), status: status.as_str() }),
            Kind::UserUpdate { name, new_name, .. } => {
                put.data("user.update", json!({ "name": name.as_str(), "new_name": new_name.as_str() }))
            }
            Kind::UserDelete { name } => put.data("user.delete", json!({ "name": name.as_str() })),
            Kind::Typing { author, group, started } => {
                let kind = if *started { "typing.start" } else { "typing.stop" };
                put.data(kind, json!({ "author": author.as_str(), "group": group.0 }))
            }
            // The hub acts on these and sends nobody anything.
            Kind::Ended(_) | Kind::MemberChanged { .. } => Bytes::new(),
        }
    }

    fn whole(&self, event: &Event, reference: Option<&str>) -> Bytes {
        match &event.kind {
            Kind::GroupUpdate { view, .. } => {
                Put { seq: event.seq, reference }.data("group.update", Group::new(view, None))
            }
            _ => self.event(event, reference),
        }
    }

    fn contacts(&self, relations: &Relations, presence: &[(Name, Status)]) -> Vec<Bytes> {
        let presence: Vec<_> = presence.iter().map(|(name, status)| (name, *status)).collect();
        contacts(relations, &presence)
    }

    fn ping(&self) -> Bytes {
        frame::control(frame::PING, b"")
    }
}

/// The common part of all frames of one event.
struct Put<'a> {
    seq: Option<Seq>,
    reference: Option<&'a str>,
}

impl Put<'_> {
    fn data(&self, kind: &str, data: impl Serialize) -> Bytes {
        envelope(kind, self.seq, data, self.reference)
    }

    fn message(&self, kind: &str, message: &CoreMessage) -> Bytes {
        self.data(kind, Message::from(message))
    }
}
