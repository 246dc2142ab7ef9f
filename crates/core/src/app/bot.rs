//! The secrets of bots: creates, lists and ends keys and incoming hooks. Only the service may do this.

use super::actor::service_only;
use super::{App, Context, Growth, Unit, Who};
use crate::audit::AuditAction;
use crate::bot::{BOT_KEYS, BotGrant, BotKey, BotRights, BotSecret, BotTarget, INCOMING_HOOKS, IncomingHook};
use crate::event::{Ended, Event, Kind};
use crate::profile::UserKind;
use crate::scope::{Scope, Scopes};
use crate::store::Tx;
use crate::token::{REFUSED, Secret, SecretKind};
use crate::user::{Caller, User};
use crate::{BotKeyId, Date, Error, GroupId, HookId, Name, Result, UserId};

const MISSING_HOOK: Error = Error::NotFound("hook");

/// Creates a key of a bot.
#[derive(Debug, Clone)]
pub struct MakeBotKey {
    pub bot: Name,
    /// The groups in which the key is valid: between 1 and [`KEY_GROUPS`](crate::bot::KEY_GROUPS).
    pub groups: Vec<GroupId>,
    pub may: BotRights,
}

/// Creates an incoming hook of a bot.
#[derive(Debug, Clone)]
pub struct MakeIncomingHook {
    pub bot: Name,
    pub group: GroupId,
}

impl App {
    /// Creates a key of a bot. Its secret is shown only this once. A service key cannot create a bot key with
    /// rights that it lacks itself.
    pub async fn bot_key_create(&self, context: &Context, command: MakeBotKey) -> Result<(BotKey, Secret)> {
        self.write(Growth::Bounded, context, (command, context.who), create_key).await
    }

    /// The keys of a bot, in order of creation.
    pub async fn bot_keys(&self, context: &Context, bot: Name) -> Result<Vec<BotKey>> {
        self.read(context, bot, |tx, caller, bot| tx.bot_keys(bot_of(tx, caller, bot)?.id)).await
    }

    pub async fn bot_key(&self, context: &Context, bot: Name, id: BotKeyId) -> Result<BotKey> {
        self.read(context, (bot, id), |tx, caller, (bot, id)| {
            let keys = tx.bot_keys(bot_of(tx, caller, bot)?.id)?;
            keys.into_iter().find(|key| key.id == *id).ok_or(Error::NotFound("key"))
        })
        .await
    }

    /// Ends a key of a bot, and closes its sockets.
    pub async fn bot_key_delete(&self, context: &Context, bot: Name, id: BotKeyId) -> Result<()> {
        self.write(Growth::Bounded, context, (bot, id), |unit, (bot, id)| {
            let bot = bot_of(unit.tx, unit.caller, bot)?;
            let hash = unit.tx.bot_key_delete(bot.id, *id)?.ok_or(Error::NotFound("key"))?;
            unit.publish(Event::to_users(Kind::Ended(Ended::Token(hash)), vec![]));
            unit.audit_with(AuditAction::BotKeyDelete, id, format_args!("of {}", bot.name))
        })
        .await
    }

    /// Creates an incoming hook of a bot. Its secret is shown only this once.
    pub async fn incoming_hook_create(
        &self,
        context: &Context,
        command: MakeIncomingHook,
    ) -> Result<(IncomingHook, Secret)> {
        self.write(Growth::Bounded, context, (command, context.who), create_hook).await
    }

    /// The incoming hooks of a bot, in order of creation.
    pub async fn incoming_hooks(&self, context: &Context, bot: Name) -> Result<Vec<IncomingHook>> {
        self.read(context, bot, |tx, caller, bot| tx.incoming_hooks(bot_of(tx, caller, bot)?.id)).await
    }

    pub async fn incoming_hook(&self, context: &Context, bot: Name, id: HookId) -> Result<IncomingHook> {
        self.read(context, (bot, id), |tx, caller, (bot, id)| {
            let hooks = tx.incoming_hooks(bot_of(tx, caller, bot)?.id)?;
            hooks.into_iter().find(|hook| hook.id == *id).ok_or(MISSING_HOOK)
        })
        .await
    }

    pub async fn incoming_hook_delete(&self, context: &Context, bot: Name, id: HookId) -> Result<()> {
        self.write(Growth::Bounded, context, (bot, id), |unit, (bot, id)| {
            let bot = bot_of(unit.tx, unit.caller, bot)?;
            if !unit.tx.incoming_hook_delete(bot.id, *id)? {
                return Err(MISSING_HOOK);
            }
            unit.audit_with(AuditAction::HookDelete, id, format_args!("of {}", bot.name))
        })
        .await
    }

    /// The current grant of a secret. Each use case reads it again, in its own transaction.
    pub async fn bot_grant(&self, secret: BotSecret) -> Result<BotGrant> {
        let now = self.clock().now();
        self.read(&Context::server(), (secret, now), |tx, _, (secret, now)| bot_grant(tx, *secret, *now))
            .await
    }
}

/// The grant of a secret. An unknown key fails like a token, an unknown hook as missing. The secrets of a
/// suspended bot are refused.
pub(super) fn bot_grant(tx: &dyn Tx, secret: BotSecret, now: Date) -> Result<BotGrant> {
    let grant: BotGrant = match secret {
        BotSecret::Key(hash) => tx.bot_key(&hash)?.ok_or(REFUSED)?.into(),
        BotSecret::Hook(hash) => tx.incoming_hook(&hash)?.ok_or(MISSING_HOOK)?.into(),
    };
    if let Some((_, standing)) = tx.user_standing(grant.user)? {
        standing.admit(now)?;
    }
    Ok(grant)
}

/// Fails with the error for a missing object if the target is outside the groups of the secret.
pub(super) fn reach(tx: &dyn Tx, grant: &BotGrant, target: BotTarget) -> Result<()> {
    let (group, missing) = match target {
        BotTarget::Group(group) => (Some(group), "group"),
        BotTarget::Message(id) => (tx.message(id)?.map(|message| message.group), "message"),
        BotTarget::File(id) => (tx.file(id)?.and_then(|file| file.group), "file"),
    };
    if group.is_some_and(|group| grant.reaches(group)) { Ok(()) } else { Err(Error::NotFound(missing)) }
}

/// Ends the keys and hooks of a user who is no longer a bot, and closes the user's sockets.
pub(super) fn end_bot(unit: &mut Unit, user: UserId) -> Result<()> {
    unit.tx.bot_secrets_delete(user)?;
    unit.publish(Event::to_users(Kind::Ended(Ended::User(user)), vec![]));
    Ok(())
}

/// The bot with this name. Only for the service.
fn bot_of(tx: &dyn Tx, caller: Caller, name: &Name) -> Result<User> {
    service_only(caller)?;
    let user = tx.user_named(name)?.ok_or(Error::NotFound("user"))?;
    let details = tx.details(&[user.id])?.pop().flatten();
    if details.is_none_or(|details| details.kind != UserKind::Bot) {
        return Err(Error::field(
            "name",
            "must be the name of a bot: set the kind of the user to \"bot\" first",
        ));
    }
    Ok(user)
}

fn create_key(unit: &mut Unit, (command, who): &(MakeBotKey, Who)) -> Result<(BotKey, Secret)> {
    let bot = bot_of(unit.tx, unit.caller, &command.bot)?;
    unit.require_scopes(*who, command.may.scopes())?;
    let mut groups = Vec::with_capacity(command.groups.len());
    for (at, group) in command.groups.iter().enumerate() {
        if groups.contains(group) {
            continue;
        }
        groups.push(*group);
        if unit.tx.group(*group)?.is_none() {
            let why = format!("must name an existing group: there is no group {group}");
            return Err(Error::field(format!("groups[{at}]"), why));
        }
    }
    if unit.tx.bot_keys(bot.id)?.len() >= BOT_KEYS {
        return Err(full("keys", BOT_KEYS));
    }
    let clock = &*unit.rules.clock;
    let secret = Secret::new(SecretKind::Bot, clock);
    let key =
        BotKey { id: BotKeyId::new(clock), user: bot.id, groups, may: command.may, created: unit.now() };
    unit.tx.bot_key_insert(&secret.hash(), &key)?;
    unit.audit_with(AuditAction::BotKeyCreate, key.id, format_args!("of {}", bot.name))?;
    Ok((key, secret))
}

fn create_hook(unit: &mut Unit, (command, who): &(MakeIncomingHook, Who)) -> Result<(IncomingHook, Secret)> {
    let bot = bot_of(unit.tx, unit.caller, &command.bot)?;
    unit.require_scopes(*who, Scopes::of(&[Scope::Write]))?;
    let group = command.group;
    if unit.tx.group(group)?.is_none() {
        return Err(Error::field("group", format!("must be an existing group: there is no group {group}")));
    }
    if unit.tx.incoming_hooks(bot.id)?.len() >= INCOMING_HOOKS {
        return Err(full("hooks", INCOMING_HOOKS));
    }
    let clock = &*unit.rules.clock;
    let secret = Secret::new(SecretKind::Hook, clock);
    let hook = IncomingHook { id: HookId::new(clock), user: bot.id, group, created: unit.now() };
    unit.tx.incoming_hook_insert(&secret.hash(), &hook)?;
    unit.audit_with(AuditAction::HookCreate, hook.id, format_args!("of {}", bot.name))?;
    Ok((hook, secret))
}

fn full(what: &str, most: usize) -> Error {
    Error::forbidden(format!("this bot has {most} {what}, which is the limit: delete one first"))
}
