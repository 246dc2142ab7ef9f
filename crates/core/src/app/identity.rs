//! Identity: which user a name from the host application refers to, and the reservation of former names. An
//! account never passes from one person to another.

use std::time::Duration;

use super::account::{Issued, MAX_TOKEN_TTL, issue_token};
use super::actor::service_only;
use super::directory::not_special;
use super::profile::{audience, set_profile};
use super::user::require_short_name;
use super::{App, Context, Growth, Unit};
use crate::audit::AuditAction;
use crate::event::{Ended, Event, Kind};
use crate::profile::{Identity, Origin, ProfileUpdate};
use crate::token;
use crate::user::User;
use crate::{Date, Error, Name, Result};

/// The error text for a reserved name, which only the service may reassign.
pub(super) const HELD: &str = "is reserved, because another user had it recently: choose another name";
const VARIANT: Error = Error::Conflict(
    "this is another spelling of an existing user's name: send the name exactly as it is stored",
);
const NOT_CANONICAL: Error = Error::Conflict(
    "a new name must be in its canonical form: send it in normalisation form C, with letters of ordinary width",
);
const SIGNED_UP: Error = Error::Conflict(
    "this user signed up here with a password: adopt the user (\"adopt\": true, or --adopt) to end the password \
     and every session",
);

const PROVIDED: Error = Error::Conflict(
    "this user signs in through the provider of OpenID Connect: adopt the user (\"adopt\": true, or --adopt) to end that and \
     every session",
);

/// A name as the host application spells it.
#[derive(Debug, Clone)]
pub struct SpelledName {
    name: Name,
    /// Whether the name was already in canonical form.
    exact: bool,
}

impl SpelledName {
    /// Parses a name. The error completes a sentence that begins with the field's name.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let name = Name::parse(text)?;
        Ok(Self { exact: name.as_str() == text, name })
    }

    /// Whether the spelling equals the user's name byte for byte.
    fn is(&self, user: &User) -> bool {
        self.exact && self.name == user.name
    }
}

/// Creates a token for a user.
#[derive(Debug, Clone)]
pub struct IssueToken {
    pub name: SpelledName,
    pub ttl: Duration,
    /// Whether to take over a user who signed up on this server.
    pub adopt: bool,
}

/// Creates a user, or updates its profile.
#[derive(Debug, Clone)]
pub struct PutUser {
    pub name: SpelledName,
    pub profile: ProfileUpdate,
    /// Whether to take over a user who signed up on this server.
    pub adopt: bool,
}

/// A user, and whether it was created.
#[derive(Debug, Clone)]
pub struct PutResult {
    pub user: User,
    pub made: bool,
}

/// The result for a name in a JWT or from the validator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExternalUser {
    For(User),
    /// The name is refused. The reason is only logged.
    Refused(&'static str),
}

impl App {
    /// The user with this name, exactly as a JWT or the validator spells it. With `create`, a missing user is
    /// created. Fails if the user is suspended.
    pub async fn external_user(&self, name: Name, create: bool) -> Result<ExternalUser> {
        let server = Context::server();
        let found = self.read(&server, name.clone(), |tx, _, name| tx.identity(name)).await?;
        match found {
            Some(identity) => acceptable(&name, identity, self.clock().now()),
            None if create => self.write(Growth::Adds, &server, name, at_first_sight).await,
            None => Ok(ExternalUser::Refused(
                "there is no user with this name, and the setting to create users is off",
            )),
        }
    }

    /// Creates a token for a user, on behalf of the service.
    pub async fn token_create(&self, context: &Context, command: IssueToken) -> Result<Issued> {
        self.write(Growth::Bounded, context, (command, context.who), |unit, (command, who)| {
            service_only(unit.caller)?;
            let identity = unit.tx.identity(&command.name.name)?.ok_or(Error::NotFound("user"))?;
            unit.require_scope_over(*who, identity.user.id)?;
            if command.ttl.as_secs() == 0 || command.ttl > MAX_TOKEN_TTL {
                return Err(Error::field("ttl", token::TTL));
            }
            let user = host_user(unit, &command.name, identity, command.adopt)?;
            unit.audit(AuditAction::TokenCreate, &user.name)?;
            issue_token(unit, user, command.ttl, None)
        })
        .await
    }

    /// Creates a user or updates its profile, on behalf of the service.
    pub async fn user_put(&self, context: &Context, command: PutUser) -> Result<PutResult> {
        let query = (command.name.name.clone(), command.profile.clone());
        let audience = self.read(context, query, |tx, _, (name, update)| audience(tx, name, update)).await?;
        self.write(
            Growth::Adds,
            context,
            (command, audience, context.who),
            |unit, (command, audience, who)| {
                service_only(unit.caller)?;
                let (user, made) = match unit.tx.identity(&command.name.name)? {
                    Some(identity) => {
                        if command.adopt {
                            unit.require_scope_over(*who, identity.user.id)?;
                        }
                        (host_user(unit, &command.name, identity, command.adopt)?, false)
                    }
                    None => (new_host_user(unit, &command.name)?, true),
                };
                let is_changed = set_profile(unit, &user, &command.profile, audience)?;
                if made {
                    unit.audit(AuditAction::UserCreate, &user.name)?;
                } else if is_changed {
                    unit.audit(AuditAction::UserUpdate, &user.name)?;
                }
                Ok(PutResult { user, made })
            },
        )
        .await
    }
}

/// Reserves a user's former name, so that only the service may reassign it. Keys that the new name also uses
/// are not reserved.
pub(super) fn reserve_name(unit: &mut Unit, name: &Name, new_name: Option<&Name>) -> Result<()> {
    let case = unit.rules.name_case;
    let kept = new_name.map(|name| name.claims(case)).unwrap_or_default();
    let claims: Vec<_> = name.claims(case).into_iter().filter(|claim| !kept.contains(claim)).collect();
    let hold = unit.rules.users.name_hold;
    if hold.is_zero() {
        return Ok(());
    }
    unit.tx.names_hold(&claims, unit.now().plus(hold))
}

/// Refuses a reserved name.
pub(super) fn require_unreserved(unit: &mut Unit, name: &Name, field: &'static str) -> Result<()> {
    if unit.tx.names_held(&name.claims(unit.rules.name_case), unit.rules.clock.now())? {
        return Err(Error::field(field, HELD));
    }
    Ok(())
}

/// The user that the service names, for whom the host application vouches.
fn host_user(unit: &mut Unit, name: &SpelledName, identity: Identity, adopt: bool) -> Result<User> {
    let Identity { user, origin, provided, .. } = identity;
    let user = not_special(user)?;
    if !name.is(&user) {
        return Err(VARIANT);
    }
    match origin {
        Origin::Host if !provided => {}
        _ if adopt => take_over(unit, &user)?,
        Origin::Account => return Err(SIGNED_UP),
        Origin::Host => return Err(PROVIDED),
    }
    Ok(user)
}

/// Makes the host application the only source that vouches for this user.
pub(super) fn take_over(unit: &mut Unit, user: &User) -> Result<()> {
    unit.tx.password_delete(user.id)?;
    unit.tx.provider_identities_delete(user.id)?;
    unit.tx.tokens_delete(user.id)?;
    unit.tx.origin_set(user.id, Origin::Host)?;
    unit.audit(AuditAction::UserAdopt, &user.name)?;
    unit.publish(Event::to_users(Kind::Ended(Ended::User(user.id)), vec![]));
    Ok(())
}

fn new_host_user(unit: &mut Unit, name: &SpelledName) -> Result<User> {
    if !name.exact {
        return Err(NOT_CANONICAL);
    }
    require_short_name(unit, &name.name, "name")?;
    let now = unit.now();
    let user = unit.tx.user_insert(&name.name, false, now)?.ok_or(VARIANT)?;
    unit.tx.names_release(&name.name.claims(unit.rules.name_case))?;
    Ok(user)
}

/// Creates a user whom a JWT or the validator names for the first time.
fn at_first_sight(unit: &mut Unit, name: &Name) -> Result<ExternalUser> {
    if let Some(identity) = unit.tx.identity(name)? {
        return acceptable(name, identity, unit.now());
    }
    if require_short_name(unit, name, "name").is_err() {
        return Ok(ExternalUser::Refused("the name is longer than limits.name_chars allows"));
    }
    let now = unit.now();
    if unit.tx.names_held(&name.claims(unit.rules.name_case), now)? {
        return Ok(ExternalUser::Refused(
            "the name belonged to another user until recently: the service must create the user",
        ));
    }
    Ok(match unit.tx.user_insert(name, false, now)? {
        Some(user) => ExternalUser::For(user),
        None => ExternalUser::Refused("the name looks like another user's name"),
    })
}

fn acceptable(name: &Name, identity: Identity, now: Date) -> Result<ExternalUser> {
    let Identity { user, origin, suspension, provided } = identity;
    let suspension = suspension.filter(|suspension| suspension.until > now);
    Ok(if user.special {
        ExternalUser::Refused("the name belongs to a special user")
    } else if user.name != *name {
        ExternalUser::Refused("the name is another spelling of a user's name")
    } else if origin == Origin::Account {
        ExternalUser::Refused(
            "the user signed up here with a password: the service must adopt the user first",
        )
    } else if provided {
        ExternalUser::Refused("the user signs in through the provider: the service must adopt the user first")
    } else if let Some(suspension) = suspension {
        return Err(suspension.refusal());
    } else {
        ExternalUser::For(user)
    })
}
