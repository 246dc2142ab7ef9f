//! `kill -9` during uploads, image resizing, attachment, deletion and removal. Afterwards the database, the
//! folder and the served bytes agree.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use chinwag_core::file::StoredFile;
use chinwag_core::file_store::Attempt;
use chinwag_core::message::MessageDetail;
use chinwag_testkit::client::Client;
use chinwag_testkit::process::{Program, Running};
use chinwag_testkit::setup::{crowd, group, history, id};
use chinwag_testkit::trial::{WAIT_TIMEOUT, random, report, times};
use chinwag_testkit::wait::Wait;
use reqwest::Method;
use rusqlite::{Connection, Row};
use serde_json::json;
use uuid::Uuid;

use crate::program;
use crate::uploader::{Cut, Uploader};

const UPLOADERS: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_leave_no_orphan_and_no_message_without_its_file() {
    let kills = times(5, 150);
    let program = program();
    let running = program.serve();
    let service = program.service(&running);
    let users = crowd(&service, "uploader", UPLOADERS).await;
    let names: Vec<_> = users.iter().map(Client::name).collect();
    let group = group(&service, &names).await;
    let done = Arc::<AtomicUsize>::default();
    let mut uploaders = Vec::new();
    for user in users {
        uploaders.push(Uploader::new(user, &group, done.clone()).await);
    }
    assert_eq!(running.stop().code, Some(0));
    let (mut cuts, mut lives) = (BTreeMap::new(), 0);
    while lives < kills || Cut::ALL.iter().any(|cut| !cuts.contains_key(cut)) {
        assert!(lives < kills * 10, "the kills met {cuts:?} alone");
        uploaders = run_until_killed(&program, uploaders, &done).await;
        for cut in uploaders.iter().filter_map(Uploader::cut) {
            *cuts.entry(cut).or_insert(0) += 1;
        }
        lives += 1;
    }
    let running = program.serve();
    for uploader in &mut uploaders {
        uploader.settle(running.url()).await;
    }
    let service = program.service(&running);
    let mut expected = BTreeMap::new();
    for uploader in &uploaders {
        expected.extend(uploader.messages());
    }
    let mut found = BTreeMap::new();
    for message in history(&service, &group).await {
        let files: Vec<_> = message["attachments"].as_array().expect("a list").iter().map(id).collect();
        found.extend((!files.is_empty()).then(|| (id(&message), files)));
    }
    assert_eq!(found, expected, "the messages have other files");
    assert_eq!(running.stop().code, Some(0));
    assert_agree(&program).await;
    let told = cuts.iter().map(|(cut, count)| format!("{count} × {cut:?}")).collect::<Vec<_>>().join(", ");
    report("attachments", format!("{lives} kills"), format!("cut: {told}; {} messages whole", found.len()));
}

/// Runs the server until it has answered a number of requests, then kills it.
async fn run_until_killed(
    program: &Program,
    uploaders: Vec<Uploader>,
    done: &Arc<AtomicUsize>,
) -> Vec<Uploader> {
    let running = program.serve();
    let enough = done.load(Ordering::Relaxed) + random(60);
    let run = |uploader: Uploader| tokio::spawn(uploader.run(running.url().to_owned()));
    let tasks: Vec<_> = uploaders.into_iter().map(run).collect();
    let wait = Wait::begin();
    while done.load(Ordering::Relaxed) < enough && tasks.iter().all(|task| !task.is_finished()) {
        wait.step(|| "too few requests are answered").await;
    }
    running.kill();
    let mut uploaders = Vec::new();
    for task in tasks {
        uploaders.push(task.await.expect("an uploader finds everything as it was told"));
    }
    uploaders
}

#[tokio::test]
async fn killed_removal_of_bytes_goes_on() {
    const FILES: usize = 120;
    let program = program();
    let folder = program.data().join("files");
    let mut attempts = 0;
    let (ann, files) = loop {
        attempts += 1;
        assert!(attempts < 10, "no kill met the removal");
        let running = serve(&program);
        let ann = program.service(&running).user(&format!("ann{attempts}")).await;
        let group = group(&program.service(&running), &[ann.name()]).await;
        let (mut files, mut messages) = (Vec::new(), Vec::new());
        for chunk in 0..FILES / 10 {
            let mut ids = Vec::new();
            for number in 0..10 {
                let request = ann.request(Method::POST, "files/").body(format!("{chunk} {number}"));
                ids.push(id(&ann.send(request).await.ok(201)));
            }
            let message = json!({ "group": group, "attachments": ids });
            messages.push(id(&ann.post("messages/", message).await.ok(201)));
            files.extend(ids);
        }
        assert_eq!(objects(&folder).len(), FILES);
        for message in &messages {
            ann.delete(&format!("messages/{message}/")).await.ok(200);
        }
        let wait = Wait::begin();
        while objects(&folder).len() == FILES {
            assert!(!wait.is_over(), "nothing is removed");
            // Poll without a pause, in which a fast machine would remove the remaining bytes.
            tokio::task::yield_now().await;
        }
        running.kill();
        if !objects(&folder).is_empty() {
            break (ann, files);
        }
    };
    let running = serve(&program);
    let ann = Client::new(running.url(), Some(ann.token()), ann.name());
    for file in files {
        assert_eq!(ann.get(&format!("files/{file}/name")).await.status, 404);
    }
    let wait = Wait::begin();
    while !objects(&folder).is_empty() {
        wait.step(|| format!("{} objects are left", objects(&folder).len())).await;
    }
    assert_eq!(running.stop().code, Some(0));
    assert_agree(&program).await;
}

/// Starts the program with short leases, so that it soon takes over the work of the killed process.
fn serve(program: &Program) -> Running {
    program.serve_with(|command| {
        command.env("CHINWAG_PRESENCE__LEASE", "3s");
    })
}

/// A row of the table `files`.
struct FileEntry {
    owner: i64,
    state: i64,
    size: i64,
    carrier: Option<([u8; 16], i64)>,
    file: Option<StoredFile>,
}

const RESERVED: i64 = 0;
const ATTACHED: i64 = 2;
const DROPPED: i64 = 3;
/// The follower that removes objects without a file.
const STRAY_FILES: i64 = 2;

/// Makes uploads expire and the storage scans due, and compares the database with the folder after the server
/// has removed stray objects. The server must not be running.
async fn assert_agree(program: &Program) {
    let folder = program.data().join("files");
    let database = open(program);
    // One second after the epoch.
    let expire = format!("UPDATE files SET due = 1000000 WHERE state = {RESERVED}");
    database.execute(&expire, []).expect("rows");
    let round = "UPDATE followers SET position = NULL WHERE follower = ?1";
    database.execute(round, [STRAY_FILES]).expect("a row");
    for object in objects(&folder) {
        let file = File::options().write(true).open(folder.join(object)).expect("it is there");
        file.set_modified(SystemTime::UNIX_EPOCH).expect("its date can be set");
    }
    drop(database);
    let running = program.serve();
    let wait = Wait::begin();
    loop {
        let rows = file_rows(&open(program));
        let left = rows.iter().filter(|row| [RESERVED, DROPPED].contains(&row.state)).count();
        let files = rows.iter().filter_map(|row| row.file.as_ref());
        let expected: BTreeSet<_> = files.flat_map(names).collect();
        let found = objects(&folder);
        if left == 0 && found == expected {
            break;
        }
        let (more, missing): (Vec<_>, Vec<_>) =
            (found.difference(&expected).collect(), expected.difference(&found).collect());
        wait.step(|| format!("{left} rows and {more:?} are left over, {missing:?} are missing")).await;
    }
    assert_eq!(running.stop().code, Some(0));
    let database = open(program);
    let rows = file_rows(&database);
    for file in rows.iter().filter_map(|row| row.file.as_ref()) {
        let whole = names(file).next().expect("a file has bytes");
        let size = fs::metadata(folder.join(whole)).expect("it is there").len();
        assert_eq!(size, file.size, "{}", file.id);
    }
    assert_eq!(sums(&rows), usage(&database), "the quotas count other sums");
    assert_eq!(carried(&rows), attachments(&database), "files and messages do not name each other");
    let check = program.run(&["check"]);
    assert_eq!(check.code, Some(0), "{check:?}");
}

fn open(program: &Program) -> Connection {
    let database = Connection::open(program.data().join("chinwag.db")).expect("the file opens");
    database.busy_timeout(WAIT_TIMEOUT).expect("a wait");
    database
}

/// All objects in a folder, including those still being written.
fn objects(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            found.extend(objects(&entry.path()).iter().map(|within| format!("{name}/{within}")));
        } else {
            found.insert(name);
        }
    }
    found
}

/// The object names of a complete file.
fn names(file: &StoredFile) -> impl Iterator<Item = String> {
    let (whole, thumbnail) = match file.attempt {
        Attempt::ONLY => (file.id.to_string(), format!("{}.thumb", file.id)),
        Attempt(number) => {
            let name = |kind| format!("uploads/{}/{kind}-{number:016x}", file.id);
            (name("whole"), name("thumb"))
        }
    };
    [Some(whole), file.thumbnail.as_ref().map(|_| thumbnail)].into_iter().flatten()
}

fn file_rows(database: &Connection) -> Vec<FileEntry> {
    let read = |row: &Row<'_>| {
        let carrier = row.get::<_, Option<[u8; 16]>>(3)?.zip(row.get(4)?);
        let file = row.get::<_, Option<Vec<u8>>>(5)?.and_then(|detail| StoredFile::from_stored(&detail));
        Ok(FileEntry { owner: row.get(0)?, state: row.get(1)?, size: row.get(2)?, carrier, file })
    };
    let all = "SELECT owner_id, state, size, group_id, message_seq, detail FROM files";
    let mut statement = database.prepare(all).expect("the table is there");
    let rows = statement.query_map([], read).expect("rows");
    rows.collect::<Result<_, _>>().expect("files")
}

/// Bytes and number of files per user; the totals are under user 0.
fn sums(rows: &[FileEntry]) -> BTreeMap<i64, (i64, i64)> {
    let mut sums = BTreeMap::new();
    for row in rows.iter().filter(|row| row.state != DROPPED) {
        for owner in [row.owner, 0] {
            let (bytes, files) = sums.entry(owner).or_default();
            *bytes += row.size;
            *files += 1;
        }
    }
    sums
}

/// The same totals as stored in the database.
fn usage(database: &Connection) -> BTreeMap<i64, (i64, i64)> {
    let all = "SELECT user_id, bytes, files FROM file_usage WHERE bytes <> 0 OR files <> 0";
    let mut statement = database.prepare(all).expect("the table is there");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?)))).expect("rows");
    rows.collect::<Result<_, _>>().expect("sums")
}

/// Attached files with their messages, according to the table `files`.
fn carried(rows: &[FileEntry]) -> BTreeSet<(Uuid, [u8; 16], i64)> {
    let attached = rows.iter().filter(|row| row.state == ATTACHED);
    let named = attached.map(|row| {
        let (file, (group, seq)) =
            (row.file.as_ref().expect("it is complete"), row.carrier.expect("a message"));
        (file.id.0, group, seq)
    });
    named.collect()
}

/// The same, according to the messages.
fn attachments(database: &Connection) -> BTreeSet<(Uuid, [u8; 16], i64)> {
    let all = "SELECT group_id, seq, detail FROM messages WHERE detail IS NOT NULL";
    let mut statement = database.prepare(all).expect("the table is there");
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get::<_, Vec<u8>>(2)?));
    let mut found = BTreeSet::new();
    for row in statement.query_map([], read).expect("rows") {
        let (group, seq, detail) = row.expect("a message");
        let (detail, _) = MessageDetail::read(&detail);
        found.extend(detail.attachments.iter().map(|file| (file.id.0, group, seq)));
    }
    found
}
