//! The summary of a new socket. `group.summary` is one frame, or one message whose fragments are pages of groups.

use bytes::Bytes;
use chinwag_core::HistoryId;
use chinwag_core::profile::ProfileCard;
use serde::Serialize;
use serde_json::{Value, json};

use super::frame::{self, Fragment};
use super::object::{ContactStatuses, Group, Lists, ProfileCards};
use super::server_event::{
    DataKey, EventValue, KeyPresence, Numbered, ServerEvent, history_and_people, keys, object, server_event,
};

/// The user's groups with its own marks. This type only declares the event; [`whole`] and [`part`] write it.
pub enum GroupSummary {}

impl ServerEvent for GroupSummary {
    const NAME: &'static str = "group.summary";
    const ABOUT: &'static str = "The first event of a socket: the user's groups, each with the user's own marks. \
        A large one is one message in several fragments.";
    const NUMBERED: Numbered = Numbered::Never;

    fn data() -> Value {
        json!({"type": "array", "items": {"allOf": [object("Group"), object("Marks")]}})
    }

    fn beside(frame: &mut Value) {
        history_and_people(frame);
        frame["properties"]["more"] = json!({
            "type": "object",
            "required": ["groups"],
            "properties": {"groups": {"type": "integer", "minimum": 0}},
            "description": "The number of omitted groups, if the handshake's query asked for some of them.",
        });
    }
}

/// A user's relations, and the presence of its contacts.
#[derive(Debug, Serialize)]
pub struct ContactSummary<'a> {
    /// The five lists of relations.
    #[serde(flatten)]
    pub lists: Lists<'a>,
    /// The statuses of contacts, by name.
    pub presence: ContactStatuses<'a>,
}

impl ServerEvent for ContactSummary<'_> {
    const NAME: &'static str = "contact.summary";
    const ABOUT: &'static str = "The second event: the user's relations, and the presence of its contacts. A `status.update` \
        follows for each contact who is not disconnected, and then the live events.";
    const NUMBERED: Numbered = Numbered::Never;

    fn data() -> Value {
        let (about, schema) = ("Contacts' statuses, by name.", ContactStatuses::schema());
        let presence = DataKey { name: "presence", about, presence: KeyPresence::Always, schema };
        json!({"allOf": [object("Lists"), keys(&[presence])]})
    }
}

server_event! {
    /// Sent once after a summary that omits groups: the number of unread messages in the omitted groups that are not
    /// muted, counted after the socket was opened.
    "summary.more", Never
    pub struct SummaryMore {
        /// The sum over those groups, each counted up to 100.
        unread: u64,
        /// The same sum of the messages that mention the user.
        mentioned: u64,
    }
}

/// The fields in addition to the groups.
#[derive(Debug, Clone, Copy)]
pub struct Head {
    /// The history to which the groups' numbers belong.
    pub history: HistoryId,
    /// The number of omitted groups, if only some were requested.
    pub left_out: Option<usize>,
}

/// The groups that a summary omits.
#[derive(Serialize)]
struct More {
    groups: usize,
}

/// A summary in a single frame: all groups, and the profiles of their users.
pub fn whole(head: Head, groups: &[Group<'_>], people: &[ProfileCard]) -> Bytes {
    frame::text(|buffer| {
        begin(buffer, head);
        write(buffer, groups, true);
        end(buffer, people);
    })
}

/// A page of the groups. Only the first page, which is never empty, has the `head`; only the last one has the
/// profiles.
pub fn part(part: Fragment, head: Head, groups: &[Group<'_>], people: &[ProfileCard]) -> Bytes {
    frame::part(part, |buffer| {
        if part == Fragment::First {
            begin(buffer, head);
        }
        write(buffer, groups, part == Fragment::First);
        if part == Fragment::Last {
            end(buffer, people);
        }
    })
}

fn end(buffer: &mut Vec<u8>, people: &[ProfileCard]) {
    buffer.push(b']');
    if let Some(people) = ProfileCards::of(people) {
        buffer.extend_from_slice(br#","people":"#);
        put(buffer, &people);
    }
    buffer.push(b'}');
}

fn begin(buffer: &mut Vec<u8>, head: Head) {
    buffer.extend_from_slice(br#"{"type":"group.summary","history":"#);
    put(buffer, &head.history.0);
    if let Some(groups) = head.left_out {
        buffer.extend_from_slice(br#","more":"#);
        put(buffer, &More { groups });
    }
    buffer.extend_from_slice(br#","data":["#);
}

fn write(buffer: &mut Vec<u8>, groups: &[Group<'_>], is_first: bool) {
    for (at, group) in groups.iter().enumerate() {
        if at > 0 || !is_first {
            buffer.push(b',');
        }
        put(buffer, group);
    }
}

fn put(buffer: &mut Vec<u8>, value: &impl Serialize) {
    serde_json::to_writer(buffer, value).expect("names, numbers and strings always serialise");
}
