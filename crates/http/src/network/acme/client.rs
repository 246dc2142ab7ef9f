//! The HTTP client for an ACME server. It records the `Retry-After` of refusals.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::header::{RETRY_AFTER, USER_AGENT};
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use chinwag_core::Result;
use chinwag_core::error::root_cause;
use http_body_util::{BodyExt, Collected, Full};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use reqwest::Client;

use crate::network::outbound::AGENT;
use crate::network::outside;

/// The timeout of one request. It is long, since an authority may sign before it responds.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Clone)]
pub(super) struct AcmeClient {
    client: Client,
    /// The pause that the last refusal requested.
    retry_after: Arc<Mutex<Option<Duration>>>,
}

impl AcmeClient {
    pub(super) fn new() -> Result<Self> {
        Ok(Self { client: outside::client(REQUEST_TIMEOUT)?, retry_after: Arc::default() })
    }

    /// Takes the pause that the authority has requested since the last call.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        self.retry_after.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    async fn send(self, request: Request<BodyWrapper<Bytes>>) -> Result<BytesResponse, Error> {
        let (mut parts, body) = request.into_parts();
        parts.headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        let body = body.collect().await.map_or_else(|never| match never {}, Collected::to_bytes);
        let failed = |error: reqwest::Error| Error::Other(root_cause(&error).to_string().into());
        let request = reqwest::Request::try_from(Request::from_parts(parts, body)).map_err(failed)?;
        let response = self.client.execute(request).await.map_err(failed)?;
        if let Some(pause) = pause(response.status(), response.headers()) {
            *self.retry_after.lock().unwrap_or_else(PoisonError::into_inner) = Some(pause);
        }
        let (status, headers) = (response.status(), response.headers().clone());
        let body = outside::body(response).await.map_err(failed)?;
        let body = body.ok_or(Error::Str("an answer that is short enough"))?;
        let mut whole = Response::new(Full::new(Bytes::from(body)));
        (*whole.status_mut(), *whole.headers_mut()) = (status, headers);
        Ok(whole.into())
    }
}

impl HttpClient for AcmeClient {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        Box::pin(self.clone().send(request))
    }
}

/// The pause that a refusal requests, in seconds; no authority sends a date.
fn pause(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    if !matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        return None;
    }
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_refusals_ask_for_a_pause() {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static("3600"))]);
        for (status, asked) in [(429, Some(3600)), (503, Some(3600)), (200, None), (400, None)] {
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(pause(status, &headers), asked.map(Duration::from_secs), "{status}");
        }
        assert_eq!(pause(StatusCode::TOO_MANY_REQUESTS, &HeaderMap::new()), None);
    }
}
