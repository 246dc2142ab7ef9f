//! The host application's validator, an HTTP endpoint that identifies the user of a request's cookies and
//! `Authorization`.

use axum::http::{HeaderMap, header};
use chinwag_core::limits::NAME_CHARS;
use chinwag_core::{Date, Error, Name, Result};
use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;

use crate::network::outside;
use crate::notice::Notice;

/// A client of the validator.
pub(super) struct Validator {
    client: Client,
    url: Url,
    is_silent: Notice,
}

/// The validator's response.
pub(super) enum Validated {
    /// The user of the credential.
    Named(Name),
    /// The validator refused the credential with 401 or 403.
    Refused,
    /// No usable response: neither a name nor a refusal.
    Silent,
    /// The validator returned an invalid name. The reason is for the log only.
    NoName(String),
}

#[derive(Deserialize)]
struct ValidatorBody {
    username: String,
}

impl Validator {
    pub(super) fn new(url: &str) -> Result<Self> {
        let refused = || Error::field("validate_url", "is not an http or https URL");
        let url = outside::http_url(url).ok_or_else(refused)?;
        Ok(Self { client: outside::client(outside::REQUEST_TIMEOUT)?, url, is_silent: Notice::default() })
    }

    /// Asks the validator about a request's cookies and `Authorization`.
    pub(super) async fn ask(&self, headers: &HeaderMap, now: Date) -> Validated {
        let mut question = self.client.post(self.url.clone());
        for name in [header::COOKIE, header::AUTHORIZATION] {
            for value in headers.get_all(&name) {
                question = question.header(&name, value);
            }
        }
        self.answer(question).await.unwrap_or_else(|why| {
            if self.is_silent.is_due(now) {
                tracing::warn!(why, "the validator did not answer (auth.validate_url): its users get 503");
            }
            Validated::Silent
        })
    }

    /// The validator's response, or the reason why there is none.
    async fn answer(&self, question: reqwest::RequestBuilder) -> std::result::Result<Validated, String> {
        let failed = |error: reqwest::Error| error.without_url().to_string();
        let response = question.header(header::CONTENT_LENGTH, 0).send().await.map_err(failed)?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Ok(Validated::Refused),
            status => return Err(format!("the answer is {status}")),
        }
        let body = outside::body(response).await.map_err(failed)?;
        let answer = body.and_then(|body| serde_json::from_slice::<ValidatorBody>(&body).ok());
        let answer = answer.ok_or("the answer is not an object with a username")?;
        let shown: String = answer.username.chars().take(NAME_CHARS).collect();
        Ok(Name::parse_exact(&answer.username).map_or_else(
            |why| Validated::NoName(format!("the validator's username {shown:?} {why}")),
            Validated::Named,
        ))
    }
}
