//! The host application's own validator: asked who a request's cookies and authorisation are.

use std::time::Duration;

use axum::http::{HeaderMap, header};
use chinwag_core::{Error, Name, Result};
use reqwest::{Client, StatusCode, Url, redirect};
use serde::Deserialize;

/// What all of one question may take.
const WITHIN: Duration = Duration::from_secs(5);
/// The longest answer that is read.
const LONGEST: usize = 64 * 1024;

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
        // It may have been chosen before, by whoever else speaks TLS in this process.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .timeout(WITHIN)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(Error::internal)?;
        Ok(Self { client, url })
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
        let mut response = question.header(header::CONTENT_LENGTH, 0).send().await?;
        if response.status() != StatusCode::OK {
            return Ok(None);
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > LONGEST {
                tracing::warn!("the validator's answer is longer than {LONGEST} bytes");
                return Ok(None);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(serde_json::from_slice(&body).ok())
    }
}
