//! A WebSocket that stays: its two halves, one to send and one to read.

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

/// The groups of the user at the moment of connecting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Each with its newest messages, its `head` and the user's read mark.
    pub groups: Vec<Group>,
    /// The history that the numbers belong to.
    pub history: Option<Uuid>,
    /// The part that is left out, where [`Options::window`] asked for some groups only.
    pub more: Option<More>,
    /// Whether the session goes on from where it was: keep the messages that you hold, since those
    /// that you missed follow. Else drop them, and begin from here.
    pub resumed: bool,
}

/// An update of what the program knows, in the order to apply them.
#[derive(Debug, Clone, PartialEq)]
pub enum Update {
    /// Connected.
    Connected(Summary),
    /// The user's relations at the moment of connecting.
    Contacts(ContactSummary),
    /// An event.
    Event(Box<Frame>),
    /// The missed events of a group cannot be sent: drop what you hold of it, and begin from this.
    Reset {
        /// The group as of the moment of connecting.
        group: Box<Group>,
        /// The reason: `too_far`, `seq_ahead` or `history_changed`.
        why: String,
    },
    /// The user left a group, or it was deleted, while there was no connection.
    Gone(Uuid),
    /// All missed events have been delivered.
    Resumed,
    /// The connection is lost; the session connects again.
    Disconnected(End),
    /// The session has ended for good: the credential ended, or the server refuses this client. The
    /// last update.
    Ended(Error),
}

/// Sends. Clones send over the same WebSocket.
#[derive(Debug, Clone)]
pub struct Session {
    requests: mpsc::Sender<Request>,
}

/// Reads. Once both this and every [`Session`] are dropped, the WebSocket is closed.
#[derive(Debug)]
pub struct Updates {
    receiver: mpsc::Receiver<Update>,
    positions: Positions,
    /// Whether events that were missed come, and the last number of these.
    is_resuming: bool,
    last_missed: Option<(Uuid, i64)>,
}

impl Session {
    /// Connects as the caller of a [`Rest`], and stays connected. Connecting goes on in the background:
    /// the first update tells when it is done.
    pub fn connect(rest: &Rest) -> (Self, Updates) {
        let credential = rest.credential().cloned();
        let nobody = || crate::Credential::Bearer(String::new());
        Self::connect_with(rest.server(), credential.unwrap_or_else(nobody), Options::default())
    }

    /// Connects with a source of credentials, and with settings. Needs a Tokio runtime.
    pub fn connect_with(server: &str, access: impl Into<Access>, options: Options) -> (Self, Updates) {
        let (requests, receiver) = mpsc::channel(options.requests.max(1));
        // The driver holds what the program has not read, so that it can bound it.
        let (sender, updates) = mpsc::channel(1);
        let positions = options.positions.clone().unwrap_or_default();
        let driver = Driver::new(server, access.into(), options, sender);
        tokio::spawn(driver.run(receiver));
        (Self { requests }, Updates { receiver: updates, positions, is_resuming: false, last_missed: None })
    }

    /// Sends a message, and returns it once it is on the server's disk, however often the connection is
    /// lost meanwhile. It is stored once.
    pub async fn send(&self, group: Uuid, body: &str) -> Result<Message, Error> {
        self.send_message(NewMessage { group, body: body.to_owned(), ..NewMessage::default() }).await
    }

    /// The same with a reply, or with a `client_id` of your own.
    pub async fn send_message(&self, mut message: NewMessage) -> Result<Message, Error> {
        message.client_id.get_or_insert_with(random::client_id);
        match self.ask(ClientEvent::MessageText(message)).await?.event {
            ServerEvent::MessageText(message) => Ok(message),
            other => Err(unexpected(&other)),
        }
    }

    /// Fetches a part of a group's history.
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

    /// Shows the other members that the user types. Not answered.
    pub async fn typing(&self, group: Uuid) -> Result<(), Error> {
        self.ask(ClientEvent::TypingStart(GroupId { group })).await.map(drop)
    }

    /// Sends any event, and returns the frame that answers it. A request that may be repeated is sent
    /// again after a lost connection; any other is then [`Error::Lost`].
    pub async fn ask(&self, event: ClientEvent) -> Result<Frame, Error> {
        let (answer, receiver) = oneshot::channel();
        self.requests.send(Request { event, answer }).await.map_err(|_| Error::Closed)?;
        receiver.await.map_err(|_| Error::Closed)?
    }
}

impl Updates {
    /// The next update; none after the last. Dropping the future loses nothing.
    ///
    /// Read in a task of its own, or the program waits for itself: a call of [`Session`] is answered
    /// whether or not updates are read, but a program that waits for such a call reads none.
    pub async fn next(&mut self) -> Option<Update> {
        let update = self.receiver.recv().await?;
        self.note(&update);
        Some(update)
    }

    /// How far the program has read. Store it, and give it to [`Options::positions`] to go on from
    /// there after a restart.
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
