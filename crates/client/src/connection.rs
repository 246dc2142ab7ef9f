//! One connection of a session.

use std::time::Duration;

use tokio::time::Instant;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::command::ClientEvent;
use crate::resume::Resuming;
use crate::socket::{End, Socket};

/// The `ref` of a resume. Those of requests are numbers.
pub(crate) const RESUME: &str = "resume";

/// One connection.
pub(crate) struct Connection {
    pub(crate) socket: Socket,
    /// Whether `group.summary` was received, so that requests may be sent.
    pub(crate) is_open: bool,
    pub(crate) resuming: Option<Resuming>,
    /// When the last ping was sent.
    asked: Option<Instant>,
}

impl Connection {
    pub(crate) fn new(socket: Socket) -> Self {
        Self { socket, is_open: false, resuming: None, asked: None }
    }

    /// The remaining time before the silence limit is reached, first for the ping, then for the answer.
    pub(crate) fn quiet_for(&self, silence: Duration) -> Duration {
        let last_received = self.socket.last_received();
        silence.saturating_sub(self.asked.map_or(last_received, |asked| asked.max(last_received)).elapsed())
    }

    /// Sends a ping to a silent server. If the server has sent nothing since the previous ping, the
    /// connection counts as lost, even if the network reports no error.
    pub(crate) async fn send_ping(&mut self) -> Result<(), End> {
        if self.asked.is_some_and(|asked| asked >= self.socket.last_received()) {
            return Err(End::Lost("the server has gone silent".to_owned()));
        }
        self.asked = Some(Instant::now());
        self.socket.send_message(Message::Ping(Bytes::new())).await
    }

    /// Requests the missed events of the next groups.
    pub(crate) async fn send_resume(&mut self) -> Result<(), End> {
        let Some(resume) = self.resuming.as_mut().and_then(Resuming::next) else { return Ok(()) };
        self.socket.send(&ClientEvent::SyncResume(resume), Some(RESUME)).await
    }
}
