//! One connection of a session.

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
}

impl Connection {
    pub(crate) fn new(socket: Socket) -> Self {
        Self { socket, is_open: false, resuming: None }
    }

    /// Asks for the missed events of the next groups.
    pub(crate) async fn ask_to_resume(&mut self) -> Result<(), End> {
        let Some(resume) = self.resuming.as_mut().and_then(Resuming::next) else { return Ok(()) };
        self.socket.send(&ClientEvent::SyncResume(resume), Some(RESUME)).await
    }
}
