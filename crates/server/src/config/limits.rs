//! `[limits]`: limits on sizes, counts and rates. A value beyond a limit is answered with 400, a request beyond a
//! rate with 429. A rate of 0 is unlimited.

use chinwag_core::limits::RateLimits;

use serde::{Deserialize, Serialize};

use super::Problems;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Limits {
    /// The maximum length of a new user's name, in characters.
    pub(crate) name_chars: usize,
    /// The maximum length of a message, in Unicode scalar values.
    pub(crate) message_chars: usize,
    /// Users in one group.
    pub(crate) group_members: usize,
    /// Groups of one user.
    pub(crate) user_groups: usize,
    /// Relations of one user, of all kinds.
    pub(crate) user_relations: usize,
    /// Messages of one user in a burst.
    pub(crate) messages_burst: u32,
    /// Messages of one user per second after a burst.
    pub(crate) messages_per_second: u32,
    /// Events and requests other than GET of one user in a burst.
    pub(crate) events_burst: u32,
    /// Events and requests other than GET of one user per second after a burst.
    pub(crate) events_per_second: u32,
    /// Changes of groups, memberships and profiles by one user in a burst.
    pub(crate) changes_burst: u32,
    /// Changes of groups, memberships and profiles by one user per second after a burst.
    pub(crate) changes_per_second: u32,
    /// Private groups per day that one user opens with users who are not its contacts.
    pub(crate) first_contacts_per_day: u32,
    /// Groups per day that one user creates, not counting private ones.
    pub(crate) groups_per_day: u32,
    /// Sign-ups per hour from one address.
    pub(crate) signups_per_hour: u32,
    /// Reports per hour by one user.
    pub(crate) reports_per_hour: u32,
    /// Searches of one user in a burst.
    pub(crate) searches_burst: u32,
    /// Searches of one user per second after a burst.
    pub(crate) searches_per_second: u32,
    /// WebSocket handshakes of one user in a burst.
    pub(crate) connects_burst: u32,
    /// WebSocket handshakes of one user per second after a burst.
    pub(crate) connects_per_second: u32,
}

impl Default for Limits {
    fn default() -> Self {
        let rates = RateLimits::default();
        Self {
            name_chars: 128,
            message_chars: 4096,
            group_members: 10_000,
            user_groups: 2_000,
            user_relations: 5_000,
            messages_burst: rates.messages_burst,
            messages_per_second: rates.messages_per_second,
            events_burst: rates.events_burst,
            events_per_second: rates.events_per_second,
            changes_burst: rates.changes_burst,
            changes_per_second: rates.changes_per_second,
            first_contacts_per_day: rates.first_contacts_per_day,
            groups_per_day: rates.groups_per_day,
            signups_per_hour: rates.signups_per_hour,
            reports_per_hour: rates.reports_per_hour,
            searches_burst: rates.searches_burst,
            searches_per_second: rates.searches_per_second,
            connects_burst: rates.connects_burst,
            connects_per_second: rates.connects_per_second,
        }
    }
}

impl Limits {
    pub(super) fn check(&self, problems: &mut Problems) {
        problems.number("limits.name_chars", self.name_chars, &(1..=128), "characters");
        problems.number("limits.message_chars", self.message_chars, &(1..=1_000_000), "characters");
        problems.number("limits.group_members", self.group_members, &(2..=1_000_000), "users");
        problems.number("limits.user_groups", self.user_groups, &(1..=1_000_000), "groups");
        problems.number("limits.user_relations", self.user_relations, &(1..=1_000_000), "relations");
        for (key, value, unit) in [
            ("limits.messages_burst", self.messages_burst, "messages"),
            ("limits.messages_per_second", self.messages_per_second, "messages"),
            ("limits.events_burst", self.events_burst, "events"),
            ("limits.events_per_second", self.events_per_second, "events"),
            ("limits.changes_burst", self.changes_burst, "changes"),
            ("limits.changes_per_second", self.changes_per_second, "changes"),
            ("limits.first_contacts_per_day", self.first_contacts_per_day, "users"),
            ("limits.groups_per_day", self.groups_per_day, "groups"),
            ("limits.signups_per_hour", self.signups_per_hour, "accounts"),
            ("limits.reports_per_hour", self.reports_per_hour, "reports"),
            ("limits.searches_burst", self.searches_burst, "searches"),
            ("limits.searches_per_second", self.searches_per_second, "searches"),
            ("limits.connects_burst", self.connects_burst, "handshakes"),
            ("limits.connects_per_second", self.connects_per_second, "handshakes"),
        ] {
            problems.number(key, value, &(0..=1_000_000), unit);
        }
    }

    /// The rate limits, together with those of sign-in attempts from `[auth]`.
    pub(crate) fn rates(&self, attempts_per_name: u32, attempts_per_address: u32) -> RateLimits {
        RateLimits {
            messages_burst: self.messages_burst,
            messages_per_second: self.messages_per_second,
            events_burst: self.events_burst,
            events_per_second: self.events_per_second,
            changes_burst: self.changes_burst,
            changes_per_second: self.changes_per_second,
            first_contacts_per_day: self.first_contacts_per_day,
            groups_per_day: self.groups_per_day,
            signups_per_hour: self.signups_per_hour,
            reports_per_hour: self.reports_per_hour,
            searches_burst: self.searches_burst,
            searches_per_second: self.searches_per_second,
            connects_burst: self.connects_burst,
            connects_per_second: self.connects_per_second,
            attempts_per_name,
            attempts_per_address,
        }
    }
}
