//! The steps of a sign-in through an OpenID Connect provider; see [`oidc`](super::oidc).

use axum::http::HeaderValue;
use axum::http::request::Parts;
use chinwag_core::app::account::Issued;
use chinwag_core::app::oidc::ProviderSignIn;
use chinwag_core::oidc::ProviderIdentity;
use chinwag_core::{Error, Name, Result};
use reqwest::Url;

use super::accounts::NewSession;
use super::failures::SignInKind;
use super::oidc::attempt::{self, Attempt, NEW_USER_COOKIE, NewcomerSeal};
use super::oidc::claims;
use super::oidc::provider::ProviderError;
use super::{Auth, cookie};
use crate::network::peer::Peer;
use crate::permits::network;

/// The path of the redirect URI.
const CALLBACK: &str = "/oidc/callback/";
const NOBODY: Error = Error::Unauthenticated("the sign-in has expired: sign in at the provider again");
const MISSING: Error = Error::NotFound("provider of OpenID Connect");

/// The outcome of the provider's redirect.
pub(crate) enum ProviderOutcome {
    SignedIn(NewSession),
    /// The user is new, and the proposed name is missing or cannot be used. `cookie` contains the sealed identity.
    NameNeeded {
        cookie: HeaderValue,
        proposed: Option<String>,
    },
    Failed(SignInFailure),
}

/// The reason of a failed sign-in, as the page shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignInFailure {
    /// The provider returned an error: the user cancelled, or the provider refused.
    Declined,
    /// The browser has no attempt with this state.
    Expired,
    /// The provider cannot be reached.
    Unreachable,
    /// The provider's response is invalid; the log has the reason.
    Refused,
    /// The user is suspended.
    Suspended,
    /// This server is busy, or there were too many attempts.
    Busy,
}

impl SignInFailure {
    /// The word in the page's URL.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Declined => "declined",
            Self::Expired => "expired",
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::Suspended => "suspended",
            Self::Busy => "busy",
        }
    }
}

impl Auth {
    /// The provider's display name, if a provider is configured.
    pub(crate) fn provider_name(&self) -> Option<&str> {
        self.oidc.as_ref().map(|oidc| oidc.name.as_str())
    }

    /// Begins a sign-in. Returns the URL at the provider, and the cookie of the attempt.
    pub(crate) async fn provider_begin(
        &self,
        parts: &Parts,
    ) -> Result<std::result::Result<(Url, HeaderValue), SignInFailure>> {
        let oidc = self.oidc.as_ref().ok_or(MISSING)?;
        let Ok(_share) = self.admission.question(parts) else { return Ok(Err(SignInFailure::Busy)) };
        let attempt = Attempt::begin(&**self.app.clock());
        let callback = self.callback(parts)?;
        match oidc.provider.authorization(&callback, &attempt.secrets(&oidc.key)).await {
            Ok(url) => Ok(Ok((url, attempt.cookie(&self.options, Peer::of(parts, &self.options).tls)))),
            Err(why) => Ok(Err(self.failed(why))),
        }
    }

    /// Ends a sign-in. `parts` is the request of the provider's redirect.
    pub(crate) async fn provider_end(&self, parts: &Parts) -> Result<ProviderOutcome> {
        if self.oidc.is_none() {
            return Err(MISSING);
        }
        let outcome = match self.provider_identity(parts).await {
            Ok((identity, proposed)) => self.provider_user(parts, identity, proposed).await,
            Err(failure) => ProviderOutcome::Failed(failure),
        };
        match &outcome {
            ProviderOutcome::Failed(SignInFailure::Busy) => {}
            ProviderOutcome::Failed(failure) => {
                let reason = format!("OpenID Connect: {}", failure.word());
                self.note_failure((SignInKind::Provider, None), parts, reason).await;
            }
            ProviderOutcome::SignedIn(_) | ProviderOutcome::NameNeeded { .. } => {}
        }
        Ok(outcome)
    }

    /// Creates the user whose identity is in the browser's cookie, with the chosen name.
    pub(crate) async fn provider_sign_up(&self, name: Name, parts: &Parts) -> Result<NewSession> {
        let outcome = self.provider_account(name.clone(), parts).await;
        self.noted((SignInKind::Provider, Some(name)), parts, outcome).await
    }

    async fn provider_account(&self, name: Name, parts: &Parts) -> Result<NewSession> {
        let oidc = self.oidc.as_ref().ok_or(MISSING)?;
        self.attempts.count_nameless(network(Peer::of(parts, &self.options).address))?;
        let tls = Peer::of(parts, &self.options).tls;
        let identity =
            NewcomerSeal(&oidc.key).open(&parts.headers, &self.options, tls, self.app.clock().now());
        let command = self.provider_command(identity.ok_or(NOBODY)?, parts);
        let session = self.app.provider_sign_up(name, command).await?;
        Ok(self.provider_session(session, parts))
    }

    /// The `Set-Cookie` headers that delete the attempt and the identity of a new user.
    pub(crate) fn no_provider_cookies(&self, parts: &Parts) -> [HeaderValue; 2] {
        let tls = Peer::of(parts, &self.options).tls;
        [attempt::COOKIE, NEW_USER_COOKIE].map(|name| cookie::drop_named(name, &self.options, tls))
    }

    /// The identity in the provider's response, and the proposed name.
    async fn provider_identity(
        &self,
        parts: &Parts,
    ) -> std::result::Result<(ProviderIdentity, Option<String>), SignInFailure> {
        let oidc = self.oidc.as_ref().ok_or(SignInFailure::Refused)?;
        let (tls, now) = (Peer::of(parts, &self.options).tls, self.app.clock().now());
        let answer = claims::ProviderAnswer::parse(parts.uri.query().unwrap_or_default());
        let attempt = Attempt::of(&parts.headers, &self.options, tls, now).ok_or(SignInFailure::Expired)?;
        let secrets = attempt.secrets(&oidc.key);
        if answer.state.as_deref() != Some(&*secrets.state) {
            return Err(SignInFailure::Expired);
        }
        let from = network(Peer::of(parts, &self.options).address);
        self.attempts.may_try(from).map_err(|_| SignInFailure::Busy)?;
        let share = self.admission.question(parts).map_err(|_| SignInFailure::Busy)?;
        let callback = self.callback(parts).map_err(|_| SignInFailure::Refused)?;
        let identity = oidc.provider.identity(&answer, &callback, &secrets, now).await;
        drop(share);
        identity.map_err(|why| {
            // Count it as a failed sign-in; the next one is refused if there were too many.
            let _ = self.attempts.count_nameless(from);
            self.failed(why)
        })
    }

    /// A session for the identity's user, who is created with the proposed name if it is new.
    async fn provider_user(
        &self,
        parts: &Parts,
        identity: ProviderIdentity,
        proposed: Option<String>,
    ) -> ProviderOutcome {
        let command = self.provider_command(identity.clone(), parts);
        match self.app.provider_sign_in(command.clone()).await {
            Ok(Some(session)) => return ProviderOutcome::SignedIn(self.provider_session(session, parts)),
            Ok(None) => {}
            Err(why) => return ProviderOutcome::Failed(refusal(&why)),
        }
        if let Some(name) = proposed.as_deref().and_then(|text| Name::parse(text).ok()) {
            match self.app.provider_sign_up(name, command).await {
                Ok(session) => return ProviderOutcome::SignedIn(self.provider_session(session, parts)),
                // The name is taken, or longer than the limit.
                Err(Error::Invalid(_)) => {}
                Err(why) => return ProviderOutcome::Failed(refusal(&why)),
            }
        }
        let Some(oidc) = &self.oidc else { return ProviderOutcome::Failed(SignInFailure::Refused) };
        let tls = Peer::of(parts, &self.options).tls;
        let cookie = NewcomerSeal(&oidc.key).cookie(&identity, &self.options, tls, self.app.clock().now());
        ProviderOutcome::NameNeeded { cookie, proposed }
    }

    fn provider_command(&self, identity: ProviderIdentity, parts: &Parts) -> ProviderSignIn {
        ProviderSignIn { identity, ttl: self.options.session_ttl, client: self.client(parts) }
    }

    fn provider_session(&self, session: Issued, parts: &Parts) -> NewSession {
        let fold = session.user.name.fold(self.app.name_case());
        self.begun(session, &fold, parts)
    }

    /// Logs the reason why a response is not accepted.
    fn failed(&self, why: ProviderError) -> SignInFailure {
        let (failure, why) = match why {
            ProviderError::Declined(why) => (SignInFailure::Declined, why),
            ProviderError::Unreachable(why) => (SignInFailure::Unreachable, why),
            ProviderError::Refused(why) => (SignInFailure::Refused, why),
        };
        self.refusals.log(self.app.clock().now(), &format!("OpenID Connect: {why}"));
        failure
    }

    /// The redirect URI.
    fn callback(&self, parts: &Parts) -> Result<String> {
        if let Some(url) = &self.options.public_url {
            return Ok(format!("{url}{CALLBACK}"));
        }
        let peer = Peer::of(parts, &self.options);
        let scheme = if peer.tls { "https" } else { "http" };
        let host = peer.host.ok_or_else(|| Error::field("host", "is missing: set http.public_url"))?;
        Ok(format!("{scheme}://{host}{CALLBACK}"))
    }
}

/// Maps a use case's error to the failure that the page shows.
fn refusal(why: &Error) -> SignInFailure {
    match why {
        Error::Forbidden(_) => SignInFailure::Suspended,
        why => {
            tracing::warn!(error = %why, "a sign-in through OpenID Connect failed");
            SignInFailure::Busy
        }
    }
}
