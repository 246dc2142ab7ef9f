//! Payloads about groups.

use chinwag_core::app::group::{Create, Leave, Roles};
use chinwag_core::app::group_update::Update;
use chinwag_core::app::private::Open;
use chinwag_core::app::resume::Resume;
use chinwag_core::{GroupId, GroupName, Name};

use super::fields::Fields;
use super::payload::{RestPayload, payload};
use super::value::{Heads, OneName};

/// The payloads of requests about this noun.
pub(super) const REST: &[RestPayload] = &[NewGroup::REST, GroupPatch::REST, InName::REST, PrivatePair::REST];

payload! {
    /// A group to make. A user in several lists gets the highest role.
    pub struct NewGroup {
        /// The owner. A user's own name may be left out.
        author [rest_only()]: Option<Name>,
        /// The group's name: 1 to 200 characters.
        name: GroupName,
        /// The admins.
        admins: Vec<Name>,
        /// The members.
        members: Vec<Name>,
        /// The restricted members, who only read.
        restricts: Vec<Name>,
    }
}

payload! {
    /// The changes of a group.
    pub struct GroupPatch {
        /// The user who changes it. A service that leaves it out may do everything.
        author [rest_only()]: Option<Name>,
        /// The new name.
        name: Option<GroupName>,
        /// The new owner, a list of one member.
        owner: OneName,
        /// Users who become admins.
        admins: Vec<Name>,
        /// Users who become members.
        members: Vec<Name>,
        /// Users who may only read from now on.
        restricts: Vec<Name>,
        /// Members to remove.
        remove: Vec<Name>,
    }
}

payload! {
    /// The user in whose name a group is left or accepted.
    pub struct InName {
        /// The user. A user's own name may be left out.
        author [rest_only()]: Option<Name>,
    }
}

payload! {
    /// The users of a private group.
    pub struct PrivatePair {
        /// For a user: the other user. Your own name opens your notes to yourself.
        user: Option<Name>,
        /// For a service: the two users. The same name twice opens that user's notes to itself.
        users: Vec<Name>,
    }
}

payload! {
    /// The group that an event concerns.
    pub struct GroupByGroup {
        /// The group.
        group [or("id")]: GroupId,
    }
}

payload! {
    /// The group that an event changes.
    pub struct GroupById {
        /// The group.
        id [or("group")]: GroupId,
    }
}

payload! {
    /// The group that an event concerns, by one name.
    pub struct InGroup {
        /// The group.
        group: GroupId,
    }
}

payload! {
    /// The numbers up to which a client holds its groups' logs.
    pub struct HeldNumbers {
        /// The last number held of each group, by its id.
        groups: Heads,
        /// The history that these are numbers of. Where the server's is another, every group is refused
        /// with `history_changed`.
        history: Option<String>,
    }
}

impl NewGroup {
    /// The command to make it.
    pub fn command(self) -> Create {
        let Self { author, name, admins, members, restricts } = self;
        Create { author, name, roles: Roles { admins, members, restricts } }
    }
}

impl GroupPatch {
    /// The command to change a group.
    pub fn command(self, group: GroupId) -> Update {
        let Self { author, name, owner: OneName(owner), admins, members, restricts, remove } = self;
        Update { author, group, name, owner, roles: Roles { admins, members, restricts }, remove }
    }
}

impl InName {
    /// The command to leave or accept a group.
    pub fn command(self, group: GroupId) -> Leave {
        Leave { author: self.author, group }
    }
}

impl GroupByGroup {
    /// The command to leave, accept or delete the group.
    pub fn command(self) -> Leave {
        Leave { author: None, group: self.group }
    }
}

impl PrivatePair {
    /// The command to open the private group. Refuses a payload that names neither one user nor two.
    pub fn command(self, fields: &mut Fields<'_>) -> Option<Open> {
        match (self.user, <[Name; 2]>::try_from(self.users)) {
            (_, Ok([a, b])) => Some(Open::Between(a, b)),
            (Some(user), Err(users)) if users.is_empty() => Some(Open::With(user)),
            (None, Err(users)) if users.is_empty() && !fields.has_refused("users") => {
                fields.require("user");
                fields.refuse("users", "must be a list of two names");
                None
            }
            (_, Err(_)) => {
                if !fields.has_refused("users") {
                    fields.refuse("users", "must be a list of two names");
                }
                None
            }
        }
    }
}

impl HeldNumbers {
    /// The command to resume.
    pub fn command(self) -> Resume {
        Resume { since: self.groups.0, history: self.history.map(String::into_boxed_str) }
    }
}
