//! Sign-in through an OpenID Connect provider. The provider's response must already be verified.

use std::time::Duration;

use super::account::{Issued, issue_token};
use super::actor::service_only;
use super::identity::{require_unreserved, take_over};
use super::user::{load_editable_user, name_taken, require_short_name};
use super::{App, Context, Growth, Unit};
use crate::audit::AuditAction;
use crate::oidc::ProviderIdentity;
use crate::session::SessionClient;
use crate::user::User;
use crate::{Error, Name, Result};

const HAS_IDENTITY: Error =
    Error::Conflict("another user has this id at the provider: delete that user first");

/// Begins a session for the user with this identity.
#[derive(Debug, Clone)]
pub struct ProviderSignIn {
    pub identity: ProviderIdentity,
    pub ttl: Duration,
    pub client: SessionClient,
}

impl App {
    /// Begins a session for the user that a provider identified. None if no user has this identity; the user
    /// must then choose a name and be created.
    pub async fn provider_sign_in(&self, command: ProviderSignIn) -> Result<Option<Issued>> {
        self.write(Growth::Bounded, &Context::server(), command, |unit, command| {
            let Some(user) = identified(unit, &command.identity)? else { return Ok(None) };
            signed_in(unit, AuditAction::SessionCreate, user, command).map(Some)
        })
        .await
    }

    /// Creates the user that a provider identified, under a free name, and its first session. If the user was
    /// created in the meantime, begins a session for it.
    pub async fn provider_sign_up(&self, name: Name, command: ProviderSignIn) -> Result<Issued> {
        self.write(Growth::Adds, &Context::server(), (name, command), |unit, (name, command)| {
            if let Some(user) = identified(unit, &command.identity)? {
                return signed_in(unit, AuditAction::SessionCreate, user, command);
            }
            let user = provider_user(unit, name, &command.identity)?;
            signed_in(unit, AuditAction::AccountCreate, user, command)
        })
        .await
    }

    /// Links an existing user to an identity at a provider. From now on, the user signs in through the
    /// provider, and in no other way. Its password, tokens and sessions end.
    pub async fn provider_link(
        &self,
        context: &Context,
        name: Name,
        identity: ProviderIdentity,
    ) -> Result<()> {
        self.write(Growth::Bounded, context, (name, identity), |unit, (name, identity)| {
            service_only(unit.caller)?;
            let user = load_editable_user(unit, name)?;
            match unit.tx.provider_user(identity)? {
                Some(other) if other != user.id => return Err(HAS_IDENTITY),
                _ => {}
            }
            take_over(unit, &user)?;
            let now = unit.now();
            unit.tx.provider_identity_insert(identity, user.id, now)
        })
        .await
    }
}

/// The user with this identity. Fails if the user is suspended.
fn identified(unit: &Unit, identity: &ProviderIdentity) -> Result<Option<User>> {
    let Some(id) = unit.tx.provider_user(identity)? else { return Ok(None) };
    let (user, standing) =
        unit.tx.user_standing(id)?.ok_or_else(|| Error::internal("an identity has no user"))?;
    standing.admit(unit.now())?;
    Ok(Some(user))
}

/// Begins a session, and records `action` in the audit log.
fn signed_in(unit: &mut Unit, action: AuditAction, user: User, command: &ProviderSignIn) -> Result<Issued> {
    unit.audit_sign_in(action, &user.name, command.client.address.as_deref(), "OpenID Connect")?;
    issue_token(unit, user, command.ttl, Some(&command.client))
}

/// Creates a user without a password, to whom no other credential refers.
fn provider_user(unit: &mut Unit, name: &Name, identity: &ProviderIdentity) -> Result<User> {
    require_unreserved(unit, name, "name")?;
    require_short_name(unit, name, "name")?;
    let now = unit.now();
    let user = unit.tx.user_insert(name, false, now)?.ok_or_else(|| name_taken("name"))?;
    unit.tx.provider_identity_insert(identity, user.id, now)?;
    Ok(user)
}
