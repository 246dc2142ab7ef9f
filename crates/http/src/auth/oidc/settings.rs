//! The settings of a provider of OpenID Connect.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use chinwag_core::oidc::ISSUER_CHARS;
use reqwest::Url;

/// The settings of the provider.
#[derive(Debug, Clone)]
pub struct OidcOptions {
    /// The provider's address, as its ID tokens have it in `iss`.
    pub issuer: String,
    /// The id of this server at the provider.
    pub client_id: String,
    /// The secret of this server at the provider; none for a public client.
    pub secret: Option<ClientSecret>,
    /// The scopes that are asked for, `openid` among them.
    pub scopes: Vec<String>,
    /// The claim that proposes a name.
    pub claim: String,
    /// The provider's name for people.
    pub name: String,
    /// Between two readings of the keys, and two attempts to reach the provider, at least (30 s and 5 s).
    pub pauses: (Duration, Duration),
}

/// The secret of this server at the provider.
#[derive(Clone)]
pub struct ClientSecret(pub String);

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(…)")
    }
}

impl OidcOptions {
    /// Checks an issuer. The error ends a sentence that begins with the setting's name.
    pub fn parse_issuer(text: &str) -> Result<(), &'static str> {
        if text.chars().count() > ISSUER_CHARS {
            return Err("is longer than 512 characters");
        }
        let url = safe_url(text).ok_or(
            "must be an https:// address, such as https://id.example/realms/main; http:// is for this machine alone",
        )?;
        let is_plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        if is_plain { Ok(()) } else { Err("must have no query, no fragment and no user") }
    }
}

/// An address that only its owner can have answered: over TLS, or of this machine.
pub(super) fn safe_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']');
    let is_local = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let is_safe = url.scheme() == "https" || url.scheme() == "http" && is_local;
    is_safe.then_some(url)
}
