//! `[auth.oidc]`: the OpenID Connect provider through which people sign in.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use chinwag_http::auth::oidc::{ClientSecret, OidcOptions};
use serde::{Deserialize, Serialize};

use super::jwt::RedactedText;
use crate::config::Problems;

/// The longest value of the other settings, in characters.
const MOST: usize = 512;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Oidc {
    /// The provider's issuer URL.
    pub(crate) issuer: Option<String>,
    /// The client id of this server at the provider.
    pub(crate) client_id: Option<String>,
    /// The client secret of this server at the provider; none for a public client.
    pub(crate) secret: Option<RedactedText>,
    /// A file that contains this secret.
    pub(crate) secret_file: Option<PathBuf>,
    /// The scopes that are requested in addition to `openid`.
    pub(crate) scopes: Vec<String>,
    /// The claim from which the name of a new user is proposed.
    pub(crate) claim: String,
    /// The provider's name as the sign-in page shows it.
    pub(crate) name: Option<String>,
}

impl Default for Oidc {
    fn default() -> Self {
        Self {
            issuer: None,
            client_id: None,
            secret: None,
            secret_file: None,
            scopes: vec!["profile".into()],
            claim: "preferred_username".into(),
            name: None,
        }
    }
}

impl Oidc {
    pub(super) fn check(&self, problems: &mut Problems) {
        match (&self.issuer, &self.client_id) {
            (Some(issuer), Some(_)) => {
                if let Err(why) = OidcOptions::parse_issuer(issuer) {
                    problems.add(format!("auth.oidc.issuer {why}"));
                }
            }
            (Some(_), None) => {
                problems.add("auth.oidc.issuer needs auth.oidc.client_id, as the provider gave it");
            }
            (None, Some(_)) => {
                problems.add("auth.oidc.client_id needs auth.oidc.issuer, the provider's address");
            }
            (None, None) => {}
        }
        if self.issuer.is_none() && (self.secret.is_some() || self.secret_file.is_some()) {
            problems.add("auth.oidc.secret needs auth.oidc.issuer, the provider's address");
        }
        if self.secret.is_some() && self.secret_file.is_some() {
            problems.add("auth.oidc.secret and auth.oidc.secret_file are both set: remove one of them");
        }
        let is_scope = |scope: &String| {
            let valid = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
            !scope.is_empty() && scope.len() <= MOST && scope.bytes().all(valid)
        };
        if self.scopes.len() > 20 || !self.scopes.iter().all(is_scope) {
            problems
                .add("auth.oidc.scopes must be at most 20 words without spaces, such as profile and email");
        }
        for (key, text) in [("claim", Some(&self.claim)), ("name", self.name.as_ref())] {
            let is_wrong = |text: &String| text.trim().is_empty() || text.chars().count() > MOST;
            if text.is_some_and(is_wrong) {
                problems.add(format!("auth.oidc.{key} must have 1 to {MOST} characters"));
            }
        }
    }

    /// Whether a provider is configured.
    pub(super) fn is_set(&self) -> bool {
        self.issuer.is_some()
    }

    /// The options of the transports, or `None` without a provider. Reads the secret's file.
    pub(crate) fn options(&self) -> Result<Option<OidcOptions>> {
        let (Some(issuer), Some(client_id)) = (self.issuer.clone(), self.client_id.clone()) else {
            return Ok(None);
        };
        let kept = self.secret_file.as_ref().map(|path| {
            let unread = || format!("auth.oidc.secret_file {} cannot be read", path.display());
            std::fs::read_to_string(path).with_context(unread)
        });
        let kept = kept.transpose()?.map(|text| text.trim_end().to_owned());
        if kept.as_ref().is_some_and(String::is_empty) {
            bail!("auth.oidc.secret_file is empty: write the secret of the provider into it");
        }
        let secret = self.secret.as_ref().map(|secret| secret.expose().to_owned()).or(kept);
        let others = self.scopes.iter().filter(|scope| *scope != "openid").cloned();
        let host = issuer.split("://").nth(1).unwrap_or(&issuer).split(['/', ':']).next().unwrap_or_default();
        Ok(Some(OidcOptions {
            name: self.name.clone().unwrap_or_else(|| host.to_owned()),
            issuer,
            client_id,
            secret: secret.map(ClientSecret),
            scopes: std::iter::once("openid".to_owned()).chain(others).collect(),
            claim: self.claim.clone(),
            pauses: (Duration::from_secs(30), Duration::from_secs(5)),
        }))
    }
}
