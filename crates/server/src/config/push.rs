//! `[push]`: notifications to browsers and phones.

use std::time::Duration;

use chinwag_core::push::{PushContent, PushRules};
use chinwag_http::PushOptions;
use serde::{Deserialize, Serialize};

use super::{Period, Problems};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Push {
    /// Whether users may add subscriptions.
    pub(crate) enabled: bool,
    /// How long a message must be unread before it is pushed.
    pub(crate) delay: Period,
    /// The parts of a message that a notification contains.
    pub(crate) content: Content,
    /// The contact URL that is sent to push services.
    pub(crate) subject: Option<String>,
    /// Whether push services may have private addresses.
    pub(crate) private: bool,
    /// The timeout of one request.
    pub(crate) timeout: Period,
}

/// `push.content`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Content {
    Full,
    Sender,
    None,
}

impl Default for Push {
    fn default() -> Self {
        let (PushRules { enabled, delay }, options) = (PushRules::default(), PushOptions::default());
        let PushOptions { private, timeout, subject, .. } = options;
        let (delay, timeout) = (Period(delay), Period(timeout));
        Self { enabled, delay, content: Content::Full, subject, private, timeout }
    }
}

impl Push {
    pub(super) fn check(&self, problems: &mut Problems) {
        let second = Duration::from_secs(1);
        problems.period("push.delay", self.delay, &(Duration::ZERO..=Duration::from_secs(3600)));
        problems.period("push.timeout", self.timeout, &(second..=Duration::from_secs(60)));
        let is_contact = |subject: &String| subject.starts_with("mailto:") || subject.starts_with("https://");
        if !self.subject.as_ref().is_none_or(is_contact) {
            problems.add("push.subject must be a mailto: or https: address".to_owned());
        }
    }

    pub(crate) fn rules(&self) -> PushRules {
        PushRules { enabled: self.enabled, delay: self.delay.0 }
    }

    pub(crate) fn options(&self) -> PushOptions {
        let content = match self.content {
            Content::Full => PushContent::Full,
            Content::Sender => PushContent::Sender,
            Content::None => PushContent::None,
        };
        let Self { private, timeout: Period(timeout), ref subject, .. } = *self;
        PushOptions { private, timeout, content, subject: subject.clone() }
    }
}
