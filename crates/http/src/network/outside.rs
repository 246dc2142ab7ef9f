//! Requests to URLs that the operator has configured: the host application, the OpenID Connect provider, an ACME
//! server. Their duration and the size of responses are bounded.

use std::sync::Once;
use std::time::Duration;

use chinwag_core::error::root_cause;
use chinwag_core::{Error, Result};
use reqwest::{Client, ClientBuilder, Response, Url, redirect};

/// The timeout of a request for which a caller waits.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// The maximum size of a response, in bytes.
const MAX_RESPONSE_BYTES: usize = 64 * 1024;

/// A client that does not follow redirects, and ignores proxy settings of the environment.
pub(crate) fn client(within: Duration) -> Result<Client> {
    built(|client| client.timeout(within))
}

/// A client with these settings that does not follow redirects, and ignores proxy settings of the environment. On a
/// machine without CA certificates, its requests over `https` fail, and those over `http` work.
pub(crate) fn built(set: impl Fn(ClientBuilder) -> ClientBuilder) -> Result<Client> {
    // Fails if the process has a provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = || set(Client::builder().redirect(redirect::Policy::none()).no_proxy());
    builder().build().or_else(|why| {
        let client = builder().tls_certs_only([]).build().map_err(|why| Error::internal(root_cause(&why)))?;
        warn_of_no_authorities(&why);
        Ok(client)
    })
}

/// Logs once why no request over `https` will succeed.
fn warn_of_no_authorities(why: &reqwest::Error) {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        tracing::error!(
            why = %root_cause(why),
            "this machine has no CA certificates, so every request over https fails: install \
             ca-certificates or set SSL_CERT_FILE, and restart"
        );
    });
}

/// Parses an `http` or `https` URL.
pub(crate) fn http_url(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
}

/// The complete body of a response; `None` if it is too large.
pub(crate) async fn body(mut response: Response) -> reqwest::Result<Option<Vec<u8>>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_RESPONSE_BYTES {
            tracing::warn!("an answer from outside is longer than {MAX_RESPONSE_BYTES} bytes");
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// The first `most` characters of an external text, quoted for the log.
pub(crate) fn shown(text: &str, most: usize) -> String {
    let shown: String = text.chars().filter(|c| !c.is_control()).take(most).collect();
    format!("{shown:?}")
}
