//! The audit log of commands.

use std::fs;

use chinwag_testkit::process::{Program, Running};
use serde_json::{Value, json};

use crate::import::ask;
use crate::program;

/// The commands that write entries, with their arguments, input and entry. `ID` stands for the id of the key.
const NOTED: &[(&str, &str, &str)] = &[
    ("user add ann", "a long password\n", "user.create ann"),
    ("user passwd ann", "another long password\n", "password.set ann"),
    ("user add bob --no-password", "", "user.create bob"),
    ("user token bob", "", "token.create bob"),
    ("user passwd bob --adopt", "a long password\n", "password.set bob"),
    ("user admin bob", "", "user.admin bob"),
    ("user suspend ann --for 1d", "", "user.suspend ann"),
    ("user unsuspend ann", "", "user.unsuspend ann"),
    ("user delete ann --yes", "", "user.delete ann"),
    ("user delete bob --yes", "", "user.delete bob"),
    ("key add --scope read", "", "key.create ID"),
    ("key delete ID", "", "key.delete ID"),
];

/// Commands whose entries are tested below or in `import.rs`.
const NOTED_ELSEWHERE: &[&str] = &["key", "user link", "import django", "import slack", "import mattermost"];

/// Commands that change neither users nor credentials.
const EXEMPT: &[&str] = &[
    "serve",
    "user list",
    "key list",
    "check",
    "health",
    "backup",
    "restore",
    "history",
    "migrate",
    "search rebuild",
    "export",
    "openapi",
    "asyncapi",
];

/// The subcommands of a command, from its help.
fn commands(program: &Program, above: &str) -> Vec<String> {
    let args: Vec<_> = above.split_whitespace().chain(["--help"]).collect();
    let help = program.run(&args).stdout;
    let Some((_, listed)) = help.split_once("Commands:\n") else { return vec![above.to_owned()] };
    let names = listed.lines().take_while(|line| !line.is_empty());
    let names =
        names.filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).filter(|name| !name.is_empty());
    let below: Vec<_> = names.filter(|name| *name != "help").map(|name| format!("{above} {name}")).collect();
    let itself = help.contains("[OPTIONS]\n       ").then(|| above.to_owned());
    let below = below.iter().flat_map(|name| commands(program, name.trim()));
    itself.into_iter().chain(below).collect()
}

#[test]
fn each_command_leaves_an_entry_or_is_listed() {
    let program = program();
    for command in commands(&program, "") {
        let begin = format!("{command} ");
        let is_noted = command.contains(' ') && NOTED.iter().any(|(args, ..)| args.starts_with(&begin));
        let is_listed = NOTED_ELSEWHERE.iter().chain(EXEMPT).any(|each| *each == command);
        assert!(is_noted != is_listed, "chinwag {command}: list it in this test");
    }
}

/// Runs the commands of [`NOTED`] and returns the entries that they must write.
fn run_noted_commands(program: &Program) -> Vec<String> {
    let (mut id, mut entries) = (String::new(), Vec::new());
    for (command, input, entry) in NOTED {
        let command = command.replace("ID", &id);
        let output = program.run_with_input(&command.split(' ').collect::<Vec<_>>(), input);
        assert_eq!(output.code, Some(0), "{command}: {}", output.stderr);
        if command.starts_with("key add") {
            let listed = program.run(&["key", "list"]).stdout;
            listed.split('\t').next().expect("an id").clone_into(&mut id);
        }
        entries.push(entry.replace("ID", &id));
    }
    entries
}

/// The audit entries of the command line, oldest first, as action and target.
async fn audit_entries(program: &Program, running: &Running) -> Vec<String> {
    let entries = program.service(running).get("audit/?actor=command+line").await.ok(200);
    let entries = entries.as_array().expect("a list").iter().rev();
    let text = |entry: &Value| {
        assert_eq!(entry["address"], Value::Null);
        let text = |key: &str| entry[key].as_str().unwrap_or("-").to_owned();
        format!("{} {}", text("action"), text("target"))
    };
    entries.map(text).collect()
}

#[tokio::test]
async fn commands_leave_entries_with_and_without_a_server() {
    let program = program();
    let mut expected = run_noted_commands(&program);
    let running = program.serve();
    expected.extend(run_noted_commands(&program));
    assert_eq!(audit_entries(&program, &running).await, expected);
    assert_eq!(program.run(&["key", "--rotate"]).code, Some(0));
    assert_eq!(running.stop().code, Some(0));
    let running = program.serve();
    expected.push("key.rotate -".to_owned());
    assert_eq!(audit_entries(&program, &running).await, expected);
}

#[test]
fn import_of_an_export_is_noted() {
    let program = program();
    let line = json!({ "type": "version", "version": 1 });
    fs::write(program.folder().join("export.jsonl"), format!("{line}\n")).expect("a file");
    let output = program.run(&["import", "mattermost", "export.jsonl"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    ask(&program, &[], async |service| {
        let entries = service.get("audit/").await.ok(200);
        let entry = (&entries[0]["actor"], &entries[0]["action"], &entries[0]["detail"]);
        assert_eq!(entry, (&json!("command line"), &json!("import"), &json!("Mattermost")));
    });
}
