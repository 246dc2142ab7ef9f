//! Checks before routing: hosts, cookies, proxies, and the base path.

use chinwag_testkit::app::{SERVICE_KEY, TestApp};
use chinwag_testkit::client::{Answer, Client};
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Sends these bytes, and reads until the server closes. Returns the status and the complete answer.
pub(crate) async fn raw(app: &TestApp, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(app.url().trim_start_matches("http://")).await.expect("it listens");
    stream.write_all(request.as_bytes()).await.expect("the server reads");
    stream.shutdown().await.expect("nothing more is sent");
    let mut said = Vec::new();
    // A reset counts as the end.
    let _ = stream.read_to_end(&mut said).await;
    let said = String::from_utf8_lossy(&said).into_owned();
    let status = said.split(' ').nth(1).and_then(|code| code.parse().ok());
    (status.unwrap_or_else(|| panic!("{request:?}: {said:?}")), said)
}

fn with_hosts(path: &str, hosts: &[&str], rest: &str) -> String {
    let hosts: Vec<_> = hosts.iter().map(|host| format!("Host: {host}\r\n")).collect();
    format!("GET {path} HTTP/1.1\r\n{}{rest}Connection: close\r\n\r\n", hosts.concat())
}

const SHAKE: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
     Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";

async fn as_host(caller: &Client, path: &str, host: &str) -> Answer {
    caller.send(caller.request(Method::GET, path).header("host", host)).await
}

#[tokio::test]
async fn malformed_missing_and_repeated_hosts_are_400() {
    let app = TestApp::start().await;
    let bad: [&[&str]; 9] = [
        &[],
        &["localhost", "localhost"],
        &["localhost", "evil.example"],
        &["a b"],
        &["a/b"],
        &["user:pw@h"],
        &["[::1"],
        &[""],
        &["localhost:x"],
    ];
    let bearer = format!("Authorization: Bearer {SERVICE_KEY}\r\n");
    for hosts in bad {
        for (path, rest) in [("/api/v1/users/", &*bearer), ("/", ""), ("/chat/", SHAKE)] {
            let (status, said) = raw(&app, &with_hosts(path, hosts, rest)).await;
            assert_eq!(status, 400, "{path} {hosts:?}: {said}");
            assert!(said.contains("exactly one Host header"), "{said}");
        }
        for probe in ["/healthz", "/readyz", "/metrics"] {
            assert_eq!(raw(&app, &with_hosts(probe, hosts, "")).await.0, 200, "{probe} {hosts:?}");
        }
    }
    let (status, _) = raw(&app, "GET / HTTP/1.0\r\n\r\n").await;
    assert_eq!(status, 400, "an older client without a Host");
}

#[tokio::test]
async fn only_hosts_that_are_named_are_served() {
    let app = TestApp::with(|options| {
        options.http.hosts = vec!["chat".into()];
        options.http.public_url = Some("http://chat.example".parse().expect("an address"));
    })
    .await;
    let service = app.service();
    for host in ["chat", "CHAT:8000", "chat.example", "localhost", "127.0.0.1", "[::1]:1", "10.0.0.7"] {
        as_host(&service, "users/", host).await.ok(200);
    }
    for host in ["evil.example", "chat.evil.example", "xchat.example"] {
        for path in ["users/", "/", "/docs/", "/chinwag.js", "/chat/"] {
            let refused = as_host(&service, path, host).await;
            assert_eq!(refused.status, 421, "{host} {path}: {}", refused.text);
            assert_eq!(refused.header("content-type"), "application/problem+json");
            assert!(refused.text.contains("http.hosts"), "{}", refused.text);
        }
        let forwarded = service.request(Method::GET, "users/").header("x-forwarded-host", "chat");
        assert_eq!(service.send(forwarded.header("host", host)).await.status, 421);
        as_host(&service, "/healthz", host).await.ok(200);
    }
    let absolute = format!(
        "GET http://evil.example/api/v1/users/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {SERVICE_KEY}\r\n\
         Connection: close\r\n\r\n"
    );
    assert_eq!(raw(&app, &absolute).await.0, 421);
}

#[tokio::test]
async fn forwarded_hosts_are_trusted_only_if_configured() {
    let app = TestApp::with(|options| {
        options.http.hosts = vec!["chat.example".into()];
        options.http.trusted_proxies = vec!["127.0.0.1".parse().expect("an address")];
        options.http.trust_forwarded_host = true;
    })
    .await;
    let ann = app.user("ann").await;
    let shake = async |forwarded: &str, origin: &str| {
        let headers = [("host", "upstream"), ("x-forwarded-host", forwarded), ("origin", origin)];
        ann.try_ws("/chat/", &headers).await.map_err(|refused| refused.status)
    };
    shake("chat.example", "http://chat.example").await.expect("its own origin").close().await;
    assert_eq!(shake("chat.example", "http://upstream").await.err(), Some(403));
    assert_eq!(shake("evil.example", "http://evil.example").await.err(), Some(421));
}

/// Name and value of the cookie that an answer sets.
fn cookie(answer: &Answer) -> (String, String) {
    let (name, rest) = answer.header("set-cookie").split_once('=').expect("a cookie is set");
    (name.to_owned(), rest.split(';').next().expect("a value").to_owned())
}

#[tokio::test]
async fn over_tls_a_session_is_in_a_cookie_of_this_host_alone() {
    for (url, prefix, path) in
        [("https://chat.example", "__Host-", "/"), ("https://app.example/chat", "__Secure-", "/chat")]
    {
        let app =
            TestApp::with(|options| options.http.public_url = Some(url.parse().expect("an address"))).await;
        let base = path.trim_end_matches('/');
        let nobody = app.nobody();
        let account = json!({ "name": "ann", "password": "a password of ann's" });
        let made = nobody.post(&format!("{base}/api/v1/accounts/"), account).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let (name, token) = cookie(&made);
        assert_eq!(name, format!("{prefix}access"));
        assert!(made.header("set-cookie").contains(&format!("; Path={path}; ")), "{:?}", made.headers);
        assert!(made.header("set-cookie").ends_with("; Secure"), "{:?}", made.headers);
        let current = format!("{base}/api/v1/sessions/");
        let with = async |cookie: String| {
            nobody.send(nobody.request(Method::GET, &current).header("cookie", cookie)).await.status
        };
        assert_eq!(with(format!("{name}={token}")).await, 200);
        assert_eq!(with(format!("access={token}")).await, 401, "a neighbour may have set it");
        assert_eq!(with(format!("access=x; {name}={token}")).await, 200);
    }
}

#[tokio::test]
async fn any_good_cookie_counts_beside_bytes_of_others() {
    let app = TestApp::with(|options| options.http.cookie = "chat".into()).await;
    let (ann, nobody) = (app.user("ann").await, app.nobody());
    let token = ann.token();
    let with = async |cookie: Vec<u8>| {
        let request = nobody.request(Method::GET, "sessions/");
        nobody.send(request.header("cookie", cookie)).await.status
    };
    for (cookies, status) in [
        (format!("chat={token}"), 200),
        (format!("nick=José; chat={token}"), 200),
        (format!("chat=old; chat={token}"), 200),
        (format!("chat={token}; chat=new"), 200),
        (format!("chat=1; chat=2; chat=3; chat={token}"), 200),
        (format!("chat=1; chat=2; chat=3; chat=4; chat={token}"), 401),
        (format!("access={token}"), 401),
        ("chat=1; chat=2".to_owned(), 401),
    ] {
        assert_eq!(with(cookies.clone().into_bytes()).await, status, "{cookies}");
    }
    assert_eq!(with([b"x=\xff\xfe; chat=", token.as_bytes()].concat()).await, 200);
    let headers = [("cookie", &*format!("chat=old; chat={token}"))];
    nobody.try_ws("/chat/", &headers).await.expect("a good one").close().await;
}

#[tokio::test]
async fn everything_is_served_below_the_path_of_public_url() {
    let app = TestApp::with(|options| {
        options.http.public_url = Some("http://app.example/chinwag".parse().expect("an address"));
    })
    .await;
    let below = Client::new(&format!("{}/chinwag", app.url()), Some(SERVICE_KEY), "service");
    let (ann, _bob) = (below.user("ann").await, below.user("bob").await);
    ann.ws().await.close().await;
    let headers = [("origin", "http://app.example")];
    ann.try_ws("/chat/", &headers).await.expect("its own origin").close().await;

    let page = below.get("users/?limit=1").await;
    let link = page.header("link").to_owned();
    let next = link.split(['<', '>']).nth(1).expect("a link");
    assert!(next.starts_with("/chinwag/api/v1/users/?"), "{link}");
    let next = app.service().get(next).await.ok(200);
    assert_eq!(next.as_array().map(Vec::len), Some(1));

    let document = below.get("openapi.json").await.ok(200);
    assert_eq!(document["servers"], json!([{ "url": "http://app.example/chinwag" }]));
    let document = below.get("asyncapi.json").await.ok(200);
    assert_eq!(document["servers"]["plain"]["pathname"], "/chinwag/");
    for path in [
        "",
        "/",
        "/docs",
        "/docs/",
        "/docs/events",
        "/docs/api/",
        "/chinwag-chat.js",
        "/chinwag/chat.js",
        "/assets/page.css",
    ] {
        assert_eq!(below.get(&format!("/{path}").replacen("//", "/", 1)).await.status, 200, "{path}");
    }
    let page = app.nobody().get("/chinwag").await.text;
    assert!(page.contains("src=\"/chinwag/bundle/page.") && !page.contains("=\"/bundle"), "{page}");
    for path in ["/", "/api/v1/users/", "/docs/", "/chat/", "/chinwagx/api/v1/users/"] {
        let refused = app.service().get(path).await;
        assert_eq!(refused.status, 404, "{path}");
        assert!(refused.text.contains("this server is at /chinwag/"), "{}", refused.text);
    }
    for probe in ["/healthz", "/readyz", "/metrics", "/chinwag/healthz"] {
        assert_eq!(app.nobody().get(probe).await.status, 200, "{probe}");
    }
}
