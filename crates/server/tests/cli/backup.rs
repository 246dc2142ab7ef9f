//! `chinwag backup` and `chinwag restore`.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use chinwag_testkit::client::Client;
use chinwag_testkit::process::{Output, Program, Running};
use chinwag_testkit::setup::{self, seq};
use chinwag_testkit::wait::WAIT_TIMEOUT;
use futures_util::{SinkExt, StreamExt};
use reqwest::Method;
use rusqlite::Connection;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::program;

const BY_REST: usize = 4;
const BY_SOCKET: usize = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_has_all_earlier_acknowledgements() {
    let program = Arc::new(program());
    let running = program.serve();
    let service = program.service(&running);
    let mut users = Vec::new();
    for number in 0..BY_REST + BY_SOCKET {
        users.push(service.user(&format!("writer{number}")).await);
    }
    let group = group(&service, &users).await;
    let load = Load::start(&running, &users, &group);

    load.reach(200).await;
    let (before, file) = back_up_under(&load, &program).await;
    load.reach(load.count() + 100).await;
    running.kill();
    let newest = load.end().await.values().map(seq).max().expect("there are some");

    let numbers = sound(&program.folder().join(&file));
    let restored = ok(program.run(&["restore", &file, "--data", "fresh"]));
    assert!(restored.starts_with(&format!("restored {file} to ")), "{restored}");
    let running = program.serve_with(|command| {
        command.args(["--data", "fresh"]);
    });
    let writer = Client::new(running.url(), Some(users[0].token()), "writer0");
    let history = history(&writer, &group).await;
    for (client_id, message) in &before {
        assert_eq!(history.get(client_id), Some(message), "acknowledged before the backup began");
    }
    assert_eq!(history.len() + 1, numbers.len(), "the beginning, and the messages");
    let head = i64::try_from(numbers.len()).expect("a count");
    assert!(newest > head, "there were acknowledgements after it, too: {newest}, {head}");
    assert_client_recovers(&writer, &group, newest, head).await;
    assert_eq!(running.stop().code, Some(0));
    assert_eq!(sound(&program.folder().join("fresh/chinwag.db")).len(), numbers.len() + 1);
}

/// Makes a backup while the writers write. Returns the messages acknowledged before it began, and the backup's
/// name.
async fn back_up_under(load: &Load, program: &Arc<Program>) -> (HashMap<String, Value>, String) {
    for number in 0..10 {
        let (before, file) = (load.told(), format!("backup-{number}.db"));
        let (of, name) = (program.clone(), file.clone());
        let output = spawn_blocking(move || of.run(&["backup", &name])).await.expect("it ends");
        let meanwhile = load.count() - before.len();
        assert!(ok(output).starts_with("backed up "));
        let written = fs::metadata(program.folder().join(&file)).expect("it is there");
        assert_eq!(written.mode() & 0o777, 0o600);
        if meanwhile > 0 {
            return (before, file);
        }
    }
    panic!("nobody is acknowledged anything while a backup is made: it makes the writers wait");
}

/// A client that has events beyond the restored state is refused with `seq_ahead`, and continues from the
/// summary.
async fn assert_client_recovers(client: &Client, group: &str, held: i64, head: i64) {
    let mut socket = client.ws().await;
    let done = socket.ask("sync.resume", json!({ "groups": { group: held } })).await;
    assert_eq!(done["data"], json!({ "groups": {}, "refused": { group: "seq_ahead" } }));
    let shown = socket.summary().as_array().expect("an array").iter().find(|shown| shown["id"] == group);
    assert_eq!(shown.expect("the group is in the summary")["head"], head);
    let done = socket.ask("sync.resume", json!({ "groups": { group: head } })).await;
    assert_eq!(done["data"], json!({ "groups": { group: head }, "refused": {} }));
    let said = socket.ask("message.text", json!({ "group": group, "body": "again" })).await;
    assert_eq!((&said["type"], &said["seq"]), (&json!("message.text"), &json!(head + 1)));
}

#[tokio::test]
async fn restore_replaces_a_database_only_with_force() {
    let program = program();
    let running = program.serve();
    program.service(&running).user("ann").await;
    ok(program.run(&["backup", "one"]));
    refused(&program.run(&["backup", "one"]), "one already exists");
    program.service(&running).user("bob").await;
    let served = program.run(&["restore", "one", "--force"]);
    refused(&served, "another chinwag serves the data folder ");
    // Kill it, so that the database keeps its write-ahead log.
    running.kill();
    refused(&program.run(&["restore", "one"]), "the data folder ");
    fs::write(program.data().join("chinwag.db.part"), "broken off").expect("it can be written");
    let told = ok(program.run(&["restore", "one", "--force"]));
    let kept = told.lines().last().expect("a line").strip_prefix("the database that was there is kept as ");
    let kept = kept.expect("it is said where").to_owned();
    assert!(
        fs::exists(format!("{kept}-wal")).expect("the folder can be read"),
        "its journal is kept with it"
    );
    assert_eq!(ok(program.run(&["user", "list"])), "ann\n");
    assert!(!program.data().join("chinwag.db.part").exists());

    // The database put aside is intact and can itself be restored.
    ok(program.run(&["restore", &kept, "--data", "other"]));
    assert_eq!(ok(program.run(&["user", "list", "--data", "other"])), "ann\nbob\n");
    let again = ok(program.run(&["restore", &kept, "--force"]));
    assert!(again.lines().last().expect("a line").ends_with("chinwag-aside-2.db"), "{again}");
    assert_eq!(ok(program.run(&["user", "list"])), "ann\nbob\n");
}

#[test]
fn an_unsound_backup_is_refused_and_changes_nothing() {
    let program = program();
    let at = |name: &str| program.folder().join(name);
    ok(program.run(&["user", "add", "ann", "--no-password"]));
    ok(program.run(&["backup", "whole"]));
    let restore = |name: &str| program.run(&["restore", name, "--force"]);

    refused(&restore("nowhere"), "there is no file nowhere\n");
    fs::write(at("text"), "no database".repeat(99)).expect("it can be written");
    refused(&restore("text"), "the file text is not a database\n");
    fs::write(at("empty"), "").expect("it can be written");
    refused(&restore("empty"), "the file empty is empty: it contains no chinwag database\n");
    let other = Connection::open(at("other")).expect("it opens");
    other.execute_batch("CREATE TABLE t (a)").expect("a table");
    refused(&restore("other"), "the database other belongs to another program\n");
    fs::copy(at("whole"), at("newer")).expect("it is copied");
    let newer = Connection::open(at("newer")).expect("it opens");
    newer.pragma_update(None, "user_version", 1000).expect("it is written");
    refused(&restore("newer"), "the database newer was written by a newer chinwag ");
    fs::copy(at("whole"), at("damaged")).expect("it is copied");
    crate::damage(&at("damaged"));
    refused(&restore("damaged"), "the database damaged is damaged: ");

    assert_eq!(ok(program.run(&["user", "list"])), "ann\n");
    let left: Vec<_> =
        fs::read_dir(program.data()).expect("a folder").map(|e| e.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| ["chinwag.db", "lock"].contains(&name.to_str().unwrap())), "{left:?}");
}

#[test]
fn a_backup_that_cannot_be_made_is_a_sentence() {
    let program = program();
    refused(&program.run(&["backup", "one"]), "there is no data folder ");
    program.serve().stop();
    fs::remove_file(program.data().join("chinwag.db")).expect("it was there");
    refused(&program.run(&["backup", "one"]), "the data folder ");
    program.serve().stop();
    ok(program.run(&["user", "add", "ann", "--no-password"]));
    refused(&program.run(&["backup", "no/one"]), "no/one.part cannot be written: ");
    fs::write(program.folder().join("one.part"), "").expect("it can be written");
    refused(&program.run(&["backup", "one"]), "one.part already exists: ");
    assert_eq!(program.run(&["backup"]).code, Some(2));
}

#[track_caller]
fn ok(output: Output) -> String {
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    output.stdout
}

#[track_caller]
fn refused(output: &Output, sentence: &str) {
    assert_eq!((output.code, &*output.stdout), (Some(1), ""), "{}", output.stderr);
    assert!(output.stderr.starts_with(&format!("chinwag: {sentence}")), "{}", output.stderr);
    assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
}

/// Asserts that a database is intact and that no log has a gap. Returns the numbers of its only group.
pub(crate) fn sound(path: &Path) -> Vec<i64> {
    let file = Connection::open(path).expect("the file opens");
    let sound: String = file.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a check");
    assert_eq!(sound, "ok");
    let mut broken = file.prepare("PRAGMA foreign_key_check").expect("a check");
    assert!(!broken.exists([]).expect("a check"), "a row names what is not there");
    let all = "SELECT seq FROM messages UNION ALL SELECT seq FROM log_entries ORDER BY seq";
    let mut numbers = file.prepare(all).expect("the tables are there");
    let numbers: Vec<i64> =
        numbers.query_map([], |row| row.get(0)).expect("rows").map(|seq| seq.expect("a number")).collect();
    let head: i64 =
        file.query_row("SELECT last_seq FROM groups", [], |row| row.get(0)).expect("there is one group");
    assert_eq!(numbers, (1..=head).collect::<Vec<_>>(), "each number once, and no gap");
    numbers
}

/// Creates a group of these users; the first is the owner.
pub(crate) async fn group(service: &Client, users: &[Client]) -> String {
    let names: Vec<_> = users.iter().map(Client::name).collect();
    setup::group(service, &names).await
}

/// Every message of the group by `client_id`, read page by page.
pub(crate) async fn history(client: &Client, group: &str) -> HashMap<String, Value> {
    let mut history = HashMap::new();
    for message in setup::history(client, group).await {
        let client_id = setup::text(&message["client_id"]);
        assert!(history.insert(client_id.clone(), message).is_none(), "{client_id} twice");
    }
    history
}

/// Writers that send without pauses until the server stops.
struct Load {
    told: Arc<watch::Sender<HashMap<String, Value>>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Load {
    fn start(running: &Running, users: &[Client], group: &str) -> Self {
        let told = Arc::new(watch::Sender::new(HashMap::new()));
        let mut tasks = Vec::new();
        for (number, user) in users.iter().enumerate() {
            let writer = Writer { client: user.clone(), group: group.to_owned(), told: told.clone() };
            let url = running.url().replacen("http", "ws", 1);
            tasks.push(if number < BY_REST {
                tokio::spawn(writer.write_rest())
            } else {
                tokio::spawn(writer.write_socket(url))
            });
        }
        Self { told, tasks }
    }

    /// The acknowledged messages by `client_id`.
    fn told(&self) -> HashMap<String, Value> {
        self.told.borrow().clone()
    }

    fn count(&self) -> usize {
        self.told.borrow().len()
    }

    /// Waits until at least `count` messages are acknowledged.
    async fn reach(&self, count: usize) {
        let mut told = self.told.subscribe();
        let enough = timeout(WAIT_TIMEOUT, told.wait_for(|told| told.len() >= count)).await;
        enough.expect("the writers write").expect("they are there");
    }

    /// Waits until every writer has lost the server; returns all acknowledged messages.
    async fn end(self) -> HashMap<String, Value> {
        for task in self.tasks {
            timeout(WAIT_TIMEOUT, task).await.expect("it ends").expect("it does not panic");
        }
        self.told.borrow().clone()
    }
}

struct Writer {
    client: Client,
    group: String,
    told: Arc<watch::Sender<HashMap<String, Value>>>,
}

impl Writer {
    fn message(&self, number: usize) -> (String, Value) {
        let client_id = format!("{}-{number}", self.client.name());
        let body = format!("{client_id} {}", "ö".repeat(number * 37 % 500));
        let data = json!({ "group": self.group, "body": body, "client_id": client_id });
        (client_id, data)
    }

    fn acknowledged(&self, client_id: String, message: Value) {
        self.told.send_modify(|told| {
            told.insert(client_id, message);
        });
    }

    async fn write_rest(self) {
        for number in 0.. {
            let (client_id, data) = self.message(number);
            let request = self.client.request(Method::POST, "messages/").json(&data);
            let exchange = async {
                let response = request.send().await.ok()?;
                Some((response.status().as_u16(), response.text().await.ok()?))
            };
            let answer = timeout(WAIT_TIMEOUT, exchange).await.expect("an answer or the end comes");
            let Some((status, text)) = answer else { return };
            assert_eq!(status, 201, "{text}");
            self.acknowledged(client_id, serde_json::from_str(&text).expect("a message is JSON"));
        }
    }

    async fn write_socket(self, url: String) {
        let mut request = format!("{url}/chat/").into_client_request().expect("the address is right");
        let bearer = format!("Bearer {}", self.client.token()).parse().expect("a header's value");
        request.headers_mut().insert("authorization", bearer);
        let (mut socket, _) = connect_async(request).await.expect("the server is there");
        for number in 0.. {
            let (client_id, data) = self.message(number);
            let frame = json!({ "type": "message.text", "data": data, "ref": client_id }).to_string();
            if socket.send(Message::text(frame)).await.is_err() {
                return;
            }
            let message = loop {
                let came = timeout(WAIT_TIMEOUT, socket.next()).await.expect("a frame or the end comes");
                let Some(Ok(came)) = came else { return };
                let Ok(text) = came.to_text() else { continue };
                let mut frame: Value = serde_json::from_str(text).unwrap_or_default();
                if frame["ref"] == client_id.as_str() {
                    assert_eq!(frame["type"], "message.text", "{frame}");
                    break frame["data"].take();
                }
            };
            self.acknowledged(client_id, message);
        }
    }
}
