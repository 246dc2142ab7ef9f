//! Sign-in through a provider of OpenID Connect, whose answer was verified.

use std::time::Duration;

use super::account::{Issued, issue_token};
use super::actor::service_only;
use super::identity::{not_held, take_over};
use super::user::{own, short_enough, taken};
use super::{App, Context, Growth, Unit};
use crate::audit::AuditAction;
use crate::oidc::ProviderIdentity;
use crate::session::SessionClient;
use crate::user::{Caller, User};
use crate::{Error, Name, Result};

const HAS_IDENTITY: Error =
    Error::Conflict("another user has this id at the provider: delete that user first");

/// Begins a session for the user with an identity.
#[derive(Debug, Clone)]
pub struct ProviderSignIn {
    pub identity: ProviderIdentity,
    /// The lifetime of the session.
    pub ttl: Duration,
    /// The browser that signs in.
    pub client: SessionClient,
}

impl App {
    /// Makes a session for the user whom a provider has identified. There is none if no user has the identity: the user
    /// has yet to be made, with a name.
    pub async fn provider_sign_in(&self, command: ProviderSignIn) -> Result<Option<Issued>> {
        self.write(Growth::Bounded, &Context::new(Caller::Service), command, |unit, command| {
            let Some(user) = identified(unit, &command.identity)? else { return Ok(None) };
            signed_in(unit, AuditAction::SessionCreate, user, command).map(Some)
        })
        .await
    }

    /// Makes the user whom a provider has identified, with a name that nobody has, and its first session. If the user was
    /// made meanwhile, this is a session of that user.
    pub async fn provider_sign_up(&self, name: Name, command: ProviderSignIn) -> Result<Issued> {
        self.write(Growth::Adds, &Context::new(Caller::Service), (name, command), |unit, (name, command)| {
            if let Some(user) = identified(unit, &command.identity)? {
                return signed_in(unit, AuditAction::SessionCreate, user, command);
            }
            let user = provider_user(unit, name, &command.identity)?;
            signed_in(unit, AuditAction::AccountCreate, user, command)
        })
        .await
    }

    /// Gives a user who exists an identity at a provider: from now on it signs in through that, and by nothing else. Its
    /// password and all of its tokens and sessions end.
    pub async fn provider_link(
        &self,
        context: &Context,
        name: Name,
        identity: ProviderIdentity,
    ) -> Result<()> {
        self.write(Growth::Bounded, context, (name, identity), |unit, (name, identity)| {
            service_only(unit.caller)?;
            let user = own(unit, name)?;
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

/// The user with an identity. Fails for one who is suspended.
fn identified(unit: &Unit, identity: &ProviderIdentity) -> Result<Option<User>> {
    let Some(id) = unit.tx.provider_user(identity)? else { return Ok(None) };
    let (user, standing) =
        unit.tx.user_standing(id)?.ok_or_else(|| Error::internal("an identity has no user"))?;
    standing.admit(unit.now())?;
    Ok(Some(user))
}

/// Makes a session, which the audit log has with this action.
fn signed_in(unit: &mut Unit, action: AuditAction, user: User, command: &ProviderSignIn) -> Result<Issued> {
    unit.audit_sign_in(action, &user.name, command.client.address.as_deref(), "OpenID Connect")?;
    issue_token(unit, user, command.ttl, Some(&command.client))
}

/// Makes a user who has no password here, and whom no other credential names.
fn provider_user(unit: &mut Unit, name: &Name, identity: &ProviderIdentity) -> Result<User> {
    not_held(unit, name, "name")?;
    short_enough(unit, name, "name")?;
    let now = unit.now();
    let user = unit.tx.user_insert(name, false, now)?.ok_or_else(|| taken("name"))?;
    unit.tx.provider_identity_insert(identity, user.id, now)?;
    Ok(user)
}
