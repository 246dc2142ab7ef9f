//! A REST client for tests: sends JSON, and returns the status, the headers and the JSON. It wraps [`Rest`], and panics
//! where that fails.

use std::net::IpAddr;
use std::sync::Once;

use chinwag_client::{Credential, Rest};
use chinwag_core::Name;
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::ws::{Refused, Ws};

pub use chinwag_client::encode_segment as encoded;

/// An answer with any status.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as JSON; null if it is not JSON.
    pub json: Value,
    /// The body as text.
    pub text: String,
}

impl Answer {
    /// Asserts the status and returns the JSON.
    #[track_caller]
    pub fn ok(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.json
    }

    /// The text of a header; empty if it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a header is text"))
    }
}

/// A caller: the service, a user, or nobody.
///
/// A path that begins with `/` is absolute; others are relative to `/api/v1/`.
#[derive(Debug, Clone)]
pub struct Client {
    rest: Rest,
    name: String,
}

impl Client {
    /// A client of the server at `url`, with a bearer credential or none. `name` identifies the caller in test failures.
    pub fn new(url: &str, bearer: Option<&str>, name: &str) -> Self {
        let rest = Rest::with_http(url, http());
        let rest = bearer.iter().fold(rest, |rest, bearer| rest.with_token(bearer));
        Self { rest, name: name.to_owned() }
    }

    /// The same caller, connecting from another local address such as 127.0.0.2.
    #[must_use]
    pub fn from(&self, address: IpAddr) -> Self {
        let http = reqwest::Client::builder().no_proxy().local_address(address).build().expect("a client");
        let rest = Rest::with_http(self.rest.server(), http);
        let rest = self.rest.credential().into_iter().fold(rest, |rest, it| rest.with_credential(it.clone()));
        Self { rest, name: self.name.clone() }
    }

    /// The typed client.
    pub fn rest(&self) -> &Rest {
        &self.rest
    }

    /// The user's name; `service` and `nobody` for the others.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The credential; empty for nobody.
    pub fn token(&self) -> &str {
        match self.rest.credential() {
            Some(Credential::Bearer(token)) => token,
            _ => "",
        }
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        self.rest.url(path)
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// `POST` with a JSON body.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::POST, path).json(&body)).await
    }

    /// `PUT` with a JSON body.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(&body)).await
    }

    /// `PATCH` with a JSON body.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PATCH, path).json(&body)).await
    }

    /// `DELETE`.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// The value of a metric by its name and labels.
    pub async fn figure(&self, name: &str) -> f64 {
        let figures = self.get("/metrics").await.text;
        let line = figures.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in {figures}")).parse().expect("a number")
    }

    /// A request with this caller's credential, for calls that the methods above do not cover.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.rest.request(method, path)
    }

    /// Sends a request that [`Client::request`] made.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let response = self.rest.send(request).await.expect("the server answers");
        let json = serde_json::from_str(&response.text).unwrap_or_default();
        Answer { status: response.status, headers: response.headers, json, text: response.text }
    }

    /// Creates a user with the service key, and returns a client with a token of this user.
    pub async fn user(&self, name: &str) -> Self {
        self.post("users/", serde_json::json!({ "name": name })).await.ok(201);
        self.sign_in(name).await
    }

    /// The same client with another credential.
    #[must_use]
    pub fn bearing(&self, token: &str) -> Self {
        Self { rest: self.rest.with_token(token), ..self.clone() }
    }

    /// Returns a client with a new token of an existing user.
    pub async fn sign_in(&self, name: &str) -> Self {
        let name = Name::parse(name).expect("a test's users have names");
        let path = format!("users/{}/tokens/", encoded(name.as_str()));
        let issued = self.post(&path, serde_json::json!({ "ttl": 3600 })).await.ok(201);
        let token = issued["token"].as_str().expect("the token is text");
        Self { rest: self.rest.with_token(token), name: name.to_string() }
    }

    /// Signs a user up with a password, and returns a client of this user.
    pub async fn sign_up(&self, name: &str, password: &str) -> Self {
        let account = serde_json::json!({ "name": name, "password": password });
        let session = self.post("accounts/", account).await.ok(201);
        let text = |key: &str| session[key].as_str().expect("a text").to_owned();
        Self { rest: self.rest.with_token(&text("token")), name: text("name") }
    }

    /// Connects a WebSocket and waits for its two summaries.
    pub async fn ws(&self) -> Ws {
        self.try_ws("/chat/", &[]).await.expect("the handshake is accepted")
    }

    /// Connects a WebSocket at a path with additional headers, with this caller's `Authorization`. A refusal returns the HTTP
    /// answer.
    pub async fn try_ws(&self, path: &str, headers: &[(&str, &str)]) -> Result<Ws, Refused> {
        let handshake = headers
            .iter()
            .fold(self.rest.handshake().path(path), |handshake, (name, value)| handshake.header(name, value));
        let mut ws = Ws::open(handshake).await?;
        ws.greet().await;
        Ok(ws)
    }
}

/// A client without keep-alive, whose connections would end with a restarted server, and without trusted certificates, which
/// take longer to load than most tests run.
fn http() -> reqwest::Client {
    static TLS: Once = Once::new();
    TLS.call_once(|| drop(Rest::new("http://127.0.0.1")));
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
    let builder = builder.tls_certs_only([]);
    builder.pool_max_idle_per_host(0).build().expect("the system has randomness and certificates")
}
