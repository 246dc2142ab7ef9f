//! The program under `strace`: runs it, and parses when each system call began and ended.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use chinwag_testkit::process::{Output, Program, Running};
use rustix::process::{Pid, Signal, kill_process};

/// The calls that read, write, sync and create folders, and `execve`, which is the first line.
const CALLS: &str =
    "trace=execve,?mkdir,?mkdirat,fsync,fdatasync,read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg";

/// A server under `strace`. Drop kills the server itself, because it would outlive `strace`.
pub(crate) struct Traced {
    running: Option<Running>,
    /// The server's process id, until it has ended.
    pid: Option<Pid>,
    trace: PathBuf,
}

/// A system call with the line numbers of its begin and end.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) begun: usize,
    pub(crate) ended: usize,
    pub(crate) name: String,
    /// The file of the first argument as `strace -y` prints it: a descriptor, and a path in angle brackets.
    pub(crate) file: String,
    pub(crate) text: String,
    pub(crate) result: i64,
}

impl Traced {
    /// Starts the program under `strace`.
    pub(crate) fn serve(program: &Program) -> Self {
        let found = Command::new("strace").arg("--version").output();
        assert!(
            found.is_ok(),
            "strace is missing: install it (Debian package strace: `apt-get install strace`, or run \
             `cargo xtask test` as root)"
        );
        let trace = program.folder().join("trace");
        let served = program.command(&["serve", "--listen", "127.0.0.1:0"]);
        let mut command = Command::new("strace");
        command.args(["-f", "-y", "-s", "4096", "-e", CALLS, "-e", "signal=none", "-o"]).arg(&trace);
        command.arg(served.get_program()).args(served.get_args()).current_dir(program.folder());
        for (name, value) in served.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let running = Running::start(command);
        let first = fs::read_to_string(&trace).expect("strace writes its trace");
        let pid = first.split_whitespace().next().and_then(|pid| pid.parse().ok()).and_then(Pid::from_raw);
        assert!(pid.is_some(), "each line begins with a process's id: {first}");
        Self { running: Some(running), pid, trace }
    }

    pub(crate) fn running(&self) -> &Running {
        self.running.as_ref().expect("it was not stopped")
    }

    /// Stops the program in good order; returns its output and all its calls.
    pub(crate) fn stop(mut self) -> (Output, Vec<Call>) {
        kill_process(self.pid.expect("it was not stopped"), Signal::TERM).expect("the process is ours");
        // strace exits with the traced program, and with the same code.
        let output = self.running.take().expect("it was not stopped").wait();
        self.pid = None;
        (output, calls(&fs::read_to_string(&self.trace).expect("the trace is there")))
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        if let Some(pid) = self.pid {
            // It may have ended already.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// Parses a trace. A call that others interrupt has two lines, which are joined.
fn calls(trace: &str) -> Vec<Call> {
    let (mut calls, mut begun) = (Vec::new(), HashMap::new());
    for (number, line) in trace.lines().enumerate() {
        let Some((pid, said)) = line.split_once(' ') else { continue };
        let said = said.trim_start();
        if let Some(start) = said.strip_suffix("<unfinished ...>") {
            begun.insert(pid, (number, start));
        } else if let Some((_, rest)) = said.split_once(" resumed>").filter(|_| said.starts_with("<... ")) {
            let (start, text) = begun.remove(pid).expect("what is resumed was begun");
            calls.extend(Call::read(start, number, format!("{text}{rest}")));
        } else {
            calls.extend(Call::read(number, number, said.to_owned()));
        }
    }
    calls
}

impl Call {
    /// `None` if the line is not a call with a result.
    fn read(begun: usize, ended: usize, text: String) -> Option<Self> {
        let (name, rest) = text.split_once('(')?;
        let file = rest.split([',', ')']).next()?.trim_end();
        let result = text.rsplit_once(" = ")?.1.split_whitespace().next()?.parse().ok()?;
        Some(Self { begun, ended, name: name.to_owned(), file: file.to_owned(), result, text })
    }

    /// Whether the call synced the store's write-ahead log.
    pub(crate) fn is_sync(&self) -> bool {
        let journal = self.file.ends_with("/chinwag.db-wal>");
        journal && matches!(&*self.name, "fsync" | "fdatasync") && self.result == 0
    }

    /// Whether the call read from a connection.
    pub(crate) fn is_arrival(&self) -> bool {
        let reads = matches!(&*self.name, "read" | "readv" | "recvfrom" | "recvmsg");
        reads && self.is_connection() && self.result > 0
    }

    /// Whether the call wrote this text to a connection.
    pub(crate) fn writes(&self, words: &str) -> bool {
        let writes = matches!(&*self.name, "write" | "writev" | "sendto" | "sendmsg");
        writes && self.is_connection() && self.text.contains(words)
    }

    fn is_connection(&self) -> bool {
        self.file.contains("<socket:") || self.file.contains("<TCP")
    }
}

#[test]
fn a_trace_is_read_with_its_interrupted_calls() {
    let trace = "\
7 execve(\"chinwag\", [\"chinwag\"], 0x7f /* 9 vars */) = 0
8 recvfrom(11<socket:[5]>, \"hello\", 4096, 0, NULL, NULL) = 5
9 fdatasync(6</x/chinwag.db-wal> <unfinished ...>
8 recvfrom(11<socket:[5]>, 0x7f, 4096, 0, NULL, NULL) = -1 EAGAIN (Resource temporarily unavailable)
9 <... fdatasync resumed>)   = 0
8 sendto(11<socket:[5]>, \"{\\\"body\\\":\\\"hello\\\"}\", 16, MSG_NOSIGNAL, NULL, 0) = 16
7 +++ exited with 0 +++
";
    let calls = calls(trace);
    let seen: Vec<_> = calls.iter().map(|call| (&*call.name, call.begun, call.ended, call.result)).collect();
    let expected = [
        ("execve", 0, 0, 0),
        ("recvfrom", 1, 1, 5),
        ("recvfrom", 3, 3, -1),
        ("fdatasync", 2, 4, 0),
        ("sendto", 5, 5, 16),
    ];
    assert_eq!(seen, expected);
    let said: Vec<_> =
        calls.iter().map(|call| (call.is_arrival(), call.is_sync(), call.writes("hello"))).collect();
    let (no, yes) = (false, true);
    assert_eq!(said, [(no, no, no), (yes, no, no), (no, no, no), (no, yes, no), (no, no, yes)]);
}
