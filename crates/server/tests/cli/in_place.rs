//! The guide to replacing the Django service (docs/in-place-of-django.md), with its configuration and its nginx
//! unchanged except for addresses.

use std::fs;
use std::net::TcpListener;

use chinwag_testkit::client::{Answer, Client};
use chinwag_testkit::nginx::Nginx;
use chinwag_testkit::process::{Program, Running};
use chinwag_testkit::ws::{Refused, Ws};
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::program;

const PAGE: &str = include_str!("../../../../docs/in-place-of-django.md");
const SITE: &str = "https://play.example:8443";

/// The fenced code block of a language.
fn block(kind: &str) -> &'static str {
    let (_, rest) = PAGE.split_once(&format!("```{kind}\n")).expect("the page has such a block");
    rest.split("```").next().expect("a block ends")
}

/// The host application's validator. The cookie `access` is the user's name; `stranger` is refused.
async fn validator() -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(validate(stream));
        }
    });
    port
}

async fn validate(mut stream: TcpStream) {
    let mut head = String::new();
    let mut bytes = [0; 4096];
    while !head.contains("\r\n\r\n") {
        match stream.read(&mut bytes).await {
            Ok(0) | Err(_) => return,
            Ok(count) => head.push_str(&String::from_utf8_lossy(&bytes[..count])),
        }
    }
    assert!(head.starts_with("POST /api/v1/auth/verify/ "), "{head}");
    let name =
        head.split("access=").nth(1).and_then(|rest| rest.split([';', '\r']).next()).unwrap_or("stranger");
    let (status, body) = match name {
        "stranger" => ("401 Unauthorized", String::new()),
        name => ("200 OK", json!({ "username": name }).to_string()),
    };
    let length = body.len();
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    // The server may have disconnected.
    let _ = stream.write_all(answer.as_bytes()).await;
}

/// The guide's server behind the guide's nginx.
struct Deployment {
    chinwag: Running,
    proxy: Client,
    direct: Client,
    _nginx: Nginx,
}

impl Deployment {
    async fn start(program: &Program) -> Self {
        let free = || TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
        let (port, proxy, validator) = (free(), free(), validator().await);
        let settings = block("toml")
            .replace("0.0.0.0:8000", &format!("127.0.0.1:{port}"))
            .replace("/var/lib/chinwag", "chinwag-data")
            .replace("172.16.0.0/12", "127.0.0.1")
            .replace("backend:8000", &format!("127.0.0.1:{validator}"));
        fs::write(program.folder().join("chinwag.toml"), settings).expect("the folder can be written to");
        let chinwag = Running::start(program.command(&["serve"]));
        let server: Vec<_> = block("nginx").lines().filter(|line| !line.contains("ssl_")).collect();
        let server = server
            .join("\n")
            .replace("listen 8443 ssl;", &format!("listen 127.0.0.1:{proxy};"))
            .replace("chat:8000", &format!("127.0.0.1:{port}"));
        let nginx = Nginx::start(program.folder(), &server, proxy).await;
        let client = |port| Client::new(&format!("http://127.0.0.1:{port}"), None, "nobody");
        Self { chinwag, proxy: client(proxy), direct: client(port), _nginx: nginx }
    }

    /// A call by the host's backend over the private network.
    async fn call(&self, method: Method, path: &str, body: &str) -> Answer {
        let request = self.direct.request(method, path).header("host", "chat:8000").body(body.to_owned());
        self.direct.send(request).await
    }

    /// A WebSocket of a browser through nginx.
    async fn open(&self, name: &str, origin: &str) -> Result<Ws, Refused> {
        let cookie = format!("csrftoken=x; access={name}");
        let headers = [("host", "play.example:8443"), ("origin", origin), ("cookie", &cookie)];
        self.proxy.try_ws("/chat/", &headers).await
    }

    async fn refusal(&self, name: &str, origin: &str) -> u16 {
        self.open(name, origin).await.expect_err("it is refused").status
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guide_to_replacing_the_django_service_works() {
    let program = program();
    let place = Deployment::start(&program).await;
    for name in ["arlan", "astra"] {
        place.call(Method::POST, "users/", &json!({ "name": name }).to_string()).await.ok(201);
    }
    let mut arlan = place.open("arlan", SITE).await.expect("arlan is let in");
    let mut astra = place.open("astra", SITE).await.expect("astra is let in");
    let made = r#"{"name":"final","author":"tournament","members":["arlan","astra"]}"#;
    let group = place.call(Method::POST, "groups/", made).await.ok(201)["id"].clone();
    for socket in [&mut arlan, &mut astra] {
        let told = socket.until("group.update").await["data"].clone();
        assert_eq!((&told["id"], &told["members"]), (&group, &json!(["arlan", "astra"])), "nobody is asked");
    }
    let text =
        json!({ "group": group, "body": "é".repeat(512), "respond_to": "", "date": "2024-05-12T10:29:16" });
    arlan.send(json!({ "type": "message.text", "data": text })).await;
    assert_eq!(astra.until("message.text").await["data"]["author"], "arlan");
    arlan.send(json!({ "type": "message.text", "data": { "group": group, "body": "é".repeat(513) } })).await;
    assert_eq!(arlan.until("error.data").await["code"], 400);
    let block = json!({ "author": "", "name": "astra", "operation": "block" });
    arlan.send(json!({ "type": "contact.update", "data": block })).await;
    assert_eq!(astra.until("contact.update").await["data"]["operation"], "block");
    let shown = place.call(Method::GET, "users/astra/?fields=blocked_by", "").await.ok(200);
    assert_eq!(shown["blocked_by"], json!(["arlan"]));

    let outside = place.proxy.request(Method::GET, "users/").header("host", "play.example:8443");
    assert_eq!(place.proxy.send(outside).await.status, 404, "REST is not for the site");
    assert_eq!(place.refusal("stranger", SITE).await, 401);
    assert_eq!(place.refusal("nobody", SITE).await, 401, "the backend has made no such user");
    assert_eq!(place.refusal("arlan", "https://elsewhere.example").await, 403);
    let elsewhere = place.direct.request(Method::GET, "users/").header("host", "elsewhere:8000");
    assert_eq!(place.direct.send(elsewhere).await.status, 421);
    let output = place.chinwag.stop();
    for setting in ["http.origins", "http.hosts"] {
        assert!(output.stderr.contains(setting) || output.stdout.contains(setting), "{setting}: {output:?}");
    }
}
