//! The authorization of this server at push services: VAPID (RFC 8292).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chinwag_core::app::App;
use chinwag_core::push::ServerKeys;
use chinwag_core::{Date, Error, Result};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::json;

/// The header of a JWT signed with ES256.
const HEADER: &str = r#"{"typ":"JWT","alg":"ES256"}"#;
/// The lifetime of a token in seconds. Push services accept at most a day.
const GOOD_FOR: i64 = 12 * 3600;

/// Creates the server's keys for push services at its first start.
pub async fn prepare(app: &App) -> Result<()> {
    app.push_prepare(|| {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        let private = document.map_err(Error::internal)?.as_ref().to_vec();
        let pair = key_pair(&private)?;
        Ok(ServerKeys { public: pair.public_key().as_ref().to_vec(), private })
    })
    .await
    .map(drop)
}

/// Signs the authorization of this server.
pub(super) struct Signer {
    pair: EcdsaKeyPair,
    /// The public key in base64url.
    key: String,
    /// The contact for push services.
    subject: Option<String>,
}

impl Signer {
    pub(super) fn new(keys: &ServerKeys, subject: Option<String>) -> Result<Self> {
        Ok(Self { pair: key_pair(&keys.private)?, key: URL_SAFE_NO_PAD.encode(&keys.public), subject })
    }

    /// The value of `Authorization` for the push service at an origin.
    pub(super) fn authorization(&self, origin: &str, now: Date) -> Result<String> {
        let mut claims = json!({ "aud": origin, "exp": now.micros().div_euclid(1_000_000) + GOOD_FOR });
        if let Some(subject) = &self.subject {
            claims["sub"] = subject.as_str().into();
        }
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let signed = format!("{}.{}", part(HEADER), part(&claims.to_string()));
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes()).map_err(Error::internal)?;
        let signature = URL_SAFE_NO_PAD.encode(signature.as_ref());
        Ok(format!("vapid t={signed}.{signature}, k={}", self.key))
    }
}

fn key_pair(private: &[u8]) -> Result<EcdsaKeyPair> {
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, private, &SystemRandom::new())
        .map_err(Error::internal)
}
