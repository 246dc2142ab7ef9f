//! A WebSocket that may end at any moment, which is no failure here. (The testkit's own fails the
//! test that it ends in.)

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::PATIENCE;

/// A connected WebSocket.
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
}

/// What a read brought.
#[derive(Debug)]
pub enum Came {
    /// A frame.
    Frame(Value),
    /// The end, with the close code if there was one.
    End(Option<u16>),
}

impl Socket {
    /// Connects to the server at `http://…` as whom the token says. None if nobody is there, no
    /// longer, or nobody who takes sockets now (503).
    pub async fn connect(url: &str, token: &str) -> Option<Self> {
        let address = url.strip_prefix("http://").expect("the address is http://host:port");
        let mut request = format!("ws://{address}/chat/").into_client_request().expect("an address");
        let bearer = format!("Bearer {token}").parse().expect("a token is fit for a header");
        request.headers_mut().insert("authorization", bearer);
        let tcp = TcpStream::connect(address).await.ok()?;
        tcp.set_nodelay(true).ok()?;
        match timeout(PATIENCE, client_async(request, tcp)).await.expect("the handshake is answered") {
            Ok((stream, _)) => Some(Self { stream }),
            Err(Error::Http(response)) if response.status() != 503 => {
                panic!("the handshake was refused: {}", response.status())
            }
            Err(_) => None,
        }
    }

    /// Sends a message with its `client_id` as the `ref` too; whether it went out.
    pub async fn say(&mut self, group: &str, client_id: &str, body: &str) -> bool {
        let data = json!({ "group": group, "body": body, "client_id": client_id });
        self.send(json!({ "type": "message.text", "data": data, "ref": client_id })).await
    }

    /// Sends a frame; whether it went out.
    pub async fn send(&mut self, frame: Value) -> bool {
        let sent = self.stream.send(Message::text(frame.to_string()));
        timeout(PATIENCE, sent).await.expect("the server reads").is_ok()
    }

    /// The next frame, or the end.
    pub async fn next(&mut self) -> Came {
        timeout(PATIENCE, self.await_next()).await.expect("a frame or the end comes")
    }

    /// The same, however long it takes.
    pub async fn await_next(&mut self) -> Came {
        let mut code = None;
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => {
                    return Came::Frame(serde_json::from_str(&text).expect("a frame is JSON"));
                }
                Some(Ok(Message::Close(frame))) => code = frame.map(|frame| frame.code.into()),
                Some(Ok(_)) => {}
                Some(Err(Error::Utf8(why))) => panic!("the server sent what is no text: {why}"),
                Some(Err(_)) | None => return Came::End(code),
            }
        }
    }

    /// The frame that carries this `ref`; others are dropped.
    pub async fn answer(&mut self, reference: &str) -> Value {
        loop {
            match self.next().await {
                Came::Frame(frame) if frame["ref"] == reference => return frame,
                Came::Frame(_) => {}
                Came::End(code) => panic!("closed with {code:?} before the answer to {reference}"),
            }
        }
    }

    /// Sends a frame with this `ref`, and answers with the one that carries it back.
    pub async fn ask(&mut self, kind: &str, data: Value, reference: &str) -> Value {
        assert!(self.send(json!({ "type": kind, "data": data, "ref": reference })).await, "it is open");
        self.answer(reference).await
    }
}
