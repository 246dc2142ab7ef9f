//! `[hooks]`: the hook before sending.

use std::time::Duration;

use chinwag_http::HookOptions;
use serde::{Deserialize, Serialize};

use super::{Period, Problems};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Hooks {
    /// The URL of the hook; none if there is no hook.
    pub(crate) before_send: Option<String>,
    /// The secret with which requests to the hook are signed.
    pub(crate) secret: Option<String>,
    /// The timeout of a request to the hook.
    pub(crate) timeout: Period,
    /// How messages are treated while the hook fails.
    pub(crate) on_failure: OnFailure,
}

/// How messages are treated while the hook fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OnFailure {
    /// Refuse them.
    Refuse,
    /// Store them unchanged.
    Allow,
}

impl Default for Hooks {
    fn default() -> Self {
        Self { before_send: None, secret: None, timeout: Period::seconds(1), on_failure: OnFailure::Refuse }
    }
}

impl Hooks {
    pub(super) fn check(&self, problems: &mut Problems) {
        if let Some(Err(why)) = self.before_send.as_deref().map(HookOptions::parse_url) {
            problems.add(format!("hooks.before_send {why}"));
        }
        if let Some(Err(why)) = self.secret.as_deref().map(HookOptions::parse_secret) {
            problems.add(format!("hooks.secret {why}"));
        }
        let bounds = Duration::from_millis(100)..=Duration::from_secs(30);
        problems.period("hooks.timeout", self.timeout, &bounds);
    }

    pub(crate) fn options(&self, message_chars: usize) -> Option<HookOptions> {
        Some(HookOptions {
            url: self.before_send.clone()?,
            secret: self.secret.as_deref().and_then(|secret| HookOptions::parse_secret(secret).ok()),
            timeout: self.timeout.0,
            allows_on_failure: self.on_failure == OnFailure::Allow,
            message_chars,
        })
    }
}
