//! Built-in accounts: sign-up, sign-in and passwords.

use std::net::IpAddr;

use axum::http::HeaderValue;
use axum::http::request::Parts;
use chinwag_core::app::Context;
use chinwag_core::app::account::{Account, BeginSession, ChangePassword, Issued, SignUp, WRONG_OLD};
use chinwag_core::password::Password;
use chinwag_core::token::TokenHash;
use chinwag_core::{Error, Name, Result};

use super::failures::SignInKind;
use super::{Auth, cookie};
use crate::network::peer::Peer;
use crate::permits::network;
use crate::wire::input::account::{NamePassword, NewAccount, PasswordChange};

const WRONG: Error = Error::Unauthenticated("the name or the password is wrong");

/// A new session, and the cookies for its browser.
pub(crate) struct NewSession {
    pub(crate) session: Issued,
    pub(crate) cookies: [HeaderValue; 2],
}

impl Auth {
    /// Creates an account and its first session.
    pub(crate) async fn sign_up(&self, account: NewAccount, parts: &Parts) -> Result<NewSession> {
        if !self.options.signup {
            return Err(Error::forbidden("sign-up is turned off on this server: ask for an account"));
        }
        let from = network(Peer::of(parts, &self.options).address);
        self.attempts.sign_up(from)?;
        let fold = account.name.fold(self.app.name_case());
        let phc = self.passwords.hash(account.password, from).await?;
        let ttl = self.options.session_ttl;
        let sign_up = SignUp { name: account.name, phc, ttl, client: self.client(parts) };
        let session = self.app.account_create(sign_up).await?;
        self.attempts.succeeded(&fold, from);
        Ok(self.begun(session, &fold, parts))
    }

    /// Signs a user in with a password.
    pub(crate) async fn sign_in(&self, given: NamePassword, parts: &Parts) -> Result<NewSession> {
        let name = Name::parse(&given.name).ok();
        let outcome = self.session(given, parts).await;
        self.noted((SignInKind::Password, name), parts, outcome).await
    }

    /// Unknown names and wrong passwords get the same response after the same work, so that accounts cannot be
    /// enumerated.
    async fn session(&self, given: NamePassword, parts: &Parts) -> Result<NewSession> {
        let from = network(Peer::of(parts, &self.options).address);
        let (Ok(name), Ok(password)) = (Name::parse(&given.name), Password::parse(&given.password)) else {
            self.attempts.count_nameless(from)?;
            return Err(WRONG);
        };
        let fold = name.fold(self.app.name_case());
        let device = self.devices.of(&parts.headers, &fold, self.app.clock().now());
        self.attempts.sign_in(&fold, from, device).await?;
        let account = self.app.account(name).await?;
        let phc = account.as_ref().and_then(|account| account.phc.clone());
        if !self.passwords.verify(password, phc, from).await? {
            return Err(WRONG);
        }
        let (account, ttl) = (account.ok_or(WRONG)?, self.options.session_ttl);
        let begin = BeginSession { account, ttl, client: self.client(parts) };
        let session = self.app.session_create(begin).await?;
        self.attempts.succeeded(&fold, from);
        Ok(self.begun(session, &fold, parts))
    }

    /// Changes the password of the calling user, who must give the old one. Counts as a sign-in attempt.
    pub(crate) async fn change_password(
        &self,
        context: &Context,
        session: Option<TokenHash>,
        given: PasswordChange,
        parts: &Parts,
    ) -> Result<()> {
        let from = network(Peer::of(parts, &self.options).address);
        let account = self.app.own_account(context).await?;
        let fold = account.user.name.fold(self.app.name_case());
        let device = self.devices.of(&parts.headers, &fold, self.app.clock().now());
        self.attempts.sign_in(&fold, from, device).await?;
        if !self.is_password(&given.old, &account, from).await? {
            let tried = (SignInKind::Password, Some(account.user.name));
            return self.noted(tried, parts, Err(Error::forbidden(WRONG_OLD))).await;
        }
        let phc = self.passwords.hash(given.new, from).await?;
        self.app.password_change(context, ChangePassword { account, phc, session }).await?;
        self.attempts.succeeded(&fold, from);
        Ok(())
    }

    async fn is_password(&self, text: &str, account: &Account, from: IpAddr) -> Result<bool> {
        let Ok(password) = Password::parse(text) else { return Ok(false) };
        self.passwords.verify(password, account.phc.clone(), from).await
    }

    /// Sets the password of a user, for a service.
    pub(crate) async fn set_password(
        &self,
        context: &Context,
        name: Name,
        password: Password,
        parts: &Parts,
    ) -> Result<()> {
        let from = network(Peer::of(parts, &self.options).address);
        let phc = self.passwords.hash(password, from).await?;
        self.app.password_set(context, name, phc).await
    }

    /// Adds the browser's cookies to a new session.
    pub(super) fn begun(&self, session: Issued, fold: &str, parts: &Parts) -> NewSession {
        let tls = Peer::of(parts, &self.options).tls;
        let path = (self.options.base(), tls);
        let device = self.devices.cookie(fold, &parts.headers, path, &**self.app.clock());
        NewSession { cookies: [self.cookie(session.secret.expose(), parts), device], session }
    }

    /// The `Set-Cookie` header that stores a session's secret.
    fn cookie(&self, secret: &str, parts: &Parts) -> HeaderValue {
        let (ttl, options) = (self.options.session_ttl, &self.options);
        cookie::kept(secret, ttl, options, Peer::of(parts, options).tls)
    }

    /// The `Set-Cookie` header that deletes the session's cookie.
    pub(crate) fn no_cookie(&self, parts: &Parts) -> HeaderValue {
        cookie::dropped(&self.options, Peer::of(parts, &self.options).tls)
    }
}
