//! Settings as the program takes them: from flags, the environment and the file.

use std::fs;

use chinwag_testkit::process::{Program, finish};

use crate::program;

fn with_file(text: &str) -> Program {
    let program = program();
    fs::write(program.folder().join("chinwag.toml"), text).expect("the folder can be written to");
    program
}

#[test]
fn an_unknown_key_of_the_file_is_named_with_the_one_that_was_meant() {
    let output = with_file("[ws]\nmax_frames = 4096\n").run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(output.code, Some(1));
    assert_eq!(
        output.stderr,
        "chinwag: chinwag.toml: there is no setting ws.max_frames; did you mean ws.max_frame?\n"
    );
}

#[test]
fn an_unknown_variable_is_named() {
    let program = program();
    let mut command = program.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("CHINWAG_LISTENS", "127.0.0.1:1");
    let output = finish(command, "");
    assert_eq!(output.code, Some(1));
    assert_eq!(
        output.stderr,
        "chinwag: CHINWAG_LISTENS: there is no setting listens; did you mean CHINWAG_LISTEN?\n"
    );
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let program = with_file("data = \"from-file\"\nlisten = \"127.0.0.1:0\"\n");
    assert_eq!(program.run(&["key"]).code, Some(0));
    assert!(program.folder().join("from-file/service-key").exists());

    let mut command = program.command(&["key"]);
    command.env("CHINWAG_DATA", "from-environment");
    assert_eq!(finish(command, "").code, Some(0));
    assert!(program.folder().join("from-environment/service-key").exists());

    let mut command = program.command(&["key", "--data", "from-flag"]);
    command.env("CHINWAG_DATA", "from-environment");
    assert_eq!(finish(command, "").code, Some(0));
    assert!(program.folder().join("from-flag/service-key").exists());
}

#[test]
fn a_file_may_be_named_and_must_then_be_there() {
    let program = program();
    fs::write(program.folder().join("other.toml"), "data = \"other\"").unwrap();
    assert_eq!(program.run(&["key", "--config", "other.toml"]).code, Some(0));
    assert!(program.folder().join("other/service-key").exists());
    let output = program.run(&["key", "--config", "none.toml"]);
    assert_eq!(output.code, Some(1));
    assert!(
        output.stderr.starts_with("chinwag: the configuration file none.toml cannot be read: "),
        "{}",
        output.stderr
    );
}

#[test]
fn other_backends_are_refused_in_a_sentence() {
    let program = program();
    for (flag, value, sentence) in [
        (
            "--database",
            "postgres://u:secret@db/chat",
            "this build has the embedded store only: leave database out, or set it to sqlite",
        ),
        (
            "--redis",
            "redis://r",
            "this build has the embedded store only, which one node serves: leave redis out",
        ),
    ] {
        let output = program.run(&["serve", flag, value]);
        assert_eq!((output.code, output.stderr), (Some(1), format!("chinwag: {sentence}\n")));
    }
}

#[test]
fn every_wrong_value_is_told_at_once_a_line_each() {
    let program = with_file("[ws]\nping = \"often\"\nsockets = 0\n[shutdown]\ndrain = \"3h\"\n");
    let output = program.run(&["serve", "--listen", "here"]);
    assert_eq!(output.code, Some(1));
    let lines: Vec<_> = output.stderr.lines().collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    for key in ["ws.ping", "ws.sockets", "shutdown.drain", "listen"] {
        assert!(lines.iter().any(|line| line.contains(key)), "{key}: {lines:?}");
    }
}

#[test]
fn the_limits_that_are_set_are_the_limits_that_hold() {
    let program = with_file("[auth]\nsignup = false\n");
    let running = program.serve();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let nobody = chinwag_testkit::client::Client::new(running.url(), None, "nobody");
        let account = serde_json::json!({ "name": "ann", "password": "long enough" });
        nobody.post("accounts/", account).await.ok(403);
    });
}
