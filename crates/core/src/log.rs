//! A group's log: each number belongs to exactly one entry.
//!
//! [`LogEntry`] is the complete list of changes that take a number. A message is its own entry. Every other
//! entry is stored as its kind, the message or user that it is about, and an encoded `detail`, so that a new
//! kind needs no new column. Connected clients receive the event of an entry when it is made; clients that
//! resume receive it then.
//!
//! **Versions.** A `detail` is a list of tagged fields, and readers skip unknown fields. An entry of an
//! unknown kind, or with a `detail` that cannot be decoded, becomes [`LogEntry::Unknown`]: it keeps its
//! number but has no event. An older program can therefore serve a database in which a newer one of the same
//! schema version has written.

use uuid::Uuid;

use crate::event::Kind;
use crate::message::Message;
use crate::pin::Pinned;
use crate::reaction::{Emoji, Reacted};
use crate::store::Tx;
use crate::store::detail::{find, put};
use crate::store::encoding::Stored;
use crate::{Date, GroupId, MessageId, Name, Result, Seq, UserId};

/// An entry of a group's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogEntry {
    /// A message was sent. The row of the message is the entry.
    MessageSent,
    /// A message was edited.
    MessageEdited(Seq),
    /// A message was deleted.
    MessageDeleted {
        id: MessageId,
        /// The message's own number.
        seq: Seq,
        /// The number of the thread's root, if the message was a reply.
        root: Option<Seq>,
    },
    /// Several messages were deleted together.
    MessagesDeleted {
        /// Not empty.
        ids: Vec<MessageId>,
        /// The numbers of the thread roots that lost replies.
        roots: Vec<Seq>,
    },
    /// The group was created, or its name or members changed.
    GroupChanged,
    /// A member was renamed.
    MemberRenamed { user: UserId, name: Name, new_name: Name },
    /// A user added a reaction to a message, or removed it.
    MessageReacted {
        message: Seq,
        user: UserId,
        emoji: Emoji,
        /// True if the reaction was added, false if it was removed.
        on: bool,
    },
    /// A member was deleted. These messages, at least one, lost the member's reactions.
    MemberDeleted { lost: Vec<MessageId> },
    /// Messages, at least one, lost the reactions of a deleted user. Used if the deletion has no entry in
    /// this group, or if that entry could not hold them all.
    ReactionsErased { lost: Vec<MessageId> },
    /// A message lost a reaction because its user was deleted. Only older versions wrote this entry.
    ReactionErased(Seq),
    /// A message was pinned or unpinned.
    MessagePinned {
        message: Seq,
        /// The message's id. It outlives the message.
        id: MessageId,
        /// The user who did it. None if a service did.
        by: Option<UserId>,
        date: Date,
        /// True if the message was pinned, false if it was unpinned.
        on: bool,
    },
    /// An entry that a newer version wrote, with the number of its kind.
    Unknown(i64),
}

/// The number under which a kind is stored, as a literal. A number never changes its meaning.
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
        /// The kinds of log entries, without their content.
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

/// One row of a group's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRow {
    pub seq: Seq,
    /// The entry with this number.
    pub entry: LogEntry,
    /// The current state of the message that was sent, edited or reacted to. None if it has since been
    /// deleted.
    pub message: Option<Message>,
}

/// An entry in the form in which a row stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry<'a> {
    /// The number of its [`LogKind`].
    pub kind: i64,
    /// The message that the entry is about.
    pub message: Option<Seq>,
    /// The user whose names `detail` contains. When that user is deleted, the entry becomes a
    /// [`LogEntry::GroupChanged`].
    pub user: Option<UserId>,
    /// The encoded fields, if any.
    pub detail: Option<&'a [u8]>,
}

/// The tags of the fields of a `detail`. A tag never changes its meaning. `DATE` and `BY` are also tags of a
/// [`GroupEntry`](crate::entry::GroupEntry), because a pin is read as one, too.
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
    /// The kind under which the entry is stored. None for an unknown kind.
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

    /// Whether the event carries the message that the entry is about.
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

    /// Whether clients learn of the entry from the current state of the group.
    pub fn changes_group(&self) -> bool {
        matches!(self, Self::GroupChanged | Self::MemberDeleted { .. } | Self::MemberRenamed { .. })
    }

    /// Encodes the entry and passes it to `store`.
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

    /// Decodes an entry from its row.
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

    /// The numbers of the thread roots whose replies the entry deleted.
    pub fn roots(&self) -> Vec<Seq> {
        match self {
            Self::MessageDeleted { root, .. } => root.iter().copied().collect(),
            Self::MessagesDeleted { roots, .. } => roots.clone(),
            _ => Vec::new(),
        }
    }

    /// The messages that lost the reactions of a deleted user.
    pub fn lost(&self) -> &[MessageId] {
        match self {
            Self::MemberDeleted { lost } | Self::ReactionsErased { lost } => lost,
            _ => &[],
        }
    }

    /// The event of the entry for clients that resume. `message` is the current state of the message that the
    /// entry is about. None if that message has since been deleted, or if the kind has no event of its own.
    /// The event lacks the profile of a renamed user and the roots of deleted replies.
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

    /// Like [`event`](Self::event), for members who are connected when the entry is made. They receive
    /// reactions and pins as events of their own.
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
