//! A simulated device for push notifications. A [`HookReceiver`] is its push service; the device decrypts with a published
//! library.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use web_push_native::p256::SecretKey;
use web_push_native::p256::elliptic_curve::sec1::ToEncodedPoint;
use web_push_native::{Auth, decrypt};

use crate::webhook::{HookReceiver, Received};

/// A device with its own keys.
pub struct Device {
    secret: SecretKey,
    auth: [u8; 16],
    path: String,
    endpoint: String,
}

impl Device {
    /// A device at a push service.
    pub fn at(service: &HookReceiver, name: &str) -> Self {
        Self::at_url(service.url(), name)
    }

    /// The same by the URL of the push service.
    pub fn at_url(service: &str, name: &str) -> Self {
        let digest: [u8; 32] = Sha256::digest(name).into();
        let mut auth = [0; 16];
        auth.copy_from_slice(&digest[..16]);
        let path = format!("/push/{name}");
        let endpoint = format!("{service}{path}");
        Self { secret: SecretKey::from_slice(&digest).expect("a scalar"), auth, path, endpoint }
    }

    /// The subscription in the browser's format.
    pub fn subscription(&self) -> Value {
        let public = self.secret.public_key().to_encoded_point(false);
        let keys = json!({
            "p256dh": URL_SAFE_NO_PAD.encode(public.as_bytes()),
            "auth": URL_SAFE_NO_PAD.encode(self.auth),
        });
        json!({ "endpoint": self.endpoint, "expirationTime": null, "keys": keys })
    }

    /// Its URL at the push service.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Whether a request is for this device.
    pub fn owns(&self, request: &Received) -> bool {
        request.path == self.path
    }

    /// Decrypts the notification in a request.
    pub fn decrypt(&self, request: &Received) -> Value {
        let auth = Auth::clone_from_slice(&self.auth);
        let text =
            decrypt(request.body.to_vec(), &self.secret, &auth).expect("it is encrypted for this device");
        serde_json::from_slice(&text).expect("the payload is JSON")
    }

    /// The notifications for this device in `requests`.
    pub fn notifications(&self, requests: &[Received]) -> Vec<Value> {
        requests.iter().filter(|request| self.owns(request)).map(|request| self.decrypt(request)).collect()
    }

    /// Waits until `count` notifications have arrived.
    pub async fn count(&self, service: &HookReceiver, count: usize) -> Vec<Value> {
        let what = format!("{count} notifications for {}", self.path);
        let holds = |received: &[Received]| received.iter().filter(|one| self.owns(one)).count() >= count;
        self.notifications(&service.until(&what, holds).await)
    }
}

/// The sender's VAPID claims. Panics unless they are signed with `key` (base64url).
#[track_caller]
pub fn sender_claims(request: &Received, key: &str) -> Value {
    let header = request.header("authorization");
    let rest = header.strip_prefix("vapid t=").expect("the scheme vapid");
    let (token, sent) = rest.split_once(", k=").expect("a token and a key");
    assert_eq!(sent, key, "the key with which the device subscribed");
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).expect("base64url");
    let (signed, signature) = token.rsplit_once('.').expect("a signature");
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, decode(key))
        .verify(signed.as_bytes(), &decode(signature))
        .expect("it is signed by the key");
    let claims = signed.split('.').nth(1).expect("claims");
    serde_json::from_slice(&decode(claims)).expect("JSON")
}
