//! Authentication: the credentials in a request, and the callers that they identify.
//!
//! Authorization is not done here but in the use cases. Credentials are never logged or echoed.

pub(crate) mod accounts;
mod attempts;
mod bearer;
mod codes;
pub mod cookie;
mod device;
mod failures;
pub mod jwt;
mod known_tokens;
mod lookups;
pub mod oidc;
mod passwords;
pub(crate) mod provider_sign_in;
pub(crate) mod recheck;
mod refusals;
mod uses;
mod validator;

use std::sync::Arc;
use std::time::Duration;

use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use chinwag_core::app::identity::ExternalUser;
use chinwag_core::app::{App, Context};
use chinwag_core::bot::{BEYOND_BOTS, BotAct, BotGrant, BotSecret};
use chinwag_core::scope::Scopes;
use chinwag_core::token::{Kind, REFUSED, SecretKind, Token, TokenHash};
use chinwag_core::user::{Caller, User};
use chinwag_core::{Date, Error, Name, Result, UserId};
use chinwag_hub::Hub;

use crate::admission::Admission;
use crate::logged;
use crate::network::origins;
use crate::network::peer::Peer;
use crate::notice::Notice;
use crate::options::Options;
use attempts::Attempts;
use bearer::Authorization;
pub(crate) use bearer::vouched_headers;
use device::Devices;
use failures::{Failures, SignInKind};
use jwt::{Jwt, JwtRefusal};
use known_tokens::KnownTokens;
use oidc::Oidc;
use passwords::Passwords;
use recheck::Recheck;
use refusals::Refusals;
use validator::{Validated, Validator};

/// The maximum number of cookies with the same name that are tried.
const COOKIES: usize = 4;
/// `Retry-After` of a request whose credential could not be checked, since the validator did not answer.
const UNANSWERED: Duration = Duration::from_secs(2);
const NEEDED: Error = Error::Unauthenticated("a credential is required: sign in, or send a bearer token");

/// Authenticates callers.
pub struct Auth {
    app: App,
    options: Arc<Options>,
    jwt: Option<Jwt>,
    oidc: Option<Oidc>,
    validator: Option<Arc<Validator>>,
    passwords: Passwords,
    attempts: Attempts,
    failures: Failures,
    refused_origins: Notice,
    devices: Devices,
    admission: Arc<Admission>,
    refusals: Refusals,
    known_tokens: KnownTokens,
}

/// A caller's credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// The service key, or no credential on an open server.
    Service,
    /// A user's credential.
    User(SignedIn),
}

/// A user with a valid credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    pub user: User,
    /// The token, if it is Chinwag's own. When it ends, sockets that it opened are closed.
    pub token: Option<TokenHash>,
    /// The expiry of the credential, if it has one.
    pub expires: Option<Date>,
    /// Whether the host's validator identified the user. It is asked again while a socket is open.
    pub by_validator: bool,
}

/// The result of checking a request's credential before its body is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Identified {
    /// The request has no credential.
    Nobody,
    /// A token of Chinwag's own that was valid a moment ago, and its user.
    Token(TokenHash, UserId),
    /// A key of the service that was valid a moment ago, and its scopes.
    Key(TokenHash, Scopes),
    /// A secret of a bot that was valid a moment ago, and the bot.
    Bot(BotSecret, UserId),
    /// A valid credential of another kind.
    Known(Credential),
}

/// The credential in a request, before it is checked.
enum AuthInput<'r> {
    Nothing,
    Service,
    /// Possibly a token of Chinwag's own.
    Token(TokenHash),
    /// Possibly a key of the service with scopes.
    ScopedKey(TokenHash),
    /// Possibly a bot's key.
    Key(TokenHash),
    /// Something with the form of a JWT.
    Jwt(&'r str),
    /// The values of several cookies, any of which may be valid.
    Several(Vec<AuthInput<'r>>),
    /// Something that only the host's validator may recognize.
    Other,
}

impl Auth {
    /// Refuses invalid options.
    pub(crate) fn new(app: App, options: Arc<Options>, admission: Arc<Admission>) -> Result<Self> {
        for origin in &options.origins {
            if let Err(why) = origins::WebOrigin::configured(origin) {
                return Err(Error::field("origins", format!("holds {origin:?}, which {why}")));
            }
        }
        Ok(Self {
            jwt: Jwt::new(&options.jwt)?,
            oidc: options.oidc.as_ref().map(|oidc| Oidc::new(oidc, &options.service_key)).transpose()?,
            validator: options.validate_url.as_deref().map(Validator::new).transpose()?.map(Arc::new),
            passwords: Passwords::default(),
            refusals: Refusals::default(),
            known_tokens: KnownTokens::default(),
            attempts: Attempts::new(app.rates().clone(), options.requests),
            devices: Devices::new(&options.service_key),
            refused_origins: Notice::default(),
            failures: Failures::default(),
            app,
            options,
            admission,
        })
    }

    /// The caller of a REST request. Without a credential it is the service, if the server is open.
    pub async fn credential(&self, parts: &Parts) -> Result<Credential> {
        if let Some(credential) = self.verify(parts, self.extract(parts)?).await? {
            return Ok(credential);
        }
        if !self.options.open {
            return Err(NEEDED);
        }
        self.own_origin(parts)?;
        Ok(Credential::Service)
    }

    /// The task that revalidates open sockets, if it is configured.
    pub(crate) fn recheck(&self, hub: &Arc<Hub>) -> Option<Arc<Recheck>> {
        let times = (self.options.validate_every, self.options.validate_grace);
        let validator = self.validator.as_ref().filter(|_| !times.0.is_zero())?;
        Some(Recheck::new(self.app.clone(), hub.clone(), validator.clone(), times))
    }

    /// Checks the credential of a REST request. Refuses an invalid one.
    pub(crate) async fn identify(&self, parts: &Parts) -> Result<Identified> {
        match self.extract(parts)? {
            AuthInput::Nothing => Ok(Identified::Nobody),
            AuthInput::Token(hash) if self.validator.is_none() => {
                if let Some(user) = self.known_tokens.get(&hash) {
                    return Ok(Identified::Token(hash, user));
                }
                let user = self.token(parts, hash).await?.ok_or(REFUSED)?.user;
                self.known_tokens.insert(hash, user, || self.client(parts));
                Ok(Identified::Token(hash, user))
            }
            AuthInput::ScopedKey(hash) => {
                let scopes = self.scopes_of(parts, hash).await;
                Ok(Identified::Key(hash, self.noted((SignInKind::Key, None), parts, scopes).await?))
            }
            AuthInput::Key(hash) => {
                let secret = BotSecret::Key(hash);
                let grant = self.bot_grant(parts, secret).await;
                let grant = self.noted((SignInKind::Key, None), parts, grant).await?;
                Ok(Identified::Bot(secret, grant.user))
            }
            shown => {
                let known = self.verify(parts, shown).await?;
                if let Some(Credential::User(user)) = &known {
                    self.note_use(user, parts);
                }
                Ok(known.map_or(Identified::Nobody, Identified::Known))
            }
        }
    }

    /// The credential of a request, or `None` if it has none. Refuses an invalid one.
    pub(crate) async fn presented_credential(&self, parts: &Parts) -> Result<Option<Credential>> {
        self.verify(parts, self.extract(parts)?).await
    }

    /// The bot that opens a WebSocket with a key, and the key's grant. `None` if the request has no bot key.
    pub async fn handshake_key(&self, parts: &Parts) -> Result<Option<(SignedIn, (TokenHash, BotGrant))>> {
        let bearer = || match bearer::authorization(&parts.headers) {
            Some(Authorization::Bearer(secret)) => Some(secret),
            _ => None,
        };
        if bearer::ticket(parts.uri.query()).is_some() {
            return Ok(None);
        }
        let secret = bearer::subprotocol(&parts.headers).or_else(bearer);
        let Some(secret) = secret.filter(|secret| is_bot_key(secret)) else { return Ok(None) };
        let hash = TokenHash::of(secret);
        let grant = self.bot_grant(parts, BotSecret::Key(hash)).await;
        let grant = self.noted((SignInKind::Key, None), parts, grant).await?;
        grant.allow(BotAct::Connect)?;
        let user = self.app.user_by_id(grant.user).await?.ok_or(REFUSED)?;
        let signed_in = SignedIn { user, token: Some(hash), expires: None, by_validator: false };
        Ok(Some((signed_in, (hash, grant))))
    }

    /// The user who opens a WebSocket. Consumes a ticket.
    pub async fn handshake(&self, parts: &Parts) -> Result<SignedIn> {
        let outcome = self.handshake_user(parts).await;
        let user = self.noted((SignInKind::Socket, None), parts, outcome).await?.ok_or(NEEDED)?;
        self.note_use(&user, parts);
        Ok(user)
    }

    /// The user of the credential, or `None` without one.
    async fn handshake_user(&self, parts: &Parts) -> Result<Option<SignedIn>> {
        if let Some(ticket) = bearer::ticket(parts.uri.query()) {
            let token = self.ticket_take(parts, TokenHash::of(&ticket)).await?.ok_or(REFUSED)?;
            return Ok(Some(signed_in(token)));
        }
        let known = match bearer::subprotocol(&parts.headers) {
            Some(secret) => match self.look_up(parts, self.bearer(secret)).await? {
                Some(known) => Some(known),
                None => Some(self.validated_user(parts, &bearer::as_header(secret)).await?),
            },
            None => self.verify(parts, self.extract(parts)?).await?,
        };
        match known {
            Some(Credential::User(user)) => Ok(Some(user)),
            Some(Credential::Service) => {
                Err(Error::forbidden("the service key cannot open a socket: use the token of a user"))
            }
            None => Ok(None),
        }
    }

    /// Refuses a request whose `Origin` is neither this host's nor configured. A missing `Origin` is accepted.
    pub fn origin_check(&self, parts: &Parts) -> Result<()> {
        origins::check(parts, &self.options).inspect_err(|_| self.note_origin(parts))
    }

    /// Extracts the credential from a request.
    fn extract<'r>(&self, parts: &'r Parts) -> Result<AuthInput<'r>> {
        let headers = &parts.headers;
        Ok(match bearer::authorization(headers) {
            Some(Authorization::Bearer(secret)) => self.bearer(secret),
            Some(Authorization::Malformed) => AuthInput::Other,
            Some(Authorization::Other) if self.validator.is_some() => AuthInput::Other,
            _ if !headers.contains_key(header::COOKIE) => AuthInput::Nothing,
            _ => {
                let mut cookies = self.cookies(parts);
                if !cookies.is_empty() {
                    self.refuse_cross_site(parts)?;
                }
                match (cookies.pop(), cookies.is_empty()) {
                    (None, _) if self.validator.is_none() => AuthInput::Nothing,
                    (None, _) => AuthInput::Other,
                    (Some(only), true) => only,
                    (Some(last), false) => {
                        cookies.push(last);
                        AuthInput::Several(cookies)
                    }
                }
            }
        })
    }

    /// The cookies that may contain a user's secret. Over TLS, Chinwag's own sessions are accepted only under the
    /// prefixed name: a site on a sibling domain can set the plain one, which is left to the host application.
    fn cookies<'r>(&self, parts: &'r Parts) -> Vec<AuthInput<'r>> {
        let (headers, options) = (&parts.headers, &self.options);
        let tls = Peer::of(parts, options).tls;
        let own = bearer::cookies(headers, &cookie::name(options, tls))
            .map(|secret| self.users(secret))
            .collect::<Vec<_>>();
        let others =
            bearer::cookies(headers, &options.cookie).filter(|_| tls).map(|secret| self.users(secret));
        let others = others.filter(|shown| matches!(shown, AuthInput::Jwt(_)));
        own.into_iter().chain(others).take(COOKIES).collect()
    }

    fn bearer<'r>(&self, secret: &'r str) -> AuthInput<'r> {
        if self.options.service_key.is(secret) {
            AuthInput::Service
        } else if secret.starts_with(SecretKind::Key.prefix()) {
            AuthInput::ScopedKey(TokenHash::of(secret))
        } else if is_bot_key(secret) {
            AuthInput::Key(TokenHash::of(secret))
        } else {
            self.users(secret)
        }
    }

    /// A user's secret: a JWT by its form, or else a token of Chinwag's own.
    fn users<'r>(&self, secret: &'r str) -> AuthInput<'r> {
        if self.jwt.is_some() && Jwt::looks_like(secret) {
            AuthInput::Jwt(secret)
        } else {
            AuthInput::Token(TokenHash::of(secret))
        }
    }

    /// Checks the extracted credential. `None` if there is none; an invalid one is refused.
    async fn verify(&self, parts: &Parts, shown: AuthInput<'_>) -> Result<Option<Credential>> {
        if matches!(shown, AuthInput::Nothing) {
            return Ok(None);
        }
        match self.look_up(parts, shown).await? {
            Some(credential) => Ok(Some(credential)),
            None => self.validated_user(parts, &parts.headers).await.map(Some),
        }
    }

    async fn look_up(&self, parts: &Parts, shown: AuthInput<'_>) -> Result<Option<Credential>> {
        match shown {
            AuthInput::Nothing | AuthInput::Other => Ok(None),
            AuthInput::Key(hash) => {
                self.bot_grant(parts, BotSecret::Key(hash)).await?;
                Err(Error::forbidden(BEYOND_BOTS))
            }
            AuthInput::ScopedKey(hash) => {
                self.scopes_of(parts, hash).await.map(|_| Some(Credential::Service))
            }
            AuthInput::Service => Ok(Some(Credential::Service)),
            AuthInput::Several(all) => {
                for one in all {
                    if let Some(user) = self.user(parts, one).await? {
                        return Ok(Some(Credential::User(user)));
                    }
                }
                Ok(None)
            }
            one => Ok(self.user(parts, one).await?.map(Credential::User)),
        }
    }

    /// The user whom a single secret identifies.
    async fn user(&self, parts: &Parts, shown: AuthInput<'_>) -> Result<Option<SignedIn>> {
        match shown {
            AuthInput::Token(hash) => Ok(self.token(parts, hash).await?.map(signed_in)),
            AuthInput::Jwt(secret) => self.by_jwt(secret).await,
            AuthInput::Nothing
            | AuthInput::Service
            | AuthInput::ScopedKey(_)
            | AuthInput::Key(_)
            | AuthInput::Several(_)
            | AuthInput::Other => Ok(None),
        }
    }

    async fn by_jwt(&self, secret: &str) -> Result<Option<SignedIn>> {
        let Some(jwt) = &self.jwt else { return Ok(None) };
        let now = self.app.clock().now();
        let vouched = match jwt.read(secret, now).await {
            Ok(vouched) => vouched,
            Err(JwtRefusal::NoKeys) => return Err(Error::Unavailable(UNANSWERED)),
            Err(JwtRefusal::Bad(why)) => {
                self.refusals.log(now, &why);
                return Ok(None);
            }
        };
        let user = self.external_user(vouched.name, jwt.create).await?;
        Ok(user.map(|user| SignedIn {
            user,
            token: None,
            expires: Some(vouched.expires),
            by_validator: false,
        }))
    }

    /// The user whom the host application names, created if `create` is set. `None` if it must not sign in; the
    /// reason is logged.
    async fn external_user(&self, name: Name, create: bool) -> Result<Option<User>> {
        match self.app.external_user(name.clone(), create).await? {
            ExternalUser::For(user) => Ok(Some(user)),
            ExternalUser::Refused(why) => {
                self.refusals.log(self.app.clock().now(), &format!("{name:?}: {why}"));
                Ok(None)
            }
        }
    }

    /// The user whom the host's validator names for these headers.
    async fn validated_user(&self, parts: &Parts, headers: &HeaderMap) -> Result<Credential> {
        let Some(validator) = &self.validator else { return Err(REFUSED) };
        if !headers.contains_key(header::AUTHORIZATION) {
            self.refuse_cross_site(parts)?;
        }
        let share = self.admission.question(parts)?;
        let why = match validator.ask(headers, self.app.clock().now()).await {
            Validated::Named(name) => Ok(name),
            Validated::Refused => Err("the validator refused it".into()),
            Validated::Silent => return Err(Error::Unavailable(UNANSWERED)),
            Validated::NoName(why) => Err(why),
        };
        let name = why.map_err(|why| {
            self.refusals.log(self.app.clock().now(), &why);
            REFUSED
        })?;
        drop(share);
        let user = self.external_user(name, self.options.validate_creates).await?.ok_or(REFUSED)?;
        Ok(Credential::User(SignedIn { user, token: None, expires: None, by_validator: true }))
    }

    /// Refuses a request that a page of another site may have made the browser send with the user's cookies.
    fn refuse_cross_site(&self, parts: &Parts) -> Result<()> {
        if parts.method == Method::GET || parts.method == Method::HEAD {
            return self.origin_check(parts);
        }
        self.own_origin(parts)
    }

    fn own_origin(&self, parts: &Parts) -> Result<()> {
        origins::own(parts, &self.options).inspect_err(|_| self.note_origin(parts))
    }

    /// Logs a refused origin, and the setting that would allow it.
    fn note_origin(&self, parts: &Parts) {
        if self.refused_origins.is_due(self.app.clock().now()) {
            let sent = |name| {
                let bytes = parts.headers.get(name).map(header::HeaderValue::as_bytes).unwrap_or_default();
                &bytes[..bytes.len().min(200)]
            };
            let (origin, host) = (sent(header::ORIGIN), sent(header::HOST));
            tracing::warn!(
                origin = %origin.escape_ascii(),
                host = %host.escape_ascii(),
                path = %logged::path(&parts.uri),
                "a page of this origin was refused: if it is this server's own address, set http.public_url to it \
                 (or http.trusted_proxies to the proxy's); if it is another site that may call, name it in http.origins"
            );
        }
    }
}

/// Whether a secret has the form of a bot key.
fn is_bot_key(secret: &str) -> bool {
    secret.starts_with(SecretKind::Bot.prefix())
}

fn signed_in(token: Token) -> SignedIn {
    let user = User { id: token.user, name: token.name, special: false };
    match token.kind {
        Kind::Token => {
            SignedIn { user, token: Some(token.hash), expires: Some(token.expires), by_validator: false }
        }
        // Not issued for a token: the handshake consumes the ticket, so nothing ends the socket later.
        Kind::Ticket { .. } => SignedIn { user, token: None, expires: None, by_validator: false },
    }
}

impl Credential {
    /// The caller.
    pub fn caller(&self) -> Caller {
        match self {
            Self::Service => Caller::Service,
            Self::User(user) => Caller::User(user.user.id),
        }
    }

    /// The caller, for the use cases.
    pub fn context(&self) -> Context {
        Context::new(self.caller())
    }
}
