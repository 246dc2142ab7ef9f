//! The real program as a child process: starting it, reading its output, and stopping or killing it.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::client::Client;
use crate::wait::{WAIT_TIMEOUT, Wait};

/// The variables of the rate limits, and of the reserve that each start writes to the disk; 0 turns each off.
const DISABLED_LIMITS: [&str; 14] = [
    "CHINWAG_LIMITS__MESSAGES_BURST",
    "CHINWAG_LIMITS__MESSAGES_PER_SECOND",
    "CHINWAG_LIMITS__EVENTS_BURST",
    "CHINWAG_LIMITS__EVENTS_PER_SECOND",
    "CHINWAG_LIMITS__CHANGES_BURST",
    "CHINWAG_LIMITS__CHANGES_PER_SECOND",
    "CHINWAG_LIMITS__FIRST_CONTACTS_PER_DAY",
    "CHINWAG_LIMITS__GROUPS_PER_DAY",
    "CHINWAG_LIMITS__SIGNUPS_PER_HOUR",
    "CHINWAG_LIMITS__CONNECTS_BURST",
    "CHINWAG_LIMITS__CONNECTS_PER_SECOND",
    "CHINWAG_AUTH__ATTEMPTS_PER_NAME",
    "CHINWAG_AUTH__ATTEMPTS_PER_ADDRESS",
    "CHINWAG_STORE__RESERVE",
];

/// Log lines of the server that a failed test shows.
const LOG_LINES: usize = 40;

/// The program with a temporary working folder. Tests pass the path of cargo's build:
/// `Program::new(env!("CARGO_BIN_EXE_chinwag"))`.
#[derive(Debug)]
pub struct Program {
    binary: PathBuf,
    folder: TempDir,
}

/// The result of a run of the program.
#[derive(Debug, Clone)]
pub struct Output {
    /// The exit code; none after a signal.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Program {
    /// The program in a new, empty folder, which drop deletes.
    pub fn new(binary: impl Into<PathBuf>) -> Self {
        Self { binary: binary.into(), folder: tempfile::tempdir().expect("a temporary folder can be made") }
    }

    /// The working folder. The data are in `chinwag-data` there by default.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The default data folder.
    pub fn data(&self) -> PathBuf {
        self.folder().join("chinwag-data")
    }

    /// A command that runs it without `CHINWAG_…` variables, except those that lift the rate limits; [`keep_limits`] restores
    /// the limits.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(args).current_dir(self.folder()).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("CHINWAG_") {
                command.env_remove(name);
            }
        }
        command.envs(DISABLED_LIMITS.map(|name| (name, "0")));
        command
    }

    /// Runs it until it exits.
    pub fn run(&self, args: &[&str]) -> Output {
        finish(self.command(args), "")
    }

    /// Runs it until it exits, with `input` on its standard input.
    pub fn run_with_input(&self, args: &[&str], input: &str) -> Output {
        finish(self.command(args), input)
    }

    /// The service key, as `chinwag key` prints it.
    pub fn key(&self) -> String {
        let output = self.run(&["key"]);
        assert_eq!(output.code, Some(0), "{}", output.stderr);
        output.stdout.trim_end().to_owned()
    }

    /// Starts `serve` on a free port and waits until it is ready.
    pub fn serve(&self) -> Running {
        self.serve_with(|_| {})
    }

    /// The same with a changed command.
    pub fn serve_with(&self, change: impl FnOnce(&mut Command)) -> Running {
        let mut command = self.command(&["serve", "--listen", "127.0.0.1:0"]);
        change(&mut command);
        Running::start(command)
    }

    /// A client of a running server with the service key.
    pub fn service(&self, running: &Running) -> Client {
        Client::new(running.url(), Some(&self.key()), "service")
    }
}

/// Restores the default rate limits and reserve.
pub fn keep_limits(command: &mut Command) {
    for name in DISABLED_LIMITS {
        command.env_remove(name);
    }
}

/// Runs a command until it exits.
pub fn finish(mut command: Command, input: &str) -> Output {
    let mut child = piped(&mut command).stdin(Stdio::piped()).spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("it was piped");
    // A program may exit without reading its input.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let (stdout, stderr) = gather(&mut child);
    let status = wait(&mut child);
    Output { code: status.code(), stdout: stdout.end(), stderr: stderr.end() }
}

/// Runs a command and kills it as soon as it has done enough.
///
/// # Panics
///
/// If the command ends before that.
pub fn kill_when(mut command: Command, is_far_enough: impl Fn() -> bool) {
    let mut child = command.stdout(Stdio::null()).spawn().expect("the program starts");
    let wait = Wait::begin();
    while !is_far_enough() {
        assert_eq!(
            child.try_wait().expect("the process is ours"),
            None,
            "it ended before it could be killed"
        );
        wait.step_blocking(|| "it does not get so far");
    }
    child.kill().expect("it runs");
    child.wait().expect("the process is ours");
}

/// A server process. Drop kills it.
#[derive(Debug)]
pub struct Running {
    child: Child,
    url: String,
    stdout: Gathered,
    stderr: Gathered,
}

impl Running {
    /// Starts a server, and waits until it has printed its address and is ready.
    pub fn start(command: Command) -> Self {
        let mut running = Self::launch(command);
        running.wait_until_ready();
        running
    }

    /// Starts a server without waiting.
    pub fn launch(mut command: Command) -> Self {
        let mut child = piped(&mut command).spawn().expect("the program starts");
        let (stdout, stderr) = gather(&mut child);
        Self { child, url: String::new(), stdout, stderr }
    }

    /// Waits until it has printed its address and is ready.
    pub fn wait_until_ready(&mut self) {
        self.wait_until_listening();
        let url = self.url.clone();
        self.wait_for(|_| ready(&url).then_some(()));
    }

    /// Waits until it has printed its address, whether or not it is ready.
    pub fn wait_until_listening(&mut self) {
        self.url = self.wait_for(|running| address(&running.stdout()));
    }

    /// Waits until its standard error contains `text`.
    pub fn wait_for_log(&mut self, text: &str) {
        self.wait_for(|running| running.stderr().contains(text).then_some(()));
    }

    /// The URL, `http://host:port` or `https://host:port`; empty before it is printed.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The process's id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its standard output so far.
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// Its standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Sends SIGINT, as Ctrl-C does.
    pub fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    /// Sends SIGSTOP: the process pauses, as on a suspended machine.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Sends SIGCONT after a pause.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Waits until it exits.
    pub fn wait(mut self) -> Output {
        let status = wait(&mut self.child);
        Output { code: status.code(), stdout: self.stdout.clone().end(), stderr: self.stderr.clone().end() }
    }

    /// Sends SIGTERM and waits until it exits.
    pub fn stop(self) -> Output {
        self.terminate();
        self.wait()
    }

    /// Sends SIGKILL. Returns the signal that ended it.
    pub fn kill(mut self) -> Option<i32> {
        self.child.kill().expect("the process is ours");
        self.child.wait().expect("the process is ours").signal()
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process has an id");
        kill_process(pid, signal).expect("the process is ours");
    }

    fn wait_for<T>(&mut self, find: impl Fn(&Self) -> Option<T>) -> T {
        let wait = Wait::begin();
        loop {
            if let Some(found) = find(self) {
                return found;
            }
            if let Some(status) = self.child.try_wait().expect("the process is ours") {
                panic!("the server ended ({status}): {}{}", self.stdout(), self.stderr());
            }
            wait.step_blocking(|| format!("the server is not ready: {}{}", self.stdout(), self.stderr()));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("the last lines of the server at {}:\n{}", self.url, last_lines(&self.stderr()));
        }
    }
}

/// The last lines of a server's log, for a failed test.
fn last_lines(log: &str) -> String {
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}

/// Bytes that a thread collects from a pipe until it closes.
#[derive(Debug, Clone)]
struct Gathered {
    bytes: Arc<Mutex<(Vec<u8>, bool)>>,
}

impl Gathered {
    fn new(mut pipe: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new((Vec::new(), false)));
        let shared = bytes.clone();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                let read = pipe.read(&mut buffer).unwrap_or(0);
                let mut bytes = shared.lock().unwrap_or_else(PoisonError::into_inner);
                bytes.0.extend_from_slice(&buffer[..read]);
                if read == 0 {
                    bytes.1 = true;
                    return;
                }
            }
        });
        Self { bytes }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap_or_else(PoisonError::into_inner).0).into_owned()
    }

    fn end(self) -> String {
        let wait = Wait::begin();
        // A child process may keep the pipe open.
        while !self.bytes.lock().unwrap_or_else(PoisonError::into_inner).1 && !wait.is_over() {
            wait.step_blocking(|| "the pipe stays open");
        }
        self.text()
    }
}

fn piped(command: &mut Command) -> &mut Command {
    command.stdout(Stdio::piped()).stderr(Stdio::piped())
}

fn gather(child: &mut Child) -> (Gathered, Gathered) {
    let stdout = child.stdout.take().expect("it was piped");
    let stderr = child.stderr.take().expect("it was piped");
    (Gathered::new(stdout), Gathered::new(stderr))
}

fn wait(child: &mut Child) -> ExitStatus {
    let wait = Wait::begin();
    loop {
        if let Some(status) = child.try_wait().expect("the process is ours") {
            return status;
        }
        if wait.is_over() {
            let _ = child.kill();
            panic!("the program did not end within {WAIT_TIMEOUT:?}");
        }
        wait.step_blocking(|| "the program does not end");
    }
}

/// The first complete URL in the output.
fn address(text: &str) -> Option<String> {
    let line = text.split_inclusive('\n').find(|line| line.contains("://") && line.ends_with('\n'))?;
    let start = line.find("http")?;
    let end = line[start..].find(char::is_whitespace)?;
    Some(line[start..start + end].trim_end_matches('/').to_owned())
}

/// Whether `/readyz` answers 200.
fn ready(url: &str) -> bool {
    let Some(address) = url.strip_prefix("http://") else {
        let mut curl = Command::new("curl");
        let curl = curl.args(["--insecure", "--silent", "--fail", &format!("{url}/readyz")]);
        return curl.stdout(Stdio::null()).status().is_ok_and(|status| status.success());
    };
    let Ok(mut tcp) = std::net::TcpStream::connect(address) else { return false };
    let asked = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    if tcp.set_read_timeout(Some(Duration::from_secs(5))).is_err() || tcp.write_all(asked.as_bytes()).is_err()
    {
        return false;
    }
    let mut line = String::new();
    BufReader::new(tcp).read_line(&mut line).is_ok() && line.starts_with("HTTP/1.1 200")
}
