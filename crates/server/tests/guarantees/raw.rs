//! A low-level WebSocket that exposes pongs and the close, and reads only on request; and a keep-alive HTTP
//! connection.

use std::time::Duration;

use chinwag_testkit::app::SERVICE_KEY;
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::WAIT_TIMEOUT;

/// Connects, from a local address if one is given.
pub(crate) async fn tcp(url: &str, from: Option<&str>, buffer: Option<u32>) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    if let Some(buffer) = buffer {
        socket.set_recv_buffer_size(buffer).expect("a bound");
    }
    if let Some(from) = from {
        socket.bind(format!("{from}:0").parse().expect("an address")).expect("an address of this machine");
    }
    let address = url.strip_prefix("http://").expect("an address");
    socket.connect(address.parse().expect("an address")).await.expect("it listens")
}

pub(crate) struct Raw {
    stream: WebSocketStream<TcpStream>,
}

/// The result of a read.
#[derive(Debug)]
pub(crate) enum Incoming {
    Text(String),
    Pong(String),
    /// The end of the stream, with the close code if there was one.
    End(Option<u16>),
}

impl Raw {
    /// Connects and reads the two summaries. `buffer` is the approximate size of the kernel's receive buffer.
    pub(crate) async fn connect(url: &str, token: &str, buffer: Option<u32>) -> Self {
        let tcp = tcp(url, None, buffer).await;
        Self::shake(url, token, tcp).await.expect("a handshake")
    }

    /// Shakes hands on an open connection; a refusal returns its status.
    pub(crate) async fn shake(url: &str, token: &str, tcp: TcpStream) -> Result<Self, u16> {
        let address = url.strip_prefix("http://").expect("an address");
        let mut request = format!("ws://{address}/chat/").into_client_request().expect("a request");
        let bearer = format!("Bearer {token}").parse().expect("a header");
        request.headers_mut().insert("authorization", bearer);
        let stream = match client_async(request, tcp).await {
            Ok((stream, _)) => stream,
            Err(Error::Http(refused)) => return Err(refused.status().as_u16()),
            Err(why) => panic!("no handshake: {why}"),
        };
        let mut raw = Self { stream };
        while raw.frame().await["type"] != "contact.summary" {}
        Ok(raw)
    }

    pub(crate) async fn send(&mut self, frame: &Value) {
        self.stream.send(Message::text(frame.to_string())).await.expect("the socket is open");
    }

    /// Reads the next message.
    pub(crate) async fn next(&mut self) -> Incoming {
        let mut code = None;
        loop {
            match timeout(WAIT_TIMEOUT, self.stream.next()).await.expect("something comes") {
                Some(Ok(Message::Text(text))) => return Incoming::Text(text.to_string()),
                Some(Ok(Message::Pong(bytes))) => {
                    return Incoming::Pong(String::from_utf8_lossy(&bytes).into_owned());
                }
                Some(Ok(Message::Close(frame))) => code = frame.map(|frame| frame.code.into()),
                Some(Ok(_)) => {}
                Some(Err(
                    Error::ConnectionClosed | Error::AlreadyClosed | Error::Io(_) | Error::Protocol(_),
                ))
                | None => {
                    return Incoming::End(code);
                }
                Some(Err(why)) => panic!("the server broke the protocol: {why}"),
            }
        }
    }

    /// Reads the next message, which must be a text frame.
    pub(crate) async fn frame(&mut self) -> Value {
        loop {
            match self.next().await {
                Incoming::Text(text) => return serde_json::from_str(&text).expect("JSON"),
                Incoming::Pong(_) => {}
                Incoming::End(code) => panic!("the socket was closed with {code:?}"),
            }
        }
    }

    /// Sends a ping; returns the frames before its pong, which must arrive within ten seconds.
    pub(crate) async fn ping(&mut self, payload: &'static str) -> Vec<Value> {
        self.stream.send(Message::Ping(payload.into())).await.expect("the socket is open");
        let mut frames = Vec::new();
        loop {
            let next = timeout(Duration::from_secs(10), self.next()).await;
            match next.unwrap_or_else(|_| panic!("no pong to {payload}")) {
                Incoming::Pong(found) if found == payload => return frames,
                Incoming::Pong(_) => {}
                Incoming::Text(text) => frames.push(serde_json::from_str(&text).expect("JSON")),
                Incoming::End(code) => panic!("closed with {code:?}, and no pong to {payload}"),
            }
        }
    }
}

/// A keep-alive HTTP connection with the service key.
pub(crate) struct Keep {
    stream: TcpStream,
}

impl Keep {
    pub(crate) async fn connect(url: &str, from: Option<&str>) -> Self {
        Self { stream: tcp(url, from, None).await }
    }

    /// Sends a request with this id. Returns the answer's head in lower case, and its body.
    pub(crate) async fn get(&mut self, path: &str, id: &str) -> (String, String) {
        self.try_get(path, id).await.expect("the connection stands")
    }

    /// Like [`Self::get`], but `None` if the connection is closed instead.
    pub(crate) async fn try_get(&mut self, path: &str, id: &str) -> Option<(String, String)> {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {SERVICE_KEY}\r\n\
             X-Request-Id: {id}\r\n\r\n"
        );
        self.stream.write_all(request.as_bytes()).await.ok()?;
        let mut said = String::new();
        loop {
            if let Some((head, body)) = said.split_once("\r\n\r\n") {
                let head = format!("{}\r\n", head.to_ascii_lowercase());
                let length = head.split("content-length: ").nth(1).expect("a length");
                let length: usize = length.split("\r\n").next().expect("a line").parse().expect("a number");
                if body.len() >= length {
                    return Some((head, body.to_owned()));
                }
            }
            let mut bytes = [0; 4096];
            let read = timeout(WAIT_TIMEOUT, self.stream.read(&mut bytes)).await.expect("an answer");
            let read = read.ok().filter(|read| *read > 0)?;
            said.push_str(std::str::from_utf8(&bytes[..read]).expect("text"));
        }
    }
}
