//! A user's own settings of a group, which nobody else sees.

use crate::Date;
use crate::profile::FieldUpdate;

/// The messages of a group of which a user wants to be notified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Notify {
    #[default]
    All,
    Mentions,
    None,
}

impl Notify {
    /// Every value.
    pub const ALL: [Self; 3] = [Self::All, Self::Mentions, Self::None];

    /// Parses the wire form.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|notify| notify.as_str() == text)
    }

    /// The wire form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Mentions => "mentions",
            Self::None => "none",
        }
    }
}

/// A member's own settings of a group. A new member has the default ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GroupSettings {
    pub notify: Notify,
    /// The group is muted until then.
    pub muted_until: Option<Date>,
    /// Whether the group is hidden. Its next message ends that.
    pub hidden: bool,
    pub pinned: bool,
    /// Whether the user has marked the group as unread. The next read mark ends that.
    pub marked_unread: bool,
}

/// Changes of a member's own settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupSettingsUpdate {
    pub notify: Option<Notify>,
    pub muted_until: FieldUpdate<Date>,
    pub hidden: Option<bool>,
    pub pinned: Option<bool>,
    pub marked_unread: Option<bool>,
}

impl GroupSettingsUpdate {
    /// The settings after the change.
    pub fn after(&self, before: GroupSettings) -> GroupSettings {
        GroupSettings {
            notify: self.notify.unwrap_or(before.notify),
            muted_until: self.muted_until.clone().after(before.muted_until),
            hidden: self.hidden.unwrap_or(before.hidden),
            pinned: self.pinned.unwrap_or(before.pinned),
            marked_unread: self.marked_unread.unwrap_or(before.marked_unread),
        }
    }
}
