//! Notifications: which messages notify a user, and the subscriptions to which notifications are pushed.

mod payload;
mod position;

use std::fmt;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::group_settings::Notify;
use crate::message::Message;
use crate::token::TokenHash;
use crate::{Date, GroupId, MessageId, PushId, Seq, UserId};

pub use payload::{PAYLOAD_BYTES, PushContent, PushPayload};
pub use position::{PushBatch, PushPosition};

/// The most subscriptions per user. Adding one more removes the one that its client has not sent for the
/// longest time.
pub const SUBSCRIPTIONS: usize = 20;
/// The longest endpoint, in characters.
pub const ENDPOINT_CHARS: usize = 2048;
/// The lifetime of a subscription that belongs to no token, counted from the last time that its client sent
/// it.
pub const SUBSCRIPTION_TTL: Duration = Duration::from_secs(14 * 24 * 3600);
/// The time after which an undelivered notification is dropped.
pub const NOTIFICATION_TTL: Duration = Duration::from_secs(24 * 3600);
/// The most groups in one subscription's queue. Beyond that, the one with the oldest message is dropped.
pub const PUSH_WAITING: usize = 100;
/// How long `notify` events continue after a client last read them.
pub const NOTIFY_TTL: Duration = Duration::from_secs(7 * 24 * 3600);
/// The most users in one `notify` event.
pub const NOTIFY_USERS: usize = 1000;
/// The longest pause between two attempts. A notification that is due even later was scheduled before the
/// clock was set back, and is treated as due.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// The configuration of notifications.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PushRules {
    /// Whether users may subscribe (`push.enabled`, true).
    pub enabled: bool,
    /// How long a message must stay unread before it notifies (`push.delay`, 10 s).
    pub delay: Duration,
}

impl Default for PushRules {
    fn default() -> Self {
        Self { enabled: true, delay: Duration::from_secs(10) }
    }
}

/// The key pair with which the server signs requests to push services (VAPID). It is stored unencrypted, and
/// the private key is never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerKeys {
    /// In PKCS #8.
    pub private: Vec<u8>,
    /// An uncompressed P-256 point.
    pub public: Vec<u8>,
}

impl fmt::Debug for ServerKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerKeys").field("public", &self.public).finish_non_exhaustive()
    }
}

/// The keys of a browser or phone, with which payloads are encrypted.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceKeys {
    /// An uncompressed P-256 point.
    pub public: Vec<u8>,
    /// The authentication secret, 16 bytes.
    pub secret: Vec<u8>,
}

impl fmt::Debug for DeviceKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceKeys(…)")
    }
}

/// A browser or phone that receives a user's notifications.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    pub id: PushId,
    pub user: UserId,
    /// The URL at the push service. It is a secret of the device.
    pub endpoint: String,
    pub keys: DeviceKeys,
    /// The token that created the subscription, which ends together with it.
    pub token: Option<TokenHash>,
    pub created: Date,
    /// The date at which the client last sent the subscription.
    pub sent: Date,
    /// The latest date at which the subscription ends.
    pub expires: Date,
}

impl Subscription {
    /// The hash that identifies an endpoint in the store.
    pub fn endpoint_hash(endpoint: &str) -> [u8; 32] {
        Sha256::digest(endpoint).into()
    }
}

/// Why a user is notified, the most important reason first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NotifyReason {
    Mention,
    Private,
    Message,
}

impl NotifyReason {
    pub const ALL: [Self; 3] = [Self::Mention, Self::Private, Self::Message];

    /// The wire form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mention => "mention",
            Self::Private => "private",
            Self::Message => "message",
        }
    }

    /// Whether the notification takes precedence over others.
    pub fn is_urgent(self) -> bool {
        self != Self::Message
    }
}

/// The facts about a member that decide whether a message notifies it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotifyFacts {
    pub user: UserId,
    pub notify: Notify,
    pub muted_until: Option<Date>,
    /// The member's read mark. Messages after it are unread.
    pub read: Seq,
    /// Whether the user has yet to accept the group.
    pub pending: bool,
    pub is_bot: bool,
    /// Whether the user has a valid subscription.
    pub subscribed: bool,
}

/// The facts about a message that decide which members it notifies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifyingMessage {
    pub id: MessageId,
    pub seq: Seq,
    pub author: UserId,
    pub date: Date,
    /// Whether the message's group is private.
    pub private: bool,
    pub everyone: bool,
    pub mentions: Vec<UserId>,
    /// Those of the members in question who block the author.
    pub blocked_by: Vec<UserId>,
}

impl NotifyingMessage {
    /// Takes the facts from a message that is not deleted.
    pub fn new(message: &Message, private: bool, blocked_by: Vec<UserId>) -> Self {
        let mentions = &message.detail.mentions;
        Self {
            id: message.id,
            seq: message.seq,
            author: message.author,
            date: message.date,
            private,
            everyone: mentions.everyone,
            mentions: mentions.users.clone(),
            blocked_by,
        }
    }

    /// Why the message notifies a member at `now`. None if it does not. Does not consider whether the member
    /// is online.
    pub fn reason(&self, member: &NotifyFacts, now: Date) -> Option<NotifyReason> {
        let is_read = member.user == self.author || self.seq <= member.read;
        let is_muted = member.muted_until.is_some_and(|until| until > now);
        let is_barred = member.pending || member.is_bot || self.blocked_by.contains(&member.user);
        if is_read || is_muted || is_barred {
            return None;
        }
        let is_mentioned = self.everyone || self.mentions.contains(&member.user);
        match member.notify {
            Notify::None => None,
            Notify::Mentions if !is_mentioned => None,
            _ if is_mentioned => Some(NotifyReason::Mention),
            _ if self.private => Some(NotifyReason::Private),
            _ => Some(NotifyReason::Message),
        }
    }
}

/// Combines the notifications of one member in one group: the newest message that notifies, with the most
/// important reason of all such messages.
pub(crate) fn collapse<'m>(
    messages: &'m [NotifyingMessage],
    member: &NotifyFacts,
    now: Date,
) -> Option<(&'m NotifyingMessage, NotifyReason)> {
    let reasons = messages.iter().filter_map(|message| Some((message, message.reason(member, now)?)));
    reasons.reduce(|(newest, reason), (next, other)| {
        (if next.seq > newest.seq { next } else { newest }, reason.min(other))
    })
}

/// A notification in the queue of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingPush {
    pub subscription: PushId,
    pub group: GroupId,
    pub message: MessageId,
    pub seq: Seq,
    /// Whether the notification takes precedence over others.
    pub urgent: bool,
    /// The date of the next attempt.
    pub due: Date,
    /// The date after which the notification is dropped.
    pub expires: Date,
    /// The number of failed attempts.
    pub attempts: u32,
}

impl WaitingPush {
    /// Schedules the next attempt after a failed one. `after` is the pause that the push service requested.
    /// None if the notification would expire first.
    pub fn failed(self, now: Date, after: Option<Duration>) -> Option<Self> {
        let pause = 1_u64.checked_shl(self.attempts).unwrap_or(u64::MAX).clamp(1, LONGEST_PAUSE.as_secs());
        let asked = after.unwrap_or_default().min(LONGEST_PAUSE);
        let due = now.plus(Duration::from_secs(pause).max(asked));
        let attempts = self.attempts.saturating_add(1);
        (due < self.expires).then_some(Self { due, attempts, ..self })
    }
}

#[cfg(test)]
mod tests;
