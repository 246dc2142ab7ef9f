//! A user's own settings of a group.

use reqwest::Method;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::Error;
use crate::rest::Rest;

/// A user's own settings of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of its own on the wire")]
pub struct Me {
    /// The messages for which the user wants notifications.
    pub notify: Notify,
    /// The date until which the group is muted.
    pub muted_until: Option<String>,
    /// Whether the group is hidden. Its next message makes it visible.
    pub hidden: bool,
    /// Whether the group is pinned.
    pub pinned: bool,
    /// Whether the user has marked the group as unread. Setting the read mark clears this.
    pub marked_unread: bool,
    /// The number of unread messages that mention the user, counted up to 100. Always 0 in events of
    /// settings.
    pub mentioned: u32,
    /// Whether the user has not accepted the group yet.
    pub pending: bool,
}

/// The messages for which a user wants notifications.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Notify {
    /// All messages.
    #[default]
    All,
    /// Messages that mention the user.
    Mentions,
    /// No messages.
    None,
}

/// Changes of the user's own settings of a group. `None` keeps a setting.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MeChange {
    /// The messages for which the user wants notifications.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notify: Option<Notify>,
    /// The date until which the group is muted. `Some(None)` unmutes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub muted_until: Option<Option<String>>,
    /// Whether the group is hidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden: Option<bool>,
    /// Whether the group is pinned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned: Option<bool>,
    /// Whether the group is marked as unread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marked_unread: Option<bool>,
}

/// The user's own settings of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupSettings {
    pub group: Uuid,
    #[serde(flatten)]
    pub me: Me,
}

impl Rest {
    /// Changes the user's own settings of a group, and returns all of them.
    pub async fn change_settings(&self, group: Uuid, change: &MeChange) -> Result<Me, Error> {
        self.call(Method::PATCH, &format!("groups/{group}/me/"), Some(change)).await
    }
}
