//! A persistent WebSocket with two halves, one for sending and one for reading.

use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::access::Access;
use crate::api::{ContactSummary, Group, GroupId, Message, More, NewMessage, Page, PageRequest, ReadUpTo};
use crate::command::ClientEvent;
use crate::driver::Driver;
use crate::error::Error;
use crate::event::{Frame, ServerEvent};
use crate::options::Options;
use crate::outbox::Request;
use crate::positions::Positions;
use crate::random;
use crate::rest::Rest;
use crate::socket::End;

/// The user's groups at the time of connecting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The groups, each with its newest messages, its `head` and the user's read mark.
    pub groups: Vec<Group>,
    /// The history to which the numbers belong.
    pub history: Option<Uuid>,
    /// The part that is missing if [`Options::window`] requested only some groups.
    pub more: Option<More>,
    /// Whether the session resumes where it stopped. If so, keep the messages that you have; the missed ones
    /// follow. Otherwise drop them and start from this summary.
    pub resumed: bool,
}

/// A change to apply to the program's state. Updates must be applied in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Update {
    Connected(Summary),
    /// The user's relations at the time of connecting.
    Contacts(ContactSummary),
    Event(Box<Frame>),
    /// The missed events of a group cannot be sent. Drop the group's messages and start from this state.
    Reset {
        /// The group at the time of connecting.
        group: Box<Group>,
        /// The reason: `too_far`, `seq_ahead` or `history_changed`.
        why: String,
    },
    /// The user left a group, or the group was deleted, while the session was disconnected.
    Gone(Uuid),
    /// All missed events have been delivered.
    Resumed,
    /// The connection is lost. The session reconnects.
    Disconnected(End),
    /// The session has ended permanently, because the credential ended or the server refuses this client. The
    /// last update.
    Ended(Error),
}

/// The sending half. Clones use the same WebSocket.
#[derive(Debug, Clone)]
pub struct Session {
    requests: mpsc::Sender<Request>,
}

/// The reading half. The WebSocket is closed once this and every [`Session`] are dropped.
#[derive(Debug)]
pub struct Updates {
    receiver: mpsc::Receiver<Update>,
    positions: Positions,
    /// Whether missed events are arriving, and the number of the last one.
    is_resuming: bool,
    last_missed: Option<(Uuid, i64)>,
}

impl Session {
    /// Connects as the caller of a [`Rest`], and stays connected. Returns immediately; the first update
    /// reports the connection.
    pub fn connect(rest: &Rest) -> (Self, Updates) {
        let credential = rest.credential().cloned();
        let nobody = || crate::Credential::Bearer(String::new());
        Self::connect_with(rest.server(), credential.unwrap_or_else(nobody), Options::default())
    }

    /// Connects with a source of credentials and with options. Needs a Tokio runtime.
    pub fn connect_with(server: &str, access: impl Into<Access>, options: Options) -> (Self, Updates) {
        let (requests, receiver) = mpsc::channel(options.requests.max(1));
        // The driver keeps the unread updates itself, so that it can bound them.
        let (sender, updates) = mpsc::channel(1);
        let positions = options.positions.clone().unwrap_or_default();
        let driver = Driver::new(server, access.into(), options, sender);
        tokio::spawn(driver.run(receiver));
        (Self { requests }, Updates { receiver: updates, positions, is_resuming: false, last_missed: None })
    }

    /// Sends a message, and returns it once it is on the server's disk. The message is repeated after a lost
    /// connection and stored once.
    pub async fn send(&self, group: Uuid, body: &str) -> Result<Message, Error> {
        self.send_message(NewMessage { group, body: body.to_owned(), ..NewMessage::default() }).await
    }

    /// Like [`send`](Self::send), with all fields of a message, such as a `client_id` of your own.
    pub async fn send_message(&self, mut message: NewMessage) -> Result<Message, Error> {
        message.client_id.get_or_insert_with(random::client_id);
        match self.ask(ClientEvent::MessageText(message)).await?.event {
            ServerEvent::MessageText(message) => Ok(message),
            other => Err(unexpected(&other)),
        }
    }

    /// Fetches a page of a group's history.
    pub async fn fetch(&self, request: PageRequest) -> Result<Page, Error> {
        match self.ask(ClientEvent::MessageFetch(request)).await?.event {
            ServerEvent::MessageFetch(page) => Ok(page),
            other => Err(unexpected(&other)),
        }
    }

    /// Moves the user's read mark.
    pub async fn mark_read(&self, group: Uuid, seq: i64) -> Result<(), Error> {
        let up_to = ReadUpTo { group, seq: Some(seq), date: None };
        self.ask(ClientEvent::MessageRead(up_to)).await.map(drop)
    }

    /// Shows the other members that the user is typing. There is no answer.
    pub async fn typing(&self, group: Uuid) -> Result<(), Error> {
        self.ask(ClientEvent::TypingStart(GroupId { group })).await.map(drop)
    }

    /// Sends any event, and returns the frame that answers it. After a lost connection, a repeatable request
    /// is sent again; any other fails with [`Error::Lost`].
    pub async fn ask(&self, event: ClientEvent) -> Result<Frame, Error> {
        let (answer, receiver) = oneshot::channel();
        self.requests.send(Request { event, answer }).await.map_err(|_| Error::Closed)?;
        receiver.await.map_err(|_| Error::Closed)?
    }
}

impl Updates {
    /// The next update. `None` after the last one. Cancel safe.
    ///
    /// Read updates in a task of its own: calls of [`Session`] complete even if no updates are read, but a
    /// task that waits for a call reads none in the meantime.
    pub async fn next(&mut self) -> Option<Update> {
        let update = self.receiver.recv().await?;
        self.note(&update);
        Some(update)
    }

    /// The positions up to which the program has read. Store them and pass them to [`Options::positions`] to
    /// resume after a restart.
    pub fn positions(&self) -> &Positions {
        &self.positions
    }

    fn note(&mut self, update: &Update) {
        match update {
            Update::Connected(summary) => {
                (self.is_resuming, self.last_missed) = (summary.resumed, None);
                if summary.resumed {
                    self.positions.history = summary.history;
                    self.positions.add(&summary.groups);
                } else {
                    self.positions.begin(summary.history, &summary.groups);
                }
            }
            Update::Event(frame) => self.take(frame),
            Update::Reset { group, .. } => self.positions.restart(group),
            Update::Gone(group) => drop(self.positions.groups.remove(group)),
            Update::Resumed => {
                self.is_resuming = false;
                if let Some((group, seq)) = self.last_missed.take() {
                    self.positions.reach(group, seq);
                }
            }
            _ => {}
        }
    }

    fn take(&mut self, frame: &Frame) {
        if let ServerEvent::SyncDone(synced) = &frame.event {
            for (group, head) in &synced.groups {
                self.positions.reach(*group, *head);
            }
        } else if self.is_resuming {
            self.positions.take_missed(frame, &mut self.last_missed);
        } else {
            self.positions.take(frame);
        }
    }
}

fn unexpected(event: &ServerEvent) -> Error {
    Error::Unexpected(event.name().to_owned())
}
