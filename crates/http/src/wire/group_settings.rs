//! The event about a user's own settings of a group.

use chinwag_core::group_settings::{GroupSettings, Notify};
use chinwag_core::{Date, GroupId};
use uuid::Uuid;

use super::server_event::{Numbered, server_event};

server_event! {
    /// The user's own settings of a group changed.
    "group.me", Never
    pub struct GroupSettingsChanged {
        /// The group.
        group: Uuid,
        /// The messages of which the user wants notifications.
        notify: Notify,
        /// The date until which the group is muted.
        muted_until: Option<Date>,
        /// Whether the group is hidden, which ends with its next message.
        hidden: bool,
        /// Whether the group is pinned.
        pinned: bool,
        /// Whether the user has marked the group as unread, which ends with the next read mark.
        marked_unread: bool,
        /// Whether the user has yet to accept the group.
        pending: bool,
    }
}

impl GroupSettingsChanged {
    /// The event for the settings of a group after a change.
    pub fn new(group: GroupId, settings: &GroupSettings, pending: bool) -> Self {
        let GroupSettings { notify, muted_until, hidden, pinned, marked_unread } = *settings;
        Self { group: group.0, notify, muted_until, hidden, pinned, marked_unread, pending }
    }
}
