//! Log entries in a group's history, as sent to clients.

use chinwag_core::entry::{Change, Entry as CoreEntry, MemberChange};
use chinwag_core::group_details::DetailKey;
use chinwag_core::permission::Role;
use chinwag_core::{Date, Name};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;
use uuid::Uuid;

use super::text::text;

/// Changes of a group in its history. Unlike a message it has `changes` and no `id`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Entry<'a> {
    /// The number in the group's log.
    pub seq: i64,
    /// The date of the change, in UTC.
    #[schema(value_type = String, format = DateTime)]
    #[serde(serialize_with = "text")]
    pub date: Date,
    /// The user who made the change; null for a service that acted for nobody, and for a deleted user.
    #[schema(required = true)]
    pub by: Option<&'a str>,
    /// The changes.
    pub changes: Vec<EntryChange<'a>>,
}

/// One change of a group.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct EntryChange<'a> {
    /// `created`, `renamed`, `changed`, `joined`, `role`, `owner`, `left`, `removed`, `pinned`, `unpinned`,
    /// `user_renamed` or `user_deleted`.
    pub kind: &'static str,
    /// The message that was pinned or unpinned. It may be deleted since.
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// The new name of the group; the old name of a renamed user; null for a deleted user.
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Option<&'a str>>,
    /// The new name of a renamed user.
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_name: Option<&'a str>,
    /// The details that changed.
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<Vec<&'static str>>,
    /// The users concerned; null for a deleted user. Events have the first 100.
    #[schema(value_type = Vec<Option<String>>, required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who: Option<Who<'a>>,
    /// The number of users, where `who` has the first only.
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<usize>,
    /// The new role: `admin`, `member` or `restrict`.
    #[schema(required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<&'static str>,
}

/// Names of users, null for deleted ones.
#[derive(Debug)]
pub struct Who<'a>(&'a [Option<Name>]);

impl Serialize for Who<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|name| name.as_ref().map(Name::as_str)))
    }
}

/// The name of a role in log entries and in the list of members.
pub fn role(role: Role) -> &'static str {
    match role {
        Role::Owner => "owner",
        Role::Admin => "admin",
        Role::Member => "member",
        Role::Restrict => "restrict",
    }
}

impl<'a> From<&'a CoreEntry> for Entry<'a> {
    fn from(entry: &'a CoreEntry) -> Self {
        let CoreEntry { seq, date, by, changes } = entry;
        Self {
            seq: seq.0,
            date: *date,
            by: by.as_ref().map(Name::as_str),
            changes: changes.iter().map(EntryChange::from).collect(),
        }
    }
}

impl<'a> From<&'a Change<Option<Name>>> for EntryChange<'a> {
    fn from(change: &'a Change<Option<Name>>) -> Self {
        let of = |kind| Self { kind, ..Self::default() };
        match change {
            Change::Created => of("created"),
            Change::Renamed(name) => Self { name: Some(Some(name)), ..of("renamed") },
            Change::Details(keys) => {
                let keys = keys.iter().map(|key: &DetailKey| key.as_str()).collect();
                Self { keys: Some(keys), ..of("changed") }
            }
            Change::Members { what, who, count } => {
                let (kind, new_role) = match what {
                    MemberChange::Joined => ("joined", None),
                    MemberChange::Role(new) => ("role", Some(role(*new))),
                    MemberChange::Owner => ("owner", None),
                    MemberChange::Left => ("left", None),
                    MemberChange::Removed => ("removed", None),
                };
                let count = Some(*count).filter(|count| *count > who.len());
                Self { who: Some(Who(who)), count, role: new_role, ..of(kind) }
            }
            Change::UserRenamed { name, new_name } => Self {
                name: Some(Some(name.as_str())),
                new_name: Some(new_name.as_str()),
                ..of("user_renamed")
            },
            Change::Pinned { id, on } => {
                Self { id: Some(id.0), ..of(if *on { "pinned" } else { "unpinned" }) }
            }
            Change::UserDeleted => Self { name: Some(None), ..of("user_deleted") },
        }
    }
}
