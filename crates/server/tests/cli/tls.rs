//! Built-in TLS: requests, files, sockets, stalled clients, and a replaced certificate.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use chinwag_testkit::process::{Output, Program, Running, finish};
use chinwag_testkit::wait::{WAIT_TIMEOUT, Wait};
use futures_util::{SinkExt, StreamExt};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

use crate::program;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

const ANN: &str = r#"{"name": "ann", "password": "a long password"}"#;

/// A server with its own certificate in a folder.
struct Secured {
    running: Running,
    folder: PathBuf,
    url: String,
}

impl Secured {
    fn start(program: &Program, folder: PathBuf, change: impl FnOnce(&mut Command)) -> Self {
        let running = program.serve_with(|command| {
            command
                .env("CHINWAG_TLS__CERT", folder.join("tls.crt"))
                .env("CHINWAG_TLS__KEY", folder.join("tls.key"));
            change(command);
        });
        let url = running.url().to_owned();
        Self { running, folder, url }
    }

    fn address(&self) -> SocketAddr {
        self.url.strip_prefix("https://").expect("https").parse().expect("an address")
    }

    /// Runs curl with the server's certificate as the only trusted one.
    fn curl(&self, args: &[&str]) -> Output {
        let mut curl = Command::new("curl");
        curl.current_dir(&self.folder).args(["--silent", "--show-error", "--cacert", "tls.crt"]).args(args);
        finish(curl, "")
    }

    /// Reads a path with curl.
    #[track_caller]
    fn ask(&self, path: &str, args: &[&str]) -> String {
        let output = self.curl(&[args, &[&format!("{}{path}", self.url)]].concat());
        assert_eq!(output.code, Some(0), "{path}: {}", output.stderr);
        output.stdout
    }

    /// Whether the server accepts a new connection.
    fn is_up(&self) -> bool {
        self.curl(&["--fail", &format!("{}/healthz", self.url)]).code == Some(0)
    }

    #[track_caller]
    fn token(&self, path: &str) -> String {
        let answer: Value = serde_json::from_str(&self.ask(path, &["--data", ANN])).expect("JSON");
        answer["token"].as_str().expect("a token").to_owned()
    }

    /// Opens a WebSocket with a receive buffer of this size.
    async fn socket(&self, token: &str, buffer: u32) -> Socket {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let pem = fs::read(self.folder.join("tls.crt")).expect("a certificate");
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&pem).expect("a certificate")).expect("it is added");
        let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let address = format!("wss://localhost:{}/chat/", self.address().port());
        let mut request = address.into_client_request().expect("a request");
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().expect("a header"));
        let tcp = TcpSocket::new_v4().expect("a socket");
        tcp.set_recv_buffer_size(buffer).expect("it is set");
        let tcp = tcp.connect(self.address()).await.expect("a connection");
        let connector = Connector::Rustls(Arc::new(config));
        client_async_tls_with_config(request, tcp, None, Some(connector)).await.expect("it is accepted").0
    }

    /// The serial number of the served certificate.
    fn serial(&self) -> String {
        let mut command = Command::new("sh");
        let address = self.address();
        let script = format!(
            "openssl s_client -connect {address} </dev/null 2>/dev/null | openssl x509 -noout -serial"
        );
        command.args(["-c", &script]);
        finish(command, "").stdout.trim().to_owned()
    }

    /// The number of open sockets of the server's process.
    fn sockets(&self) -> usize {
        let files = fs::read_dir(format!("/proc/{}/fd", self.running.pid())).expect("the process runs");
        let targets = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
        targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
    }
}

/// Creates a certificate for `localhost` with this serial number in a folder.
pub(crate) fn certificate(folder: &Path, serial: u32) {
    fs::create_dir_all(folder).expect("a folder");
    let mut command = Command::new("openssl");
    command.current_dir(folder).args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
    ]);
    command.args(["-nodes", "-days", "2", "-subj", "/CN=localhost"]);
    command.args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]);
    command.args(["-addext", "basicConstraints=critical,CA:FALSE", "-set_serial", &serial.to_string()]);
    command.args(["-keyout", "tls.key", "-out", "tls.crt"]);
    assert_eq!(finish(command, "").code, Some(0));
}

/// A folder with a certificate.
fn certified(program: &Program) -> PathBuf {
    let folder = program.folder().join("tls");
    certificate(&folder, 7);
    folder
}

async fn next(socket: &mut Socket) -> Value {
    let next = async {
        loop {
            match socket.next().await.expect("it is open").expect("a frame") {
                Message::Text(text) => return serde_json::from_str(&text).expect("JSON"),
                Message::Close(frame) => panic!("it is closed: {frame:?}"),
                _ => {}
            }
        }
    };
    timeout(WAIT_TIMEOUT, next).await.expect("an event comes")
}

/// Reads until an event of this type.
async fn until(socket: &mut Socket, kind: &str) -> Value {
    loop {
        let event = next(socket).await;
        assert_ne!(event["type"], "error", "{event}");
        if event["type"] == kind {
            return event;
        }
    }
}

async fn send(socket: &mut Socket, kind: &str, data: Value) {
    let text = json!({ "type": kind, "data": data }).to_string();
    socket.send(Message::text(text)).await.expect("it is open");
}

/// Creates a group.
async fn group(socket: &mut Socket) -> Value {
    send(socket, "group.create", json!({ "name": "tea" })).await;
    until(socket, "group.update").await["data"]["id"].clone()
}

/// Sends messages of about 3 KB, each after the previous one was delivered.
async fn flood(socket: &mut Socket, group: &Value, count: u32) {
    for number in 0..count {
        let body = format!("{number} {}", "x".repeat(3000));
        send(socket, "message.text", json!({ "group": group, "body": body })).await;
        until(socket, "message.text").await;
    }
}

#[test]
fn requests_sign_ins_and_files_work_over_tls() {
    let program = program();
    let server = Secured::start(&program, certified(&program), |_| {});
    let made = server.ask("/api/v1/accounts/", &["--include", "--data", ANN]);
    assert!(made.contains("__Host-access=cw_token_") && made.contains("; Secure"), "{made}");
    let token = format!("Authorization: Bearer {}", server.token("/api/v1/sessions/"));
    let me = server.ask("/api/v1/users/ann/", &["--header", &token]);
    assert!(me.contains(r#""name":"ann""#), "{me}");
    assert!(server.ask("/", &[]).contains("<chinwag-chat"));

    let content: Vec<u8> = (0..3_000_000_u32).map(|at| at.to_le_bytes()[0] ^ at.to_le_bytes()[1]).collect();
    fs::write(server.folder.join("up.bin"), &content).expect("a file");
    let upload = ["--header", &token, "--data-binary", "@up.bin"];
    let file: Value = serde_json::from_str(&server.ask("/api/v1/files/?name=up.bin", &upload)).expect("JSON");
    let path = format!("/api/v1/files/{}/up.bin", file["id"].as_str().expect("an id"));
    server.ask(&path, &["--header", &token, "--output", "down.bin"]);
    assert!(fs::read(server.folder.join("down.bin")).expect("a file") == content, "it is the same");

    let mut health = program.command(&["health", "--listen", &server.address().to_string()]);
    health.env("CHINWAG_TLS__CERT", server.folder.join("tls.crt"));
    health.env("CHINWAG_TLS__KEY", server.folder.join("tls.key"));
    let health = finish(health, "");
    assert_eq!(health.code, Some(0), "{}", health.stderr);
    assert_eq!(server.running.stop().code, Some(0));
}

#[test]
fn metrics_over_tls_are_for_this_machine_and_the_service() {
    let program = program();
    let server = Secured::start(&program, certified(&program), |command| {
        command.env("CHINWAG_HTTP__TRUSTED_PROXIES", "127.0.0.1");
    });
    let far = ["--include", "--header", "x-forwarded-for: 192.0.2.1"];
    let refused = server.ask("/metrics", &far);
    assert!(refused.contains(" 401") && !refused.contains("chinwag_sockets"), "{refused}");
    let key = format!("authorization: Bearer {}", program.key());
    for allowed in [&[][..], &[&far[..], &["--header", &key]].concat()] {
        assert!(server.ask("/metrics", allowed).contains("chinwag_sockets 0"), "{allowed:?}");
    }
}

#[test]
fn hsts_is_sent_only_on_the_standard_port() {
    let program = program();
    let server = Secured::start(&program, certified(&program), |_| {});
    let answer = |host: &str| server.ask("/", &["--include", "--header", &format!("host: {host}")]);
    assert!(answer("localhost").contains("strict-transport-security: max-age="));
    assert!(!answer("localhost:8443").contains("strict-transport-security"));
}

#[test]
fn plain_http_is_answered_with_a_hint_to_https() {
    let program = program();
    let server = Secured::start(&program, certified(&program), |_| {});
    let plain = server.curl(&["--include", &format!("http://{}/healthz", server.address())]);
    assert_eq!(plain.code, Some(0), "{}", plain.stderr);
    assert!(
        plain.stdout.starts_with("HTTP/1.1 400 ") && plain.stdout.contains("use https://"),
        "{}",
        plain.stdout
    );
    // Neither TLS nor HTTP.
    let mut other = std::net::TcpStream::connect(server.address()).expect("a connection");
    other.write_all(b"\x00\x01 nonsense that is no record of TLS").expect("it is sent");
    other.set_read_timeout(Some(WAIT_TIMEOUT)).expect("it is set");
    let mut answer = Vec::new();
    let ended = other.read_to_end(&mut answer);
    assert!(ended.is_ok() || ended.is_err_and(|why| why.kind() == ErrorKind::ConnectionReset));
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    assert!(server.is_up());
}

/// Opens connections; every second one starts a handshake and stalls.
fn stall(server: &Secured, count: usize) -> Vec<std::net::TcpStream> {
    let open = |number| {
        let mut tcp = std::net::TcpStream::connect(server.address()).expect("a connection");
        if number % 2 == 0 {
            // The server may have closed it.
            let _ = tcp.write_all(b"\x16\x03\x01\x02\x00");
        }
        tcp
    };
    (0..count).map(open).collect()
}

#[test]
fn hundreds_of_stalled_handshakes_block_no_others() {
    let program = program();
    let server = Secured::start(&program, certified(&program), |command| {
        command.env("CHINWAG_HTTP__CONNECTIONS", "300").env("CHINWAG_TLS__HANDSHAKES", "16");
        command.env("CHINWAG_HTTP__HEADER_TIMEOUT", "10m");
    });
    let before = server.sockets();
    let _stalled = stall(&server, 300);
    let wait = Wait::begin();
    while !server.is_up() {
        wait.step_blocking(|| "nobody gets in");
    }
    while server.sockets() > before + 16 {
        wait.step_blocking(|| "more handshakes wait than may");
    }
}

#[test]
fn stalled_handshake_ends_in_time() {
    let program = program();
    let server = Secured::start(&program, certified(&program), |command| {
        command.env("CHINWAG_HTTP__HEADER_TIMEOUT", "1s");
    });
    let before = server.sockets();
    for mut tcp in stall(&server, 2) {
        tcp.set_read_timeout(Some(WAIT_TIMEOUT)).expect("it is set");
        let ended = tcp.read(&mut [0; 64]);
        assert!(!ended.is_err_and(|why| why.kind() == ErrorKind::WouldBlock), "it waits for ever");
    }
    let wait = Wait::begin();
    while server.sockets() > before {
        wait.step_blocking(|| "a connection is left");
    }
}

#[tokio::test]
async fn socket_over_tls_misses_nothing_while_nobody_reads() {
    let program = program();
    let server = Secured::start(&program, certified(&program), |_| {});
    let token = server.token("/api/v1/accounts/");
    let mut ann = server.socket(&token, 1 << 20).await;
    let mut slow = server.socket(&token, 4096).await;
    let group = group(&mut ann).await;
    flood(&mut ann, &group, 300).await;
    for number in 0..300 {
        let event = until(&mut slow, "message.text").await;
        let body = event["data"]["body"].as_str().unwrap_or_default();
        assert!(body.starts_with(&format!("{number} ")), "{number}: {}", body.get(..20).unwrap_or(body));
    }
    send(&mut slow, "status.update", json!({ "status": "afk" })).await;
    until(&mut slow, "status.update").await;
    assert_eq!(server.running.stop().code, Some(0));
}

#[tokio::test]
async fn socket_that_never_reads_is_forgotten_over_tls() {
    let program = program();
    let server = Secured::start(&program, certified(&program), |command| {
        command.env("CHINWAG_WS__QUEUE_BYTES", "65536");
    });
    let token = server.token("/api/v1/accounts/");
    let mut ann = server.socket(&token, 1 << 20).await;
    let group = group(&mut ann).await;
    let before = server.sockets();
    let _deaf = server.socket(&token, 4096).await;
    let wait = Wait::begin();
    while server.sockets() <= before {
        wait.step(|| "it is not connected").await;
    }
    while server.sockets() > before {
        wait.step(|| "the connection is kept").await;
        flood(&mut ann, &group, 10).await;
    }
}

#[tokio::test]
async fn replaced_certificate_is_served_and_sockets_stay() {
    let program = program();
    let folder = program.folder().join("secret");
    for serial in 1..=3_u32 {
        certificate(&folder.join(format!("..{serial}")), serial);
    }
    // The layout of a Kubernetes secret: symlinks to a symlink that is replaced atomically.
    let swap = |to: &str| {
        symlink(to, folder.join("..new")).expect("a link");
        fs::rename(folder.join("..new"), folder.join("..data")).expect("it is swapped");
    };
    swap("..1");
    for file in ["tls.crt", "tls.key"] {
        symlink(format!("..data/{file}"), folder.join(file)).expect("a link");
    }
    let server = Secured::start(&program, folder.clone(), |_| {});
    let token = server.token("/api/v1/accounts/");
    let mut ann = server.socket(&token, 1 << 20).await;
    assert_eq!(next(&mut ann).await["type"], "group.summary");
    assert_eq!(server.serial(), "serial=01");
    for serial in [2_usize, 3] {
        swap(&format!("..{serial}"));
        let wait = Wait::begin();
        while server.running.stderr().matches("a new TLS certificate is in use").count() < serial - 1 {
            wait.step(|| "the new certificate is not served").await;
        }
        assert_eq!(server.serial(), format!("serial=0{serial}"));
    }
    // The old pair stays in use while key and certificate do not match.
    fs::copy(folder.join("..1/tls.key"), folder.join("..3/tls.key")).expect("a copy");
    let wait = Wait::begin();
    while !server.running.stderr().contains("the old one stays in use") {
        wait.step(|| "it is not logged").await;
    }
    assert_eq!(server.serial(), "serial=03");
    fs::copy(folder.join("..1/tls.crt"), folder.join("..3/tls.crt")).expect("a copy");
    while server.serial() != "serial=01" {
        wait.step(|| "the pair fits, and is not served").await;
    }
    send(&mut ann, "status.update", json!({ "status": "afk" })).await;
    until(&mut ann, "status.update").await;
    assert_eq!(server.running.stop().code, Some(0));
}

#[test]
fn wrong_settings_of_tls_end_the_start() {
    let program = program();
    let folder = program.folder().join("tls");
    certificate(&folder, 1);
    certificate(&folder.join("other"), 2);
    let (cert, key) = (folder.join("tls.crt"), folder.join("tls.key"));
    for (cert, key, said) in [
        (Some(cert.clone()), None, "tls.cert needs tls.key"),
        (None, Some(key.clone()), "tls.key needs tls.cert"),
        (Some(cert.clone()), Some(folder.join("none")), "none cannot be read"),
        (Some(key.clone()), Some(key), "has no certificate in PEM"),
        (Some(cert), Some(folder.join("other/tls.key")), "do not belong together"),
    ] {
        let mut command = program.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.envs(cert.map(|cert| ("CHINWAG_TLS__CERT", cert)));
        command.envs(key.map(|key| ("CHINWAG_TLS__KEY", key)));
        let output = finish(command, "");
        assert_eq!(output.code, Some(1), "{said}");
        assert!(output.stderr.contains(said), "{said}: {}", output.stderr);
    }
}

#[test]
fn certificate_that_has_ended_is_a_problem() {
    let program = program();
    certificate(program.folder(), 1);
    let mut sign = Command::new("openssl");
    sign.current_dir(program.folder()).args(["x509", "-in", "tls.crt", "-signkey", "tls.key", "-days", "-1"]);
    sign.args(["-out", "ended.crt"]);
    assert_eq!(finish(sign, "").code, Some(0));
    for (cert, line) in [
        ("tls.crt", "ok       the certificate and the key of TLS, valid until "),
        ("ended.crt", "problem  tls.cert: the certificate was valid until "),
    ] {
        let mut check = program.command(&["check", "--listen", "127.0.0.1:0"]);
        check.env("CHINWAG_TLS__CERT", cert).env("CHINWAG_TLS__KEY", "tls.key");
        let output = finish(check, "");
        assert!(output.stdout.contains(line), "{output:?}");
    }
}
