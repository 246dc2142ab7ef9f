//! Imports of exports that are killed at arbitrary moments and repeated.

use std::fs;
use std::process::{Command, Stdio};

use chinwag_testkit::postgres::{Database, try_ask};
use chinwag_testkit::process::Program;
use chinwag_testkit::wait::Wait;
use rusqlite::Connection;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::exports::{ExportZip, imported, said, workspace};
use crate::program;

const DAYS: usize = 20;
const OF_A_DAY: usize = 300;
const KILLS: usize = 10;

/// Messages with threads, reactions and files.
fn export() -> ExportZip {
    let mut zip = workspace();
    for day in 0..DAYS {
        let message = |number: usize| {
            let number = day * OF_A_DAY + number;
            let user = if number.is_multiple_of(3) { "U1" } else { "U2" };
            let mut more = json!({});
            if number % 5 == 1 {
                more["thread_ts"] = format!("{}.000000", number / 5 * 5 + 1000).into();
            }
            if number.is_multiple_of(7) {
                more["reactions"] = json!([{"name": "+1", "users": ["U1", "U2"], "count": 2}]);
            }
            if number.is_multiple_of(50) {
                more["files"] = json!([{"id": format!("F{number}"), "name": "a.txt", "size": 6}]);
            }
            said(user, &format!("{}.000000", number + 1000), &format!("message {number} of <@U1>"), &more)
        };
        let day_file = format!("general/2024-01-{:02}.json", day + 1);
        zip = zip.json(&day_file, &(0..OF_A_DAY).map(message).collect::<Value>());
    }
    (0..DAYS * OF_A_DAY)
        .step_by(50)
        .fold(zip, |zip, number| zip.with(&format!("__uploads/F{number}/a.txt"), "a file"))
}

/// All messages, reactions and files, without values that depend on the time of import, in order.
fn content_on_sqlite(program: &Program) -> Vec<String> {
    let conn = Connection::open(program.data().join("chinwag.db")).expect("a database");
    let sql = "SELECT 'message ' || seq || ' ' || date || body || coalesce(thread, 0) || hex(coalesce(detail, '')) FROM messages
        UNION ALL SELECT 'reaction ' || message_seq || ' ' || seq || emoji || user_id FROM reactions
        UNION ALL SELECT 'file ' || message_seq || ' ' || size || ' ' || state || hex(id) FROM files ORDER BY 1";
    let mut statement = conn.prepare(sql).expect("a query");
    let rows = statement.query_map([], |row| row.get(0)).expect("rows");
    rows.collect::<Result<_, _>>().expect("rows")
}

fn count_on_sqlite(program: &Program) -> usize {
    let Ok(conn) = Connection::open(program.data().join("chinwag.db")) else { return 0 };
    let count = conn.query_row("SELECT count(*) FROM messages", [], |row| row.get::<_, u32>(0));
    count.unwrap_or(0) as usize
}

fn count_on_postgres(url: &str) -> usize {
    let rows = try_ask(url, "SELECT count(*) FROM chinwag.messages").unwrap_or_default();
    rows.into_iter().flatten().next().and_then(|count| count.parse().ok()).unwrap_or(0)
}

/// Runs an import, and kills it once `count` has grown by at least a page. Returns whether it was killed.
fn kill_amid(mut command: Command, count: impl Fn() -> usize) -> bool {
    let before = count();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let wait = Wait::begin();
    loop {
        if child.try_wait().expect("a child").is_some() {
            return false;
        }
        if count() > before {
            child.kill().expect("it runs");
            child.wait().expect("a child");
            return true;
        }
        wait.step_blocking(|| "the import takes nothing");
    }
}

#[test]
fn import_killed_ten_times_takes_everything_once() {
    let (whole, killed) = (program(), program());
    let path = export().write(&whole, "slack.zip");
    let path = path.to_str().expect("a path");
    let report = imported(&whole, &["slack", path]);
    assert!(report.contains("everything matches the source"), "{report}");
    let expected = content_on_sqlite(&whole);
    assert!(expected.len() > DAYS * OF_A_DAY, "{}", expected.len());
    let mut kills = 0;
    for _ in 0..KILLS {
        kills +=
            usize::from(kill_amid(killed.command(&["import", "slack", path]), || count_on_sqlite(&killed)));
    }
    assert!(kills >= 5, "{kills}");
    imported(&killed, &["slack", path]);
    assert!(content_on_sqlite(&killed) == expected, "the same as if nothing had happened");
}

#[test]
fn interrupted_dry_run_leaves_no_copy() {
    let program = program();
    assert_eq!(program.run(&["user", "add", "zoe", "--no-password"]).code, Some(0));
    let copies = || {
        let entries =
            fs::read_dir(program.data()).expect("a folder").map(|entry| entry.expect("an entry").path());
        entries.filter(|path| path.is_dir() && path.join("chinwag.db").exists()).count()
    };
    let path = export().write(&program, "slack.zip");
    let mut dry_run = program.command(&["import", "slack", path.to_str().expect("a path"), "--dry-run"]);
    let mut child = dry_run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let wait = Wait::begin();
    while copies() == 0 {
        wait.step_blocking(|| "there is no copy");
    }
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a process has an id");
    kill_process(pid, Signal::INT).expect("the process is ours");
    assert_eq!(child.wait().expect("a child").code(), Some(1));
    assert_eq!(copies(), 0);
}

#[test]
fn killed_import_into_postgresql_goes_on() {
    let (program, database) = (program(), Database::new());
    let path = export().write(&program, "slack.zip");
    let (path, url) = (path.to_str().expect("a path"), database.url());
    let args = ["import", "slack", path, "--database", &url];
    assert!(kill_amid(program.command(&args), || count_on_postgres(&url)));
    assert!(count_on_postgres(&url) < DAYS * OF_A_DAY);
    imported(&program, &args[1..]);
    assert_eq!(count_on_postgres(&url), DAYS * OF_A_DAY);
    let reactions = database.ask("SELECT count(*) FROM chinwag.reactions");
    let roots = database.ask("SELECT count(*) FROM chinwag.messages WHERE thread > 0");
    let expected = (DAYS * OF_A_DAY).div_ceil(7) * 2;
    assert_eq!((&*reactions[0][0], &*roots[0][0]), (&*expected.to_string(), "1200"));
}
