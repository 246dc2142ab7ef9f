//! Accounts, sessions and tokens: who may call as whom. Passwords come here as PHC strings;
//! hashing and verifying them is [`crate::password`]'s.

use std::time::Duration;

use super::actor::service_only;
use super::identity::not_held;
use super::user::{own, short_enough, taken};
use super::{App, Context, Unit};
use crate::event::{Ended, Event, Kind};
use crate::limits::SESSIONS;
use crate::profile::Origin;
use crate::store::Tx;
use crate::token::{self, Secret, SecretKind, Token, TokenHash};
use crate::user::{Caller, User};
use crate::{Date, Error, Name, Result, UserId};

/// The longest life of a token: 365 days.
pub const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);
/// The life of a ticket: 30 seconds.
pub const TICKET: Duration = Duration::from_secs(30);

/// The refusal of a credential that is not good.
pub const REFUSED: Error = Error::Unauthenticated("this credential is not, or no longer, good");

const HOST_USER: Error =
    Error::Conflict("this user signs in by the host application, and has no password here");

/// Signs a user up.
#[derive(Debug, Clone)]
pub struct SignUp {
    /// The new user's name.
    pub name: Name,
    /// The password as a PHC string.
    pub phc: String,
    /// How long the session lasts.
    pub ttl: Duration,
}

/// A new token, whose secret is shown this once.
#[derive(Debug, Clone)]
pub struct Issued {
    /// Whom it stands for.
    pub user: User,
    /// The secret.
    pub secret: Secret,
    /// Until when it is good.
    pub expires: Date,
}

/// What a sign-in is checked against.
#[derive(Debug, Clone)]
pub struct Account {
    /// The user.
    pub user: User,
    /// The password as a PHC string, if one was set.
    pub phc: Option<String>,
}

impl App {
    /// Makes a user with a password and a first session.
    pub async fn account_create(&self, command: SignUp) -> Result<Issued> {
        self.room()?;
        self.write(&Context::new(Caller::Service), command, |unit, command| {
            not_held(unit, &command.name, "name")?;
            let user = account_insert(unit, &command.name, &command.phc)?;
            issue(unit, user, token::Kind::Token, command.ttl)
        })
        .await
    }

    /// Makes a user with a password, for the service.
    pub async fn account_add(&self, context: &Context, name: Name, phc: String) -> Result<User> {
        self.write(context, (name, phc), |unit, (name, phc)| {
            service_only(unit.caller)?;
            let user = account_insert(unit, name, phc)?;
            unit.tx.names_release(&name.claims())?;
            Ok(user)
        })
        .await
    }

    /// The account of a name, for a sign-in to be checked against.
    pub async fn account(&self, name: Name) -> Result<Option<Account>> {
        self.read(&Context::new(Caller::Service), name, |tx, _, name| {
            let Some(user) = tx.user_named(name)? else { return Ok(None) };
            let phc = if user.special { None } else { tx.password(user.id)? };
            Ok(Some(Account { user, phc }))
        })
        .await
    }

    /// A session for a user whose password was verified against `phc`, which must still stand.
    pub async fn session_create(&self, account: Account, ttl: Duration) -> Result<Issued> {
        self.write(&Context::new(Caller::Service), (account, ttl), |unit, (account, ttl)| {
            if account.phc.is_none() || unit.tx.password(account.user.id)? != account.phc {
                return Err(Error::Unauthenticated("the name or the password is wrong"));
            }
            issue(unit, account.user.clone(), token::Kind::Token, *ttl)
        })
        .await
    }

    /// Sets the password of a user who signs in here, and ends all of its sessions.
    pub async fn password_set(&self, context: &Context, name: Name, phc: String) -> Result<()> {
        self.write(context, (name, phc), |unit, (name, phc)| {
            service_only(unit.caller)?;
            let user = own(unit, name)?;
            let details = unit.tx.details(&[user.id])?.pop().flatten();
            if details.is_none_or(|details| details.origin == Origin::Host) {
                return Err(HOST_USER);
            }
            unit.tx.password_set(user.id, phc)?;
            unit.tx.tokens_delete(user.id)?;
            unit.tell(Event::to_users(Kind::Ended(Ended::User(user.id)), vec![]));
            Ok(())
        })
        .await
    }

    /// A ticket for one WebSocket handshake of the calling user. It ends with the token that asks
    /// for it, if one does.
    pub async fn ticket_create(&self, context: &Context, of: Option<TokenHash>) -> Result<Issued> {
        self.write(context, of, |unit, of| {
            let id = unit.caller.user().ok_or_else(|| Error::forbidden("tickets are for users"))?;
            let user = unit.tx.user(id)?.ok_or(Error::Unauthenticated("this account is no more"))?;
            issue(unit, user, token::Kind::Ticket { of: *of }, TICKET)
        })
        .await
    }

    /// The token with this hash, if it is good now.
    pub async fn token(&self, hash: TokenHash) -> Result<Option<Token>> {
        let now = self.clock().now();
        let service = Context::new(Caller::Service);
        self.read(&service, (hash, now), |tx, _, (hash, now)| good(tx, hash, *now)).await
    }

    /// Uses a ticket up. If it was good, the token that asked for it, or itself if none did.
    pub async fn ticket_take(&self, hash: TokenHash) -> Result<Option<Token>> {
        self.write(&Context::new(Caller::Service), hash, |unit, hash| {
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
            Ok(standing.filter(|token| token.expires > now))
        })
        .await
    }

    /// Ends one token, its open sockets included.
    pub async fn token_end(&self, hash: TokenHash) -> Result<()> {
        self.write(&Context::new(Caller::Service), hash, |unit, hash| {
            if unit.tx.token_delete(hash)? {
                unit.tell(Event::to_users(Kind::Ended(Ended::Token(*hash)), vec![]));
            }
            Ok(())
        })
        .await
    }

    /// Ends everything that a user has signed in with, open sockets included. The password stays.
    pub async fn tokens_end(&self, context: &Context, name: Name) -> Result<()> {
        self.write(context, name, |unit, name| {
            let user = own(unit, name)?;
            unit.tx.tokens_delete(user.id)?;
            unit.tell(Event::to_users(Kind::Ended(Ended::User(user.id)), vec![]));
            Ok(())
        })
        .await
    }

    /// Drops expired tokens and lets go of names that were held long enough; answers how many. Called now and then.
    pub async fn tokens_purge(&self) -> Result<usize> {
        self.write(&Context::new(Caller::Service), (), |unit, ()| {
            let now = unit.now();
            Ok(unit.tx.tokens_purge(now)? + unit.tx.names_purge(now)?)
        })
        .await
    }

    /// Whether a user is still there.
    pub async fn user_by_id(&self, id: UserId) -> Result<Option<User>> {
        self.read(&Context::new(Caller::Service), id, |tx, _, id| tx.user(*id)).await
    }
}

/// A new user who signs in with a password.
fn account_insert(unit: &mut Unit, name: &Name, phc: &str) -> Result<User> {
    short_enough(unit, name, "name")?;
    let now = unit.now();
    let user = unit.tx.user_insert(name, false, now)?.ok_or_else(|| taken("name"))?;
    unit.tx.origin_set(user.id, Origin::Account)?;
    unit.tx.password_set(user.id, phc)?;
    Ok(user)
}

/// The token with this hash, if it is good now.
pub(super) fn good(tx: &dyn Tx, hash: &TokenHash, now: Date) -> Result<Option<Token>> {
    let found = tx.token(hash)?;
    Ok(found.filter(|token| token.kind == token::Kind::Token && token.expires > now))
}

pub(super) fn issue(unit: &mut Unit, user: User, kind: token::Kind, ttl: Duration) -> Result<Issued> {
    let secret_kind = match kind {
        token::Kind::Token => SecretKind::Token,
        token::Kind::Ticket { .. } => SecretKind::Ticket,
    };
    let secret = Secret::new(secret_kind, &*unit.rules.clock);
    let ttl = i64::try_from(ttl.as_micros()).unwrap_or(i64::MAX);
    let expires = Date::from_micros(unit.now().micros().saturating_add(ttl));
    unit.tx.token_insert(&secret.hash(), user.id, kind, expires)?;
    if kind == token::Kind::Token {
        for ended in unit.tx.tokens_trim(user.id, SESSIONS)? {
            unit.tell(Event::to_users(Kind::Ended(Ended::Token(ended)), vec![]));
        }
    }
    Ok(Issued { user, secret, expires })
}
