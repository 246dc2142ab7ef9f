//! Requests to addresses that the operator has named: the host application, a provider of OpenID Connect, an authority that
//! issues certificates. The time and the answer have bounds.

use std::time::Duration;

use chinwag_core::{Error, Result};
use reqwest::{Client, Response, Url, redirect};

/// The time for one request that somebody waits for.
pub(crate) const WITHIN: Duration = Duration::from_secs(5);
/// The longest answer that is read.
const LONGEST: usize = 64 * 1024;

/// A client that follows no redirect and takes no proxy.
pub(crate) fn client(within: Duration) -> Result<Client> {
    // It may have been chosen before, by whoever else speaks TLS in this process.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().timeout(within).redirect(redirect::Policy::none()).no_proxy();
    client.build().map_err(Error::internal)
}

/// The URL that a text is, if requests can be sent there.
pub(crate) fn http_url(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
}

/// All of an answer's body; nothing if it is too long.
pub(crate) async fn body(mut response: Response) -> reqwest::Result<Option<Vec<u8>>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > LONGEST {
            tracing::warn!("an answer from outside is longer than {LONGEST} bytes");
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// The first `most` characters of a text from outside, as the log shows it.
pub(crate) fn shown(text: &str, most: usize) -> String {
    let shown: String = text.chars().filter(|c| !c.is_control()).take(most).collect();
    format!("{shown:?}")
}
