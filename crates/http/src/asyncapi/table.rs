//! The events that the server sends, one row an event.

use super::shape::Holds::{
    Count, Date, Flag, Heads, Id, Ids, Messages, Name, Outcome, Refusals, Seq, Status, Statuses,
};
use super::shape::Key;
use super::shape::Occurrence::{Always, Either, Maybe, Null};

/// A server event.
pub(super) struct ServerEvent {
    pub(super) event: &'static str,
    pub(super) about: &'static str,
    pub(super) data: Data,
    pub(super) numbered: Numbered,
}

/// The `data` of a server event.
pub(super) enum Data {
    /// An object with these keys.
    Keys(&'static [Key]),
    /// A REST object, by its schema's name, with these keys beside its own.
    Object(&'static str, &'static [Key]),
    /// The groups of the one who comes, each with its marks.
    Groups,
    /// A group's id, as a plain text.
    GroupId,
}

/// Whether an event has the number that its group's log gave it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbered {
    Never,
    /// Unless it is an answer that nothing has changed.
    Changed,
    Always,
}

/// A refusal: its codes are those of HTTP.
pub(super) struct ErrorEvent {
    pub(super) event: &'static str,
    pub(super) about: &'static str,
    pub(super) codes: &'static [u16],
}

/// The events that carry `history` beside `data`: a client may resume from what they show.
pub(super) const WITH_HISTORY: &[&str] = &["group.summary", "sync.done"];

/// The reasons for closing a socket, and the client's response.
pub(super) const CLOSES: &[(u16, &str)] = &[
    (1001, "no pong came for 60 s, or the server drains: reconnect"),
    (1002, "this is not how WebSocket frames are written: mend the client"),
    (1007, "a text frame is not UTF-8: mend the client"),
    (1009, "a frame is over `ws.max_frame`: send less at once"),
    (1011, "a fault of the server: reconnect"),
    (1012, "the server restarts: reconnect"),
    (4001, "the credential has ended: sign in again"),
    (4008, "you read too slowly: reconnect and resume"),
    (4009, "resync required: the server cannot send you a complete sequence: reconnect and resume at once"),
    (
        4029,
        "too many events: 500 were refused with 429 within 10 s, or too many frames that are no events, \
         or too many resumes: slow down",
    ),
];

pub(super) const ERROR_EVENTS: &[ErrorEvent] = &[
    ErrorEvent {
        event: "error.decode",
        about: "Not JSON, not an object, or not a text frame.",
        codes: &[400],
    },
    ErrorEvent {
        event: "error.type",
        about: "The event has no type (400), or there is no such event (404).",
        codes: &[400, 404],
    },
    ErrorEvent {
        event: "error.data",
        about: "The event is refused by its content or by the sender's rights; nothing was changed.",
        codes: &[400, 401, 403, 404, 409, 429],
    },
    ErrorEvent {
        event: "error.handler",
        about: "A fault of the server (500), or it is busy and nothing was changed, or the outcome is \
                unknown (503, the detail says which): try again, messages with the same `client_id`. Or its \
                disk is nearly full, and nothing new is stored (507).",
        codes: &[500, 503, 507],
    },
];

pub(super) const SERVER_EVENTS: &[ServerEvent] = &[
    ServerEvent {
        event: "group.summary",
        about: "The first that a socket is sent: the user's groups, each with the user's own marks. Large \
                ones come as one message in several fragments.",
        data: Data::Groups,
        numbered: Numbered::Never,
    },
    ServerEvent {
        event: "contact.summary",
        about: "The second: the user's relations, and how present its contacts are. A `status.update` \
                follows for each contact who is not disconnected, then what happens from here on.",
        data: Data::Object("Lists", &[Key(Always, "presence", Statuses, "Contacts' statuses, by name.")]),
        numbered: Numbered::Never,
    },
    ServerEvent {
        event: "summary.more",
        about: "Sent once after a summary that leaves groups out: the number of unread messages in them, \
                counted after the socket has begun.",
        data: Data::Keys(&[Key(
            Always,
            "unread",
            Count,
            "The sum over those groups, of which each counts up to 100.",
        )]),
        numbered: Numbered::Never,
    },
    ServerEvent {
        event: "message.text",
        about: "A message was sent.",
        data: Data::Object("Message", &[]),
        numbered: Numbered::Always,
    },
    ServerEvent {
        event: "message.fetch",
        about: "The part of a group's history that this socket has asked for.",
        data: Data::Keys(&[
            Key(Always, "author", Name, "Who asked."),
            Key(Always, "group", Id, "The group."),
            Key(Null, "date", Date, "The date that was asked for, if one was."),
            Key(Always, "history", Messages, "The messages, newest first."),
        ]),
        numbered: Numbered::Never,
    },
    ServerEvent {
        event: "message.read",
        about: "How far a member has read.",
        data: Data::Keys(&[
            Key(Always, "author", Name, "The member."),
            Key(Always, "group", Id, "The group."),
            Key(Null, "date", Date, "The last read message's date."),
            Key(Always, "seq", Seq, "The last read message's number; 0 before the first."),
        ]),
        numbered: Numbered::Never,
    },
    ServerEvent {
        event: "message.update",
        about: "A message was edited: this is it now.",
        data: Data::Object("Message", &[]),
        numbered: Numbered::Always,
    },
    ServerEvent {
        event: "message.delete",
        about: "A message was deleted: `id` and `seq`. Or several together, as their author was deleted: `ids`.",
        data: Data::Keys(&[
            Key(Either, "id", Id, "The message that was."),
            Key(Always, "group", Id, "Its group."),
            Key(Maybe, "seq", Seq, "Its own number, which is not the deletion's."),
            Key(Either, "ids", Ids, "The messages that were."),
        ]),
        numbered: Numbered::Always,
    },
    ServerEvent {
        event: "status.update",
        about: "How present a contact, or the user itself, is now.",
        data: Data::Keys(&[
            Key(Always, "author", Name, "Who."),
            Key(Always, "status", Status, "The status over all of the user's sockets."),
        ]),
        numbered: Numbered::Never,
    },
    ServerEvent {
        event: "contact.update",
        about: "A relation changed, or is as it was asked to be.",
        data: Data::Keys(&[
            Key(Always, "author", Name, "Who changed it."),
            Key(Always, "name", Name, "The other user."),
            Key(Always, "operation", Outcome, "What stands, or what was done."),
        ]),
        numbered: Numbered::Never,
    },
    ServerEvent {
        event: "group.update",
        about: "A group was made or changed: this is it now. Lists of members, where it has at most 100. To \
                whom it is new, all of it, with its newest messages and its head.",
        data: Data::Object("GroupChange", &[]),
        numbered: Numbered::Changed,
    },
    ServerEvent {
        event: "group.me",
        about: "The user's own settings of a group changed.",
        data: Data::Keys(&[
            Key(Always, "group", Id, "The group."),
            Key(Always, "pending", Flag, "Whether the user has yet to accept the group."),
        ]),
        numbered: Numbered::Never,
    },
    ServerEvent {
        event: "group.quit",
        about: "The user is no longer in a group. Nothing of the group is sent after it.",
        data: Data::Keys(&[
            Key(Always, "group", Id, "The group."),
            Key(Always, "name", Name, "Who has gone."),
        ]),
        numbered: Numbered::Always,
    },
    ServerEvent {
        event: "group.delete",
        about: "A group is no more.",
        data: Data::GroupId,
        numbered: Numbered::Always,
    },
    ServerEvent {
        event: "typing.start",
        about: "A member has begun to type.",
        data: Data::Keys(&[Key(Always, "author", Name, "Who."), Key(Always, "group", Id, "Where.")]),
        numbered: Numbered::Never,
    },
    ServerEvent {
        event: "typing.stop",
        about: "A member has ceased to type.",
        data: Data::Keys(&[Key(Always, "author", Name, "Who."), Key(Always, "group", Id, "Where.")]),
        numbered: Numbered::Never,
    },
    ServerEvent {
        event: "user.update",
        about: "A user whom the receiver shares a group or a relation with has another name.",
        data: Data::Keys(&[
            Key(Always, "name", Name, "The old name."),
            Key(Always, "new_name", Name, "The new name."),
        ]),
        numbered: Numbered::Never,
    },
    ServerEvent {
        event: "user.delete",
        about: "A user whom the receiver shares a group or a relation with is no more.",
        data: Data::Keys(&[Key(Always, "name", Name, "Who it was.")]),
        numbered: Numbered::Never,
    },
    ServerEvent {
        event: "sync.done",
        about: "All that was missed has been sent: live events follow.",
        data: Data::Keys(&[
            Key(Always, "groups", Heads, "The last number of each group that was answered."),
            Key(
                Always,
                "refused",
                Refusals,
                "The groups that were not, and why: their history is to be fetched.",
            ),
        ]),
        numbered: Numbered::Never,
    },
];
