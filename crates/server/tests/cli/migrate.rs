//! `chinwag migrate`: a complete store to PostgreSQL and back, interrupted and repeated.

use std::fs;
use std::path::Path;
use std::process::Command;

use chinwag_store_sql::TABLES;
use chinwag_store_sql::transfer::{ColumnType, Table};
use chinwag_testkit::postgres::{Database, try_ask};
use chinwag_testkit::process::{Program, finish, kill_when};
use chinwag_testkit::wait::Wait;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use crate::{assert_refused, program};

const MESSAGES: usize = 100_000;

/// A store with all kinds of data and `messages` messages.
fn fill(program: &Program, messages: usize) {
    for name in ["ann", "bob", "éva"] {
        let output = program.run_with_input(&["user", "add", name], "correct horse battery\n");
        assert_eq!(output.code, Some(0), "{output:?}");
    }
    let token = program.run(&["user", "token", "ann", "--adopt", "--ttl", "1h"]);
    assert_eq!(token.code, Some(0), "{token:?}");
    let conn = Connection::open(program.data().join("chinwag.db")).expect("a database");
    conn.execute_batch(&format!(
        "PRAGMA foreign_keys = ON;
        CREATE TEMP TABLE who AS SELECT row_number() OVER () - 1 AS place, id FROM users WHERE NOT special;
        INSERT INTO relations SELECT a.id, b.id, 1, 7 FROM who a, who b WHERE a.id <> b.id;
        WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 40)
            INSERT INTO groups (id, last_seq, name) SELECT randomblob(16), {each} + 1, 'group \u{2019}' || n FROM n;
        UPDATE users SET origin = 0, kind = 1, display_name = 'Ann é', shown_key = 'ann e', avatar = 'https://a.example/a', data = '{{}}',
            last_seen = 7, added_by = 1, write_first = 2, hide_last_seen = 1, hide_reads = 1, admin = 1, suspended_until = 9000,
            suspended_reason = 'späm' WHERE name = 'ann';
        UPDATE history SET exact_case = 1;
        INSERT INTO held_names VALUES ('olga', 9000), ('éve', 9001);
        INSERT INTO memberships (group_id, user_id, role, since, last_read_seq, last_read_date, joined_seq, pending,
            notify, muted_until, hidden_seq, pinned, marked_unread, deleted_date)
            SELECT g.id, w.id, w.place + 1, 1000 + w.id, 5, 2000, 3, w.place = 2, 2 * (w.place = 0),
            CASE w.place WHEN 0 THEN 7000 END, CASE w.place WHEN 0 THEN 4 END, w.place = 0, w.place = 0,
            CASE w.place WHEN 0 THEN 8000 END FROM groups g, who w;
        INSERT INTO former_members SELECT w.id, g.id, 4, 5, 1 FROM groups g, who w WHERE w.place = 1;
        WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {each})
            INSERT INTO messages (group_id, seq, author_id, date, id, respond_to, edited, thread, changed,
                client_id, body_hash, detail, body)
            SELECT g.id, n, (SELECT id FROM who WHERE place = n % 3), 1700000000000000 + n, randomblob(16),
                CASE WHEN n % 7 = 6 THEN n - 3 END, CASE WHEN n % 11 = 0 THEN 99 END,
                CASE WHEN n % 5 = 4 THEN n - 1 END, CASE WHEN n % 11 = 0 THEN n + 1 END,
                CASE WHEN n % 2 = 0 THEN 'id ' || n END, CASE WHEN n % 2 = 0 THEN randomblob(32) END,
                CASE WHEN n % 17 = 0 THEN randomblob(9) END,
                CASE WHEN n % 13 <> 0 THEN 'body ' || n || ' 👩‍👩‍👧‍👦 é ''\" ' || hex(randomblob(40)) END
            FROM groups g, n;
        INSERT INTO log_entries (group_id, seq, kind, user_id, detail)
            SELECT id, last_seq, 4, (SELECT id FROM who WHERE place = 0), x'0203000000416e6e0303000000616e6e' FROM groups;
        INSERT INTO log_entries (group_id, seq, kind, detail)
            SELECT id, last_seq + 2, 3, x'40080000000700000000000000420000000000' FROM groups;
        UPDATE groups SET pins = randomblob(32);
        INSERT INTO log_entries (group_id, seq, kind, message_seq, detail)
            SELECT id, last_seq + 1, 2, 1, unhex('0110000000' || hex(randomblob(16))) FROM groups;
        UPDATE groups SET description = 'Tea é', avatar = 'https://a.example/g', data = '{{}}', open = 1, slow = 5, keep = 30, open_key = lower(name);
        UPDATE groups SET last_seq = last_seq + 2, newest_seq = {each}, newest_date = 1700000000000000 + {each};
        INSERT INTO message_dates SELECT group_id, date, seq FROM messages WHERE body IS NOT NULL;
        UPDATE groups SET dated_seq = last_seq;
        UPDATE sqlite_sequence SET seq = 1000 WHERE name = 'users';",
        each = messages / 40,
    ))
    .expect("rows");
    for table in TABLES {
        fill_empty(&conn, table);
    }
}

/// Inserts a few rows of arbitrary values into an empty table, so that the migration of a new table is tested,
/// too. Nullable columns of the first row are null.
fn fill_empty(conn: &Connection, table: &Table) {
    let has_rows = format!("SELECT EXISTS (SELECT 1 FROM {})", table.name);
    if conn.query_row(&has_rows, [], |row| row.get(0)).expect("a table") {
        return;
    }
    let nullable: Vec<String> = conn
        .prepare("SELECT name FROM pragma_table_info(?1) WHERE NOT \"notnull\" AND NOT pk")
        .and_then(|mut names| names.query_map([table.name], |row| row.get(0))?.collect())
        .expect("columns");
    let parents: Vec<(String, String, String)> = conn
        .prepare("SELECT \"from\", \"table\", \"to\" FROM pragma_foreign_key_list(?1)")
        .and_then(|mut keys| {
            keys.query_map([table.name], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
        })
        .expect("foreign keys");
    let marks = vec!["?"; table.columns.len()].join(", ");
    let names: Vec<_> = table.columns.iter().map(|(name, _)| *name).collect();
    let insert = format!("INSERT INTO {} ({}) VALUES ({marks})", table.name, names.join(", "));
    for row in 0..4_u8 {
        let value = |(at, (column, kind)): (u8, &(&str, ColumnType))| {
            if row == 0 && nullable.iter().any(|name| name == column) {
                return Value::Null;
            }
            if let Some((_, parent, to)) = parents.iter().find(|(from, ..)| from == column) {
                let count = format!("(SELECT count(*) FROM {parent})");
                let key = format!("SELECT {to} FROM {parent} ORDER BY {to} LIMIT 1 OFFSET ?1 % {count}");
                return conn.query_row(&key, [row], |row| row.get(0)).expect("a row of the other table");
            }
            match kind {
                // Values grow with the column, because some tables have a check that requires it.
                ColumnType::Number => Value::Integer((10 * i64::from(row) + 1 + i64::from(at)) << 30),
                ColumnType::Short => Value::Integer(row.into()),
                ColumnType::Flag => Value::Integer((row % 2).into()),
                ColumnType::Text => Value::Text(format!("é ❤️ {row} {at}")),
                ColumnType::Bytes => Value::Blob(vec![row, at, 0, 255]),
                ColumnType::Id => Value::Blob(vec![16 * row + at; 16]),
            }
        };
        let values = (0..).zip(table.columns).map(value);
        conn.execute(&insert, params_from_iter(values)).expect(table.name);
    }
}

/// Every row of every table, in order.
fn rows(database: &Path) -> Vec<(String, Vec<Vec<Value>>)> {
    let conn = Connection::open(database).expect("a database");
    let names: Vec<String> = conn
        .prepare(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'search_%'
                AND name NOT IN ('stamps', 'stamp_dates', 'departures', 'message_dates') ORDER BY name",
        )
        .and_then(|mut names| names.query_map([], |row| row.get(0))?.collect())
        .expect("names");
    assert_eq!(
        names.len(),
        TABLES.len() + 1,
        "those that are carried, and SQLite's own; indexes are built anew, and stamps are of one store: {names:?}"
    );
    let of = |name: &String| {
        let mut statement = conn.prepare(&format!("SELECT * FROM {name}")).expect("a table");
        let width = statement.column_count();
        let row = |row: &rusqlite::Row<'_>| (0..width).map(|at| row.get(at)).collect();
        let mut rows: Vec<Vec<Value>> =
            statement.query_map([], row).expect(name).collect::<Result<_, _>>().expect(name);
        rows.sort_by_cached_key(|row| format!("{row:?}"));
        rows
    };
    names.iter().map(|name| (name.clone(), of(name))).collect()
}

/// Runs a migration to completion; returns its output.
fn to_its_end(mut command: Command) -> String {
    let output = command.output().expect("it starts");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn an_interrupted_migration_carries_100_000_messages_both_ways() {
    let (there, back, database) = (program(), program(), Database::new());
    fill(&there, MESSAGES);
    let url = database.url();
    let arrived = || {
        let count = try_ask(&url, "SELECT count(*) FROM chinwag.messages");
        count.ok().and_then(|rows| rows.first()?.first()?.parse::<usize>().ok()).unwrap_or(0)
    };
    let mut before = 0;
    for _ in 0..2 {
        kill_when(there.command(&["migrate", "--to", &url]), || arrived() > before + 10_000);
        before = arrived();
        assert!(before < MESSAGES, "it was broken off: {before}");
        // The database notices the kill a moment later.
        let wait = Wait::begin();
        let mut served = there.run(&["migrate", "--from", &url, "--data", "elsewhere"]);
        while served.stderr.contains("is in use by a chinwag") {
            wait.step_blocking(|| format!("{served:?}"));
            served = there.run(&["migrate", "--from", &url, "--data", "elsewhere"]);
        }
        assert_eq!(served.code, Some(1));
        assert!(served.stderr.contains("contains an unfinished migration"), "{served:?}");
    }
    let output = to_its_end(there.command(&["migrate", "--to", &url]));
    let last = output.lines().last().expect("a line");
    assert!(
        last.contains(" 40 groups and 100000 messages in ") && last.contains("start the server with"),
        "{last}"
    );
    assert_eq!(arrived(), MESSAGES);

    let draft = back.data().join("chinwag.db.migrating");
    let size = || draft.metadata().map_or(0, |meta| meta.len());
    let mut before = 0;
    for _ in 0..2 {
        kill_when(back.command(&["migrate", "--from", &url]), || size() > before + (3 << 20));
        before = size();
        assert!(!back.data().join("chinwag.db").exists(), "what is half carried is no store");
    }
    let output = to_its_end(back.command(&["migrate", "--from", &url]));
    assert!(output.contains("all compared and the same"), "{output}");
    assert!(!draft.exists());
    let (was, is) = (rows(&there.data().join("chinwag.db")), rows(&back.data().join("chinwag.db")));
    for ((name, was), (_, is)) in was.iter().zip(&is) {
        assert!(was == is && !was.is_empty(), "{name}: {} and {} rows", was.len(), is.len());
    }
    let listed = [&there, &back].map(|program| program.run(&["user", "list"]).stdout);
    assert_eq!(listed[0], listed[1]);
}

#[test]
fn an_occupied_target_is_refused_and_left_unchanged() {
    let (program, database) = (program(), Database::new());
    fill(&program, 400);
    let url = database.url();
    let refused = |args: &[&str], why: &str| assert_refused(&program, args, why);
    refused(&["migrate", "--from", &url], "has a database: name another folder with --data");
    refused(&["migrate", "--from", &url, "--data", "new"], "is empty: name the one to be migrated");
    database.ask("CREATE TABLE orders (id integer)");
    refused(&["migrate", "--to", &url], "is not empty and does not belong to Chinwag");
    database.ask("DROP TABLE orders");
    let output = program.run(&["migrate", "--to", &url]);
    assert_eq!(output.code, Some(0), "{output:?}");
    refused(&["migrate", "--to", &url], "already contains a store: create an empty one with createdb");
    refused(&["migrate", "--to", "postgres://chinwag@127.0.0.1:1/no"], "does not answer");
    refused(&["migrate", "--to", &url, "--data", "nowhere"], "there is no data folder nowhere");
}

#[test]
fn migration_begun_by_another_version_names_the_remedy() {
    let (program, database) = (program(), Database::new());
    fill(&program, 10);
    let url = database.url();
    let refused = |args: &[&str], why: &str| assert_refused(&program, args, why);
    assert_eq!(program.run(&["migrate", "--to", &url]).code, Some(0));
    let (new, back) = (program.folder().join("new"), ["migrate", "--from", &url, "--data", "new"]);
    fs::create_dir(&new).expect("a folder");
    let draft = new.join("chinwag.db.migrating");
    let begun = Connection::open(&draft).expect("a file");
    begun.execute_batch("PRAGMA application_id = 0x4368776d; PRAGMA user_version = 1").expect("a draft");
    drop(begun);
    refused(&back, "is of a migration that another version of chinwag began: remove it");
    fs::remove_file(&draft).expect("it was there");
    assert_eq!(program.run(&back).code, Some(0));
    database.ask("UPDATE chinwag.about SET unfinished = true, version = version - 1");
    refused(&["migrate", "--to", &url], "remove it with psql -c 'DROP SCHEMA chinwag CASCADE'");
}

#[test]
fn addresses_with_passwords_may_come_from_variables() {
    let program = program();
    assert_eq!(program.run(&["user", "add", "ann", "--no-password"]).code, Some(0));
    for (args, variable) in [
        (&["migrate", "--to"][..], "CHINWAG_MIGRATE_URL"),
        (&["migrate", "--from", "--data", "new"], "CHINWAG_MIGRATE_URL"),
        (&["import", "django"], "CHINWAG_IMPORT_URL"),
    ] {
        for (address, said) in [
            ("postgres://chinwag:secret@127.0.0.1:1/no", "the database at 127.0.0.1:1 does not answer"),
            ("", &format!("name the address of the database, or set {variable}")),
        ] {
            let mut command = program.command(args);
            command.env(variable, address);
            let output = finish(command, "");
            assert_eq!(output.code, Some(1), "{output:?}");
            assert!(output.stderr.contains(said) && !output.stderr.contains("secret"), "{args:?} {output:?}");
        }
    }
}

#[test]
fn a_source_changed_after_an_interruption_arrives_as_it_is() {
    let (program, database) = (program(), Database::new());
    fill(&program, 400);
    let url = database.url();
    let output = program.run(&["migrate", "--to", &url]);
    assert_eq!(output.code, Some(0), "{output:?}");
    // Simulate a migration that was interrupted before its end.
    database.ask(
        "UPDATE chinwag.about SET unfinished = true; DELETE FROM chinwag.log_entries;
        UPDATE chinwag.messages SET body = 'as it was' WHERE seq = 1",
    );
    let output = program.run(&["migrate", "--to", &url]);
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!(database.ask("SELECT count(*) FROM chinwag.messages WHERE body = 'as it was'"), [["0"]]);
    assert_eq!(
        database.ask("SELECT count(*), bool_or(unfinished) FROM chinwag.log_entries, chinwag.about"),
        [["120", "f"]]
    );
}

#[test]
fn migration_killed_before_its_last_step_is_run_again() {
    let (there, back, database) = (program(), program(), Database::new());
    fill(&there, 400);
    let url = database.url();
    to_its_end(there.command(&["migrate", "--to", &url]));
    to_its_end(back.command(&["migrate", "--from", &url]));
    let made = back.data().join("chinwag.db");
    let carried = rows(&made);
    fs::rename(&made, back.data().join("chinwag.db.migrating")).expect("it has its former name");
    to_its_end(back.command(&["migrate", "--from", &url]));
    assert!(rows(&made) == carried);
}

#[test]
fn migrated_store_builds_its_own_search_index() {
    let (there, back, database) = (program(), program(), Database::new());
    fill(&there, 400);
    let (url, sqlite) = (database.url(), |program: &Program| {
        Connection::open(program.data().join("chinwag.db")).expect("a database")
    });
    let built = "INSERT INTO followers (follower, term, step, position) VALUES (5, 1, 0, x'01')";
    sqlite(&there).execute(built, []).expect("a position");
    to_its_end(there.command(&["migrate", "--to", &url]));
    let is_forgotten = "SELECT position IS NULL FROM chinwag.followers WHERE follower = 5";
    assert_eq!(database.ask(is_forgotten), [["t"]]);
    database.ask("UPDATE chinwag.followers SET position = '\\x01' WHERE follower = 5");
    to_its_end(back.command(&["migrate", "--from", &url]));
    let is_forgotten = "SELECT position IS NULL FROM followers WHERE follower = 5";
    assert!(sqlite(&back).query_row(is_forgotten, [], |row| row.get::<_, bool>(0)).expect("a follower"));
}
