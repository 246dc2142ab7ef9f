//! A test case: the bytes to write, and everything that must come back until the end of the stream.

use std::pin::Pin;

use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::Client;
use chinwag_testkit::wait::Wait;
use serde_json::Value;

use crate::peer::{FIN, Peer, Sent, TEXT, close, frame};

/// A step of a case.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Writes all at once.
    Write(Vec<u8>),
    /// Writes byte by byte.
    Drip(Vec<u8>),
    /// Waits until this many answers and pongs have arrived in total.
    Await(usize),
}

/// A case. Without a close code, the socket must still work at the end: the case closes it with 1000, and all
/// answers must have arrived by then. With a code, the server must close with it, and answers to earlier frames
/// are optional.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    name: String,
    steps: Vec<Step>,
    answers: Vec<String>,
    pongs: Vec<Vec<u8>>,
    closed: Option<u16>,
}

/// A case without steps.
pub(crate) fn case(name: impl Into<String>) -> Case {
    Case { name: name.into(), steps: vec![], answers: vec![], pongs: vec![], closed: None }
}

impl Case {
    pub(crate) fn write(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.steps.push(Step::Write(bytes.into()));
        self
    }

    pub(crate) fn drip(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.steps.push(Step::Drip(bytes.into()));
        self
    }

    /// Waits for all answers expected so far.
    pub(crate) fn pause(mut self) -> Self {
        self.steps.push(Step::Await(self.answers.len() + self.pongs.len()));
        self
    }

    /// Expects an answer: the event's `ref`, or the end of the refusal's detail.
    pub(crate) fn answered(mut self, answer: impl Into<String>) -> Self {
        self.answers.push(answer.into());
        self
    }

    pub(crate) fn ponged(mut self, payload: impl Into<Vec<u8>>) -> Self {
        self.pongs.push(payload.into());
        self
    }

    /// Expects the server to close with this code.
    pub(crate) fn closed(mut self, code: u16) -> Self {
        self.closed = Some(code);
        self
    }

    /// The same case three times: as written, all bytes at once, and byte by byte.
    pub(crate) fn thrice(self) -> [Self; 3] {
        let bytes = self.steps.iter().flat_map(|step| match step {
            Step::Write(bytes) | Step::Drip(bytes) => bytes.clone(),
            Step::Await(_) => vec![],
        });
        let bytes: Vec<u8> = bytes.collect();
        let (whole, dripped) = (vec![Step::Write(bytes.clone())], vec![Step::Drip(bytes)]);
        let named = |how: &str| format!("{}, {how}", self.name);
        let one = Self { name: named("in one"), steps: whole, ..self.clone() };
        let many = Self { name: named("byte by byte"), steps: dripped, ..self.clone() };
        [self, one, many]
    }
}

/// Runs cases in order on one server, each on a new socket.
pub(crate) fn run(cases: impl IntoIterator<Item = Case>) -> Pin<Box<dyn Future<Output = ()>>> {
    Box::pin(all(cases.into_iter().collect()))
}

async fn all(cases: Vec<Case>) {
    let app = TestApp::with(|options| options.hub.sockets_per_user = 10_000).await;
    let ann = app.user("ann").await;
    for case in cases {
        one(&ann, &case).await;
    }
    let wait = Wait::begin();
    while app.hub().counts().sockets > 0 {
        wait.step(|| format!("a socket is held that has ended: {:?}", app.hub().counts())).await;
    }
    assert_eq!(app.service().get("users/").await.status, 200, "the server is well after all this");
}

/// The answers so far.
#[derive(Debug, Default)]
struct Seen {
    answers: Vec<Value>,
    pongs: Vec<Vec<u8>>,
}

impl Seen {
    fn count(&self) -> usize {
        self.answers.len() + self.pongs.len()
    }

    /// Records a frame; returns the code if it is a close frame.
    fn take(&mut self, sent: Sent, name: &str) -> Option<u16> {
        match sent {
            Sent::Frame(frame) => self.answers.push(frame),
            Sent::Pong(payload) => self.pongs.push(payload),
            Sent::Close(code) => return Some(code),
            Sent::End => panic!("{name}: the stream ended without a close frame, after {self:?}"),
        }
        None
    }
}

async fn one(user: &Client, case: &Case) {
    let Case { name, steps, answers, pongs, closed } = case;
    let mut peer = Peer::connect(user, name, &[]).await.greeted().await;
    let mut seen = Seen::default();
    for step in steps {
        match step {
            Step::Write(bytes) => peer.write(bytes).await,
            Step::Drip(bytes) => {
                for byte in bytes.chunks(1) {
                    peer.write(byte).await;
                }
            }
            Step::Await(count) => {
                while seen.count() < *count {
                    let code = seen.take(peer.next().await, name);
                    assert_eq!(code, None, "{name}: closed too early, after {seen:?}");
                }
            }
        }
    }
    if closed.is_none() {
        while seen.count() < answers.len() + pongs.len() {
            let code = seen.take(peer.next().await, name);
            assert_eq!(code, None, "{name}: closed, after {seen:?}");
        }
        peer.write(&close(1000, b"")).await;
    }
    let code = loop {
        if let Some(code) = seen.take(peer.next().await, name) {
            break code;
        }
    };
    assert_eq!(code, closed.unwrap_or(1000), "{name}: after {seen:?}");
    peer.write(&close(1000, b"")).await;
    assert_eq!(peer.next().await, Sent::End, "{name}: nothing follows a close frame");
    let right = seen.answers.iter().zip(answers).all(|(answer, expected)| is(answer, expected))
        && pongs.starts_with(&seen.pongs);
    assert!(right && seen.answers.len() <= answers.len(), "{name}: {seen:?} for {case:?}");
    let all = seen.count() == answers.len() + pongs.len();
    assert!(all || closed.is_some(), "{name}: {seen:?} for {case:?}");
}

fn is(answer: &Value, expected: &str) -> bool {
    let detail = answer["data"]["detail"].as_str();
    answer["ref"] == expected
        || (answer["ref"].is_null() && detail.is_some_and(|text| text.ends_with(expected)))
}

/// The text of an invalid event with this `ref`.
pub(crate) fn event(reference: &str) -> String {
    format!(r#"{{"type":"nothing","ref":"{reference}"}}"#)
}

/// Like [`event`], padded to exactly `length` bytes; at least 32 plus `reference`.
pub(crate) fn long_event(reference: &str, length: usize) -> String {
    let short = event(reference);
    short.replacen(',', &format!(r#","pad":"{}","#, "x".repeat(length - short.len() - 9)), 1)
}

/// Like [`event`], as a frame.
pub(crate) fn event_frame(reference: &str) -> Vec<u8> {
    frame(FIN | TEXT, event(reference).as_bytes())
}
