//! `[auth.jwt]`: JWTs of the host application.

use std::fmt;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow};
use chinwag_http::auth::jwt::{KeySource, Options, Secret};
use serde::{Deserialize, Serialize};

use crate::config::Problems;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Jwt {
    /// The secret shared with the host application, for HS256.
    pub(crate) secret: Option<RedactedText>,
    /// A file that contains this secret.
    pub(crate) secret_file: Option<PathBuf>,
    /// The path or URL of the host application's JWKS, for RS256, ES256 and `EdDSA`.
    pub(crate) jwks: Option<String>,
    /// The required value of `iss`.
    pub(crate) issuer: Option<String>,
    /// The required value in `aud`.
    pub(crate) audience: Option<String>,
    /// Whether users whom a token names are created when they first appear.
    pub(crate) create: bool,
}

/// A secret text, which `Debug` does not show.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct RedactedText(String);

impl fmt::Debug for RedactedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl RedactedText {
    /// Exposes the secret.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl Jwt {
    pub(super) fn check(&self, problems: &mut Problems) {
        if let Some(Err(why)) = self.secret.as_ref().map(|secret| Secret::parse(&secret.0)) {
            problems.add(format!("auth.jwt.secret {why}"));
        }
        if self.secret.is_some() && self.secret_file.is_some() {
            problems.add("auth.jwt.secret and auth.jwt.secret_file are both set: remove one of them");
        }
        if let Some(Err(why)) = self.jwks.as_deref().map(KeySource::parse) {
            problems.add(format!("auth.jwt.jwks {why}"));
        }
        let keys = self.has_key();
        let more = [
            ("issuer", self.issuer.is_some()),
            ("audience", self.audience.is_some()),
            ("create", self.create),
        ];
        for (key, _) in more.iter().filter(|(_, set)| *set && !keys) {
            problems.add(format!("auth.jwt.{key} needs a key: auth.jwt.secret, secret_file or jwks"));
        }
    }

    /// Whether JWTs of the host application are accepted.
    pub(super) fn has_key(&self) -> bool {
        self.secret.is_some() || self.secret_file.is_some() || self.jwks.is_some()
    }

    /// The options of the transports. Reads the secret's file.
    pub(crate) fn options(&self) -> Result<Options> {
        let kept = self.secret_file.as_ref().map(|path| {
            let unread = || format!("auth.jwt.secret_file {} cannot be read", path.display());
            std::fs::read_to_string(path).with_context(unread)
        });
        let kept = kept.transpose()?;
        let secret = self.secret.as_ref().map(|secret| secret.0.as_str());
        let secret = secret.or(kept.as_deref().map(str::trim_end)).map(Secret::parse).transpose();
        let jwks = self.jwks.as_deref().map(KeySource::parse).transpose();
        Ok(Options {
            secret: secret.map_err(|why| anyhow!("the secret in auth.jwt.secret_file {why}"))?,
            jwks: jwks.map_err(|why| anyhow!("auth.jwt.jwks {why}"))?,
            issuer: self.issuer.clone(),
            audience: self.audience.clone(),
            create: self.create,
            ..Options::default()
        })
    }
}
