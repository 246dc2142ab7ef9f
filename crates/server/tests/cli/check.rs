//! `chinwag check`.

use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::process::Command;

use chinwag_testkit::jwt::Host;
use chinwag_testkit::process::{Running, finish};
use chinwag_testkit::trial::group;
use chinwag_testkit::wait::Wait;
use chinwag_testkit::webhook::{ClosedReceiver, Reply};
use rusqlite::Connection;
use serde_json::json;

use crate::program;

#[test]
fn a_server_that_could_start_is_all_ok() {
    let program = program();
    let output = program.run(&["check", "--listen", "127.0.0.1:0"]);
    assert_eq!(output.code, Some(0), "{}", output.stdout);
    assert!(output.stdout.lines().all(|line| line.starts_with("ok       ")), "{}", output.stdout);
    assert!(!program.data().exists(), "looking makes nothing");

    program.serve().stop();
    let output = program.run(&["check", "--listen", "127.0.0.1:0"]);
    assert_eq!(output.code, Some(0), "{}", output.stdout);
    assert!(output.stdout.contains("ok       the database "), "{}", output.stdout);
    assert!(output.stderr.starts_with("checking the database "), "{}", output.stderr);
    let running = program.serve();
    let output = program.run(&["check"]);
    assert_eq!(output.code, Some(0), "{}", output.stdout);
    assert_eq!(running.stop().code, Some(0));
}

#[test]
fn each_problem_is_a_line_with_its_remedy() {
    let program = program();
    program.serve().stop();
    let key = program.key();
    fs::set_permissions(program.data().join("service-key"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(program.data().join("chinwag.db"), "no database".repeat(99)).unwrap();
    let output = program.run(&["check", "--listen", "127.0.0.1:0"]);
    assert_eq!(output.code, Some(1));
    assert!(output.stdout.contains("problem  other users can access "), "{}", output.stdout);
    assert!(output.stdout.contains("(mode 644): chmod 600 "), "{}", output.stdout);
    assert!(output.stdout.contains("chinwag.db is not a database"), "{}", output.stdout);
    assert!(output.stdout.lines().all(|line| line.starts_with("ok       ") || line.starts_with("problem  ")));
    assert_eq!(output.stderr, "chinwag: there are 2 problems\n");
    assert!(!output.stdout.contains(&key));
}

#[test]
fn wrong_settings_are_lines_too() {
    let output = program().run(&["check", "--listen", "nowhere", "--redis", "redis://r"]);
    assert_eq!(output.code, Some(1));
    assert_eq!(
        output.stdout.lines().filter(|line| line.starts_with("problem  ")).count(),
        2,
        "{}",
        output.stdout
    );
}

/// Runs `chinwag check` with these settings. Returns whether it succeeded, and its output.
fn run_check(settings: &str) -> (bool, String) {
    let program = program();
    let point = r#""kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;
    for (name, text) in [
        ("chinwag.toml", settings),
        ("short", "too short\n"),
        ("secret", "0123456789abcdef0123456789abcdef\n"),
        ("empty.json", r#"{ "keys": [{ "kty": "oct", "k": "AAAA" }] }"#),
        ("keys.json", &format!(r#"{{ "keys": [{{ {point} }}] }}"#)),
    ] {
        fs::write(program.folder().join(name), text).expect("the folder can be written to");
    }
    let output = program.run(&["check", "--listen", "127.0.0.1:0"]);
    (output.code == Some(0), output.stdout)
}

#[test]
fn wrong_jwt_settings_are_named() {
    let secret = "0123456789abcdef0123456789abcdef";
    for (settings, sentence) in [
        ("secret = \"short\"", "problem  auth.jwt.secret must have at least 32 characters, such as "),
        ("secret_file = \"none\"", "problem  auth.jwt.secret_file none cannot be read: "),
        ("secret_file = \"short\"", "problem  the secret in auth.jwt.secret_file must have at least 32 "),
        (&format!("secret = \"{secret}\"\nsecret_file = \"secret\""), "problem  auth.jwt.secret and "),
        ("jwks = \"ftp://host/keys\"", "problem  auth.jwt.jwks must be a file or an http:// or https:// "),
        ("jwks = \"none.json\"", "problem  auth.jwt.jwks: none.json cannot be read: "),
        ("jwks = \"secret\"", "problem  auth.jwt.jwks: secret is not a JWKS: "),
        ("jwks = \"empty.json\"", "problem  auth.jwt.jwks: empty.json contains no public key for RS256, "),
        ("jwks = \"http://127.0.0.1:1/\"", "problem  auth.jwt.jwks: http://127.0.0.1:1 does not answer: "),
        ("create = true", "problem  auth.jwt.create needs a key: auth.jwt.secret, secret_file or jwks"),
        ("issuer = \"host\"", "problem  auth.jwt.issuer needs a key: "),
        ("audience = \"chat\"", "problem  auth.jwt.audience needs a key: "),
    ] {
        let (is_ok, output) = run_check(&format!("[auth.jwt]\n{settings}"));
        assert!(!is_ok && output.contains(sentence), "{settings}: {output}");
        assert!(!output.contains("0123456789abcdef") && !output.contains("too short"), "{output}");
    }
    let (is_ok, output) =
        run_check("[auth.jwt]\nsecret_file = \"secret\"\njwks = \"keys.json\"\naudience = \"chat\"");
    assert!(
        is_ok && output.contains("ok       the secret of JWTs (HS256)\nok       the JWKS (EdDSA)"),
        "{output}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn provider_is_asked_for_its_document_and_keys() {
    let closed = ClosedReceiver::reserve();
    let issuer = closed.url();
    let keys = Host::default().jwks();
    let document = |issuer: &str| {
        let at = |path: &str| format!("{issuer}{path}");
        json!({
            "issuer": issuer, "authorization_endpoint": at("/auth"), "token_endpoint": at("/token"),
            "jwks_uri": at("/jwks"),
        })
    };
    let right = document(&issuer);
    let settings = |path: &str| {
        format!(
            "[http]\npublic_url = \"https://app.example/chat\"\n[auth.oidc]\nissuer = \"{issuer}{path}\"\nclient_id = \"chat\""
        )
    };
    let (is_ok, output) = run_check(&settings(""));
    assert!(!is_ok && output.contains(&format!("problem  auth.oidc.issuer: {issuer}: ")), "{output}");
    assert!(output.contains("does not answer"), "{output}");
    let mut wrong_document = right.clone();
    wrong_document["issuer"] = json!("https://id.example");
    let mut no_keys = right.clone();
    (no_keys["issuer"], no_keys["jwks_uri"]) =
        (json!(format!("{issuer}/c")), json!(format!("{issuer}/none")));
    let _provider = closed.open(move |request| match request.path.as_str() {
        "/.well-known/openid-configuration" => Reply::Body(right.to_string()),
        "/b/.well-known/openid-configuration" => Reply::Body(wrong_document.to_string()),
        "/c/.well-known/openid-configuration" => Reply::Body(no_keys.to_string()),
        "/jwks" => Reply::Body(keys.to_string()),
        _ => Reply::Status(404),
    });
    for (path, why) in [
        ("/a", "the document of addresses: the provider answered 404"),
        ("/b", "issuer is \"https://id.example\": set auth.oidc.issuer to it"),
        ("/c", "the provider's keys: "),
    ] {
        let (is_ok, output) = run_check(&settings(path));
        assert!(!is_ok && output.contains(why), "{path}: {output}");
    }
    let (is_ok, output) = run_check(&settings(""));
    let redirect = "which must allow the redirect address https://app.example/chat/oidc/callback/";
    assert!(is_ok && output.contains(redirect) && output.contains("ok       the provider "), "{output}");
}

#[test]
fn check_writes_nothing_and_finds_damage_beside_a_server() {
    let program = program();
    fs::create_dir(program.data()).expect("a folder");
    fs::set_permissions(program.data(), fs::Permissions::from_mode(0o700)).expect("a mode");
    let names = || {
        let all = fs::read_dir(program.data()).expect("a folder");
        let mut all: Vec<_> = all.map(|entry| entry.expect("an entry").file_name()).collect();
        all.sort();
        all
    };
    let output = program.run(&["check", "--listen", "127.0.0.1:0"]);
    assert_eq!((output.code, names()), (Some(0), vec![]), "{}", output.stdout);
    program.serve().stop();
    let before = names();
    let output = program.run(&["check", "--listen", "127.0.0.1:0"]);
    assert_eq!((output.code, names()), (Some(0), before), "{}", output.stdout);
    let running = program.serve();
    let output = program.run(&["check"]);
    assert!(output.code == Some(0) && output.stdout.contains("ok       the database "), "{}", output.stdout);
    assert_eq!(running.stop().code, Some(0));
    crate::damage(&program.data().join("chinwag.db"));
    let output = program.run(&["check", "--listen", "127.0.0.1:0"]);
    assert!(output.code == Some(1) && output.stdout.contains(" is damaged: "), "{}", output.stdout);
}

#[tokio::test]
async fn a_read_that_meets_damage_makes_the_server_unready() {
    let program = program();
    let running = program.serve();
    let service = program.service(&running);
    let ann = service.user("ann").await;
    let group = group(&service, &["ann"]).await;
    for number in 0..200 {
        let body = format!("{number} ").repeat(100);
        ann.post("messages/", json!({ "group": group, "body": body })).await.ok(201);
    }
    running.stop();
    let database = program.data().join("chinwag.db");
    let leaves: Vec<u32> = {
        let conn = Connection::open(&database).expect("a database");
        let sql = "SELECT pageno FROM dbstat WHERE name = 'messages' AND pagetype = 'leaf'";
        let mut leaves = conn.prepare(sql).expect("a statement");
        let leaves = leaves.query_map([], |row| row.get(0)).expect("pages");
        leaves.collect::<Result<_, _>>().expect("numbers")
    };
    assert!(leaves.len() > 5, "{leaves:?}");

    let mut running = program.serve();
    let service = program.service(&running);
    service.get("/readyz").await.ok(200);
    let file = fs::File::options().write(true).open(&database).expect("the file");
    for page in leaves {
        file.write_all_at(&[0xA5; 4096], u64::from(page - 1) * 4096).expect("damage");
    }
    service.get("users/ann/").await.ok(200);
    service.get("/readyz").await.ok(200);
    assert_eq!(service.get(&format!("groups/{group}/messages/")).await.status, 500);
    let wait = Wait::begin();
    while service.get("/readyz").await.json["why"] != "store" {
        wait.step(|| "it says that it is ready").await;
    }
    service.get("users/ann/").await.ok(200);
    running.wait_for_log("the database is damaged");
}

#[test]
fn few_open_files_are_a_problem_and_bound_connections() {
    let program = program();
    let within = |files: u32, args: &[&str]| {
        let inner = program.command(args);
        let limited = format!("ulimit -n {files}; exec \"$0\" \"$@\"");
        let mut command = Command::new("sh");
        command
            .args(["-c", &limited])
            .arg(inner.get_program())
            .args(inner.get_args())
            .current_dir(program.folder());
        command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command
    };
    let output = finish(within(256, &["check", "--listen", "127.0.0.1:0"]), "");
    assert!(
        output.stdout.contains("problem  256 files may be open, so that at most 48 connections"),
        "{}",
        output.stdout
    );
    let mut running = Running::launch(within(2000, &["serve", "--listen", "127.0.0.1:0"]));
    running.wait_for_log("2000 files may be open, so that at most 375 connections");
}
