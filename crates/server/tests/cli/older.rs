//! Commands on a database with an older schema.

use std::fs;
use std::path::Path;

use chinwag_testkit::postgres::Database;
use rusqlite::Connection;

use crate::program;

const VERSION_1: &[u8] = include_bytes!("../../../store-sqlite/tests/data/version-1.db");
const FILE: &str = "files/0b9c4a52-8f0e-4a39-9c84-0a3b7f6d1e25";

fn version(database: &Path) -> i64 {
    let conn = Connection::open(database).expect("a database");
    conn.query_row("PRAGMA user_version", [], |row| row.get(0)).expect("a number")
}

#[test]
fn only_the_server_brings_a_database_up_to_date() {
    let program = program();
    let database = program.data().join("chinwag.db");
    fs::create_dir_all(program.data().join("files")).expect("a folder");
    fs::write(&database, VERSION_1).expect("it can be written");
    fs::write(program.data().join(FILE), "bytes").expect("it can be written");
    for command in [
        &["user", "list"][..],
        &["user", "add", "zoe", "--no-password"],
        &["key", "list"],
        &["export", "ann", "ann.zip"],
        &["search", "rebuild"],
    ] {
        let output = program.run(command);
        assert_eq!(output.code, Some(1), "{output:?}");
        assert!(output.stderr.contains("make a backup, then start this version on it once"), "{output:?}");
    }
    let backup = program.run(&["backup", "one"]);
    assert_eq!(backup.code, Some(0), "{backup:?}");
    let renewed = program.run(&["history", "--renew"]);
    assert_eq!(renewed.code, Some(0), "{renewed:?}");
    assert_eq!(version(&database), 1);

    let restored = program.run(&["restore", "one", "--data", "fresh"]);
    assert_eq!(restored.code, Some(0), "{restored:?}");
    let fresh = program.folder().join("fresh");
    assert_eq!(fs::read(fresh.join(FILE)).expect("it came along"), b"bytes");
    assert_eq!(version(&fresh.join("chinwag.db")), 1);
    program.serve().stop();
    assert!(version(&database) > 1);
    assert_eq!(program.run(&["user", "list"]).code, Some(0));
}

#[test]
fn commands_leave_an_older_postgresql_as_it_is() {
    let (program, database) = (program(), Database::new());
    let list = ["user", "list", "--database", &database.url()];
    assert_eq!(program.run(&list).code, Some(0));
    database.ask("UPDATE chinwag.about SET version = version - 1");
    let before = database.ask("SELECT version FROM chinwag.about");
    let output = program.run(&list);
    assert!(output.stderr.contains("make a backup, then start this version on it once"), "{output:?}");
    assert_eq!(database.ask("SELECT version FROM chinwag.about"), before);
}
