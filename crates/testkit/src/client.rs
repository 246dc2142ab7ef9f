//! A client of the REST door: sends JSON, and hands back the status, the headers and the JSON.

use chinwag_core::Name;
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::ws::{Refused, Ws};

/// What a request was answered with.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as JSON, or null where it is none.
    pub json: Value,
    /// The body as it came.
    pub text: String,
}

impl Answer {
    /// Asserts the status, and hands on the JSON.
    #[track_caller]
    pub fn ok(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.json
    }

    /// A header's text, empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a header is text"))
    }
}

/// A text as a segment of a path has it: what `encodeURIComponent` makes of it.
pub fn encoded(text: &str) -> String {
    let kept = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte);
    text.bytes().map(|b| if kept(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// One caller: the service, a user, or nobody.
///
/// A path that begins with `/` is taken as it is, any other is under `/api/v1/`.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    bearer: Option<String>,
    name: String,
}

impl Client {
    /// A client of the server at `url`, with a bearer's credential or none. `name` is what tests
    /// call the caller by.
    pub fn new(url: &str, bearer: Option<&str>, name: &str) -> Self {
        // It may have been chosen before. Nothing here speaks TLS, but reqwest will not do without.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
        Self {
            http: http.expect("a client without TLS can be built"),
            url: url.trim_end_matches('/').to_owned(),
            bearer: bearer.map(str::to_owned),
            name: name.to_owned(),
        }
    }

    /// The user's name (`service` and `nobody` for those).
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The credential, empty for nobody.
    pub fn token(&self) -> &str {
        self.bearer.as_deref().unwrap_or_default()
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        let url = &self.url;
        if path.starts_with('/') { format!("{url}{path}") } else { format!("{url}/api/v1/{path}") }
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

    /// A request with this caller's credential, for what the methods above do not reach.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, self.url(path));
        match &self.bearer {
            Some(bearer) => request.bearer_auth(bearer),
            None => request,
        }
    }

    /// Sends what [`Client::request`] made.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let response = request.send().await.expect("the server answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("the body is text");
        let json = serde_json::from_str(&text).unwrap_or_default();
        Answer { status, headers, json, text }
    }

    /// Makes a user by the service, takes a token for it, and is that user from then on.
    pub async fn user(&self, name: &str) -> Self {
        self.post("users/", serde_json::json!({ "name": name })).await.ok(201);
        self.sign_in(name).await
    }

    /// The same client with another credential.
    #[must_use]
    pub fn bearing(&self, token: &str) -> Self {
        Self { bearer: Some(token.to_owned()), ..self.clone() }
    }

    /// Takes a token by the service for a user who exists.
    pub async fn sign_in(&self, name: &str) -> Self {
        let name = Name::parse(name).expect("a test's users have names");
        let path = format!("users/{}/tokens/", encoded(name.as_str()));
        let issued = self.post(&path, serde_json::json!({ "ttl": 3600 })).await.ok(201);
        let token = issued["token"].as_str().expect("the token is text");
        Self { bearer: Some(token.to_owned()), name: name.to_string(), ..self.clone() }
    }

    /// Signs a user up with a password, and is that user from then on.
    pub async fn sign_up(&self, name: &str, password: &str) -> Self {
        let account = serde_json::json!({ "name": name, "password": password });
        let session = self.post("accounts/", account).await.ok(201);
        let text = |key: &str| session[key].as_str().expect("a text").to_owned();
        Self { bearer: Some(text("token")), name: text("name"), ..self.clone() }
    }

    /// Connects a WebSocket, and waits for its two summaries.
    pub async fn ws(&self) -> Ws {
        self.try_ws("/chat/", &[]).await.expect("the handshake is accepted")
    }

    /// Connects a WebSocket at a path with more headers; or is refused, with the HTTP answer. The
    /// `Authorization` is this caller's, if it has one.
    pub async fn try_ws(&self, path: &str, headers: &[(&str, &str)]) -> Result<Ws, Refused> {
        let authorization = self.bearer.as_ref().map(|bearer| format!("Bearer {bearer}"));
        let mut headers = headers.to_vec();
        headers.extend(authorization.as_deref().map(|value| ("authorization", value)));
        let mut ws = Ws::connect(&self.url.replacen("http", "ws", 1), path, &headers).await?;
        ws.greet().await;
        Ok(ws)
    }
}
