//! `chinwag check`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

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
    let running = program.serve();
    let output = program.run(&["check"]);
    assert_eq!(output.code, Some(0), "{}", output.stdout);
    assert_eq!(running.stop().code, Some(0));
}

#[test]
fn each_problem_is_a_line_that_says_how_to_mend_it() {
    let program = program();
    let key = program.run(&["key"]).stdout;
    fs::set_permissions(program.data().join("service-key"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(program.data().join("chinwag.db"), "no database".repeat(99)).unwrap();
    let output = program.run(&["check", "--listen", "127.0.0.1:0"]);
    assert_eq!(output.code, Some(1));
    assert!(output.stdout.contains("problem  others may reach "), "{}", output.stdout);
    assert!(output.stdout.contains("(mode 644): chmod 600 "), "{}", output.stdout);
    assert!(output.stdout.contains("chinwag.db is not a database"), "{}", output.stdout);
    assert!(output.stdout.lines().all(|line| line.starts_with("ok       ") || line.starts_with("problem  ")));
    assert_eq!(output.stderr, "chinwag: there are 2 problems\n");
    assert!(!output.stdout.contains(key.trim()));
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
