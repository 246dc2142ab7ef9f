//! The settings of the OpenID Connect provider.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use chinwag_core::oidc::ISSUER_CHARS;
use reqwest::Url;

#[derive(Debug, Clone)]
pub struct OidcOptions {
    /// The issuer, as in `iss` of its ID tokens.
    pub issuer: String,
    /// The client id of this server at the provider.
    pub client_id: String,
    /// The client secret of this server at the provider; none for a public client.
    pub secret: Option<ClientSecret>,
    /// The requested scopes, including `openid`.
    pub scopes: Vec<String>,
    /// The claim that proposes a name.
    pub claim: String,
    /// The provider's name as the sign-in page shows it.
    pub name: String,
    /// The minimum time between two fetches of the keys, and between two attempts to reach the provider (30 s and 5
    /// s).
    pub pauses: (Duration, Duration),
}

/// The client secret of this server at the provider.
#[derive(Clone)]
pub struct ClientSecret(pub String);

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(…)")
    }
}

impl OidcOptions {
    /// Checks an issuer. The error completes a sentence that begins with the setting's name.
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

/// A URL that nobody else can answer: `https`, or of this machine.
pub(super) fn safe_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']');
    let is_local = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let is_safe = url.scheme() == "https" || url.scheme() == "http" && is_local;
    is_safe.then_some(url)
}
