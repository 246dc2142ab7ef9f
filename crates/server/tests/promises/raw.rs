//! A socket that shows its pongs and its end, and reads only when it is told to; and an HTTP
//! connection that is one and the same for every request.

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

use crate::PATIENCE;

pub(crate) struct Raw {
    stream: WebSocketStream<TcpStream>,
}

/// What a read brings.
#[derive(Debug)]
pub(crate) enum Came {
    Text(String),
    Pong(String),
    /// The end, with its code if there was one.
    End(Option<u16>),
}

impl Raw {
    /// Shakes hands, and reads the two summaries. The kernel takes about so many bytes that nobody
    /// reads.
    pub(crate) async fn connect(url: &str, token: &str, buffer: Option<u32>) -> Self {
        let address = url.strip_prefix("http://").expect("an address");
        let mut request = format!("ws://{address}/chat/").into_client_request().expect("a request");
        let bearer = format!("Bearer {token}").parse().expect("a header");
        request.headers_mut().insert("authorization", bearer);
        let socket = TcpSocket::new_v4().expect("a socket");
        if let Some(buffer) = buffer {
            socket.set_recv_buffer_size(buffer).expect("a bound");
        }
        let tcp = socket.connect(address.parse().expect("an address")).await.expect("it listens");
        let (stream, _) = client_async(request, tcp).await.expect("a handshake");
        let mut raw = Self { stream };
        while raw.frame().await["type"] != "contact.summary" {}
        raw
    }

    pub(crate) async fn send(&mut self, frame: &Value) {
        self.stream.send(Message::text(frame.to_string())).await.expect("the socket is open");
    }

    /// Whatever comes next.
    pub(crate) async fn next(&mut self) -> Came {
        let mut code = None;
        loop {
            match timeout(PATIENCE, self.stream.next()).await.expect("something comes") {
                Some(Ok(Message::Text(text))) => return Came::Text(text.to_string()),
                Some(Ok(Message::Pong(bytes))) => {
                    return Came::Pong(String::from_utf8_lossy(&bytes).into_owned());
                }
                Some(Ok(Message::Close(frame))) => code = frame.map(|frame| frame.code.into()),
                Some(Ok(_)) => {}
                Some(Err(
                    Error::ConnectionClosed | Error::AlreadyClosed | Error::Io(_) | Error::Protocol(_),
                ))
                | None => {
                    return Came::End(code);
                }
                Some(Err(why)) => panic!("the server broke the protocol: {why}"),
            }
        }
    }

    /// The next frame, which must be one.
    pub(crate) async fn frame(&mut self) -> Value {
        loop {
            match self.next().await {
                Came::Text(text) => return serde_json::from_str(&text).expect("JSON"),
                Came::Pong(_) => {}
                Came::End(code) => panic!("the socket was closed with {code:?}"),
            }
        }
    }

    /// Pings; the frames that come before the pong, which is waited for ten seconds.
    pub(crate) async fn ping(&mut self, payload: &'static str) -> Vec<Value> {
        self.stream.send(Message::Ping(payload.into())).await.expect("the socket is open");
        let mut frames = Vec::new();
        loop {
            let next = timeout(Duration::from_secs(10), self.next()).await;
            match next.unwrap_or_else(|_| panic!("no pong to {payload}")) {
                Came::Pong(found) if found == payload => return frames,
                Came::Pong(_) => {}
                Came::Text(text) => frames.push(serde_json::from_str(&text).expect("JSON")),
                Came::End(code) => panic!("closed with {code:?}, and no pong to {payload}"),
            }
        }
    }
}

/// One HTTP connection, with the service's key.
pub(crate) struct Keep {
    stream: TcpStream,
}

impl Keep {
    pub(crate) async fn connect(url: &str) -> Self {
        let address = url.strip_prefix("http://").expect("an address");
        Self { stream: TcpStream::connect(address).await.expect("it listens") }
    }

    /// The head of the answer, in lower case, and the body. The request has this id.
    pub(crate) async fn get(&mut self, path: &str, id: &str) -> (String, String) {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {SERVICE_KEY}\r\n\
             X-Request-Id: {id}\r\n\r\n"
        );
        self.stream.write_all(request.as_bytes()).await.expect("the connection stands");
        let mut said = String::new();
        loop {
            if let Some((head, body)) = said.split_once("\r\n\r\n") {
                let head = format!("{}\r\n", head.to_ascii_lowercase());
                let length = head.split("content-length: ").nth(1).expect("a length");
                let length: usize = length.split("\r\n").next().expect("a line").parse().expect("a number");
                if body.len() >= length {
                    return (head, body.to_owned());
                }
            }
            let mut bytes = [0; 4096];
            let read = timeout(PATIENCE, self.stream.read(&mut bytes)).await.expect("an answer");
            let read = read.expect("the connection stands");
            assert!(read > 0, "the connection was closed after {said:?}");
            said.push_str(std::str::from_utf8(&bytes[..read]).expect("text"));
        }
    }
}
