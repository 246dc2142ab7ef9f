//! A single WebSocket, without reconnecting.

use std::fmt;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::command::ClientEvent;
use crate::event::Frame;

/// How a socket has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The server closed it.
    Closed {
        /// The close code.
        code: u16,
        /// The reason, for people.
        reason: String,
    },
    /// The connection was lost, or closed without a code.
    Lost(String),
    /// The server violated the protocol.
    Broken(String),
}

impl End {
    /// The close code, if there was one.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Closed { code, .. } => Some(*code),
            Self::Lost(_) | Self::Broken(_) => None,
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed { code, reason } if reason.is_empty() => write!(f, "closed with {code}"),
            Self::Closed { code, reason } => write!(f, "closed with {code}: {reason}"),
            Self::Lost(why) => write!(f, "the connection was lost: {why}"),
            Self::Broken(why) => write!(f, "the server broke the protocol: {why}"),
        }
    }
}

/// A connected WebSocket. See [`Handshake`](crate::Handshake).
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    protocol: Option<String>,
    closed: Option<CloseFrame>,
    /// When the last message was received, including pongs.
    last_received: Instant,
}

impl Socket {
    pub(crate) fn new(stream: WebSocketStream<MaybeTlsStream<TcpStream>>, protocol: Option<String>) -> Self {
        Self { stream, protocol, closed: None, last_received: Instant::now() }
    }

    /// The subprotocol that the server chose.
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    /// Sends an event. The answer will contain the `reference`.
    pub async fn send(&mut self, event: &ClientEvent, reference: Option<&str>) -> Result<(), End> {
        self.send_message(Message::text(event.to_text(reference))).await
    }

    /// Sends any WebSocket message.
    pub async fn send_message(&mut self, message: Message) -> Result<(), End> {
        match self.stream.send(message).await {
            Ok(()) => Ok(()),
            Err(why) => Err(self.end(why)),
        }
    }

    /// The next event. Cancel safe.
    pub async fn next(&mut self) -> Result<Frame, End> {
        let text = self.next_text().await?;
        Frame::parse(&text).map_err(|why| End::Broken(format!("{why}: {text}")))
    }

    /// The next text frame, unparsed.
    pub async fn next_text(&mut self) -> Result<Utf8Bytes, End> {
        loop {
            match self.next_message().await? {
                Message::Text(text) => return Ok(text),
                Message::Binary(_) => return Err(End::Broken("a binary frame".to_owned())),
                _ => {}
            }
        }
    }

    /// The next text, binary, ping or pong message.
    pub async fn next_message(&mut self) -> Result<Message, End> {
        loop {
            match self.stream.next().await {
                // The stream ends after the close was answered.
                Some(Ok(Message::Close(frame))) => self.closed = frame,
                Some(Ok(message)) => {
                    self.last_received = Instant::now();
                    return Ok(message);
                }
                Some(Err(why)) => return Err(self.end(why)),
                None => return Err(self.end(Error::ConnectionClosed)),
            }
        }
    }

    pub(crate) fn last_received(&self) -> Instant {
        self.last_received
    }

    /// Closes the socket, and waits for the server's answer.
    pub async fn close(mut self) -> End {
        // Fails if the server has already closed it.
        let _ = self.stream.close(None).await;
        loop {
            if let Err(end) = self.next_message().await {
                return end;
            }
        }
    }

    fn end(&mut self, why: Error) -> End {
        if let Some(CloseFrame { code, reason }) = self.closed.take() {
            return End::Closed { code: code.into(), reason: reason.to_string() };
        }
        match why {
            Error::ConnectionClosed | Error::AlreadyClosed | Error::Io(_) => End::Lost(why.to_string()),
            Error::Protocol(
                ProtocolError::ResetWithoutClosingHandshake | ProtocolError::SendAfterClosing,
            ) => End::Lost(why.to_string()),
            why => End::Broken(why.to_string()),
        }
    }
}
