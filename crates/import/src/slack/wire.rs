//! The parts of Slack's JSON that are read. Any key may be missing or null.

use serde::Deserialize;
use serde_json::Value;

use crate::foreign::ForeignUser;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SlackUser {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) real_name: Option<String>,
    pub(super) is_bot: Option<bool>,
    pub(super) profile: Option<SlackProfile>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SlackProfile {
    pub(super) name: Option<String>,
    pub(super) display_name: Option<String>,
    pub(super) real_name: Option<String>,
    pub(super) bot_id: Option<String>,
}

/// A channel or a conversation.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Conversation {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) creator: Option<String>,
    pub(super) is_archived: Option<bool>,
    pub(super) members: Option<Vec<String>>,
    pub(super) topic: Option<SlackText>,
    pub(super) purpose: Option<SlackText>,
    pub(super) pins: Option<Vec<SlackPin>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SlackText {
    pub(super) value: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SlackPin {
    pub(super) id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SlackMessage {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) subtype: Option<String>,
    pub(super) ts: Option<String>,
    pub(super) thread_ts: Option<String>,
    pub(super) user: Option<String>,
    pub(super) user_profile: Option<SlackProfile>,
    pub(super) bot_id: Option<String>,
    pub(super) bot_profile: Option<SlackProfile>,
    pub(super) username: Option<String>,
    pub(super) text: Option<String>,
    pub(super) edited: Option<SlackEdit>,
    pub(super) reactions: Option<Vec<SlackReaction>>,
    pub(super) files: Option<Vec<Option<SlackFile>>>,
    pub(super) file: Option<SlackFile>,
    pub(super) comment: Option<SlackComment>,
    pub(super) pinned_to: Option<Vec<String>>,
    pub(super) attachments: Option<Vec<Value>>,
    pub(super) blocks: Option<Vec<Value>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SlackEdit {
    pub(super) ts: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SlackReaction {
    pub(super) name: Option<String>,
    pub(super) users: Option<Vec<String>>,
    pub(super) count: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SlackFile {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) title: Option<String>,
    pub(super) mode: Option<String>,
    pub(super) mimetype: Option<String>,
    pub(super) size: Option<u64>,
    pub(super) url_private: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SlackComment {
    pub(super) user: Option<String>,
    pub(super) comment: Option<String>,
}

impl SlackUser {
    pub(super) fn into_foreign(self, key: String) -> ForeignUser {
        let Self { name, real_name, is_bot, profile, .. } = self;
        let profile = profile.unwrap_or_default();
        let shown = [profile.display_name, profile.real_name, real_name].into_iter().flatten();
        let display_name = shown.map(|name| name.trim().to_owned()).find(|name| !name.is_empty());
        let is_bot = is_bot.unwrap_or(false) || key == "USLACKBOT";
        let name = name.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| key.clone());
        ForeignUser { key, name, display_name, is_bot }
    }
}

impl Conversation {
    /// The purpose and the topic.
    pub(super) fn description(&self) -> Option<String> {
        let text = |part: &Option<SlackText>| {
            let value = part.as_ref()?.value.as_ref()?;
            Some(chinwag_core::slack_text::plain(value)).filter(|value| !value.trim().is_empty())
        };
        let (purpose, topic) = (text(&self.purpose), text(&self.topic));
        let texts: Vec<_> =
            purpose.iter().chain(topic.iter().filter(|topic| purpose.as_ref() != Some(topic))).collect();
        let joined = texts.iter().map(|text| text.as_str()).collect::<Vec<_>>().join("\n");
        Some(joined).filter(|joined| !joined.is_empty())
    }
}
