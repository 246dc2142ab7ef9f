//! A recorded session: plays every client event and every REST payload in a fixed order, and compares each
//! frame and answer with `recorded/session.txt` byte for byte. Placeholders replace ids, dates and secrets.
//!
//! If a change of the protocol is intended, update the file:
//!
//! ```sh
//! UPDATE=1 cargo test -p chinwag --test protocol -- recorded
//! ```
//!
//! Read the difference before committing it: it is what clients will notice.

mod events;
mod plain;
mod rest;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chinwag_core::clock::SystemClock;
use chinwag_core::{Clock, Date};
use chinwag_http::{CLIENT_EVENTS, Example, ROUTES, RouteEntry, RouteExample};
use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::{Answer, Client};
use chinwag_testkit::wait::WAIT_TIMEOUT;
use futures_util::{SinkExt, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};
use uuid::Uuid;

use self::plain::Plain;

/// The paths of the API documents, which have their own tests.
const DOCUMENTS: [&str; 2] = ["/api/v1/openapi.json", "/api/v1/asyncapi.json"];
/// While recording: a step ends when no frame arrives for this long.
const SETTLE: Duration = Duration::from_millis(100);
/// The recorded response headers.
const HEADERS: [&str; 6] =
    ["allow", "chinwag-ignored", "link", "retry-after", "set-cookie", "www-authenticate"];

/// Generates ascending ids and secrets, so that lists ordered by id are deterministic.
#[derive(Default)]
struct Counting {
    machine: SystemClock,
    count: AtomicU32,
}

impl Counting {
    fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        bytes[12..16].copy_from_slice(&self.count.fetch_add(1, Ordering::SeqCst).to_be_bytes());
        bytes
    }
}

impl Clock for Counting {
    fn now(&self) -> Date {
        self.machine.now()
    }

    fn uuid(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.bytes()).with_version(uuid::Version::SortRand).into_uuid()
    }

    fn secret(&self) -> [u8; 32] {
        self.bytes()
    }
}

/// A user's socket.
struct Socket {
    user: &'static str,
    stream: WebSocketStream<TcpStream>,
}

/// A server, its clients, and the record so far.
struct Session {
    app: TestApp,
    service: Client,
    sockets: Vec<Socket>,
    /// A message in a group of all users. Editing it marks the end of each step.
    mark: String,
    marks: u32,
    plain: Plain,
    record: String,
    /// The number of frames for each user in each step, from the stored record.
    expected: Option<VecDeque<BTreeMap<String, usize>>>,
    events: BTreeSet<String>,
    requests: BTreeSet<(String, String)>,
}

impl Session {
    async fn start(users: &[&'static str]) -> Self {
        let app = TestApp::with(|options| {
            options.clock = Arc::new(Counting::default());
            options.limits.consent = true;
        })
        .await;
        let service = app.service();
        for name in users {
            app.user(name).await;
        }
        let group = json!({ "name": "all", "author": "admin", "members": users });
        let group = service.post("groups/", group).await.ok(201)["id"].clone();
        let mark = json!({ "author": "admin", "group": group, "body": "mark 0" });
        let mark = text(&service.post("messages/", mark).await.ok(201)["id"]);
        Self {
            app,
            service,
            sockets: Vec::new(),
            mark,
            marks: 0,
            plain: Plain::default(),
            record: String::new(),
            expected: (!is_recording()).then(|| expected(&stored())),
            events: BTreeSet::new(),
            requests: BTreeSet::new(),
        }
    }

    /// Begins a section of the record.
    fn part(&mut self, title: &str) {
        let _ = writeln!(self.record, "\n## {title}\n");
    }

    fn line(&mut self, line: &str) {
        let line = self.plain.text(line);
        self.record.push_str(&line);
        self.record.push('\n');
    }

    /// Opens a socket.
    async fn open(&mut self, user: &'static str, query: &str) {
        let token = self.app.sign_in(user).await.token().to_owned();
        let address = self.app.url().replacen("http://", "", 1);
        let mut request =
            format!("ws://{address}/chat/{query}").into_client_request().expect("an address of a socket");
        let bearer = format!("Bearer {token}").parse().expect("a header");
        request.headers_mut().insert("authorization", bearer);
        let tcp = TcpStream::connect(address).await.expect("the server listens");
        let (stream, _) = client_async(request, tcp).await.expect("the handshake is accepted");
        self.line(&format!("{user} opens /chat/{query}"));
        self.sockets.push(Socket { user, stream });
        self.collect().await;
    }

    /// Disconnects a user's socket without a close frame.
    async fn vanish(&mut self, user: &str) {
        self.line(&format!("{user} vanishes"));
        self.sockets.retain(|socket| socket.user != user);
        self.collect().await;
    }

    /// Sends an event on a user's socket.
    async fn say(&mut self, user: &str, kind: &str, data: Value) -> Vec<Value> {
        self.events.insert(kind.to_owned());
        let frame = format!(r#"{{"type":"{kind}","ref":"r","data":{data}}}"#);
        self.send(user, Message::text(frame)).await
    }

    /// Sends arbitrary text, which need not be an event.
    async fn say_text(&mut self, user: &str, frame: &str) -> Vec<Value> {
        self.send(user, Message::text(frame)).await
    }

    async fn send(&mut self, user: &str, message: Message) -> Vec<Value> {
        self.line(&format!("{user} > {message}"));
        let socket = self.sockets.iter_mut().find(|socket| socket.user == user).expect("a socket");
        socket.stream.send(message).await.expect("the socket is open");
        self.collect().await
    }

    /// Sends a request and records its answer.
    async fn ask(&mut self, by: &Client, method: Method, path: &str, body: Value) -> Answer {
        self.requests.insert((method.as_str().to_lowercase(), path.to_owned()));
        let shown = if body.is_null() { String::new() } else { format!(" {body}") };
        self.line(&format!("{} > {method} {path}{shown}", by.name()));
        let request = by.request(method, path);
        let request = if body.is_null() { request } else { request.body(body.to_string()) };
        let answer = by.send(request).await;
        // The bytes of a ZIP file depend on the time.
        let text = if answer.text.starts_with("PK") { "ZIP" } else { &answer.text };
        self.line(&format!("{} < {} {text}", by.name(), answer.status));
        for name in HEADERS {
            for value in answer.headers.get_all(name) {
                let value = value.to_str().expect("a header is text");
                self.line(&format!("{} < {name}: {value}", by.name()));
            }
        }
        self.collect().await;
        answer
    }

    /// Whether a request of this route was sent.
    fn has_asked(&self, method: &str, route: &str) -> bool {
        self.requests.iter().any(|(by, path)| by == method && is_of(route, path))
    }

    /// Records and returns the frames of a step, up to the next mark. Frames without a commit, such as a
    /// status, may arrive at any time. The mark is therefore sent once as many frames as in the stored record
    /// have arrived; while recording, once no more arrive.
    async fn collect(&mut self) -> Vec<Value> {
        let mut sockets = std::mem::take(&mut self.sockets);
        let mut came = vec![Vec::new(); sockets.len()];
        let after = self.record.lines().last().unwrap_or_default().to_owned();
        let expected = self.expected.as_mut().map(|steps| steps.pop_front().unwrap_or_default());
        if let Some(frames) = expected {
            for (socket, came) in sockets.iter_mut().zip(&mut came) {
                for _ in 0..frames.get(socket.user).copied().unwrap_or_default() {
                    came.push(frame(socket, &after).await);
                }
            }
        } else {
            // A user's disconnect is announced after a delay.
            let settle = if after.ends_with(" vanishes") { 10 * SETTLE } else { SETTLE };
            let all = sockets.iter_mut().zip(&mut came).map(async |(socket, came)| {
                while let Ok(frame) = timeout(settle, frame(socket, &after)).await {
                    came.push(frame);
                }
            });
            futures_util::future::join_all(all).await;
        }
        self.marks += 1;
        let body = format!("mark {}", self.marks);
        let path = format!("messages/{}/", self.mark);
        self.service.patch(&path, json!({ "body": body })).await.ok(200);
        let is_mark = |frame: &Value| {
            frame["type"] == "message.update"
                && frame["data"]["id"] == self.mark.as_str()
                && frame["data"]["body"] == body.as_str()
        };
        for (socket, came) in sockets.iter_mut().zip(&mut came) {
            loop {
                let next = frame(socket, &body).await;
                if is_mark(&parsed(&next)) {
                    break;
                }
                came.push(next);
            }
        }
        for (socket, came) in sockets.iter().zip(&came) {
            for frame in came {
                self.line(&format!("{} < {frame}", socket.user));
            }
        }
        self.sockets = sockets;
        came.iter().flatten().map(|frame| parsed(frame)).collect()
    }
}

/// The text of the next frame.
async fn frame(socket: &mut Socket, after: &str) -> String {
    loop {
        match timeout(WAIT_TIMEOUT, socket.stream.next()).await {
            Ok(Some(Ok(Message::Text(text)))) => return text.to_string(),
            Ok(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => {}
            other => panic!("{} was sent no frame, but {other:?}, after {after}", socket.user),
        }
    }
}

fn parsed(frame: &str) -> Value {
    serde_json::from_str(frame).unwrap_or_else(|why| panic!("{why}: {frame}"))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// Whether a requested path belongs to a route.
fn is_of(route: &str, path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    let (mut route, mut path) = (route.trim_start_matches("/api/v1/").split('/'), path.split('/'));
    loop {
        match (route.next(), path.next()) {
            (None, None) => return true,
            (Some(named), Some(found)) if named == found || named.starts_with('{') => {}
            _ => return false,
        }
    }
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/protocol/recorded/session.txt")
}

/// Whether to update the record instead of comparing it.
fn is_recording() -> bool {
    std::env::var_os("UPDATE").is_some()
}

fn stored() -> String {
    std::fs::read_to_string(path()).expect("the record can be read")
}

/// The number of frames for each user in each step of a record.
fn expected(record: &str) -> VecDeque<BTreeMap<String, usize>> {
    let mut steps = VecDeque::new();
    for line in record.lines() {
        let words: Vec<&str> = line.splitn(3, ' ').collect();
        match words[..] {
            [_, ">" | "opens" | "vanishes", ..] => steps.push_back(BTreeMap::new()),
            [user, "<", frame] if frame.starts_with('{') => {
                let step: &mut BTreeMap<_, _> = steps.back_mut().expect("a step begins before its frames");
                *step.entry(user.to_owned()).or_default() += 1;
            }
            _ => {}
        }
    }
    steps
}

/// Compares the record with the stored one, or updates that.
fn compare(record: &str) {
    if is_recording() {
        return std::fs::write(path(), record).expect("the record can be written");
    }
    let stored = stored();
    let (mut step, mut differing) = ("", Vec::new());
    for (number, (stored, found)) in (1..).zip(stored.lines().zip(record.lines())) {
        if stored.contains(" > ") {
            step = stored;
        }
        if stored != found {
            differing.push(format!("line {number}, after {step}\n- {stored}\n+ {found}"));
        }
    }
    let why = "the wire differs: if that is intended, renew the record with UPDATE=1";
    assert!(differing.is_empty(), "{why}\n{}", differing.join("\n"));
    assert_eq!(record.lines().count(), stored.lines().count(), "the record is longer or shorter");
}

/// Plays the example of each event and route that no section has played, as the owner of a group or with the
/// service key.
async fn examples(session: &mut Session) {
    let events: Vec<_> = CLIENT_EVENTS.iter().filter(|event| !session.events.contains(event.name)).collect();
    let routes: Vec<_> = ROUTES.iter().filter(|route| !session.has_asked(route.method, route.path)).collect();
    if events.is_empty() && routes.is_empty() {
        return;
    }
    session.part("Examples of events and routes");
    if !session.sockets.iter().any(|socket| socket.user == "ann") {
        session.open("ann", "").await;
    }
    let ann = session.app.sign_in("ann").await;
    let group = json!({ "name": "examples", "members": ["cat"] });
    let group = session.ask(&ann, Method::POST, "groups/", group).await.json;
    let message = json!({ "group": group["id"], "body": "an example" });
    let message = session.ask(&ann, Method::POST, "messages/", message).await.json;
    let ids = Example { group: text(&group["id"]), message: text(&message["id"]), user: "cat".to_owned() };
    for event in events {
        session.say("ann", event.name, (event.example)(&ids)).await;
    }
    let service = session.service.clone();
    for route in routes {
        let RouteEntry { method, rules, .. } = route;
        let path = route.example_path("cat", &ids.group, &ids.message);
        let path = path.trim_start_matches("/api/v1/");
        let example = RouteExample { group: &ids.group, author: "ann", other: "cat", fresh: "fresh" };
        let caller = if rules.answers[2] == 403 { &ann } else { &service };
        let method = method.to_uppercase().parse().expect("a method");
        session.ask(caller, method, path, (rules.example)(&example)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recorded_session_is_answered_byte_for_byte() {
    let mut session = Session::start(&["ann", "bob", "cat", "dan"]).await;
    events::play(&mut session).await;
    rest::play(&mut session).await;
    examples(&mut session).await;
    let document = session.service.get("openapi.json").await.ok(200);
    for (route, methods) in document["paths"].as_object().expect("paths") {
        for method in methods.as_object().expect("methods").keys() {
            assert!(
                session.has_asked(method, route)
                    || !route.starts_with("/api/v1/")
                    || DOCUMENTS.contains(&route.as_str()),
                "{method} {route} was not played"
            );
        }
    }
    compare(&session.record);
}
