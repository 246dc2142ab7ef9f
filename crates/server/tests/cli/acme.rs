//! Certificates from an ACME server: Pebble, which validates names like Let's Encrypt.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use chinwag_testkit::process::{Program, Running, finish};
use chinwag_testkit::wait::Wait;
use serde_json::{Value, json};

use crate::program;
use crate::proxy::free_port;
use crate::tls::certificate;

/// A Pebble server that validates names at a local port.
struct Authority {
    running: Running,
    folder: PathBuf,
    api: u16,
    management: u16,
}

impl Authority {
    /// Issues certificates that are valid for `seconds`.
    fn start(folder: &Path, looks_at: u16, seconds: u32) -> Self {
        Self::start_at(free_port(), folder, looks_at, seconds)
    }

    /// Starts at a given port, without the accounts of an earlier server.
    fn start_at(api: u16, folder: &Path, looks_at: u16, seconds: u32) -> Self {
        let (folder, management) = (folder.join("authority"), free_port());
        if !folder.exists() {
            certificate(&folder, 1);
        }
        let config = json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{api}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": folder.join("tls.crt"),
            "privateKey": folder.join("tls.key"),
            "tlsPort": looks_at,
            "certificateValidityPeriod": seconds,
        }});
        fs::write(folder.join("pebble.json"), config.to_string()).expect("it is written");
        let mut command = Command::new("pebble");
        command.arg("-config").arg(folder.join("pebble.json"));
        // Pebble rejects random requests, as a real server may.
        command.env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_WFE_NONCEREJECT", "20");
        let authority = Self { running: Running::launch(command), folder, api, management };
        let wait = Wait::begin();
        while authority.curl(&format!("https://localhost:{api}/dir")).is_none() {
            wait.step_blocking(|| authority.log());
        }
        authority
    }

    /// Fetches one of the server's own URLs.
    fn curl(&self, url: &str) -> Option<String> {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--fail", "--cacert"]).arg(self.folder.join("tls.crt")).arg(url);
        let output = finish(curl, "");
        (output.code == Some(0)).then_some(output.stdout)
    }

    /// The file of the root certificate that clients must trust.
    fn root(&self) -> PathBuf {
        let url = format!("https://localhost:{}/roots/0", self.management);
        let path = self.folder.join("root.pem");
        fs::write(&path, self.curl(&url).expect("a root")).expect("it is written");
        path
    }

    fn log(&self) -> String {
        format!("{}{}", self.running.stdout(), self.running.stderr())
    }

    fn orders(&self) -> usize {
        self.log().matches("Added order").count()
    }

    /// Configures a server to request certificates here.
    fn configure(&self, command: &mut Command) {
        command
            .env("CHINWAG_TLS__ACME", "localhost")
            .env("CHINWAG_TLS__ACME_DIRECTORY", format!("https://localhost:{}/dir", self.api))
            .env("SSL_CERT_FILE", self.folder.join("tls.crt"));
    }
}

fn serve(program: &Program, port: u16, authority: &Authority) -> Running {
    let mut command = program.command(&["serve", "--listen", &format!("127.0.0.1:{port}")]);
    authority.configure(&mut command);
    Running::start(command)
}

/// Whether a client that trusts the root can connect to the server.
fn is_trusted(root: &Path, port: u16) -> bool {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--fail", "--cacert"]).arg(root).arg(format!("https://localhost:{port}/healthz"));
    finish(curl, "").code == Some(0)
}

/// The serial number of the served certificate.
fn serial(port: u16) -> String {
    let script = format!(
        "openssl s_client -connect 127.0.0.1:{port} -servername localhost </dev/null 2>/dev/null | openssl x509 -noout -serial"
    );
    let mut command = Command::new("sh");
    command.args(["-c", &script]);
    finish(command, "").stdout
}

fn state(program: &Program) -> Value {
    let text = fs::read(program.data().join("acme.json")).expect("the file is there");
    serde_json::from_slice(&text).expect("JSON")
}

#[test]
fn certificate_is_issued_kept_and_renewed() {
    let (program, port) = (program(), free_port());
    let authority = Authority::start(program.folder(), port, 86400);
    let root = authority.root();
    let server = serve(&program, port, &authority);
    let wait = Wait::begin();
    while !is_trusted(&root, port) {
        wait.step_blocking(|| format!("no certificate comes: {}{}", server.stderr(), authority.log()));
    }
    let (first, kept) = (serial(port), state(&program));
    let figures = Command::new("curl")
        .args(["--silent", "--insecure", &format!("https://127.0.0.1:{port}/metrics")])
        .output();
    let figures = String::from_utf8(figures.expect("curl runs").stdout).expect("text");
    let expires =
        figures.lines().find_map(|line| line.strip_prefix("chinwag_tls_certificate_expires_seconds "));
    assert!(expires.is_some_and(|seconds| seconds.parse::<f64>().is_ok_and(|at| at > 1e9)), "{expires:?}");

    // A restart requests nothing.
    assert_eq!(server.stop().code, Some(0));
    let orders = authority.orders();
    let server = serve(&program, port, &authority);
    assert_eq!((serial(port), is_trusted(&root, port)), (first, true));
    let mut check = program.command(&["check"]);
    authority.configure(&mut check);
    let check = finish(check, "");
    assert!(
        check.stdout.contains("the certificate of tls.acme, valid until"),
        "{}{}",
        check.stdout,
        check.stderr
    );
    assert_eq!((server.stop().code, authority.orders()), (Some(0), orders));
    assert_eq!(state(&program), kept);

    // A short-lived certificate is renewed while the server runs, with the same account.
    drop(authority);
    let authority = Authority::start(program.folder(), port, 6);
    fs::remove_file(program.data().join("acme.json")).expect("it is removed");
    let server = serve(&program, port, &authority);
    let (wait, mut seen) = (Wait::begin(), BTreeSet::new());
    // The first one is the self-signed placeholder.
    while seen.len() < 4 {
        wait.step_blocking(|| format!("it is not renewed: {}{}", server.stderr(), authority.log()));
        seen.insert(serial(port));
    }
    let said = authority.log();
    assert_eq!(said.matches("accounts in memory").count(), 1, "one account: {said}");

    // The next attempt registers a new account if the ACME server does not know the old one.
    let api = authority.api;
    drop(authority);
    let authority = Authority::start_at(api, program.folder(), port, 6);
    while !state(&program)["account"].is_null() {
        wait.step_blocking(|| format!("the account stays: {}{}", server.stderr(), authority.log()));
    }
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn names_that_lead_elsewhere_are_tried_rarely() {
    let (program, port) = (program(), free_port());
    let authority = Authority::start(program.folder(), free_port(), 86400);
    let mut server = serve(&program, port, &authority);
    server.wait_for_log("no certificate was issued");
    let said = server.stderr();
    assert!(said.contains("localhost: "), "{said}");
    // The problem is stored after it is logged.
    let wait = Wait::begin();
    while state(&program)["problem"].is_null() {
        wait.step_blocking(|| "the problem is not kept");
    }
    let kept = state(&program);
    assert!(kept["problem"].as_str().is_some_and(|problem| problem.starts_with("localhost: ")), "{kept}");
    let mut health = program.command(&["health", "--listen", &format!("127.0.0.1:{port}")]);
    authority.configure(&mut health);
    assert_eq!(finish(health, "").code, Some(0), "it serves with a makeshift");
    let orders = authority.orders();
    for _ in 0..3 {
        assert_eq!(server.stop().code, Some(0));
        server = serve(&program, port, &authority);
        assert_eq!(state(&program), kept, "a restart tries nothing");
    }
    let mut check = program.command(&["check"]);
    authority.configure(&mut check);
    let check = finish(check, "");
    assert!(check.stdout.contains("no certificate was issued in 1 attempts"), "{}", check.stdout);
    assert_eq!((server.stop().code, authority.orders()), (Some(0), orders));
}

#[test]
fn wrong_settings_of_acme_end_the_start() {
    for (settings, said) in [
        (&[("TLS__ACME", "*.example")][..], "tls.acme must hold names like chat.example"),
        (&[("TLS__ACME", "chat.example"), ("TLS__CERT", "a.pem")], "leave one of them out"),
        (
            &[("TLS__ACME", "chat.example"), ("TLS__ACME_DIRECTORY", "http://ca.example")],
            "must be the https address",
        ),
        (&[("TLS__ACME", "chat.example"), ("REDIS", "redis://127.0.0.1")], "tls.acme is for a single node"),
        (
            &[("TLS__ACME", "chat.example"), ("HTTP__PUBLIC_URL", "https://other.example")],
            "tls.acme needs other.example",
        ),
    ] {
        let program = program();
        let mut command = program.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.envs(settings.iter().map(|(name, value)| (format!("CHINWAG_{name}"), value)));
        let output = finish(command, "");
        assert_eq!(output.code, Some(1), "{said}");
        assert!(output.stderr.contains(said), "{said}: {}", output.stderr);
    }
}
