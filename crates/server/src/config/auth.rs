//! `[auth]`: how callers authenticate.

mod jwt;
mod oidc;

use std::time::Duration;

use chinwag_http::HookOptions;
use serde::{Deserialize, Serialize};

use super::signup::Signup;
use super::{Period, Problems};
use jwt::Jwt;
use oidc::Oidc;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Auth {
    /// The name of the cookie that holds a user's token.
    pub(crate) cookie: String,
    /// Whether anyone may create an account.
    pub(crate) signup: Signup,
    /// The lifetime of a session.
    pub(crate) session_ttl: Period,
    /// The URL of the host application's validator, which identifies callers.
    pub(crate) validate_url: Option<String>,
    /// The time between two validations of an open socket; `0s` for never.
    pub(crate) validate_every: Period,
    /// How long sockets stay open while the validator does not answer.
    pub(crate) validate_grace: Period,
    /// Whether users whom the validator names are created when they first appear.
    pub(crate) validate_create: bool,
    /// JWTs of the host application.
    pub(crate) jwt: Jwt,
    /// The OpenID Connect provider through which people sign in.
    pub(crate) oidc: Oidc,
    /// Sign-in attempts per minute for one name from one address. Further ones are answered with 429.
    pub(crate) attempts_per_name: u32,
    /// Sign-in attempts per minute from one address. Further ones are answered with 429.
    pub(crate) attempts_per_address: u32,
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            cookie: "access".into(),
            signup: Signup::Auto,
            session_ttl: Period::seconds(30 * 24 * 3600),
            validate_url: None,
            validate_every: Period::seconds(60),
            validate_grace: Period::seconds(600),
            validate_create: false,
            jwt: Jwt::default(),
            oidc: Oidc::default(),
            attempts_per_name: 10,
            attempts_per_address: 60,
        }
    }
}

impl Auth {
    /// Whether anyone may create an account. `elsewhere`: whether pages of other origins may call. Their application
    /// then has accounts of its own.
    pub(crate) fn signup(&self, elsewhere: bool) -> bool {
        match self.signup {
            Signup::Auto => {
                let others = [self.jwt.has_key(), self.oidc.is_set(), self.validate_url.is_some(), elsewhere];
                !others.contains(&true)
            }
            Signup::On => true,
            Signup::Off => false,
        }
    }

    pub(super) fn check(&self, problems: &mut Problems) {
        let session = Duration::from_secs(60)..=Duration::from_secs(365 * 24 * 3600);
        problems.period("auth.session_ttl", self.session_ttl, &session);
        let day = Duration::from_secs(24 * 3600);
        problems.period("auth.validate_every", self.validate_every, &(Duration::ZERO..=day));
        problems.period("auth.validate_grace", self.validate_grace, &(Duration::ZERO..=day));
        problems.number("auth.attempts_per_name", self.attempts_per_name, &(0..=1_000_000), "sign-ins");
        problems.number("auth.attempts_per_address", self.attempts_per_address, &(0..=1_000_000), "sign-ins");
        if !chinwag_http::auth::cookie::valid_name(&self.cookie) {
            problems.add(format!(
                "auth.cookie must be a cookie's name such as access, of at most 64 letters, digits and -._, not {:?}",
                self.cookie
            ));
        }
        self.jwt.check(problems);
        self.oidc.check(problems);
        if let Some(Err(why)) = self.validate_url.as_deref().map(HookOptions::parse_url) {
            problems.add(format!("auth.validate_url {why}"));
        }
        if self.validate_create && self.validate_url.is_none() {
            problems.add("auth.validate_create needs auth.validate_url, whose users it makes");
        }
    }
}
