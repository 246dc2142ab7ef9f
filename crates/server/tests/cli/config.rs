//! Settings from flags, the environment and the file.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use chinwag_testkit::process::{Program, finish};

use crate::program;

fn with_file(text: &str) -> Program {
    let program = program();
    fs::write(program.folder().join("chinwag.toml"), text).expect("the folder can be written to");
    program
}

#[test]
fn an_unknown_key_is_named_with_the_likely_one() {
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
    assert_eq!(program.run(&["user", "add", "ann", "--no-password"]).code, Some(0));
    assert!(program.folder().join("from-file/chinwag.db").exists());

    let mut command = program.command(&["user", "add", "ann", "--no-password"]);
    command.env("CHINWAG_DATA", "from-environment");
    assert_eq!(finish(command, "").code, Some(0));
    assert!(program.folder().join("from-environment/chinwag.db").exists());

    let mut command = program.command(&["user", "add", "ann", "--no-password", "--data", "from-flag"]);
    command.env("CHINWAG_DATA", "from-environment");
    assert_eq!(finish(command, "").code, Some(0));
    assert!(program.folder().join("from-flag/chinwag.db").exists());
}

#[test]
fn data_folder_that_is_not_utf8_is_refused() {
    let (program, folder) = (program(), OsStr::from_bytes(b"caf\xe9"));
    let mut command = program.command(&["user", "add", "ann", "--no-password", "--data"]);
    command.arg(folder);
    let output = finish(command, "");
    assert_eq!(output.code, Some(2));
    assert!(output.stderr.contains("invalid UTF-8 was detected"), "{output:?}");

    let mut command = program.command(&["user", "add", "ann", "--no-password"]);
    command.env("CHINWAG_DATA", folder);
    let output = finish(command, "");
    assert_eq!((output.code, &*output.stderr), (Some(1), "chinwag: CHINWAG_DATA must be UTF-8 text\n"));
}

#[test]
fn a_file_may_be_named_and_must_then_be_there() {
    let program = program();
    fs::write(program.folder().join("other.toml"), "data = \"other\"").unwrap();
    assert_eq!(program.run(&["user", "add", "ann", "--no-password", "--config", "other.toml"]).code, Some(0));
    assert!(program.folder().join("other/chinwag.db").exists());
    let output = program.run(&["user", "add", "ann", "--no-password", "--config", "none.toml"]);
    assert_eq!(output.code, Some(1));
    assert!(
        output.stderr.starts_with("chinwag: the configuration file none.toml cannot be read: "),
        "{}",
        output.stderr
    );
}

#[test]
fn empty_variable_names_no_file() {
    let program = program();
    let mut command = program.command(&["user", "add", "ann", "--no-password"]);
    command.env("CHINWAG_CONFIG", "");
    assert_eq!(finish(command, "").code, Some(0));
}

#[tokio::test]
async fn command_with_other_settings_leaves_the_servers_as_they_are() {
    let program = program();
    let with = |command: &mut std::process::Command| {
        command.env("CHINWAG_STORE__RESERVE", "65536").env("CHINWAG_USERS__SPECIAL", "admin,robot");
    };
    assert_eq!(program.serve_with(with).stop().code, Some(0));
    assert_eq!(program.run(&["user", "add", "ann", "--no-password"]).code, Some(0));
    let reserve = fs::metadata(program.data().join("chinwag.db-reserve")).map(|found| found.len());
    assert_eq!(reserve.ok(), Some(65_536));
    let running = program.serve_with(with);
    program.service(&running).get("users/system/").await.ok(404);
}

#[test]
fn backends_that_cannot_be_are_refused_in_a_sentence() {
    let program = program();
    for (args, sentence) in [
        (
            &["--database", "mysql://u:secret@db/chat"][..],
            "database must be sqlite, or an address such as postgres://user:password@host:5432/name",
        ),
        (
            &["--redis", "cache:6379"],
            "redis must be an address such as redis://user:password@host:6379, or rediss:// for TLS",
        ),
        (
            &["--redis", "redis://r"],
            "redis is for several nodes, which share a database: set database to a postgres:// address, or leave redis out",
        ),
        (
            &["--redis", "redis://r", "--database", "postgres://db/chat"],
            "redis needs cluster_secret, by which nodes know each other: give every node the same CHINWAG_CLUSTER_SECRET",
        ),
    ] {
        let output = program.run(&[&["serve"], args].concat());
        assert_eq!(output.code, Some(1));
        assert!(output.stderr.starts_with(&format!("chinwag: {sentence}")), "{}", output.stderr);
        assert!(!output.stderr.contains("u:secret"), "{}", output.stderr);
    }
    assert!(!program.data().exists(), "nothing was made");
}
