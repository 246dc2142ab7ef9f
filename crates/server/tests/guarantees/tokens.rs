//! The host application's JWTs on both transports and in every position: only valid ones authenticate.

use std::time::Duration;

use chinwag_http::auth::jwt::{KeySource, Secret};
use chinwag_testkit::app::{Options, SERVICE_KEY, TestApp};
use chinwag_testkit::client::Client;
use chinwag_testkit::jwt::{Host, SECRET, Served, encode};
use chinwag_testkit::wait::Wait;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::hostile::tokens;
use crate::{WAIT_TIMEOUT, text};

pub(crate) const ALGORITHMS: [&str; 4] = ["HS256", "RS256", "ES256", "EdDSA"];

/// A Unix time in seconds, relative to now.
pub(crate) fn seconds(from_now: i64) -> i64 {
    use chinwag_core::Clock;
    chinwag_core::clock::SystemClock::default().now().micros() / 1_000_000 + from_now
}

pub(crate) fn claims(name: &str) -> Value {
    json!({ "sub": name, "exp": seconds(600), "iss": "the host", "aud": ["chat", "other"] })
}

/// A server that accepts tokens of a host whose public keys are served at `source`.
async fn app(source: Option<&str>, change: impl FnOnce(&mut Options)) -> TestApp {
    TestApp::with(|options| {
        let jwt = &mut options.http.jwt;
        jwt.secret = Some(Secret::parse(SECRET).expect("long enough"));
        jwt.jwks = source.map(|source| KeySource::parse(source).expect("a source"));
        (jwt.issuer, jwt.audience) = (Some("the host".into()), Some("chat".into()));
        change(options);
    })
    .await
}

/// The status for each position of a token: two in REST, three in a handshake.
async fn everywhere(nobody: &Client, token: &str) -> [u16; 5] {
    let (bearer, cookie) = (nobody.bearing(token), format!("access={token}"));
    let offered = format!("chinwag, bearer.{token}");
    let with_cookie = nobody.request(Method::GET, "sessions/").header("cookie", &cookie);
    let status =
        |shaken: Result<_, chinwag_testkit::ws::Refused>| shaken.map_or_else(|no| no.status, |_| 101);
    [
        bearer.get("sessions/").await.status,
        nobody.send(with_cookie).await.status,
        status(bearer.try_ws("/chat/", &[]).await),
        status(nobody.try_ws("/chat/", &[("cookie", &cookie)]).await),
        status(nobody.try_ws("/chat/", &[("sec-websocket-protocol", &offered)]).await),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_jwt_of_each_algorithm_works_until_it_expires() {
    let host = Host::default();
    let served = Served::start(&host.jwks()).await;
    let app = app(Some(&served.url), |_| {}).await;
    let nobody = app.nobody();
    app.service().post("users/", json!({ "name": "ann" })).await.ok(201);
    for algorithm in ALGORITHMS {
        let token = host.token(algorithm, &claims("ann"));
        assert_eq!(everywhere(&nobody, &token).await, [200, 200, 101, 101, 101], "{algorithm}");
    }
    assert_eq!(served.asked(), 1, "the keys are kept");
    let exp = seconds(600);
    let client = |exp: &Value| {
        let token =
            host.token("ES256", &json!({ "sub": "ann", "exp": exp, "iss": "the host", "aud": "chat" }));
        nobody.bearing(&token)
    };
    let ann = client(&json!(exp));
    let shown = ann.get("sessions/").await.ok(200);
    let expires = chinwag_core::Date::from_micros(exp * 1_000_000);
    assert_eq!((&shown["name"], &shown["expires"]), (&json!("ann"), &json!(expires.to_string())));
    // A ticket or session would outlive the token, so it may not request any.
    ann.post("tickets/", json!({})).await.ok(403);
    ann.delete("sessions/").await.ok(403);
    let soon = client(&json!(seconds(2)));
    let mut socket = soon.ws().await;
    assert_eq!(socket.close_code_within(WAIT_TIMEOUT).await, Some(4001));
    assert_eq!(soon.get("sessions/").await.status, 401);
    assert!(seconds(0) >= exp - 600, "not before its time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_invalid_jwt_is_401_over_both_transports() {
    let (host, thief) = (Host::default(), Host::default());
    let served = Served::start(&host.jwks()).await;
    let trap = Served::start(&thief.jwks()).await;
    let app = app(Some(&served.url), |_| {}).await;
    let nobody = app.nobody();
    app.service().post("users/", json!({ "name": "ann" })).await.ok(201);
    let good = host.token("RS256", &claims("ann"));
    assert_eq!(everywhere(&nobody, &good).await, [200, 200, 101, 101, 101], "without a fault it is taken");
    for some in tokens(&host, &thief, &trap.url).chunks(16) {
        let answers = join_all(some.iter().map(|(_, token)| everywhere(&nobody, token))).await;
        for ((why, token), answers) in some.iter().zip(answers) {
            assert_eq!(answers, [401; 5], "{why}: {token}");
        }
    }
    assert_eq!(trap.asked(), 0, "what a token says of keys is not read");
    assert!(served.asked() <= 2, "{} times", served.asked());
    assert_eq!(everywhere(&nobody, &good).await, [200, 200, 101, 101, 101], "and still is");
    let service = Client::new(&app.url(), Some(SERVICE_KEY), "service");
    service.get("users/").await.ok(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_are_made_at_first_sight_except_bad_and_special_names() {
    let host = Host::default();
    let app = app(None, |options| options.http.jwt.create = true).await;
    let nobody = app.nobody();
    let as_user = |name: &str| nobody.bearing(&host.token("HS256", &claims(name)));
    assert_eq!(as_user("new").get("sessions/").await.ok(200)["name"], "new");
    assert_eq!(as_user("newer").ws().await.summary(), &json!([]));
    for name in ["admin", "system", "", "a b", "x/y", "nеw", "NEW", "new\u{200b}", &"x".repeat(129)] {
        let answer = as_user(name).get("sessions/").await;
        assert!([401, 403].contains(&answer.status), "{name:?}: {} {}", answer.status, answer.text);
    }
    let users = app.service().get("users/?fields=name").await.ok(200);
    assert_eq!(users.as_array().expect("a list").len(), 5, "two, and the special ones: {users}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jwt_whose_keys_cannot_be_read_is_503_and_not_refused() {
    let host = Host::default();
    let served = Served::start(&host.jwks()).await;
    served.serve(None);
    let app = app(Some(&served.url), |options| options.http.jwt.pause = Duration::ZERO).await;
    let nobody = app.nobody();
    app.service().post("users/", json!({ "name": "ann" })).await.ok(201);
    let token = host.token("ES256", &claims("ann"));
    assert_eq!(everywhere(&nobody, &token).await, [503; 5]);
    served.serve(Some(&host.jwks()));
    assert_eq!(everywhere(&nobody, &token).await, [200, 200, 101, 101, 101]);
    served.serve(None);
    assert_eq!(everywhere(&nobody, &token).await, [200, 200, 101, 101, 101], "the known keys stay in use");
    let unknown = Host::default().sign(&json!({ "alg": "ES256", "kid": "other" }), &claims("ann"));
    assert_eq!(everywhere(&nobody, &unknown).await, [503; 5], "it may be among the new keys");
    served.serve(Some(&host.jwks()));
    assert_eq!(everywhere(&nobody, &unknown).await, [401; 5]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_keys_are_fetched_on_use_at_a_bounded_rate() {
    let (old, new) = (Host::default(), Host::default());
    let renamed = |host: &Host| {
        let mut jwks = host.jwks();
        for key in jwks["keys"].as_array_mut().expect("keys") {
            key["kid"] = json!(format!("new {}", text(&key["kid"])));
        }
        jwks
    };
    let served = Served::start(&old.jwks()).await;
    let pause = Duration::from_secs(3);
    let app = app(Some(&served.url), |options| options.http.jwt.pause = pause).await;
    let nobody = app.nobody();
    app.service().post("users/", json!({ "name": "ann" })).await.ok(201);
    let asks = async |token: &str| nobody.bearing(token).get("sessions/").await.status;
    let by_old = old.token("EdDSA", &claims("ann"));
    let by_new = new.sign(&json!({ "alg": "EdDSA", "kid": "new ed" }), &claims("ann"));
    let begun = tokio::time::Instant::now();
    assert_eq!((asks(&by_old).await, served.asked()), (200, 1));
    served.serve(Some(&renamed(&new)));
    for number in 0..100 {
        let unknown =
            new.sign(&json!({ "alg": "EdDSA", "kid": format!("made up {number}") }), &claims("ann"));
        assert_eq!(asks(&unknown).await, 401);
    }
    let most = usize::try_from(begun.elapsed().as_secs() / pause.as_secs()).expect("few") + 1;
    assert!(served.asked() <= most, "asked {} times, {most} at most", served.asked());
    let wait = Wait::begin();
    while asks(&by_new).await != 200 {
        wait.step(|| "the new key is not found").await;
    }
    assert_eq!(asks(&by_old).await, 401, "the old one was taken back");

    // While the source is down, the known keys still work, and only those.
    served.serve(None);
    let before = served.asked();
    while served.asked() == before {
        assert!([401, 503].contains(&asks(&by_old).await));
        wait.step(|| "nobody asks").await;
    }
    assert_eq!((asks(&by_new).await, asks(&by_old).await), (200, 503));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_keys_will_do_and_a_secret_in_it_makes_no_token() {
    let host = Host::default();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("jwks.json");
    let mut jwks = host.jwks();
    let keys = jwks["keys"].as_array_mut().expect("keys");
    keys.push(json!({ "kty": "oct", "kid": "shared", "k": encode(SECRET) }));
    keys.push(json!({ "kty": "new", "kid": "of a later time", "alg": "X" }));
    std::fs::write(&path, jwks.to_string()).expect("written");
    let app = app(path.to_str(), |options| options.http.jwt.secret = None).await;
    let nobody = app.nobody();
    app.service().post("users/", json!({ "name": "ann" })).await.ok(201);
    for algorithm in ["RS256", "ES256", "EdDSA"] {
        let token = host.token(algorithm, &claims("ann"));
        assert_eq!(everywhere(&nobody, &token).await, [200, 200, 101, 101, 101], "{algorithm}");
    }
    for header in [json!({ "alg": "HS256", "kid": "shared" }), json!({ "alg": "HS256" })] {
        assert_eq!(everywhere(&nobody, &host.sign(&header, &claims("ann"))).await, [401; 5], "{header}");
    }
    // Without a `kid`, the only key of that algorithm is used.
    let nameless = host.sign(&json!({ "alg": "ES256" }), &claims("ann"));
    assert_eq!(everywhere(&nobody, &nameless).await, [200, 200, 101, 101, 101]);
}
