//! Reactions to messages.

use std::sync::{Arc, LazyLock};

use crate::message::Message;
use crate::{Date, GroupId, MessageId, Name, Seq, UserId};

/// The most different emoji on one message.
pub const REACTIONS: usize = 20;
/// The most users that a message lists per reaction.
pub const SHOWN_REACTORS: usize = 20;
/// The most messages that one log entry lists as having lost the reactions of a deleted user.
pub const MAX_LOST_PER_ENTRY: usize = 200;

/// The version of Unicode whose emoji are valid reactions.
pub const UNICODE: &str = "17.0";

/// The emoji recommended for general interchange (RGI, UTS 51), one per line, in ascending order of their
/// text without U+FE0F. Generated from emojibase-data 17.0.0 (MIT), whose list is that of Unicode 17.0. Each
/// line was checked against the property `RGI_Emoji`.
static RGI: LazyLock<Vec<&str>> = LazyLock::new(|| include_str!("reaction/emoji.txt").lines().collect());

/// The selector of the emoji presentation. It is often omitted or repeated.
const SELECTOR: char = '\u{fe0f}';
/// An upper bound for the length of an emoji, even with a selector after each character.
const FORM_BYTES: usize = 100;
/// The longest name between colons, in characters.
const NAME_CHARS: usize = 32;

/// A reaction: an emoji of [`UNICODE`], or a name between colons.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Emoji(Arc<str>);

impl Emoji {
    /// Parses an emoji and converts it to the form that UTS 51 recommends. The error completes a sentence
    /// that begins with the field's name.
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
    // A selector must follow another character.
    if text.len() > FORM_BYTES || text.starts_with(SELECTOR) {
        return None;
    }
    let at = RGI.binary_search_by(|emoji| bare(emoji).cmp(bare(text))).ok()?;
    RGI.get(at).copied()
}

/// The users who reacted to a message with one emoji, as far as the message lists them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    pub emoji: Emoji,
    /// The number of all users.
    pub count: u32,
    /// The first users, at most [`SHOWN_REACTORS`], in order of their reactions.
    pub users: Vec<UserId>,
    /// The current names of `users`, in the same order.
    pub names: Vec<Name>,
    /// Whether the receiver is among all users. None if the message was not read for one receiver.
    pub mine: Option<bool>,
}

/// One user's reaction to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaction {
    /// The number of its entry in the group's log.
    pub seq: Seq,
    /// The user's current name.
    pub name: Name,
    pub emoji: Emoji,
    pub date: Date,
}

/// A reaction that was added or removed, with the tally after that.
#[derive(Debug, Clone, PartialEq)]
pub struct Reacted {
    pub id: MessageId,
    pub group: GroupId,
    /// The user who added or removed the reaction.
    pub name: Name,
    pub emoji: Emoji,
    /// True if added, false if removed.
    pub on: bool,
    /// The number of users with this reaction now.
    pub count: u32,
    /// The first of these users, as in a [`Tally`].
    pub names: Vec<Name>,
}

impl Reacted {
    /// The event of a user's reaction. `message` has its current reactions.
    pub fn new(message: &Message, name: Name, emoji: Emoji, on: bool) -> Self {
        let tally = message.reactions.iter().find(|tally| tally.emoji == emoji);
        let (count, names) = tally.map(|tally| (tally.count, tally.names.clone())).unwrap_or_default();
        Self { id: message.id, group: message.group, name, emoji, on, count, names }
    }
}

impl Tally {
    /// A tally whose names are not set.
    pub fn new(emoji: Emoji, count: u32, users: Vec<UserId>) -> Self {
        Self { emoji, count, users, names: Vec::new(), mine: None }
    }

    /// Encodes the tally as a field of a message's detail: the count, the number of listed users and their
    /// ids, then the emoji up to the end.
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

    /// Sets the names. Users for whom `name` returns none are deleted; they are left out and not counted.
    pub fn name_users(&mut self, name: impl Fn(UserId) -> Option<Name>) {
        let found = self.users.iter().filter_map(|user| Some((*user, name(*user)?)));
        let (users, names): (Vec<_>, Vec<_>) = found.unzip();
        let gone = u32::try_from(self.users.len() - users.len()).unwrap_or(0);
        (self.users, self.names, self.count) = (users, names, self.count.saturating_sub(gone));
    }

    /// Whether a user is among all users. None if the user is not listed and the list is incomplete.
    pub fn has(&self, user: UserId) -> Option<bool> {
        let is_shown = self.users.contains(&user);
        let are_all = usize::try_from(self.count) == Ok(self.users.len());
        (is_shown || are_all).then_some(is_shown)
    }

    /// The approximate size on the wire, in bytes.
    pub fn size(&self) -> usize {
        64 + self.names.iter().map(|name| name.as_str().len() + 3).sum::<usize>()
    }

    /// Whether the list has room for another user.
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
    fn deleted_reactors_are_not_counted() {
        let mut tally = Tally::new(Emoji::stored("👍"), 3, vec![UserId(1), UserId(2), UserId(3)]);
        tally.name_users(|user| (user != UserId(2)).then(|| Name::stored("x")));
        assert_eq!((tally.count, tally.users, tally.names.len()), (2, vec![UserId(1), UserId(3)], 2));
    }
}
