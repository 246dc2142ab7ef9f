//! Keys of the service that are limited to some scopes: create, list and end them.

use std::time::Duration;

use super::account::MAX_TOKEN_TTL;
use super::actor::service_only;
use super::{App, Context, Growth, Unit, Who};
use crate::audit::AuditAction;
use crate::scope::{SCOPED_KEYS, Scope, ScopedKey, Scopes};
use crate::store::Tx;
use crate::token::{REFUSED, Secret, SecretKind, TTL, TokenHash};
use crate::{Date, Error, KeyId, Result, UserId};

const MISSING: Error = Error::NotFound("key");

/// Creates a key.
#[derive(Debug, Clone)]
pub struct MakeKey {
    pub scopes: Scopes,
    /// The lifetime. None: the key does not expire.
    pub ttl: Option<Duration>,
}

impl App {
    /// Creates a key. Its secret is shown only this once. A key cannot create a key with scopes that it lacks
    /// itself.
    pub async fn key_create(&self, context: &Context, command: MakeKey) -> Result<(ScopedKey, Secret)> {
        self.write(Growth::Bounded, context, (command, context.who), create).await
    }

    /// The keys that have not expired, in order of creation.
    pub async fn keys(&self, context: &Context) -> Result<Vec<ScopedKey>> {
        let now = self.clock().now();
        self.read(context, now, |tx, caller, now| {
            service_only(caller)?;
            good_keys(tx, *now)
        })
        .await
    }

    pub async fn key(&self, context: &Context, id: KeyId) -> Result<ScopedKey> {
        self.keys(context).await?.into_iter().find(|key| key.id == id).ok_or(MISSING)
    }

    pub async fn key_delete(&self, context: &Context, id: KeyId) -> Result<()> {
        self.write(Growth::Bounded, context, id, |unit, id| {
            service_only(unit.caller)?;
            if !unit.tx.scoped_key_delete(*id)? {
                return Err(MISSING);
            }
            unit.audit(AuditAction::KeyDelete, id)
        })
        .await
    }

    /// The scopes of a valid key. Each use case looks the key up again, in its own transaction.
    pub async fn scopes_of(&self, key: TokenHash) -> Result<Scopes> {
        let query = (key, self.clock().now());
        self.read(&Context::server(), query, |tx, _, (key, now)| scopes(tx, key, *now)).await
    }
}

/// The scopes of a key. Fails if the key is not valid.
pub(super) fn scopes(tx: &dyn Tx, key: &TokenHash, now: Date) -> Result<Scopes> {
    let found = tx.scoped_key(key)?.filter(|key| key.is_good(now));
    found.map(|key| key.scopes).ok_or(REFUSED)
}

impl Unit<'_> {
    /// Returns 403 if the caller is a key that lacks one of the scopes `given`.
    pub(super) fn require_scopes(&self, who: Who, given: Scopes) -> Result<()> {
        let Who::Key(key) = who else { return Ok(()) };
        match scopes(self.tx, &key, self.now())?.lacking(given) {
            None => Ok(()),
            Some(scope) => Err(Error::forbidden(format!(
                "a key can grant only its own scopes, and this one lacks the scope {}",
                scope.as_str()
            ))),
        }
    }

    /// Returns 403 if the caller is a key without the scope `admin`. For actions through which it could gain
    /// what only that scope allows.
    pub(super) fn require_admin_scope(&self, who: Who) -> Result<()> {
        match who {
            Who::Key(key) if !scopes(self.tx, &key, self.now())?.has(Scope::Admin) => Err(Error::forbidden(
                "a key needs the scope admin to name, suspend and delete admins, and for their tokens, passwords and \
                 subscriptions",
            )),
            _ => Ok(()),
        }
    }

    /// Like [`require_admin_scope`](Self::require_admin_scope), but only if `user` is an admin of the server.
    pub(super) fn require_scope_over(&self, who: Who, user: UserId) -> Result<()> {
        let standing = self.tx.user_standing(user)?;
        if standing.is_some_and(|(_, standing)| standing.admin) {
            self.require_admin_scope(who)
        } else {
            Ok(())
        }
    }
}

fn good_keys(tx: &dyn Tx, now: Date) -> Result<Vec<ScopedKey>> {
    Ok(tx.scoped_keys()?.into_iter().filter(|key| key.is_good(now)).collect())
}

fn create(unit: &mut Unit, (command, who): &(MakeKey, Who)) -> Result<(ScopedKey, Secret)> {
    service_only(unit.caller)?;
    let now = unit.now();
    unit.require_scopes(*who, command.scopes)?;
    if command.ttl.is_some_and(|ttl| ttl.as_secs() == 0 || ttl > MAX_TOKEN_TTL) {
        return Err(Error::field("ttl", TTL));
    }
    unit.tx.scoped_keys_purge(now)?;
    if unit.tx.scoped_keys()?.len() >= SCOPED_KEYS {
        return Err(Error::forbidden(format!("there are {SCOPED_KEYS} keys: delete one first")));
    }
    let secret = Secret::new(SecretKind::Key, &*unit.rules.clock);
    let expires = command.ttl.map(|ttl| now.plus(ttl));
    let key = ScopedKey { id: KeyId::new(&*unit.rules.clock), scopes: command.scopes, created: now, expires };
    unit.tx.scoped_key_insert(&secret.hash(), &key)?;
    let scopes: Vec<_> = key.scopes.list().map(Scope::as_str).collect();
    unit.audit_with(AuditAction::KeyCreate, key.id, scopes.join(", "))?;
    Ok((key, secret))
}
