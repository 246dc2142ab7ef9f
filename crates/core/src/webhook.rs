//! Webhooks: addresses of the host application that receive the events of the feed.

mod attempt;

use std::fmt;
use std::time::Duration;

use uuid::Uuid;

use crate::feed::{FeedKind, FeedRow};
use crate::store::encoding::Stored;
use crate::{Date, WebhookId};

pub use attempt::{ATTEMPTS, WebhookAttempt};

/// The default limit for the number of webhooks.
pub const WEBHOOKS: usize = 32;
/// The longest URL, in characters.
pub const WEBHOOK_URL_CHARS: usize = 2048;
/// The allowed length of a secret, in bytes.
pub const WEBHOOK_SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// How long a replaced secret continues to sign.
pub const SECRET_OVERLAP: Duration = Duration::from_secs(24 * 3600);
/// The time after which an undelivered event is dropped.
pub const DELIVERY_TTL: Duration = Duration::from_secs(3 * 24 * 3600);

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
/// The pauses after failed attempts, in seconds, as recommended by Standard Webhooks. Further attempts use
/// the last one.
const PAUSES: [u64; 9] =
    [5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];
/// The longest pause between two attempts. An event that is due even later was scheduled before the clock was
/// set back, and is treated as due.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(22 * HOUR);
/// The time between the last attempt and the expiry of an event.
const LAST_BEFORE: Duration = Duration::from_secs(MINUTE);
/// Pauses are extended by up to this percentage, depending on the event, so that attempts that failed
/// together are not retried together.
const SPREAD: i64 = 10;

/// The secret that signs a webhook's requests. It is stored in plain text, and never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(Vec<u8>);

impl WebhookSecret {
    /// None if the number of bytes is out of range.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        WEBHOOK_SECRET_BYTES.contains(&bytes.len()).then(|| Self(bytes.to_vec()))
    }

    /// A secret from the store.
    pub fn stored(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// The bytes, for signing and for callers who may see the secret.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

/// The types of events that a webhook receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookKinds {
    /// All types except `notify`, including types that later versions add.
    All,
    /// A bit mask of the stored numbers of the types.
    Only(i64),
}

impl WebhookKinds {
    pub fn of(kinds: &[FeedKind]) -> Self {
        Self::Only(kinds.iter().fold(0, |bits, kind| bits | bit(*kind)))
    }

    /// Whether events of this type are sent.
    pub fn has(self, kind: FeedKind) -> bool {
        match self {
            Self::All => kind.is_usual(),
            Self::Only(bits) => bits & bit(kind) != 0,
        }
    }
}

fn bit(kind: FeedKind) -> i64 {
    1 << kind.number()
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    pub id: WebhookId,
    /// An absolute `http` or `https` URL.
    pub url: String,
    pub kinds: WebhookKinds,
    pub secret: WebhookSecret,
    /// The previous secret, and the date until which it also signs.
    pub previous: Option<(WebhookSecret, Date)>,
    pub created: Date,
    pub queue: WebhookQueue,
    /// The position in the feed up to which every event has been sent, dropped, or placed in the queue.
    pub position: i64,
    /// The latest replay: its date, and the position up to which it sends events again.
    pub replayed: Option<(Date, i64)>,
}

impl Webhook {
    /// The secrets that sign at `now`, newest first.
    pub fn secrets(&self, now: Date) -> Vec<&WebhookSecret> {
        let previous = self.previous.as_ref().filter(|(_, until)| *until > now).map(|(secret, _)| secret);
        std::iter::once(&self.secret).chain(previous).collect()
    }

    /// The date after which an event is dropped.
    pub fn expiry(&self, position: i64, date: Date) -> Date {
        let from = match self.replayed {
            Some((replayed, upto)) if position <= upto => date.max(replayed),
            _ => date,
        };
        from.plus(DELIVERY_TTL)
    }
}

/// The id of a webhook's queue of events that wait for another attempt. A replay starts a new queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WebhookQueue(pub Uuid);

/// Events in the same lane are sent one after the other: those of one group, or a single event without a
/// group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WebhookLane(pub Uuid);

impl WebhookLane {
    /// The lane of a feed row.
    pub fn of(row: &FeedRow, position: i64) -> Self {
        match row.group {
            Some(group) => Self(group.0),
            None => Self(Uuid::from_u64_pair(1, position.unsigned_abs())),
        }
    }
}

/// An event in a webhook's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingEvent {
    pub lane: WebhookLane,
    /// The event's position in the feed.
    pub position: i64,
    /// The date after which the event is dropped.
    pub expires: Date,
    /// The number of failed attempts.
    pub attempts: u32,
    /// The date of the next attempt. None while an earlier event of the lane is in the queue.
    pub due: Option<Date>,
}

impl WaitingEvent {
    /// Schedules the next attempt after a failed one. None if the event is dropped instead.
    pub fn failed(self, now: Date) -> Option<Self> {
        let attempts = self.attempts.saturating_add(1);
        let index = usize::try_from(attempts - 1).unwrap_or(usize::MAX).min(PAUSES.len() - 1);
        let pause = Duration::from_secs(PAUSES[index]);
        let spread =
            pause / 100 * u32::try_from((self.position + i64::from(attempts)) % (SPREAD + 1)).unwrap_or(0);
        let last = self.expires.minus(LAST_BEFORE);
        let due = now.plus(pause + spread).min(last);
        (due > now).then_some(Self { attempts, due: Some(due), ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Date {
        Date::from_micros(0).plus(Duration::from_secs(seconds))
    }

    fn event(made: u64) -> WaitingEvent {
        let lane = WebhookLane(Uuid::nil());
        WaitingEvent {
            lane,
            position: 0,
            expires: at(made).plus(DELIVERY_TTL),
            attempts: 0,
            due: Some(at(made)),
        }
    }

    #[test]
    fn attempts_follow_the_schedule_for_three_days() {
        let (mut event, mut times) = (event(0), Vec::new());
        while let Some(next) = event.failed(event.due.expect("a date")) {
            let before = event.due.expect("a date").micros();
            times.push((next.due.expect("a date").micros() - before) / 1_000_000);
            event = next;
        }
        let pauses = PAUSES.map(|pause| i64::try_from(pause).expect("small"));
        for (index, time) in times[..8].iter().enumerate() {
            assert!((pauses[index]..=pauses[index] * 11 / 10).contains(time), "{times:?}");
        }
        let longest = i64::try_from(LONGEST_PAUSE.as_secs()).expect("small");
        assert!(times.iter().all(|time| *time <= longest), "{times:?}");
        let last = event.due.expect("a date");
        assert_eq!(last.plus(LAST_BEFORE), event.expires);
        assert_eq!(times.len(), 9, "{times:?}");
    }

    #[test]
    fn a_deferred_event_keeps_its_expiry() {
        let day = 24 * 3600;
        let behind = event(day);
        let now = at(4 * day - 30);
        assert_eq!(behind.failed(now), None);
        let now = at(4 * day - 600);
        let tried = behind.failed(now).expect("another attempt");
        assert_eq!(tried.due, Some(now.plus(Duration::from_millis(5050))));
        assert_eq!(tried.failed(at(4 * day - 595)).expect("another").due, Some(at(4 * day - 289)));
    }

    #[test]
    fn replayed_event_has_three_days_from_the_replay() {
        let webhook = Webhook {
            id: WebhookId(Uuid::nil()),
            url: String::new(),
            kinds: WebhookKinds::All,
            secret: WebhookSecret::stored(&[]),
            previous: None,
            created: at(0),
            queue: WebhookQueue(Uuid::nil()),
            position: 0,
            replayed: Some((at(1000), 7)),
        };
        assert_eq!(webhook.expiry(7, at(1)), at(1000).plus(DELIVERY_TTL));
        assert_eq!(webhook.expiry(8, at(1)), at(1).plus(DELIVERY_TTL));
        assert_eq!(webhook.expiry(7, at(2000)), at(2000).plus(DELIVERY_TTL));
    }

    #[test]
    fn kinds_are_those_that_were_named() {
        let some = WebhookKinds::of(&[FeedKind::MessageText, FeedKind::UserDelete]);
        for kind in FeedKind::VALUES {
            assert_eq!(WebhookKinds::All.has(*kind), *kind != FeedKind::Notify);
            assert_eq!(some.has(*kind), matches!(kind, FeedKind::MessageText | FeedKind::UserDelete));
        }
    }
}
