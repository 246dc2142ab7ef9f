//! Sign-in through an OpenID Connect provider: the authorization code flow with PKCE (RFC 6749, RFC 7636, OpenID
//! Connect Core 1.0).
//!
//! 1. `provider_begin` redirects the browser to the provider, with the attempt in a cookie.
//! 2. The provider redirects it back with a code. `provider_end` compares the state with the cookie, exchanges the
//!    code for an ID token, and verifies that.
//! 3. A known user gets a session. For a new one the claim proposes a name. If that is taken, the page asks for
//!    another one, and `provider_sign_up` creates the user.
//!
//! Only the issuer and the `sub` of the ID token identify a user. A provider can claim any name, so an existing user
//! is never taken over by name.

pub(super) mod attempt;
pub(super) mod claims;
pub(super) mod provider;
pub(crate) mod settings;

use std::sync::Arc;

use chinwag_core::Result;

pub use self::settings::{ClientSecret, OidcOptions};
use crate::key::ServiceKey;
use provider::{Provider, ProviderError};

/// Fetches the provider's discovery document and its keys once. Returns the algorithms of the keys, or a sentence
/// with the reason of a failure.
pub async fn check(options: OidcOptions) -> std::result::Result<String, String> {
    let provider = Provider::new(options).map_err(|why| why.to_string())?;
    provider.check().await.map_err(ProviderError::into_text)
}

/// Signs users in through one provider.
pub(super) struct Oidc {
    pub(super) provider: Arc<Provider>,
    pub(super) key: ring::hmac::Key,
    pub(super) name: String,
}

impl Oidc {
    pub(super) fn new(options: &OidcOptions, service_key: &ServiceKey) -> Result<Self> {
        crate::auth::jwt::install_verifier();
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &service_key.derive("openid connect"));
        let name = options.name.clone();
        Ok(Self { provider: Arc::new(Provider::new(options.clone())?), key, name })
    }
}
