//! A host application that signs JSON Web Tokens and publishes its keys.
//!
//! Tokens are built by hand and signed with *ring*, so that tests can make invalid ones.

use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
    RsaPublicKeyComponents,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The shared secret of the test hosts.
pub const SECRET: &str = "the-secret-that-a-test-shares-with-its-host";
/// An RSA key in PKCS #8 and base64. It is fixed, because *ring* cannot generate RSA keys.
const RSA: &str = include_str!("jwt-rsa.txt");

/// The keys of a host application, new for each value except the RSA key.
pub struct Host {
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
    ed: Ed25519KeyPair,
    random: SystemRandom,
}

impl Default for Host {
    fn default() -> Self {
        let random = SystemRandom::new();
        let rsa = STANDARD.decode(RSA.replace('\n', "")).expect("base 64");
        let ec = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
        let ed = Ed25519KeyPair::generate_pkcs8(&random).expect("a key");
        Self {
            rsa: RsaKeyPair::from_pkcs8(&rsa).expect("a key"),
            ec: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, ec.as_ref(), &random)
                .expect("a key"),
            ed: Ed25519KeyPair::from_pkcs8(ed.as_ref()).expect("a key"),
            random,
        }
    }
}

impl Host {
    /// The public keys, with the ids `rsa`, `ec` and `ed`.
    pub fn jwks(&self) -> Value {
        let rsa = RsaPublicKeyComponents::<Vec<u8>>::from(self.rsa.public());
        let point = self.ec.public_key().as_ref();
        json!({ "keys": [
            { "kty": "RSA", "kid": "rsa", "use": "sig", "alg": "RS256", "n": encode(rsa.n), "e": encode(rsa.e) },
            { "kty": "EC", "kid": "ec", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..]) },
            { "kty": "OKP", "kid": "ed", "crv": "Ed25519", "x": encode(self.ed.public_key()) },
        ] })
    }

    /// The RSA public key in DER.
    pub fn rsa_public(&self) -> Vec<u8> {
        self.rsa.public().as_ref().to_vec()
    }

    /// A token signed with an algorithm, with the id of its key.
    pub fn token(&self, algorithm: &str, claims: &Value) -> String {
        let id = match algorithm {
            "RS256" => json!("rsa"),
            "ES256" => json!("ec"),
            "EdDSA" => json!("ed"),
            _ => Value::Null,
        };
        let mut header = json!({ "typ": "JWT", "alg": algorithm });
        if id.is_string() {
            header["kid"] = id;
        }
        self.sign(&header, claims)
    }

    /// A token with any header, signed with the header's `alg`; unsigned if the algorithm is unknown.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let bytes = message.as_bytes();
        let signature = match header["alg"].as_str() {
            Some("HS256") => return hmac(SECRET.as_bytes(), &message),
            Some("RS256") => {
                let mut signature = vec![0; self.rsa.public().modulus_len()];
                self.rsa.sign(&RSA_PKCS1_SHA256, &self.random, bytes, &mut signature).expect("it signs");
                signature
            }
            Some("ES256") => self.ec.sign(&self.random, bytes).expect("it signs").as_ref().to_vec(),
            Some("EdDSA") => self.ed.sign(bytes).as_ref().to_vec(),
            _ => Vec::new(),
        };
        format!("{message}.{}", encode(signature))
    }
}

/// Signs a message with a shared secret, whatever its header claims.
pub fn hmac(secret: &[u8], message: &str) -> String {
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", encode(signature))
}

/// Base64url without padding.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A web server of the host that serves one document at every path. It stops on drop.
pub struct Served {
    /// Its URL.
    pub url: String,
    state: Arc<Mutex<State>>,
    serving: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    document: Option<String>,
    asked: usize,
}

impl Served {
    /// Serves a document.
    pub async fn start(document: &Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/jwks.json", listener.local_addr().expect("it listens"));
        let state = Arc::new(Mutex::new(State { document: Some(document.to_string()), asked: 0 }));
        let shared = state.clone();
        let serving = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 4096];
                // The document is sent whatever the request is.
                let _ = stream.read(&mut request).await;
                let document = {
                    let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
                    state.asked += 1;
                    state.document.clone()
                };
                let status = if document.is_some() { "200 OK" } else { "503 Away" };
                let body = document.unwrap_or_default();
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
                );
                // The client may have disconnected.
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Self { url, state, serving }
    }

    /// Replaces the document; `None` answers 503.
    pub fn serve(&self, document: Option<&Value>) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).document = document.map(Value::to_string);
    }

    /// The number of requests.
    pub fn asked(&self) -> usize {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).asked
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
