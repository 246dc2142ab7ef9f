//! Users and their passwords in the store.

use crate::name::NameCase;
use crate::permission::Role;
use crate::profile::{Details, Identity, Origin, ProfileCard};
use crate::suspension::UserStanding;
use crate::user::User;
use crate::{Date, GroupId, Name, Result, TaskId, UserId};

/// Users, in a transaction.
pub trait Users {
    /// The user with this id.
    fn user(&self, id: UserId) -> Result<Option<User>>;

    /// The user with this id, and its standing, which the service and admins control.
    fn user_standing(&self, id: UserId) -> Result<Option<(User, UserStanding)>>;

    /// Those of these users who are suspended at `now`, in any order. The caller must bound their number.
    fn users_suspended(&self, ids: &[UserId], now: Date) -> Result<Vec<UserId>>;

    /// How user names are compared. See [`Store::name_case`](super::Store::name_case).
    fn name_case(&self) -> NameCase;

    /// The users that these names [refer to](Name::finds_same), in the order of `names`. `None` for unknown
    /// names.
    fn users_named(&self, names: &[Name]) -> Result<Vec<Option<User>>>;

    /// The user that this name refers to.
    fn user_named(&self, name: &Name) -> Result<Option<User>> {
        Ok(self.users_named(std::slice::from_ref(name))?.pop().flatten())
    }

    /// The user that this name refers to, with the facts that decide how it may sign in.
    fn identity(&self, name: &Name) -> Result<Option<Identity>>;

    /// The profiles of these users, in the order of `ids`. `None` for users who do not exist.
    fn details(&self, ids: &[UserId]) -> Result<Vec<Option<Details>>>;

    /// The names of those of these users who exist, in any order. The caller must bound their number.
    fn user_names(&self, ids: &[UserId]) -> Result<Vec<(UserId, Name)>>;

    /// The profiles of those of these users who have a display name or an avatar or are bots, in ascending
    /// order of name. While no user has any of these, this costs a single index lookup, however many `ids`
    /// there are.
    fn cards(&self, ids: &[UserId]) -> Result<Vec<ProfileCard>>;

    /// Up to `limit` users after `after`, in order of creation.
    fn users_page(&self, after: Option<UserId>, limit: usize) -> Result<Vec<User>>;

    /// Up to `limit` users after `after`, in order of creation, whose name or display name begins with
    /// `prefix`. Names are compared by their [search keys](crate::text::search_key), and `prefix` must be
    /// such a key.
    fn users_matching(&self, prefix: &str, after: Option<UserId>, limit: usize) -> Result<Vec<User>>;

    /// Creates a user with the origin [`Origin::Host`]. Returns `None` and changes nothing if another user
    /// holds one of the name's [claims](Name::claims), or if exactly one of two names is ASCII and they would
    /// share a claim with [`NameCase::Folded`]. Ids ascend and are never reused.
    fn user_insert(&mut self, name: &Name, special: bool, now: Date) -> Result<Option<User>>;

    /// Renames a user. Returns `false` and changes nothing if another user holds one of the new name's
    /// claims. The user's own claims do not count.
    fn user_rename(&mut self, id: UserId, name: &Name) -> Result<bool>;

    /// Removes a user with its password, tokens and relations, and stores `task` to erase the remainder. From
    /// here on, the user is in no group, its messages read as erased, and no log shows its names.
    fn user_delete(&mut self, id: UserId, task: TaskId) -> Result<()>;

    /// A group in which a deleted user still has a membership, with its role.
    fn trace_as_member(&self, user: UserId) -> Result<Option<(GroupId, Role)>>;

    /// A group of which a deleted user was a member.
    fn trace_as_former(&self, user: UserId) -> Result<Option<GroupId>>;

    /// Deletes the record that a deleted user was a member of a group. Its messages there must already be
    /// erased.
    fn trace_delete(&mut self, user: UserId, group: GroupId) -> Result<()>;

    /// Removes the names of a deleted user from at most `limit` log entries. Returns the number of these
    /// entries.
    fn names_delete(&mut self, user: UserId, limit: usize) -> Result<usize>;

    /// The user's password as a PHC string. None if it has none.
    fn password(&self, id: UserId) -> Result<Option<String>>;

    /// Sets the user's password to a PHC string.
    fn password_set(&mut self, id: UserId, phc: &str) -> Result<()>;

    /// Removes the user's password, if it has one.
    fn password_delete(&mut self, id: UserId) -> Result<()>;

    /// Sets the time at which these users were last seen.
    fn last_seen_set(&mut self, users: &[UserId], at: Date) -> Result<()>;

    fn origin_set(&mut self, id: UserId, origin: Origin) -> Result<()>;

    /// Replaces the editable part of a user's details: everything except for the origin, the dates and the
    /// setting.
    fn profile_set(&mut self, id: UserId, details: &Details) -> Result<()>;

    /// Sets whether a user is an admin, and its suspension.
    fn user_standing_set(&mut self, id: UserId, standing: &UserStanding) -> Result<()>;

    /// Reserves claims until a date. Claims that are reserved for longer keep their later date.
    fn names_hold(&mut self, claims: &[String], until: Date) -> Result<()>;

    /// Whether one of these claims is reserved beyond `now`.
    fn names_held(&self, claims: &[String], now: Date) -> Result<bool>;

    /// Ends the reservation of claims.
    fn names_release(&mut self, claims: &[String]) -> Result<()>;

    /// Removes at most 1000 reservations that ended before `now`. Returns their number.
    fn names_purge(&mut self, now: Date) -> Result<usize>;
}
