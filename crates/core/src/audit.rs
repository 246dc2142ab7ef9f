//! The audit log: actions of the service, of admins and of the command line, credentials that were created or
//! ended, and failed sign-ins. It never contains a secret.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::user::Caller;
use crate::{AuditId, Date};

/// Where a call of a use case came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CallSource {
    /// The server itself, for example a background task.
    #[default]
    Server,
    /// A request or a socket of a client at this address.
    Address(IpAddr),
    /// A command of the operator.
    CommandLine,
}

/// The callers whose use of an action is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NotedOf {
    /// The service and the command line. A user who does the same in its own name is not recorded.
    Service,
    /// Every caller. Used for administration, and for the creation and end of credentials.
    All,
}

macro_rules! audit_actions {
    ($($of:ident { $($action:ident $name:literal)+ })+) => {
        /// An action that the audit log records.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum AuditAction {
            $($($action),+),+
        }

        impl AuditAction {
            pub const ALL: &[Self] = &[$($(Self::$action),+),+];

            /// The name on the wire and in the store.
            pub fn as_str(self) -> &'static str {
                match self {
                    $($(Self::$action => $name),+),+
                }
            }

            fn noted_of(self) -> NotedOf {
                match self {
                    $($(Self::$action => NotedOf::$of),+),+
                }
            }
        }
    };
}

audit_actions! {
    All {
        UserSuspend "user.suspend"
        UserUnsuspend "user.unsuspend"
        UserAdmin "user.admin"
        UserAdopt "user.adopt"
        ReportUpdate "report.update"
        MessageDelete "message.delete"
        AccountCreate "account.create"
        PasswordSet "password.set"
        SessionCreate "session.create"
        SessionFail "session.fail"
        SessionDelete "session.delete"
        SessionsDelete "sessions.delete"
        TokenCreate "token.create"
        KeyCreate "key.create"
        KeyDelete "key.delete"
        KeyRotate "key.rotate"
        BotKeyCreate "bot_key.create"
        BotKeyDelete "bot_key.delete"
        HookCreate "hook.create"
        HookDelete "hook.delete"
        WebhookCreate "webhook.create"
        WebhookUpdate "webhook.update"
        WebhookDelete "webhook.delete"
        WebhookReplay "webhook.replay"
        WebhookTest "webhook.test"
        Import "import"
    }
    Service {
        UserCreate "user.create"
        UserUpdate "user.update"
        UserRename "user.rename"
        UserDelete "user.delete"
        RelationUpdate "relation.update"
        GroupCreate "group.create"
        GroupUpdate "group.update"
        GroupJoin "group.join"
        GroupQuit "group.quit"
        GroupDelete "group.delete"
        GroupSettings "group.settings"
        InviteCreate "invite.create"
        InviteDelete "invite.delete"
        ReportCreate "report.create"
    }
}

impl AuditAction {
    /// The action with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.as_str() == name)
    }

    /// Whether the audit log records this action for this caller.
    pub fn is_noted(self, caller: Caller, source: CallSource) -> bool {
        match self.noted_of() {
            NotedOf::All => true,
            NotedOf::Service => caller == Caller::Service && source != CallSource::Server,
        }
    }
}

/// An entry of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    pub id: AuditId,
    pub date: Date,
    /// The name of a user, or [`SERVICE`] or [`COMMAND_LINE`]. None for a failed sign-in.
    pub actor: Option<Arc<str>>,
    /// The name of an [`AuditAction`]. A newer version may have written one that this version does not know.
    pub action: Arc<str>,
    /// The name of a user, or the id of a group, webhook, report, message, key or hook.
    pub target: Option<Arc<str>>,
    pub address: Option<Arc<str>>,
    /// Further details in a few words.
    pub detail: Option<Arc<str>>,
}

/// The `actor` of entries for the service.
pub const SERVICE: &str = "service";
/// The `actor` of entries for commands of the operator.
pub const COMMAND_LINE: &str = "command line";

/// The settings of the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditRules {
    /// The time for which entries are kept (`audit.keep`, 90 days).
    pub keep: Duration,
}

impl Default for AuditRules {
    fn default() -> Self {
        Self { keep: Duration::from_secs(90 * 24 * 3600) }
    }
}

/// A filter for entries. An entry matches if it has all of the given values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// The start and the end of a day in UTC. The end is exclusive.
    pub day: Option<(Date, Date)>,
    pub actor: Option<String>,
    pub action: Option<AuditAction>,
    pub target: Option<String>,
    pub address: Option<String>,
}

impl AuditFilter {
    /// Whether more than one value is given, not counting the day.
    pub(crate) fn has_several(&self) -> bool {
        let values =
            [self.actor.is_some(), self.action.is_some(), self.target.is_some(), self.address.is_some()];
        values.into_iter().filter(|is_given| *is_given).count() > 1
    }

    /// Whether an entry matches.
    pub fn admits(&self, entry: &AuditEntry) -> bool {
        let is = |wanted: Option<&str>, value: Option<&str>| wanted.is_none() || wanted == value;
        self.day.is_none_or(|(begin, end)| (begin..end).contains(&entry.date))
            && is(self.actor.as_deref(), entry.actor.as_deref())
            && is(self.action.map(AuditAction::as_str), Some(&entry.action))
            && is(self.target.as_deref(), entry.target.as_deref())
            && is(self.address.as_deref(), entry.address.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::net::Ipv4Addr;

    use super::*;
    use crate::UserId;

    #[test]
    fn each_action_has_a_name_of_its_own() {
        let names: HashSet<_> = AuditAction::ALL.iter().map(|action| action.as_str()).collect();
        assert_eq!(names.len(), AuditAction::ALL.len());
        for action in AuditAction::ALL {
            assert_eq!(AuditAction::parse(action.as_str()), Some(*action));
        }
    }

    #[test]
    fn users_acts_in_their_own_name_are_not_noted() {
        let (user, here) = (Caller::User(UserId(1)), CallSource::Address(Ipv4Addr::LOCALHOST.into()));
        assert!(!AuditAction::GroupCreate.is_noted(user, here));
        assert!(!AuditAction::UserCreate.is_noted(Caller::Service, CallSource::Server));
        for source in [here, CallSource::CommandLine] {
            assert!(AuditAction::GroupCreate.is_noted(Caller::Service, source));
        }
        assert!(AuditAction::SessionDelete.is_noted(user, here));
    }
}
