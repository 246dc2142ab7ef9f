//! The client of webhooks.

use std::time::Duration;

use axum::body::Bytes;
use chinwag_core::Clock;
use chinwag_core::webhook::{WebhookAttempt, WebhookSecret};
use reqwest::header::CONTENT_TYPE;
use reqwest::{StatusCode, Url};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::signature::signatures;
use crate::network::outbound::{OutboundClient, read_some};
use crate::options::WebhookOptions;

/// Concurrent test events.
const TESTS: usize = 8;

/// Sends requests to webhooks. Does not follow redirects, and does not connect to private addresses unless the
/// operator allows it.
pub(crate) struct WebhookClient {
    client: OutboundClient,
    pub(crate) tests: Semaphore,
}

/// A request to a webhook.
pub(crate) struct WebhookRequest<'a> {
    pub(crate) url: &'a str,
    pub(crate) secrets: &'a [WebhookSecret],
    /// The id of the event.
    pub(crate) id: String,
    pub(crate) body: Bytes,
}

impl WebhookClient {
    pub(crate) fn new(options: WebhookOptions) -> Self {
        let WebhookOptions { private, timeout } = options;
        let client = OutboundClient::new(private, timeout, "webhooks.private");
        Self { client, tests: Semaphore::new(TESTS) }
    }

    /// The timeout of one request.
    pub(crate) fn timeout(&self) -> Duration {
        self.client.timeout()
    }

    /// Whether requests may be sent to a URL. Its host name is checked again when it is resolved.
    pub(crate) fn admits(&self, url: &Url) -> bool {
        self.client.admits(url)
    }

    /// Makes one attempt. On success, the attempt has no error.
    pub(crate) async fn attempt(&self, clock: &dyn Clock, request: WebhookRequest<'_>) -> WebhookAttempt {
        let (event, date, begun) = (request.id.clone(), clock.now(), Instant::now());
        let timestamp = date.micros().div_euclid(1_000_000);
        let (status, error) = match self.send(timestamp, request).await {
            Ok(status) if status.is_success() => (Some(status.as_u16()), None),
            Ok(status) if status.is_redirection() => {
                (Some(status.as_u16()), Some("redirects are not followed: change the url".to_owned()))
            }
            Ok(status) => (Some(status.as_u16()), Some(format!("the answer is {status}"))),
            Err(error) => (None, Some(error)),
        };
        let ms = u32::try_from(begun.elapsed().as_millis()).unwrap_or(u32::MAX);
        WebhookAttempt { event, date, status, error, ms }
    }

    async fn send(&self, timestamp: i64, request: WebhookRequest<'_>) -> Result<StatusCode, String> {
        let WebhookRequest { url, secrets, id, body } = request;
        let url = Url::parse(url).map_err(|why| why.to_string())?;
        let signature = signatures(secrets, &id, timestamp, &body);
        let request = self
            .client
            .post(url)?
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(body);
        let response = request.send().await.map_err(|why| self.client.reason(&why))?;
        let status = response.status();
        read_some(response).await;
        Ok(status)
    }
}
