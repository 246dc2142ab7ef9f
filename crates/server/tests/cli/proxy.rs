//! The proxy examples of docs/operations.md with a real nginx: over TLS, and below a path of another site.

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use chinwag_testkit::client::Client;
use chinwag_testkit::nginx::Nginx;
use chinwag_testkit::process::{Program, Running, finish};
use serde_json::json;

use crate::program;

const GUIDE: &str = include_str!("../../../../docs/operations.md");
const ACCOUNT: &str = r#"{"name": "ann", "password": "a password of ann's"}"#;

/// The fenced nginx blocks, in order.
fn blocks() -> Vec<&'static str> {
    let ends = |rest: &'static str| rest.split("```").next().expect("a block ends");
    GUIDE.split("```nginx\n").skip(1).map(ends).collect()
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port()
}

/// A server with the proxy settings from the guide.
fn serve(program: &Program, public_url: &str) -> Running {
    program.serve_with(|command| {
        command.env("CHINWAG_HTTP__PUBLIC_URL", public_url).env("CHINWAG_HTTP__TRUSTED_PROXIES", "127.0.0.1");
    })
}

fn upstream(text: &str, running: &Running) -> String {
    text.replace("http://127.0.0.1:8000", running.url())
}

/// Runs curl; returns head and body of the answer.
fn curl(program: &Program, args: &[&str]) -> String {
    let mut curl = Command::new("curl");
    curl.current_dir(program.folder()).args(["--silent", "--insecure", "--include"]).args(args);
    let output = finish(curl, "");
    assert_eq!(output.code, Some(0), "{args:?}: {}", output.stderr);
    output.stdout
}

#[tokio::test]
async fn proxy_example_serves_over_tls() {
    let (program, port) = (program(), free_port());
    let mut certificate = Command::new("openssl");
    certificate.current_dir(program.folder()).args([
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=chat.example",
        "-keyout",
        "key.pem",
        "-out",
        "chat.pem",
    ]);
    assert_eq!(finish(certificate, "").code, Some(0));
    let url = format!("https://chat.example:{port}");
    let running = serve(&program, &url);
    let place = program.folder().display();
    let server = upstream(blocks()[0], &running)
        .replace("listen 443", &format!("listen 127.0.0.1:{port}"))
        .replace("/etc/ssl/chat.example.pem", &format!("{place}/chat.pem"))
        .replace("/etc/ssl/private/chat.example.key", &format!("{place}/key.pem"));
    let _nginx = Nginx::start(program.folder(), &server, port).await;
    let resolve = format!("chat.example:{port}:127.0.0.1");
    let ask = |path: &str, more: &[&str]| {
        let address = format!("{url}{path}");
        curl(&program, &[&["--resolve", &*resolve, &*address], more].concat())
    };
    let origin = format!("Origin: {url}");
    let made = ask("/api/v1/accounts/", &["--data", ACCOUNT, "--header", &origin, "--cookie-jar", "jar"]);
    assert!(made.contains(" 201") && made.contains("__Host-access=cw_token_"), "{made}");
    assert!(made.contains("; Path=/; ") && made.contains("; Secure"), "{made}");
    let signed_in = ask("/api/v1/sessions/", &["--cookie", "jar"]);
    assert!(signed_in.contains("\"name\":\"ann\""), "{signed_in}");
    let plain = ask("/api/v1/accounts/", &["--data", ACCOUNT, "--header", "Origin: http://chat.example"]);
    assert!(plain.contains(" 403"), "{plain}");
    assert!(ask("/metrics", &[]).contains(" 403"), "the figures are kept from the outside");
    assert_eq!(running.stop().code, Some(0));
}

#[tokio::test]
async fn proxy_example_serves_below_a_path() {
    let (program, port) = (program(), free_port());
    let url = format!("http://127.0.0.1:{port}/chinwag");
    let running = serve(&program, &url);
    let server = format!(
        "server {{ listen 127.0.0.1:{port}; location / {{ return 404 '{{}}'; }}\n{}\n}}",
        upstream(blocks()[1], &running)
    );
    let _nginx = Nginx::start(program.folder(), &server, port).await;
    let service = Client::new(&url, Some(&program.key()), "service");
    let (ann, bob) = (service.user("ann").await, service.user("bob").await);
    let (mut anns, mut bobs) = (ann.ws().await, bob.ws().await);
    anns.send(json!({ "type": "message.first", "data": { "target": "bob", "body": "hello" } })).await;
    assert_eq!(bobs.until("group.update").await["data"]["messages"][0]["body"], "hello");
    let made =
        curl(&program, &["--data", &ACCOUNT.replace("ann\"", "eve\""), &format!("{url}/api/v1/accounts/")]);
    assert!(made.contains("access=cw_token_") && made.contains("; Path=/chinwag; "), "{made}");
    assert_eq!(service.get("/metrics").await.status, 403, "the figures are kept from the outside");
    let outside = Client::new(&format!("http://127.0.0.1:{port}"), Some(&program.key()), "service");
    assert_eq!(outside.get("users/").await.text, "{}", "the rest of the site is not the server's");
    assert_eq!(running.stop().code, Some(0));
}

#[test]
fn public_urls_that_cannot_be_end_the_start() {
    let program = program();
    for (name, value, said) in [
        (
            "CHINWAG_HTTP__PUBLIC_URL",
            "chat.example",
            "http.public_url: \"chat.example\" must be like https://",
        ),
        ("CHINWAG_HTTP__PUBLIC_URL", "https://chat.example/?a", "must have no query and no fragment"),
        ("CHINWAG_HTTP__PUBLIC_URL", "https://chat.example/../a", "dot segments"),
        ("CHINWAG_HTTP__ORIGINS", "https://*.app.example", "has a wildcard, which is not supported"),
        ("CHINWAG_HTTP__HOSTS", "chat.example:80", "is no host's name"),
        ("CHINWAG_AUTH__COOKIE", "a b", "auth.cookie must be a cookie's name"),
    ] {
        let mut command = program.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.env(name, value);
        let output = finish(command, "");
        assert_eq!(output.code, Some(1), "{name} {value}");
        assert!(output.stderr.contains(said), "{name} {value}: {}", output.stderr);
    }
    assert!(!fs::exists(program.data()).expect("the folder can be read"), "nothing was made");
}

#[tokio::test]
async fn refusals_name_the_setting_that_would_allow_them() {
    let program = program();
    let running = program.serve();
    let service = program.service(&running);
    let ann = service.user("ann").await;
    for _ in 0..3 {
        let shake = ann.try_ws("/chat/", &[("host", "chat"), ("origin", "http://chat")]).await;
        assert_eq!(shake.expect_err("another host").status, 421);
        let shake = ann.try_ws("/chat/", &[("origin", "https://app.example")]).await;
        assert_eq!(shake.expect_err("another origin").status, 403);
        ann.try_ws("/chat/", &[("x-forwarded-for", "9.9.9.9")])
            .await
            .expect("a proxy nobody named")
            .close()
            .await;
    }
    let log = running.stop().stderr;
    for setting in ["name it in http.hosts", "name it in http.origins", "http.trusted_proxies\""] {
        let lines = log.lines().filter(|line| line.contains(setting)).count();
        assert_eq!(lines, 1, "{setting}: {log}");
    }
}
