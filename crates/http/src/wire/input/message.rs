//! Payloads about messages.

use chinwag_core::app::message::{Edit, MarkRead, Point, Send};
use chinwag_core::app::private::First;
use chinwag_core::message::{Body, ClientId};
use chinwag_core::store::Page;
use chinwag_core::{Date, GroupId, MessageId, Name, Seq};

use super::fields::Fields;
use super::payload::{RestPayload, payload};
use super::value::PageSize;

/// The payloads of requests about this noun.
pub(super) const REST: &[RestPayload] = &[NewMessage::REST, MessagePatch::REST, ReadPoint::REST];

payload! {
    /// A message to send.
    pub struct NewMessage {
        /// The author. A user's own name may be left out.
        author [rest_only()]: Option<Name>,
        /// The group.
        group [or("to")]: GroupId,
        /// The text: 1 to 4096 characters (`limits.message_chars`), at least one of them visible. It is
        /// kept to the byte.
        body: Body,
        /// A message of the same group that this one answers. The empty text counts as left out.
        respond_to: Option<MessageId>,
        /// The message's date. Only a service may set it.
        date [rest_only()]: Option<Date>,
        /// The sender's own id of the message: retries with the same id make one message.
        client_id: Option<ClientId>,
    }
}

payload! {
    /// The changes of a message.
    pub struct MessagePatch {
        /// The new text: 1 to 4096 characters (`limits.message_chars`), at least one of them visible.
        body: Body,
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
        /// The text of the first message.
        body: Option<Body>,
        /// The sender's own id of the message: retries with the same id make one message.
        client_id: Option<ClientId>,
    }
}

payload! {
    /// The part of a group's history that is wanted.
    pub struct HistoryPage {
        /// The group.
        group: GroupId,
        /// Only messages with a smaller number.
        before: Option<Seq>,
        /// Only messages of an earlier date, where `before` is left out.
        date: Option<Date>,
        /// The number of messages; 20 if it is left out.
        limit: PageSize,
    }
}

payload! {
    /// The point up to which a group is read.
    pub struct ReadPoint {
        /// The member who has read. A user's own name may be left out.
        author [rest_only()]: Option<Name>,
        /// The number of the last read message. One past the group's head is refused.
        seq [one_of()]: Option<Seq>,
        /// The date of the last read message, where `seq` is left out: the newest at or before it.
        date [one_of()]: Option<Date>,
    }
}

/// A request for a group's history.
#[derive(Debug, Clone, Copy)]
pub struct Fetch {
    /// The group.
    pub group: GroupId,
    /// The point before which messages are wanted; the newest without one.
    pub before: Option<Point>,
    /// The page.
    pub page: Page,
}

impl NewMessage {
    /// The command to send it.
    pub fn command(self) -> Send {
        let Self { author, group, body, respond_to, date, client_id } = self;
        Send { author, group, body, respond_to, date, client_id }
    }
}

impl MessagePatch {
    /// The command to edit a message.
    pub fn command(self, id: MessageId) -> Edit {
        Edit { id, body: self.body }
    }
}

impl FirstMessage {
    /// The command to open the private group.
    pub fn command(self) -> First {
        First { target: self.target, body: self.body, client_id: self.client_id }
    }
}

impl HistoryPage {
    /// The request.
    pub fn command(self) -> Fetch {
        let before = point(self.before, self.date);
        Fetch { group: self.group, before, page: Page::before(before, self.limit.0) }
    }
}

impl ReadPoint {
    /// The command to mark a group as read. Refuses a payload without a point.
    pub fn command(self, group: GroupId, fields: &mut Fields<'_>) -> Option<MarkRead> {
        let at = point(self.seq, self.date);
        if at.is_none() && !fields.has_refused("seq") && !fields.has_refused("date") {
            fields.refuse("seq", "or date is required");
        }
        Some(MarkRead { author: self.author, group, at: at? })
    }
}

fn point(seq: Option<Seq>, date: Option<Date>) -> Option<Point> {
    seq.map(Point::Seq).or(date.map(Point::Date))
}
