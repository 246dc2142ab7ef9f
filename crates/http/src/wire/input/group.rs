//! Payloads about groups.

use chinwag_core::app::ban::BanUpdate;
use chinwag_core::app::group::{Create, Leave, Roles};
use chinwag_core::app::group_settings::ChangeGroupSettings;
use chinwag_core::app::group_update::Update;
use chinwag_core::app::private::Open;
use chinwag_core::app::resume::Resume;
use chinwag_core::group_details::{Description, GroupDetailsUpdate, KeepDays, SlowMode};
use chinwag_core::group_settings::{GroupSettingsUpdate, Notify};
use chinwag_core::limits::{DESCRIPTION_CHARS, KEEP_DAYS, SLOW_SECONDS};
use chinwag_core::profile::{Avatar, Data, FieldUpdate};
use chinwag_core::rate::Cost;
use chinwag_core::{Date, GroupId, GroupName, Name, Seq};
use serde_json::{Value as Schema, json};

use super::fields::Fields;
use super::json::Value;
use super::payload::{KeyValue, RestPayload, payload};
use crate::wire::key::{HEADS_AT_ONCE, Need};

pub(crate) const REST: &[RestPayload] =
    &[NewGroup::REST, GroupPatch::REST, GroupMePatch::REST, InName::REST, PrivatePair::REST];

payload! {
    /// A group to create. A user in several lists gets the highest role.
    pub struct NewGroup {
        /// The owner. A user's own name may be left out.
        author [rest_only()]: Option<Name>,
        /// The group's name: 1 to 200 characters.
        name: GroupName,
        /// The admins.
        admins: Vec<Name>,
        /// The members.
        members: Vec<Name>,
        /// The restricted members, who may only read.
        restricts: Vec<Name>,
        /// The description: at most 1,000 characters, with line breaks.
        description: FieldUpdate<Description>,
        /// The id of an image that the owner uploaded, or the `https` address of a picture. Users set an address only with
        /// `users.avatar_urls`.
        avatar: FieldUpdate<Avatar>,
        /// The host application's own object of at most 4 KiB.
        data: FieldUpdate<Data>,
        /// Whether anyone may join.
        open: Option<bool>,
        /// The seconds between two messages of one member below admin, 0 to 21,600; 0 for no limit.
        slow: Option<SlowMode>,
        /// The days after which its messages are erased, 1 to 36,500, or null for never. In a private group for services.
        keep: FieldUpdate<KeepDays>,
    }
}

payload! {
    /// The changes of a group.
    pub struct GroupPatch {
        /// The acting user. A service that omits it may make any change.
        author [rest_only(), actor()]: Option<Name>,
        /// The new name.
        name: Option<GroupName>,
        /// The new owner, a list of one member.
        owner: OneName,
        /// Users to add or promote as admins.
        admins: Vec<Name>,
        /// Users to add as members.
        members: Vec<Name>,
        /// Users who may only read from now on.
        restricts: Vec<Name>,
        /// Members to remove.
        remove: Vec<Name>,
        /// Users to ban: they cannot join or be added. Members among them are removed.
        ban: Vec<Name>,
        /// Users to unban, before others are added.
        unban: Vec<Name>,
        /// The description: at most 1,000 characters, with line breaks. Null or the empty text for none.
        description: FieldUpdate<Description>,
        /// The id of an image that the acting user uploaded, or the `https` address of a picture, or null for none. Users
        /// set an address only with `users.avatar_urls`.
        avatar: FieldUpdate<Avatar>,
        /// The host application's own object of at most 4 KiB, or null for none. In a private group for services.
        data: FieldUpdate<Data>,
        /// Whether anyone may join.
        open: Option<bool>,
        /// The seconds between two messages of one member below admin, 0 to 21,600; 0 for no limit.
        slow: Option<SlowMode>,
        /// The days after which its messages are erased, 1 to 36,500, or null for never. In a private group for services.
        keep: FieldUpdate<KeepDays>,
    }
}

payload! {
    /// Changes of a user's own settings of a group. Those that are left out stay as they are.
    pub struct GroupMePatch {
        /// The user. A user's own name may be left out.
        author [rest_only(), actor()]: Option<Name>,
        /// The messages of which the user wants notifications: `all`, `mentions` or `none`.
        notify: Option<Notify>,
        /// The date until which the group is muted, or null for now.
        muted_until: FieldUpdate<Date>,
        /// Whether the group is hidden, which ends with its next message.
        hidden: Option<bool>,
        /// Whether the group is pinned.
        pinned: Option<bool>,
        /// Whether the group is marked as unread, which ends with the next read mark.
        marked_unread: Option<bool>,
    }
}

payload! {
    /// The user in whose name a service acts.
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
    /// The positions in its groups' logs up to which a client has received them.
    pub struct HeldNumbers {
        /// The last received number of each group, by its id: at most 1,000.
        groups: Heads,
        /// The id of the history to which these numbers belong. If the server has a different one, every group is
        /// refused with `history_changed`.
        history: Option<String>,
        /// Whether to send also the changes outside of these groups: other groups, groups that you have left, profiles,
        /// relations, and your own marks and settings.
        all: Option<bool>,
        /// The `since` of the last `sync.done`: `all` then returns only the changes after it. Default: everything.
        since: Option<String>,
        /// Whether further groups follow in another `sync.resume`, whose `sync.done` covers all of them.
        more: Option<bool>,
    }
}

/// The keys of [`NewGroup`] and [`GroupPatch`] that list users.
const LISTS: [&str; 6] = ["admins", "members", "restricts", "remove", "ban", "unban"];

/// The cost of a [`NewGroup`].
pub fn new_cost(payload: &[u8]) -> Cost {
    Cost::Group(names(payload))
}

/// The cost of a [`GroupPatch`].
pub fn patch_cost(payload: &[u8]) -> Cost {
    Cost::Members(names(payload))
}

/// The number of users that a payload lists, with repetitions.
fn names(payload: &[u8]) -> usize {
    Fields::parse(payload).map_or(0, |fields| LISTS.iter().map(|key| fields.count(key)).sum())
}

impl NewGroup {
    /// The command that creates the group.
    pub fn command(self) -> Create {
        let Self { author, name, admins, members, restricts, description, avatar, data, open, slow, keep } =
            self;
        let details = GroupDetailsUpdate { description, avatar, data, is_open: open, slow, keep };
        Create { author, name, roles: Roles { admins, members, restricts }, details }
    }
}

impl GroupPatch {
    /// The command that changes a group.
    pub fn command(self, group: GroupId) -> Update {
        let Self { author, name, owner: OneName(owner), admins, members, restricts, remove, .. } = self;
        let Self { ban, unban, description, avatar, data, open, slow, keep, .. } = self;
        let details = GroupDetailsUpdate { description, avatar, data, is_open: open, slow, keep };
        let (roles, bans) = (Roles { admins, members, restricts }, BanUpdate { ban, unban });
        Update { author, group, name, owner, roles, remove, bans, details }
    }
}

impl GroupMePatch {
    /// The command that changes the settings.
    pub fn command(self, group: GroupId) -> ChangeGroupSettings {
        let Self { author, notify, muted_until, hidden, pinned, marked_unread } = self;
        let update = GroupSettingsUpdate { notify, muted_until, hidden, pinned, marked_unread };
        ChangeGroupSettings { author, group, update }
    }
}

impl GroupByGroup {
    /// The command that leaves, accepts or deletes the group.
    pub fn command(self) -> Leave {
        Leave { author: None, group: self.group }
    }
}

impl PrivatePair {
    /// The command that opens the private group. Refuses a payload that names neither one user nor two.
    pub fn command(self, fields: &mut Fields<'_>) -> Option<Open> {
        match (self.user, <[Name; 2]>::try_from(self.users)) {
            (_, Ok([a, b])) => Some(Open::Between(a, b)),
            (Some(user), Err(users)) if users.is_empty() => Some(Open::With(user)),
            (user, Err(users)) => {
                if !fields.has_refused("users") {
                    if user.is_none() && users.is_empty() {
                        fields.require("user");
                    }
                    fields.refuse("users", "must be a list of two names");
                }
                None
            }
        }
    }
}

impl HeldNumbers {
    /// The command that resumes.
    pub fn command(self) -> Resume {
        let Self { groups, history, all, since, more } = self;
        let (history, changed_since) =
            (history.map(String::into_boxed_str), since.map(String::into_boxed_str));
        let (all, more) = (all.unwrap_or(false), more.unwrap_or(false));
        Resume { since: groups.0, history, all, changed_since, more }
    }
}

/// A list of at most one name: the wire form of a group's owner.
pub struct OneName(pub Option<Name>);

impl KeyValue for OneName {
    const NEED: Need = Need::Optional;

    fn schema() -> Schema {
        json!({"type": "array", "items": Name::schema(), "maxItems": 1})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        let mut names = fields.names(key);
        if names.len() > 1 {
            fields.refuse(key, "must be a list of one name");
        }
        Some(Self(names.pop()))
    }
}

/// The last known log position of each group.
pub struct Heads(pub Vec<(GroupId, Seq)>);

impl KeyValue for Heads {
    const NEED: Need = Need::Required;

    fn schema() -> Schema {
        json!({
            "type": "object",
            "propertyNames": {"format": "uuid"},
            "maxProperties": HEADS_AT_ONCE,
            "additionalProperties": Option::<Seq>::schema(),
        })
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        Some(Self(fields.heads(key)))
    }
}

impl KeyValue for FieldUpdate<Description> {
    const NEED: Need = Need::Optional;

    fn schema() -> Schema {
        json!({"type": "string", "maxLength": DESCRIPTION_CHARS})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        Some(match fields.text_update(key, Description::parse) {
            FieldUpdate::Set(Some(description)) => FieldUpdate::Set(description),
            FieldUpdate::Set(None) | FieldUpdate::Clear => FieldUpdate::Clear,
            FieldUpdate::Keep => FieldUpdate::Keep,
        })
    }
}

impl KeyValue for Option<SlowMode> {
    const NEED: Need = Need::NotNull;

    fn schema() -> Schema {
        json!({"type": "integer", "minimum": 0, "maximum": SLOW_SECONDS})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        let seconds = match fields.take(key) {
            None => return Some(None),
            Some(Value::Integer(seconds)) => seconds,
            Some(_) => -1,
        };
        Some(fields.parsed(key, SlowMode::seconds(seconds)))
    }
}

impl KeyValue for FieldUpdate<KeepDays> {
    const NEED: Need = Need::Optional;

    fn schema() -> Schema {
        json!({"type": "integer", "minimum": 1, "maximum": KEEP_DAYS})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        let days = match fields.take(key) {
            None => return Some(Self::Keep),
            Some(Value::Null) => return Some(Self::Clear),
            Some(Value::Integer(days)) => days,
            Some(_) => 0,
        };
        Some(fields.parsed(key, KeepDays::days(days)).map_or(Self::Keep, Self::Set))
    }
}
