//! The built-in accounts: signing up and in.

use std::net::IpAddr;

use chinwag_core::app::account::{Issued, SignUp};
use chinwag_core::password::Password;
use chinwag_core::{Error, Name, Result};

use super::Auth;
use crate::wire::input::account::{SigningIn, SigningUp};

const WRONG: Error = Error::Unauthenticated("the name or the password is wrong");

impl Auth {
    /// Makes an account, and its first session.
    pub(crate) async fn sign_up(&self, asked: SigningUp, from: IpAddr) -> Result<Issued> {
        if !self.options.signup {
            return Err(Error::forbidden("signing up is switched off here: ask for an account"));
        }
        self.attempts.from(from, self.app.clock().now())?;
        let phc = self.passwords.hash(asked.password).await?;
        let ttl = self.options.session_ttl;
        self.app.account_create(SignUp { name: asked.name, phc, ttl }).await
    }

    /// A session for who knows the password. Names with and without an account are refused in
    /// the same words, after the same work.
    pub(crate) async fn sign_in(&self, asked: SigningIn, from: IpAddr) -> Result<Issued> {
        let (Ok(name), Ok(password)) = (Name::parse(&asked.name), Password::parse(&asked.password)) else {
            return Err(WRONG);
        };
        let (now, fold) = (self.app.clock().now(), name.fold());
        self.attempts.from(from, now)?;
        self.attempts.at(&fold, now)?;
        let account = self.app.account(name).await?;
        let phc = account.as_ref().and_then(|account| account.phc.clone());
        if !self.passwords.verify(password, phc).await? {
            return Err(WRONG);
        }
        self.attempts.succeeded(&fold);
        self.app.session_create(account.ok_or(WRONG)?, self.options.session_ttl).await
    }
}
