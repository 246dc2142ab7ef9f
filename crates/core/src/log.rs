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
use crate::store::detail::{find, put};
use crate::store::encoding::{LogKind, Stored};
use crate::{GroupId, MessageId, Name, Seq, UserId};

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
    },
    /// Messages were deleted together; at least one.
    MessagesDeleted(Vec<MessageId>),
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
    /// An entry that a newer version has written, by the number of its kind.
    Unknown(i64),
}

/// One number of a group's log, as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRow {
    /// The number.
    pub seq: Seq,
    /// The entry that took it.
    pub entry: LogEntry,
    /// The message that was sent or edited, as it stands now; none if it was deleted since.
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

/// The tags of the fields of a `detail`. A tag is never given another meaning.
mod tag {
    pub(super) const MESSAGE_IDS: u8 = 1;
    pub(super) const NAME: u8 = 2;
    pub(super) const NEW_NAME: u8 = 3;
}

impl LogEntry {
    /// The kind under which it is stored; none of one that this version does not know.
    pub fn kind(&self) -> Option<LogKind> {
        Some(match self {
            Self::MessageSent => LogKind::MessageSent,
            Self::MessageEdited(_) => LogKind::MessageEdited,
            Self::MessageDeleted { .. } => LogKind::MessageDeleted,
            Self::MessagesDeleted(_) => LogKind::MessagesDeleted,
            Self::GroupChanged => LogKind::GroupChanged,
            Self::MemberRenamed { .. } => LogKind::MemberRenamed,
            Self::Unknown(_) => return None,
        })
    }

    /// Whether the message that it concerns is sent with it.
    pub fn shows_message(&self) -> bool {
        matches!(self, Self::MessageSent | Self::MessageEdited(_))
    }

    /// Whether clients learn of it by the group as it stands.
    pub fn changes_group(&self) -> bool {
        matches!(self, Self::GroupChanged | Self::MemberRenamed { .. })
    }

    /// Gives `store` the entry as its row holds it.
    pub fn with_stored<T>(&self, store: impl FnOnce(StoredEntry<'_>) -> T) -> T {
        let mut detail = Vec::new();
        let (mut message, mut user) = (None, None);
        match self {
            Self::MessageSent | Self::GroupChanged | Self::Unknown(_) => {}
            Self::MessageEdited(seq) => message = Some(*seq),
            Self::MessageDeleted { id, seq } => {
                message = Some(*seq);
                put(&mut detail, tag::MESSAGE_IDS, id.0.as_bytes());
            }
            Self::MessagesDeleted(ids) => {
                let ids: Vec<u8> = ids.iter().flat_map(|id| id.0.into_bytes()).collect();
                put(&mut detail, tag::MESSAGE_IDS, &ids);
            }
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
        let name = |tag| Some(Name::stored(std::str::from_utf8(field(tag)?).ok()?));
        Some(match LogKind::known(stored.kind)? {
            LogKind::MessageSent => Self::MessageSent,
            LogKind::MessageEdited => Self::MessageEdited(stored.message?),
            LogKind::MessageDeleted => Self::MessageDeleted { id: *ids()?.first()?, seq: stored.message? },
            LogKind::MessagesDeleted => Self::MessagesDeleted(ids()?),
            LogKind::GroupChanged => Self::GroupChanged,
            LogKind::MemberRenamed => Self::MemberRenamed {
                user: stored.user?,
                name: name(tag::NAME)?,
                new_name: name(tag::NEW_NAME)?,
            },
        })
    }

    /// The event of an entry for members, where it has one of its own: `message` is
    /// the one that was sent or edited. Nothing of a message that was deleted since.
    pub fn event(self, group: GroupId, message: Option<Message>) -> Option<Kind> {
        match self {
            Self::MessageSent => message.map(Kind::MessageText),
            Self::MessageEdited(_) => message.map(Kind::MessageUpdate),
            Self::MessageDeleted { id, seq } => Some(Kind::MessageDelete { id, group, seq }),
            Self::MessagesDeleted(ids) => Some(Kind::MessagesDelete { group, ids }),
            Self::MemberRenamed { user, name, new_name } => Some(Kind::UserUpdate { user, name, new_name }),
            Self::GroupChanged | Self::Unknown(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u128) -> MessageId {
        MessageId(Uuid::from_u128(number))
    }

    fn entries() -> Vec<LogEntry> {
        vec![
            LogEntry::MessageSent,
            LogEntry::MessageEdited(Seq(7)),
            LogEntry::MessageDeleted { id: id(1), seq: Seq(8) },
            LogEntry::GroupChanged,
            LogEntry::MemberRenamed {
                user: UserId(3),
                name: Name::stored("ann"),
                new_name: Name::stored("éva"),
            },
            LogEntry::MessagesDeleted(vec![id(1), id(2)]),
        ]
    }

    fn line(entry: &LogEntry) -> String {
        entry.with_stored(|StoredEntry { kind, message, user, detail }| {
            let number = |number: Option<i64>| number.map_or("-".to_owned(), |number| number.to_string());
            let digit = |half: u8| char::from_digit(half.into(), 16).expect("a digit");
            let halves = |byte: &u8| [digit(byte >> 4), digit(byte & 15)];
            let hex = |bytes: &[u8]| bytes.iter().flat_map(halves).collect();
            let detail: String = detail.map_or("-".into(), hex);
            format!("{kind} {} {} {detail}", number(message.map(|seq| seq.0)), number(user.map(|id| id.0)))
        })
    }

    #[test]
    fn the_stored_form_of_an_entry_never_changes() {
        let lines: Vec<_> = entries().iter().map(line).collect();
        let stored: Vec<_> = include_str!("log.txt").lines().collect();
        assert_eq!(lines, stored, "add lines to log.txt, and change none");
    }

    #[test]
    fn an_entry_is_read_as_it_was_stored() {
        for entry in entries() {
            let read = entry.with_stored(|stored| LogEntry::from_stored(&stored));
            assert_eq!(read, entry);
        }
        assert_eq!(entries().len(), LogKind::VALUES.len(), "one of each kind");
    }

    #[test]
    fn unknown_kinds_and_fields_of_a_newer_version_are_skipped() {
        let stored = |kind, detail| StoredEntry { kind, message: Some(Seq(1)), user: None, detail };
        let unknown = LogEntry::from_stored(&stored(900, Some(b"anything")));
        assert_eq!(unknown, LogEntry::Unknown(900));
        assert_eq!(unknown.clone().event(GroupId(Uuid::nil()), None), None);
        assert_eq!(unknown.with_stored(|stored| stored.kind), 900);
        let mut detail = Vec::new();
        put(&mut detail, 200, b"of a newer version");
        put(&mut detail, tag::MESSAGE_IDS, id(5).0.as_bytes());
        let deleted = i64::from(LogKind::MessageDeleted.number());
        assert_eq!(
            LogEntry::from_stored(&stored(deleted, Some(&detail))),
            LogEntry::MessageDeleted { id: id(5), seq: Seq(1) }
        );
        for end in 0..detail.len() {
            let cut = LogEntry::from_stored(&stored(deleted, Some(&detail[..end])));
            assert_eq!(cut, LogEntry::Unknown(deleted), "cut after {end} bytes");
        }
    }
}
