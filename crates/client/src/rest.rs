//! The REST API.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder, redirect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::{sleep, timeout};

use crate::access::Credential;
use crate::connect::Handshake;
use crate::error::{Error, Refusal};

/// Timeout for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// Timeout for a complete answer: a list without a limit can be long, and the feed waits up to a minute for an event.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);

/// An answer with any status.
#[derive(Debug, Clone)]
pub struct Response {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Response {
    /// A header's value, if it exists and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The answer, or the refusal if the status is at least 400.
    pub fn accepted(self) -> Result<Self, Refusal> {
        if self.status < 400 {
            return Ok(self);
        }
        Err(Refusal::new(self.status, &self.text, self.header("retry-after")))
    }

    /// Parses the body as an object of the protocol.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_str(&self.text).map_err(|why| Error::Unexpected(format!("{why}: {}", self.text)))
    }
}

/// A caller of the REST API: a user, your backend, or an anonymous caller.
///
/// A call that is refused with 429 is retried after its `Retry-After`, if [`Rest::patient`] allows it.
#[derive(Debug, Clone)]
pub struct Rest {
    http: reqwest::Client,
    server: String,
    credential: Option<Credential>,
    patience: Duration,
}

impl Rest {
    /// An anonymous caller of the server at `https://host`, or under a path of it. It uses no proxy; for
    /// that, pass a client of your own to [`Rest::with_http`].
    ///
    /// A call without a complete answer after two minutes fails with [`Error::Lost`].
    ///
    /// # Panics
    ///
    /// If the operating system provides no randomness, or no certificates for TLS.
    pub fn new(server: &str) -> Self {
        #[cfg(feature = "tls")]
        // Fails if the program has already installed a provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = reqwest::Client::builder().redirect(redirect::Policy::none()).no_proxy();
        let builder = builder.connect_timeout(CONNECT_TIMEOUT).timeout(ANSWER_TIMEOUT);
        Self::with_http(server, builder.build().expect("the system has randomness and certificates"))
    }

    /// Like [`new`](Self::new), with an HTTP client of your own.
    pub fn with_http(server: &str, http: reqwest::Client) -> Self {
        let server = server.trim_end_matches('/').to_owned();
        Self { http, server, credential: None, patience: Duration::ZERO }
    }

    /// The same server, with a credential.
    #[must_use]
    pub fn with_credential(&self, credential: Credential) -> Self {
        Self { credential: Some(credential), ..self.clone() }
    }

    /// The same server, with a user token, a JWT or a service key.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        self.with_credential(Credential::Bearer(token.to_owned()))
    }

    /// Sets the total time to wait for retries after 429.
    #[must_use]
    pub fn patient(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    pub fn credential(&self) -> Option<&Credential> {
        self.credential.as_ref()
    }

    pub fn server(&self) -> &str {
        &self.server
    }

    /// The address of a path. One that starts with `/` is used as it is, any other is relative to `/api/v1/`.
    pub fn url(&self, path: &str) -> String {
        let server = &self.server;
        if path.starts_with('/') { format!("{server}{path}") } else { format!("{server}/api/v1/{path}") }
    }

    /// A handshake for a WebSocket with this credential.
    pub fn handshake(&self) -> Handshake {
        let handshake = Handshake::new(&self.server);
        self.credential.iter().fold(handshake, Handshake::credential)
    }

    /// A request with this credential, for calls that have no method in this crate. Set a longer
    /// [`RequestBuilder::timeout`] for a long upload or download.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, self.url(path));
        match &self.credential {
            Some(Credential::Bearer(token)) => request.bearer_auth(token),
            Some(Credential::Cookie(cookie)) => request.header("cookie", cookie),
            Some(Credential::Ticket(_)) | None => request,
        }
    }

    /// Sends a request. The answer may be a refusal.
    pub async fn send(&self, request: RequestBuilder) -> Result<Response, Error> {
        let lost = |why: reqwest::Error| Error::Lost(why.to_string());
        let response = request.send().await.map_err(lost)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.map_err(lost)?;
        Ok(Response { status, headers, text })
    }

    /// Sends a JSON body, and parses the object in the answer.
    pub async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&(impl Serialize + Sync)>,
    ) -> Result<T, Error> {
        let mut left = self.patience;
        loop {
            let request = self.request(method.clone(), path);
            let request = match body {
                Some(body) => request.json(body),
                None => request,
            };
            match self.send(request).await?.accepted() {
                Ok(response) => return response.read(),
                Err(refusal) => {
                    // A refused request has changed nothing.
                    let wait = refusal.retry_after.filter(|wait| refusal.status == 429 && *wait <= left);
                    let Some(wait) = wait else { return Err(refusal.into()) };
                    left -= wait;
                    sleep(wait).await;
                }
            }
        }
    }

    /// Requests bytes of any length. The body of the response is not read yet.
    pub(crate) async fn download(&self, path: &str) -> Result<reqwest::Response, Error> {
        let lost = |why: reqwest::Error| Error::Lost(why.to_string());
        // The caller decides how long reading the body may take.
        let asking = self.request(Method::GET, path).timeout(Duration::MAX).send();
        let late = |_| Error::Lost("no response arrived in time".to_owned());
        let response = timeout(ANSWER_TIMEOUT, asking).await.map_err(late)?.map_err(lost)?;
        let (status, headers) = (response.status(), response.headers().clone());
        if status.is_success() {
            return Ok(response);
        }
        let text = response.text().await.map_err(lost)?;
        let refused = Response { status: status.as_u16(), headers, text }.accepted();
        Err(refused.map_or_else(Error::from, |_| Error::Lost("the answer is no success".into())))
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        self.call(Method::GET, path, None::<&Value>).await
    }

    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: impl Serialize + Sync,
    ) -> Result<T, Error> {
        self.call(Method::POST, path, Some(&body)).await
    }

    pub(crate) async fn patch<T: DeserializeOwned>(
        &self,
        path: &str,
        body: impl Serialize + Sync,
    ) -> Result<T, Error> {
        self.call(Method::PATCH, path, Some(&body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<(), Error> {
        self.call::<Value>(Method::DELETE, path, None::<&Value>).await.map(drop)
    }
}

/// Percent-encodes a text as a path segment, like `encodeURIComponent`.
pub fn encode_segment(text: &str) -> String {
    let kept = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte);
    text.bytes().map(|b| if kept(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn paths_are_below_the_api_or_as_they_are() {
        let rest = Rest::new("http://127.0.0.1:8000/below/");
        assert_eq!(rest.url("users/"), "http://127.0.0.1:8000/below/api/v1/users/");
        assert_eq!(rest.url("/metrics"), "http://127.0.0.1:8000/below/metrics");
    }

    #[tokio::test(start_paused = true)]
    async fn server_that_does_not_answer_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let rest = Rest::new(&format!("http://{}", listener.local_addr().unwrap()));
        let calls = async { (rest.server_info().await.err(), rest.export_user("ann").await.err()) };
        let calls = timeout(3 * ANSWER_TIMEOUT, calls).await.expect("they end");
        assert!(matches!(calls, (Some(Error::Lost(_)), Some(Error::Lost(_)))), "{calls:?}");
    }

    #[test]
    fn names_are_percent_encoded() {
        assert_eq!(encode_segment("auth0|5f é"), "auth0%7C5f%20%C3%A9");
    }
}
