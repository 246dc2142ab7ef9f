//! A group's log: each of its numbers is taken by one entry.
//!
//! [`LogEntry`] is the one list of what takes a number. A message is its own entry; every other entry
//! is stored by its kind, the message or user that it concerns, and a `detail` in a form of its own, so
//! that a new kind needs no new column. A client that resumes is sent the event of each entry; so is
//! every connected client when the entry is made.
//!
//! **Versions.** A `detail` is a list of fields, and a reader skips the fields that it does not know.
//! An entry of a kind that this version does not know, or whose `detail` it cannot read, is
//! [`LogEntry::Unknown`]: it keeps its number, and nothing is sent of it. So an older program serves a
//! database in which a newer one of the same schema version has written.

use uuid::Uuid;

use crate::event::Kind;
use crate::message::Message;
use crate::pin::Pinned;
use crate::reaction::{Emoji, Reacted};
use crate::store::Tx;
use crate::store::detail::{find, put};
use crate::store::encoding::Stored;
use crate::{Date, GroupId, MessageId, Name, Result, Seq, UserId};

/// An entry, which takes a number of a group's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogEntry {
    /// A message was sent. Its row among the messages is the entry.
    MessageSent,
    /// A message was edited.
    MessageEdited(Seq),
    /// A message was deleted.
    MessageDeleted {
        /// Its id.
        id: MessageId,
        /// Its own number.
        seq: Seq,
        /// The number of its root, if it was a reply.
        root: Option<Seq>,
    },
    /// Messages were deleted together.
    MessagesDeleted {
        /// Their ids; at least one.
        ids: Vec<MessageId>,
        /// The numbers of the roots of the replies among them.
        roots: Vec<Seq>,
    },
    /// The group was made, or its name or members changed.
    GroupChanged,
    /// A member has another name.
    MemberRenamed {
        /// The member.
        user: UserId,
        /// The old name.
        name: Name,
        /// The new name.
        new_name: Name,
    },
    /// A user added a reaction to a message, or removed it.
    MessageReacted {
        /// The message's number.
        message: Seq,
        /// The user.
        user: UserId,
        emoji: Emoji,
        /// Whether it was added.
        on: bool,
    },
    /// A member was deleted, and these messages lost its reactions; at least one.
    MemberDeleted { lost: Vec<MessageId> },
    /// Messages lost reactions of a user who is no more, and whose deletion has no number in the group or had too many
    /// of them; at least one.
    ReactionsErased { lost: Vec<MessageId> },
    /// A message lost a reaction, as its user is no more. Only of an older version.
    ReactionErased(Seq),
    /// A message was pinned or unpinned.
    MessagePinned {
        /// The message's number.
        message: Seq,
        /// Its id, which outlives it.
        id: MessageId,
        /// The user who did it, or none if a service did.
        by: Option<UserId>,
        date: Date,
        /// Whether it was pinned.
        on: bool,
    },
    /// An entry that a newer version has written, by the number of its kind.
    Unknown(i64),
}

/// The number under which a kind is stored, as a literal. It is never changed or given to another kind.
#[macro_export]
#[rustfmt::skip] // A table reads by its rows.
macro_rules! log_number {
    (MessageSent) => { 0 };
    (MessageEdited) => { 1 };
    (MessageDeleted) => { 2 };
    (GroupChanged) => { 3 };
    (MemberRenamed) => { 4 };
    (MessagesDeleted) => { 5 };
    (MessageReacted) => { 6 };
    (ReactionErased) => { 7 };
    (MessagePinned) => { 8 };
}

/// Declares [`LogKind`] and its stored numbers.
macro_rules! log_kinds {
    ($($kind:ident)+) => {
        /// The kinds of entries, without what belongs to one.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum LogKind {
            $($kind),+
        }

        impl Stored for LogKind {
            const VALUES: &'static [Self] = &[$(Self::$kind),+];
            const NAME: &'static str = "LogKind";

            fn number(self) -> i16 {
                match self {
                    $(Self::$kind => log_number!($kind)),+
                }
            }
        }
    };
}

log_kinds! {
    MessageSent MessageEdited MessageDeleted GroupChanged MemberRenamed MessagesDeleted MessageReacted ReactionErased
    MessagePinned
}

/// One number of a group's log, as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRow {
    /// The number.
    pub seq: Seq,
    /// The entry that took it.
    pub entry: LogEntry,
    /// The message that was sent, edited or reacted to, as it stands now; none if it was deleted since.
    pub message: Option<Message>,
}

/// An entry as its row holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry<'a> {
    /// The number of its [`LogKind`].
    pub kind: i64,
    /// The message that it concerns.
    pub message: Option<Seq>,
    /// The user whose names `detail` holds. When that user is deleted, the entry becomes a
    /// [`LogEntry::GroupChanged`].
    pub user: Option<UserId>,
    /// The rest, if there is any.
    pub detail: Option<&'a [u8]>,
}

/// The tags of the fields of a `detail`. A tag is never given another meaning. Those of date and author are the tags of
/// a [`GroupEntry`](crate::entry::GroupEntry), which a pin is read as too.
mod tag {
    pub(super) const MESSAGE_IDS: u8 = 1;
    pub(super) const NAME: u8 = 2;
    pub(super) const NEW_NAME: u8 = 3;
    pub(super) const EMOJI: u8 = 4;
    pub(super) const REACTOR: u8 = 5;
    pub(super) const REMOVED: u8 = 6;
    pub(super) const DATE: u8 = 64;
    pub(super) const BY: u8 = 65;
    pub(super) const ROOTS: u8 = 7;
}

impl LogEntry {
    /// The kind under which it is stored; none of one that this version does not know.
    pub fn kind(&self) -> Option<LogKind> {
        Some(match self {
            Self::MessageSent => LogKind::MessageSent,
            Self::MessageEdited(_) => LogKind::MessageEdited,
            Self::MessageDeleted { .. } => LogKind::MessageDeleted,
            Self::MessagesDeleted { .. } => LogKind::MessagesDeleted,
            Self::GroupChanged | Self::MemberDeleted { .. } => LogKind::GroupChanged,
            Self::MemberRenamed { .. } => LogKind::MemberRenamed,
            Self::MessageReacted { .. } => LogKind::MessageReacted,
            Self::ReactionErased(_) | Self::ReactionsErased { .. } => LogKind::ReactionErased,
            Self::MessagePinned { .. } => LogKind::MessagePinned,
            Self::Unknown(_) => return None,
        })
    }

    /// Whether the message that it concerns is sent with it.
    pub fn shows_message(&self) -> bool {
        matches!(
            self,
            Self::MessageSent
                | Self::MessageEdited(_)
                | Self::MessageReacted { .. }
                | Self::ReactionErased(_)
                | Self::MessagePinned { .. }
        )
    }

    /// Whether clients learn of it by the group as it stands.
    pub fn changes_group(&self) -> bool {
        matches!(self, Self::GroupChanged | Self::MemberDeleted { .. } | Self::MemberRenamed { .. })
    }

    /// Gives `store` the entry as its row holds it.
    pub fn with_stored<T>(&self, store: impl FnOnce(StoredEntry<'_>) -> T) -> T {
        let mut detail = Vec::new();
        let (mut message, mut user) = (None, None);
        match self {
            Self::MessageSent | Self::GroupChanged | Self::Unknown(_) => {}
            Self::MessageEdited(seq) | Self::ReactionErased(seq) => message = Some(*seq),
            Self::MessageReacted { message: seq, user, emoji, on } => {
                message = Some(*seq);
                put(&mut detail, tag::EMOJI, emoji.as_str().as_bytes());
                put(&mut detail, tag::REACTOR, &user.0.to_le_bytes());
                if !on {
                    put(&mut detail, tag::REMOVED, &[]);
                }
            }
            Self::MessagePinned { message: seq, id, by, date, on } => {
                message = Some(*seq);
                put(&mut detail, tag::MESSAGE_IDS, id.0.as_bytes());
                put(&mut detail, tag::DATE, &date.micros().to_le_bytes());
                if let Some(by) = by {
                    put(&mut detail, tag::BY, &by.0.to_le_bytes());
                }
                if !on {
                    put(&mut detail, tag::REMOVED, &[]);
                }
            }
            Self::MessageDeleted { id, seq, root } => {
                message = Some(*seq);
                put(&mut detail, tag::MESSAGE_IDS, id.0.as_bytes());
                put_roots(&mut detail, root.as_slice());
            }
            Self::MessagesDeleted { ids, roots } => {
                put_ids(&mut detail, ids);
                put_roots(&mut detail, roots);
            }
            Self::MemberDeleted { lost } | Self::ReactionsErased { lost } => put_ids(&mut detail, lost),
            Self::MemberRenamed { user: renamed, name, new_name } => {
                user = Some(*renamed);
                put(&mut detail, tag::NAME, name.as_str().as_bytes());
                put(&mut detail, tag::NEW_NAME, new_name.as_str().as_bytes());
            }
        }
        let kind = match (self, self.kind()) {
            (Self::Unknown(kind), _) => *kind,
            (_, kind) => kind.map_or(0, |kind| i64::from(kind.number())),
        };
        let detail = Some(detail.as_slice()).filter(|detail| !detail.is_empty());
        store(StoredEntry { kind, message, user, detail })
    }

    /// Reads an entry from its row.
    pub fn from_stored(stored: &StoredEntry<'_>) -> Self {
        Self::parse(stored).unwrap_or(Self::Unknown(stored.kind))
    }

    fn parse(stored: &StoredEntry<'_>) -> Option<Self> {
        let field = |tag| find(stored.detail.unwrap_or_default(), tag);
        let ids = || {
            let (ids, rest) = field(tag::MESSAGE_IDS)?.as_chunks();
            let ids: Vec<_> = ids.iter().map(|id| MessageId(Uuid::from_bytes(*id))).collect();
            Some(ids).filter(|ids| !ids.is_empty() && rest.is_empty())
        };
        let number = |tag| Some(i64::from_le_bytes(field(tag)?.try_into().ok()?));
        let roots = || {
            let (roots, rest) = field(tag::ROOTS).unwrap_or_default().as_chunks();
            let roots: Vec<_> = roots.iter().map(|seq| Seq(i64::from_le_bytes(*seq))).collect();
            Some(roots).filter(|_| rest.is_empty())
        };
        let text = |tag| std::str::from_utf8(field(tag)?).ok();
        let name = |tag| Some(Name::stored(text(tag)?));
        Some(match LogKind::known(stored.kind)? {
            LogKind::MessageSent => Self::MessageSent,
            LogKind::MessageEdited => Self::MessageEdited(stored.message?),
            LogKind::MessageDeleted => {
                Self::MessageDeleted { id: *ids()?.first()?, seq: stored.message?, root: roots()?.pop() }
            }
            LogKind::MessagesDeleted => Self::MessagesDeleted { ids: ids()?, roots: roots()? },
            LogKind::GroupChanged => ids().map_or(Self::GroupChanged, |lost| Self::MemberDeleted { lost }),
            LogKind::MemberRenamed => Self::MemberRenamed {
                user: stored.user?,
                name: name(tag::NAME)?,
                new_name: name(tag::NEW_NAME)?,
            },
            LogKind::MessageReacted => Self::MessageReacted {
                message: stored.message?,
                user: UserId(number(tag::REACTOR)?),
                emoji: Emoji::stored(text(tag::EMOJI)?),
                on: field(tag::REMOVED).is_none(),
            },
            LogKind::ReactionErased => match stored.message {
                Some(message) => Self::ReactionErased(message),
                None => Self::ReactionsErased { lost: ids()? },
            },
            LogKind::MessagePinned => Self::MessagePinned {
                message: stored.message?,
                id: *ids()?.first()?,
                by: number(tag::BY).map(UserId),
                date: Date::from_micros(number(tag::DATE)?),
                on: field(tag::REMOVED).is_none(),
            },
        })
    }

    /// The numbers of the roots of the replies that it deleted.
    pub fn roots(&self) -> Vec<Seq> {
        match self {
            Self::MessageDeleted { root, .. } => root.iter().copied().collect(),
            Self::MessagesDeleted { roots, .. } => roots.clone(),
            _ => Vec::new(),
        }
    }

    /// The messages that lost reactions of a user who is no more.
    pub fn lost(&self) -> &[MessageId] {
        match self {
            Self::MemberDeleted { lost } | Self::ReactionsErased { lost } => lost,
            _ => &[],
        }
    }

    /// The event of an entry for members, where it has one of its own: `message` is the one that it shows; the
    /// profile of a renamed user and the roots of deleted replies are left out. Nothing of a message that was deleted since.
    pub fn event(self, group: GroupId, message: Option<Message>) -> Option<Kind> {
        match self {
            Self::MessageSent => message.map(Kind::MessageText),
            Self::MessageEdited(_)
            | Self::MessageReacted { .. }
            | Self::ReactionErased(_)
            | Self::MessagePinned { .. } => message.map(Kind::MessageUpdate),
            Self::MessageDeleted { id, seq, .. } => Some(Kind::MessageDelete { id, group, seq, root: None }),
            Self::MessagesDeleted { ids, .. } => Some(Kind::MessagesDelete { group, ids, roots: Vec::new() }),
            Self::MemberRenamed { user, name, new_name } => {
                Some(Kind::UserUpdate { user, name, new_name: Some(new_name), profile: None })
            }
            Self::GroupChanged
            | Self::MemberDeleted { .. }
            | Self::ReactionsErased { .. }
            | Self::Unknown(_) => None,
        }
    }

    /// The same for members who were connected when it was made, to whom a change of a message is an event of its own.
    pub(crate) fn live_event(
        self,
        tx: &dyn Tx,
        group: GroupId,
        message: Option<Message>,
    ) -> Result<Option<Kind>> {
        match (self, message) {
            (Self::MessageReacted { user, emoji, on, .. }, Some(message)) => {
                let user = tx.user(user)?;
                Ok(user.map(|user| Kind::MessageReact(Reacted::new(&message, user.name, emoji, on))))
            }
            (Self::ReactionErased(_), _) => Ok(None),
            (Self::MessagePinned { id, by, on, .. }, Some(_)) => {
                let name = by.map(|by| tx.user(by)).transpose()?.flatten().map(|user| user.name);
                Ok(Some(Kind::MessagePin(Pinned { id, group, name, on })))
            }
            (entry, message) => Ok(entry.event(group, message)),
        }
    }
}

fn put_ids(detail: &mut Vec<u8>, ids: &[MessageId]) {
    let ids: Vec<u8> = ids.iter().flat_map(|id| id.0.into_bytes()).collect();
    put(detail, tag::MESSAGE_IDS, &ids);
}

fn put_roots(detail: &mut Vec<u8>, roots: &[Seq]) {
    if !roots.is_empty() {
        let roots: Vec<u8> = roots.iter().flat_map(|seq| seq.0.to_le_bytes()).collect();
        put(detail, tag::ROOTS, &roots);
    }
}

#[cfg(test)]
mod tests;
