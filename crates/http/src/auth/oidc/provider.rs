//! The provider: its discovery document, its keys, and the exchange of a code for an ID token.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chinwag_core::oidc::ProviderIdentity;
use chinwag_core::{Date, Result};
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::attempt::AttemptSecrets;
use super::claims::{Expected, IdClaims, ProviderAnswer, proposed};
use super::settings::{OidcOptions, safe_url};
use crate::auth::jwt::{Jwks, KeySource, MAX_TOKEN_BYTES, UnreadKeys};
use crate::network::outside::{self, shown};

/// How long the discovery document is cached.
const DISCOVERY_TTL: Duration = Duration::from_secs(3600);
/// The maximum length of an error code in the log, in characters.
const ERROR_CHARS: usize = 60;

/// The provider, with its cached discovery document.
pub(crate) struct Provider {
    options: OidcOptions,
    client: Client,
    known: Mutex<KnownProvider>,
}

#[derive(Default)]
struct KnownProvider {
    addresses: Option<(Arc<ProviderAddresses>, Instant)>,
    /// The time of the last attempt to fetch the document.
    tried: Option<Instant>,
}

/// The reason of a failed sign-in, with a text for the log.
#[derive(Debug)]
pub(crate) enum ProviderError {
    /// The provider returned an error, such as a refusal by the user.
    Declined(String),
    Unreachable(String),
    /// The provider's response is invalid.
    Refused(String),
}

impl ProviderError {
    pub(super) fn into_text(self) -> String {
        match self {
            Self::Declined(why) | Self::Unreachable(why) | Self::Refused(why) => why,
        }
    }
}

/// The endpoints of a provider, and its keys.
struct ProviderAddresses {
    document: ProviderDocument,
    authorization: Url,
    token: Url,
    userinfo: Option<Url>,
    jwks: Arc<Jwks>,
}

/// The provider's discovery document (OpenID Connect Discovery 1.0).
#[derive(Deserialize)]
struct ProviderDocument {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    access_token: Option<String>,
}

#[derive(Deserialize)]
struct TokenError {
    error: String,
}

impl Provider {
    pub(crate) fn new(options: OidcOptions) -> Result<Self> {
        Ok(Self { options, client: outside::client(outside::REQUEST_TIMEOUT)?, known: Mutex::default() })
    }

    /// The URL to which the browser is redirected for a sign-in.
    pub(crate) async fn authorization(
        &self,
        callback: &str,
        secrets: &AttemptSecrets,
    ) -> Result<Url, ProviderError> {
        let mut url = self.addresses().await?.authorization.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.options.client_id)
            .append_pair("redirect_uri", callback)
            .append_pair("scope", &self.options.scopes.join(" "))
            .append_pair("state", &secrets.state)
            .append_pair("nonce", &secrets.nonce)
            .append_pair("code_challenge", &secrets.challenge())
            .append_pair("code_challenge_method", "S256");
        Ok(url)
    }

    /// Exchanges the response to an attempt for the user's identity and the proposed name.
    pub(crate) async fn identity(
        &self,
        answer: &ProviderAnswer,
        callback: &str,
        secrets: &AttemptSecrets,
        now: Date,
    ) -> Result<(ProviderIdentity, Option<String>), ProviderError> {
        let addresses = self.addresses().await?;
        self.check_sender(answer, &addresses)?;
        if let Some(error) = &answer.error {
            let why = format!("the provider answered {}", shown(error, ERROR_CHARS));
            return Err(match &**error {
                "access_denied" | "login_required" | "consent_required" | "interaction_required" => {
                    ProviderError::Declined(why)
                }
                "temporarily_unavailable" | "server_error" => ProviderError::Unreachable(why),
                _ => ProviderError::Refused(why),
            });
        }
        let code = answer.code.as_deref().ok_or_else(|| refused("the provider sent no code"))?;
        let exchange = self.exchange(&addresses, code, callback, secrets);
        let tokens: Tokens = self.fetch(exchange, "the exchange of the code").await?;
        let claims = Self::verify(&addresses, &tokens.id_token).await?;
        let (issuer, client_id) = (&self.options.issuer, &self.options.client_id);
        let identity = claims.check(&Expected { issuer, client_id, nonce: &secrets.nonce, now });
        let identity = identity.map_err(refused)?;
        let named = match claims.claim(&self.options.claim) {
            Some(named) => Some(named),
            None => self.userinfo(&addresses, &tokens, claims.subject()).await,
        };
        Ok((identity, named))
    }

    /// Fetches the discovery document and the keys. Returns the algorithms of the keys, for an operator.
    pub(super) async fn check(&self) -> Result<String, ProviderError> {
        let addresses = self.addresses().await?;
        addresses.jwks.check().await.map_err(|why| refused(&format!("the provider's keys: {why}")))
    }

    /// Refuses a response of another provider (RFC 9207).
    fn check_sender(
        &self,
        answer: &ProviderAnswer,
        addresses: &ProviderAddresses,
    ) -> Result<(), ProviderError> {
        match &answer.iss {
            Some(iss) if *iss != self.options.issuer => Err(refused("the answer has another iss")),
            None if addresses.document.authorization_response_iss_parameter_supported => {
                Err(refused("the answer has no iss, which the provider has announced"))
            }
            _ => Ok(()),
        }
    }

    /// The endpoints of the provider. While its document cannot be fetched, the cached ones are used.
    async fn addresses(&self) -> Result<Arc<ProviderAddresses>, ProviderError> {
        let mut known = self.known.lock().await;
        let found = known.addresses.clone();
        let is_paused = known.tried.is_some_and(|tried| tried.elapsed() < self.options.pauses.1);
        match found {
            Some((addresses, read)) if read.elapsed() < DISCOVERY_TTL || is_paused => return Ok(addresses),
            None if is_paused => {
                return Err(ProviderError::Unreachable("the provider did not answer a moment ago".into()));
            }
            _ => {}
        }
        known.tried = Some(Instant::now());
        match (self.discover(found.as_ref().map(|(addresses, _)| &**addresses)).await, found) {
            (Ok(addresses), _) => {
                let addresses = Arc::new(addresses);
                known.addresses = Some((addresses.clone(), Instant::now()));
                Ok(addresses)
            }
            (Err(_), Some((addresses, _))) => Ok(addresses),
            (Err(why), None) => Err(why),
        }
    }

    async fn discover(&self, former: Option<&ProviderAddresses>) -> Result<ProviderAddresses, ProviderError> {
        let issuer = &self.options.issuer;
        let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let document: ProviderDocument =
            self.fetch(self.client.get(url), "the document of addresses").await?;
        if document.issuer != *issuer {
            let why = format!(
                "the provider's issuer is {}: set auth.oidc.issuer to it",
                shown(&document.issuer, ERROR_CHARS)
            );
            return Err(ProviderError::Refused(why));
        }
        let url = |key: &str, text: &str| {
            safe_url(text).ok_or_else(|| refused(&format!("the provider's {key} is not an https address")))
        };
        let jwks_uri = url("jwks_uri", &document.jwks_uri)?;
        let jwks = match former {
            // Keep the cached keys, and the pause between fetches.
            Some(former) if former.document.jwks_uri == document.jwks_uri => former.jwks.clone(),
            _ => Arc::new(
                Jwks::new(KeySource::Url(jwks_uri), self.options.pauses.0).map_err(|why| refused(&why))?,
            ),
        };
        let userinfo = document.userinfo_endpoint.as_deref();
        Ok(ProviderAddresses {
            authorization: url("authorization_endpoint", &document.authorization_endpoint)?,
            token: url("token_endpoint", &document.token_endpoint)?,
            userinfo: userinfo.map(|text| url("userinfo_endpoint", text)).transpose()?,
            jwks,
            document,
        })
    }

    /// The request that exchanges a code for tokens.
    fn exchange(
        &self,
        addresses: &ProviderAddresses,
        code: &str,
        callback: &str,
        secrets: &AttemptSecrets,
    ) -> RequestBuilder {
        let OidcOptions { client_id, secret, .. } = &self.options;
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", callback)
            .append_pair("code_verifier", &secrets.verifier);
        let methods = &addresses.document.token_endpoint_auth_methods_supported;
        let has = |method: &str| methods.iter().any(|supported| supported == method);
        let mut request = self.client.post(addresses.token.clone());
        match secret {
            // `client_secret_basic` is the default, which a document need not list.
            Some(secret) if has("client_secret_post") && !has("client_secret_basic") => {
                form.append_pair("client_id", client_id).append_pair("client_secret", &secret.0);
            }
            Some(secret) => {
                let encoded =
                    |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
                let pair = STANDARD.encode(format!("{}:{}", encoded(client_id), encoded(&secret.0)));
                request = request.header(header::AUTHORIZATION, format!("Basic {pair}"));
            }
            None => {
                form.append_pair("client_id", client_id);
            }
        }
        request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(form.finish())
    }

    /// The claims of an ID token, after its signature is verified.
    async fn verify(addresses: &ProviderAddresses, token: &str) -> Result<IdClaims, ProviderError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(refused("the ID token is too long"));
        }
        let header =
            decode_header(token).map_err(|_| refused("the header of the ID token is not supported"))?;
        if header.crit.is_some() {
            return Err(refused("the ID token marks an unknown parameter as critical"));
        }
        let is_allowed = matches!(header.alg, Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA);
        if !is_allowed {
            return Err(refused("the ID token is not signed with RS256, ES256 or EdDSA"));
        }
        let key = addresses.jwks.key(header.alg, header.kid.as_deref()).await;
        let key = key.map_err(|UnreadKeys| {
            ProviderError::Unreachable("the provider's keys could not be read".to_owned())
        })?;
        let key = key.ok_or_else(|| refused("the provider has no key with the kid of the ID token"))?;
        let mut validation = Validation::new(header.alg);
        // The times and the audience are checked later, against the server's own clock and settings.
        validation.required_spec_claims.clear();
        (validation.validate_exp, validation.validate_aud) = (false, false);
        let claims = decode::<IdClaims>(token, &key, &validation);
        Ok(claims.map_err(|_| refused("the signature or the form of the ID token is wrong"))?.claims)
    }

    /// The proposed name from the userinfo endpoint, if the ID token has none, as with some providers. Errors count
    /// as no name.
    async fn userinfo(
        &self,
        addresses: &ProviderAddresses,
        tokens: &Tokens,
        subject: &str,
    ) -> Option<String> {
        let (url, token) = (addresses.userinfo.clone()?, tokens.access_token.as_ref()?);
        let request = self.client.get(url).header(header::AUTHORIZATION, format!("Bearer {token}"));
        let claims: Map<String, Value> = self.fetch(request, "the user's claims").await.ok()?;
        let is_same = claims.get("sub").and_then(Value::as_str) == Some(subject);
        proposed(&claims, &self.options.claim).filter(|_| is_same)
    }

    /// Sends a request, and parses the JSON in the response.
    async fn fetch<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        what: &str,
    ) -> Result<T, ProviderError> {
        let unreachable = |why: reqwest::Error| {
            ProviderError::Unreachable(format!("{what}: the provider does not answer: {}", why.without_url()))
        };
        let response: Response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let body = outside::body(response).await.map_err(unreachable)?;
        let body = body.ok_or_else(|| refused(&format!("{what}: the answer is longer than 64 KiB")))?;
        if status == StatusCode::OK {
            return serde_json::from_slice(&body)
                .map_err(|_| refused(&format!("{what}: the answer has another form")));
        }
        let error = serde_json::from_slice::<TokenError>(&body).map(|body| shown(&body.error, ERROR_CHARS));
        let why = format!("{what}: the provider answered {status} {}", error.unwrap_or_default());
        Err(if status.is_server_error() {
            ProviderError::Unreachable(why)
        } else {
            ProviderError::Refused(why)
        })
    }
}

fn refused(why: &str) -> ProviderError {
    ProviderError::Refused(why.to_owned())
}
