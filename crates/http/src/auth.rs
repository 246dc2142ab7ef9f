//! Who is calling: credentials, where they come from, and what they stand for.
//!
//! Nothing here decides what a caller may do: that is the use cases'. No credential is ever
//! logged or echoed.

mod accounts;
mod attempts;
mod bearer;
mod cookie;
pub mod jwt;
mod key;
pub mod origins;
mod outside;
mod passwords;
mod peer;
mod validator;

use std::sync::Arc;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;
use axum::http::{Method, header};
use chinwag_core::app::{App, Context};
use chinwag_core::token::{Kind, Token, TokenHash};
use chinwag_core::user::{Caller, User};
use chinwag_core::{Date, Error, Name, Result};

pub use key::ServiceKey;
pub(crate) use peer::trusts;
pub use peer::{Network, Peer};

use crate::doors::{Doors, Options};
use crate::error::Problem;
use attempts::Attempts;
use bearer::Authorization;
use jwt::Jwt;
use passwords::Passwords;
use validator::Validator;

const NEEDED: Error = Error::Unauthenticated("a credential is needed: sign in, or send a bearer token");
const REFUSED: Error = Error::Unauthenticated("this credential is not, or no longer, good");

/// Finds out who is calling.
pub struct Auth {
    app: App,
    options: Arc<Options>,
    jwt: Option<Jwt>,
    validator: Option<Validator>,
    passwords: Passwords,
    attempts: Attempts,
}

/// What a caller has shown.
#[derive(Debug, Clone)]
pub enum Credential {
    /// The service's key, or nothing where the server is open.
    Service,
    /// A user's credential.
    User(SignedIn),
}

/// A user who has shown a good credential.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// Who.
    pub user: User,
    /// The token, if it is one of our own: its end ends what was opened with it.
    pub token: Option<TokenHash>,
    /// Until when the credential is good, if it says so.
    pub expires: Option<Date>,
}

/// The caller of a REST request, taken from it before its body is read.
pub struct Calling(pub Context);

impl Auth {
    /// Refuses options that cannot be served.
    pub(crate) fn new(app: App, options: Arc<Options>) -> Result<Self> {
        let per_minute = (options.attempts_per_name, options.attempts_per_address);
        for origin in &options.origins {
            if origins::Origin::parse(origin).is_none() {
                let why = format!("holds {origin:?}, which is not like https://chat.example");
                return Err(Error::field("origins", why));
            }
        }
        Ok(Self {
            jwt: Jwt::new(&options.jwt)?,
            validator: options.validate_url.as_deref().map(Validator::new).transpose()?,
            passwords: Passwords::default(),
            attempts: Attempts::new(per_minute.0, per_minute.1),
            app,
            options,
        })
    }

    /// Who calls over REST. Without any credential it is the service where the server is open.
    pub async fn credential(&self, parts: &Parts) -> Result<Credential> {
        if let Some(credential) = self.shown(parts).await? {
            return Ok(credential);
        }
        if !self.options.open {
            return Err(NEEDED);
        }
        self.own_origin(parts)?;
        Ok(Credential::Service)
    }

    /// Who opens a WebSocket: a user. A ticket is used up.
    pub async fn handshake(&self, parts: &Parts) -> Result<SignedIn> {
        if let Some(ticket) = bearer::ticket(parts.uri.query()) {
            return self.app.ticket_take(TokenHash::of(&ticket)).await?.map(signed_in).ok_or(REFUSED);
        }
        let shown = match bearer::subprotocol(&parts.headers) {
            Some(secret) => Some(self.by_secret(secret).await?.ok_or(REFUSED)?),
            None => self.shown(parts).await?,
        };
        match shown {
            Some(Credential::User(user)) => Ok(user),
            Some(Credential::Service) => {
                Err(Error::forbidden("the service key is no user, who opens a socket"))
            }
            None => Err(NEEDED),
        }
    }

    /// Refuses an `Origin`, if one was sent, that is neither this host's nor configured.
    pub fn origin_check(&self, parts: &Parts) -> Result<()> {
        origins::check(parts, &self.options)
    }

    /// The credential that was shown, if any was. A bad one is refused.
    async fn shown(&self, parts: &Parts) -> Result<Option<Credential>> {
        let headers = &parts.headers;
        let found = match bearer::authorization(headers) {
            Some(Authorization::Bearer(secret)) => self.by_secret(secret).await?,
            Some(Authorization::Other) => None,
            None => match bearer::cookie(headers) {
                Some(secret) => {
                    self.not_forged(parts)?;
                    self.by_users_secret(secret).await?.map(Credential::User)
                }
                None if self.validator.is_none() || !headers.contains_key(header::COOKIE) => return Ok(None),
                None => None,
            },
        };
        match found {
            Some(credential) => Ok(Some(credential)),
            None => self.vouched_for(parts).await.map(Some),
        }
    }

    async fn by_secret(&self, secret: &str) -> Result<Option<Credential>> {
        if self.options.service_key.is(secret) {
            return Ok(Some(Credential::Service));
        }
        Ok(self.by_users_secret(secret).await?.map(Credential::User))
    }

    /// A user's: one of our own tokens, or one of the host application's.
    async fn by_users_secret(&self, secret: &str) -> Result<Option<SignedIn>> {
        let Some(jwt) = self.jwt.as_ref().filter(|_| Jwt::looks_like(secret)) else {
            return Ok(self.app.token(TokenHash::of(secret)).await?.map(signed_in));
        };
        let Some(vouched) = jwt.read(secret, self.app.clock().now()).await else { return Ok(None) };
        let user = self.outsider(vouched.name, jwt.create).await?;
        Ok(user.map(|user| SignedIn { user, token: None, expires: Some(vouched.expires) }))
    }

    /// The user whom the host application names, if there may be such a one.
    async fn outsider(&self, name: Name, create: bool) -> Result<Option<User>> {
        match self.app.vouched_for(name, create).await {
            Err(Error::Invalid(_)) => Ok(None),
            found => found,
        }
    }

    /// The user whom the host's validator names.
    async fn vouched_for(&self, parts: &Parts) -> Result<Credential> {
        let Some(validator) = &self.validator else { return Err(REFUSED) };
        if !parts.headers.contains_key(header::AUTHORIZATION) {
            self.not_forged(parts)?;
        }
        let name = validator.ask(&parts.headers).await?.ok_or(REFUSED)?;
        let user = self.outsider(name, self.options.validate_creates).await?.ok_or(REFUSED)?;
        Ok(Credential::User(SignedIn { user, token: None, expires: None }))
    }

    /// Refuses what another site's page may have made a browser send, with its user's cookies.
    fn not_forged(&self, parts: &Parts) -> Result<()> {
        if parts.method == Method::GET || parts.method == Method::HEAD {
            return self.origin_check(parts);
        }
        self.own_origin(parts)
    }

    fn own_origin(&self, parts: &Parts) -> Result<()> {
        origins::own(parts, &self.options)
    }

    /// The `Set-Cookie` that keeps a session's secret.
    pub(crate) fn cookie(&self, secret: &str, parts: &Parts) -> header::HeaderValue {
        cookie::kept(secret, self.options.session_ttl, Peer::of(parts, &self.options).tls)
    }

    /// The `Set-Cookie` that drops it.
    pub(crate) fn no_cookie(&self, parts: &Parts) -> header::HeaderValue {
        cookie::dropped(Peer::of(parts, &self.options).tls)
    }
}

fn signed_in(token: Token) -> SignedIn {
    let user = User { id: token.user, name: token.name, special: false };
    match token.kind {
        Kind::Token => SignedIn { user, token: Some(token.hash), expires: Some(token.expires) },
        // A ticket that no token asked for: its own short life ends with its use.
        Kind::Ticket { .. } => SignedIn { user, token: None, expires: None },
    }
}

impl Credential {
    /// Who calls, for the use cases.
    pub fn context(&self) -> Context {
        Context::new(match self {
            Self::Service => Caller::Service,
            Self::User(user) => Caller::User(user.user.id),
        })
    }
}

impl FromRequestParts<Arc<Doors>> for Credential {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, doors: &Arc<Doors>) -> Result<Self, Problem> {
        Ok(doors.auth.credential(parts).await?)
    }
}

impl OptionalFromRequestParts<Arc<Doors>> for Credential {
    type Rejection = Problem;

    /// What was shown: nothing is nobody here, also where the server is open.
    async fn from_request_parts(parts: &mut Parts, doors: &Arc<Doors>) -> Result<Option<Self>, Problem> {
        Ok(doors.auth.shown(parts).await?)
    }
}

impl FromRequestParts<Arc<Doors>> for Calling {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, doors: &Arc<Doors>) -> Result<Self, Problem> {
        Ok(Self(doors.auth.credential(parts).await?.context()))
    }
}
