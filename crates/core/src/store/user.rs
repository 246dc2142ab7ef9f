//! Users and their passwords, as a store keeps them.

use crate::name::NameCase;
use crate::permission::Role;
use crate::profile::{Details, Identity, Origin, ProfileCard};
use crate::suspension::UserStanding;
use crate::user::User;
use crate::{Date, GroupId, Name, Result, TaskId, UserId};

/// Users, in a transaction.
pub trait Users {
    /// The user with this number.
    fn user(&self, id: UserId) -> Result<Option<User>>;

    /// The user with this number, and what the service and admins have decided of it.
    fn user_standing(&self, id: UserId) -> Result<Option<(User, UserStanding)>>;

    /// Those of these users who are suspended at `now`, in any order. Bounded by the caller.
    fn users_suspended(&self, ids: &[UserId], now: Date) -> Result<Vec<UserId>>;

    /// The comparison of names, as [`Store::name_case`](super::Store::name_case) says.
    fn name_case(&self) -> NameCase;

    /// The users whom these names [find](Name::finds_same), in the order of `names`: `None` where there is none.
    fn users_named(&self, names: &[Name]) -> Result<Vec<Option<User>>>;

    /// The user whom this name finds.
    fn user_named(&self, name: &Name) -> Result<Option<User>> {
        Ok(self.users_named(std::slice::from_ref(name))?.pop().flatten())
    }

    /// The user whom this name finds, and its origin.
    fn identity(&self, name: &Name) -> Result<Option<Identity>>;

    /// The profiles of these users, in the order of `ids`: `None` where there is none.
    fn details(&self, ids: &[UserId]) -> Result<Vec<Option<Details>>>;

    /// The names of those of these users who exist, in any order. Bounded by the caller.
    fn user_names(&self, ids: &[UserId]) -> Result<Vec<(UserId, Name)>>;

    /// The profiles of those of these users who have a display name or an avatar, or are bots, in ascending order of
    /// name. While no user has any, this costs one look into an index, however many `ids` there are.
    fn cards(&self, ids: &[UserId]) -> Result<Vec<ProfileCard>>;

    /// Up to `limit` users in order of their making, those after `after`.
    fn users_page(&self, after: Option<UserId>, limit: usize) -> Result<Vec<User>>;

    /// Up to `limit` users in order of their making, those after `after`, whose name or display name begins with
    /// `prefix`. Both are compared by their [search keys](crate::text::search_key), which `prefix` must be one of.
    fn users_matching(&self, prefix: &str, after: Option<UserId>, limit: usize) -> Result<Vec<User>>;

    /// Makes a user. `None`, and nothing changed, if another holds one of the name's
    /// [claims](Name::claims), or if one of both is ASCII, the other is not, and both would have a claim in
    /// common with [`NameCase::Folded`]. Its origin is [`Origin::Host`]. Numbers ascend and are never reused.
    fn user_insert(&mut self, name: &Name, special: bool, now: Date) -> Result<Option<User>>;

    /// Gives a user another name. `false`, and nothing changed, if another user holds one of its
    /// claims; one's own are no hindrance.
    fn user_rename(&mut self, id: UserId, name: &Name) -> Result<bool>;

    /// Removes a user with its password, tokens and relations, and keeps `task` to erase the rest. From
    /// here on it is in no group, its messages read as erased, and no log has its names.
    fn user_delete(&mut self, id: UserId, task: TaskId) -> Result<()>;

    /// A group in which a user who is no more still has a membership, with its role there.
    fn trace_as_member(&self, user: UserId) -> Result<Option<(GroupId, Role)>>;

    /// A group that a user who is no more was once in.
    fn trace_as_former(&self, user: UserId) -> Result<Option<GroupId>>;

    /// Forgets that a user who is no more was once in a group. Its messages there must be erased before.
    fn trace_delete(&mut self, user: UserId, group: GroupId) -> Result<()>;

    /// Takes the names of a user who is no more out of the logs of groups, at most `limit` entries; answers
    /// of how many.
    fn names_delete(&mut self, user: UserId, limit: usize) -> Result<usize>;

    /// The user's password as a PHC string, if it has one.
    fn password(&self, id: UserId) -> Result<Option<String>>;

    /// Sets the user's password, a PHC string.
    fn password_set(&mut self, id: UserId, phc: &str) -> Result<()>;

    /// Takes the user's password away, if it has one.
    fn password_delete(&mut self, id: UserId) -> Result<()>;

    /// Sets the time at which these users were last seen.
    fn last_seen_set(&mut self, users: &[UserId], at: Date) -> Result<()>;

    /// Sets where a user comes from.
    fn origin_set(&mut self, id: UserId, origin: Origin) -> Result<()>;

    /// Sets what may change of a user's details: all but the origin, the dates and the setting.
    fn profile_set(&mut self, id: UserId, details: &Details) -> Result<()>;

    /// Sets whether a user is an admin, and its suspension.
    fn user_standing_set(&mut self, id: UserId, standing: &UserStanding) -> Result<()>;

    /// Holds claims until a date, or until the later one where they are held already.
    fn names_hold(&mut self, claims: &[String], until: Date) -> Result<()>;

    /// Whether one of these claims is held beyond `now`.
    fn names_held(&self, claims: &[String], now: Date) -> Result<bool>;

    /// Lets claims go.
    fn names_release(&mut self, claims: &[String]) -> Result<()>;

    /// Lets go of claims that were held until before `now`, at most 1000 at a time; answers how many.
    fn names_purge(&mut self, now: Date) -> Result<usize>;
}
