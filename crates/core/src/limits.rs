//! Limits: those that the protocol fixes, and those that an operator configures ([`Limits`]). A limit that
//! concerns one type only, such as [`PINS`](crate::pin::PINS), is in the module of that type.

use std::time::Duration;

use crate::audit::AuditRules;
use crate::feed::FeedRules;
use crate::file::FileLimits;
use crate::push::PushRules;
use crate::webhook::WEBHOOKS;

/// The longest user name, in characters. An operator may set a lower limit for new names.
pub const NAME_CHARS: usize = 128;
/// The longest display name, in characters, after trimming.
pub const DISPLAY_NAME_CHARS: usize = 80;
/// The longest avatar URL, in characters.
pub const AVATAR_CHARS: usize = 2048;
/// The longest host data on one object, in bytes.
pub const DATA_BYTES: usize = 4096;
/// The longest group name, in characters, after trimming.
pub const GROUP_NAME_CHARS: usize = 200;
/// The longest description of a group, in characters.
pub const DESCRIPTION_CHARS: usize = 1000;
/// The longest reason of a report and the longest note on one, in characters.
pub const REPORT_CHARS: usize = 1000;
/// The longest reason of a suspension, in characters.
pub const SUSPENSION_CHARS: usize = 500;
/// The longest retention that a group can set, in days.
pub const KEEP_DAYS: u32 = 36_500;
/// The longest slow-mode delay, in seconds.
pub const SLOW_SECONDS: u32 = 21_600;
/// The most users that an event lists for one change of members.
pub const MAX_LISTED_USERS: usize = 100;
/// The longest `client_id`, in characters.
pub const CLIENT_ID_CHARS: usize = 64;
/// The allowed length of a password, in characters.
pub const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 8..=256;
/// The most messages in a group's `messages`, which are the newest ones, newest first.
pub const LATEST: usize = 20;
/// The largest group whose events carry the lists of members, and whose members all receive read marks.
pub const MAX_LISTED_MEMBERS: usize = 100;
/// The upper limit of `unread` and `mentioned`; it means "this or more".
pub const UNREAD: u32 = 100;
/// `unread` is first counted among this many of a group's newest log numbers. If that is not sufficient, it
/// is counted author by author.
pub const UNREAD_NEAR: u32 = 200;
/// The most messages in one request for messages by id.
pub const IDS_PAGE: usize = 100;
/// The most messages that one log entry deletes.
pub const MAX_DELETED_PER_ENTRY: usize = 1000;
/// The most messages of one request that the search index removes immediately. Beyond that, it removes the
/// terms in steps.
pub const MAX_IMMEDIATE_REMOVALS: usize = 4;
/// The longest page of a group's history.
pub const HISTORY_PAGE: usize = 100;
/// The longest query of a search, in characters.
pub const QUERY_CHARS: usize = 256;
/// The most words of a query. In scripts without spaces, each character counts as a word.
pub const QUERY_WORDS: usize = 64;
/// The most sessions and service tokens of one user. Creating one more ends the oldest.
pub const SESSIONS: usize = 100;
/// The most events of one group in the answer to a resume. If there are more, the client reads the history.
pub const RESUME_EVENTS: usize = 1000;
/// The most events in the answer to one resume, over all groups.
pub const RESUME_TOTAL: usize = 10_000;
/// The most groups that a user has not accepted yet. Beyond that, the oldest are dropped.
pub const PENDING_GROUPS: usize = 100;
/// The most invitations that a user can have received. Beyond that, the oldest are dropped.
pub const RECEIVED_INVITATIONS: usize = 1000;
/// The most names in one request for users by name.
pub const NAMES_PAGE: usize = 100;
/// The longest page of a list.
pub const LIST_PAGE: usize = 1000;

/// Limits that an operator configures. They are checked in the transaction that writes.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The longest name of a new user, in characters (`limits.name_chars`, 128).
    pub name_chars: usize,
    /// The longest message body, in Unicode scalar values (`limits.message_chars`, 4096).
    pub message_chars: usize,
    /// The most users in one group (`limits.group_members`, 10 000).
    pub group_members: usize,
    /// The most groups of one user, not counting private ones (`limits.user_groups`, 2 000).
    pub user_groups: usize,
    /// The most contacts, sent invitations and blocks of one user (`limits.user_relations`, 5 000). Blocking
    /// works even beyond the limit.
    pub user_relations: usize,
    pub rates: RateLimits,
    /// Whether a user whom a non-contact adds to a group must accept first (`groups.consent`, true).
    pub consent: bool,
    /// Whether users see who has blocked them (`users.show_blocked_by`, false).
    pub show_blocked_by: bool,
    /// The time within which an author may edit a message (`messages.edit_window`). None: no time limit.
    pub edit_window: Option<Duration>,
    /// The time within which an author below admin may delete a message (`messages.delete_window`). None: no
    /// time limit.
    pub delete_window: Option<Duration>,
    /// The retention of messages (`messages.keep`). None: forever.
    pub messages_keep: Option<Duration>,
    pub files: FileLimits,
    pub feed: FeedRules,
    pub audit: AuditRules,
    /// The most webhooks (`webhooks.max`, 32).
    pub webhooks: usize,
    pub push: PushRules,
}

/// Rate limits. 0 disables a limit. A burst is the number that a user may use at once before the rate per
/// second applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimits {
    /// Messages of a user: burst (`limits.messages_burst`, 30).
    pub messages_burst: u32,
    /// Messages of a user: rate (`limits.messages_per_second`, 5).
    pub messages_per_second: u32,
    /// Events of a user, and its requests other than GET: burst (`limits.events_burst`, 200).
    pub events_burst: u32,
    /// Events of a user, and its requests other than GET: rate (`limits.events_per_second`, 50).
    pub events_per_second: u32,
    /// Changes of groups, memberships and profiles by a user: burst (`limits.changes_burst`, 100).
    pub changes_burst: u32,
    /// Changes of groups, memberships and profiles by a user: rate (`limits.changes_per_second`, 5).
    pub changes_per_second: u32,
    /// Private groups that a user opens with non-contacts, and strangers that it adds to groups, per day
    /// (`limits.first_contacts_per_day`, 50).
    pub first_contacts_per_day: u32,
    /// Groups that a user creates per day, not counting private ones (`limits.groups_per_day`, 100).
    pub groups_per_day: u32,
    /// Accounts created from one address per hour (`limits.signups_per_hour`, 10).
    pub signups_per_hour: u32,
    /// Reports of a user per hour (`limits.reports_per_hour`, 20).
    pub reports_per_hour: u32,
    /// Searches of a user: burst (`limits.searches_burst`, 20).
    pub searches_burst: u32,
    /// Searches of a user: rate (`limits.searches_per_second`, 5).
    pub searches_per_second: u32,
    /// WebSocket handshakes of a user: burst (`limits.connects_burst`, 20).
    pub connects_burst: u32,
    /// WebSocket handshakes of a user: rate (`limits.connects_per_second`, 1).
    pub connects_per_second: u32,
    /// Sign-in attempts for one name from one address, per minute (`auth.attempts_per_name`, 10).
    pub attempts_per_name: u32,
    /// Sign-in attempts from one address, per minute (`auth.attempts_per_address`, 60).
    pub attempts_per_address: u32,
}

impl RateLimits {
    /// No limits.
    pub const fn lifted() -> Self {
        Self {
            messages_burst: 0,
            messages_per_second: 0,
            events_burst: 0,
            events_per_second: 0,
            changes_burst: 0,
            changes_per_second: 0,
            first_contacts_per_day: 0,
            groups_per_day: 0,
            signups_per_hour: 0,
            reports_per_hour: 0,
            searches_burst: 0,
            searches_per_second: 0,
            connects_burst: 0,
            connects_per_second: 0,
            attempts_per_name: 0,
            attempts_per_address: 0,
        }
    }
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            messages_burst: 30,
            messages_per_second: 5,
            events_burst: 200,
            events_per_second: 50,
            changes_burst: 100,
            changes_per_second: 5,
            first_contacts_per_day: 50,
            groups_per_day: 100,
            signups_per_hour: 10,
            reports_per_hour: 20,
            searches_burst: 20,
            searches_per_second: 5,
            connects_burst: 20,
            connects_per_second: 1,
            attempts_per_name: 10,
            attempts_per_address: 60,
        }
    }
}

/// The most profiles that accompany one event.
pub const CARDS: usize = 1000;

/// Rules for users that an operator configures.
#[derive(Debug, Clone, Copy)]
pub struct UserRules {
    /// Whether users who signed up here may rename themselves (`users.rename = "self"`; default: no).
    pub rename_self: bool,
    /// Whether only the service may change display names and avatars (`users.profile = "service"`; default:
    /// no).
    pub profile_by_service: bool,
    /// Whether users may set their avatars to URLs (`users.avatar_urls`; default: no).
    pub avatar_urls: bool,
    /// The time for which the name of a deleted or renamed user is reserved (`users.name_hold`, 30 days).
    pub name_hold: Duration,
    /// The strangers that a user can find (`users.directory`, default: by exact name).
    pub directory: Directory,
}

/// The strangers that a user can find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Directory {
    /// Everybody.
    All,
    /// Users whose exact name is given.
    Exact,
    /// Nobody.
    None,
}

impl Default for UserRules {
    fn default() -> Self {
        let name_hold = Duration::from_secs(30 * 24 * 3600);
        Self {
            rename_self: false,
            profile_by_service: false,
            avatar_urls: false,
            name_hold,
            directory: Directory::Exact,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            name_chars: NAME_CHARS,
            message_chars: 4096,
            group_members: 10_000,
            user_groups: 2_000,
            user_relations: 5_000,
            rates: RateLimits::default(),
            consent: true,
            show_blocked_by: false,
            edit_window: None,
            delete_window: None,
            messages_keep: None,
            files: FileLimits::default(),
            feed: FeedRules::default(),
            audit: AuditRules::default(),
            webhooks: WEBHOOKS,
            push: PushRules::default(),
        }
    }
}
