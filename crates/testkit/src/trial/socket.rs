//! A WebSocket for trials, which may close at any time without failing the test.

use chinwag_client::tungstenite::{Message, Utf8Bytes};
use chinwag_client::{ConnectError, Credential, End, Handshake};
use serde_json::{Value, json};
use tokio::net::TcpSocket;
use tokio::time::timeout;

use super::WAIT_TIMEOUT;

/// A connected WebSocket.
pub struct TrialSocket {
    socket: chinwag_client::Socket,
}

/// The result of a read.
#[derive(Debug)]
pub enum Incoming {
    /// A frame.
    Frame(Value),
    /// The socket is closed, with the close code if there is one.
    End(Option<u16>),
}

impl TrialSocket {
    /// Connects to the server at `http://…` with a token. None if the server is down or refuses sockets (503).
    pub async fn connect(url: &str, token: &str) -> Option<Self> {
        Self::connect_with(url, "/chat/", token, None).await
    }

    /// The same with a query, such as `?groups=0`.
    pub async fn connect_by(url: &str, query: &str, token: &str) -> Option<Self> {
        Self::connect_with(url, &format!("/chat/{query}"), token, None).await
    }

    async fn connect_with(url: &str, path: &str, token: &str, buffer: Option<u32>) -> Option<Self> {
        let address = url.strip_prefix("http://").expect("the address is http://host:port");
        let handshake = Handshake::new(url).path(path).credential(&Credential::Bearer(token.to_owned()));
        let tcp = TcpSocket::new_v4().expect("a socket");
        if let Some(buffer) = buffer {
            tcp.set_recv_buffer_size(buffer).expect("a bound");
        }
        let tcp = tcp.connect(address.parse().expect("an address")).await.ok()?;
        tcp.set_nodelay(true).ok()?;
        let shaken = timeout(WAIT_TIMEOUT, handshake.timeout(WAIT_TIMEOUT * 2).connect_over(tcp)).await;
        match shaken.expect("the handshake is answered") {
            Ok(socket) => Some(Self { socket }),
            Err(ConnectError::Refused(refusal)) if refusal.status != 503 => {
                panic!("the handshake was refused: {refusal}")
            }
            Err(_) => None,
        }
    }

    /// The same, and waits until the socket is live: a message sent earlier may be in its summary, and then no event follows.
    /// The kernel buffers about `buffer` unread bytes.
    pub async fn live(url: &str, token: &str, buffer: Option<u32>) -> Self {
        let mut socket = Self::connect_with(url, "/chat/", token, buffer).await.expect("the server is there");
        loop {
            match socket.next().await {
                Incoming::Frame(frame) if frame["type"] == "contact.summary" => return socket,
                Incoming::Frame(_) => {}
                Incoming::End(code) => panic!("closed with {code:?} before it was live"),
            }
        }
    }

    /// Sends a message with its `client_id` as the `ref`. Returns whether it was sent.
    pub async fn say(&mut self, group: &str, client_id: &str, body: &str) -> bool {
        let data = json!({ "group": group, "body": body, "client_id": client_id });
        self.send(json!({ "type": "message.text", "data": data, "ref": client_id })).await
    }

    /// Sends a frame. Returns whether it was sent.
    pub async fn send(&mut self, frame: Value) -> bool {
        let sent = self.socket.send_message(Message::text(frame.to_string()));
        timeout(WAIT_TIMEOUT, sent).await.expect("the server reads").is_ok()
    }

    /// The next frame, or the close.
    pub async fn next(&mut self) -> Incoming {
        timeout(WAIT_TIMEOUT, self.await_next()).await.expect("a frame or the end comes")
    }

    /// The same without a timeout.
    pub async fn await_next(&mut self) -> Incoming {
        match self.await_text().await {
            Ok(text) => Incoming::Frame(serde_json::from_str(&text).expect("a frame is JSON")),
            Err(code) => Incoming::End(code),
        }
    }

    /// The next frame's text, or the close code.
    pub async fn text(&mut self) -> Result<Utf8Bytes, Option<u16>> {
        timeout(WAIT_TIMEOUT, self.await_text()).await.expect("a frame or the end comes")
    }

    async fn await_text(&mut self) -> Result<Utf8Bytes, Option<u16>> {
        self.socket.next_text().await.map_err(|end| match end {
            End::Broken(why) => panic!("the server broke the protocol: {why}"),
            end => end.code(),
        })
    }

    /// The frame with this `ref`. Drops others.
    pub async fn answer(&mut self, reference: &str) -> Value {
        loop {
            match self.next().await {
                Incoming::Frame(frame) if frame["ref"] == reference => return frame,
                Incoming::Frame(_) => {}
                Incoming::End(code) => panic!("closed with {code:?} before the answer to {reference}"),
            }
        }
    }

    /// Sends a frame with this `ref`, and returns the frame with the same `ref`.
    pub async fn ask(&mut self, kind: &str, data: Value, reference: &str) -> Value {
        assert!(self.send(json!({ "type": kind, "data": data, "ref": reference })).await, "it is open");
        self.answer(reference).await
    }
}
