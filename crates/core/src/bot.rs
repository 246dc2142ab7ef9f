//! The secrets of bots: keys, and the addresses of incoming hooks. Each secret grants a part of its bot's
//! rights.

use crate::scope::{Scope, Scopes};
use crate::token::TokenHash;
use crate::{BotKeyId, Date, Error, FileId, GroupId, HookId, MessageId, Result, UserId};

/// The most keys of a bot.
pub const BOT_KEYS: usize = 100;
/// The most incoming hooks of a bot.
pub const INCOMING_HOOKS: usize = 100;
/// The most groups of a key.
pub const KEY_GROUPS: usize = 100;

/// The error text for actions that no bot secret allows.
pub const BEYOND_BOTS: &str = "a bot's key can only read and send in its groups";

/// A right of a bot's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BotRight {
    /// Read the groups and their messages, and open `/chat/`.
    Read,
    /// Send messages, and edit and delete its own.
    Send,
}

/// A set of rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BotRights(u8);

/// An action that a bot's secret may allow. No secret allows any other action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BotAct {
    /// Open a socket, and receive the events of the groups.
    Connect,
    ReadGroup,
    ReadMembers,
    ReadMessages,
    /// Read a file that a message carries.
    ReadFile,
    /// Receive the events that were missed.
    Resume,
    Send,
    Edit,
    Delete,
}

/// The object of a bot's action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BotTarget {
    Group(GroupId),
    Message(MessageId),
    File(FileId),
}

/// A bot's secret, as its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BotSecret {
    Key(TokenHash),
    /// The last part of an incoming hook's address.
    Hook(TokenHash),
}

/// A key of a bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BotKey {
    pub id: BotKeyId,
    /// The bot.
    pub user: UserId,
    /// The groups in which the key is valid.
    pub groups: Vec<GroupId>,
    pub may: BotRights,
    pub created: Date,
}

/// An address to which another program posts messages in the name of a bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncomingHook {
    pub id: HookId,
    /// The bot.
    pub user: UserId,
    /// The group that receives the messages.
    pub group: GroupId,
    pub created: Date,
}

/// The rights of a secret of a bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BotGrant {
    /// The bot.
    pub user: UserId,
    pub groups: Vec<GroupId>,
    pub may: BotRights,
}

impl BotRight {
    pub const ALL: [Self; 2] = [Self::Read, Self::Send];

    /// The wire form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Send => "send",
        }
    }

    /// Parses the wire form.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|right| right.as_str() == text)
    }

    fn bit(self) -> u8 {
        match self {
            Self::Read => 1,
            Self::Send => 2,
        }
    }
}

impl BotRights {
    pub fn of(rights: &[BotRight]) -> Self {
        Self(rights.iter().fold(0, |bits, right| bits | right.bit()))
    }

    /// Decodes the number that a store keeps.
    pub fn stored(bits: i64) -> Self {
        Self(u8::try_from(bits & 3).unwrap_or(0))
    }

    /// Encodes the rights as the number that a store keeps.
    pub fn number(self) -> i64 {
        self.0.into()
    }

    pub fn has(self, right: BotRight) -> bool {
        self.0 & right.bit() != 0
    }

    /// The equivalent scopes of a service key.
    pub fn scopes(self) -> Scopes {
        let scope = |right| match right {
            BotRight::Read => Scope::Read,
            BotRight::Send => Scope::Write,
        };
        Scopes::of(&self.list().map(scope).collect::<Vec<_>>())
    }

    /// The rights in the set.
    pub fn list(self) -> impl Iterator<Item = BotRight> {
        BotRight::ALL.into_iter().filter(move |right| self.has(*right))
    }
}

impl BotAct {
    pub const ALL: [Self; 9] = [
        Self::Connect,
        Self::ReadGroup,
        Self::ReadMembers,
        Self::ReadMessages,
        Self::ReadFile,
        Self::Resume,
        Self::Send,
        Self::Edit,
        Self::Delete,
    ];

    /// The right that this action requires.
    pub fn right(self) -> BotRight {
        match self {
            Self::Connect
            | Self::ReadGroup
            | Self::ReadMembers
            | Self::ReadMessages
            | Self::ReadFile
            | Self::Resume => BotRight::Read,
            Self::Send | Self::Edit | Self::Delete => BotRight::Send,
        }
    }
}

impl BotGrant {
    /// Returns 403 if the right for `act` is missing.
    pub fn allow(&self, act: BotAct) -> Result<()> {
        if self.may.has(act.right()) {
            return Ok(());
        }
        let right = act.right().as_str();
        Err(Error::forbidden(format!("this key may not {right}: create one with {right:?} in may")))
    }

    /// Whether the secret is valid in a group.
    pub fn reaches(&self, group: GroupId) -> bool {
        self.groups.contains(&group)
    }
}

impl From<BotKey> for BotGrant {
    fn from(key: BotKey) -> Self {
        Self { user: key.user, groups: key.groups, may: key.may }
    }
}

impl From<IncomingHook> for BotGrant {
    fn from(hook: IncomingHook) -> Self {
        Self { user: hook.user, groups: vec![hook.group], may: BotRights::of(&[BotRight::Send]) }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn grant(rights: &[BotRight]) -> BotGrant {
        let groups = vec![GroupId(Uuid::from_u128(1))];
        BotGrant { user: UserId(1), groups, may: BotRights::of(rights) }
    }

    #[test]
    fn key_allows_what_its_rights_say() {
        let reading = [
            BotAct::Connect,
            BotAct::ReadGroup,
            BotAct::ReadMembers,
            BotAct::ReadMessages,
            BotAct::ReadFile,
            BotAct::Resume,
        ];
        for act in BotAct::ALL {
            let reads = reading.contains(&act);
            assert_eq!(grant(&[BotRight::Read]).allow(act).is_ok(), reads, "{act:?}");
            assert_eq!(grant(&[BotRight::Send]).allow(act).is_ok(), !reads, "{act:?}");
            assert!(grant(&BotRight::ALL).allow(act).is_ok() && grant(&[]).allow(act).is_err(), "{act:?}");
        }
    }

    #[test]
    fn rights_are_kept_as_a_number() {
        for rights in [&[][..], &[BotRight::Read], &[BotRight::Send], &BotRight::ALL] {
            let rights = BotRights::of(rights);
            assert_eq!(BotRights::stored(rights.number()), rights);
            assert_eq!(BotRights::of(&rights.list().collect::<Vec<_>>()), rights);
        }
        assert!(BotRight::ALL.iter().all(|right| BotRight::parse(right.as_str()) == Some(*right)));
    }

    #[test]
    fn hook_sends_in_its_own_group_alone() {
        let (id, group) = (HookId(Uuid::nil()), GroupId(Uuid::from_u128(1)));
        let hook = IncomingHook { id, user: UserId(1), group, created: Date::from_micros(0) };
        let grant = BotGrant::from(hook);
        assert!(grant.allow(BotAct::Send).is_ok() && grant.allow(BotAct::ReadMessages).is_err());
        assert!(grant.reaches(group) && !grant.reaches(GroupId(Uuid::from_u128(2))));
    }
}
