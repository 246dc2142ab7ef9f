//! A client of the WebSocket door, on an implementation of the protocol that is not the server's,
//! so that both cannot be wrong in the same way.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

/// How long a frame is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// How a handshake was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// A connected WebSocket. Its methods panic, with what came instead, where a test must fail.
#[derive(Debug)]
pub struct Ws {
    stream: WebSocketStream<TcpStream>,
    groups: Value,
    history: Value,
    more: Value,
    contacts: Value,
    protocol: Option<String>,
    references: u32,
}

impl Ws {
    /// Shakes hands with the server at `url` (`ws://host:port`) and waits for nothing more.
    pub async fn connect(url: &str, path: &str, headers: &[(&str, &str)]) -> Result<Self, Refused> {
        let address = url.strip_prefix("ws://").expect("the address is ws://host:port").trim_end_matches('/');
        let mut request =
            format!("ws://{address}{path}").into_client_request().expect("the address is right");
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
            let value = HeaderValue::from_str(value).expect("a header's value");
            if name == "host" {
                request.headers_mut().insert(name, value);
            } else {
                request.headers_mut().append(name, value);
            }
        }
        // A server may be below a path.
        let address = address.split('/').next().unwrap_or(address);
        let tcp = TcpStream::connect(address).await.expect("the server listens");
        tcp.set_nodelay(true).expect("the connection takes options");
        let shaken = timeout(PATIENCE, client_async(request, tcp)).await.expect("the handshake is answered");
        match shaken {
            Ok((stream, response)) => {
                let protocol = response.headers().get("sec-websocket-protocol");
                let protocol = protocol.map(|value| value.to_str().expect("a header is text").to_owned());
                Ok(Self {
                    stream,
                    groups: Value::Null,
                    history: Value::Null,
                    more: Value::Null,
                    contacts: Value::Null,
                    protocol,
                    references: 0,
                })
            }
            Err(Error::Http(response)) => {
                let status = response.status().as_u16();
                let body = response.into_body().unwrap_or_default();
                Err(Refused { status, body: String::from_utf8_lossy(&body).into_owned() })
            }
            Err(why) => panic!("the handshake failed: {why}"),
        }
    }

    /// Takes the two summaries, with which every socket begins.
    pub async fn greet(&mut self) {
        let mut summary = self.expect("group.summary").await;
        (self.groups, self.history) = (summary["data"].take(), summary["history"].take());
        self.more = summary["more"].take();
        self.contacts = self.expect("contact.summary").await["data"].take();
    }

    /// The subprotocol that the server chose.
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    /// The data of the `group.summary` that came at connecting.
    pub fn summary(&self) -> &Value {
        &self.groups
    }

    /// What the summary says that it leaves out; null where it was asked for whole.
    pub fn more(&self) -> &Value {
        &self.more
    }

    /// The history that the summary named.
    pub fn history(&self) -> &Value {
        &self.history
    }

    /// The data of the `contact.summary` that came at connecting.
    pub fn contacts(&self) -> &Value {
        &self.contacts
    }

    /// Sends a frame: `{"type": …, "data": …}`.
    pub async fn send(&mut self, frame: Value) {
        self.send_text(&frame.to_string()).await;
    }

    /// Sends a text that may be no frame at all.
    pub async fn send_text(&mut self, text: &str) {
        self.send_message(Message::text(text)).await;
    }

    /// Sends any WebSocket message: binary, ping, close.
    pub async fn send_message(&mut self, message: Message) {
        self.stream.send(message).await.expect("the socket is open");
    }

    /// Sends an event with a fresh `ref`, and answers with the frame that carries it back; what
    /// comes before is dropped.
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

    /// The next frame, within 5 s.
    pub async fn next(&mut self) -> Value {
        match self.read(Instant::now() + PATIENCE).await {
            Some(Came::Frame(frame)) => frame,
            Some(Came::End(code)) => panic!("the socket was closed with {code:?}, not sent a frame"),
            None => panic!("no frame came within 5 s"),
        }
    }

    /// The next frame, which must be of this type.
    pub async fn expect(&mut self, kind: &str) -> Value {
        let frame = self.next().await;
        assert_eq!(frame["type"], kind, "{frame}");
        frame
    }

    /// The next frame of this type; others are dropped. Within 5 s altogether.
    pub async fn until(&mut self, kind: &str) -> Value {
        let (by, mut others) = (Instant::now() + PATIENCE, Vec::new());
        loop {
            match self.read(by).await {
                Some(Came::Frame(frame)) if frame["type"] == kind => return frame,
                Some(Came::Frame(frame)) => others.push(frame),
                Some(Came::End(code)) => panic!("closed with {code:?} instead of {kind}, after {others:?}"),
                None => panic!("no {kind} came within 5 s, but {others:?}"),
            }
        }
    }

    /// The next frame for which this is so, however long it takes; others are dropped.
    pub async fn frame_where(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        loop {
            match self.read(Instant::now() + Duration::from_secs(3600)).await {
                Some(Came::Frame(frame)) if is_it(&frame) => return frame,
                Some(Came::Frame(_)) => {}
                Some(Came::End(code)) => panic!("the socket was closed with {code:?}, not sent a frame"),
                None => panic!("no such frame came"),
            }
        }
    }

    /// Asserts that no frame comes, and that the socket stays open, for so many milliseconds.
    pub async fn nothing(&mut self, for_ms: u64) {
        match self.read(Instant::now() + Duration::from_millis(for_ms)).await {
            Some(Came::Frame(frame)) => panic!("nothing should have come, but {frame}"),
            Some(Came::End(code)) => panic!("nothing should have come, but a close with {code:?}"),
            None => {}
        }
    }

    /// Waits for the socket's end; frames before it are dropped. None if it ended with no code.
    pub async fn close_code(&mut self) -> Option<u16> {
        self.close_code_within(PATIENCE).await
    }

    /// The same, with another patience.
    pub async fn close_code_within(&mut self, patience: Duration) -> Option<u16> {
        let by = Instant::now() + patience;
        loop {
            match self.read(by).await {
                Some(Came::End(code)) => return code,
                Some(Came::Frame(_)) => {}
                None => panic!("the socket was not closed within {patience:?}"),
            }
        }
    }

    /// Sends a ping and waits for its pong; frames before it are dropped.
    pub async fn ping(&mut self) {
        self.send_message(Message::Ping("still there?".into())).await;
        let pong = async {
            loop {
                match self.stream.next().await {
                    Some(Ok(Message::Pong(_))) => return,
                    Some(Ok(Message::Close(_)) | Err(_)) | None => panic!("closed instead of a pong"),
                    Some(Ok(_)) => {}
                }
            }
        };
        timeout(PATIENCE, pong).await.expect("the ping is answered within 5 s");
    }

    /// Closes the socket in due form, and waits until the server has.
    pub async fn close(mut self) {
        // A socket that the server has closed already is closed.
        let _ = self.stream.close(None).await;
        self.close_code().await;
    }

    /// Lets the connection go without a word, as a client does whose network goes.
    pub fn vanish(self) {
        drop(self);
    }

    async fn read(&mut self, by: Instant) -> Option<Came> {
        let mut ended = None;
        loop {
            match timeout_at(by, self.stream.next()).await.ok()? {
                Some(Ok(Message::Text(text))) => {
                    let frame =
                        serde_json::from_str(&text).unwrap_or_else(|why| panic!("not JSON ({why}): {text}"));
                    return Some(Came::Frame(frame));
                }
                Some(Ok(Message::Binary(bytes))) => panic!("the server sent a binary frame: {bytes:?}"),
                // What follows a close frame is the end of the stream, once ours was sent.
                Some(Ok(Message::Close(frame))) => ended = frame.map(|frame| frame.code.into()),
                Some(Ok(_)) => {}
                Some(Err(Error::ConnectionClosed | Error::AlreadyClosed | Error::Io(_))) | None => {
                    return Some(Came::End(ended));
                }
                // The other implementation's word on what it was sent is what it is here for.
                Some(Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake))) => {
                    return Some(Came::End(ended));
                }
                Some(Err(why)) => panic!("the server broke the protocol: {why}"),
            }
        }
    }
}

/// What a read brought.
enum Came {
    Frame(Value),
    End(Option<u16>),
}
