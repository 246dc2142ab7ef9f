//! The project's tasks, run as `cargo xtask <task>`.
//!
//! A task is a list of [`steps`]. [`needs`] lists the programs that the tests require; [`tidy`] has the rules
//! that no compiler checks.

mod binaries;
mod cargo;
mod compare;
mod cycles;
mod dist;
mod long;
mod needs;
mod steps;
mod tidy;
mod tools;
mod trials;
mod types;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use dist::DistOptions;
use steps::Steps;

const HELP: &str = "\
Tasks for the development of Chinwag.

Usage: cargo xtask <task>

  test [-- ARGS]   checks that the programs for the tests are installed (as root on Debian: installs them),
                   then runs all tests and all examples in the documentation. ARGS are passed to
                   cargo test: `-- name` runs the tests with `name` in their path,
                   `-- name -- --nocapture` shows their output.
  trials [NAME]    runs the trials of one node (crash, disk, end, erase, retention and others) and of
                   several (order, kills, rolling, removal, ends, first, commit, database, link,
                   hints, dead and others), or the named one, in their long mode, and prints a
                   table of the results. `test` runs each in its short mode.
  bench --compare REV
                   measures a revision and the working tree alternately: CPU per message and messages
                   per second. `bench --help` lists the options.
  hostile [SECS]   fuzzes the parsers of client input, SECS seconds each (60; requires nightly and
                   cargo-fuzz), and tests the REST API with Schemathesis against its OpenAPI document.
  dist [PACKAGE] [--out DIR] [--binary FILE]
                   writes the packages for users to target/dist/: all, or one of npm, python, program,
                   deb, image, sbom, notes, sums. Builds a static program unless FILE is given.
  check            checks module cycles, formatting, clippy, documentation, the fuzz targets, the clients'
                   types (if tsc and mypy are installed), dependencies (if cargo-deny is installed;
                   ADVISORIES=1 includes the advisory database), and the rules of this repository.
  help             prints this text.

Exit codes: 0 all passed, 1 something failed, 2 wrong arguments.
";

/// The requested task.
#[derive(Debug, PartialEq, Eq)]
enum TaskKind {
    Help,
    Check,
    Test { extra: Vec<String> },
    Trials { only: Option<String> },
    Hostile { seconds: u32 },
    Dist(DistOptions),
    BenchHelp,
    Compare(compare::CompareArgs),
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let task = match parse(&args) {
        Ok(task) => task,
        Err(wrong) => {
            eprintln!("cargo xtask: {wrong}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match run(&task) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cargo xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn parse(args: &[String]) -> Result<TaskKind, String> {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] | ["help" | "--help" | "-h"] => Ok(TaskKind::Help),
        ["check"] => Ok(TaskKind::Check),
        ["test"] => Ok(TaskKind::Test { extra: Vec::new() }),
        ["test", "--", ..] => Ok(TaskKind::Test { extra: args[2..].to_vec() }),
        ["trials"] => Ok(TaskKind::Trials { only: None }),
        ["trials", name] if trials::names().contains(name) => {
            Ok(TaskKind::Trials { only: Some((*name).to_owned()) })
        }
        ["hostile"] => Ok(TaskKind::Hostile { seconds: 60 }),
        ["hostile", seconds] => match seconds.parse() {
            Ok(seconds) => Ok(TaskKind::Hostile { seconds }),
            Err(_) => Err(format!("`{seconds}` is not a number of seconds")),
        },
        ["dist", words @ ..] => DistOptions::parse(words).map(TaskKind::Dist),
        ["bench", "help" | "--help" | "-h"] => Ok(TaskKind::BenchHelp),
        ["bench", rest @ ..] => compare::parse(rest).map(TaskKind::Compare),
        ["trials", word, ..] => Err(format!("`{word}`: the trials are {}", trials::names().join(", "))),
        ["test", word, ..] => Err(format!("`{word}`: put the arguments of cargo test after `--`")),
        ["check", word, ..] => Err(format!("`{word}`: check takes no arguments")),
        [word, ..] => Err(format!("no task is called `{word}`")),
    }
}

/// Runs a task; returns whether everything passed.
fn run(task: &TaskKind) -> Result<bool> {
    let root = root()?;
    match task {
        TaskKind::Help => {
            print!("{HELP}");
            Ok(true)
        }
        TaskKind::Check => Ok(check(&root)),
        TaskKind::Test { extra } => Ok(test(&root, extra)),
        TaskKind::Trials { only } => Ok(trials::run(&root, only.as_deref())),
        TaskKind::Hostile { seconds } => Ok(hostile(&root, *seconds)),
        TaskKind::Dist(options) => dist::run(&root, options),
        TaskKind::BenchHelp => {
            print!("{}", compare::HELP);
            Ok(true)
        }
        TaskKind::Compare(args) => compare::run(&root, args).map(|()| true),
    }
}

/// The workspace's root. Cargo tells a program the location of its package.
fn root() -> Result<PathBuf> {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").context("run this as `cargo xtask`")?;
    let root = Path::new(&package).parent().context("xtask is not inside a workspace")?;
    Ok(root.to_path_buf())
}

/// Runs every check even if some fail, so that one run shows all problems.
fn check(root: &Path) -> bool {
    let mut steps = Steps::new("check");
    steps.run("tidy", || tidy::check(root));
    steps.run("cycles", || cycles::check(root));
    steps.run("formatting", || cargo::run(root, &["fmt", "--all", "--", "--check"]));
    steps.run("clippy", || {
        let lint = ["clippy", "--workspace", "--all-targets", "--locked", "--", "--deny", "warnings"];
        cargo::run(root, &lint)
    });
    steps.run("documentation", || cargo::doc(root));
    steps.run("fuzz targets", || cargo::check_fuzz_targets(root));
    if needs::is_on_path("tsc") {
        steps.run("types", || types::check(root));
    } else {
        steps.skip("types", "tsc is not installed: on Debian, the package node-typescript brings it");
    }
    if needs::is_on_path("mypy") {
        steps.run("types of Python", || types::check_python(root));
    } else {
        steps.skip("types of Python", "mypy is not installed: on Debian, the package mypy brings it");
    }
    if cargo::deny_is_installed() {
        steps.run("dependencies", || cargo::deny(root));
    } else {
        steps.skip("dependencies", "cargo-deny is not installed: cargo install cargo-deny --locked");
    }
    steps.finish()
}

/// Runs all tests. A failed build ends the run; a failed test does not stop the others.
fn test(root: &Path, extra: &[String]) -> bool {
    let all = ["test", "--workspace", "--all-targets", "--locked"];
    let doc = ["test", "--workspace", "--doc", "--locked", "--no-fail-fast"];
    let extra: Vec<&str> = extra.iter().map(String::as_str).collect();

    let mut steps = Steps::new("test");
    let ready = steps.run("programs", needs::require_programs)
        && steps.run("server of S3", || tools::install(root))
        && steps.run("provider of OpenID Connect", || tools::install_provider(root))
        && steps.run("build", || cargo::run(root, &[&all[..], &["--no-run"]].concat()));
    if ready {
        steps.run("types", || types::check(root));
        steps.run("types of Python", || types::check_python(root));
        if extra.is_empty() {
            steps.run("tests", || binaries::run(root));
        } else {
            steps.run("tests", || cargo::run(root, &[&all[..], &["--no-fail-fast"], &extra].concat()));
            let protocol = ["test", "--workspace", "--test", "protocol", "--locked", "--no-fail-fast"];
            steps.run("protocol tests on PostgreSQL and Redis", || {
                cargo::run_with(root, &[&protocol[..], &extra].concat(), ("TEST_ON", "nodes"))
            });
        }
        steps.run("documentation tests", || cargo::run(root, &[&doc[..], &extra].concat()));
    }
    steps.finish()
}

/// Runs the checks that take minutes and need further tools.
fn hostile(root: &Path, seconds: u32) -> bool {
    let mut steps = Steps::new("hostile");
    steps.run("schemathesis", || long::schemathesis(root, 50).map(|seen| println!("{seen}")));
    steps.run("fuzz", || long::fuzz(root, seconds).map(|seen| println!("{seen}")));
    steps.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<TaskKind, String> {
        let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse(&args)
    }

    #[test]
    fn no_arguments_print_help() {
        assert_eq!(parsed(""), Ok(TaskKind::Help));
        assert_eq!(parsed("--help"), Ok(TaskKind::Help));
    }

    #[test]
    fn arguments_after_the_dashes_go_to_cargo_test() {
        let extra = vec!["name".to_owned(), "--".to_owned(), "--nocapture".to_owned()];
        assert_eq!(parsed("test -- name -- --nocapture"), Ok(TaskKind::Test { extra }));
        assert_eq!(parsed("test"), Ok(TaskKind::Test { extra: vec![] }));
    }

    #[test]
    fn an_unknown_word_is_misuse_and_is_named() {
        assert!(parsed("tset").unwrap_err().contains("`tset`"));
        assert!(parsed("test name").unwrap_err().contains("`name`"));
        assert!(parsed("check --fix").unwrap_err().contains("`--fix`"));
        assert!(parsed("trials crush").unwrap_err().contains("`crush`"));
        assert_eq!(parsed("trials end"), Ok(TaskKind::Trials { only: Some("end".to_owned()) }));
    }
}
