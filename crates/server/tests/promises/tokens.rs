//! The host application's JWTs, at both doors and wherever one may stand: those that are good are
//! somebody, and all the others nobody.

use std::time::Duration;

use chinwag_http::auth::jwt::{Secret, Source};
use chinwag_testkit::app::{Options, SERVICE_KEY, TestApp};
use chinwag_testkit::client::Client;
use chinwag_testkit::jwt::{Host, SECRET, Served, encode, hmac};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{PATIENCE, text};

const ALGORITHMS: [&str; 4] = ["HS256", "RS256", "ES256", "EdDSA"];

/// Seconds since 1970, so many from now.
fn seconds(from_now: i64) -> i64 {
    use chinwag_core::Clock;
    chinwag_core::clock::SystemClock::default().now().micros() / 1_000_000 + from_now
}

fn claims(name: &str) -> Value {
    json!({ "sub": name, "exp": seconds(600), "iss": "the host", "aud": ["chat", "other"] })
}

/// A server that takes tokens of a host whose public keys are at a source.
async fn app(source: Option<&str>, change: impl FnOnce(&mut Options)) -> TestApp {
    TestApp::with(|options| {
        let jwt = &mut options.doors.jwt;
        jwt.secret = Some(Secret::parse(SECRET).expect("long enough"));
        jwt.jwks = source.map(|source| Source::parse(source).expect("a source"));
        (jwt.issuer, jwt.audience) = (Some("the host".into()), Some("chat".into()));
        change(options);
    })
    .await
}

/// What each place answers in which a token may stand: two of REST, three of a handshake.
async fn everywhere(app: &TestApp, token: &str) -> [u16; 5] {
    let (nobody, cookie) = (app.nobody(), format!("access={token}"));
    let bearer = Client::new(&app.url(), Some(token), "bearer");
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
async fn a_jwt_of_each_algorithm_is_its_user_at_both_doors_until_it_expires() {
    let host = Host::default();
    let served = Served::start(&host.jwks()).await;
    let app = app(Some(&served.url), |_| {}).await;
    app.service().post("users/", json!({ "name": "ann" })).await.ok(201);
    for algorithm in ALGORITHMS {
        let token = host.token(algorithm, &claims("ann"));
        assert_eq!(everywhere(&app, &token).await, [200, 200, 101, 101, 101], "{algorithm}");
    }
    assert_eq!(served.asked(), 1, "the keys are kept");
    let exp = seconds(600);
    let client = |exp: &Value| {
        let token =
            host.token("ES256", &json!({ "sub": "ann", "exp": exp, "iss": "the host", "aud": "chat" }));
        Client::new(&app.url(), Some(&token), "ann")
    };
    let ann = client(&json!(exp));
    let shown = ann.get("sessions/").await.ok(200);
    let expires = chinwag_core::Date::from_micros(exp * 1_000_000);
    assert_eq!(shown, json!({ "name": "ann", "expires": expires.to_string() }));
    // What it opens ends with it, and nothing that it gets outlasts it.
    ann.post("tickets/", json!({})).await.ok(403);
    ann.delete("sessions/").await.ok(403);
    let soon = client(&json!(seconds(2)));
    let mut socket = soon.ws().await;
    assert_eq!(socket.close_code_within(PATIENCE).await, Some(4001));
    assert_eq!(soon.get("sessions/").await.status, 401);
    assert!(seconds(0) >= exp - 600, "not before its time");
}

/// Tokens that are wrong in one thing each, and what that is.
fn hostile(host: &Host, thief: &Host, trap: &str) -> Vec<(String, String)> {
    let mut tokens = Vec::new();
    let mut add = |why: &str, token: String| tokens.push((why.to_owned(), token));
    let with = |key: &str, value: Value| {
        let mut claims = claims("ann");
        claims[key] = value;
        if claims[key] == json!("absent") {
            claims.as_object_mut().expect("claims").remove(key);
        }
        claims
    };
    for none in ["none", "None", "NONE", "nOnE", ""] {
        add("alg none", host.sign(&json!({ "alg": none, "typ": "JWT" }), &claims("ann")));
    }
    for algorithm in ["HS384", "RS512", "PS256", "ES384", "ES256K"] {
        add("an algorithm that is not taken", host.token(algorithm, &claims("ann")));
    }
    let message =
        |header: Value| format!("{}.{}", encode(header.to_string()), encode(claims("ann").to_string()));
    let swapped = message(json!({ "alg": "HS256", "kid": "rsa" }));
    let der = host.rsa_public();
    let jwk = &host.jwks()["keys"][0];
    for key in
        [&der[..], encode(&der).as_bytes(), jwk.to_string().as_bytes(), text(&jwk["n"]).as_bytes(), b""]
    {
        add("the public key as a shared secret", hmac(key, &swapped));
    }
    for algorithm in ALGORITHMS {
        let times: [(&str, &str, Value); 12] = [
            ("wrong aud", "aud", json!("elsewhere")),
            ("no aud", "aud", json!("absent")),
            ("wrong iss", "iss", json!("the hostess")),
            ("no iss", "iss", json!("absent")),
            ("no exp", "exp", json!("absent")),
            ("exp as a string", "exp", json!(seconds(600).to_string())),
            ("exp of no kind", "exp", json!({ "at": seconds(600) })),
            ("expired", "exp", json!(seconds(-2))),
            ("expired long ago", "exp", json!(-1)),
            ("nbf to come", "nbf", json!(seconds(300))),
            ("nbf as a string", "nbf", json!("0")),
            ("no sub", "sub", json!("absent")),
        ];
        for (why, key, value) in times {
            add(&format!("{algorithm}: {why}"), host.token(algorithm, &with(key, value)));
        }
        let good = host.token(algorithm, &claims("ann"));
        let parts: Vec<_> = good.split('.').collect();
        let other = encode(claims("bob").to_string());
        add("another's claims", format!("{}.{other}.{}", parts[0], parts[2]));
        add("no signature", format!("{}.{}.", parts[0], parts[1]));
        add("a part too few", format!("{}.{}", parts[0], parts[1]));
        add("a part too many", format!("{good}.{}", parts[2]));
    }
    for algorithm in ["ES256", "EdDSA"] {
        add("the key of a thief", thief.token(algorithm, &claims("ann")));
        let key = &thief.jwks()["keys"][if algorithm == "ES256" { 1 } else { 2 }];
        let header = json!({ "alg": algorithm, "jwk": key, "jku": trap, "x5u": trap, "kid": "theirs" });
        add("a key of its own", thief.sign(&header, &claims("ann")));
        let header = json!({ "alg": algorithm, "jwk": key, "jku": trap, "kid": key["kid"] });
        add("a key of its own, and a known kid", thief.sign(&header, &claims("ann")));
    }
    let kids = [
        "unknown",
        "",
        "../../../../dev/null",
        "file:///dev/null",
        trap,
        "' OR 1=1 --",
        "rsa\u{0}",
        "ec\r\nX: y",
        "\u{1b}[2J",
        "%00",
        "Ec",
        &"k".repeat(3000),
    ];
    for kid in kids {
        add("a hostile kid", host.sign(&json!({ "alg": "ES256", "kid": kid }), &claims("ann")));
    }
    for kid in [json!(7), json!(["ec"]), json!({ "kid": "ec" })] {
        add("a kid of another type", host.sign(&json!({ "alg": "ES256", "kid": kid }), &claims("ann")));
    }
    add("another algorithm's kid", host.sign(&json!({ "alg": "ES256", "kid": "ed" }), &claims("ann")));
    let critical = json!({ "alg": "HS256", "crit": ["b64"], "b64": false });
    add("something critical", host.sign(&critical, &claims("ann")));
    add("too long", host.token("HS256", &with("more", json!("x".repeat(8000)))));
    add("no JSON", hmac(SECRET.as_bytes(), &format!("{}.{}", encode("{"), encode("{"))));
    add("nothing", "..".into());
    add("no base 64", "!!!.???.###".into());
    for name in ["no such user", "", "a b", "admin", "system", "ann\n", "Ann", &"x".repeat(40)] {
        add("a sub that is nobody", host.token("HS256", &with("sub", json!(name))));
    }
    add("a sub of another type", host.token("HS256", &with("sub", json!(["ann"]))));
    tokens
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_jwt_that_is_wrong_in_anything_is_401_at_both_doors() {
    let (host, thief) = (Host::default(), Host::default());
    let served = Served::start(&host.jwks()).await;
    let trap = Served::start(&thief.jwks()).await;
    let app = app(Some(&served.url), |_| {}).await;
    app.service().post("users/", json!({ "name": "ann" })).await.ok(201);
    let good = host.token("RS256", &claims("ann"));
    assert_eq!(everywhere(&app, &good).await, [200, 200, 101, 101, 101], "without a fault it is taken");
    for (why, token) in hostile(&host, &thief, &trap.url) {
        let answers = everywhere(&app, &token).await;
        assert_eq!(answers, [401; 5], "{why}: {token}");
    }
    assert_eq!(trap.asked(), 0, "what a token says of keys is not read");
    assert!(served.asked() <= 2, "{} times", served.asked());
    assert_eq!(everywhere(&app, &good).await, [200, 200, 101, 101, 101], "and still is");
    let service = Client::new(&app.url(), Some(SERVICE_KEY), "service");
    service.get("users/").await.ok(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_is_made_at_first_sight_where_that_is_set_and_no_special_or_bad_name_is() {
    let host = Host::default();
    let app = app(None, |options| options.doors.jwt.create = true).await;
    let as_user = |name: &str| Client::new(&app.url(), Some(&host.token("HS256", &claims(name))), "");
    assert_eq!(as_user("new").get("sessions/").await.ok(200)["name"], "new");
    assert_eq!(as_user("newer").ws().await.summary(), &json!([]));
    for name in ["admin", "system", "", "a b", "x/y", "nеw", "NEW", "new\u{200b}", &"x".repeat(33)] {
        let answer = as_user(name).get("sessions/").await;
        assert!([401, 403].contains(&answer.status), "{name:?}: {} {}", answer.status, answer.text);
    }
    let users = app.service().get("users/?fields=name").await.ok(200);
    assert_eq!(users.as_array().expect("a list").len(), 5, "two, and the special ones: {users}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_keys_are_found_when_they_are_used_and_nobody_can_have_them_asked_for_often() {
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
    let app = app(Some(&served.url), |options| options.doors.jwt.pause = pause).await;
    app.service().post("users/", json!({ "name": "ann" })).await.ok(201);
    let asks = async |token: &str| Client::new(&app.url(), Some(token), "ann").get("sessions/").await.status;
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
    while asks(&by_new).await != 200 {
        assert!(begun.elapsed() < PATIENCE, "the new key is not found");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(asks(&by_old).await, 401, "the old one was taken back");

    // Away: what is known goes on, and is the only one that does.
    served.serve(None);
    let before = served.asked();
    while served.asked() == before {
        assert_eq!(asks(&by_old).await, 401);
        assert!(begun.elapsed() < PATIENCE, "nobody asks");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!((asks(&by_new).await, asks(&by_old).await), (200, 401));
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
    let app = app(path.to_str(), |options| options.doors.jwt.secret = None).await;
    app.service().post("users/", json!({ "name": "ann" })).await.ok(201);
    for algorithm in ["RS256", "ES256", "EdDSA"] {
        let token = host.token(algorithm, &claims("ann"));
        assert_eq!(everywhere(&app, &token).await, [200, 200, 101, 101, 101], "{algorithm}");
    }
    for header in [json!({ "alg": "HS256", "kid": "shared" }), json!({ "alg": "HS256" })] {
        assert_eq!(everywhere(&app, &host.sign(&header, &claims("ann"))).await, [401; 5], "{header}");
    }
    // Without a kid, the one key of the kind is meant.
    let nameless = host.sign(&json!({ "alg": "ES256" }), &claims("ann"));
    assert_eq!(everywhere(&app, &nameless).await, [200, 200, 101, 101, 101]);
}
