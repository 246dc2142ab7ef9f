//! The README's tour, run as it stands: its `sh` blocks by a real shell against the real binary,
//! in an empty folder, and what they print held against the `text` blocks that follow them.
//!
//! The block that starts the server runs in a shell of its own until all others have. In a `text`
//! block `…` stands for anything within a line. Needs `curl`, `jq` and `python3`.

mod settings;

use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const README: &str = include_str!("../../../../README.md");
const HEADING: &str = "## Five minutes";
const START: &str = "cargo run --release -- serve";
const PATIENCE: Duration = Duration::from_secs(60);
/// What stands between two blocks' output.
const MARK: &str = "=== the tour's next block ===";

/// One `sh` block, and what it is said to print.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    line: usize,
    script: String,
    prints: Option<String>,
}

#[test]
fn the_readmes_tour_works_as_it_says() {
    let steps = steps(README);
    let (server, steps): (Vec<_>, Vec<_>) = steps.into_iter().partition(|step| step.script.trim() == START);
    assert_eq!(server.len(), 1, "one block starts the server: {START}");
    assert!(steps.len() >= 5, "the tour has lost its steps: {steps:#?}");

    let tour = Tour::begin();
    let mut server = tour.serve(&server[0]);
    let output = tour.run(&steps);
    let stdout = String::from_utf8(output.stdout).expect("UTF-8");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{stdout}\n{stderr}", output.status);

    let printed: Vec<_> = stdout.split(&format!("{MARK}\n")).skip(1).collect();
    assert_eq!(printed.len(), steps.len());
    for (step, printed) in steps.iter().zip(printed) {
        if let Some(said) = &step.prints {
            assert!(is_as_said(said, printed), "README.md:{}: it prints\n{printed}{stderr}", step.line);
        }
    }
    assert!(server.end(), "the server ends with 0 when it is told to");
}

/// The folder and the port of one tour.
struct Tour {
    folder: PathBuf,
    port: u16,
}

impl Tour {
    fn begin() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("tour-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder for the tour");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        Self { folder, port: port.expect("a free port").port() }
    }

    /// A shell in which `cargo run … -- ARGS` runs the binary that was built with this test.
    fn shell(&self, run: &str, script: &str) -> Command {
        let cargo = format!(
            "cargo() {{ while [ \"$1\" != -- ]; do shift; done; shift; {run} '{}' \"$@\"; }}",
            env!("CARGO_BIN_EXE_chinwag")
        );
        let mut shell = Command::new("sh");
        shell.args(["-eu", "-c", &format!("{cargo}\n{script}")]).current_dir(&self.folder).process_group(0);
        shell.env("URL", format!("http://127.0.0.1:{}", self.port));
        shell.env("CHINWAG_LISTEN", format!("127.0.0.1:{}", self.port));
        shell.stdin(Stdio::null());
        shell
    }

    fn serve(&self, step: &Step) -> Running {
        let mut shell = self.shell("exec", &step.script);
        let mut running = Running(shell.stdout(Stdio::null()).spawn().expect("a shell"));
        let begun = Instant::now();
        while !self.is_ready() {
            let ended = running.0.try_wait().expect("a child");
            assert!(ended.is_none() && begun.elapsed() < PATIENCE, "the server does not come: {ended:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
        running
    }

    fn is_ready(&self) -> bool {
        let ask = || {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
            stream.write_all(b"GET /readyz HTTP/1.0\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok::<_, std::io::Error>(answer)
        };
        ask().is_ok_and(|answer| answer.contains(" 200 "))
    }

    fn run(&self, steps: &[Step]) -> Output {
        let mut script = String::new();
        for step in steps {
            writeln!(script, "echo '{MARK}'\n{}", step.script).expect("a String");
        }
        let [stdout, stderr] = ["stdout", "stderr"].map(|name| self.folder.join(name));
        let file = |path: &PathBuf| fs::File::create(path).expect("a file for what is printed");
        let mut shell = self.shell("", &script);
        let shell = shell.stdout(file(&stdout)).stderr(file(&stderr)).spawn().expect("a shell");
        let status = Running(shell).wait();
        let read = |path: &PathBuf| fs::read(path).expect("what was printed");
        Output { status, stdout: read(&stdout), stderr: read(&stderr) }
    }
}

impl Drop for Tour {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A shell with all that it has started.
struct Running(Child);

impl Running {
    fn wait(&mut self) -> std::process::ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().expect("a child") {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "it takes too long");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Tells it to end; whether it did so in good order.
    fn end(&mut self) -> bool {
        self.signal("TERM");
        self.wait().success()
    }

    fn signal(&self, name: &str) {
        let group = format!("-{}", self.0.id());
        let _ = Command::new("kill").args(["-s", name, "--", &group]).stderr(Stdio::null()).status();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            self.signal("KILL");
            let _ = self.0.wait();
        }
    }
}

/// The tour's steps: the `sh` blocks under its heading, each with the `text` block after it.
fn steps(readme: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut block: Option<(&str, usize, String)> = None;
    let mut inside = false;
    for (number, line) in (1..).zip(readme.lines()) {
        match (&mut block, line.strip_prefix("```")) {
            (None, Some(kind)) => block = Some((kind, number, String::new())),
            (Some(_), Some(_)) => {
                let (kind, line, text) = block.take().expect("matched");
                match (inside, kind) {
                    (true, "sh") => steps.push(Step { line, script: text, prints: None }),
                    (true, "text") => {
                        let step = steps.last_mut().expect("a text block follows a sh block");
                        step.prints = Some(text);
                    }
                    _ => {}
                }
            }
            (Some((_, _, text)), None) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) if line.starts_with("## ") => inside = line.starts_with(HEADING),
            (None, None) => {}
        }
    }
    steps
}

/// Whether what is printed is, line for line, as said, where `…` stands for anything.
fn is_as_said(said: &str, printed: &str) -> bool {
    let (said, printed): (Vec<_>, Vec<_>) = (said.lines().collect(), printed.lines().collect());
    said.len() == printed.len() && said.iter().zip(printed).all(|(said, line)| line_is_as_said(said, line))
}

fn line_is_as_said(said: &str, line: &str) -> bool {
    let mut parts = said.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    true
}

#[test]
fn the_steps_of_a_tour_are_its_own_blocks_with_what_they_print() {
    let readme = "```sh\nbefore\n```\n## Five minutes\n```sh\none\n```\nso:\n```text\n1\n```\n```sh\ntwo\n```\n\
        ```js\nnot run\n```\n## After\n```sh\nafter\n```\n";
    let step = |line, script: &str, prints: Option<&str>| Step {
        line,
        script: script.into(),
        prints: prints.map(Into::into),
    };
    assert_eq!(steps(readme), [step(5, "one\n", Some("1\n")), step(12, "two\n", None)]);
}

#[test]
fn an_ellipsis_stands_for_anything_within_a_line_and_nothing_else_does() {
    assert!(is_as_said("a…b\nc\n", "axxb\nc\n"));
    assert!(is_as_said("{…,…}\n", "{1,2}\n"));
    for (said, printed) in
        [("a…b", "axx"), ("a", "ab"), ("…b", "ba"), ("a\n", "a\nb\n"), ("{…,…}", "{1}"), ("a", "")]
    {
        assert!(!is_as_said(said, printed), "{said:?} {printed:?}");
    }
}
