//! One connection of a session.

use std::time::Duration;

use tokio::time::Instant;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::command::ClientEvent;
use crate::resume::Resuming;
use crate::socket::{End, Socket};

/// The `ref` of a resume. Those of requests are numbers.
pub(crate) const RESUME: &str = "resume";
/// A server closes a socket that sends more than 20 resumes in 10 s. So only the first ones follow at once.
const RESUMES_AT_ONCE: u32 = 10;
const RESUME_PAUSE: Duration = Duration::from_secs(1);

/// One connection.
pub(crate) struct Connection {
    pub(crate) socket: Socket,
    /// Whether `group.summary` was received, so that requests may be sent.
    pub(crate) is_open: bool,
    pub(crate) resuming: Option<Resuming>,
    /// The number of resumes that were sent.
    resumes: u32,
    /// When the next resume is sent, if it waits.
    resume_at: Option<Instant>,
    /// When the last ping was sent.
    asked: Option<Instant>,
}

impl Connection {
    pub(crate) fn new(socket: Socket) -> Self {
        Self { socket, is_open: false, resuming: None, resumes: 0, resume_at: None, asked: None }
    }

    /// The remaining time before [`wake`](Self::wake): until a waiting resume is sent, or the silence limit is
    /// reached, first for the ping, then for the answer.
    pub(crate) fn idle_for(&self, silence: Duration) -> Duration {
        let last_received = self.socket.last_received();
        let since = self.asked.map_or(last_received, |asked| asked.max(last_received));
        let quiet = silence.saturating_sub(since.elapsed());
        self.resume_at.map_or(quiet, |at| quiet.min(at.saturating_duration_since(Instant::now())))
    }

    /// Sends a waiting resume, or otherwise a ping to a silent server. If the server has sent nothing since the
    /// previous ping, the connection counts as lost, even if the network reports no error.
    pub(crate) async fn wake(&mut self) -> Result<(), End> {
        if self.resume_at.take_if(|at| *at <= Instant::now()).is_some() {
            return self.send_resume().await;
        }
        if self.asked.is_some_and(|asked| asked >= self.socket.last_received()) {
            return Err(End::Lost("the server has gone silent".to_owned()));
        }
        self.asked = Some(Instant::now());
        self.socket.send_message(Message::Ping(Bytes::new())).await
    }

    /// Requests the missed events of the next groups, at once or after a pause.
    pub(crate) async fn continue_resume(&mut self) -> Result<(), End> {
        if self.resumes < RESUMES_AT_ONCE {
            return self.send_resume().await;
        }
        self.resume_at = Some(Instant::now() + RESUME_PAUSE);
        Ok(())
    }

    /// Requests the missed events of the next groups.
    pub(crate) async fn send_resume(&mut self) -> Result<(), End> {
        let Some(resume) = self.resuming.as_mut().and_then(Resuming::next) else { return Ok(()) };
        self.resumes += 1;
        self.socket.send(&ClientEvent::SyncResume(resume), Some(RESUME)).await
    }
}
