//! The role table: who may do what in a group, as one pure function.

/// A member's role. The order is that of power, the lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Reads, and writes nothing.
    Restrict,
    /// Reads and writes.
    Member,
    /// Looks after the group.
    Admin,
    /// The one who may also hand the group over or delete it.
    Owner,
}

impl Role {
    /// Every role, the highest first.
    pub const ALL: [Self; 4] = [Self::Owner, Self::Admin, Self::Member, Self::Restrict];
}

/// What a member may want to do in a group that is not private.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// See the group, its members and its history; resume.
    Read,
    /// Set one's own read mark.
    MarkRead,
    /// Leave.
    Quit,
    /// Send, reply, say that one is typing.
    Send,
    /// Edit or delete a message of one's own.
    ChangeOwn,
    /// Delete a message of somebody with this role; one who has left counts as restrict.
    DeleteOf(Role),
    /// Change the group's name.
    Rename,
    /// Bring in a user with this role (never as owner).
    Add(Role),
    /// Give a member of the first role the second (neither may be owner).
    Move(Role, Role),
    /// Put out a member of this role.
    Remove(Role),
    /// Make another member the owner.
    HandOver,
    /// Delete the group.
    Delete,
}

/// Whether a member of `role` may do `action`.
pub fn may(role: Role, action: Action) -> bool {
    use Role::{Admin, Member, Owner, Restrict};
    match action {
        Action::Read | Action::MarkRead | Action::Quit => true,
        Action::Send | Action::ChangeOwn => role >= Member,
        Action::DeleteOf(Member | Restrict) => role >= Admin,
        Action::DeleteOf(Owner | Admin) => role == Owner,
        Action::Rename => role >= Admin,
        Action::Add(Owner) | Action::Remove(Owner) | Action::Move(Owner, _) | Action::Move(_, Owner) => false,
        Action::Add(_) => role >= Admin,
        Action::Move(Admin, _) => role == Owner,
        Action::Move(_, _) => role >= Admin,
        Action::Remove(Admin) => role == Owner,
        Action::Remove(_) => role >= Admin,
        Action::HandOver | Action::Delete => role == Owner,
    }
}

#[cfg(test)]
mod tests {
    use super::Role::{Admin, Member, Owner, Restrict};
    use super::*;

    /// The contract's table, row for row: owner, admin, member, restrict.
    const TABLE: &[(&[Action], [bool; 4])] = &[
        (&[Action::Read, Action::MarkRead, Action::Quit], [true, true, true, true]),
        (&[Action::Send, Action::ChangeOwn], [true, true, true, false]),
        (&[Action::DeleteOf(Member), Action::DeleteOf(Restrict)], [true, true, false, false]),
        (&[Action::DeleteOf(Owner), Action::DeleteOf(Admin)], [true, false, false, false]),
        (
            &[
                Action::Rename,
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
