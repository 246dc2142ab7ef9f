//! `[webhooks]`: the delivery of events to webhooks.

use std::time::Duration;

use chinwag_core::webhook::WEBHOOKS;
use chinwag_http::WebhookOptions;
use serde::{Deserialize, Serialize};

use super::{Period, Problems};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Webhooks {
    /// Whether webhooks may have private addresses.
    pub(crate) private: bool,
    /// The maximum number of webhooks.
    pub(crate) max: usize,
    /// The timeout of one request.
    pub(crate) timeout: Period,
}

impl Default for Webhooks {
    fn default() -> Self {
        let WebhookOptions { private, timeout } = WebhookOptions::default();
        Self { private, max: WEBHOOKS, timeout: Period(timeout) }
    }
}

impl Webhooks {
    pub(super) fn check(&self, problems: &mut Problems) {
        problems.number("webhooks.max", self.max, &(1..=1000), "webhooks");
        problems.period(
            "webhooks.timeout",
            self.timeout,
            &(Duration::from_secs(1)..=Duration::from_secs(60)),
        );
    }

    pub(crate) fn options(&self) -> WebhookOptions {
        WebhookOptions { private: self.private, timeout: self.timeout.0 }
    }
}
