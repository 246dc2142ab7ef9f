//! The real program as an operator runs it: its commands, files, output and shutdown.

mod acme;
mod audit;
mod backup;
mod bans;
mod check;
mod config;
mod disk;
mod end;
mod export;
mod exports;
mod file_copies;
mod file_figures;
mod health;
mod history;
mod import;
mod import_ends;
mod import_sign_in;
mod in_place;
mod key;
mod logs;
mod mattermost;
mod migrate;
mod older;
mod owner;
mod proxy;
mod restore;
mod search_index;
mod slack;
mod slack_files;
mod start;
mod tls;
mod traces;
mod user;

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;

use chinwag_testkit::process::Program;
use rusqlite::Connection;

/// The program with a new data folder.
fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_chinwag"))
}

/// Asserts that the program fails for this reason, and prints nothing else.
#[track_caller]
fn assert_refused(program: &Program, args: &[&str], why: &str) {
    let output = program.run(args);
    assert_eq!((output.code, output.stdout.as_str()), (Some(1), ""), "{output:?}");
    assert!(output.stderr.contains(why), "{output:?}");
}

/// Damages the first page of a table that the start does not read.
fn damage(database: &Path) {
    let conn = Connection::open(database).expect("a database");
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'relations'";
    let page: u32 = conn.query_row(sql, [], |row| row.get(0)).expect("a page");
    drop(conn);
    let file = fs::File::options().write(true).open(database).expect("the file");
    file.write_all_at(&[0xA5; 4096], u64::from(page - 1) * 4096).expect("damage");
}
