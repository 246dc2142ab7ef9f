use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

use super::*;
use crate::session::{Session, Updates};

/// Timeout for every wait in these tests.
const WAIT_TIMEOUT: Duration = Duration::from_secs(20);

/// A server whose answers the test scripts.
struct Script {
    listener: TcpListener,
    address: String,
}

/// The server side of one connection, and the path of its handshake.
struct ScriptedSocket(WebSocketStream<TcpStream>, String);

impl Script {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        Self { listener, address }
    }

    fn connect(&self, options: Options) -> (Session, Updates) {
        let access = crate::Credential::Bearer("token".into());
        let options = Options { backoff_min: Duration::from_millis(1), ..options };
        Session::connect_with(&self.address, access, options)
    }

    /// Accepts the next connection and sends a summary.
    async fn accept(&self, groups: Value) -> ScriptedSocket {
        let accepting = async {
            let (connection, _) = self.listener.accept().await.unwrap();
            let mut path = String::new();
            #[expect(clippy::result_large_err, reason = "the type of the library's callback")]
            let note = |request: &Request, response: Response| {
                path = request.uri().to_string();
                Ok(response)
            };
            let stream = tokio_tungstenite::accept_hdr_async(connection, note).await.unwrap();
            ScriptedSocket(stream, path)
        };
        let mut line = timeout(WAIT_TIMEOUT, accepting).await.expect("the session connects");
        // `more` says that the summary is incomplete, so that no group counts as gone.
        line.send(json!({ "type": "group.summary", "data": groups, "more": { "groups": 9 } })).await;
        line
    }
}

impl ScriptedSocket {
    async fn send(&mut self, frame: Value) {
        self.0.send(Message::text(frame.to_string())).await.unwrap();
    }

    async fn message(&mut self) -> Message {
        timeout(WAIT_TIMEOUT, self.0.next())
            .await
            .expect("the session sends")
            .expect("it is connected")
            .unwrap()
    }

    /// The groups of the next `sync.resume`.
    async fn resume(&mut self) -> BTreeMap<Uuid, i64> {
        let text = self.message().await.into_text().unwrap();
        let frame: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(frame["type"], "sync.resume");
        serde_json::from_value(frame["data"]["groups"].clone()).unwrap()
    }
}

fn held(groups: impl IntoIterator<Item = (u128, i64)>) -> Options {
    let groups = groups.into_iter().map(|(group, seq)| (Uuid::from_u128(group), seq)).collect();
    Options { positions: Some(Positions { history: None, groups }), ..Options::default() }
}

fn done(groups: &BTreeMap<Uuid, i64>) -> Value {
    json!({ "type": "sync.done", "ref": RESUME, "data": { "groups": groups, "refused": {} } })
}

/// The updates until the resume is complete.
async fn until_resumed(updates: &mut Updates) -> Vec<Update> {
    let mut read = Vec::new();
    while read.last() != Some(&Update::Resumed) {
        read.push(timeout(WAIT_TIMEOUT, updates.next()).await.expect("an update").expect("not the end"));
    }
    read
}

#[tokio::test]
async fn connection_on_which_nothing_comes_is_replaced() {
    let script = Script::start().await;
    let options = Options { silence: Duration::from_millis(400), ..Options::default() };
    let (_session, _updates) = script.connect(options);
    let mut alive = script.accept(json!([])).await;
    for _ in 0..3 {
        assert!(alive.message().await.is_ping(), "reading it answers it");
    }
    // A server that does not read the ping counts as silent.
    let _again = script.accept(json!([])).await;
}

#[tokio::test]
async fn windowed_session_resumes_with_the_heads_of_all_groups() {
    let script = Script::start().await;
    let (_session, _updates) = script.connect(Options { window: Some((50, 1)), ..held([(1, 1)]) });
    assert_eq!(script.accept(json!([])).await.1, "/chat/?messages=1");
}

#[tokio::test]
async fn resume_names_groups_as_a_frame_may_hold_them() {
    let script = Script::start().await;
    let (_session, mut updates) = script.connect(held((1..=1201).map(|group| (group, 1))));
    let mut line = script.accept(json!([])).await;
    let mut named = BTreeMap::new();
    while named.len() < 1201 {
        let groups = line.resume().await;
        assert!(groups.len() <= 1000, "{}", groups.len());
        line.send(done(&groups)).await;
        named.extend(groups);
    }
    assert_eq!(until_resumed(&mut updates).await.len(), 2);
}

#[tokio::test]
async fn many_resumes_come_at_the_rate_of_the_server() {
    let script = Script::start().await;
    let (_session, mut updates) = script.connect(held((1..=5001).map(|group| (group, 1))));
    let mut line = script.accept(json!([])).await;
    let begun = Instant::now();
    for _ in 0..11 {
        let groups = line.resume().await;
        line.send(done(&groups)).await;
    }
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(until_resumed(&mut updates).await.len(), 2);
}

#[tokio::test]
async fn refused_resume_waits_for_the_given_time() {
    let script = Script::start().await;
    let (_session, _updates) = script.connect(held([(1, 1)]));
    let mut line = script.accept(json!([])).await;
    line.resume().await;
    let told = Instant::now();
    line.send(json!({ "type": "error.handler", "code": 503, "ref": RESUME, "data": { "retry_after": 1 } }))
        .await;
    script.accept(json!([])).await.resume().await;
    assert!(told.elapsed() >= Duration::from_secs(1), "{:?}", told.elapsed());
}

#[tokio::test]
async fn refused_resumes_come_less_and_less_often() {
    let access = Access::from(crate::Credential::Bearer(String::new()));
    let (sender, _receiver) = mpsc::channel(1);
    let script = Script::start().await;
    let mut driver = Driver::new(&script.address, access, held([(1, 1)]), sender);
    driver.failures = 3;
    let handshake = tokio::spawn(Handshake::new(&script.address).connect());
    let mut line = script.accept(json!([])).await;
    let socket = handshake.await.unwrap().unwrap();
    let refuse = async {
        line.resume().await;
        line.send(json!({ "type": "error.handler", "code": 503, "ref": RESUME, "data": {} })).await;
    };
    let (_requests, mut requests) = mpsc::channel(1);
    let (over, ()) = tokio::join!(driver.serve_connection(socket, &mut requests), refuse);
    assert!(matches!(over, ConnectionEnd::Refused(_)));
    assert_eq!(driver.failures, 3);
}

#[tokio::test]
async fn messages_that_changed_together_all_arrive() {
    let script = Script::start().await;
    let (_session, mut updates) = script.connect(held([(1, 1)]));
    let group = Uuid::from_u128(1);
    let mut line = script.accept(json!([{ "id": group, "name": "g", "head": 2 }])).await;
    let groups = line.resume().await;
    // Two messages that changed with the same number, after the summary.
    for message in [1, 2] {
        line.send(json!({
            "type": "message.update", "seq": 3,
            "data": { "id": Uuid::from_u128(message), "group": group, "author": "ann", "body": "b", "date": "2024",
                "respond_to": null, "seq": 1, "edited": null },
        }))
        .await;
    }
    line.send(done(&groups.into_keys().map(|id| (id, 3)).collect())).await;
    let read = until_resumed(&mut updates).await;
    assert_eq!(read.iter().filter(|update| matches!(update, Update::Event(_))).count(), 2, "{read:?}");
    assert_eq!(updates.positions().groups[&group], 3);
}

#[tokio::test]
async fn a_credential_request_is_retried_after_its_timeout() {
    let (asked, mut asks) = mpsc::unbounded_channel();
    let access = Access::renewed(move || {
        let _ = asked.send(());
        std::future::pending()
    });
    let options = Options {
        connect_timeout: Duration::from_millis(10),
        backoff_min: Duration::from_millis(1),
        ..Options::default()
    };
    let (_session, _updates) = Session::connect_with("http://127.0.0.1:1", access, options);
    for _ in 0..2 {
        timeout(WAIT_TIMEOUT, asks.recv()).await.expect("it is asked").expect("the session goes on");
    }
}

fn closed(code: u16) -> End {
    End::Closed { code, reason: String::new() }
}

#[test]
fn close_codes_say_what_to_do() {
    for code in [1001, 1011, 1012, 4003, 4008, 4009] {
        assert_eq!(next_step(&closed(code)), NextStep::Reconnect(Duration::ZERO), "{code}");
    }
    assert_eq!(next_step(&End::Lost(String::new())), NextStep::Reconnect(Duration::ZERO));
    assert_eq!(next_step(&closed(4029)), NextStep::Reconnect(PENALTY));
    assert_eq!(next_step(&closed(4001)), NextStep::SignedOut);
    assert_eq!(next_step(&closed(1009)), NextStep::Ended);
}

#[tokio::test]
async fn backoff_doubles_up_to_its_bound() {
    let access = Access::from(crate::Credential::Bearer(String::new()));
    let mut driver = Driver::new("http://127.0.0.1:1", access, Options::default(), mpsc::channel(1).0);
    for (failures, longest) in [(0, 250), (1, 500), (3, 2_000), (20, 30_000)] {
        driver.failures = failures;
        let pause = driver.backoff();
        let longest = Duration::from_millis(longest);
        assert!((longest / 2..=longest).contains(&pause), "{failures}: {pause:?}");
    }
}
