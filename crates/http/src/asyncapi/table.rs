//! The table: what a client may send, and what a server sends, one row an event.

use super::shape::Holds::{
    Body, ClientId, Count, Date, Flag, GroupName, Heads, History, Id, Ids, Me, Messages, Name, Names,
    Operation, Outcome, Owner, Page, Refusals, Seq, Status, Statuses,
};
use super::shape::Key;
use super::shape::Need::{Always, Either, Maybe, Null};

/// What a client may send.
pub(super) struct Asked {
    pub(super) event: &'static str,
    pub(super) about: &'static str,
    pub(super) keys: &'static [Key],
    /// What the asking socket may be sent for it. Beside these, every event may be refused.
    pub(super) answers: &'static [&'static str],
}

/// What the server sends.
pub(super) struct Told {
    pub(super) event: &'static str,
    pub(super) about: &'static str,
    pub(super) data: Data,
    pub(super) numbered: Numbered,
}

/// What an event that the server sends has as its `data`.
pub(super) enum Data {
    /// An object with these keys.
    Keys(&'static [Key]),
    /// An object that the REST door shows, by its schema's name, with these keys beside its own.
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
pub(super) struct Failed {
    pub(super) event: &'static str,
    pub(super) about: &'static str,
    pub(super) codes: &'static [u16],
}

/// The events that carry `history` beside `data`: a client may resume from what they show.
pub(super) const WITH_HISTORY: &[&str] = &["group.summary", "sync.done"];

/// Why the server closes a socket, and what a client does then.
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

pub(super) const FAILED: &[Failed] = &[
    Failed { event: "error.decode", about: "Not JSON, not an object, or not a text frame.", codes: &[400] },
    Failed {
        event: "error.type",
        about: "The event has no type (400), or there is no such event (404).",
        codes: &[400, 404],
    },
    Failed {
        event: "error.data",
        about: "The event is refused by its content or by the sender's rights; nothing was changed.",
        codes: &[400, 401, 403, 404, 409, 429],
    },
    Failed {
        event: "error.handler",
        about: "A fault of the server (500), or it is busy and nothing was changed, or the outcome is \
                unknown (503, the detail says which): try again, messages with the same `client_id`. Or its \
                disk is nearly full, and nothing new is stored (507).",
        codes: &[500, 503, 507],
    },
];

pub(super) const ASKED: &[Asked] = &[
    Asked {
        event: "message.text",
        about: "Sends a message to every socket of every member. The sender's own copy is the \
                acknowledgement, which follows the commit.",
        keys: &[
            Key(Either, "group", Id, "The group."),
            Key(Either, "to", Id, "Another word for `group`."),
            Key(Always, "body", Body, "The text, kept to the byte."),
            Key(
                Maybe,
                "respond_to",
                Id,
                "The message of the same group that it answers; the empty text is none.",
            ),
            Key(Maybe, "client_id", ClientId, "The sender's own id: retries with it make one message."),
        ],
        answers: &["message.text"],
    },
    Asked {
        event: "message.first",
        about: "Makes the private group with a user, and the first message in it: `group.update` to both. \
                If there is one, the body is sent there; without a body, the sender alone is shown the \
                group.",
        keys: &[
            Key(Always, "target", Name, "The other user."),
            Key(Maybe, "body", Body, "The text of the first message."),
            Key(Maybe, "client_id", ClientId, "The sender's own id of the message."),
        ],
        answers: &["group.update", "message.text"],
    },
    Asked {
        event: "message.fetch",
        about: "Asks for a part of a group's history: before `before`, else before `date`, else the \
                newest.",
        keys: &[
            Key(Always, "group", Id, "The group."),
            Key(Maybe, "before", Seq, "Messages with a smaller number."),
            Key(Maybe, "date", Date, "Messages of an earlier date."),
            Key(Maybe, "limit", Page, "How many; 20 if it is left out."),
        ],
        answers: &["message.fetch"],
    },
    Asked {
        event: "message.read",
        about: "Marks all as read up to `seq`, else up to `date`. A mark never goes back.",
        keys: &[
            Key(Always, "group", Id, "The group."),
            Key(Either, "seq", Seq, "The last read message's number; past the log's head it is refused."),
            Key(Either, "date", Date, "The newest message at or before it is the last read."),
        ],
        answers: &["message.read"],
    },
    Asked {
        event: "message.update",
        about: "Edits one of the sender's own messages.",
        keys: &[Key(Always, "id", Id, "The message."), Key(Always, "body", Body, "Its new text.")],
        answers: &["message.update"],
    },
    Asked {
        event: "message.delete",
        about: "Deletes a message.",
        keys: &[Key(Always, "id", Id, "The message.")],
        answers: &["message.delete"],
    },
    Asked {
        event: "status.update",
        about: "Says how present the user is on this socket. `disconnected` appears offline.",
        keys: &[Key(Always, "status", Status, "The new status.")],
        answers: &["status.update"],
    },
    Asked {
        event: "contact.update",
        about: "Changes the relation to a user. An invitation that meets one makes both contacts.",
        keys: &[
            Key(Always, "name", Name, "The other user."),
            Key(
                Always,
                "operation",
                Operation,
                "What to do; `invit`, `invite`, `unblock` and `blocked` are aliases.",
            ),
        ],
        answers: &["contact.update"],
    },
    Asked {
        event: "group.create",
        about: "Makes a group that the sender owns. Who is in two lists gets the highest role named.",
        keys: &[
            Key(Always, "name", GroupName, "Its name."),
            Key(Maybe, "admins", Names, "Its admins."),
            Key(Maybe, "members", Names, "Its members."),
            Key(Maybe, "restricts", Names, "Those who may only read."),
        ],
        answers: &["group.update"],
    },
    Asked {
        event: "group.update",
        about: "Changes a group's name, or who is in it as what. The removed are told `group.quit`.",
        keys: &[
            Key(Either, "id", Id, "The group."),
            Key(Either, "group", Id, "Another word for `id`."),
            Key(Maybe, "name", GroupName, "Its new name."),
            Key(Maybe, "owner", Owner, "To whom it is handed over."),
            Key(Maybe, "admins", Names, "Who becomes an admin."),
            Key(Maybe, "members", Names, "Who becomes a member."),
            Key(Maybe, "restricts", Names, "Who may only read from now on."),
            Key(Maybe, "remove", Names, "Who is removed."),
        ],
        answers: &["group.update"],
    },
    Asked {
        event: "group.quit",
        about: "Leaves a group. Those who stay are told `group.update`.",
        keys: &[Key(Either, "group", Id, "The group."), Key(Either, "id", Id, "Another word for `group`.")],
        answers: &["group.quit"],
    },
    Asked {
        event: "group.accept",
        about: "Accepts a group that a stranger has added the user to. It takes no number: the user's \
                sockets are sent `group.me`, then `group.update` with the group as it stands, and from \
                there on its events.",
        keys: &[Key(Either, "group", Id, "The group."), Key(Either, "id", Id, "Another word for `group`.")],
        answers: &["group.me"],
    },
    Asked {
        event: "group.delete",
        about: "Deletes a group with all that is in it.",
        keys: &[Key(Either, "group", Id, "The group."), Key(Either, "id", Id, "Another word for `group`.")],
        answers: &["group.delete"],
    },
    Asked {
        event: "typing.start",
        about: "Says that the user begins to type: told to the other members, at most once in 3 s; never \
                stored.",
        keys: &[Key(Always, "group", Id, "The group.")],
        answers: &[],
    },
    Asked {
        event: "typing.stop",
        about: "Says that the user has ceased to type.",
        keys: &[Key(Always, "group", Id, "The group.")],
        answers: &[],
    },
    Asked {
        event: "sync.resume",
        about: "Asks for all that was missed: every group's events after the number held, in order, with \
                all changes of the group itself as one `group.update`; then `sync.done`, which alone \
                carries the `ref`.",
        keys: &[
            Key(Always, "groups", Heads, "The last number held of each group, by its id."),
            Key(
                Maybe,
                "history",
                History,
                "The history that these are numbers of. Where the server's is another, every group is \
                 refused with `history_changed`.",
            ),
        ],
        answers: &[
            "message.text",
            "message.update",
            "message.delete",
            "group.update",
            "user.update",
            "sync.done",
        ],
    },
];

pub(super) const TOLD: &[Told] = &[
    Told {
        event: "group.summary",
        about: "The first that a socket is sent: the user's groups, each with the user's own marks. Large \
                ones come as one message in several fragments.",
        data: Data::Groups,
        numbered: Numbered::Never,
    },
    Told {
        event: "contact.summary",
        about: "The second: the user's relations, and how present its contacts are. A `status.update` \
                follows for each contact who is not disconnected, then what happens from here on.",
        data: Data::Object("Lists", &[Key(Always, "presence", Statuses, "Contacts' statuses, by name.")]),
        numbered: Numbered::Never,
    },
    Told {
        event: "summary.more",
        about: "Once after a summary that leaves groups out: how much is unread in them, counted after the \
                socket has begun.",
        data: Data::Keys(&[Key(
            Always,
            "unread",
            Count,
            "The sum over those groups, of which each counts up to 100.",
        )]),
        numbered: Numbered::Never,
    },
    Told {
        event: "message.text",
        about: "A message was sent.",
        data: Data::Object("Message", &[]),
        numbered: Numbered::Always,
    },
    Told {
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
    Told {
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
    Told {
        event: "message.update",
        about: "A message was edited: this is it now.",
        data: Data::Object("Message", &[]),
        numbered: Numbered::Always,
    },
    Told {
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
    Told {
        event: "status.update",
        about: "How present a contact, or the user itself, is now.",
        data: Data::Keys(&[
            Key(Always, "author", Name, "Who."),
            Key(Always, "status", Status, "The status over all of the user's sockets."),
        ]),
        numbered: Numbered::Never,
    },
    Told {
        event: "contact.update",
        about: "A relation changed, or is as it was asked to be.",
        data: Data::Keys(&[
            Key(Always, "author", Name, "Who changed it."),
            Key(Always, "name", Name, "The other user."),
            Key(Always, "operation", Outcome, "What stands, or what was done."),
        ]),
        numbered: Numbered::Never,
    },
    Told {
        event: "group.update",
        about: "A group was made or changed: this is it now. Lists of members, where it has at most 100. To \
                whom it is new, all of it, with its newest messages and its head.",
        data: Data::Object(
            "GroupChange",
            &[
                Key(Maybe, "head", Seq, "The last number of its log."),
                Key(Maybe, "me", Me, "Where the user has to accept, or has accepted."),
            ],
        ),
        numbered: Numbered::Changed,
    },
    Told {
        event: "group.me",
        about: "The user's own settings of a group changed.",
        data: Data::Keys(&[
            Key(Always, "group", Id, "The group."),
            Key(Always, "pending", Flag, "Whether the user has yet to accept the group."),
        ]),
        numbered: Numbered::Never,
    },
    Told {
        event: "group.quit",
        about: "The user is no longer in a group. Nothing of the group is sent after it.",
        data: Data::Keys(&[
            Key(Always, "group", Id, "The group."),
            Key(Always, "name", Name, "Who has gone."),
        ]),
        numbered: Numbered::Always,
    },
    Told {
        event: "group.delete",
        about: "A group is no more.",
        data: Data::GroupId,
        numbered: Numbered::Always,
    },
    Told {
        event: "typing.start",
        about: "A member has begun to type.",
        data: Data::Keys(&[Key(Always, "author", Name, "Who."), Key(Always, "group", Id, "Where.")]),
        numbered: Numbered::Never,
    },
    Told {
        event: "typing.stop",
        about: "A member has ceased to type.",
        data: Data::Keys(&[Key(Always, "author", Name, "Who."), Key(Always, "group", Id, "Where.")]),
        numbered: Numbered::Never,
    },
    Told {
        event: "user.update",
        about: "A user whom the receiver shares a group or a relation with has another name.",
        data: Data::Keys(&[
            Key(Always, "name", Name, "The old name."),
            Key(Always, "new_name", Name, "The new name."),
        ]),
        numbered: Numbered::Never,
    },
    Told {
        event: "user.delete",
        about: "A user whom the receiver shares a group or a relation with is no more.",
        data: Data::Keys(&[Key(Always, "name", Name, "Who it was.")]),
        numbered: Numbered::Never,
    },
    Told {
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
