//! The numbers under which values are stored. Both databases and `migrate` use only these, so a row means the
//! same everywhere. A number never changes its meaning. The numbers of log entries are defined next to [their
//! kinds](crate::log::LogKind).

use super::file::FileState;
use super::follower::Follower;
use super::import::ImportKind;
use crate::feed::FeedKind;
use crate::group_settings::Notify;
use crate::permission::Role;
use crate::profile::{Origin, UserKind};
use crate::relation::Relation;
use crate::report::ReportState;
use crate::user::Allowed;
use crate::{Error, Result};

/// A value's number as a literal that `concat!` accepts, for use in SQL text.
#[macro_export]
#[rustfmt::skip] // A table reads by its rows.
macro_rules! stored_number {
    (Role::Restrict) => { 0 };
    (Role::Member) => { 1 };
    (Role::Admin) => { 2 };
    (Role::Owner) => { 3 };

    (Relation::Invitation) => { 0 };
    (Relation::Contact) => { 1 };
    (Relation::Block) => { 2 };

    (Origin::Account) => { 0 };
    (Origin::Host) => { 1 };

    (UserKind::Person) => { 0 };
    (UserKind::Bot) => { 1 };

    (Allowed::Anyone) => { 0 };
    (Allowed::Contacts) => { 1 };
    (Allowed::Nobody) => { 2 };

    (Notify::All) => { 0 };
    (Notify::Mentions) => { 1 };
    (Notify::None) => { 2 };

    (TokenKind::Token) => { 0 };
    (TokenKind::Ticket) => { 1 };

    (ImportKind::User) => { 0 };
    (ImportKind::Group) => { 1 };
    (ImportKind::Relation) => { 2 };
    (ImportKind::Membership) => { 3 };
    (ImportKind::Reaction) => { 4 };

    (TaskKind::EraseUser) => { 0 };
    (TaskKind::EraseGroup) => { 1 };
    (TaskKind::LogRename) => { 2 };
    (TaskKind::EraseReactions) => { 3 };
    (TaskKind::EraseWebhookQueue) => { 4 };
    (TaskKind::EraseOld) => { 5 };

    (Follower::ExpiredTokens) => { 0 };
    (Follower::DroppedFiles) => { 1 };
    (Follower::StrayFiles) => { 2 };
    (Follower::EventFeed) => { 3 };
    (Follower::Webhooks) => { 4 };
    (Follower::SearchIndex) => { 5 };
    (Follower::Notifications) => { 6 };
    (Follower::Retention) => { 7 };

    (FeedKind::MessageText) => { 0 };
    (FeedKind::MessageUpdate) => { 1 };
    (FeedKind::MessageDelete) => { 2 };
    (FeedKind::MessageReact) => { 3 };
    (FeedKind::MessagePin) => { 4 };
    (FeedKind::MessageRead) => { 5 };
    (FeedKind::GroupUpdate) => { 6 };
    (FeedKind::GroupDelete) => { 7 };
    (FeedKind::ContactUpdate) => { 8 };
    (FeedKind::UserUpdate) => { 9 };
    (FeedKind::UserDelete) => { 10 };
    (FeedKind::Notify) => { 11 };
    (FeedKind::ReportCreate) => { 12 };
    (FeedKind::ReportUpdate) => { 13 };

    (ReportState::Open) => { 0 };
    (ReportState::Resolved) => { 1 };
    (ReportState::Dismissed) => { 2 };

    (FileState::Reserved) => { 0 };
    (FileState::Stored) => { 1 };
    (FileState::Attached) => { 2 };
    (FileState::Dropped) => { 3 };
    (FileState::Avatar) => { 4 };

    (LogKind::$kind:ident) => { $crate::log_number!($kind) };
}

/// A value that is stored as a small number.
pub trait Stored: Copy + Sized + 'static {
    const VALUES: &'static [Self];
    /// The type's name, for error texts and for the table of all numbers.
    const NAME: &'static str;

    fn number(self) -> i16;

    /// The value for a number. None if this version does not know it.
    fn known(number: i64) -> Option<Self> {
        Self::VALUES.iter().copied().find(|value| i64::from(value.number()) == number)
    }

    /// The value for a number. Fails if this version does not know it.
    fn from_number(number: i64) -> Result<Self> {
        let unknown = || Error::internal(format_args!("{} has no stored number {number}", Self::NAME));
        Self::known(number).ok_or_else(unknown)
    }
}

/// The kinds of tokens, without their content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// [`Token`](crate::token::Kind::Token).
    Token,
    /// [`Ticket`](crate::token::Kind::Ticket).
    Ticket,
}

/// The kinds of tasks, without their content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskKind {
    /// [`Task::EraseUser`](super::Task::EraseUser).
    EraseUser,
    /// [`Task::EraseGroup`](super::Task::EraseGroup).
    EraseGroup,
    /// [`Task::LogRename`](super::Task::LogRename).
    LogRename,
    /// [`Task::EraseReactions`](super::Task::EraseReactions).
    EraseReactions,
    /// [`Task::EraseWebhookQueue`](super::Task::EraseWebhookQueue).
    EraseWebhookQueue,
    /// [`Task::EraseOld`](super::Task::EraseOld).
    EraseOld,
}

macro_rules! stored {
    ($($type:ident { $($value:ident),+ })+) => {
        $(impl Stored for $type {
            const VALUES: &'static [Self] = &[$(Self::$value),+];
            const NAME: &'static str = stringify!($type);

            fn number(self) -> i16 {
                match self {
                    $(Self::$value => stored_number!($type::$value)),+
                }
            }
        })+

        /// All numbers with their values, one per line.
        #[cfg(test)]
        fn table() -> String {
            let mut lines = String::new();
            $(for value in <$type>::VALUES {
                lines += &format!("{} {} {value:?}\n", <$type>::NAME, value.number());
            })+
            lines
        }
    };
}

stored! {
    Role { Restrict, Member, Admin, Owner }
    Relation { Invitation, Contact, Block }
    Origin { Account, Host }
    UserKind { Person, Bot }
    Allowed { Anyone, Contacts, Nobody }
    Notify { All, Mentions, None }
    TokenKind { Token, Ticket }
    ImportKind { User, Group, Relation, Membership, Reaction }
    TaskKind { EraseUser, EraseGroup, LogRename, EraseReactions, EraseWebhookQueue, EraseOld }
    Follower { ExpiredTokens, DroppedFiles, StrayFiles, EventFeed, Webhooks, SearchIndex, Notifications, Retention }
    FeedKind {
        MessageText, MessageUpdate, MessageDelete, MessageReact, MessagePin, MessageRead, GroupUpdate, GroupDelete,
        ContactUpdate, UserUpdate, UserDelete, Notify, ReportCreate, ReportUpdate
    }
    ReportState { Open, Resolved, Dismissed }
    FileState { Reserved, Stored, Attached, Dropped, Avatar }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_numbers_never_change() {
        assert_eq!(table(), include_str!("encoding.txt"), "add lines to encoding.txt, and change none");
    }

    #[test]
    fn an_unknown_number_is_an_error_that_names_it() {
        let why = Role::from_number(77).expect_err("no role has it");
        assert_eq!(Role::known(77), None);
        assert!(format!("{why:?}").contains("Role has no stored number 77"), "{why:?}");
    }
}
