//! The role table: the actions that each role may perform in a group, as one pure function.

use crate::{Error, Result};

/// A member's role, in ascending order of rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Reads only.
    Restrict,
    /// Reads and writes.
    Member,
    /// Manages messages, members and the name.
    Admin,
    /// Has all rights, including the transfer and the deletion of the group.
    Owner,
}

impl Role {
    /// All roles, highest first.
    pub const ALL: [Self; 4] = [Self::Owner, Self::Admin, Self::Member, Self::Restrict];
}

/// An action of a member in a group that is not private.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Read the group, its members and its history; resume.
    Read,
    /// Set the member's own read mark.
    MarkRead,
    Quit,
    /// Send, reply, or signal typing.
    Send,
    /// Edit or delete one of the member's own messages.
    ChangeOwn,
    /// Mention everyone in the group.
    MentionEveryone,
    /// Delete a message of a member with this role. A former member counts as restrict.
    DeleteOf(Role),
    /// Pin a message, or unpin it.
    Pin,
    /// Change the group's name.
    Rename,
    /// Change the group's description, avatar, data, openness, slow mode or retention.
    Describe,
    /// Add a user with this role, which is never owner.
    Add(Role),
    /// Change a member's role from the first to the second. Neither is owner.
    Move(Role, Role),
    /// Remove a member with this role.
    Remove(Role),
    /// Ban a user who is not a member, or lift a ban.
    Ban,
    /// Create, list and end invites of the group.
    Invite,
    /// Transfer ownership to another member.
    HandOver,
    /// Delete the group.
    Delete,
}

/// Whether a member with `role` may do `action`.
pub fn may(role: Role, action: Action) -> bool {
    use Role::{Admin, Member, Owner, Restrict};
    match action {
        Action::Read | Action::MarkRead | Action::Quit => true,
        Action::Send | Action::ChangeOwn => role >= Member,
        Action::DeleteOf(Member | Restrict) => role >= Admin,
        Action::DeleteOf(Owner | Admin) => role == Owner,
        Action::MentionEveryone | Action::Pin | Action::Rename | Action::Describe => role >= Admin,
        Action::Ban | Action::Invite => role >= Admin,
        Action::Add(Owner) | Action::Remove(Owner) | Action::Move(Owner, _) | Action::Move(_, Owner) => false,
        Action::Add(_) => role >= Admin,
        Action::Move(Admin, _) => role == Owner,
        Action::Move(_, _) => role >= Admin,
        Action::Remove(Admin) => role == Owner,
        Action::Remove(_) => role >= Admin,
        Action::HandOver | Action::Delete => role == Owner,
    }
}

/// Returns 403 if the role does not allow the action. `refusal` is a sentence.
pub(crate) fn allow(role: Role, action: Action, refusal: &'static str) -> Result<()> {
    if may(role, action) { Ok(()) } else { Err(Error::forbidden(refusal)) }
}

#[cfg(test)]
mod tests {
    use super::Role::{Admin, Member, Owner, Restrict};
    use super::*;

    /// The table of the protocol, row by row. Columns: owner, admin, member, restrict.
    const TABLE: &[(&[Action], [bool; 4])] = &[
        (&[Action::Read, Action::MarkRead, Action::Quit], [true, true, true, true]),
        (&[Action::Send, Action::ChangeOwn], [true, true, true, false]),
        (&[Action::DeleteOf(Member), Action::DeleteOf(Restrict)], [true, true, false, false]),
        (&[Action::DeleteOf(Owner), Action::DeleteOf(Admin)], [true, false, false, false]),
        (
            &[
                Action::MentionEveryone,
                Action::Pin,
                Action::Rename,
                Action::Describe,
                Action::Ban,
                Action::Invite,
                Action::Add(Admin),
                Action::Add(Member),
                Action::Add(Restrict),
                Action::Move(Member, Restrict),
                Action::Move(Restrict, Member),
                Action::Move(Member, Admin),
                Action::Move(Restrict, Admin),
            ],
            [true, true, false, false],
        ),
        (
            &[Action::Move(Admin, Member), Action::Move(Admin, Restrict), Action::Remove(Admin)],
            [true, false, false, false],
        ),
        (&[Action::Remove(Member), Action::Remove(Restrict)], [true, true, false, false]),
        (&[Action::HandOver, Action::Delete], [true, false, false, false]),
        (
            &[
                Action::Remove(Owner),
                Action::Move(Owner, Admin),
                Action::Move(Member, Owner),
                Action::Add(Owner),
            ],
            [false; 4],
        ),
    ];

    #[test]
    fn every_cell_of_the_role_table_is_as_the_contract_says() {
        for (actions, cells) in TABLE {
            for action in *actions {
                for (role, allowed) in Role::ALL.into_iter().zip(cells) {
                    assert_eq!(may(role, *action), *allowed, "{role:?} {action:?}");
                }
            }
        }
    }
}
