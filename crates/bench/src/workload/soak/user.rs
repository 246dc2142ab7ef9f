//! A simulated user with a socket, which reconnects after each loss and resumes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use chinwag_client::uuid::Uuid;
use chinwag_client::{
    ClientEvent, Frame, Message, MessageEdit, MessageId, NewMessage, Presence, React, ReadUpTo, Rest, Resume,
    ServerEvent, Socket, Status,
};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::ledger::{GroupLedger, SoakLedger};
use super::schedule::UserAction;
use crate::frame;
use crate::load::TIMEOUT;

/// Recent messages that a user keeps for edits, reactions and deletions.
const RECENT: usize = 20;
/// Messages that may wait for an earlier acknowledgement.
const UNSENT: usize = 1000;
const EMOJI: [&str; 4] = ["👍", "🎉", "👀", "🚀"];
/// The `ref` of a request for a message that may have been deleted meanwhile.
const ABOUT: &str = "about";
const OWN: &str = "own";
/// The status of an overloaded server's refusal, and its retry time.
const BUSY: u16 = 503;
const RETRY_DELAY: Duration = Duration::from_secs(1);

pub(super) struct SoakUser {
    user: usize,
    group: Uuid,
    /// The group's position in the ledger.
    at: usize,
    rest: Rest,
    ledger: Arc<SoakLedger>,
    /// The last sequence number received.
    held: i64,
    /// The number of the last message received.
    number: u64,
    recent: VecDeque<(Uuid, u64, i64)>,
    /// Due times of the messages that wait.
    unsent: VecDeque<u64>,
    sent: u64,
    outstanding: Option<NewMessage>,
    /// Whether the message was sent again on this socket, and the number in its answer.
    is_repeated: bool,
    answered: Option<i64>,
    turn: usize,
}

/// A word that some messages contain.
pub(super) fn word(number: u64) -> String {
    format!("word{}", number % 997)
}

/// A message body with its number, due time and words.
fn body(number: u64, due: u64) -> String {
    let words: Vec<_> = (0..20).map(|at| word(number * 7 + at * at)).collect();
    format!("{number:016x}{due:016x} {}", words.join(" "))
}

impl SoakUser {
    pub(super) fn new(user: usize, (at, group): (usize, Uuid), rest: Rest, ledger: Arc<SoakLedger>) -> Self {
        Self {
            user,
            group,
            at,
            rest,
            ledger,
            held: 0,
            number: 0,
            recent: VecDeque::new(),
            unsent: VecDeque::new(),
            sent: 0,
            outstanding: None,
            is_repeated: false,
            answered: None,
            turn: user,
        }
    }

    /// Performs actions until the schedule ends.
    pub(super) async fn run(mut self, mut actions: mpsc::Receiver<UserAction>) -> Result<()> {
        loop {
            let connected = timeout(TIMEOUT, self.connect()).await;
            let mut socket = connected.with_context(|| format!("user{} cannot come back", self.user))??;
            loop {
                tokio::select! {
                    frame = socket.next() => match frame {
                        Ok(frame) => self.take(frame, &mut socket).await?,
                        Err(end) => bail!("the socket of user{} ended: {end}", self.user),
                    },
                    action = actions.recv() => match action {
                        None => return Ok(()),
                        Some(UserAction::Reconnect) => break,
                        Some(action) => self.act(action, &mut socket).await?,
                    },
                }
            }
            // Drops the connection without a close frame, as a network failure does.
            drop(socket);
            self.ledger.reconnects.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Connects and resumes.
    async fn connect(&mut self) -> Result<Socket> {
        let mut socket = self.rest.handshake().connect().await?;
        let groups = BTreeMap::from([(self.group, self.held)]);
        self.send(&mut socket, ClientEvent::SyncResume(Resume { groups, ..Resume::default() }), None).await?;
        // Live events may arrive before the answer to the resume, which repeats them.
        let mut missed = BTreeMap::new();
        let head = loop {
            let frame = socket.next().await.map_err(|end| anyhow::anyhow!("a new socket ended: {end}"))?;
            if let ServerEvent::SyncDone(synced) = &frame.event {
                ensure!(synced.refused.groups.is_empty(), "a resume was refused: {:?}", synced.refused);
                break synced.groups.get(&self.group).copied().context("the head of the group")?;
            }
            ensure!(!matches!(frame.event, ServerEvent::Error(_)), "a resume was answered {:?}", frame.event);
            if let Some(seq) = frame.seq.filter(|seq| *seq > self.held) {
                missed.insert(seq, frame);
            }
        };
        for (seq, frame) in missed {
            self.held = seq;
            self.note(&frame, false)?;
        }
        self.held = self.held.max(head);
        (self.is_repeated, self.answered) = (self.outstanding.is_some(), None);
        if let Some(message) = self.outstanding.clone() {
            self.send(&mut socket, ClientEvent::MessageText(message), Some(OWN)).await?;
        }
        self.send_next(&mut socket).await?;
        Ok(socket)
    }

    /// Handles a live event. Its number, if any, must be the next of the log.
    async fn take(&mut self, frame: Frame, socket: &mut Socket) -> Result<()> {
        let is_answer = self.is_repeated && frame.reference.as_deref() == Some(OWN);
        match (&frame.event, frame.seq) {
            (ServerEvent::Error(refusal), _) if refusal.status == BUSY => {
                // Requests for others' messages are not retried.
                if frame.reference.as_deref() == Some(OWN)
                    && let Some(message) = self.outstanding.clone()
                {
                    sleep(RETRY_DELAY).await;
                    (self.is_repeated, self.answered) = (true, None);
                    self.send(socket, ClientEvent::MessageText(message), Some(OWN)).await?;
                }
            }
            (ServerEvent::Error(refusal), _) => {
                let about_deleted = frame.reference.as_deref() == Some(ABOUT) && refusal.status == 404;
                ensure!(about_deleted, "a request of user{} was refused: {refusal}", self.user);
            }
            // A message that was sent again may have been stored before. Its answer arrives outside the log's order, before or
            // after its event.
            (ServerEvent::MessageText(message), Some(seq)) if is_answer && seq != self.held + 1 => {
                self.acknowledge(frame::number_in(&message.body).context("a body that nobody has sent")?);
            }
            (_, Some(seq)) if self.answered == Some(seq) => {}
            (_, Some(seq)) => {
                let held = self.held;
                ensure!(seq == held + 1, "user{} was sent {seq} after {held}: {:?}", self.user, frame.event);
                self.held = seq;
                self.answered = self.answered.or(is_answer.then_some(seq));
                self.note(&frame, true)?;
            }
            (_, None) => {}
        }
        self.send_next(socket).await
    }

    fn note(&mut self, frame: &Frame, is_live: bool) -> Result<()> {
        match &frame.event {
            ServerEvent::MessageText(message) => self.note_message(message, is_live),
            ServerEvent::MessageDelete(deletion) => {
                self.recent.retain(|(id, ..)| Some(*id) != deletion.id);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Checks that a message follows the last one. Missing ones must have been deleted while this user was away.
    fn note_message(&mut self, message: &Message, is_live: bool) -> Result<()> {
        let number = frame::number_in(&message.body).context("a body that nobody has sent")?;
        let (user, last) = (self.user, self.number);
        ensure!(number > last, "user{user} was sent message {number} after {last}");
        ensure!(
            self.group_ledger().are_deleted(last + 1..number),
            "user{user} was sent message {number} after {last}, and not all between were deleted"
        );
        self.number = number;
        self.ledger.reached[user].store(number, Ordering::Relaxed);
        self.recent.push_back((message.id, number, message.seq));
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
        if is_live {
            let due = message.body.get(16..32).and_then(|due| u64::from_str_radix(due, 16).ok());
            self.ledger.delivered(due.context("a body that nobody has sent")?);
        }
        self.acknowledge(number);
        Ok(())
    }

    fn group_ledger(&self) -> &GroupLedger {
        &self.ledger.groups[self.at]
    }

    /// Notes that this user's last message is stored.
    fn acknowledge(&mut self, number: u64) {
        if self.outstanding.is_some() && number == self.sent {
            self.outstanding = None;
            self.group_ledger().acknowledged.store(number, Ordering::Relaxed);
        }
    }

    async fn act(&mut self, action: UserAction, socket: &mut Socket) -> Result<()> {
        self.turn += 1;
        let any = self.recent.get(self.turn % self.recent.len().max(1)).copied();
        let event = match (action, any) {
            (UserAction::Send(due), _) => {
                ensure!(self.unsent.len() < UNSENT, "the server does not keep up with the messages");
                self.unsent.push_back(due);
                return self.send_next(socket).await;
            }
            (UserAction::Presence, _) => {
                let status = if self.turn.is_multiple_of(2) { Status::Afk } else { Status::Online };
                ClientEvent::StatusUpdate(Presence { status })
            }
            (UserAction::Edit, Some((id, number, _))) => {
                let body = Some(body(number, self.ledger.now()) + " (edited)");
                ClientEvent::MessageUpdate(MessageEdit { id, body, mentions: None })
            }
            (UserAction::Delete, Some((id, number, _))) => {
                self.group_ledger().delete(number);
                self.recent.retain(|(other, ..)| *other != id);
                ClientEvent::MessageDelete(MessageId { id })
            }
            (UserAction::React, Some((id, ..))) => {
                let (emoji, on) = (EMOJI[self.turn % EMOJI.len()].to_owned(), self.turn % 8 < 5);
                ClientEvent::MessageReact(React { id, emoji, on })
            }
            (UserAction::Read, Some((_, _, seq))) => {
                ClientEvent::MessageRead(ReadUpTo { group: self.group, seq: Some(seq), date: None })
            }
            // There is no message yet.
            _ => return Ok(()),
        };
        self.ledger.others.fetch_add(1, Ordering::Relaxed);
        self.send(socket, event, Some(ABOUT)).await
    }

    /// Sends the next message once the previous one is stored.
    async fn send_next(&mut self, socket: &mut Socket) -> Result<()> {
        if self.outstanding.is_some() {
            return Ok(());
        }
        let Some(due) = self.unsent.pop_front() else { return Ok(()) };
        self.sent += 1;
        let (body, client_id) = (body(self.sent, due), Some(self.sent.to_string()));
        let message = NewMessage { group: self.group, body, client_id, ..NewMessage::default() };
        self.outstanding = Some(message.clone());
        self.send(socket, ClientEvent::MessageText(message), Some(OWN)).await
    }

    async fn send(&self, socket: &mut Socket, event: ClientEvent, reference: Option<&str>) -> Result<()> {
        let sent = timeout(TIMEOUT, socket.send(&event, reference)).await;
        let sent = sent.with_context(|| format!("user{} could not send", self.user))?;
        sent.map_err(|end| anyhow::anyhow!("the socket of user{} ended: {end}", self.user))
    }
}
