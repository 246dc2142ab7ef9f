//! Interrupted `chinwag restore` and `chinwag migrate`, and the database that a restore puts aside.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use chinwag_testkit::process::{Output, Program, finish};
use chinwag_testkit::setup;
use chinwag_testkit::wait::Wait;
use rusqlite::Connection;

use crate::file_copies::{sent_files, upload};
use crate::program;

/// The system calls that change names in the data folder.
const CALLS: [&str; 3] = ["?rename,?renameat,?renameat2", "linkat", "?unlink,?unlinkat"];

#[track_caller]
fn ok(output: Output) -> String {
    assert_eq!(output.code, Some(0), "{output:?}");
    output.stdout
}

/// Runs the program under `strace`, which kills it at the start of the given call. Returns whether the program
/// completed.
fn run_killed_at(program: &Program, calls: &str, number: u32, args: &[&str]) -> bool {
    let plain = program.command(args);
    let mut command = Command::new("strace");
    command.args(["-f", "-o", "/dev/null", "-e", &format!("inject={calls}:signal=KILL:when={number}")]);
    command.arg("--").arg(plain.get_program()).args(plain.get_args()).current_dir(program.folder());
    finish(command, "").code == Some(0)
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        if entry.path().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).expect("a copy");
        }
    }
}

fn asides(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    entries.filter(|path| path.to_string_lossy().ends_with(".db") && !path.ends_with("chinwag.db")).collect()
}

#[test]
fn restore_killed_at_any_step_loses_no_database() {
    let program = program();
    let running = program.serve();
    ok(program.run(&["user", "add", "ann", "--no-password"]));
    ok(program.run(&["backup", "one"]));
    ok(program.run(&["user", "add", "bob", "--no-password"]));
    // Bob exists only in the write-ahead log.
    running.kill();
    let mut kills = 0;
    for (at, calls) in CALLS.iter().enumerate() {
        for number in 1.. {
            let name = format!("try-{at}-{number}");
            let data = program.folder().join(&name);
            copy_folder(&program.data(), &data);
            let restore = ["restore", "one", "--force", "--data", &name];
            if run_killed_at(&program, calls, number, &restore) {
                break;
            }
            kills += 1;
            let listed = program.run(&["user", "list", "--data", &name]);
            match &*listed.stdout {
                "ann\nbob\n" | "ann\n" => {}
                _ => assert!(listed.stderr.contains("unfinished restore"), "{calls} {number}: {listed:?}"),
            }
            ok(program.run(&restore));
            assert_eq!(ok(program.run(&["user", "list", "--data", &name])), "ann\n");
            let kept = asides(&data).into_iter().enumerate().map(|(at, aside)| {
                let other = format!("{name}-{at}");
                ok(program.run(&["restore", &aside.to_string_lossy(), "--data", &other]));
                ok(program.run(&["user", "list", "--data", &other]))
            });
            let kept: Vec<_> = kept.collect();
            assert!(kept.iter().any(|users| users == "ann\nbob\n"), "{calls} {number}: {kept:?}");
        }
    }
    assert!(kills >= 6, "the kills meet the steps: {kills}");
}

#[test]
fn unfinished_restore_or_migration_is_not_served() {
    for (file, word) in [
        ("chinwag.db.part", "an unfinished restore"),
        ("chinwag.db.migrating", "an unfinished migration"),
        ("chinwag-aside-1.db", "one that an unfinished restore has put aside"),
    ] {
        let program = program();
        fs::create_dir(program.data()).expect("a folder");
        fs::write(program.data().join(file), "half").expect("it can be written");
        for command in [
            &["serve", "--listen", "127.0.0.1:0"][..],
            &["user", "add", "ann", "--no-password"],
            &["user", "list"],
            &["backup", "one"],
        ] {
            let output = program.run(command);
            assert_eq!(output.code, Some(1), "{output:?}");
            assert!(output.stderr.contains(&format!("has no database, but {word}")), "{output:?}");
        }
        let check = program.run(&["check", "--listen", "127.0.0.1:0"]);
        assert!(check.stdout.contains(&format!("has no database, but {word}")), "{check:?}");
        assert!(!program.data().join("chinwag.db").exists());
    }
}

/// Makes the removal of files without a row due at the next start.
fn make_round_due(program: &Program) {
    let conn = Connection::open(program.data().join("chinwag.db")).expect("a database");
    let known: i64 = conn
        .query_row("SELECT count(*) FROM followers WHERE follower = 2", [], |row| row.get(0))
        .expect("a count");
    assert_eq!(known, 1, "a restore and a round both say when the last one was");
    conn.execute("DELETE FROM followers WHERE follower = 2", []).expect("no position");
}

#[tokio::test]
async fn files_of_a_database_put_aside_are_kept() {
    let program = program();
    let running = program.serve();
    let (ann, _) = sent_files(&program, &running).await;
    ok(program.run(&["backup", "one"]));
    let later = upload(&ann, "b.txt", "later").await;
    assert_eq!(running.stop().code, Some(0));
    let bytes = program.data().join("files").join(setup::id(&later));
    let file = File::options().write(true).open(&bytes).expect("its bytes");
    let written = file.metadata().and_then(|found| found.modified()).expect("a date");
    file.set_modified(written - Duration::from_secs(3 * 24 * 3600)).expect("an older date");
    ok(program.run(&["restore", "one", "--force"]));

    make_round_due(&program);
    let running = program.serve();
    let wait = Wait::begin();
    while !running.stderr().contains("files that belong to no row are kept as long as ") {
        wait.step(|| format!("the round is not held up: {}", running.stderr())).await;
    }
    let check = program.run(&["check"]).stdout;
    assert!(check.contains("chinwag-aside-1.db is there: remove it once nobody needs it"), "{check}");
    assert_eq!(running.stop().code, Some(0));
    assert!(bytes.exists());

    fs::remove_file(program.data().join("chinwag-aside-1.db")).expect("it was kept");
    let _running = program.serve();
    let wait = Wait::begin();
    while bytes.exists() {
        wait.step(|| "the file that no database knows stays".to_owned()).await;
    }
}
