//! Sign-in through a misbehaving OpenID Connect provider. The web page's tests use a certified one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chinwag_core::app::Context;
use chinwag_core::clock::SystemClock;
use chinwag_core::oidc::ProviderIdentity;
use chinwag_core::user::Caller;
use chinwag_core::{Clock, Error, Name};
use chinwag_http::auth::jwt::KeySource;
use chinwag_http::auth::oidc::{ClientSecret, OidcOptions};
use chinwag_testkit::app::TestApp;
use chinwag_testkit::jwt::{Host, Served};
use reqwest::header::{LOCATION, SET_COOKIE};
use reqwest::{Client, Response, Url, redirect};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A provider with scripted answers.
pub(crate) struct TestProvider {
    issuer: String,
    state: Arc<Mutex<Answers>>,
    serving: JoinHandle<()>,
    pub(crate) host: Host,
}

#[derive(Default)]
pub(crate) struct Answers {
    documents: HashMap<String, Value>,
    asked: Vec<String>,
    /// The last posted body.
    pub(crate) posted: String,
}

impl Drop for TestProvider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl TestProvider {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        // The issuer of some providers ends in a slash, which is part of its identifier.
        let issuer = format!("http://{}/", listener.local_addr().expect("it listens"));
        let state = Arc::new(Mutex::new(Answers::default()));
        let serving = tokio::spawn(serve(listener, state.clone()));
        let provider = Self { issuer: issuer.clone(), state, serving, host: Host::default() };
        let document = json!({
            "issuer": issuer, "authorization_endpoint": format!("{issuer}auth?tenant=a"),
            "token_endpoint": format!("{issuer}token"), "jwks_uri": format!("{issuer}jwks"),
        });
        provider.serve("/.well-known/openid-configuration", document);
        provider.serve("/jwks", provider.host.jwks());
        provider
    }

    pub(crate) fn answers(&self) -> std::sync::MutexGuard<'_, Answers> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, path: &str, document: Value) {
        self.answers().documents.insert(path.to_owned(), document);
    }

    fn asked(&self, path: &str) -> usize {
        self.answers().asked.iter().filter(|asked| *asked == path).count()
    }

    pub(crate) fn options(&self) -> OidcOptions {
        OidcOptions {
            issuer: self.issuer.clone(),
            client_id: "chat".into(),
            secret: Some(ClientSecret("a secret: &".into())),
            scopes: vec!["openid".into(), "profile".into()],
            claim: "preferred_username".into(),
            name: "Example".into(),
            pauses: (Duration::from_secs(30), Duration::ZERO),
        }
    }

    /// Valid claims of a user for this sign-in.
    pub(crate) fn claims(&self, browser: &Browser, name: &str) -> Value {
        let now = seconds();
        json!({
            "iss": self.issuer, "aud": "chat", "sub": format!("id-{name}"), "preferred_username": name,
            "iat": now, "exp": now + 300, "nonce": browser.asked["nonce"],
        })
    }

    pub(crate) fn give(&self, token: &str) {
        self.serve("/token", json!({ "id_token": token, "token_type": "Bearer" }));
    }
}

async fn serve(listener: TcpListener, state: Arc<Mutex<Answers>>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let mut request = Vec::new();
        while !is_whole(&request) && stream.read_buf(&mut request).await.is_ok_and(|count| count > 0) {}
        let text = String::from_utf8_lossy(&request).into_owned();
        let path = text.split(' ').nth(1).unwrap_or_default().to_owned();
        let document = {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            state.asked.push(path.clone());
            if text.starts_with("POST") {
                state.posted = text;
            }
            state.documents.get(&path).map(Value::to_string)
        };
        let status = if document.is_some() { "200 OK" } else { "503 Away" };
        let body = document.unwrap_or_default();
        let length = body.len();
        let answer =
            format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
        // The server may have disconnected.
        let _ = stream.write_all(answer.as_bytes()).await;
    }
}

/// Whether a request is complete, including its body.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let mut lengths = head
        .lines()
        .filter_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= lengths.next().unwrap_or(0)
}

/// A browser that was redirected to the provider.
pub(crate) struct Browser {
    client: Client,
    /// The server's URL with its path.
    app: String,
    /// The origin of the pages.
    origin: String,
    pub(crate) cookies: HashMap<String, String>,
    /// All `Set-Cookie` headers so far.
    pub(crate) kept: Vec<String>,
    /// The query of the redirect to the provider.
    pub(crate) asked: HashMap<String, String>,
}

impl Browser {
    async fn begin(app: &TestApp) -> Self {
        Self::begin_at(app.url(), app.url()).await
    }

    /// At a server whose pages have this origin.
    pub(crate) async fn begin_at(app: String, origin: String) -> Self {
        let client = Client::builder().redirect(redirect::Policy::none()).build().expect("a client");
        let (cookies, kept, asked) = (HashMap::new(), Vec::new(), HashMap::new());
        let mut browser = Self { client, app, origin, cookies, kept, asked };
        let answer = browser.get("/oidc/begin/").await;
        let url = Url::parse(&location(&answer)).expect("the provider's address");
        browser.asked = url.query_pairs().into_owned().collect();
        browser
    }

    fn with_cookies(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if pairs.is_empty() { request } else { request.header("cookie", pairs.join("; ")) }
    }

    async fn get(&mut self, path: &str) -> Response {
        let request = self.with_cookies(self.client.get(format!("{}{path}", self.app)));
        self.keep(request).await
    }

    pub(crate) async fn post(&mut self, path: &str, body: &Value) -> Response {
        let request = self.client.post(format!("{}{path}", self.app)).header("origin", &self.origin);
        let request = request.header("content-type", "application/json").body(body.to_string());
        self.keep(self.with_cookies(request)).await
    }

    async fn keep(&mut self, request: reqwest::RequestBuilder) -> Response {
        let answer = request.send().await.expect("it answers");
        for cookie in answer.headers().get_all(SET_COOKIE) {
            let cookie = cookie.to_str().expect("ASCII");
            self.kept.push(cookie.to_owned());
            let (name, value) =
                cookie.split(';').next().and_then(|pair| pair.split_once('=')).expect("a pair");
            match value {
                "" => self.cookies.remove(name),
                value => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        answer
    }

    /// Returns from the provider. Gives the path of the redirect.
    pub(crate) async fn come_back(&mut self) -> String {
        let state = self.asked["state"].clone();
        self.come_back_with(&format!("code=c&state={state}")).await
    }

    async fn come_back_with(&mut self, query: &str) -> String {
        let answer = self.get(&format!("/oidc/callback/?{query}")).await;
        assert_eq!(answer.status(), 303, "{query}");
        location(&answer)
    }

    /// The signed-in user.
    pub(crate) async fn user(&mut self) -> Option<String> {
        let answer = self.get("/api/v1/sessions/?optional=true").await;
        let answer: Value = serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON");
        answer["name"].as_str().map(str::to_owned)
    }
}

fn location(answer: &Response) -> String {
    answer.headers()[LOCATION].to_str().expect("ASCII").to_owned()
}

fn seconds() -> i64 {
    SystemClock::default().now().micros() / 1_000_000
}

async fn open(provider: &TestProvider) -> TestApp {
    let options = provider.options();
    TestApp::with(|app| {
        app.http.oidc = Some(options);
        app.http.signup = false;
    })
    .await
}

#[tokio::test]
async fn first_sign_in_makes_a_host_user_and_the_next_finds_it() {
    let provider = TestProvider::start().await;
    let app = open(&provider).await;
    let server = app.nobody().get("server/").await.ok(200);
    assert_eq!((&server["oidc"], &server["signup"]), (&json!({ "name": "Example" }), &json!(false)));
    let mut ann = Browser::begin(&app).await;
    assert_eq!(ann.asked["tenant"], "a", "the provider's own query stays");
    assert_eq!(ann.asked["scope"], "openid profile");
    assert_eq!((&*ann.asked["code_challenge_method"], &*ann.asked["response_type"]), ("S256", "code"));
    assert_eq!(ann.asked["redirect_uri"], format!("{}/oidc/callback/", app.url()));
    provider.give(&provider.host.token("ES256", &provider.claims(&ann, "ann")));
    assert_eq!(ann.come_back().await, "/");
    assert_eq!(ann.user().await.as_deref(), Some("ann"));
    let posted = provider.answers().posted.clone();
    assert!(posted.contains("grant_type=authorization_code&code=c&redirect_uri=http%3A"), "{posted}");
    // `chat:a+secret%3A+%26`, both form-encoded.
    assert!(posted.contains("Basic Y2hhdDphK3NlY3JldCUzQSslMjY="), "{posted}");
    let user = app.service().get("users/ann/?fields=origin").await.ok(200);
    assert_eq!(user["origin"], "host");
    // Renamed here, and under another name at the provider: the subject identifies the user.
    app.service().patch("users/ann/", json!({ "new_name": "anna" })).await.ok(200);
    let mut again = Browser::begin(&app).await;
    let mut claims = provider.claims(&again, "ann");
    claims["preferred_username"] = json!("someone");
    provider.give(&provider.host.token("RS256", &claims));
    assert_eq!(again.come_back().await, "/");
    assert_eq!(again.user().await.as_deref(), Some("anna"));
    assert_eq!(again.come_back().await, "/?chinwag-sign-in=expired", "the attempt is over");
}

#[tokio::test]
async fn wrong_id_tokens_sign_nobody_in() {
    let provider = TestProvider::start().await;
    let app = open(&provider).await;
    let now = seconds();
    for (what, change) in [
        ("nonce", json!({ "nonce": "other" })),
        ("no nonce", json!({ "nonce": null })),
        ("audience", json!({ "aud": "other" })),
        ("authorized party", json!({ "aud": ["chat", "other"], "azp": "other" })),
        ("issuer", json!({ "iss": "https://id.example" })),
        ("expiry", json!({ "exp": now - 120 })),
        ("future", json!({ "iat": now + 600 })),
    ] {
        let mut ann = Browser::begin(&app).await;
        let mut claims = provider.claims(&ann, "ann");
        for (key, value) in change.as_object().expect("an object") {
            claims[key] = value.clone();
        }
        provider.give(&provider.host.token("EdDSA", &claims));
        assert_eq!(ann.come_back().await, "/?chinwag-sign-in=refused", "{what}");
        assert_eq!(ann.user().await, None, "{what}");
    }
    for header in [
        json!({ "alg": "none" }),
        json!({ "alg": "HS256" }),
        json!({ "alg": "RS256", "kid": "ed" }),
        json!({ "alg": "EdDSA", "kid": "ed", "crit": ["exp"] }),
    ] {
        let mut ann = Browser::begin(&app).await;
        provider.give(&provider.host.sign(&header, &provider.claims(&ann, "ann")));
        assert_eq!(ann.come_back().await, "/?chinwag-sign-in=refused", "{header}");
        assert_eq!(ann.user().await, None, "{header}");
    }
    let mut ann = Browser::begin(&app).await;
    let mut claims = provider.claims(&ann, "ann");
    claims["exp"] = json!(now - 5);
    provider.give(&provider.host.token("EdDSA", &claims));
    assert_eq!(ann.come_back().await, "/", "within the leeway");
}

#[tokio::test]
async fn unknown_key_is_looked_up_once_in_the_pause() {
    let provider = TestProvider::start().await;
    let app = open(&provider).await;
    for _ in 0..3 {
        let mut ann = Browser::begin(&app).await;
        let header = json!({ "alg": "EdDSA", "kid": "unknown" });
        provider.give(&provider.host.sign(&header, &provider.claims(&ann, "ann")));
        assert_eq!(ann.come_back().await, "/?chinwag-sign-in=refused");
    }
    assert_eq!(provider.asked("/jwks"), 1);
}

#[tokio::test]
async fn answer_to_another_browser_is_refused() {
    let provider = TestProvider::start().await;
    let app = open(&provider).await;
    let (mut ann, mut bob) = (Browser::begin(&app).await, Browser::begin(&app).await);
    provider.give(&provider.host.token("ES256", &provider.claims(&bob, "bob")));
    let of_bob = format!("code=c&state={}", bob.asked["state"]);
    assert_eq!(ann.come_back_with(&of_bob).await, "/?chinwag-sign-in=expired");
    assert_eq!(ann.come_back_with("code=c").await, "/?chinwag-sign-in=expired");
    let mut nobody = Browser::begin(&app).await;
    nobody.cookies.clear();
    assert_eq!(nobody.come_back().await, "/?chinwag-sign-in=expired");
    assert_eq!(provider.asked("/token"), 0, "no code is exchanged");
    let mixed = format!("{of_bob}&iss=https%3A%2F%2Fevil.example");
    assert_eq!(bob.come_back_with(&mixed).await, "/?chinwag-sign-in=refused");
    assert_eq!(provider.asked("/token"), 0, "nor at another provider's word");
    let mut eve = Browser::begin(&app).await;
    let declined = format!("error=access_denied&state={}", eve.asked["state"]);
    assert_eq!(eve.come_back_with(&declined).await, "/?chinwag-sign-in=declined");
}

#[tokio::test]
async fn name_of_another_or_a_special_user_is_never_taken() {
    let provider = TestProvider::start().await;
    let app = open(&provider).await;
    app.service().post("users/", json!({ "name": "ann" })).await.ok(201);
    for name in ["ann", "Ann", "admin", "system", "\u{200b}"] {
        let mut eve = Browser::begin(&app).await;
        let mut claims = provider.claims(&eve, name);
        claims["sub"] = json!("id-eve");
        provider.give(&provider.host.token("ES256", &claims));
        let place = eve.come_back().await;
        assert!(place.starts_with("/?chinwag-sign-in=name&chinwag-name="), "{name:?}: {place}");
        assert_eq!(eve.user().await, None, "{name:?}");
        let refused = eve.post("/api/v1/oidc/", &json!({ "name": name })).await;
        assert_eq!(refused.status(), 400, "{name:?}");
    }
    let mut eve = Browser::begin(&app).await;
    let mut claims = provider.claims(&eve, "eve");
    claims.as_object_mut().expect("an object").remove("preferred_username");
    provider.give(&provider.host.token("ES256", &claims));
    assert_eq!(eve.come_back().await, "/?chinwag-sign-in=name", "nothing is proposed");
    let forged = eve.cookies["oidc-name"].replacen('e', "f", 1);
    let kept = eve.cookies.insert("oidc-name".into(), forged).expect("a cookie");
    assert_eq!(eve.post("/api/v1/oidc/", &json!({ "name": "eve" })).await.status(), 401);
    eve.cookies.insert("oidc-name".into(), kept);
    assert_eq!(eve.post("/api/v1/oidc/", &json!({ "name": "eve" })).await.status(), 201);
    assert_eq!(eve.user().await.as_deref(), Some("eve"));
    assert!(!eve.cookies.contains_key("oidc-name"));
}

#[tokio::test]
async fn host_application_does_not_vouch_for_a_providers_user() {
    let provider = TestProvider::start().await;
    let host = Host::default();
    let keys = Served::start(&host.jwks()).await;
    let options = provider.options();
    let app = TestApp::with(|app| {
        app.http.oidc = Some(options);
        app.http.jwt.jwks = Some(KeySource::parse(&keys.url).expect("a URL"));
    })
    .await;
    let mut ann = Browser::begin(&app).await;
    provider.give(&provider.host.token("ES256", &provider.claims(&ann, "ann")));
    assert_eq!(ann.come_back().await, "/");
    // The host application may have another user of this name.
    let jwt = host.token("ES256", &json!({ "sub": "ann", "exp": seconds() + 60 }));
    app.nobody().bearing(&jwt).get("sessions/").await.ok(401);
    app.service().put("users/ann/", json!({})).await.ok(409);
    app.service().post("users/ann/tokens/", json!({})).await.ok(409);
    app.service().put("users/ann/password/", json!({ "password": "a long password" })).await.ok(409);
    app.service().put("users/ann/", json!({ "adopt": true })).await.ok(200);
    assert_eq!(ann.user().await, None, "her sessions have ended");
    app.nobody().bearing(&jwt).get("sessions/").await.ok(200);
    let mut again = Browser::begin(&app).await;
    provider.give(&provider.host.token("ES256", &provider.claims(&again, "ann")));
    assert_eq!(again.come_back().await, "/?chinwag-sign-in=name&chinwag-name=ann");
}

#[tokio::test]
async fn linked_user_signs_in_with_the_name_it_has() {
    let provider = TestProvider::start().await;
    let app = open(&provider).await;
    let old = app.user("old-ann").await;
    let identity = ProviderIdentity::parse(&provider.issuer, "id-ann").expect("it fits");
    let link = async |name: &str| {
        let name = Name::parse(name).expect("a name");
        app.app().provider_link(&Context::new(Caller::Service), name, identity.clone()).await
    };
    link("old-ann").await.expect("it is linked");
    old.get("users/old-ann/").await.ok(401);
    let mut ann = Browser::begin(&app).await;
    provider.give(&provider.host.token("ES256", &provider.claims(&ann, "ann")));
    assert_eq!(ann.come_back().await, "/");
    assert_eq!(ann.user().await.as_deref(), Some("old-ann"), "the id decides, and not the name");
    app.service().post("users/", json!({ "name": "bob" })).await.ok(201);
    assert!(matches!(link("bob").await, Err(Error::Conflict(_))), "it is old-ann's");
    assert!(matches!(link("admin").await, Err(Error::Forbidden(_))), "a special user");
}

#[tokio::test]
async fn suspended_user_gets_the_reason_and_a_deleted_one_is_new() {
    let provider = TestProvider::start().await;
    let app = open(&provider).await;
    let sign_in = async || {
        let mut ann = Browser::begin(&app).await;
        provider.give(&provider.host.token("ES256", &provider.claims(&ann, "ann")));
        (ann.come_back().await, ann.user().await)
    };
    assert_eq!(sign_in().await, ("/".into(), Some("ann".into())));
    let until = json!({ "until": "2999-01-01T00:00:00Z", "reason": "spam" });
    app.service().patch("users/ann/", json!({ "suspended": until })).await.ok(200);
    assert_eq!(sign_in().await, ("/?chinwag-sign-in=suspended".into(), None));
    app.service().delete("users/ann/").await.ok(200);
    // The name stays reserved for a while.
    assert_eq!(sign_in().await, ("/?chinwag-sign-in=name&chinwag-name=ann".into(), None));
}

#[tokio::test]
async fn unreachable_or_invalid_provider_is_reported() {
    let provider = TestProvider::start().await;
    let app = open(&provider).await;
    let document = provider.answers().documents["/.well-known/openid-configuration"].clone();
    let browser = || Client::builder().redirect(redirect::Policy::none()).build().expect("a client");
    let begin = async || {
        let answer = browser().get(format!("{}/oidc/begin/", app.url())).send().await.expect("it answers");
        assert_eq!(answer.status(), 303);
        location(&answer)
    };
    provider.answers().documents.clear();
    assert_eq!(begin().await, "/?chinwag-sign-in=unreachable");
    let mut other = document.clone();
    other["issuer"] = json!("https://id.example");
    provider.serve("/.well-known/openid-configuration", other);
    assert_eq!(begin().await, "/?chinwag-sign-in=refused");
    let mut plain = document.clone();
    plain["token_endpoint"] = json!("http://id.example/token");
    provider.serve("/.well-known/openid-configuration", plain);
    assert_eq!(begin().await, "/?chinwag-sign-in=refused", "a secret goes over TLS only");
    provider.serve("/.well-known/openid-configuration", json!("x".repeat(70_000)));
    assert_eq!(begin().await, "/?chinwag-sign-in=refused");
    provider.serve("/.well-known/openid-configuration", document);
    assert!(begin().await.starts_with(&provider.issuer));
}

#[tokio::test]
async fn sign_ins_through_the_provider_are_in_the_audit_log() {
    let provider = TestProvider::start().await;
    let app = open(&provider).await;
    let mut ann = Browser::begin(&app).await;
    let mut claims = provider.claims(&ann, "ann");
    claims["nonce"] = json!("other");
    provider.give(&provider.host.token("ES256", &claims));
    assert_eq!(ann.come_back().await, "/?chinwag-sign-in=refused");
    assert_eq!(ann.post("/api/v1/oidc/", &json!({ "name": "eve" })).await.status(), 401);
    for _ in 0..2 {
        let mut ann = Browser::begin(&app).await;
        provider.give(&provider.host.token("ES256", &provider.claims(&ann, "ann")));
        assert_eq!(ann.come_back().await, "/");
    }
    app.service().put("users/ann/", json!({ "adopt": true })).await.ok(200);
    let entries = app.service().get("audit/").await.ok(200);
    let entries = entries.as_array().expect("a list").iter().rev();
    let entries: Vec<_> = entries
        .map(|entry| ["action", "actor", "target", "detail"].map(|key| entry[key].as_str().unwrap_or("-")))
        .collect();
    let ended = "the sign-in has expired: sign in at the provider again";
    let expected = [
        ["session.fail", "-", "-", "OpenID Connect: refused"],
        ["session.fail", "-", "eve", ended],
        ["account.create", "ann", "ann", "OpenID Connect"],
        ["session.create", "ann", "ann", "OpenID Connect"],
        ["user.adopt", "service", "ann", "-"],
    ];
    assert_eq!(entries, expected);
}
