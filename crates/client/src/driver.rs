//! The task behind a session. It connects, resumes, sends queued requests, and forwards updates.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use crate::access::Access;
use crate::api::{Group, Synced};
use crate::connect::Handshake;
use crate::connection::{Connection, RESUME};
use crate::error::{Error, Refusal};
use crate::event::{Frame, ServerEvent};
use crate::options::Options;
use crate::outbox::{Outbox, Request};
use crate::positions::Positions;
use crate::random;
use crate::resume::Resuming;
use crate::session::{Summary, Update};
use crate::socket::{End, Socket};

/// The delay after the server closed the socket because of too many requests.
const PENALTY: Duration = Duration::from_secs(10);

#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Driver {
    server: String,
    access: Access,
    options: Options,
    updates: mpsc::Sender<Update>,
    /// Updates that the program has not read yet.
    backlog: VecDeque<Update>,
    /// Whether updates are dropped because the backlog was full. The connection then serves only requests,
    /// and is replaced once the program has read half of the backlog.
    overflowed: bool,
    outbox: Outbox,
    /// Whether any handle that can send still exists.
    has_senders: bool,
    has_reader: bool,
    /// Whether the credential was renewed since the last successful connection.
    renewed: bool,
    /// Nothing is sent before this time.
    paused_until: Instant,
    /// The delivered numbers. `None` before the first connection.
    positions: Option<Positions>,
    /// The number of the last missed event that was received.
    last_missed: Option<(Uuid, i64)>,
    /// Consecutive failures.
    failures: u32,
}

/// Why a connection has ended.
enum ConnectionEnd {
    /// The server or the network ended it.
    End(End),
    /// The server refused to resume. A busy server may accept it on another connection.
    Refused(Refusal),
    /// The program has read half of the backlog: reconnect and resume.
    Renew,
    /// The program has dropped both halves of the session.
    Dropped,
}

impl Driver {
    pub(crate) fn new(server: &str, access: Access, options: Options, updates: mpsc::Sender<Update>) -> Self {
        let positions = options.positions.clone();
        Self {
            server: server.to_owned(),
            access,
            options,
            updates,
            backlog: VecDeque::new(),
            overflowed: false,
            outbox: Outbox::default(),
            has_senders: true,
            has_reader: true,
            renewed: false,
            paused_until: Instant::now(),
            positions,
            last_missed: None,
            failures: 0,
        }
    }

    pub(crate) async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        let error = self.stay_connected(&mut requests).await;
        requests.close();
        self.outbox.fail(&error);
        while let Ok(request) = requests.try_recv() {
            // The caller may have dropped the future.
            let _ = request.answer.send(Err(error.clone()));
        }
        self.backlog.push_back(Update::Ended(error));
        for update in self.backlog {
            if self.updates.send(update).await.is_err() {
                return;
            }
        }
    }

    /// Reconnects until an error ends the session.
    async fn stay_connected(&mut self, requests: &mut mpsc::Receiver<Request>) -> Error {
        loop {
            let within = self.options.connect_timeout;
            let connecting = Box::pin(connect(self.access.clone(), self.handshake(), within));
            let Some(connected) = self.meanwhile(connecting, requests).await else { return Error::Closed };
            let pause = match connected {
                Ok(socket) => match self.serve_connection(socket, requests).await {
                    ConnectionEnd::Dropped => return Error::Closed,
                    ConnectionEnd::Renew => {
                        self.outbox.disconnect("the connection was renewed");
                        continue;
                    }
                    ConnectionEnd::End(end) => self.pause_after(end),
                    ConnectionEnd::Refused(refusal) => {
                        let asked = refusal.retry_after.unwrap_or_default();
                        self.pause_after(End::Lost(refusal.to_string())).map(|pause| pause.max(asked))
                    }
                },
                Err(error) => self.pause_after_refusal(error),
            };
            self.failures += 1;
            match pause {
                Ok(pause) if self.meanwhile(sleep(pause), requests).await.is_some() => {}
                Ok(_) => return Error::Closed,
                Err(error) => return error,
            }
        }
    }

    fn handshake(&self) -> Handshake {
        let handshake = Handshake::new(&self.server).timeout(self.options.connect_timeout);
        match (self.options.window, &self.positions) {
            (None, _) => handshake,
            (Some((groups, messages)), None) => handshake.window(groups, messages),
            // A resume needs the heads of all groups.
            (Some((_, messages)), Some(_)) => handshake.query(&format!("messages={messages}")),
        }
    }

    /// The delay after the end of a connection, or the error if another connection would end in the same way.
    fn pause_after(&mut self, end: End) -> Result<Duration, Error> {
        let is_of_request = end.code() == Some(1009) && self.outbox.refuse_longest(&end.to_string());
        self.outbox.disconnect(&end.to_string());
        self.queue(Update::Disconnected(end.clone()));
        match next_step(&end) {
            NextStep::Ended if is_of_request => Ok(self.backoff()),
            NextStep::Reconnect(least) => Ok(self.backoff().max(least)),
            NextStep::SignedOut if self.may_renew() => Ok(self.backoff()),
            NextStep::SignedOut | NextStep::Ended => Err(Error::Ended(end)),
        }
    }

    /// The delay after a refused handshake, or the error if another one would be refused in the same way.
    fn pause_after_refusal(&mut self, error: Error) -> Result<Duration, Error> {
        let backoff = self.backoff();
        match &error {
            Error::Lost(_) => Ok(backoff),
            Error::Refused(refusal) if refusal.is_temporary() => {
                Ok(refusal.retry_after.unwrap_or_default().max(backoff))
            }
            Error::Refused(refusal) if refusal.status >= 500 => Ok(backoff),
            Error::Refused(refusal) if refusal.status == 401 && self.may_renew() => Ok(backoff),
            _ => Err(error),
        }
    }

    /// Whether an expired credential may be renewed. Allowed once per successful connection.
    fn may_renew(&mut self) -> bool {
        self.access.is_renewed() && !std::mem::replace(&mut self.renewed, true)
    }

    /// The backoff before the next attempt.
    fn backoff(&self) -> Duration {
        let Options { backoff_min, backoff_max, .. } = self.options;
        let doubled = backoff_min.saturating_mul(1 << self.failures.min(16));
        random::jitter(doubled.min(backoff_max))
    }

    /// Awaits a future, while accepting requests and passing on updates. `None` once the program has dropped
    /// both halves.
    async fn meanwhile<T>(
        &mut self,
        future: impl Future<Output = T>,
        requests: &mut mpsc::Receiver<Request>,
    ) -> Option<T> {
        tokio::pin!(future);
        loop {
            let can_accept = self.can_accept();
            tokio::select! {
                output = &mut future => return Some(output),
                request = requests.recv(), if can_accept => self.take(request),
                is_read = forward_update(&self.updates, &mut self.backlog), if !self.backlog.is_empty() => {
                    self.has_reader = is_read;
                }
                () = self.updates.closed(), if self.has_reader => self.has_reader = false,
            }
            if self.is_dropped() {
                return None;
            }
        }
    }

    /// Serves one connection until its end.
    async fn serve_connection(
        &mut self,
        socket: Socket,
        requests: &mut mpsc::Receiver<Request>,
    ) -> ConnectionEnd {
        let mut connection = Connection::new(socket);
        loop {
            if self.overflowed && self.backlog.len() <= self.options.updates / 2 {
                self.overflowed = false;
                return ConnectionEnd::Renew;
            }
            if connection.is_open
                && let Err(end) = self.send_waiting(&mut connection.socket).await
            {
                return ConnectionEnd::End(end);
            }
            let can_accept = self.can_accept();
            let is_paused = self.outbox.waiting() > 0 && self.paused_until > Instant::now();
            let idle = connection.idle_for(self.options.silence);
            tokio::select! {
                frame = connection.socket.next() => {
                    let received = match frame {
                        Ok(frame) => self.receive(&mut connection, frame).await,
                        Err(end) => Err(ConnectionEnd::End(end)),
                    };
                    if let Err(over) = received {
                        return over;
                    }
                }
                request = requests.recv(), if can_accept => self.take(request),
                is_read = forward_update(&self.updates, &mut self.backlog), if !self.backlog.is_empty() => {
                    self.has_reader = is_read;
                }
                () = self.updates.closed(), if self.has_reader => self.has_reader = false,
                () = sleep_until(self.paused_until), if is_paused => {}
                () = sleep(idle) => {
                    if let Err(end) = connection.wake().await {
                        return ConnectionEnd::End(end);
                    }
                }
            }
            if self.is_dropped() {
                return ConnectionEnd::Dropped;
            }
        }
    }

    /// Whether the program has dropped both halves. Without a reader the backlog is cleared.
    fn is_dropped(&mut self) -> bool {
        if !self.has_reader {
            self.backlog.clear();
        }
        !self.has_reader && !self.has_senders
    }

    fn can_accept(&self) -> bool {
        self.has_senders && self.outbox.waiting() < self.options.requests.max(1)
    }

    fn take(&mut self, request: Option<Request>) {
        match request {
            Some(request) => self.outbox.push(request),
            None => self.has_senders = false,
        }
    }

    async fn send_waiting(&mut self, socket: &mut Socket) -> Result<(), End> {
        while self.paused_until <= Instant::now()
            && let Some((text, is_answered)) =
                self.outbox.take(self.options.in_flight, self.options.max_frame)
        {
            socket.send_message(Message::text(text)).await?;
            if !is_answered {
                self.outbox.finish_unanswered();
            }
        }
        Ok(())
    }

    async fn receive(&mut self, connection: &mut Connection, frame: Frame) -> Result<(), ConnectionEnd> {
        let backoff = self.options.backoff_min;
        if let Some(pause) = self.outbox.settle(&frame, backoff, self.options.retry_max) {
            self.paused_until = Instant::now() + pause;
        }
        let is_answer = frame.reference.is_some();
        match frame.event {
            ServerEvent::GroupSummary(_) => self.begin(connection, frame).await?,
            ServerEvent::ContactSummary(contacts) => self.queue(Update::Contacts(contacts)),
            ServerEvent::SyncDone(synced) if frame.reference.as_deref() == Some(RESUME) => {
                self.continue_resume(connection, synced).await?;
            }
            ServerEvent::Error(refusal) if frame.reference.as_deref() == Some(RESUME) => {
                return Err(ConnectionEnd::Refused(refusal));
            }
            // Only the caller of the request receives it.
            ServerEvent::Error(_) => {}
            ServerEvent::MessageFetch(_) if is_answer => {}
            _ => self.deliver(connection, frame)?,
        }
        // Until the resume has succeeded, the next connection could fail in the same way.
        if connection.is_open && connection.resuming.is_none() {
            self.failures = 0;
        }
        Ok(())
    }

    /// Handles the summary of a new connection, and requests the missed events.
    async fn begin(&mut self, connection: &mut Connection, frame: Frame) -> Result<(), End> {
        let ServerEvent::GroupSummary(groups) = frame.event else { return Ok(()) };
        connection.is_open = true;
        self.renewed = false;
        if !self.has_room() {
            // The connection serves only requests until it is replaced.
            return Ok(());
        }
        let (history, more) = (frame.history, frame.more);
        let known = self.positions.take().filter(|known| known.history.is_none() || known.history == history);
        let resumed = known.is_some();
        let mut positions = known.unwrap_or_default();
        self.queue(Update::Connected(Summary { groups: groups.clone(), history, more, resumed }));
        if !resumed {
            positions.begin(history, &groups);
            self.positions = Some(positions);
            return Ok(());
        }
        positions.history = history;
        let summary: BTreeMap<Uuid, Group> = groups.iter().map(|group| (group.id, group.clone())).collect();
        let is_whole = more.is_none_or(|more| more.groups == 0);
        let gone: Vec<Uuid> = positions.groups.keys().copied().collect();
        for group in gone.into_iter().filter(|id| is_whole && !summary.contains_key(id)) {
            if self.has_room() {
                positions.groups.remove(&group);
                self.queue(Update::Gone(group));
            }
        }
        let behind = |(id, held): (&Uuid, &i64)| {
            let head = summary.get(id).map(|group| group.head);
            (head != Some(Some(*held))).then_some((*id, *held))
        };
        let behind: BTreeMap<Uuid, i64> = positions.groups.iter().filter_map(behind).collect();
        positions.add(&groups);
        self.positions = Some(positions);
        if behind.is_empty() {
            self.queue(Update::Resumed);
            return Ok(());
        }
        self.last_missed = None;
        connection.resuming = Some(Resuming::new(summary, behind, history));
        connection.send_resume().await
    }

    /// Delivers an event, unless it is old. During a resume, an event after the summary may arrive before the
    /// missed ones. It is held until they have arrived.
    fn deliver(&mut self, connection: &mut Connection, frame: Frame) -> Result<(), End> {
        if let (Some(resuming), Some(seq), Some(group)) =
            (&mut connection.resuming, frame.seq, frame.event.group())
        {
            let head = resuming.summary.get(&group).and_then(|group| group.head);
            if head.is_some_and(|head| seq > head) {
                if resuming.hold(group, seq, frame) > self.options.held {
                    return Err(End::Lost("more happened during a resume than may be held".to_owned()));
                }
                return Ok(());
            }
        }
        let is_missed = connection.resuming.is_some();
        self.pass(frame, is_missed);
        Ok(())
    }

    fn pass(&mut self, frame: Frame, is_missed: bool) {
        if !self.has_room() {
            return;
        }
        let positions = self.positions.get_or_insert_default();
        let is_new = if is_missed {
            positions.take_missed(&frame, &mut self.last_missed)
        } else {
            positions.take(&frame)
        };
        if is_new {
            self.queue(Update::Event(Box::new(frame)));
        }
    }

    /// Handles the answer for some groups and requests the next ones. After the last answer, the resume is
    /// complete.
    async fn continue_resume(&mut self, connection: &mut Connection, synced: Synced) -> Result<(), End> {
        let Some(resuming) = &mut connection.resuming else { return Ok(()) };
        resuming.take(synced);
        if resuming.has_more() {
            return connection.continue_resume().await;
        }
        if let Some(resuming) = connection.resuming.take() {
            self.end_resume(resuming);
        }
        Ok(())
    }

    fn end_resume(&mut self, resuming: Resuming) {
        let Resuming { mut summary, held, mut answer, .. } = resuming;
        for (group, why) in answer.refused.groups {
            if !self.has_room() {
                return;
            }
            let positions = self.positions.get_or_insert_default();
            match summary.remove(&group) {
                Some(shown) if why != "pending" && why != "not_found" => {
                    positions.restart(&shown);
                    self.queue(Update::Reset { group: Box::new(shown), why });
                }
                _ => {
                    positions.groups.remove(&group);
                    self.queue(Update::Gone(group));
                }
            }
        }
        for ((group, seq, _), frame) in held {
            self.pass(frame, true);
            let head = answer.groups.entry(group).or_insert(seq);
            *head = seq.max(*head);
        }
        if !self.overflowed {
            let positions = self.positions.get_or_insert_default();
            for (group, head) in answer.groups {
                positions.reach(group, head);
            }
        }
        self.queue(Update::Resumed);
    }

    /// Whether there is room for an update. After the first one without room, all are dropped, and the
    /// positions stay where the program stops reading. The next connection resumes there.
    fn has_room(&mut self) -> bool {
        if self.has_reader && self.backlog.len() >= self.options.updates.max(1) {
            self.overflowed = true;
        }
        !self.overflowed
    }

    fn queue(&mut self, update: Update) {
        if self.has_room() && self.has_reader {
            self.backlog.push_back(update);
        }
    }
}

impl From<End> for ConnectionEnd {
    fn from(end: End) -> Self {
        Self::End(end)
    }
}

async fn connect(access: Access, handshake: Handshake, within: Duration) -> Result<Socket, Error> {
    let credential = timeout(within, access.credential()).await;
    let credential = credential.map_err(|_| Error::Lost("no credential came in time".to_owned()))??;
    Ok(handshake.credential(&credential).connect().await?)
}

/// Passes the first update to the program once there is room. Returns whether the reader still exists.
async fn forward_update(updates: &mpsc::Sender<Update>, backlog: &mut VecDeque<Update>) -> bool {
    let Ok(permit) = updates.reserve().await else { return false };
    if let Some(update) = backlog.pop_front() {
        permit.send(update);
    }
    true
}

/// The next step after a socket has ended.
#[derive(Debug, PartialEq, Eq)]
enum NextStep {
    /// Connect again, after at least this delay.
    Reconnect(Duration),
    /// The credential has expired or was revoked.
    SignedOut,
    /// This client is at fault. Another attempt would fail in the same way.
    Ended,
}

fn next_step(end: &End) -> NextStep {
    match end.code() {
        Some(4001) => NextStep::SignedOut,
        Some(4029) => NextStep::Reconnect(PENALTY),
        Some(1002 | 1007 | 1009) => NextStep::Ended,
        // 1001, 1011 and 1012, 4008 and 4009, or no code. After 4003 the next handshake is refused with the
        // reason.
        _ => NextStep::Reconnect(Duration::ZERO),
    }
}

#[cfg(test)]
mod tests;
