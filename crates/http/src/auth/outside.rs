//! Requests to the host application and to a provider of OpenID Connect, with bounds on the time and on the answer.

use std::time::Duration;

use chinwag_core::{Error, Result};
use reqwest::{Client, Response, redirect};

/// The time for one request.
const WITHIN: Duration = Duration::from_secs(5);
/// The longest answer that is read.
const LONGEST: usize = 64 * 1024;

/// A client that follows no redirect and takes no proxy.
pub(super) fn client() -> Result<Client> {
    // It may have been chosen before, by whoever else speaks TLS in this process.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().timeout(WITHIN).redirect(redirect::Policy::none()).no_proxy();
    client.build().map_err(Error::internal)
}

/// All of an answer's body; nothing if it is too long.
pub(super) async fn body(mut response: Response) -> reqwest::Result<Option<Vec<u8>>> {
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
