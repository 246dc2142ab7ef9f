//! Runs the test binaries, several at a time.
//!
//! `cargo test` runs one binary after the other. On two cores, tests mostly wait: for processes, leases, cut
//! links and pages. So three binaries run at a time, longest first.

use std::fmt::{self, Display, Formatter};
use std::fs::{self, File};
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use std::vec::IntoIter;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::cargo;
use crate::steps::human;

/// Environment variables of a binary.
type Variables = &'static [(&'static str, &'static str)];

/// The number of binaries that run at a time.
const MAX_CONCURRENT: usize = 3;

/// The slowest binaries, by package folder and name, in the order of their start.
const LONG: &[(&str, &str)] = &[
    ("server", "web_ui"),
    ("server", "cluster"),
    ("server", "protocol"),
    ("server", "cli"),
    ("store-postgres", "it"),
    ("hub", "chinwag_hub"),
    ("server", "client_js"),
    ("bench", "smoke"),
];

/// A binary that runs a second time with PostgreSQL and Redis. Its tests mostly wait for those.
const ON_NODES: (&str, &str) = ("server", "protocol");
const NODES: Variables = &[("TEST_ON", "nodes"), ("RUST_TEST_THREADS", "4")];

/// The binaries whose tests mostly wait for pages, for leases, or for processes, and the number of tests that run
/// at a time.
const WAITING: &[(&str, &str, Variables)] = &[
    ("server", "web_ui", &[("RUST_TEST_THREADS", "3")]),
    ("server", "client_js", &[("RUST_TEST_THREADS", "3")]),
    ("server", "packages", &[("RUST_TEST_THREADS", "3")]),
    ("server", "cli", &[("RUST_TEST_THREADS", "4")]),
    ("server", "cluster", &[("RUST_TEST_THREADS", "6")]),
];

/// A binary that takes longer is stuck, and is killed.
const MAX_RUN_TIME: Duration = Duration::from_secs(30 * 60);
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// At most this many failed tests run once more, alone: on a busy machine, one test in thousands may miss a
/// timeout for no fault of the code. The summary names such tests, because their cause still has to be found.
const MAX_RERUN_TESTS: usize = 3;

/// A test binary to run.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Binary {
    /// The folder of its package.
    package: PathBuf,
    /// The name of its target.
    target: String,
    path: PathBuf,
    variables: Variables,
}

/// The result of a binary.
struct BinaryRun {
    binary: Binary,
    took: Duration,
    passed: usize,
    failed: Vec<Failure>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Failure {
    Test(String),
    /// The binary ended without naming a test.
    End(String),
}

impl Display for Failure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (Self::Test(text) | Self::End(text)) = self;
        f.write_str(text)
    }
}

/// Runs all test binaries, which must be built. Prints each one's output when it has ended, and a summary of
/// failures at the end.
pub(crate) fn run(root: &Path) -> Result<()> {
    let messages = cargo::output(
        root,
        &["test", "--workspace", "--all-targets", "--locked", "--no-run", "--message-format=json", "--quiet"],
    )?;
    let outputs = root.join("target/test-output");
    fs::create_dir_all(&outputs).context("no folder for the outputs of tests")?;
    let queue = Mutex::new(in_order(binaries(&messages)).into_iter());
    let outcomes = thread::scope(|scope| {
        let (outputs, queue) = (outputs.as_path(), &queue);
        let threads = [(); MAX_CONCURRENT].map(|()| scope.spawn(move || run_queue(outputs, queue)));
        let ended =
            threads.map(|thread| thread.join().unwrap_or_else(|_| bail!("a thread of the tests panicked")));
        ended.into_iter().collect::<Result<Vec<_>>>()
    })?;
    let outcomes: Vec<_> = outcomes.into_iter().flatten().collect();
    report_times(&outcomes);
    settle(&outcomes, |binary, test| {
        let alone = run_one(&outputs, binary, &["--exact", test])?;
        Ok(alone.failed.is_empty() && alone.passed == 1)
    })
}

/// Fails if a test failed, unless there are few and each passes when run again alone.
fn settle(runs: &[BinaryRun], passes_alone: impl Fn(&Binary, &str) -> Result<bool>) -> Result<()> {
    let failed: Vec<_> =
        runs.iter().flat_map(|run| run.failed.iter().map(move |failure| (&run.binary, failure))).collect();
    let line = |(binary, failure): &(&Binary, &Failure)| format!("  {}: {failure}", binary.name());
    let lines = |failed: &[_]| failed.iter().map(line).collect::<Vec<_>>().join("\n");
    let mut still = Vec::new();
    for &(binary, failure) in &failed {
        let passes = match failure {
            Failure::Test(name) if failed.len() <= MAX_RERUN_TESTS => passes_alone(binary, name)?,
            _ => false,
        };
        if !passes {
            still.push((binary, failure));
        }
    }
    if !still.is_empty() {
        bail!("these failed:\n{}", lines(&still));
    }
    if !failed.is_empty() {
        println!("-- UNRELIABLE: these failed, and passed alone. Find the cause:\n{}", lines(&failed));
    }
    Ok(())
}

/// The test binaries in cargo's messages, one JSON object per line.
fn binaries(messages: &str) -> Vec<Binary> {
    let binary = |line: &str| {
        let message: Value = serde_json::from_str(line).ok()?;
        let is_test = message["profile"]["test"].as_bool()?;
        let package = Path::new(message["manifest_path"].as_str()?).parent()?.to_owned();
        let target = message["target"]["name"].as_str()?.to_owned();
        let path = message["executable"].as_str()?.into();
        is_test.then_some(Binary { package, target, path, variables: &[] })
    };
    messages.lines().filter_map(binary).collect()
}

/// All binaries, including second runs, longest first.
fn in_order(all: Vec<Binary>) -> Vec<Binary> {
    let on_nodes = all.iter().filter(|binary| binary.is(ON_NODES)).cloned();
    let mut ordered: Vec<_> = on_nodes.map(|binary| Binary { variables: NODES, ..binary }).collect();
    ordered.extend(all);
    for binary in &mut ordered {
        if let Some((.., threads)) = WAITING.iter().find(|(package, target, _)| binary.is((package, target)))
        {
            binary.variables = threads;
        }
    }
    let place = |binary: &Binary| LONG.iter().position(|names| binary.is(*names)).unwrap_or(LONG.len());
    ordered.sort_by_key(place);
    ordered
}

impl Binary {
    fn is(&self, (package, target): (&str, &str)) -> bool {
        self.package.ends_with(package) && self.target == target
    }

    /// Its package and target, for display.
    fn name(&self) -> String {
        let package = self.package.file_name().unwrap_or_default().to_string_lossy();
        let mut variables = self.variables.iter().filter(|(name, _)| *name != "RUST_TEST_THREADS");
        let variable = variables.next().map(|(name, value)| format!(" ({name}={value})")).unwrap_or_default();
        format!("{package}: {}{variable}", self.target)
    }
}

/// Runs the binaries of the queue until it is empty.
fn run_queue(outputs: &Path, queue: &Mutex<IntoIter<Binary>>) -> Result<Vec<BinaryRun>> {
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    std::iter::from_fn(next).map(|binary| run_one(outputs, &binary, &[])).collect()
}

/// Runs a binary in its package's folder, as cargo does. Its output goes to a file meanwhile.
fn run_one(outputs: &Path, binary: &Binary, args: &[&str]) -> Result<BinaryRun> {
    let name = binary.name();
    let file = outputs.join(format!("{}.txt", name.replace([':', ' ', '(', ')', '='], "-")));
    let output = File::create(&file).with_context(|| format!("could not make {}", file.display()))?;
    let begun = Instant::now();
    let mut command = Command::new(&binary.path);
    command
        .args(args)
        .current_dir(&binary.package)
        .stdin(Stdio::null())
        .stderr(output.try_clone()?)
        .stdout(output);
    command.envs(binary.variables.iter().copied());
    let mut child = command.spawn().with_context(|| format!("could not start {name}"))?;
    let status = wait_at_most(&mut child, MAX_RUN_TIME)?;
    let (took, text) = (begun.elapsed(), String::from_utf8_lossy(&fs::read(&file)?).into_owned());
    let mut failed = failed_tests(&text);
    match status {
        None => failed.push(Failure::End(format!("did not end: {}", unfinished(&text).join(", ")))),
        Some(status) if !status.success() && failed.is_empty() => {
            failed.push(Failure::End(format!("ended with {status}")));
        }
        Some(_) => {}
    }
    // A single write, so that the outputs of two binaries do not interleave.
    stdout().lock().write_all(format!("-- {name}, {}\n{text}", human(took)).as_bytes())?;
    Ok(BinaryRun { binary: binary.clone(), took, passed: outcomes(&text, "ok").count(), failed })
}

/// Waits for a process, and kills it if it exceeds the limit.
fn wait_at_most(child: &mut Child, longest: Duration) -> Result<Option<ExitStatus>> {
    let begun = Instant::now();
    while begun.elapsed() < longest {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(POLL_INTERVAL);
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

/// The tests that cargo reports as running long and that have no result.
fn unfinished(output: &str) -> Vec<&str> {
    let running = output
        .lines()
        .filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" has been running for over 60 seconds"));
    running.filter(|name| !output.contains(&format!("test {name} ... "))).collect()
}

/// The failed tests in a binary's output.
fn failed_tests(output: &str) -> Vec<Failure> {
    outcomes(output, "FAILED").map(|name| Failure::Test(name.to_owned())).collect()
}

/// The tests with this result in a binary's output.
fn outcomes<'a>(output: &'a str, outcome: &'a str) -> impl Iterator<Item = &'a str> {
    output.lines().filter_map(move |line| {
        let name = line.strip_prefix("test ")?.strip_suffix(outcome)?.strip_suffix(" ... ")?;
        Some(name.strip_suffix(" - should panic").unwrap_or(name))
    })
}

/// Prints the slowest binaries.
fn report_times(runs: &[BinaryRun]) {
    let mut slowest: Vec<_> = runs.iter().collect();
    slowest.sort_by_key(|run| std::cmp::Reverse(run.took));
    let times = slowest.iter().take(8).map(|run| format!("{} {}", run.binary.name(), human(run.took)));
    println!("-- {} binaries; the slowest: {}", runs.len(), times.collect::<Vec<_>>().join(", "));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binary(package: &str, target: &str) -> Binary {
        let (package, path) = (Path::new("/c").join(package), PathBuf::from("/t"));
        Binary { package, target: target.into(), path, variables: &[] }
    }

    #[test]
    fn test_binaries_are_read_from_messages_of_cargo() {
        let message = |test: bool, executable: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","manifest_path":"/c/hub/Cargo.toml","target":{{"name":"cluster"}},"profile":{{"test":{test}}},"executable":{executable}}}"#
            )
        };
        let messages = [
            message(false, r#""/t/chinwag""#),
            message(true, "null"),
            r#"{"reason":"build-finished","success":true}"#.to_owned(),
            "no JSON".to_owned(),
            message(true, r#""/t""#),
        ];
        assert_eq!(binaries(&messages.join("\n")), [binary("hub", "cluster")]);
    }

    #[test]
    fn longest_binaries_begin_first() {
        let server = ["docs", "client_js", "protocol", "web_ui"].map(|target| binary("server", target));
        let ordered = in_order([vec![binary("hub", "cluster")], server.into()].concat());
        let names: Vec<_> = ordered.iter().map(Binary::name).collect();
        let wanted = [
            "server: web_ui",
            "server: protocol (TEST_ON=nodes)",
            "server: protocol",
            "server: client_js",
            "hub: cluster",
            "server: docs",
        ];
        assert_eq!(names, wanted);
    }

    #[test]
    fn a_binary_that_hangs_is_ended() {
        let mut child = Command::new("sleep").arg("600").spawn().expect("a process");
        assert_eq!(wait_at_most(&mut child, POLL_INTERVAL).expect("an end"), None);
        let mut child = Command::new("true").spawn().expect("a process");
        assert!(
            wait_at_most(&mut child, MAX_RUN_TIME).expect("an end").is_some_and(|status| status.success())
        );
        let slow = |name: &str| format!("test {name} has been running for over 60 seconds\n");
        let output = [slow("a::b"), slow("a::c"), "test a::b ... ok\n".into()].concat();
        assert_eq!(unfinished(&output), ["a::c"]);
    }

    #[test]
    fn failed_tests_are_named_once() {
        let output = "test a::b ... ok\ntest a::c ... FAILED\ntest d - should panic ... FAILED\n\nfailures:\n    a::c\n\
            test result: FAILED. 1 passed\n";
        assert_eq!(failed_tests(output), ["a::c", "d"].map(|name| Failure::Test(name.into())));
        assert_eq!(outcomes(output, "ok").collect::<Vec<_>>(), ["a::b"]);
    }

    fn failing(failed: &[Failure]) -> BinaryRun {
        let binary = binary("server", "cli");
        BinaryRun { binary, took: Duration::ZERO, passed: 0, failed: failed.to_vec() }
    }

    #[test]
    fn a_few_failed_tests_run_again_alone() {
        let test = |name: &str| Failure::Test(name.into());
        let passes = |failed: &[Failure], alone: &[&str]| {
            settle(&[failing(&[]), failing(failed)], |_, name| Ok(alone.contains(&name)))
        };
        assert!(passes(&[], &[]).is_ok());
        assert!(passes(&[test("a"), test("b")], &["a", "b"]).is_ok());
        let why = passes(&[test("a"), test("b")], &["a"]).unwrap_err().to_string();
        assert!(why.ends_with("\n  server: cli: b"), "{why}");
        let many = ["a", "b", "c", "d"];
        assert!(passes(&many.map(test), &many).is_err());
        assert!(passes(&[Failure::End("ended with signal 11".into())], &[]).is_err());
    }
}
