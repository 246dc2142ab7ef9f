//! The provider's responses: the query of its redirect, and the claims of an ID token.

use std::time::Duration;

use chinwag_core::Date;
use chinwag_core::oidc::ProviderIdentity;
use serde::Deserialize;
use serde_json::{Map, Number, Value};

use crate::auth::jwt::date;

/// The tolerated difference to the provider's clock.
const LEEWAY: Duration = Duration::from_secs(60);
/// The maximum length of a proposed name, in characters. A longer one is ignored.
const PROPOSED_CHARS: usize = 256;

/// The query of the provider's redirect.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ProviderAnswer {
    pub(crate) code: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) error: Option<String>,
    /// The issuer of the response (RFC 9207).
    pub(crate) iss: Option<String>,
}

impl ProviderAnswer {
    /// Parses a query. A repeated parameter counts as missing.
    pub(crate) fn parse(query: &str) -> Self {
        let once = |wanted: &str| {
            let mut found = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == wanted);
            let first = found.next()?.1.into_owned();
            found.next().is_none().then_some(first)
        };
        Self { code: once("code"), state: once("state"), error: once("error"), iss: once("iss") }
    }
}

/// The claims of an ID token with a valid signature.
#[derive(Deserialize)]
pub(crate) struct IdClaims {
    iss: String,
    sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: Number,
    iat: Number,
    nbf: Option<Number>,
    nonce: Option<String>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// The values that an ID token must have.
pub(crate) struct Expected<'e> {
    pub(crate) issuer: &'e str,
    pub(crate) client_id: &'e str,
    pub(crate) nonce: &'e str,
    pub(crate) now: Date,
}

impl IdClaims {
    /// Validates the claims (OpenID Connect Core 3.1.3.7). The error is for the log.
    pub(crate) fn check(&self, expected: &Expected<'_>) -> Result<ProviderIdentity, &'static str> {
        if self.iss != expected.issuer {
            return Err("the ID token has another iss than auth.oidc.issuer");
        }
        let (is_ours, is_shared) = match &self.aud {
            Audience::One(aud) => (aud == expected.client_id, false),
            Audience::Several(all) => (all.iter().any(|aud| aud == expected.client_id), all.len() > 1),
        };
        if !is_ours {
            return Err("the aud of the ID token is not auth.oidc.client_id");
        }
        match &self.azp {
            Some(azp) if azp != expected.client_id => {
                return Err("the azp of the ID token is not auth.oidc.client_id");
            }
            None if is_shared => return Err("the ID token is for several clients, and has no azp"),
            _ => {}
        }
        if self.nonce.as_deref() != Some(expected.nonce) {
            return Err("the nonce of the ID token is not that of this sign-in");
        }
        self.check_times(expected.now)?;
        ProviderIdentity::parse(&self.iss, &self.sub)
    }

    fn check_times(&self, now: Date) -> Result<(), &'static str> {
        let leeway = i64::try_from(LEEWAY.as_micros()).unwrap_or(i64::MAX);
        let expires = date(&self.exp).ok_or("the exp of the ID token is not a time")?;
        if expires.micros().saturating_add(leeway) <= now.micros() {
            return Err("the ID token has expired: check the clocks of both servers");
        }
        for begins in [Some(&self.iat), self.nbf.as_ref()].into_iter().flatten() {
            let begins = date(begins).ok_or("the iat or nbf of the ID token is not a time")?;
            if begins.micros() > now.micros().saturating_add(leeway) {
                return Err("the ID token is not valid yet: check the clocks of both servers");
            }
        }
        Ok(())
    }

    /// The user's id at the provider.
    pub(crate) fn subject(&self) -> &str {
        &self.sub
    }

    /// The text of a claim that proposes a name.
    pub(crate) fn claim(&self, name: &str) -> Option<String> {
        proposed(&self.others, name)
    }
}

/// The text of a claim, if it can propose a name.
pub(crate) fn proposed(claims: &Map<String, Value>, name: &str) -> Option<String> {
    let text = claims.get(name)?.as_str()?.trim();
    (!text.is_empty() && text.chars().count() <= PROPOSED_CHARS).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_800_000_000;

    /// The outcome for valid claims with this change.
    fn check(change: &Value) -> Result<ProviderIdentity, &'static str> {
        let mut claims = json!({
            "iss": "https://id.example", "sub": "7", "aud": "chat", "exp": NOW + 300, "iat": NOW, "nonce": "n",
        });
        for (key, value) in change.as_object().expect("an object") {
            claims[key] = value.clone();
        }
        let claims: IdClaims = serde_json::from_value(claims).map_err(|_| "unreadable")?;
        let now = Date::from_micros(NOW * 1_000_000);
        claims.check(&Expected { issuer: "https://id.example", client_id: "chat", nonce: "n", now })
    }

    #[test]
    fn id_tokens_of_this_sign_in_are_accepted() {
        for good in [
            json!({}),
            json!({"aud": ["chat"]}),
            json!({"aud": ["chat", "other"], "azp": "chat"}),
            json!({"azp": "chat"}),
            json!({"exp": NOW - 59}),
            json!({"iat": NOW + 60, "nbf": NOW + 60}),
        ] {
            let identity = check(&good).unwrap_or_else(|why| panic!("{good}: {why}"));
            assert_eq!((identity.issuer(), identity.subject()), ("https://id.example", "7"));
        }
    }

    #[test]
    fn other_id_tokens_are_refused() {
        for (bad, why) in [
            (json!({"iss": "https://id.example/"}), "another iss"),
            (json!({"aud": "other"}), "aud"),
            (json!({"aud": []}), "aud"),
            (json!({"aud": ["chat", "other"]}), "no azp"),
            (json!({"aud": ["chat", "other"], "azp": "other"}), "azp"),
            (json!({"azp": "other"}), "azp"),
            (json!({"nonce": "m"}), "nonce"),
            (json!({"nonce": null}), "nonce"),
            (json!({"exp": NOW - 60}), "expired"),
            (json!({"iat": NOW + 61}), "not valid yet"),
            (json!({"nbf": NOW + 61}), "not valid yet"),
            (json!({"sub": ""}), "sub"),
            (json!({"sub": 7}), "unreadable"),
            (json!({"exp": null}), "unreadable"),
        ] {
            let refused = check(&bad).expect_err(&bad.to_string());
            assert!(refused.contains(why), "{bad}: {refused}");
        }
    }

    #[test]
    fn parameter_that_comes_twice_is_none() {
        let answer = ProviderAnswer::parse("code=a%20b&state=s&state=t&iss=https%3A%2F%2Fid.example");
        let iss = Some("https://id.example".into());
        assert_eq!(answer, ProviderAnswer { code: Some("a b".into()), state: None, error: None, iss });
    }
}
