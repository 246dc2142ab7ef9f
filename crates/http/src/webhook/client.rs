//! The client that sends requests to webhooks.

use std::error::Error as _;
use std::sync::OnceLock;
use std::time::Duration;

use axum::body::Bytes;
use chinwag_core::webhook::{WebhookAttempt, WebhookSecret};
use chinwag_core::{Clock, Error, Result};
use reqwest::header::{CONTENT_TYPE, USER_AGENT};
use reqwest::{Client, Response, StatusCode, Url, redirect};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::signature::signatures;
use crate::network::public_address::{PrivateAddress, PublicResolver, may_be_public};
use crate::options::WebhookOptions;

pub(crate) const AGENT: &str = concat!("Chinwag/", env!("CARGO_PKG_VERSION"));
/// The longest time for a connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// Of an answer's body so much is read, and for so long, so that its connection can be used again.
const BODY_BYTES: usize = 16 * 1024;
const BODY_WITHIN: Duration = Duration::from_secs(1);
/// A connection that is not used for so long is closed.
const IDLE: Duration = Duration::from_secs(30);
/// Test events under way at a time.
const TESTS: usize = 8;

/// Sends requests to webhooks. Follows no redirect, and connects to no private address unless the operator allows it.
pub(crate) struct WebhookClient {
    options: WebhookOptions,
    /// Made for the first request.
    client: OnceLock<Client>,
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
        Self { options, client: OnceLock::new(), tests: Semaphore::new(TESTS) }
    }

    /// The time for one request.
    pub(crate) fn timeout(&self) -> Duration {
        self.options.timeout
    }

    /// Whether requests may go to a URL, as far as that shows without looking its name up.
    pub(crate) fn admits(&self, url: &Url) -> bool {
        self.options.private || may_be_public(url)
    }

    /// Makes one attempt. One that succeeds has no error.
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
        // The client looks no address up that is written as one.
        if !self.admits(&url) {
            return Err(private());
        }
        let signature = signatures(secrets, &id, timestamp, &body);
        let client = self.client().map_err(|why| why.to_string())?;
        let request = client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, AGENT)
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(body);
        let response = request.send().await.map_err(|why| self.reason(&why))?;
        let status = response.status();
        // However it ends, the answer is known.
        let _ = timeout(BODY_WITHIN, read_some(response)).await;
        Ok(status)
    }

    fn client(&self) -> Result<&Client> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        // It may have been chosen before, by whoever else speaks TLS in this process.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let resolver = PublicResolver { allow_private: self.options.private };
        let client = Client::builder()
            .timeout(self.options.timeout)
            .connect_timeout(self.options.timeout.min(CONNECT_WITHIN))
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .pool_idle_timeout(IDLE)
            .dns_resolver(resolver)
            .no_proxy()
            .build()
            .map_err(Error::internal)?;
        Ok(self.client.get_or_init(|| client))
    }

    /// The reason of a failure, without the URL, which may hold a secret.
    fn reason(&self, error: &reqwest::Error) -> String {
        let mut cause: &(dyn std::error::Error + 'static) = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        if cause.is::<PrivateAddress>() {
            return private();
        }
        if error.is_timeout() {
            return format!("no answer came within {:?}", self.options.timeout);
        }
        match error.source() {
            Some(_) => cause.to_string(),
            None => "the request failed".to_owned(),
        }
    }
}

fn private() -> String {
    format!("{PrivateAddress}: webhooks.private allows it")
}

async fn read_some(mut response: Response) {
    let mut read = 0;
    while let Ok(Some(chunk)) = response.chunk().await {
        read += chunk.len();
        if read > BODY_BYTES {
            return;
        }
    }
}
