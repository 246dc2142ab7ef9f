//! The client for requests to URLs that users or callers have supplied: webhooks and push endpoints. It does not
//! follow redirects, and does not connect to private addresses unless the operator allows it.

use std::error::Error as _;
use std::sync::OnceLock;
use std::time::Duration;

use chinwag_core::Result;
use chinwag_core::error::root_cause;
use chinwag_core::text::NUL;
use reqwest::header::USER_AGENT;
use reqwest::{Client, RequestBuilder, Response, Url};
use tokio::time::timeout;

use super::outside::{built, http_url};
use super::public_address::{PrivateAddress, PublicResolver, may_be_public};

/// The `User-Agent` of this program.
pub(crate) const AGENT: &str = concat!("Chinwag/", env!("CARGO_PKG_VERSION"));
/// The longest connect timeout.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// How much of a response's body is read, and for how long, so that its connection can be reused.
const BODY_BYTES: usize = 16 * 1024;
const BODY_WITHIN: Duration = Duration::from_secs(1);
/// How long an idle connection is kept open.
const IDLE: Duration = Duration::from_secs(30);

/// Parses a URL that a user has supplied; `None` if it is not a URL. Fails if it is too long to be stored. The error
/// completes a sentence that begins with the field's name.
pub(crate) fn named_url(text: &str, most: usize) -> Result<Option<Url>, String> {
    if text.chars().count() > most {
        return Err(format!("is longer than {most} characters"));
    }
    if text.contains('\0') {
        return Err(NUL.to_owned());
    }
    Ok(http_url(text))
}

pub(crate) struct OutboundClient {
    allow_private: bool,
    timeout: Duration,
    /// The setting that allows private addresses, for errors.
    setting: &'static str,
    /// Created at the first request.
    client: OnceLock<Client>,
}

impl OutboundClient {
    pub(crate) fn new(allow_private: bool, timeout: Duration, setting: &'static str) -> Self {
        Self { allow_private, timeout, setting, client: OnceLock::new() }
    }

    /// The timeout of one request.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Whether requests may be sent to a URL. A host name is checked again when it is resolved.
    pub(crate) fn admits(&self, url: &Url) -> bool {
        self.allow_private || may_be_public(url)
    }

    /// A POST to a URL, or the reason why it is refused.
    pub(crate) fn post(&self, url: Url) -> Result<RequestBuilder, String> {
        // Check here: the resolver is not called for a literal IP address.
        if !self.admits(&url) {
            return Err(self.private());
        }
        let client = self.client().map_err(|why| why.to_string())?;
        Ok(client.post(url).header(USER_AGENT, AGENT))
    }

    /// The reason of a failure without the URL, which may contain a secret.
    pub(crate) fn reason(&self, error: &reqwest::Error) -> String {
        if is_private(error) {
            return self.private();
        }
        if error.is_timeout() {
            return format!("no answer came within {:?}", self.timeout);
        }
        match error.source() {
            Some(_) => root_cause(error).to_string(),
            None => "the request failed".to_owned(),
        }
    }

    fn client(&self) -> Result<&Client> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = built(|client| {
            client
                .timeout(self.timeout)
                .connect_timeout(self.timeout.min(CONNECT_WITHIN))
                .retry(reqwest::retry::never())
                .pool_idle_timeout(IDLE)
                .dns_resolver(PublicResolver { allow_private: self.allow_private })
        })?;
        Ok(self.client.get_or_init(|| client))
    }

    fn private(&self) -> String {
        format!("{PrivateAddress}: {} allows it", self.setting)
    }
}

/// Whether a request failed because its host name has only private addresses.
pub(crate) fn is_private(error: &reqwest::Error) -> bool {
    root_cause(error).is::<PrivateAddress>()
}

/// The beginning of a response's body.
pub(crate) async fn read_some(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    let read = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk[..chunk.len().min(BODY_BYTES - body.len())]);
            if body.len() >= BODY_BYTES {
                return;
            }
        }
    };
    // The status is known already, so a timeout or an error does not matter.
    let _ = timeout(BODY_WITHIN, read).await;
    body
}
