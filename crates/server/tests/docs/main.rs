//! Runs the tours of the README and the documents literally: a real shell runs their `sh` blocks with the real
//! binary in an empty folder, and the output must match the `text` blocks after them.
//!
//! The block that starts the server runs in its own shell until all others have finished. In a `text` block,
//! `…` matches anything within a line. Needs `curl`, `jq` and `python3`.

mod mail;
mod settings;

use std::fmt::Write as _;
use std::process::{Command, Stdio};

use chinwag_testkit::process::{Program, Running, finish};

const BINARY: &str = env!("CARGO_BIN_EXE_chinwag");
const README: &str = include_str!("../../../../README.md");
const EVENTS: &str = include_str!("../../../../docs/events.md");
const ADMINISTRATION: &str = include_str!("../../../../docs/administration.md");
const IMPORT: &str = include_str!("../../../../docs/import.md");
const NOTIFICATIONS: &str = include_str!("../../../../docs/notifications.md");
/// The end of the block that starts the server.
const START: &str = "cargo run --release -- serve\n";
/// Separates the output of two blocks.
const MARK: &str = "=== the next block ===";

/// An `sh` block with its expected output.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    line: usize,
    script: String,
    prints: Option<String>,
}

#[test]
fn the_readmes_tour_works_as_it_says() {
    run("README.md", README, "## Five minutes", 5);
}

#[test]
fn the_example_of_the_feed_works_as_it_says() {
    run("docs/events.md", EVENTS, "## Example", 3);
}

#[test]
fn the_example_of_a_webhook_works_as_it_says() {
    run("docs/events.md", EVENTS, "## Webhooks", 3);
}

#[test]
fn the_example_of_the_hook_before_sending_works_as_it_says() {
    run("docs/events.md", EVENTS, "## Before sending", 2);
}

#[test]
fn the_bot_of_thirty_lines_works_as_it_says() {
    run("docs/events.md", EVENTS, "## Bots", 3);
}

#[test]
fn the_example_of_an_incoming_hook_works_as_it_says() {
    run("docs/events.md", EVENTS, "## Incoming hooks", 2);
}

#[test]
fn example_of_administration_works_as_it_says() {
    run("docs/administration.md", ADMINISTRATION, "## Example", 5);
}

#[test]
fn example_of_an_import_works_as_it_says() {
    run_alone("docs/import.md", IMPORT, "## Example", 2);
}

#[test]
fn the_example_of_mail_works_as_it_says() {
    let server = mail::MailServer::start();
    run_with(
        "docs/notifications.md",
        NOTIFICATIONS,
        "## Mail from events",
        2,
        &[("SMTP", &server.address())],
    );
    let mails = server.received();
    assert_eq!(mails.len(), 1, "{mails:?}");
    for part in ["To: astra@example.org", "Subject: 1 unread", "Tea, arlan: The kettle is on."] {
        assert!(mails[0].contains(part), "{}", mails[0]);
    }
}

/// Runs the tour under a heading; it must have at least `least` steps.
fn run(document: &str, text: &str, heading: &str, least: usize) {
    run_with(document, text, heading, least, &[]);
}

/// Like [`run`], with additional environment variables.
fn run_with(document: &str, text: &str, heading: &str, least: usize, variables: &[(&str, &str)]) {
    let (server, steps): (Vec<_>, Vec<_>) =
        steps(text, heading).into_iter().partition(|step| step.script.ends_with(START));
    assert_eq!(server.len(), 1, "one block starts the server: {START}");
    assert!(steps.len() >= least, "the tour has lost its steps: {steps:#?}");

    let program = Program::new(BINARY);
    let mut serve = shell(&program, "exec", &server[0].script);
    serve.env("CHINWAG_LISTEN", "127.0.0.1:0");
    let running = Running::start(serve);
    // A shell variable, not exported: blocks that need it in the environment must export it.
    let first = format!("URL={}\n", running.url());
    take(document, &program, &steps, first, variables);
    assert_eq!(running.stop().code, Some(0));
}

/// Runs a tour of commands without a server.
fn run_alone(document: &str, text: &str, heading: &str, least: usize) {
    let steps = steps(text, heading);
    assert!(steps.len() >= least, "the tour has lost its steps: {steps:#?}");
    take(document, &Program::new(BINARY), &steps, String::new(), &[]);
}

/// Runs the steps of a tour and compares their output.
fn take(document: &str, program: &Program, steps: &[Step], first: String, variables: &[(&str, &str)]) {
    let mut script = first;
    for step in steps {
        writeln!(script, "echo '{MARK}'\n{}", step.script).expect("a String");
    }
    let mut tour = shell(program, "", &script);
    tour.envs(variables.iter().copied());
    let output = finish(tour, "");
    assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);

    let printed: Vec<_> = output.stdout.split(&format!("{MARK}\n")).skip(1).collect();
    assert_eq!(printed.len(), steps.len());
    for (step, printed) in steps.iter().zip(printed) {
        if let Some(said) = &step.prints {
            assert!(
                is_as_said(said, printed),
                "{document}:{}: it prints\n{printed}{}",
                step.line,
                output.stderr
            );
        }
    }
}

/// A shell in the program's folder in which `cargo run … -- ARGS` runs the program.
fn shell(program: &Program, run: &str, script: &str) -> Command {
    let cargo =
        format!("cargo() {{ while [ \"$1\" != -- ]; do shift; done; shift; {run} '{BINARY}' \"$@\"; }}");
    let mut shell = Command::new("sh");
    shell
        .args(["-eu", "-c", &format!("{cargo}\n{script}")])
        .current_dir(program.folder())
        .stdin(Stdio::null());
    shell
}

/// The steps of a tour: the `sh` blocks under its heading, each with the `text` block after it.
fn steps(text: &str, heading: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut block: Option<(&str, usize, String)> = None;
    let mut inside = false;
    for (number, line) in (1..).zip(text.lines()) {
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
            (None, None) if line.starts_with("## ") => inside = line.starts_with(heading),
            (None, None) => {}
        }
    }
    steps
}

/// Whether every line of the output matches, where `…` matches anything.
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
fn steps_of_a_tour_are_its_blocks_with_their_output() {
    let readme = "```sh\nbefore\n```\n## Five minutes\n```sh\none\n```\nso:\n```text\n1\n```\n```sh\ntwo\n```\n\
        ```js\nnot run\n```\n## After\n```sh\nafter\n```\n";
    let step = |line, script: &str, prints: Option<&str>| Step {
        line,
        script: script.into(),
        prints: prints.map(Into::into),
    };
    assert_eq!(steps(readme, "## Five minutes"), [step(5, "one\n", Some("1\n")), step(12, "two\n", None)]);
}

#[test]
fn an_ellipsis_matches_anything_within_a_line() {
    assert!(is_as_said("a…b\nc\n", "axxb\nc\n"));
    assert!(is_as_said("{…,…}\n", "{1,2}\n"));
    for (said, printed) in
        [("a…b", "axx"), ("a", "ab"), ("…b", "ba"), ("a\n", "a\nb\n"), ("{…,…}", "{1}"), ("a", "")]
    {
        assert!(!is_as_said(said, printed), "{said:?} {printed:?}");
    }
}
