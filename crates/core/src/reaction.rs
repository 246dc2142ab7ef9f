//! Reactions to messages.

use std::sync::{Arc, LazyLock};

use crate::message::Message;
use crate::{Date, GroupId, MessageId, Name, Seq, UserId};

/// Different reactions of a message.
pub const REACTIONS: usize = 20;
/// The number of users whom a message names for each of its reactions.
pub const SHOWN_REACTORS: usize = 20;
/// The most reactions that one log entry takes from messages, as their user is no more.
pub const LOST_TOGETHER: usize = 200;

/// The version of Unicode whose emoji may be reactions.
pub const UNICODE: &str = "17.0";

/// The emoji that are recommended for general interchange (UTS 51), a line each, in ascending order without
/// U+FE0F. Made from emojibase-data 17.0.0 (MIT), whose list is that of Unicode 17.0; each line was checked against
/// the property `RGI_Emoji`.
static RGI: LazyLock<Vec<&str>> = LazyLock::new(|| include_str!("reaction/emoji.txt").lines().collect());

/// The selector of the emoji presentation, which is often left out or repeated.
const SELECTOR: char = '\u{fe0f}';
/// No form of an emoji is longer, even with a selector after each character.
const FORM_BYTES: usize = 100;
/// Characters of a name between colons.
const NAME_CHARS: usize = 32;

/// An emoji of [`UNICODE`], or a name between colons, that a user adds to a message.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Emoji(Arc<str>);

impl Emoji {
    /// Parses an emoji, and gives it the form that UTS 51 recommends. The error completes a sentence that
    /// begins with the field's name.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let found = if is_name(text) { Some(text) } else { recommended(text) };
        found.map(|text| Self(text.into())).ok_or("must be one emoji, or a name such as :tada:")
    }

    /// An emoji from the store.
    pub fn stored(text: &str) -> Self {
        Self(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_name(text: &str) -> bool {
    let Some(name) = text.strip_prefix(':').and_then(|text| text.strip_suffix(':')) else { return false };
    (1..=NAME_CHARS).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+-".contains(&byte))
}

fn recommended(text: &str) -> Option<&'static str> {
    fn bare(text: &str) -> impl Iterator<Item = char> {
        text.chars().filter(|char| *char != SELECTOR)
    }
    // A selector alone is no emoji, and neither is one that has none before it.
    if text.len() > FORM_BYTES || text.starts_with(SELECTOR) {
        return None;
    }
    let at = RGI.binary_search_by(|emoji| bare(emoji).cmp(bare(text))).ok()?;
    RGI.get(at).copied()
}

/// The users who have added one emoji to a message, as the message shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    pub emoji: Emoji,
    /// The number of users.
    pub count: u32,
    /// The first users, at most [`SHOWN_REACTORS`], in order of their reactions.
    pub users: Vec<UserId>,
    /// Their current names.
    pub names: Vec<Name>,
    /// Whether the receiver is one of all users, if this was read for one receiver.
    pub mine: Option<bool>,
}

/// One reaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaction {
    /// Its number in the group's log.
    pub seq: Seq,
    /// The current name of the user.
    pub name: Name,
    pub emoji: Emoji,
    pub date: Date,
}

/// A reaction that was added or removed, and the users who have it now.
#[derive(Debug, Clone, PartialEq)]
pub struct Reacted {
    /// The message.
    pub id: MessageId,
    pub group: GroupId,
    /// The user who added or removed it.
    pub name: Name,
    pub emoji: Emoji,
    /// Whether it was added.
    pub on: bool,
    /// The number of users who have it.
    pub count: u32,
    /// The first of them, as a [`Tally`] has them.
    pub names: Vec<Name>,
}

impl Reacted {
    /// The reaction of a user to this message, whose reactions are as they stand now.
    pub fn new(message: &Message, name: Name, emoji: Emoji, on: bool) -> Self {
        let tally = message.reactions.iter().find(|tally| tally.emoji == emoji);
        let (count, names) = tally.map(|tally| (tally.count, tally.names.clone())).unwrap_or_default();
        Self { id: message.id, group: message.group, name, emoji, on, count, names }
    }
}

impl Tally {
    /// A tally without names.
    pub fn new(emoji: Emoji, count: u32, users: Vec<UserId>) -> Self {
        Self { emoji, count, users, names: Vec::new(), mine: None }
    }

    /// Its field in a message's detail: a count, the ids of users, and the emoji, which is whatever is left.
    pub(crate) fn stored(&self) -> Vec<u8> {
        let mut value = self.count.to_le_bytes().to_vec();
        value.push(u8::try_from(self.users.len()).unwrap_or(0));
        for user in &self.users {
            value.extend(user.0.to_le_bytes());
        }
        value.extend(self.emoji.as_str().as_bytes());
        value
    }

    pub(crate) fn from_stored(value: &[u8]) -> Option<Self> {
        let (count, rest) = value.split_first_chunk()?;
        let (len, rest) = rest.split_first()?;
        let (users, emoji) = rest.split_at_checked(usize::from(*len) * size_of::<i64>())?;
        let (users, _) = users.as_chunks();
        let users = users.iter().map(|id| UserId(i64::from_le_bytes(*id))).collect();
        Some(Self::new(Emoji::stored(std::str::from_utf8(emoji).ok()?), u32::from_le_bytes(*count), users))
    }

    /// Names the users. Those of whom `name` knows no name are no more: they are left out and not counted.
    pub fn name_users(&mut self, name: impl Fn(UserId) -> Option<Name>) {
        let found = self.users.iter().filter_map(|user| Some((*user, name(*user)?)));
        let (users, names): (Vec<_>, Vec<_>) = found.unzip();
        let gone = u32::try_from(self.users.len() - users.len()).unwrap_or(0);
        (self.users, self.names, self.count) = (users, names, self.count.saturating_sub(gone));
    }

    /// Whether a user is among all users, as far as the first ones tell.
    pub fn has(&self, user: UserId) -> Option<bool> {
        let is_shown = self.users.contains(&user);
        let are_all = usize::try_from(self.count) == Ok(self.users.len());
        (is_shown || are_all).then_some(is_shown)
    }

    /// Its approximate size on the wire.
    pub fn size(&self) -> usize {
        64 + self.names.iter().map(|name| name.as_str().len() + 3).sum::<usize>()
    }

    /// Whether a further user would be shown.
    pub fn has_room(&self) -> bool {
        self.users.len() < SHOWN_REACTORS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_an_emoji_are_stored_as_the_recommended_one() {
        for (text, form) in [
            ("👍", "👍"),
            ("👍\u{fe0f}", "👍"),
            ("\u{2764}", "\u{2764}\u{fe0f}"),
            ("\u{2764}\u{fe0f}\u{fe0f}", "\u{2764}\u{fe0f}"),
            ("👨\u{200d}\u{2764}\u{200d}👨", "👨\u{200d}\u{2764}\u{fe0f}\u{200d}👨"),
            ("#\u{20e3}", "#\u{fe0f}\u{20e3}"),
            ("👍🏽", "👍🏽"),
            ("🇫🇷", "🇫🇷"),
            (":party_parrot:", ":party_parrot:"),
        ] {
            assert_eq!(Emoji::parse(text).expect(text).as_str(), form);
        }
    }

    #[test]
    fn other_text_is_no_emoji() {
        let long = format!(":{}:", "a".repeat(33));
        for text in [
            "",
            "a",
            "👍👍",
            "👍 ",
            "#",
            "1",
            "\u{fe0f}",
            "🇫",
            "🏽",
            "\u{2764}\u{fe0e}",
            "::",
            ":é:",
            ":a b:",
            &long,
        ] {
            assert!(Emoji::parse(text).is_err(), "{text}");
        }
        assert!(Emoji::parse(&format!("👍{}", "\u{fe0f}".repeat(1000))).is_err());
    }

    #[test]
    fn every_listed_emoji_is_found() {
        assert_eq!(RGI.len(), 3944, "those of Unicode 17.0");
        for emoji in RGI.iter() {
            assert_eq!(Emoji::parse(emoji).expect("listed").as_str(), *emoji);
        }
    }

    #[test]
    fn a_user_who_is_no_more_is_not_counted() {
        let mut tally = Tally::new(Emoji::stored("👍"), 3, vec![UserId(1), UserId(2), UserId(3)]);
        tally.name_users(|user| (user != UserId(2)).then(|| Name::stored("x")));
        assert_eq!((tally.count, tally.users, tally.names.len()), (2, vec![UserId(1), UserId(3)], 2));
    }
}
