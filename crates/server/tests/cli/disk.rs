//! A disk that fills up and is freed again.
//!
//! The data folder is a tmpfs of a few MiB in a private mount namespace: `unshare` starts a keeper process that
//! mounts it, and the server joins with `nsenter`. Both tools are in the Debian package `util-linux`. Needs
//! root or unprivileged user namespaces.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use chinwag_testkit::client::{Answer, Client};
use chinwag_testkit::process::{Program, Running};
use chinwag_testkit::wait::{WAIT_TIMEOUT, Wait};
use futures_util::future::join_all;
use rustix::fs::statvfs;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::backup::{group, history, sound};
use crate::program;

const MOUNT: &str = "mount -t tmpfs -o size=6m,mode=0700 tmpfs \"$1\" && echo mounted && read -r _";
const BALLAST: usize = 3 << 20;
const RESERVE: usize = 1 << 20;
/// Long messages fill the disk quickly.
const CHARS: usize = 16_384;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_only_writes_until_space_is_freed() {
    let (program, disk) = (program(), Disk::new());
    fs::write(disk.file("ballast"), vec![0; BALLAST]).expect("there is room for it");
    let running = disk.serve(&program);
    let service = disk.service(&program, &running);
    let (ann, bob) = (service.user("ann").await, service.user("bob").await);
    let group = group(&service, &[ann.clone(), bob.clone()]).await;

    let mut acknowledged = HashMap::new();
    let refused = fill(&ann, &group, &mut acknowledged).await;
    unavailable(&refused);
    assert!(acknowledged.len() > 20, "the disk was full from the start: {}", acknowledged.len());
    let mut socket = bob.ws().await;
    disk.fill_up();
    // The write-ahead log may still have space for small commits.
    while service.post("users/ann/tokens/", json!({ "ttl": 60 })).await.status == 201 {}
    until_ready_says(&service, 503).await;
    assert_eq!(disk.free_space(), 0);
    until_logged(&running, "database or disk is full").await;

    unavailable(&send(&ann, &group, "none").await);
    unavailable(&service.post("users/", json!({ "name": "cat" })).await);
    unavailable(&ann.patch(&format!("groups/{group}/"), json!({ "name": "h" })).await);
    let data = json!({ "group": group, "body": "none", "client_id": "none" });
    let said = socket.ask("message.text", data.clone()).await;
    assert_eq!((&said["type"], &said["code"]), (&json!("error.handler"), &json!(503)), "{said}");
    assert_eq!(history(&ann, &group).await, acknowledged, "reads go on");
    service.get("/healthz").await.ok(200);
    let head = 1 + i64::try_from(acknowledged.len()).expect("a count");
    assert_eq!(bob.ws().await.summary()[0]["head"], head, "and sockets are let in");

    disk.remove("ballast");
    until_ready_says(&service, 200).await;
    let said = socket.ask("message.text", data).await;
    assert_eq!((&said["type"], &said["seq"]), (&json!("message.text"), &json!(head + 1)), "{said}");
    acknowledged.insert("none".to_owned(), said["data"].clone());
    let more = send(&ann, &group, "more").await.ok(201);
    acknowledged.insert("more".to_owned(), more);
    running.kill();
    assert_kept(&disk, &program, &ann, &group, &acknowledged).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn below_the_minimum_of_free_space_only_additions_fail() {
    let (program, disk) = (program(), Disk::new());
    let running = disk.serve_above(&program, 2 << 20);
    let service = disk.service(&program, &running);
    let (ann, bob) = (service.user("ann").await, service.user("bob").await);
    let group = group(&service, &[ann.clone(), bob.clone()]).await;
    let sent = send(&ann, &group, "before").await.ok(201);
    let mut socket = bob.ws().await;
    let room = usize::try_from(disk.free_space()).expect("a few MiB");
    fs::write(disk.file("ballast"), vec![0; room - (1 << 20)]).expect("there is room for it");
    let wait = Wait::begin();
    while service.get("/readyz").await.json["why"] != "disk" {
        wait.step(|| format!("it does not see that the disk is nearly full: {}", running.stderr())).await;
    }
    assert!(disk.free_space() > 0, "it is not full yet");
    let figures = service.get("/metrics").await.text;
    for (why, figure) in [("disk", 1), ("store", 0), ("draining", 0)] {
        assert!(
            figures.contains(&format!("chinwag_unready{{why=\"{why}\"}} {figure}\n")),
            "{why}: {figures}"
        );
    }

    assert_eq!(send(&ann, &group, "none").await.status, 507);
    service.post("users/", json!({ "name": "cat" })).await.ok(507);
    service.post("groups/", json!({ "name": "g", "author": "ann" })).await.ok(507);
    let path = format!("messages/{}/", sent["id"].as_str().expect("an id"));
    ann.patch(&path, json!({ "body": "edited" })).await.ok(507);
    let said = socket.ask("message.text", json!({ "group": group, "body": "none" })).await;
    assert_eq!((&said["type"], &said["code"]), (&json!("error.handler"), &json!(507)), "{said}");
    ann.get(&path).await.ok(200);
    ann.delete(&path).await.ok(200);
    service.delete("users/ann/tokens/").await.ok(200);
    ann.get("users/").await.ok(401);
    service.delete("users/ann/").await.ok(200);

    disk.remove("ballast");
    until_ready_says(&service, 200).await;
    send(&bob, &group, "after").await.ok(201);
    assert_eq!(running.stop().code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_starts_with_a_full_disk_and_its_reserve() {
    let (program, disk) = (program(), Disk::new());
    let mut running = disk.serve_with_reserve(&program, RESERVE);
    let service = disk.service(&program, &running);
    let ann = service.user("ann").await;
    let group = group(&service, std::slice::from_ref(&ann)).await;
    let mut paths = Vec::new();
    for client_id in ["one", "two"] {
        let sent = send(&ann, &group, client_id).await.ok(201);
        paths.push(format!("messages/{}/", sent["id"].as_str().expect("an id")));
    }
    // The write-ahead log exists after a kill, and must be created after a clean shutdown.
    for (path, is_killed) in paths.iter().zip([true, false]) {
        if is_killed {
            running.kill();
        } else {
            assert_eq!(running.stop().code, Some(0));
        }
        disk.fill_up();
        assert_eq!(disk.free_space(), 0);
        let rotated = chinwag_testkit::process::finish(disk.command(&program, &["key", "--rotate"]), "");
        assert!(rotated.stderr.contains("its disk is full, so free some space"), "{rotated:?}");
        let names = fs::read_dir(disk.file("")).expect("a folder").flatten().map(|entry| entry.file_name());
        assert!(!names.into_iter().any(|name| name.to_string_lossy().starts_with("service-key.")));
        running = Running::launch(disk.serving_with_reserve(&program, RESERVE));
        running.wait_until_listening();
        let ann = Client::new(running.url(), Some(ann.token()), "ann");
        assert_eq!(send(&ann, &group, "none").await.status, 507);
        ann.delete(path).await.ok(200);
        disk.remove("stuffing");
        until_ready_says(&ann, 200).await;
    }
    assert_eq!(running.stop().code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deletions_work_on_a_completely_full_disk() {
    let (program, disk) = (program(), Disk::new());
    let running = disk.serve_with_reserve(&program, RESERVE);
    let reserve = || fs::metadata(disk.file("chinwag.db-reserve")).expect("it is there").len();
    assert_eq!(reserve(), RESERVE as u64);
    let service = disk.service(&program, &running);
    let mut clients = Vec::new();
    for name in ["ann", "bob", "cat", "dan"] {
        clients.push(service.user(name).await);
    }
    let [ann, bob, cat, dan] = <[Client; 4]>::try_from(clients).expect("four");
    let group = group(&service, &[ann.clone(), bob.clone(), cat.clone(), dan.clone()]).await;
    let mut sent = Vec::new();
    for number in 0..20 {
        let body = json!({ "group": group, "body": format!("{number}") });
        sent.push(ann.post("messages/", body).await.ok(201)["id"].as_str().expect("an id").to_owned());
    }
    disk.fill_up();
    assert_eq!(disk.free_space(), 0);
    // Write until the write-ahead log is full and the reserve is used.
    let mut acknowledged = HashMap::new();
    assert_eq!(fill(&bob, &group, &mut acknowledged).await.status, 507);
    assert!(reserve() < RESERVE as u64, "a part was given up");
    assert_eq!(service.get("/readyz").await.json["why"], "disk");
    until_logged(&running, "the disk is full").await;

    for id in &sent {
        ann.delete(&format!("messages/{id}/")).await.ok(200);
        assert_eq!(send(&bob, &group, "none").await.status, 507);
    }
    service.post("users/", json!({ "name": "eve" })).await.ok(507);
    service.patch(&format!("groups/{group}/"), json!({ "name": "h" })).await.ok(507);
    service.patch(&format!("groups/{group}/"), json!({ "remove": ["dan"] })).await.ok(200);
    cat.post(&format!("groups/{group}/quit/"), json!({})).await.ok(200);
    service.delete("users/cat/tokens/").await.ok(200);
    cat.get("users/").await.ok(401);
    service.delete("users/ann/").await.ok(200);
    let left = history(&bob, &group).await;
    assert_eq!(left, acknowledged, "reads go on, and nothing else is left");

    disk.remove("stuffing");
    until_ready_says(&service, 200).await;
    assert_eq!(reserve(), RESERVE as u64, "it was made anew");
    send(&bob, &group, "after").await.ok(201);
    assert_eq!(running.stop().code, Some(0));
}

/// Asserts that after a crash the group has exactly the acknowledged messages.
async fn assert_kept(
    disk: &Disk,
    program: &Program,
    ann: &Client,
    group: &str,
    acknowledged: &HashMap<String, Value>,
) {
    let running = disk.serve(program);
    let ann = Client::new(running.url(), Some(ann.token()), "ann");
    assert_eq!(history(&ann, group).await, *acknowledged);
    let output = running.stop();
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(!disk.file("chinwag.db-wal").exists(), "the journal was brought into the database");
    let copy = program.folder().join("copy.db");
    fs::copy(disk.file("chinwag.db"), &copy).expect("it is copied");
    assert_eq!(sound(&copy).len(), acknowledged.len() + 1, "the beginning, and the messages");
}

/// Sends until a message is refused. Adds the acknowledged messages to `acknowledged` and returns the refusal.
async fn fill(client: &Client, group: &str, acknowledged: &mut HashMap<String, Value>) -> Answer {
    let mut number = 0;
    let by = Instant::now() + WAIT_TIMEOUT;
    loop {
        assert!(Instant::now() < by, "the disk does not fill up");
        let names: Vec<_> = (number..number + 4).map(|number| format!("message-{number}")).collect();
        number += names.len();
        let mut refused = None;
        let answers = join_all(names.iter().map(|name| send(client, group, name))).await;
        for (name, answer) in names.into_iter().zip(answers) {
            if answer.status == 201 {
                acknowledged.insert(name, answer.json);
            } else {
                refused = Some(answer);
            }
        }
        if let Some(refused) = refused {
            return refused;
        }
    }
}

async fn send(client: &Client, group: &str, client_id: &str) -> Answer {
    let body = client_id.repeat(CHARS / client_id.len());
    client.post("messages/", json!({ "group": group, "body": body, "client_id": client_id })).await
}

/// Polls `/readyz` until it answers three times in a row with this status: a single 503 may be due to a busy
/// machine.
async fn until_ready_says(client: &Client, status: u16) {
    let (by, mut on_end) = (Instant::now() + WAIT_TIMEOUT, 0);
    while on_end < 3 {
        let answer = client.get("/readyz").await;
        on_end = if answer.status == status { on_end + 1 } else { 0 };
        assert!(Instant::now() < by, "/readyz does not say {status}: {}", answer.text);
    }
}

/// Waits until the server's log contains this text.
async fn until_logged(running: &Running, words: &str) {
    let wait = Wait::begin();
    while !running.stderr().contains(words) {
        wait.step(|| format!("the log has no {words:?}: {}", running.stderr())).await;
    }
}

#[track_caller]
fn unavailable(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.text);
    let after: u64 = answer.header("retry-after").parse().expect("it says when to try again");
    assert!(after > 0);
}

/// A small file system, unmounted on drop.
struct Disk {
    keeper: Child,
    /// The mount point, visible only in the keeper's namespace.
    place: TempDir,
}

impl Disk {
    fn new() -> Self {
        let place = tempfile::tempdir().expect("a temporary folder can be made");
        let mut command = Command::new("unshare");
        command.args(if is_root() { &["--mount"][..] } else { &["--map-root-user", "--mount"][..] });
        command.args(["--propagation", "private", "--", "sh", "-c", MOUNT, "sh"]).arg(place.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let needed = "this test needs unshare and nsenter (Debian: util-linux), and to be run as root or \
                      where anybody may make user namespaces and mount a tmpfs in them";
        let mut keeper = command.spawn().unwrap_or_else(|why| panic!("{needed}: {why}"));
        let mut word = String::new();
        let out = keeper.stdout.as_mut().expect("it was piped");
        BufReader::new(out).read_line(&mut word).expect("it is text");
        let disk = Self { keeper, place };
        assert_eq!(word, "mounted\n", "{needed}; what they said is above");
        disk
    }

    /// The path by which this process reaches a file on it.
    fn file(&self, name: &str) -> PathBuf {
        let inside = self.place.path().canonicalize().expect("it is there");
        let inside = inside.strip_prefix("/").expect("it is absolute").join(name);
        PathBuf::from(format!("/proc/{}/root", self.keeper.id())).join(inside)
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.file(name)).expect("it is there");
    }

    /// Free space in bytes.
    fn free_space(&self) -> u64 {
        let found = statvfs(self.file("")).expect("it answers");
        found.f_bavail * found.f_frsize
    }

    /// Fills the remaining space.
    fn fill_up(&self) {
        let file = File::options().create(true).append(true).open(self.file("stuffing"));
        let mut file = file.expect("a name takes no room");
        loop {
            match file.write(&[0; 4096]) {
                Ok(_) => {}
                Err(why) if why.kind() == ErrorKind::StorageFull => return,
                Err(why) => panic!("it cannot be written to: {why}"),
            }
        }
    }

    /// A command with this file system as its data folder.
    fn command(&self, program: &Program, args: &[&str]) -> Command {
        let plain = program.command(args);
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.keeper.id().to_string(), "--mount"]);
        if !is_root() {
            command.args(["--user", "--preserve-credentials"]);
        }
        command.arg("--").arg(plain.get_program()).args(plain.get_args());
        command.arg("--data").arg(self.place.path()).stdin(Stdio::null());
        command.env("CHINWAG_LIMITS__MESSAGE_CHARS", CHARS.to_string());
        for (name, value) in plain.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    fn serve(&self, program: &Program) -> Running {
        self.serve_above(program, 0)
    }

    /// Serves with a minimum of free bytes.
    fn serve_above(&self, program: &Program, min_free: usize) -> Running {
        let mut command = self.command(program, &["serve", "--listen", "127.0.0.1:0"]);
        command.env("CHINWAG_STORE__MIN_FREE", min_free.to_string());
        Running::start(command)
    }

    /// Serves with a reserve of this many bytes.
    fn serve_with_reserve(&self, program: &Program, reserve: usize) -> Running {
        Running::start(self.serving_with_reserve(program, reserve))
    }

    fn serving_with_reserve(&self, program: &Program, reserve: usize) -> Command {
        let mut command = self.command(program, &["serve", "--listen", "127.0.0.1:0"]);
        command.env("CHINWAG_STORE__MIN_FREE", "0").env("CHINWAG_STORE__RESERVE", reserve.to_string());
        command
    }

    fn service(&self, program: &Program, running: &Running) -> Client {
        let output = chinwag_testkit::process::finish(self.command(program, &["key"]), "");
        assert_eq!(output.code, Some(0), "{}", output.stderr);
        Client::new(running.url(), Some(output.stdout.trim_end()), "service")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
