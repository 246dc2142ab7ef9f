//! Slack's messages.

use chinwag_core::slack_parts::{SlackObject, attachment_texts, block_texts};
use chinwag_core::slack_text;
use chinwag_core::text::is_visible;
use serde_json::Value;

use super::wire::{SlackFile, SlackMessage, SlackProfile};
use super::{SlackReader, unknown_user};
use crate::Result;
use crate::foreign::{ForeignFile, ForeignMessage, ForeignReaction, ForeignUser, MessageKey, UserIndex};
use crate::sources::append_line;

/// The kinds of messages that a person or bot has written. The others are system messages.
const WRITTEN: [&str; 6] =
    ["bot_message", "file_comment", "file_share", "me_message", "slackbot_response", "thread_broadcast"];

/// The key and date of a message, from its `ts`: seconds since 1970 with a fraction.
fn moment(ts: &str) -> Option<MessageKey> {
    let (seconds, fraction) = ts.trim().split_once('.').unwrap_or((ts.trim(), "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(seconds) || !is_number(fraction) || fraction.len() > 6 {
        return None;
    }
    let micros: i64 = format!("{fraction:0<6}").parse().ok()?;
    let micros = seconds.parse::<i64>().ok()?.checked_mul(1_000_000)?.checked_add(micros)?;
    Some(MessageKey { key: format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000), micros })
}

/// The key of a message, from its `ts`.
pub(super) fn key(ts: &str) -> Option<String> {
    moment(ts).map(|moment| moment.key)
}

impl SlackReader<'_> {
    pub(super) fn add_message(&mut self, found: &SlackMessage, day: &str, group: usize) -> Result<()> {
        let at = format!("{day}: {}", found.ts.as_deref().unwrap_or("a message without a date"));
        let kind = found.subtype.as_deref().unwrap_or_default();
        if found.kind.as_deref().is_some_and(|kind| kind != "message") {
            let reason = format!("objects of the type {}", shown(found.kind.as_deref().unwrap_or_default()));
            self.remarks.remark(&reason, &at);
            return Ok(());
        }
        if !kind.is_empty() && !WRITTEN.contains(&kind) {
            self.remarks.remark(&format!("messages of the kind {}", shown(kind)), &at);
            return Ok(());
        }
        let Some(MessageKey { key, micros }) = found.ts.as_deref().and_then(moment) else {
            self.remarks.remark("messages whose ts is no date", &at);
            return Ok(());
        };
        let Some(author) = self.author(found)? else {
            self.remarks.remark("messages without an author", &at);
            return Ok(());
        };
        let root = found.thread_ts.as_deref().and_then(moment).filter(|root| root.key != key);
        let message = ForeignMessage {
            text: text(found),
            root,
            edited: found.edited.as_ref().and_then(|edit| Some(moment(edit.ts.as_deref()?)?.micros)),
            is_pinned: self.facts[group].pins.contains(&key)
                || found.pinned_to.as_ref().is_some_and(|groups| groups.contains(&self.groups[group].key)),
            shown_as: found.username.clone().filter(|name| found.bot_id.is_some() && is_visible(name)),
            reactions: self.reactions(found, &at)?,
            files: self.files(found, &at),
            key,
            author,
            micros,
            at,
        };
        if let Some(authors) = &mut self.facts[group].authors {
            authors.insert(author);
        }
        let newest = &mut self.groups[group].newest;
        *newest = (*newest).max(Some(micros));
        let index = u32::try_from(group).unwrap_or(u32::MAX);
        self.named_files += message.own_files();
        self.messages.push(index, micros, &message)
    }

    /// The author. An author that is not in any list is created from the data in the message.
    fn author(&mut self, found: &SlackMessage) -> Result<Option<UserIndex>> {
        let commenter = found.comment.as_ref().and_then(|comment| comment.user.clone());
        let user = commenter.or_else(|| found.user.clone()).filter(|user| !user.is_empty());
        if let Some(user) = user {
            return self.roster.find(&user, || stranger(&user, found.user_profile.as_ref())).map(Some);
        }
        let username = found.username.as_deref().filter(|name| is_visible(name));
        let bot = found.bot_id.clone().filter(|bot| !bot.is_empty());
        let Some(bot) = bot.or_else(|| username.map(|name| format!("bot {name}"))) else { return Ok(None) };
        let profile = found.bot_profile.as_ref().and_then(|profile| profile.name.as_deref());
        let name = profile.or(username).unwrap_or(&bot).to_owned();
        let make =
            || ForeignUser { display_name: Some(name.clone()), name, is_bot: true, ..ForeignUser::default() };
        self.roster.find(&bot, make).map(Some)
    }

    fn reactions(&mut self, found: &SlackMessage, at: &str) -> Result<Vec<ForeignReaction>> {
        let mut reactions = Vec::new();
        for reaction in found.reactions.iter().flatten() {
            let Some(emoji) = &reaction.name else { continue };
            let users: Vec<_> = reaction.users.iter().flatten().collect();
            if reaction.count.is_some_and(|count| count > users.len() as u64) {
                let what = format!("{at}: {emoji}, of which {} of {:?} users", users.len(), reaction.count);
                self.remarks.remark("reactions whose users the export does not all name", &what);
            }
            for user in users {
                let user = self.roster.find(user, || unknown_user(user))?;
                reactions.push(ForeignReaction { emoji: emoji.clone(), user, micros: None });
            }
        }
        Ok(reactions)
    }

    fn files(&mut self, found: &SlackMessage, at: &str) -> Vec<ForeignFile> {
        let mut files = Vec::new();
        // A comment on a file refers to the file of another message.
        let own = found.file.as_ref().filter(|_| found.comment.is_none());
        for file in found.files.iter().flatten().flatten().chain(own) {
            let SlackFile { id, name, title, mode, mimetype, size, url_private } = file;
            let name = [name, title, id].into_iter().flatten().find(|name| is_visible(name));
            let name = name.cloned().unwrap_or_else(|| "file".into());
            if let Some(mode @ ("tombstone" | "hidden_by_limit")) = mode.as_deref() {
                self.remarks.remark(&format!("files that Slack has as {mode}"), &format!("{at}: {name}"));
                continue;
            }
            // The address of a file within Slack may contain a secret, so it is dropped.
            let link = url_private.clone().filter(|_| mode.as_deref() == Some("external"));
            let (size, media_type) = (size.filter(|_| link.is_none()), mimetype.clone());
            files.push(ForeignFile { key: id.clone().unwrap_or_default(), name, size, media_type, link });
        }
        files
    }
}

/// A user that is created from the profile in a message.
fn stranger(key: &str, profile: Option<&SlackProfile>) -> ForeignUser {
    let Some(profile) = profile else { return unknown_user(key) };
    let visible = |name: &Option<String>| name.clone().filter(|name| is_visible(name));
    ForeignUser {
        name: visible(&profile.name).unwrap_or_else(|| key.to_owned()),
        display_name: visible(&profile.display_name).or_else(|| visible(&profile.real_name)),
        ..ForeignUser::default()
    }
}

/// The text of a message, in Slack's markup. Bots put their texts into blocks or attachments.
fn text(found: &SlackMessage) -> String {
    let comment = found.comment.as_ref().and_then(|comment| comment.comment.clone());
    let mut text = comment.or_else(|| found.text.clone()).unwrap_or_default();
    if !is_visible(&text) {
        for line in found.blocks.iter().flatten().flat_map(|block| block_texts(JsonObject(block))) {
            append_line(&mut text, &line);
        }
    }
    for attachment in found.attachments.iter().flatten() {
        append_attachment(attachment, slack_text::link, &mut text);
    }
    if found.subtype.as_deref() == Some("me_message") && is_visible(&text) {
        text = format!("_{}_", text.trim());
    }
    text
}

/// Appends the texts of an attachment that are not in the message yet, with links in the markup of the
/// service. Skips attachments that are the service's own previews of links.
pub(crate) fn append_attachment(attachment: &Value, link: impl Fn(&str, &str) -> String, text: &mut String) {
    let attachment = JsonObject(attachment);
    if attachment.visible("from_url").or_else(|| attachment.visible("original_url")).is_some() {
        return;
    }
    for line in attachment_texts(attachment, link) {
        if !text.contains(&line) {
            append_line(text, &line);
        }
    }
}

/// A JSON object of an export.
#[derive(Clone, Copy)]
struct JsonObject<'v>(&'v Value);

impl SlackObject for JsonObject<'_> {
    fn text(self, key: &str) -> Option<String> {
        self.0[key].as_str().map(str::to_owned)
    }

    fn object(self, key: &str) -> Option<Self> {
        Some(Self(&self.0[key])).filter(|found| found.0.is_object())
    }

    fn objects(self, key: &str) -> impl Iterator<Item = Self> {
        self.0[key].as_array().into_iter().flatten().filter(|one| one.is_object()).map(Self)
    }
}

/// Shortens a word of the export for a sentence.
fn shown(word: &str) -> String {
    let short: String = word.chars().take(40).filter(|c| !c.is_control()).collect();
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_to_the_microsecond() {
        for (ts, expected) in [
            ("1355517523.000005", Some(("1355517523.000005", 1_355_517_523_000_005))),
            ("1355517523", Some(("1355517523.000000", 1_355_517_523_000_000))),
            ("1355517523.5", Some(("1355517523.500000", 1_355_517_523_500_000))),
            ("9223372036854.775807", Some(("9223372036854.775807", i64::MAX))),
            ("9223372036854.775808", None),
            ("-1.0", None),
            ("1.0000001", None),
            ("", None),
            ("1e9", None),
            ("1.", None),
        ] {
            let found = moment(ts);
            let found = found.as_ref().map(|moment| (moment.key.as_str(), moment.micros));
            assert_eq!(found, expected, "{ts}");
        }
    }
}
