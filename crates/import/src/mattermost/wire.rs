//! The parts of Mattermost's export that are read. Any key may be missing or null.

use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Line {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) version: Option<i64>,
    pub(super) team: Option<Team>,
    pub(super) channel: Option<Channel>,
    pub(super) user: Option<MattermostUser>,
    pub(super) bot: Option<MattermostUser>,
    pub(super) post: Option<Post>,
    pub(super) direct_channel: Option<DirectChannel>,
    pub(super) direct_post: Option<Post>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Team {
    pub(super) name: Option<String>,
    pub(super) display_name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Channel {
    pub(super) team: Option<String>,
    pub(super) name: Option<String>,
    pub(super) display_name: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) header: Option<String>,
    pub(super) purpose: Option<String>,
    #[serde(alias = "delete_at")]
    pub(super) deleted_at: Option<i64>,
}

/// A user, or a bot.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct MattermostUser {
    pub(super) username: Option<String>,
    pub(super) nickname: Option<String>,
    pub(super) first_name: Option<String>,
    pub(super) last_name: Option<String>,
    pub(super) display_name: Option<String>,
    pub(super) teams: Option<Vec<UserTeam>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct UserTeam {
    pub(super) name: Option<String>,
    pub(super) channels: Option<Vec<UserChannel>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct UserChannel {
    pub(super) name: Option<String>,
    pub(super) roles: Option<String>,
    pub(super) last_viewed_at: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct DirectChannel {
    pub(super) members: Option<Vec<String>>,
    pub(super) participants: Option<Vec<Participant>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Participant {
    pub(super) username: Option<String>,
    pub(super) last_viewed_at: Option<i64>,
}

/// A post, a direct post, or a reply to one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Post {
    pub(super) team: Option<String>,
    pub(super) channel: Option<String>,
    pub(super) channel_members: Option<Vec<String>>,
    pub(super) user: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) message: Option<String>,
    pub(super) props: Option<Value>,
    pub(super) create_at: Option<i64>,
    pub(super) edit_at: Option<i64>,
    pub(super) reactions: Option<Vec<MattermostReaction>>,
    pub(super) replies: Option<Vec<Post>>,
    pub(super) attachments: Option<Vec<AttachedPath>>,
    pub(super) is_pinned: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct MattermostReaction {
    pub(super) user: Option<String>,
    pub(super) create_at: Option<i64>,
    pub(super) emoji_name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AttachedPath {
    pub(super) path: Option<String>,
}

impl MattermostUser {
    /// The display name.
    pub(super) fn shown(&self) -> Option<String> {
        let whole =
            [&self.first_name, &self.last_name].map(|name| name.as_deref().unwrap_or_default().trim());
        let whole = whole.join(" ").trim().to_owned();
        let names = [self.nickname.clone(), self.display_name.clone(), Some(whole)];
        names.into_iter().flatten().map(|name| name.trim().to_owned()).find(|name| !name.is_empty())
    }
}
