//! Accounts, sessions and tokens. Passwords arrive here as PHC strings; [`crate::password`] does the hashing
//! and the verification.

use std::time::Duration;

use super::actor::service_only;
use super::identity::require_unreserved;
use super::session::{self, end_others, session_owner};
use super::user::{load_editable_user, name_taken, require_short_name};
use super::{App, Context, Growth, Unit};
use crate::audit::AuditAction;
use crate::event::{Ended, Event, Kind};
use crate::limits::SESSIONS;
use crate::profile::Origin;
use crate::session::SessionClient;
use crate::store::Tx;
use crate::token::{self, Secret, SecretKind, Token, TokenHash};
use crate::user::{Caller, User};
use crate::{Date, Error, Name, Result, UserId};

/// The longest lifetime of a token: 365 days.
pub const MAX_TOKEN_TTL: Duration = Duration::from_secs(365 * 24 * 3600);
/// The lifetime of a ticket: 30 seconds.
pub const TICKET: Duration = Duration::from_secs(30);

const HOST_USER: Error =
    Error::Conflict("this user signs in through the host application and has no password here");

/// The error text for a password change with a wrong old password.
pub const WRONG_OLD: &str = "the old password is wrong";

/// Signs a user up.
#[derive(Debug, Clone)]
pub struct SignUp {
    pub name: Name,
    /// The password as a PHC string.
    pub phc: String,
    /// The lifetime of the first session.
    pub ttl: Duration,
    pub client: SessionClient,
}

/// Begins a session. The password must already be verified.
#[derive(Debug, Clone)]
pub struct BeginSession {
    /// The account that the password was verified against.
    pub account: Account,
    pub ttl: Duration,
    pub client: SessionClient,
}

/// A new token. The secret is shown only once.
#[derive(Debug, Clone)]
pub struct Issued {
    pub user: User,
    pub secret: Secret,
    pub expires: Date,
}

/// The data that a sign-in is checked against.
#[derive(Debug, Clone)]
pub struct Account {
    pub user: User,
    /// The password as a PHC string. None if the user has no password.
    pub phc: Option<String>,
}

/// Changes a user's password. The old one must already be verified.
#[derive(Debug, Clone)]
pub struct ChangePassword {
    /// The account that the old password was verified against.
    pub account: Account,
    /// The new password as a PHC string.
    pub phc: String,
    /// The session of the request, which continues. All other sessions end.
    pub session: Option<TokenHash>,
}

impl App {
    /// Creates a user with a password, and its first session.
    pub async fn account_create(&self, command: SignUp) -> Result<Issued> {
        self.write(Growth::Adds, &Context::server(), command, |unit, command| {
            require_unreserved(unit, &command.name, "name")?;
            let user = account_insert(unit, &command.name, &command.phc)?;
            let address = command.client.address.as_deref();
            unit.audit_sign_in(AuditAction::AccountCreate, &user.name, address, "password")?;
            issue_token(unit, user, command.ttl, Some(&command.client))
        })
        .await
    }

    /// Creates a user with a password, on behalf of the service.
    pub async fn account_add(&self, context: &Context, name: Name, phc: String) -> Result<User> {
        self.write(Growth::Adds, context, (name, phc), |unit, (name, phc)| {
            service_only(unit.caller)?;
            let user = account_insert(unit, name, phc)?;
            unit.tx.names_release(&name.claims(unit.rules.name_case))?;
            unit.audit_with(AuditAction::UserCreate, name, "with a password")?;
            Ok(user)
        })
        .await
    }

    /// The account with this name, for a sign-in.
    pub async fn account(&self, name: Name) -> Result<Option<Account>> {
        self.read(&Context::server(), name, |tx, _, name| {
            let Some(user) = tx.user_named(name)? else { return Ok(None) };
            let phc = if user.special { None } else { tx.password(user.id)? };
            Ok(Some(Account { user, phc }))
        })
        .await
    }

    /// Begins a session for a user whose password was verified against `phc`. Fails if the password has
    /// changed since then.
    pub async fn session_create(&self, command: BeginSession) -> Result<Issued> {
        self.write(Growth::Bounded, &Context::server(), command, |unit, command| {
            let account = &command.account;
            if account.phc.is_none() || unit.tx.password(account.user.id)? != account.phc {
                return Err(Error::Unauthenticated("the name or the password is wrong"));
            }
            if let Some((_, standing)) = unit.tx.user_standing(account.user.id)? {
                standing.admit(unit.now())?;
            }
            let address = command.client.address.as_deref();
            unit.audit_sign_in(AuditAction::SessionCreate, &account.user.name, address, "password")?;
            issue_token(unit, account.user.clone(), command.ttl, Some(&command.client))
        })
        .await
    }

    /// The calling user's account, for a change of its password.
    pub async fn own_account(&self, context: &Context) -> Result<Account> {
        self.read(context, (), |tx, caller, ()| {
            let id = caller.user().ok_or_else(|| Error::forbidden("only a user has a password"))?;
            let user = tx.user(id)?.ok_or(Error::Unauthenticated("this account was deleted"))?;
            signs_in_here(tx, user.id)?;
            Ok(Account { phc: tx.password(user.id)?, user })
        })
        .await
    }

    /// Changes the calling user's password and ends its other sessions. Fails if the password has changed
    /// since the old one was verified.
    pub async fn password_change(&self, context: &Context, command: ChangePassword) -> Result<()> {
        self.write(Growth::Bounded, context, command, |unit, command| {
            let Account { user, phc } = &command.account;
            if unit.caller.user() != Some(user.id) {
                return Err(Error::forbidden("only a user has a password"));
            }
            if phc.is_none() || unit.tx.password(user.id)? != *phc {
                return Err(Error::forbidden(WRONG_OLD));
            }
            unit.tx.password_set(user.id, &command.phc)?;
            unit.audit(AuditAction::PasswordSet, &user.name)?;
            match &command.session {
                Some(session) => end_others(unit, user.id, session),
                None => end_sessions(unit, user.id),
            }
        })
        .await
    }

    /// Sets the password of a user with an account on this server, and ends all of its sessions.
    pub async fn password_set(&self, context: &Context, name: Name, phc: String) -> Result<()> {
        self.write(Growth::Bounded, context, (name, phc, context.who), |unit, (name, phc, who)| {
            service_only(unit.caller)?;
            let user = load_editable_user(unit, name)?;
            unit.require_scope_over(*who, user.id)?;
            signs_in_here(unit.tx, user.id)?;
            unit.tx.password_set(user.id, phc)?;
            unit.audit(AuditAction::PasswordSet, &user.name)?;
            end_sessions(unit, user.id)
        })
        .await
    }

    /// Gives a password to a user of the host application, of a provider or of an import. From now on the
    /// user signs in with this password, and in no other way. All of its tokens and sessions end.
    pub async fn password_adopt(&self, context: &Context, name: Name, phc: String) -> Result<()> {
        self.write(Growth::Bounded, context, (name, phc), |unit, (name, phc)| {
            service_only(unit.caller)?;
            let user = load_editable_user(unit, name)?;
            unit.tx.provider_identities_delete(user.id)?;
            unit.tx.origin_set(user.id, Origin::Account)?;
            unit.tx.password_set(user.id, phc)?;
            unit.audit_with(AuditAction::PasswordSet, &user.name, "it signs in here from now on")?;
            end_sessions(unit, user.id)
        })
        .await
    }

    /// Creates a ticket for one WebSocket handshake of the calling user. The ticket ends together with the
    /// token that requested it, if any.
    pub async fn ticket_create(&self, context: &Context, of: Option<TokenHash>) -> Result<Issued> {
        self.write(Growth::Bounded, context, of, |unit, of| {
            let id =
                unit.caller.user().ok_or_else(|| Error::forbidden("only a user can request a ticket"))?;
            let user = unit.tx.user(id)?.ok_or(Error::Unauthenticated("this account was deleted"))?;
            issue(unit, user, token::Kind::Ticket { of: *of }, TICKET)
        })
        .await
    }

    /// The token with this hash. None if it is not valid now. Fails if the user is suspended.
    pub async fn token(&self, hash: TokenHash) -> Result<Option<Token>> {
        let now = self.clock().now();
        let server = Context::server();
        self.read(&server, (hash, now), |tx, _, (hash, now)| valid_token(tx, hash, *now)).await
    }

    /// Consumes a ticket. Returns the token that requested it, or the ticket itself if there is none. None if
    /// the ticket was not valid. Fails if the user is suspended.
    pub async fn ticket_take(&self, hash: TokenHash) -> Result<Option<Token>> {
        let server = Context::server();
        // Anybody may send guesses, so they must not reach the writer.
        if self.read(&server, hash, |tx, _, hash| tx.token(hash)).await?.is_none() {
            return Ok(None);
        }
        self.write(Growth::Bounded, &server, hash, |unit, hash| {
            let now = unit.now();
            let Some(ticket) = unit.tx.token(hash)? else { return Ok(None) };
            let token::Kind::Ticket { of } = ticket.kind else { return Ok(None) };
            unit.tx.token_delete(hash)?;
            if ticket.expires <= now {
                return Ok(None);
            }
            let standing = match of {
                Some(token) => unit.tx.token(&token)?,
                None => Some(ticket),
            };
            standing.filter(|token| token.expires > now).map(|token| admitted(token, now)).transpose()
        })
        .await
    }

    /// Ends a token of the calling user, and closes its sockets.
    pub async fn token_end(&self, context: &Context, hash: TokenHash) -> Result<()> {
        self.write(Growth::Bounded, context, hash, |unit, hash| {
            let user = unit.caller.user().map(|id| unit.tx.user(id)).transpose()?.flatten();
            if let Some(user) = user {
                unit.audit(AuditAction::SessionDelete, &user.name)?;
            }
            end_token(unit, hash)
        })
        .await
    }

    /// Ends all tokens of a user, and closes their sockets. The password stays. Returns whether the user is
    /// the caller.
    pub async fn tokens_end(&self, context: &Context, name: Name) -> Result<bool> {
        self.write(Growth::Bounded, context, (name, context.who), |unit, (name, who)| {
            let user = session_owner(unit.tx, unit.caller, unit.rules.users.directory, name)?;
            unit.require_scope_over(*who, user.id)?;
            unit.audit(AuditAction::SessionsDelete, &user.name)?;
            end_sessions(unit, user.id)?;
            Ok(unit.caller == Caller::User(user.id))
        })
        .await
    }

    /// The date on which a user was created. None if it no longer exists. Distinguishes successive users with
    /// the same name.
    pub async fn user_created(&self, id: UserId) -> Result<Option<Date>> {
        self.read(&Context::server(), id, |tx, _, id| {
            Ok(tx.details(&[*id])?.pop().flatten().map(|details| details.created))
        })
        .await
    }

    /// The user with this id. None if it no longer exists. Fails if the user is suspended.
    pub async fn user_by_id(&self, id: UserId) -> Result<Option<User>> {
        let now = self.clock().now();
        self.read(&Context::server(), (id, now), |tx, _, (id, now)| {
            let Some((user, standing)) = tx.user_standing(*id)? else { return Ok(None) };
            standing.admit(*now)?;
            Ok(Some(user))
        })
        .await
    }
}

/// Fails if the user signs in through the host application.
fn signs_in_here(tx: &dyn Tx, user: UserId) -> Result<()> {
    let details = tx.details(&[user])?.pop().flatten();
    if details.is_none_or(|details| details.origin == Origin::Host) {
        return Err(HOST_USER);
    }
    Ok(())
}

/// Ends a token, if it exists, and closes its sockets.
pub(super) fn end_token(unit: &mut Unit, token: &TokenHash) -> Result<()> {
    if unit.tx.token_delete(token)? {
        unit.publish_end(*token);
    }
    Ok(())
}

/// Ends all tokens of a user, and closes their sockets.
fn end_sessions(unit: &mut Unit, user: UserId) -> Result<()> {
    unit.tx.tokens_delete(user)?;
    unit.publish(Event::to_users(Kind::Ended(Ended::User(user)), vec![]));
    Ok(())
}

/// Inserts a user with a password.
fn account_insert(unit: &mut Unit, name: &Name, phc: &str) -> Result<User> {
    require_short_name(unit, name, "name")?;
    let now = unit.now();
    let user = unit.tx.user_insert(name, false, now)?.ok_or_else(|| name_taken("name"))?;
    unit.tx.origin_set(user.id, Origin::Account)?;
    unit.tx.password_set(user.id, phc)?;
    Ok(user)
}

/// The token with this hash. None if it is not valid at `now`. Fails if the user is suspended.
pub(super) fn valid_token(tx: &dyn Tx, hash: &TokenHash, now: Date) -> Result<Option<Token>> {
    let found = tx.token(hash)?.filter(|token| token.kind == token::Kind::Token && token.expires > now);
    found.map(|token| admitted(token, now)).transpose()
}

/// Refuses the token of a suspended user.
fn admitted(token: Token, now: Date) -> Result<Token> {
    match &token.suspension {
        Some(suspension) if suspension.until > now => Err(suspension.refusal()),
        _ => Ok(token),
    }
}

/// Creates a token of a user: for the client that signed in, or for a service.
pub(super) fn issue_token(
    unit: &mut Unit,
    user: User,
    ttl: Duration,
    client: Option<&SessionClient>,
) -> Result<Issued> {
    let issued = issue(unit, user, token::Kind::Token, ttl)?;
    session::begin(unit, &issued.secret.hash(), client)?;
    for ended in unit.tx.tokens_trim(issued.user.id, SESSIONS)? {
        unit.publish_end(ended);
    }
    Ok(issued)
}

fn issue(unit: &mut Unit, user: User, kind: token::Kind, ttl: Duration) -> Result<Issued> {
    let secret_kind = match kind {
        token::Kind::Token => SecretKind::Token,
        token::Kind::Ticket { .. } => SecretKind::Ticket,
    };
    let secret = Secret::new(secret_kind, &*unit.rules.clock);
    let expires = unit.now().plus(ttl);
    unit.tx.token_insert(&secret.hash(), user.id, kind, expires)?;
    Ok(Issued { user, secret, expires })
}

impl Unit<'_> {
    /// Publishes the end of a token. Every node then closes the sockets of the token.
    pub(super) fn publish_end(&mut self, token: TokenHash) {
        self.publish(Event::to_users(Kind::Ended(Ended::Token(token)), vec![]));
    }
}
