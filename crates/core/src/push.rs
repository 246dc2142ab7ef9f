//! Notifications: the messages of which a user is notified, and the subscriptions to which they are pushed.

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

/// The most subscriptions of a user. Beyond that the one that was sent longest ago goes.
pub const SUBSCRIPTIONS: usize = 20;
/// The longest endpoint, in characters.
pub const ENDPOINT_CHARS: usize = 2048;
/// A subscription without a token ends so long after it was last sent.
pub const UNSENT: Duration = Duration::from_secs(14 * 24 * 3600);
/// The time after which a notification is given up.
pub const PUSHED_WITHIN: Duration = Duration::from_secs(24 * 3600);
/// The most groups that wait for one subscription. Beyond that the one with the oldest message goes.
pub const PUSH_WAITING: usize = 100;
/// The time for which `notify` events are made after somebody has read them.
pub const ASKED_FOR: Duration = Duration::from_secs(7 * 24 * 3600);
/// The most users of one `notify` event.
pub const NOTIFY_USERS: usize = 1000;
/// The longest pause between two attempts. A notification that is due later waits by a clock that was set back, and is due.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// The settings of notifications.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PushRules {
    /// Whether users may subscribe (`push.enabled`, true).
    pub enabled: bool,
    /// The time for which a message must be unread (`push.delay`, 10 s).
    pub delay: Duration,
}

impl Default for PushRules {
    fn default() -> Self {
        Self { enabled: true, delay: Duration::from_secs(10) }
    }
}

/// The key pair with which a server signs at push services. It is stored as it is, and the private key is never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerKeys {
    /// PKCS #8.
    pub private: Vec<u8>,
    /// An uncompressed point of P-256.
    pub public: Vec<u8>,
}

impl fmt::Debug for ServerKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerKeys").field("public", &self.public).finish_non_exhaustive()
    }
}

/// The key and the secret of a browser or phone, for which payloads are encrypted.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceKeys {
    /// An uncompressed point of P-256.
    pub public: Vec<u8>,
    /// 16 bytes.
    pub secret: Vec<u8>,
}

impl fmt::Debug for DeviceKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceKeys(…)")
    }
}

/// A browser or phone to which notifications of a user are pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    pub id: PushId,
    pub user: UserId,
    /// The URL at the push service, which is a secret of the device.
    pub endpoint: String,
    pub keys: DeviceKeys,
    /// The token that made it, with which it ends.
    pub token: Option<TokenHash>,
    pub created: Date,
    /// The date at which its user last sent it.
    pub sent: Date,
    /// It ends then, at the latest.
    pub expires: Date,
}

impl Subscription {
    /// The hash by which an endpoint is found.
    pub fn endpoint_hash(endpoint: &str) -> [u8; 32] {
        Sha256::digest(endpoint).into()
    }
}

/// The reason for which a user is notified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NotifyReason {
    Mention,
    Private,
    Message,
}

impl NotifyReason {
    /// Every value.
    pub const ALL: [Self; 3] = [Self::Mention, Self::Private, Self::Message];

    /// The wire form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mention => "mention",
            Self::Private => "private",
            Self::Message => "message",
        }
    }

    /// Whether it goes before others.
    pub fn is_urgent(self) -> bool {
        self != Self::Message
    }
}

/// The facts about a member that decide whether it is notified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotifyFacts {
    pub user: UserId,
    pub notify: Notify,
    pub muted_until: Option<Date>,
    /// Messages after this number are unread.
    pub read: Seq,
    /// Whether the user has yet to accept the group.
    pub pending: bool,
    pub is_bot: bool,
    /// Whether it has a subscription that stands.
    pub subscribed: bool,
}

/// The facts about a message that decide who is notified of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifyingMessage {
    pub id: MessageId,
    pub seq: Seq,
    pub author: UserId,
    pub date: Date,
    /// Whether its group is private.
    pub private: bool,
    pub everyone: bool,
    pub mentions: Vec<UserId>,
    /// The users who have blocked its author.
    pub blocked_by: Vec<UserId>,
}

impl NotifyingMessage {
    /// A message that stands.
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

    /// The reason for which it notifies a member now; none if it does not. Whether the member is online is not asked here.
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

/// The newest message of a group of which a member is notified, and the most pressing reason among all of them.
pub fn collapse<'m>(
    messages: &'m [NotifyingMessage],
    member: &NotifyFacts,
    now: Date,
) -> Option<(&'m NotifyingMessage, NotifyReason)> {
    let reasons = messages.iter().filter_map(|message| Some((message, message.reason(member, now)?)));
    reasons.reduce(|(newest, reason), (next, other)| {
        (if next.seq > newest.seq { next } else { newest }, reason.min(other))
    })
}

/// A notification that waits for a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingPush {
    pub subscription: PushId,
    pub group: GroupId,
    pub message: MessageId,
    pub seq: Seq,
    /// Whether it goes before others.
    pub urgent: bool,
    /// The date of the next attempt.
    pub due: Date,
    /// The date at which it is given up.
    pub expires: Date,
    /// The attempts that failed.
    pub attempts: u32,
}

impl WaitingPush {
    /// The same after one more attempt that failed; none if it is to be given up. `after` is the pause that the push
    /// service asks for.
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
