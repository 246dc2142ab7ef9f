//! Entries: the changes of a group that its history shows.
//!
//! A log entry that changes the group stores its date, its author and its changes as further fields in its
//! `detail`. [`LogEntry`](crate::log::LogEntry) skips these fields. Users are stored by id, so that an entry
//! always shows their current names.

use std::collections::HashMap;
use std::sync::Arc;

use crate::group_details::DetailKey;
use crate::limits::MAX_LISTED_USERS;
use crate::permission::Role;
use crate::store::detail::{fields, put};
use crate::store::encoding::Stored;
use crate::{Date, MessageId, Name, Seq, UserId};

/// The changes of one log entry, as stored in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupEntry {
    pub date: Date,
    /// The acting user. None if a service acted in nobody's name.
    pub by: Option<UserId>,
    pub changes: Vec<Change<UserId>>,
}

/// One change. `U` is a user id in the store and an optional name on the wire, where a deleted user has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change<U> {
    /// The group was created.
    Created,
    /// The group has a new name.
    Renamed(Arc<str>),
    /// These details changed.
    Details(Vec<DetailKey>),
    /// The members changed.
    Members {
        what: MemberChange,
        who: Vec<U>,
        /// The number of all affected users. `who` may contain only the first of them.
        count: usize,
    },
    /// A member was renamed.
    UserRenamed { name: Name, new_name: Name },
    /// A member was deleted.
    UserDeleted,
    /// A message was pinned or unpinned. The message may be deleted by now.
    Pinned { id: MessageId, on: bool },
}

/// A change of members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberChange {
    Joined,
    /// They received this role.
    Role(Role),
    /// The user became the owner.
    Owner,
    /// They left themselves.
    Left,
    /// Another user removed them.
    Removed,
}

/// An entry as clients see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub seq: Seq,
    pub date: Date,
    /// The acting user's name. None if a service acted in nobody's name, or if the user is deleted.
    pub by: Option<Name>,
    pub changes: Vec<Change<Option<Name>>>,
}

/// The tags of the fields. A tag never changes its meaning, and is never one of a log entry's own tags.
mod tag {
    pub(super) const DATE: u8 = 64;
    pub(super) const BY: u8 = 65;
    pub(super) const CREATED: u8 = 66;
    pub(super) const RENAMED: u8 = 67;
    pub(super) const DETAILS: u8 = 68;
    pub(super) const JOINED: u8 = 69;
    pub(super) const ROLE: u8 = 70;
    pub(super) const OWNER: u8 = 71;
    pub(super) const LEFT: u8 = 72;
    pub(super) const REMOVED: u8 = 73;
    pub(super) const USER_DELETED: u8 = 74;
}

impl Change<UserId> {
    /// A change of these members. None if the list is empty.
    pub fn of(what: MemberChange, who: Vec<UserId>) -> Option<Self> {
        let count = who.len();
        (count > 0).then_some(Self::Members { what, who, count })
    }

    fn put(&self, detail: &mut Vec<u8>) {
        match self {
            Self::Created => put(detail, tag::CREATED, &[]),
            Self::Renamed(name) => put(detail, tag::RENAMED, name.as_bytes()),
            Self::Details(keys) => {
                let keys: Vec<u8> = keys.iter().map(|key| number(*key)).collect();
                put(detail, tag::DETAILS, &keys);
            }
            Self::Members { what, who, .. } => {
                let (tag, role) = match what {
                    MemberChange::Joined => (tag::JOINED, None),
                    MemberChange::Role(role) => (tag::ROLE, Some(role.number().to_le_bytes()[0])),
                    MemberChange::Owner => (tag::OWNER, None),
                    MemberChange::Left => (tag::LEFT, None),
                    MemberChange::Removed => (tag::REMOVED, None),
                };
                let ids = who.iter().flat_map(|user| user.0.to_le_bytes());
                put(detail, tag, &role.into_iter().chain(ids).collect::<Vec<_>>());
            }
            Self::UserDeleted => put(detail, tag::USER_DELETED, &[]),
            // The log entry itself already stores these two changes.
            Self::UserRenamed { .. } | Self::Pinned { .. } => {}
        }
    }

    fn read(tag: u8, value: &[u8]) -> Option<Self> {
        let of = |what, ids: &[u8]| {
            let (ids, _) = ids.as_chunks();
            Self::of(what, ids.iter().map(|id| UserId(i64::from_le_bytes(*id))).collect())
        };
        match tag {
            tag::CREATED => Some(Self::Created),
            tag::RENAMED => Some(Self::Renamed(std::str::from_utf8(value).ok()?.into())),
            tag::DETAILS => {
                let is_kept = |key: &DetailKey| value.contains(&number(*key));
                Some(Self::Details(DetailKey::ALL.into_iter().filter(is_kept).collect()))
            }
            tag::JOINED => of(MemberChange::Joined, value),
            tag::ROLE => {
                let (role, ids) = value.split_first()?;
                of(MemberChange::Role(Role::known((*role).into())?), ids)
            }
            tag::OWNER => of(MemberChange::Owner, value),
            tag::LEFT => of(MemberChange::Left, value),
            tag::REMOVED => of(MemberChange::Removed, value),
            tag::USER_DELETED => Some(Self::UserDeleted),
            _ => None,
        }
    }

    /// The affected users, at most `most` of each list.
    fn users(&self, most: usize) -> &[UserId] {
        match self {
            Self::Members { who, .. } => &who[..who.len().min(most)],
            _ => &[],
        }
    }

    fn named(self, most: usize, names: &HashMap<UserId, Name>) -> Change<Option<Name>> {
        match self {
            Self::Created => Change::Created,
            Self::Renamed(name) => Change::Renamed(name),
            Self::Details(keys) => Change::Details(keys),
            Self::Members { what, who, count } => {
                let who = who.iter().take(most).map(|user| names.get(user).cloned()).collect();
                Change::Members { what, who, count }
            }
            Self::UserRenamed { name, new_name } => Change::UserRenamed { name, new_name },
            Self::UserDeleted => Change::UserDeleted,
            Self::Pinned { id, on } => Change::Pinned { id, on },
        }
    }
}

/// The number under which a key is stored. It never changes.
fn number(key: DetailKey) -> u8 {
    match key {
        DetailKey::Description => 0,
        DetailKey::Avatar => 1,
        DetailKey::Data => 2,
        DetailKey::Open => 3,
        DetailKey::Slow => 4,
        DetailKey::Keep => 5,
    }
}

impl GroupEntry {
    /// Appends the fields to the `detail` of a log entry.
    pub fn put(&self, detail: &mut Vec<u8>) {
        put(detail, tag::DATE, &self.date.micros().to_le_bytes());
        if let Some(by) = self.by {
            put(detail, tag::BY, &by.0.to_le_bytes());
        }
        self.changes.iter().for_each(|change| change.put(detail));
    }

    /// Reads the fields from the `detail` of a log entry. None if an older version wrote the entry.
    pub fn read(detail: &[u8]) -> Option<Self> {
        let (mut date, mut by, mut changes) = (None, None, Vec::new());
        for (tag, value) in fields(detail) {
            let number = || Some(i64::from_le_bytes(value.try_into().ok()?));
            match tag {
                tag::DATE => date = Some(Date::from_micros(number()?)),
                tag::BY => by = Some(UserId(number()?)),
                _ => changes.extend(Change::read(tag, value)),
            }
        }
        Some(Self { date: date?, by, changes })
    }

    /// The users whose names the entry shows, at most `most` of each list.
    pub fn users(&self, most: usize) -> impl Iterator<Item = UserId> {
        let who = self.changes.iter().flat_map(move |change| change.users(most));
        who.copied().chain(self.by)
    }

    /// Converts to the form that clients see, with at most `most` users of each list.
    pub fn named(self, seq: Seq, most: usize, names: &HashMap<UserId, Name>) -> Entry {
        let changes = self.changes.into_iter().map(|change| change.named(most, names)).collect();
        Entry { seq, date: self.date, by: self.by.and_then(|by| names.get(&by).cloned()), changes }
    }
}

impl Entry {
    /// The most users of each list in an entry that an event carries.
    pub const LIVE: usize = MAX_LISTED_USERS;

    /// Whether this detail of the group changed.
    pub fn changes_detail(&self, key: DetailKey) -> bool {
        self.changes.iter().any(|change| matches!(change, Change::Details(keys) if keys.contains(&key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> GroupEntry {
        let of = |what, who: &[i64]| Change::of(what, who.iter().map(|id| UserId(*id)).collect());
        let mut changes = vec![
            Change::Created,
            Change::Renamed("Tea é".into()),
            Change::Details(vec![DetailKey::Description, DetailKey::Slow]),
        ];
        changes.extend([
            of(MemberChange::Joined, &[1, 2]).expect("users"),
            of(MemberChange::Role(Role::Admin), &[3]).expect("users"),
            of(MemberChange::Owner, &[4]).expect("users"),
            of(MemberChange::Left, &[5]).expect("users"),
            of(MemberChange::Removed, &[6]).expect("users"),
            Change::UserDeleted,
        ]);
        GroupEntry { date: Date::from_micros(7), by: Some(UserId(9)), changes }
    }

    #[test]
    fn an_entry_is_read_as_it_was_stored() {
        let mut detail = Vec::new();
        put(&mut detail, 2, b"a field of the log entry");
        entry().put(&mut detail);
        put(&mut detail, 200, b"of a newer version");
        assert_eq!(GroupEntry::read(&detail), Some(entry()));
        assert_eq!(GroupEntry::read(&[]), None);
        let bare = GroupEntry { by: None, changes: vec![], ..entry() };
        let mut detail = Vec::new();
        bare.put(&mut detail);
        assert_eq!(detail, b"\x40\x08\0\0\0\x07\0\0\0\0\0\0\0", "the stored form never changes");
        assert_eq!(GroupEntry::read(&detail), Some(bare));
    }

    #[test]
    fn deleted_users_have_no_name_and_long_lists_keep_their_count() {
        let names = HashMap::from([(UserId(1), Name::stored("ann"))]);
        let who: Vec<_> = (1..=3).map(UserId).collect();
        let changes = Change::of(MemberChange::Joined, who).into_iter().collect();
        let stored = GroupEntry { date: Date::from_micros(0), by: Some(UserId(2)), changes };
        assert_eq!(stored.users(2).collect::<Vec<_>>(), [UserId(1), UserId(2), UserId(2)]);
        let entry = stored.named(Seq(5), 2, &names);
        let who = vec![Some(Name::stored("ann")), None];
        assert_eq!(entry.changes, [Change::Members { what: MemberChange::Joined, who, count: 3 }]);
        assert_eq!((entry.seq, entry.by), (Seq(5), None));
    }
}
