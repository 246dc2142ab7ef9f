//! A user's own settings of a group. Nobody else sees them.

use crate::Date;
use crate::profile::FieldUpdate;

/// The messages of a group that notify the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Notify {
    #[default]
    All,
    Mentions,
    None,
}

impl Notify {
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

/// A member's own settings of a group. New members have the defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GroupSettings {
    pub notify: Notify,
    /// The end of the mute. None: not muted.
    pub muted_until: Option<Date>,
    /// Whether the group is hidden. The next message shows it again.
    pub hidden: bool,
    pub pinned: bool,
    /// Whether the user marked the group as unread. The next read mark clears it.
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
    /// The settings after the update.
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
