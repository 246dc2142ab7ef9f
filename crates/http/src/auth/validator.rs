//! The host application's own validator: asked who a request's cookies and authorisation are.

use axum::http::{HeaderMap, header};
use chinwag_core::{Error, Name, Result};
use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;

use super::outside;

/// The host's validator.
pub(super) struct Validator {
    client: Client,
    url: Url,
}

#[derive(Deserialize)]
struct Answer {
    username: String,
}

impl Validator {
    pub(super) fn new(url: &str) -> Result<Self> {
        let refused = || Error::field("validate_url", "is not an http or https URL");
        let url = Url::parse(url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"))
            .ok_or_else(refused)?;
        Ok(Self { client: outside::client()?, url })
    }

    /// The name that the validator gives. Its silence, and whatever it says but a name, is `None`.
    pub(super) async fn ask(&self, headers: &HeaderMap) -> Result<Option<Name>> {
        let mut question = self.client.post(self.url.clone());
        for name in [header::COOKIE, header::AUTHORIZATION] {
            for value in headers.get_all(&name) {
                question = question.header(&name, value);
            }
        }
        match self.answer(question).await {
            Ok(answer) => Ok(answer.and_then(|answer| Name::parse(&answer.username).ok())),
            Err(error) => {
                tracing::warn!(error = %error.without_url(), "the validator did not answer");
                Ok(None)
            }
        }
    }

    async fn answer(&self, question: reqwest::RequestBuilder) -> reqwest::Result<Option<Answer>> {
        let response = question.header(header::CONTENT_LENGTH, 0).send().await?;
        if response.status() != StatusCode::OK {
            return Ok(None);
        }
        let body = outside::body(response).await?;
        Ok(body.and_then(|body| serde_json::from_slice(&body).ok()))
    }
}
