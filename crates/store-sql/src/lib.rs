//! The statements that SQLite and PostgreSQL share.
//!
//! A noun whose SQL is the same in both databases has its file here, on top of the trait [`Sql`], which both
//! stores implement for their transactions. The file contains a function for each method of the noun's port,
//! and a macro that implements the port with these functions. If the databases need different plans, a
//! [`Text`] contains both statements. Marks, summaries, the erasure of messages and the batch that sends
//! messages are not here, because their plans differ too much.
//!
//! Parameters are `$1`, `$2` …, in the order of their first use.

pub mod audit;
pub mod ban;
pub mod bot;
mod column;
mod erased;
pub mod export;
pub mod feed;
pub mod file;
pub mod file_list;
pub mod follower;
pub mod group;
pub mod import;
pub mod invite;
pub mod key;
mod log;
pub mod membership;
pub mod mention;
pub mod message;
mod message_date;
pub mod oidc;
pub mod open_group;
pub mod pin;
pub mod push;
pub mod reaction;
pub mod relation;
pub mod report;
pub mod retention;
pub mod search;
pub mod session;
mod sql;
pub mod stamp;
pub mod task;
pub mod thread;
pub mod token;
pub mod transfer;
pub mod user;
pub mod webhook;

/// The files of `migrations/` for each database, in the order of their numbers. The first file creates
/// version 1; a released migration is never changed.
pub mod migration {
    include!(concat!(env!("OUT_DIR"), "/migrations.rs"));
}

#[doc(hidden)]
pub use chinwag_core::stored_number;

pub use column::{Column, Columns};
pub use sql::{Conflict, Keys, Param, Sql, Text, limit};
use transfer::Table;

/// Every table. No table references one that comes later in the list.
pub const TABLES: &[Table] = &[
    transfer::HISTORY,
    user::USERS,
    user::NAME_CLAIMS,
    user::HELD_NAMES,
    user::PASSWORDS,
    token::TOKENS,
    bot::BOT_KEYS,
    key::SCOPED_KEYS,
    oidc::PROVIDER_IDENTITIES,
    relation::RELATIONS,
    group::GROUPS,
    membership::MEMBERSHIPS,
    membership::FORMER_MEMBERS,
    message::MESSAGES,
    log::LOG_ENTRIES,
    reaction::REACTIONS,
    mention::MENTIONS,
    ban::BANS,
    invite::INVITES,
    report::REPORTS,
    audit::AUDIT,
    bot::INCOMING_HOOKS,
    file::FILES,
    file::FILE_USAGE,
    import::IMPORTS,
    task::TASKS,
    follower::FOLLOWERS,
    feed::EVENTS,
    feed::FEED,
    feed::FEED_BOUNDS,
    webhook::WEBHOOKS,
    webhook::WEBHOOK_EVENTS,
    push::PUSH,
    push::PUSH_SUBSCRIPTIONS,
    push::PUSH_QUEUE,
];

/// The statements that erase a deleted group. Each erases at most `$2` rows of the group `$1`.
const ERASE_GROUP: [Text; 9] = [
    message::ERASE_MESSAGES,
    membership::ERASE_MEMBERSHIPS,
    membership::ERASE_FORMER_MEMBERS,
    log::ERASE_LOG_ENTRIES,
    reaction::ERASE_REACTIONS,
    mention::ERASE_MENTIONS,
    ban::ERASE_BANS,
    invite::ERASE_INVITES,
    bot::ERASE_INCOMING_HOOKS,
];

/// Types in the signatures of the ports.
#[doc(hidden)]
pub mod names {
    pub use chinwag_core::audit::{AuditEntry, AuditFilter};
    pub use chinwag_core::bot::{BotKey, IncomingHook};
    pub use chinwag_core::entry::GroupEntry;
    pub use chinwag_core::feed::{FeedBounds, FeedRow};
    pub use chinwag_core::file::{Reservation, StoredFile};
    pub use chinwag_core::group::{Group, Mark, Member, Membership, Summary};
    pub use chinwag_core::group_details::GroupDetails;
    pub use chinwag_core::group_settings::GroupSettings;
    pub use chinwag_core::invite::{Invite, InviteCode};
    pub use chinwag_core::log::{LogEntry, LogRow};
    pub use chinwag_core::mention::Mentions as MessageMentions;
    pub use chinwag_core::message::{Body, ClientId, Message, MessageDetail};
    pub use chinwag_core::name::NameCase;
    pub use chinwag_core::oidc::ProviderIdentity;
    pub use chinwag_core::permission::Role;
    pub use chinwag_core::profile::{Details, Identity, Origin, ProfileCard};
    pub use chinwag_core::push::{NotifyFacts, ServerKeys, Subscription, WaitingPush};
    pub use chinwag_core::reaction::{Emoji, Reaction};
    pub use chinwag_core::relation::{self, Pair};
    pub use chinwag_core::report::{MessageReport, NewReport, ReportState};
    pub use chinwag_core::scope::ScopedKey;
    pub use chinwag_core::session::{SessionClient, TokenUse, UserSession};
    pub use chinwag_core::store::{
        Audit, Bans, Bots, Candidate, Candidates, ChangedGroup, CommitPoint, DepartedGroup, Edge, Exports,
        Feed, FileRow, Files, Follower, FollowerState, Followers, Groups, ImportKind, Imported, Imports,
        Invites, Lease, ListedMember, Located, MemberPlace, Memberships, Mentions, MessageToErase, Messages,
        NewMessage, NewReaction, Newcomer, OpenGroupRow, OpenGroups, OpenPlace, OutsidePart, Page, Pins,
        PriorMessage, ProviderIdentities, Pushes, ReactionOf, ReactionPlace, Reactions, Relations, Reports,
        Retention, RetentionPage, ScopedKeys, SearchPlace, Sessions, Shown, Sign, Stamps, Task, Tasks,
        Threads, Tokens, Unread, Users, Webhooks, WrittenReaction,
    };
    pub use chinwag_core::suspension::UserStanding;
    pub use chinwag_core::thread::RootState;
    pub use chinwag_core::token::{self, Token, TokenHash};
    pub use chinwag_core::user::{Settings, User};
    pub use chinwag_core::webhook::{WaitingEvent, Webhook, WebhookAttempt, WebhookLane, WebhookQueue};
    pub use chinwag_core::{
        AuditId, BotKeyId, Date, FileId, GroupId, HolderId, HookId, KeyId, MessageId, Name, PushId, ReportId,
        Result, Seq, TaskId, UserId, WebhookId,
    };
    pub use std::time::Duration;
    pub use uuid::Uuid;
}

/// Generates a macro that implements a port for a transaction: each method calls the function of the same
/// name in the module. A store's own methods follow the transaction's type. `$` is passed as an argument,
/// because a macro that generates a macro cannot write it otherwise.
macro_rules! implement {
    (
        ($d:tt) $macro:ident: $port:ident by $module:ident
        read { $($read:ident($($read_arg:ident: $read_type:ty),*) -> $read_out:ty;)* }
        write { $($write:ident($($write_arg:ident: $write_type:ty),*) -> $write_out:ty;)* }
    ) => {
        /// Implements the port for a transaction. The store's own methods follow after a comma.
        #[macro_export]
        macro_rules! $macro {
            ($d transaction:ty $d(, $d($d own:tt)*)?) => {
                const _: () = {
                    use $crate::names::*;

                    impl $port for $d transaction {
                        $(fn $read(&self, $($read_arg: $read_type),*) -> Result<$read_out> {
                            $crate::$module::$read(self, $($read_arg),*)
                        })*
                        $(fn $write(&mut self, $($write_arg: $write_type),*) -> Result<$write_out> {
                            $crate::$module::$write(self, $($write_arg),*)
                        })*
                        $d($d($d own)*)?
                    }
                };
            };
        }
    };
}

pub(crate) use implement;

/// Implements every port whose statements both stores share. The store's own methods of `Users` follow after
/// a comma.
#[macro_export]
macro_rules! impl_ports {
    ($transaction:ty, $($own:tt)*) => {
        $crate::impl_bans!($transaction);
        $crate::impl_bots!($transaction);
        $crate::impl_candidates!($transaction);
        $crate::impl_exports!($transaction);
        $crate::impl_feed!($transaction);
        $crate::impl_files!($transaction);
        $crate::impl_followers!($transaction);
        $crate::impl_invites!($transaction);
        $crate::impl_memberships!($transaction);
        $crate::impl_open_groups!($transaction);
        $crate::impl_retention!($transaction);
        $crate::impl_reports!($transaction);
        $crate::impl_audit!($transaction);
        $crate::impl_pins!($transaction);
        $crate::impl_pushes!($transaction);
        $crate::impl_mentions!($transaction);
        $crate::impl_reactions!($transaction);
        $crate::impl_scoped_keys!($transaction);
        $crate::impl_provider_identities!($transaction);
        $crate::impl_sessions!($transaction);
        $crate::impl_stamps!($transaction);
        $crate::impl_tasks!($transaction);
        $crate::impl_threads!($transaction);
        $crate::impl_tokens!($transaction);
        $crate::impl_users!($transaction, $($own)*);
        $crate::impl_webhooks!($transaction);
    };
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The columns that the migrations create, as `table.column`.
    fn made(migrations: &[&str]) -> BTreeSet<String> {
        let (mut made, mut table) = (BTreeSet::new(), None);
        for line in migrations.iter().flat_map(|text| text.lines()) {
            let words: Vec<_> = line.split_whitespace().collect();
            match words[..] {
                ["CREATE", "TABLE", name, ..] => table = Some(name),
                ["ALTER", "TABLE", name, "ADD", "COLUMN", column, ..] => {
                    made.insert(format!("{name}.{column}"));
                }
                [first, ..] if first.starts_with(')') => table = None,
                // Constraints start with capitals.
                [column, ..] if column.starts_with(|c: char| c.is_ascii_lowercase()) => {
                    made.extend(table.map(|name| format!("{name}.{column}")));
                }
                _ => {}
            }
        }
        made
    }

    #[test]
    fn every_column_of_the_migrations_is_in_a_table() {
        let carried: BTreeSet<_> = TABLES
            .iter()
            .flat_map(|table| table.columns.iter().map(|(column, _)| format!("{}.{column}", table.name)))
            .collect();
        for migrations in [migration::SQLITE, migration::POSTGRES] {
            let mut made = made(migrations);
            // Indexes are rebuilt by a transfer, and stamps belong to one store.
            let is_own = |column: &String| {
                let of_table = ["search_", "stamps.", "stamp_dates.", "departures.", "message_dates."];
                of_table.iter().any(|table| column.starts_with(table))
                    || column.ends_with("stamp")
                    || column.ends_with("dated_seq")
            };
            made.retain(|column| !is_own(column));
            let missing: Vec<_> = made.difference(&carried).collect();
            assert!(missing.is_empty(), "`migrate` forgets {missing:?}");
            assert_eq!(made.len(), carried.len(), "every column is made by a migration");
        }
    }

    #[test]
    fn rows_of_a_group_are_erased_with_it() {
        // Exceptions: tasks end by themselves; an import keeps its records; the row of a dropped file stays
        // until its bytes are deleted; an event contains no text and stays as long as the feed is kept; a
        // queued notification contains no text and is dropped when its message does not exist any more; a
        // report stays for those who handle it.
        let of_group = |table: &&Table| {
            table.columns.iter().any(|(column, _)| *column == "group_id")
                && !["tasks", "imports", "files", "events", "push_queue", "reports"].contains(&table.name)
        };
        for table in TABLES.iter().filter(of_group) {
            let delete = format!("DELETE FROM {} ", table.name);
            assert!(
                ERASE_GROUP.iter().any(|text| text.postgres.starts_with(&delete)),
                "{} stays",
                table.name
            );
        }
    }
}
