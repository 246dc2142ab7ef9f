//! A WebSocket for tests, whose failures fail the test. It wraps the client's [`Socket`], whose implementation of RFC 6455
//! is independent of the server's. Each frame must be one that the client's types know.

use std::time::Duration;

use crate::wait::WAIT_TIMEOUT;
use chinwag_client::tungstenite::Message;
use chinwag_client::{ConnectError, End, Frame, Handshake, ServerEvent, Socket};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout, timeout_at};

/// A refused handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// A connected WebSocket. Its methods panic with the unexpected frame.
#[derive(Debug)]
pub struct Ws {
    socket: Socket,
    groups: Value,
    history: Value,
    more: Value,
    people: Value,
    contacts: Value,
    references: u32,
}

impl Ws {
    /// Performs the handshake with the server at `url` (`http://host:port`), and does not wait for the summaries.
    pub async fn connect(url: &str, path: &str, headers: &[(&str, &str)]) -> Result<Self, Refused> {
        let handshake = Handshake::new(url).path(path);
        let add = |handshake: Handshake, (name, value): &(&str, &str)| handshake.header(name, value);
        Self::open(headers.iter().fold(handshake, add)).await
    }

    /// Performs a handshake, and does not wait for the summaries.
    pub async fn open(handshake: Handshake) -> Result<Self, Refused> {
        match handshake.timeout(WAIT_TIMEOUT).connect().await {
            Ok(socket) => Ok(Self {
                socket,
                groups: Value::Null,
                history: Value::Null,
                more: Value::Null,
                people: Value::Null,
                contacts: Value::Null,
                references: 0,
            }),
            Err(ConnectError::Refused(refusal)) => {
                Err(Refused { status: refusal.status, body: refusal.body })
            }
            Err(why) => panic!("the handshake failed: {why}"),
        }
    }

    /// Reads the two summaries that every socket receives first.
    pub async fn greet(&mut self) {
        let mut summary = self.expect("group.summary").await;
        (self.groups, self.history) = (summary["data"].take(), summary["history"].take());
        self.more = summary["more"].take();
        self.people = summary["people"].take();
        self.contacts = self.expect("contact.summary").await["data"].take();
    }

    /// The subprotocol that the server chose.
    pub fn protocol(&self) -> Option<&str> {
        self.socket.protocol()
    }

    /// The data of the first `group.summary`.
    pub fn summary(&self) -> &Value {
        &self.groups
    }

    /// The number of groups that the summary omits; null for a complete summary.
    pub fn more(&self) -> &Value {
        &self.more
    }

    /// The profiles of the summary; null if there are none.
    pub fn people(&self) -> &Value {
        &self.people
    }

    /// The history id of the summary.
    pub fn history(&self) -> &Value {
        &self.history
    }

    /// The data of the first `contact.summary`.
    pub fn contacts(&self) -> &Value {
        &self.contacts
    }

    /// Sends a frame: `{"type": …, "data": …}`.
    pub async fn send(&mut self, frame: Value) {
        self.send_text(&frame.to_string()).await;
    }

    /// Sends any text, valid as a frame or not.
    pub async fn send_text(&mut self, text: &str) {
        self.send_message(Message::text(text)).await;
    }

    /// Sends any WebSocket message: binary, ping, close.
    pub async fn send_message(&mut self, message: Message) {
        self.socket.send_message(message).await.expect("the socket is open");
    }

    /// Sends an event with a new `ref`, and returns the frame with that `ref`. Drops the frames before it.
    pub async fn ask(&mut self, kind: &str, data: Value) -> Value {
        self.references += 1;
        let reference = format!("ask-{}", self.references);
        self.send(json!({ "type": kind, "data": data, "ref": reference })).await;
        loop {
            let frame = self.next().await;
            if frame["ref"] == reference.as_str() {
                return frame;
            }
        }
    }

    /// The next frame.
    pub async fn next(&mut self) -> Value {
        match self.read(Instant::now() + WAIT_TIMEOUT).await {
            Some(ReadOutcome::Frame(frame)) => frame,
            Some(ReadOutcome::End(code)) => panic!("the socket was closed with {code:?}, not sent a frame"),
            None => panic!("no frame came in time"),
        }
    }

    /// The next frame, which must be of this type.
    pub async fn expect(&mut self, kind: &str) -> Value {
        let frame = self.next().await;
        assert_eq!(frame["type"], kind, "{frame}");
        frame
    }

    /// The next frame of this type. Drops others.
    pub async fn until(&mut self, kind: &str) -> Value {
        let (by, mut others) = (Instant::now() + WAIT_TIMEOUT, Vec::new());
        loop {
            match self.read(by).await {
                Some(ReadOutcome::Frame(frame)) if frame["type"] == kind => return frame,
                Some(ReadOutcome::Frame(frame)) => others.push(frame),
                Some(ReadOutcome::End(code)) => {
                    panic!("closed with {code:?} instead of {kind}, after {others:?}")
                }
                None => panic!("no {kind} came in time, but {others:?}"),
            }
        }
    }

    /// The next frame that matches. Drops others, and has no timeout while frames arrive.
    pub async fn frame_where(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        loop {
            match self.read(Instant::now() + Duration::from_secs(3600)).await {
                Some(ReadOutcome::Frame(frame)) if is_it(&frame) => return frame,
                Some(ReadOutcome::Frame(_)) => {}
                Some(ReadOutcome::End(code)) => {
                    panic!("the socket was closed with {code:?}, not sent a frame")
                }
                None => panic!("no such frame came"),
            }
        }
    }

    /// The frames sent before now: those that arrive before the answer to a request without effect.
    pub async fn received(&mut self) -> Vec<Value> {
        self.references += 1;
        let reference = format!("received-{}", self.references);
        let of_no_group = json!({ "group": "00000000-0000-7000-8000-000000000000" });
        self.send(json!({ "type": "message.fetch", "data": of_no_group, "ref": reference })).await;
        let mut frames = Vec::new();
        loop {
            let frame = self.next().await;
            if frame["ref"] == reference.as_str() {
                return frames;
            }
            frames.push(frame);
        }
    }

    /// Asserts that the server has sent nothing before now.
    pub async fn quiet(&mut self) {
        let frames = self.received().await;
        assert!(frames.is_empty(), "nothing should have come, but {frames:?}");
    }

    /// Waits until the socket closes, and drops the frames before. Returns the close code, if there is one.
    pub async fn close_code(&mut self) -> Option<u16> {
        self.close_code_within(WAIT_TIMEOUT).await
    }

    /// The same with another timeout.
    pub async fn close_code_within(&mut self, patience: Duration) -> Option<u16> {
        let by = Instant::now() + patience;
        loop {
            match self.read(by).await {
                Some(ReadOutcome::End(code)) => return code,
                Some(ReadOutcome::Frame(_)) => {}
                None => panic!("the socket was not closed within {patience:?}"),
            }
        }
    }

    /// Sends a ping and waits for its pong. Drops the frames before it.
    pub async fn ping(&mut self) {
        self.send_message(Message::Ping("still there?".into())).await;
        let pong = async {
            loop {
                match self.socket.next_message().await {
                    Ok(Message::Pong(_)) => return,
                    Ok(_) => {}
                    Err(end) => panic!("{end} instead of a pong"),
                }
            }
        };
        timeout(WAIT_TIMEOUT, pong).await.expect("the ping is answered in time");
    }

    /// Performs the closing handshake.
    pub async fn close(self) {
        timeout(WAIT_TIMEOUT, self.socket.close()).await.expect("the server answers the close within 5 s");
    }

    /// Drops the connection without a close frame, as a network failure does.
    pub fn vanish(self) {
        drop(self);
    }

    async fn read(&mut self, by: Instant) -> Option<ReadOutcome> {
        match timeout_at(by, self.socket.next_text()).await.ok()? {
            Ok(text) => {
                let frame = Frame::parse(&text).unwrap_or_else(|why| panic!("no frame ({why}): {text}"));
                assert!(!matches!(frame.event, ServerEvent::Unknown { .. }), "not in chinwag-client: {text}");
                Some(ReadOutcome::Frame(serde_json::from_str(&text).expect("it was read just now")))
            }
            Err(End::Broken(why)) => panic!("the server broke the protocol: {why}"),
            Err(end) => Some(ReadOutcome::End(end.code())),
        }
    }
}

/// The result of a read.
enum ReadOutcome {
    Frame(Value),
    End(Option<u16>),
}
