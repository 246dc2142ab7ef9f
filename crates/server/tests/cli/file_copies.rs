//! The content of files in `backup`, `restore`, `migrate` and `check`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use chinwag_testkit::bucket::S3Server;
use chinwag_testkit::client::Client;
use chinwag_testkit::postgres::Database;
use chinwag_testkit::process::{Output, Program, Running};
use chinwag_testkit::setup;
use chinwag_testkit::wait::Wait;
use reqwest::Method;
use serde_json::{Value, json};

use crate::program;

pub(crate) const IMAGE: &[u8] = include_bytes!("../protocol/files/turned.jpg");
/// Enough files to kill a command while it copies them.
const MANY: usize = 300;

#[track_caller]
fn ok(output: Output) -> String {
    assert_eq!(output.code, Some(0), "{output:?}");
    output.stdout
}

pub(crate) async fn upload(user: &Client, name: &str, bytes: impl Into<reqwest::Body>) -> Value {
    let request = user.request(Method::POST, &format!("files/?name={name}"));
    user.send(request.body(bytes)).await.ok(201)
}

pub(crate) async fn read(user: &Client, file: &Value) -> (u16, Vec<u8>) {
    let path = format!("files/{}/name", setup::id(file));
    let answer = user.request(Method::GET, &path).send().await.expect("an answer");
    (answer.status().as_u16(), answer.bytes().await.expect("a body").to_vec())
}

/// Sends a message with a text file and an image. Returns its author and the two files.
pub(crate) async fn sent_files(program: &Program, running: &Running) -> (Client, Vec<Value>) {
    let service = program.service(running);
    let ann = service.user("ann").await;
    let group = setup::group(&service, &["ann"]).await;
    let files = vec![upload(&ann, "a.txt", "some text").await, upload(&ann, "a.jpg", IMAGE).await];
    assert!(files[1]["thumbnail"].is_object(), "{}", files[1]);
    let ids: Vec<_> = files.iter().map(setup::id).collect();
    ann.post("messages/", json!({ "group": group, "attachments": ids })).await.ok(201);
    (ann, files)
}

/// Asserts that a server serves both files and the thumbnail.
async fn assert_readable(running: &Running, ann: &Client, files: &[Value]) {
    let ann = Client::new(running.url(), Some(ann.token()), "ann");
    assert_eq!(read(&ann, &files[0]).await, (200, b"some text".to_vec()));
    let (status, image) = read(&ann, &files[1]).await;
    assert_eq!((status, json!(image.len())), (200, files[1]["size"].clone()));
    let small = files[1]["thumbnail"]["url"].as_str().expect("an address").replace("/api/v1/", "");
    assert_eq!(ann.get(&small).await.status, 200);
}

async fn append(user: &Client, upload: &str, offset: usize, bytes: &'static str) -> u16 {
    let request = user.request(Method::PATCH, upload).header("tus-resumable", "1.0.0");
    let request = request.header("upload-offset", offset).body(bytes);
    user.send(request.header("content-type", "application/offset+octet-stream")).await.status
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.map(|entry| entry.path()).filter(|path| path.is_file());
    files.filter(|path| !path.to_string_lossy().contains('#')).collect()
}

/// Starts a command and kills it once the folder has more than a number of files.
fn kill_among_files(mut command: Command, folder: &Path, more_than: usize) {
    let mut child = command.spawn().expect("it starts");
    let wait = Wait::begin();
    while entries(folder).len() <= more_than {
        assert_eq!(child.try_wait().expect("a child"), None, "it ended before it could be killed");
        assert!(!wait.is_over(), "nothing is copied");
        // Poll without a pause, in which a fast machine would copy the remaining files.
        thread::yield_now();
    }
    child.kill().expect("it runs");
    child.wait().expect("a child");
}

#[tokio::test]
async fn backup_is_restored_with_its_files() {
    let program = program();
    let running = program.serve();
    let (ann, files) = sent_files(&program, &running).await;
    let output = ok(program.run(&["backup", "one"]));
    assert!(output.starts_with("copied 3 objects of files ("), "{output}");
    let folder = program.folder().join("one.files");
    assert_eq!(entries(&folder).len(), 3);

    // The next backup copies only new files.
    let later = upload(&ann, "b.txt", "later").await;
    let output = ok(program.run(&["backup", "two", "--files", "one.files"]));
    assert!(output.starts_with("copied 1 objects of files ("), "{output}");
    assert!(output.lines().next().is_some_and(|line| line.ends_with(", 3 were there")), "{output}");
    assert_eq!(running.stop().code, Some(0));

    let refused = program.run(&["restore", "two", "--data", "fresh"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("there is no folder two.files: name it with --files"), "{refused:?}");
    assert!(!program.folder().join("fresh/chinwag.db").exists());
    ok(program.run(&["restore", "two", "--data", "fresh", "--files", "one.files"]));
    let running = program.serve_with(|command| {
        command.args(["--data", "fresh"]);
    });
    assert_readable(&running, &ann, &files).await;
    let ann = Client::new(running.url(), Some(ann.token()), "ann");
    assert_eq!(read(&ann, &later).await, (200, b"later".to_vec()));
    let check = ok(program.run(&["check", "--data", "fresh"]));
    assert!(check.contains("ok       the bytes of 3 files\n"), "{check}");
}

#[tokio::test]
async fn file_without_bytes_is_named_by_a_backup() {
    let program = program();
    let running = program.serve();
    let (ann, files) = sent_files(&program, &running).await;
    let removed = upload(&ann, "b.txt", "removed").await;
    let bytes = |file: &Value| program.data().join("files").join(setup::id(file));
    fs::remove_file(bytes(&files[0])).expect("it was there");
    let output = ok(program.run(&["backup", "one"]));
    assert!(output.contains(&format!("does not have the bytes of {}:", setup::id(&files[0]))), "{output}");
    // Stored bytes are removed after their row.
    ok(program.run(&["backup", "two"]));
    let path = format!("files/uploads/{}", setup::id(&removed));
    let end = ann.request(Method::DELETE, &path).header("tus-resumable", "1.0.0");
    assert_eq!(ann.send(end).await.status, 204);
    let output = ok(program.run(&["backup", "three"]));
    assert!(!output.contains(&setup::id(&removed)), "{output}");
}

#[tokio::test]
async fn killed_backup_is_invalid_until_it_is_completed() {
    let program = program();
    let running = program.serve();
    let ann = program.service(&running).user("ann").await;
    for number in 0..MANY {
        upload(&ann, "a.txt", format!("text {number}")).await;
    }
    let folder = program.folder().join("one.files");
    for round in 0..2 {
        kill_among_files(program.command(&["backup", "one"]), &folder, entries(&folder).len() + 5);
        assert!(!program.folder().join("one").exists(), "round {round}");
        fs::remove_file(program.folder().join("one.part")).expect("it was being written");
    }
    let had = entries(&folder).len();
    let output = ok(program.run(&["backup", "one"]));
    assert!(output.contains(&format!("copied {} objects of files", MANY - had)), "{had} {output}");
    assert_eq!(entries(&folder).len(), MANY);
    let written = fs::read_dir(&folder).expect("a folder").count();
    assert!(written <= MANY + 16, "{written}: at most what was being written when it was killed");
}

#[tokio::test]
async fn check_names_differences_and_restore_mends_them() {
    let program = program();
    let running = program.serve();
    let (ann, files) = sent_files(&program, &running).await;
    ok(program.run(&["backup", "one"]));
    let stored = program.data().join("files");
    let stray = "0b9c4a52-8f0e-4a39-9c84-0a3b7f6d1e25";
    fs::remove_file(stored.join(setup::id(&files[0]))).expect("it was there");
    fs::write(stored.join(setup::id(&files[1])), "half").expect("it can be written");
    fs::write(stored.join(stray), "stray").expect("it can be written");
    let output = program.run(&["check"]);
    assert_eq!(output.code, Some(1), "{output:?}");
    for (sentence, id) in [
        ("1 file has no bytes", setup::id(&files[0])),
        ("1 file has a wrong size", setup::id(&files[1])),
        ("1 file is in no row of the database", stray.to_owned()),
    ] {
        assert!(output.stdout.contains(&format!("problem  {sentence}: {id}: ")), "{}", output.stdout);
    }
    fs::remove_file(stored.join(stray)).expect("it was there");
    let output = ok(program.run(&["restore", "--files", "one.files"]));
    assert!(output.starts_with("copied 2 objects of files ("), "{output}");
    ok(program.run(&["check"]));
    assert_readable(&running, &ann, &files).await;
}

#[tokio::test]
async fn missing_folder_of_files_is_a_problem() {
    let program = program();
    let running = program.serve();
    sent_files(&program, &running).await;
    assert_eq!(running.stop().code, Some(0));
    fs::rename(program.data().join("files"), program.folder().join("away")).expect("it is moved");
    let output = program.run(&["check", "--listen", "127.0.0.1:0"]);
    assert_eq!(output.code, Some(1));
    assert!(output.stdout.contains("and the database has files: mount it"), "{}", output.stdout);
    let output = program.run(&["backup", "one"]);
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("name the server's settings with --config"), "{}", output.stderr);
    assert!(!program.folder().join("one").exists(), "without its files");
    assert!(!program.data().join("files").exists(), "looking makes nothing");
}

#[tokio::test]
async fn folder_of_files_that_is_not_mounted_stops_the_start() {
    let program = program();
    let (mount, away) = (program.folder().join("mount"), program.folder().join("away"));
    let on_mount = |command: &mut Command| {
        command.env("CHINWAG_FILES__STORE", format!("file://{}", mount.display()));
    };
    let refused = |found: &str| {
        let mut serve = program.command(&["serve", "--listen", "127.0.0.1:0"]);
        on_mount(&mut serve);
        let output = chinwag_testkit::process::finish(serve, "");
        assert_eq!(output.code, Some(1), "{output:?}");
        assert!(output.stderr.contains(found) && output.stderr.contains("mount it"), "{output:?}");
    };
    let running = program.serve_with(on_mount);
    let (ann, files) = sent_files(&program, &running).await;
    assert_eq!(running.stop().code, Some(0));
    fs::rename(&mount, &away).expect("it is moved");
    refused("files.store: there is no folder ");
    assert!(!mount.exists(), "a start that fails makes nothing");
    fs::create_dir(&mount).expect("it can be made");
    refused("/mount is empty");
    fs::remove_dir(&mount).expect("nothing is in it");
    fs::rename(&away, &mount).expect("it is moved back");
    assert_readable(&program.serve_with(on_mount), &ann, &files).await;
}

#[tokio::test]
async fn files_move_with_a_store_to_postgres_and_back() {
    let (program, database) = (program(), Database::new());
    let running = program.serve();
    let (ann, files) = sent_files(&program, &running).await;
    // An unfinished upload continues in its new location.
    let begin = ann.request(Method::POST, "files/uploads/").header("tus-resumable", "1.0.0");
    let upload = ann.send(begin.header("upload-length", 4)).await.header("location").to_owned();
    assert_eq!(append(&ann, &upload, 0, "01").await, 204);
    assert_eq!(running.stop().code, Some(0));

    let url = database.url();
    let location = format!("file://{}", program.folder().join("shared").display());
    let output = ok(program.run(&["migrate", "--to", &url, "--files-to", &location]));
    assert!(output.contains(&format!("start the server with files.store = {location:?}")), "{output}");
    assert_eq!(entries(&program.data().join("files")).len(), 3, "the source is left as it was");
    let with = |command: &mut Command| {
        command.args(["--database", &url]).env("CHINWAG_FILES__STORE", &location);
    };
    let running = program.serve_with(with);
    assert_readable(&running, &ann, &files).await;
    let ann = Client::new(running.url(), Some(ann.token()), "ann");
    assert_eq!(append(&ann, &upload, 2, "23").await, 204);
    let run = |args: &[&str]| {
        let mut command = program.command(args);
        command.env("CHINWAG_FILES__STORE", &location).env("CHINWAG_DATABASE", &url);
        chinwag_testkit::process::finish(command, "")
    };
    let output = ok(run(&["backup", "--files", "copies"]));
    assert!(output.starts_with("copied 4 objects of files ("), "{output}");
    fs::remove_file(program.folder().join("shared").join(setup::id(&files[0]))).expect("it was there");
    let check = run(&["check"]);
    assert!(check.stdout.contains("1 file has no bytes"), "{check:?}");
    ok(run(&["restore", "--files", "copies"]));
    assert_eq!(running.stop().code, Some(0));

    let mut back = program.command(&["migrate", "--from", &url, "--files-to", "data", "--data", "back"]);
    back.env("CHINWAG_FILES__STORE", &location);
    let output = ok(chinwag_testkit::process::finish(back, ""));
    assert!(output.contains("start the server with files.store = \"data\""), "{output}");
    let running = program.serve_with(|command| {
        command.args(["--data", "back"]);
    });
    assert_readable(&running, &ann, &files).await;
}

#[tokio::test]
async fn files_move_into_a_bucket_and_back() {
    let (program, bucket) = (program(), S3Server::start());
    let running = program.serve();
    let (ann, files) = sent_files(&program, &running).await;
    assert_eq!(running.stop().code, Some(0));
    let location = bucket.setting("chat");
    let run = |args: &[&str], store: &str| {
        let mut command = program.command(args);
        command.envs(bucket.variables()).env("CHINWAG_FILES__STORE", store);
        ok(chinwag_testkit::process::finish(command, ""))
    };
    let output = run(&["migrate", "--files-to", &location], "data");
    assert!(output.starts_with("copied 3 objects of files ("), "{output}");
    let again = run(&["migrate", "--files-to", &location], "data");
    assert!(again.starts_with("copied 0 objects of files (") && again.contains("3 were there"), "{again}");
    assert_eq!(bucket.keys().len(), 3);

    fs::remove_dir_all(program.data().join("files")).expect("it was there");
    let on_bucket = program.serve_with(|command| {
        command.envs(bucket.variables()).env("CHINWAG_FILES__STORE", &location);
    });
    assert_readable(&on_bucket, &ann, &files).await;
    assert!(run(&["check"], &location).contains("ok       the bytes of 2 files\n"));
    assert!(run(&["backup", "one"], &location).contains("copied 3 objects of files ("));
    assert_eq!(on_bucket.stop().code, Some(0));

    run(&["migrate", "--files-to", "data"], &location);
    let running = program.serve();
    assert_readable(&running, &ann, &files).await;
}

#[tokio::test]
async fn killed_migration_of_files_goes_on() {
    let program = program();
    let running = program.serve();
    let ann = program.service(&running).user("ann").await;
    for number in 0..MANY {
        upload(&ann, "a.txt", format!("text {number}")).await;
    }
    let folder = program.folder().join("there");
    let location = format!("file://{}", folder.display());
    let migrate = ["migrate", "--files-to", &location];
    kill_among_files(program.command(&migrate), &folder, 20);
    let had = entries(&folder).len();
    let output = ok(program.run(&migrate));
    assert!(output.contains(&format!("copied {} objects of files", MANY - had)), "{had} {output}");
    assert!(output.contains("a server runs on this folder: stop it, run this again"), "{output}");
    for copy in entries(&folder) {
        let source = program.data().join("files").join(copy.file_name().expect("a name"));
        assert_eq!(fs::read(&copy).expect("a copy"), fs::read(source).expect("the source"));
    }
    assert_eq!(entries(&folder).len(), MANY);
}
