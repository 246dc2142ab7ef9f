//! Payloads about messages.

use chinwag_core::app::message::{Edit, MarkRead, Point, Send};
use chinwag_core::app::private::First;
use chinwag_core::file::AttachmentList;
use chinwag_core::limits::{HISTORY_PAGE, LATEST};
use chinwag_core::mention::MentionList;
use chinwag_core::message::{Body, ClientId, MessageDetail};
use chinwag_core::profile::{Data, FieldUpdate};
use chinwag_core::store::Page;
use chinwag_core::{Date, GroupId, MessageId, Name, Seq};
use serde_json::{Value as Schema, json};

use super::fields::Fields;
use super::payload::{KeyValue, RestPayload, payload};
use super::value::SentBody;
use crate::wire::key::Need;

pub(crate) const REST: &[RestPayload] = &[NewMessage::REST, MessagePatch::REST, ReadPoint::REST];

payload! {
    /// A message to send.
    pub struct NewMessage {
        /// The author. A user's own name may be left out.
        author [rest_only()]: Option<Name>,
        /// The group.
        group [or("to")]: GroupId,
        /// The text: 1 to 4096 characters (`limits.message_chars`), at least one of them visible. It is stored
        /// unchanged. A message with `attachments` needs none.
        body: SentBody,
        /// A message of the same group that this one answers. The empty text counts as left out.
        respond_to: Option<MessageId>,
        /// The root of its thread: a message of the same group that is not itself a reply in a thread. The empty text
        /// counts as left out.
        thread: Option<MessageId>,
        /// The message's date. Only a service may set it.
        date [rest_only()]: Option<Date>,
        /// The sender's own id of the message: retries with the same id create only one message.
        client_id: Option<ClientId>,
        /// The names of the mentioned users, at most 50, or `@all` for everyone, which only the owner and admins may
        /// use. Users who are not members are ignored.
        mentions: MentionList,
        /// The ids of at most 10 files that the author uploaded and has not used, in the order in which they are shown. In
        /// place of an id, `{"id", "alt"}` gives an alternative text of at most 1,000 characters, too.
        attachments: AttachmentList,
        /// An object of the sender's application, at most 4 KiB of compact JSON. It is never interpreted.
        data: Attached,
    }
}

payload! {
    /// The changes of a message. Omitted keys stay as they are.
    pub struct MessagePatch {
        /// The new text: 1 to 4096 characters (`limits.message_chars`), at least one of them visible. It may be empty
        /// or null if the message has files, which remain.
        body [one_of_or_null()]: Option<Body>,
        /// The new mentions, in the form of a new message.
        mentions [one_of()]: Option<MentionList>,
    }
}

payload! {
    /// The message that an event concerns.
    pub struct MessageById {
        /// The message.
        id: MessageId,
    }
}

payload! {
    /// The first message to a user.
    pub struct FirstMessage {
        /// The other user. Your own name opens your notes to yourself.
        target: Name,
        /// The text of the first message. A message with `attachments` needs none.
        body: Option<SentBody>,
        /// The sender's own id of the message: retries with the same id create only one message.
        client_id: Option<ClientId>,
        /// The names of the users whom the first message mentions. Others than you and the other user are ignored.
        mentions: MentionList,
        /// The ids of at most 10 files that you uploaded and have not used, or objects with an `id` and an `alt`.
        attachments: AttachmentList,
        /// An object of the sender's application, at most 4 KiB of compact JSON. It is never interpreted.
        data: Attached,
    }
}

payload! {
    /// The requested part of a group's history.
    pub struct HistoryPage {
        /// The group.
        group: GroupId,
        /// Only messages with a smaller number.
        before: Option<Seq>,
        /// Only messages of an earlier date. Ignored with `before`.
        date: Option<Date>,
        /// The number of messages. Default: 20.
        limit: PageSize,
    }
}

payload! {
    /// The point up to which a group is read.
    pub struct ReadPoint {
        /// The member who has read. A user's own name may be left out.
        author [rest_only()]: Option<Name>,
        /// The number of the last read message, at most the group's head.
        seq [one_of()]: Option<Seq>,
        /// The date of the last read message, or any date after it. Ignored with `seq`.
        date [one_of()]: Option<Date>,
    }
}

/// The page size of a history; the default is [`LATEST`].
pub struct PageSize(pub usize);

impl KeyValue for PageSize {
    const NEED: Need = Need::Optional;

    fn schema() -> Schema {
        json!({"type": "integer", "minimum": 1, "maximum": HISTORY_PAGE})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        match fields.maybe_number(key).map(usize::try_from) {
            None => Some(Self(LATEST)),
            Some(Ok(limit)) if (1..=HISTORY_PAGE).contains(&limit) => Some(Self(limit)),
            Some(_) => {
                fields.refuse(key, format!("must be a number from 1 to {HISTORY_PAGE}"));
                None
            }
        }
    }
}

/// The data of a message; `None` if it is absent or null.
pub struct Attached(pub Option<Data>);

impl KeyValue for Attached {
    const NEED: Need = Need::Optional;

    fn schema() -> Schema {
        json!({"type": "object"})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        match fields.data_update(key) {
            FieldUpdate::Set(data) => Some(Self(Some(data))),
            FieldUpdate::Keep | FieldUpdate::Clear => Some(Self(None)),
        }
    }
}

/// A request for a group's history.
#[derive(Debug, Clone, Copy)]
pub struct Fetch {
    /// The group.
    pub group: GroupId,
    /// Return messages before this point, or the newest without one.
    pub before: Option<Point>,
    pub page: Page,
}

impl NewMessage {
    /// The command that sends the message.
    pub fn command(self) -> Send {
        let Self { author, group, body, respond_to, thread, date, client_id, mentions, attachments, data } =
            self;
        Send {
            author,
            respond_to,
            thread,
            date,
            client_id,
            mentions,
            attachments,
            detail: data.into_detail(),
            ..Send::new(group, body.0)
        }
    }
}

impl Attached {
    fn into_detail(self) -> MessageDetail {
        MessageDetail { data: self.0.map(Data::into_text), ..MessageDetail::default() }
    }
}

impl MessagePatch {
    /// The command that edits the message.
    pub fn command(self, id: MessageId) -> Edit {
        Edit { id, body: self.body, mentions: self.mentions }
    }
}

impl FirstMessage {
    /// The command that opens the private group with its first message.
    pub fn command(self) -> First {
        let Self { target, body, client_id, mentions, attachments, data } = self;
        let body = body.map(|SentBody(body)| body);
        First { target, body, client_id, mentions, attachments, detail: data.into_detail(), sent_as: None }
    }
}

impl HistoryPage {
    /// The request for a page.
    pub fn command(self) -> Fetch {
        let before = point(self.before, self.date);
        Fetch { group: self.group, before, page: Page::before(before, self.limit.0) }
    }
}

impl ReadPoint {
    /// The command that moves the read mark. Refuses a payload without a point.
    pub fn command(self, group: GroupId, fields: &mut Fields<'_>) -> Option<MarkRead> {
        let at = point(self.seq, self.date);
        if at.is_none() && !fields.has_refused("seq") && !fields.has_refused("date") {
            fields.refuse("seq", "is required unless date is given");
        }
        Some(MarkRead { author: self.author, group, at: at? })
    }
}

fn point(seq: Option<Seq>, date: Option<Date>) -> Option<Point> {
    seq.map(Point::Seq).or(date.map(Point::Date))
}
