//! The feed: every committed change, once, for programs of the host. A row of the feed names what changed by its ids, and
//! has no text of a message: the event is made when it is read.

use std::time::Duration;

use crate::event::Event;
use crate::push::{NotifyReason, PushPayload};
use crate::relation::Outcome;
use crate::report::MessageReport;
use crate::store::encoding::Stored;
use crate::{Date, GroupId, MessageId, Name, Seq, UserId};

/// The events of a page, if the reader does not say how many.
pub const FEED_PAGE: usize = 100;
/// The most events of a page.
pub const FEED_PAGE_MOST: usize = 1000;

/// The settings of the feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedRules {
    /// Whether changes are noted (`events.enabled`, false).
    pub enabled: bool,
    /// The time for which events are kept (`events.keep`, 7 days).
    pub keep: Duration,
}

impl Default for FeedRules {
    fn default() -> Self {
        Self { enabled: false, keep: Duration::from_secs(7 * 24 * 3600) }
    }
}

impl FeedRules {
    /// The date before which events are removed.
    pub fn oldest(&self, now: Date) -> Date {
        now.minus(self.keep)
    }
}

macro_rules! feed_kinds {
    ($($kind:ident $name:literal)+) => {
        /// The type of an event of the feed. Each is that of a server event, but for `notify` and
        /// those of reports.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum FeedKind {
            $($kind),+
        }

        impl FeedKind {
            /// Its name, as clients see it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $name),+
                }
            }
        }
    };
}

feed_kinds! {
    MessageText "message.text"
    MessageUpdate "message.update"
    MessageDelete "message.delete"
    MessageReact "message.react"
    MessagePin "message.pin"
    MessageRead "message.read"
    GroupUpdate "group.update"
    GroupDelete "group.delete"
    ContactUpdate "contact.update"
    UserUpdate "user.update"
    UserDelete "user.delete"
    Notify "notify"
    ReportCreate "report.create"
    ReportUpdate "report.update"
}

impl FeedKind {
    /// Whether readers who name no types receive it.
    pub fn is_usual(self) -> bool {
        self != Self::Notify
    }

    /// The type with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::VALUES.iter().copied().find(|kind| kind.as_str() == name)
    }
}

/// A change as the feed keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedRow {
    pub kind: FeedKind,
    /// The date at which it was made.
    pub date: Date,
    pub group: Option<GroupId>,
    /// Its number in the group's log, if it has one.
    pub seq: Option<Seq>,
    /// The message that it concerns.
    pub message: Option<MessageId>,
    /// The number of that message, or of a read mark.
    pub message_seq: Option<Seq>,
    /// The date of that message, or of a read mark.
    pub message_date: Option<Date>,
    /// The author of that message; else the user whose change it is.
    pub user: Option<UserId>,
    /// Further values that the kind needs, in a form of its own.
    pub detail: Vec<u8>,
}

impl FeedRow {
    /// A row that names nothing yet.
    pub fn new(kind: FeedKind, date: Date) -> Self {
        Self {
            kind,
            date,
            group: None,
            seq: None,
            message: None,
            message_seq: None,
            message_date: None,
            user: None,
            detail: Vec::new(),
        }
    }
}

/// The ends of the feed. Positions ascend from 1 in the order of the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FeedBounds {
    /// The last position that was given.
    pub last: i64,
    /// Events up to this position are no longer kept, or were not noted while the feed was off.
    pub removed: i64,
}

/// A user who is notified of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifiedUser {
    pub name: Name,
    pub reason: NotifyReason,
    /// The unread messages of the group, up to [`UNREAD`](crate::limits::UNREAD).
    pub unread: u32,
}

/// An event of the feed, as it is read.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedEvent {
    /// Its place in the feed.
    pub position: i64,
    pub kind: FeedKind,
    pub date: Date,
    pub seq: Option<Seq>,
    pub data: FeedData,
}

/// The data of an event, made from what stands now.
#[derive(Debug, Clone, PartialEq)]
pub enum FeedData {
    /// As connected members receive it.
    Event {
        event: Box<Event>,
        /// Whether it is a message of a bot.
        is_bot: bool,
    },
    /// Of a message that was deleted since, or whose change cannot be shown any more.
    DeletedMessage {
        id: MessageId,
        group: GroupId,
        /// None once the author is deleted.
        author: Option<Name>,
        date: Date,
        seq: Seq,
    },
    /// A read mark.
    Read { author: Option<Name>, group: GroupId, seq: Seq, date: Option<Date> },
    /// Of a group that was deleted since.
    DeletedGroup(GroupId),
    /// A relation changed.
    Contact { author: Option<Name>, name: Option<Name>, outcome: Outcome },
    /// Of a user who was deleted since, by the name that it had, and the one that this event has given it.
    DeletedUser { name: Option<Name>, new_name: Option<Name> },
    /// A report of a message, without the message's text.
    Report(Box<MessageReport>),
    /// Users are notified of a message.
    Notify { users: Vec<NotifiedUser>, payload: PushPayload },
}
