//! The feed: every committed change, once, for programs of the host. A row of the feed refers to the changed
//! object by id and contains no message text; the event is built when it is read.

use std::time::Duration;

use crate::event::Event;
use crate::push::{NotifyReason, PushPayload};
use crate::relation::Outcome;
use crate::report::MessageReport;
use crate::store::encoding::Stored;
use crate::{Date, GroupId, MessageId, Name, Seq, UserId};

/// Events per page if the reader gives no limit.
pub const FEED_PAGE: usize = 100;
/// The most events per page.
pub const FEED_PAGE_MOST: usize = 1000;

/// The settings of the feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedRules {
    /// Whether changes are recorded (`events.enabled`, false).
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
        /// The type of a feed event. Each corresponds to a server event of the same name, except for `notify`
        /// and the types of reports.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum FeedKind {
            $($kind),+
        }

        impl FeedKind {
            /// The name on the wire.
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
    /// Whether a reader that names no types receives this type.
    pub(crate) fn is_usual(self) -> bool {
        self != Self::Notify
    }

    /// The type with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::VALUES.iter().copied().find(|kind| kind.as_str() == name)
    }
}

/// A change, as the feed stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedRow {
    pub kind: FeedKind,
    /// The date at which it was made.
    pub date: Date,
    pub group: Option<GroupId>,
    /// The number in the group's log, if any.
    pub seq: Option<Seq>,
    /// The message that the change is about.
    pub message: Option<MessageId>,
    /// The number of that message, or of a read mark.
    pub message_seq: Option<Seq>,
    /// The date of that message, or of a read mark.
    pub message_date: Option<Date>,
    /// The author of that message; without a message, the user who made the change.
    pub user: Option<UserId>,
    /// Further values, encoded in a form specific to the kind.
    pub detail: Vec<u8>,
}

impl FeedRow {
    /// A row with a kind and a date only.
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
    /// The last position in use.
    pub last: i64,
    /// Events up to this position were removed, or never recorded because the feed was off.
    pub removed: i64,
}

/// A user who is notified of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifiedUser {
    pub name: Name,
    pub reason: NotifyReason,
    /// The user's unread messages in the group, up to [`UNREAD`](crate::limits::UNREAD).
    pub unread: u32,
}

/// An event of the feed, built from its row.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedEvent {
    pub position: i64,
    pub kind: FeedKind,
    pub date: Date,
    pub seq: Option<Seq>,
    pub data: FeedData,
}

/// The data of a feed event, built from the current state.
#[derive(Debug, Clone, PartialEq)]
pub enum FeedData {
    /// The event that connected members receive.
    Event {
        event: Box<Event>,
        /// Whether the event is a message of a bot.
        is_bot: bool,
    },
    /// A message that has since been deleted, or whose change can no longer be shown.
    DeletedMessage {
        id: MessageId,
        group: GroupId,
        /// None if the author is deleted.
        author: Option<Name>,
        date: Date,
        seq: Seq,
    },
    /// A read mark.
    Read { author: Option<Name>, group: GroupId, seq: Seq, date: Option<Date> },
    /// A group that has since been deleted.
    DeletedGroup(GroupId),
    /// A relation changed.
    Contact { author: Option<Name>, name: Option<Name>, outcome: Outcome },
    /// A user who has since been deleted. `name` is the name before this event; `new_name` is the name that
    /// this event gave.
    DeletedUser { name: Option<Name>, new_name: Option<Name> },
    /// A report, without the text of the message.
    Report(Box<MessageReport>),
    /// Users are notified of a message.
    Notify { users: Vec<NotifiedUser>, payload: PushPayload },
}
