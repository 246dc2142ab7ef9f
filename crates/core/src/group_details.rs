//! The details of a group besides its name and members: description, avatar, the host application's data,
//! whether anyone may join, slow mode, and retention.

use std::sync::Arc;

use crate::limits::{DESCRIPTION_CHARS, KEEP_DAYS, SLOW_SECONDS};
use crate::profile::{Avatar, Data, FieldUpdate};
use crate::text::is_visible;

/// The details of a group as stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupDetails {
    pub description: Option<Arc<str>>,
    /// The [`Avatar`] as stored.
    pub avatar: Option<Arc<str>>,
    /// The host application's data: a JSON object as text.
    pub data: Option<Arc<str>>,
    /// Whether any user may join.
    pub is_open: bool,
    /// Slow mode: the seconds between two messages of a member below admin. 0: no limit.
    pub slow: u32,
    /// The age in days at which messages are erased. None: never.
    pub keep: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DetailKey {
    Description,
    Avatar,
    Data,
    Open,
    Slow,
    Keep,
}

impl DetailKey {
    /// All keys, in the order in which a log entry lists them.
    pub const ALL: [Self; 6] =
        [Self::Description, Self::Avatar, Self::Data, Self::Open, Self::Slow, Self::Keep];

    /// The wire form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Description => "description",
            Self::Avatar => "avatar",
            Self::Data => "data",
            Self::Open => "open",
            Self::Slow => "slow",
            Self::Keep => "keep",
        }
    }
}

/// Changes of a group's details.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupDetailsUpdate {
    pub description: FieldUpdate<Description>,
    pub avatar: FieldUpdate<Avatar>,
    pub data: FieldUpdate<Data>,
    pub is_open: Option<bool>,
    pub slow: Option<SlowMode>,
    pub keep: FieldUpdate<KeepDays>,
}

impl GroupDetailsUpdate {
    /// The keys that the update contains, whether or not their values change.
    pub fn keys(&self) -> Vec<DetailKey> {
        let named = |key: &DetailKey| match key {
            DetailKey::Description => self.description != FieldUpdate::Keep,
            DetailKey::Avatar => self.avatar != FieldUpdate::Keep,
            DetailKey::Data => self.data != FieldUpdate::Keep,
            DetailKey::Open => self.is_open.is_some(),
            DetailKey::Slow => self.slow.is_some(),
            DetailKey::Keep => self.keep != FieldUpdate::Keep,
        };
        DetailKey::ALL.into_iter().filter(named).collect()
    }

    /// The details after the update.
    pub fn after(&self, before: &GroupDetails) -> GroupDetails {
        let GroupDetails { description, avatar, data, is_open, slow, keep } = before.clone();
        GroupDetails {
            description: self.description.clone().map(|description| description.0).after(description),
            avatar: self.avatar.clone().map(Avatar::into_stored).after(avatar),
            data: self.data.clone().map(Data::into_text).after(data),
            is_open: self.is_open.unwrap_or(is_open),
            slow: self.slow.map_or(slow, |slow| slow.0),
            keep: self.keep.clone().map(|days| days.0).after(keep),
        }
    }
}

impl GroupDetails {
    /// The keys whose values differ between the two.
    pub fn differing(&self, other: &Self) -> Vec<DetailKey> {
        let differs = |key: &DetailKey| match key {
            DetailKey::Description => self.description != other.description,
            DetailKey::Avatar => self.avatar != other.avatar,
            DetailKey::Data => self.data != other.data,
            DetailKey::Open => self.is_open != other.is_open,
            DetailKey::Slow => self.slow != other.slow,
            DetailKey::Keep => self.keep != other.keep,
        };
        DetailKey::ALL.into_iter().filter(differs).collect()
    }
}

/// The description of a group: at most 1,000 characters, with line breaks and no other control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description(Arc<str>);

impl Description {
    /// Parses a description. Empty text means none. The error completes a sentence that begins with the
    /// field's name.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        if text.is_empty() {
            return Ok(None);
        }
        if text.chars().nth(DESCRIPTION_CHARS).is_some() {
            return Err(format!("is longer than {DESCRIPTION_CHARS} characters"));
        }
        if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r')) {
            return Err("may not contain control characters other than line breaks".into());
        }
        if !is_visible(text) {
            return Err("must contain a visible character, or be null".into());
        }
        Ok(Some(Self(text.into())))
    }
}

/// The slow-mode delay between two messages of a member below admin: 0 to 21,600 seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlowMode(u32);

impl SlowMode {
    /// Takes a number of seconds. The error completes a sentence that begins with the field's name.
    pub fn seconds(seconds: i64) -> Result<Self, String> {
        let seconds = u32::try_from(seconds).ok().filter(|seconds| *seconds <= SLOW_SECONDS);
        seconds.map(Self).ok_or_else(|| format!("must be a number of seconds from 0 to {SLOW_SECONDS}"))
    }
}

/// The retention of a group's messages: 1 to 36,500 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepDays(u32);

impl KeepDays {
    /// Takes a number of days. The error completes a sentence that begins with the field's name.
    pub fn days(days: i64) -> Result<Self, String> {
        let days = u32::try_from(days).ok().filter(|days| (1..=KEEP_DAYS).contains(days));
        days.map(Self).ok_or_else(|| format!("must be a whole number of days from 1 to {KEEP_DAYS}, or null"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_have_lines_and_a_visible_character() {
        let parsed = |text: &str| Description::parse(text).map(|found| found.map(|text| text.0));
        assert_eq!(parsed("Tea\r\n and\ncake "), Ok(Some("Tea\r\n and\ncake ".into())));
        assert_eq!(parsed(""), Ok(None));
        assert!(parsed(&"é".repeat(1000)).is_ok());
        for text in [" ", "\n", "\u{200b}", "a\tb", "a\u{0}", "a\u{85}b", &"é".repeat(1001)] {
            assert!(parsed(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn slow_mode_lasts_at_most_six_hours() {
        assert_eq!(
            (SlowMode::seconds(0), SlowMode::seconds(21_600)),
            (Ok(SlowMode(0)), Ok(SlowMode(21_600)))
        );
        assert!(SlowMode::seconds(-1).is_err() && SlowMode::seconds(21_601).is_err());
    }

    #[test]
    fn messages_are_kept_for_whole_days() {
        assert_eq!((KeepDays::days(1), KeepDays::days(36_500)), (Ok(KeepDays(1)), Ok(KeepDays(36_500))));
        assert!([0, -1, 36_501].into_iter().all(|days| KeepDays::days(days).is_err()));
    }

    #[test]
    fn an_update_names_keys_and_changes_their_values_only() {
        let before = GroupDetails { data: Some("{}".into()), slow: 5, ..GroupDetails::default() };
        let update = GroupDetailsUpdate {
            data: FieldUpdate::Clear,
            is_open: Some(true),
            slow: SlowMode::seconds(5).ok(),
            keep: FieldUpdate::Set(KeepDays(30)),
            ..GroupDetailsUpdate::default()
        };
        assert_eq!(update.keys(), [DetailKey::Data, DetailKey::Open, DetailKey::Slow, DetailKey::Keep]);
        let after = update.after(&before);
        assert_eq!(after, GroupDetails { data: None, is_open: true, keep: Some(30), ..before.clone() });
        assert_eq!(before.differing(&after), [DetailKey::Data, DetailKey::Open, DetailKey::Keep]);
    }
}
