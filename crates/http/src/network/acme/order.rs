//! One ACME order: the account, the challenges for the names, and the certificate.

use std::sync::Arc;
use std::time::Duration;

use instant_acme::{
    Account, AccountCredentials, AuthorizationHandle, AuthorizationStatus, ChallengeType, Error, Identifier,
    NewAccount, NewOrder, Order, OrderStatus, Problem, RetryPolicy,
};
use rcgen::CustomExtension;
use reqwest::Url;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::sign::CertifiedKey;
use serde_json::Value;

use super::client::AcmeClient;
use super::state::IssuedCertificate;
use crate::network::outside::shown;
use crate::network::tls_keys::{TlsKeys, self_signed};

/// The timeout of polling for the validation of the names, and for the issuance.
const POLL: RetryPolicy = RetryPolicy::new().timeout(Duration::from_secs(120));
/// The problem type of an account that the authority does not know.
const NO_ACCOUNT: &str = "urn:ietf:params:acme:error:accountDoesNotExist";

/// The maximum length of an authority's text in errors and logs, in characters.
const SAID_CHARS: usize = 200;

/// The reason why no certificate was issued.
#[derive(Debug)]
pub(super) struct OrderError {
    pub(super) text: String,
    /// Whether the authority does not know the account.
    pub(super) account_is_gone: bool,
}

impl From<String> for OrderError {
    fn from(text: String) -> Self {
        Self { text, account_is_gone: false }
    }
}

impl From<Error> for OrderError {
    fn from(error: Error) -> Self {
        let account_is_gone =
            matches!(&error, Error::Api(problem) if problem.r#type.as_deref() == Some(NO_ACCOUNT));
        let text = match error {
            Error::Api(problem) => format!("the authority refused it: {}", said(&problem)),
            other => other.to_string(),
        };
        Self { text, account_is_gone }
    }
}

/// Opens the stored account, or creates one. Returns its credentials if it is new.
pub(super) async fn account(
    client: &AcmeClient,
    directory: &Url,
    kept: Option<Value>,
) -> Result<(Account, Option<Value>), OrderError> {
    let builder = Account::builder_with_http(Box::new(client.clone()));
    if let Some(kept) = kept {
        let credentials: AccountCredentials = serde_json::from_value(kept).map_err(Error::from)?;
        return Ok((builder.from_credentials(credentials).await?, None));
    }
    let new = NewAccount { contact: &[], terms_of_service_agreed: true, only_return_existing: false };
    let (account, credentials) = builder.create(&new, directory.to_string(), None).await?;
    Ok((account, Some(serde_json::to_value(credentials).map_err(Error::from)?)))
}

/// Proves control of the names, and obtains the certificate.
pub(super) async fn certificate(
    account: &Account,
    names: &[String],
    keys: &TlsKeys,
) -> Result<IssuedCertificate, OrderError> {
    let identifiers: Vec<_> = names.iter().cloned().map(Identifier::Dns).collect();
    let mut order = account.new_order(&NewOrder::new(&identifiers)).await?;
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        prove(authorization?, keys).await?;
    }
    let checked = order.poll_ready(&POLL).await;
    if !matches!(checked, Ok(OrderStatus::Ready | OrderStatus::Valid)) {
        // The reason is in the failed challenge; the order only says that it failed.
        return Err(match (reasons(&mut order).await, checked) {
            (Some(reasons), _) => reasons.into(),
            (None, Err(error)) => error.into(),
            (None, Ok(status)) => format!("the order is {status:?}").into(),
        });
    }
    let key = order.finalize().await?;
    let chain = order.poll_certificate(&POLL).await?;
    Ok(IssuedCertificate { names: names.to_vec(), chain, key })
}

/// Completes the challenge for one name, unless a validation from an earlier order is still valid.
async fn prove(mut authorization: AuthorizationHandle<'_>, keys: &TlsKeys) -> Result<(), OrderError> {
    let name = authorization.identifier().to_string();
    match authorization.status {
        AuthorizationStatus::Valid => return Ok(()),
        AuthorizationStatus::Pending => {}
        other => return Err(format!("{name}: the authorization is {other:?}").into()),
    }
    let Some(mut challenge) = authorization.challenge(ChallengeType::TlsAlpn01) else {
        return Err(format!("{name}: the authority offers no TLS-ALPN-01").into());
    };
    let answer = answer(&name, challenge.key_authorization().digest().as_ref())?;
    keys.answer(name, answer);
    challenge.set_ready().await?;
    Ok(())
}

/// The certificate that answers the TLS-ALPN-01 challenge of a name.
fn answer(name: &str, digest: &[u8]) -> Result<Arc<CertifiedKey>, OrderError> {
    let extension = CustomExtension::new_acme_identifier(digest);
    let (cert, key) = self_signed(&[name.to_owned()], vec![extension])?;
    let private = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let private = any_supported_type(&private).map_err(|why| why.to_string())?;
    // Do not validate it like other pairs: its critical ACME extension is unknown to the parser.
    Ok(Arc::new(CertifiedKey::new(vec![cert.der().clone()], private)))
}

/// The reasons why names could not be validated.
async fn reasons(order: &mut Order) -> Option<String> {
    let mut reasons = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let Ok(found) = authorization.refresh().await else { continue };
        if let Some(problem) = found.challenges.iter().find_map(|challenge| challenge.error.as_ref()) {
            reasons.push(format!("{}: {}", found.identifier(), said(problem)));
        }
    }
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

/// The error text of an authority, cut to a bounded length.
fn said(problem: &Problem) -> String {
    let kind = problem.r#type.as_deref().unwrap_or_default();
    let kind = kind.strip_prefix("urn:ietf:params:acme:error:").unwrap_or(kind);
    match problem.detail.as_deref() {
        Some(detail) => format!("{} ({})", shown(detail, SAID_CHARS), shown(kind, SAID_CHARS)),
        None => shown(kind, SAID_CHARS),
    }
}
