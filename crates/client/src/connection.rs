//! One connection of a session.

use std::time::Duration;

use tokio::time::Instant;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::command::ClientEvent;
use crate::resume::Resuming;
use crate::socket::{End, Socket};

/// The `ref` of a resume; those of requests are numbers.
pub(crate) const RESUME: &str = "resume";

/// One connection.
pub(crate) struct Connection {
    pub(crate) socket: Socket,
    /// Whether `group.summary` has come, so that requests may be sent.
    pub(crate) is_open: bool,
    pub(crate) resuming: Option<Resuming>,
    /// When the server was last asked for a sign of life.
    asked: Option<Instant>,
}

impl Connection {
    pub(crate) fn new(socket: Socket) -> Self {
        Self { socket, is_open: false, resuming: None, asked: None }
    }

    /// How long the server may still be silent, before it is asked for a sign of life or after that.
    pub(crate) fn quiet_for(&self, silence: Duration) -> Duration {
        let heard = self.socket.heard();
        silence.saturating_sub(self.asked.map_or(heard, |asked| asked.max(heard)).elapsed())
    }

    /// Asks a server that has been silent for a sign of life. One that was asked before and has sent nothing since is gone,
    /// whether or not the network ever reports it.
    pub(crate) async fn ask_for_life(&mut self) -> Result<(), End> {
        if self.asked.is_some_and(|asked| asked >= self.socket.heard()) {
            return Err(End::Lost("the server has gone silent".to_owned()));
        }
        self.asked = Some(Instant::now());
        self.socket.send_message(Message::Ping(Bytes::new())).await
    }

    /// Asks for the missed events of the next groups.
    pub(crate) async fn ask_to_resume(&mut self) -> Result<(), End> {
        let Some(resume) = self.resuming.as_mut().and_then(Resuming::next) else { return Ok(()) };
        self.socket.send(&ClientEvent::SyncResume(resume), Some(RESUME)).await
    }
}
