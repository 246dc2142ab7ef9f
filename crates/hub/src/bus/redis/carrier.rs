//! The link to Redis. One task keeps the connection, subscribes to the channels that sockets need, and
//! publishes hints in batches. Received hints are verified on arrival.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use chinwag_core::rate::Rates;
use parking_lot::Mutex;
use redis::{PushInfo, PushKind, RedisResult, Value};
use tokio::sync::{Notify, mpsc};
use tokio::task::AbortHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use super::codec::{Keys, NodeMessage};
use super::limits::SharedLimits;
use super::senders::{Nonce, OfferOutcome, Senders, Stamp};
use super::server::{PushHandler, RedisConnection, RedisServer};
use super::{ConnectError, RedisOptions};
use crate::bus::link::{Channel, ChannelFilter, Hint, Link, LinkEvent, LinkFigures, NodeId, QueuedBytes};

/// Bytes of hints that may be queued in each direction.
const MAX_QUEUED_BYTES: usize = 64 * 1024 * 1024;
/// The most hints in one round trip, and approximately the most bytes.
const BATCH: usize = 256;
const BATCH_BYTES: usize = 1024 * 1024;
/// The most channels in one command.
const CHANNELS_PER_COMMAND: usize = 500;
/// How long changes of needed channels are collected before subscribing.
const GATHER: Duration = Duration::from_millis(2);
/// The interval at which the server is asked whether it still answers and is still the master.
const PROBE_INTERVAL: Duration = Duration::from_secs(2);
/// Backoff while the server is unreachable: the first and the longest delay.
const RETRY: Duration = Duration::from_millis(100);
const MAX_RETRY_DELAY: Duration = Duration::from_secs(1);
/// Timeouts for the return of this node's own challenge, and for the answers of the others after it.
const CHALLENGE_TIMEOUT: Duration = Duration::from_millis(500);
const ANSWER_TIME: Duration = Duration::from_millis(20);
/// Timeout of a start for the complete link, after the connection.
const START_TIMEOUT: Duration = Duration::from_secs(2);

/// This node's end of the link. Dropping it ends the task.
pub(super) struct Carrier {
    shared: Arc<CarrierState>,
    task: AbortHandle,
}

struct CarrierState {
    node: NodeId,
    keys: Keys,
    server: RedisServer,
    up: AtomicBool,
    number: AtomicU64,
    wanted: OnceLock<ChannelFilter>,
    /// Channels for which the filter must be asked again.
    doubtful: Mutex<HashSet<Channel>>,
    doubt: Notify,
    outgoing: Mutex<Outgoing>,
    enqueued: Notify,
    hints: usize,
    link_events: mpsc::Sender<LinkEvent>,
    load: Arc<AtomicUsize>,
    /// The origin of the times in this node's hints.
    started: Instant,
    senders: Mutex<Senders<(Hint, QueuedBytes)>>,
    /// Notified when this node's challenge to all nodes has come back.
    greeted: Notify,
    /// Notified when the link is complete.
    established: Notify,
    figures: LinkCounters,
    limits: SharedLimits,
}

#[derive(Default)]
struct Outgoing {
    queue: VecDeque<(Channel, NodeMessage)>,
    bytes: usize,
}

#[derive(Default)]
struct LinkCounters {
    published: AtomicU64,
    dropped: AtomicU64,
    received: AtomicU64,
    overrun: AtomicU64,
    forged: AtomicU64,
    repeated: AtomicU64,
}

impl fmt::Debug for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = &self.shared;
        f.debug_struct("Carrier").field("node", &shared.node).field("up", &shared.up).finish_non_exhaustive()
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Carrier {
    /// Connects, and returns the link with its events.
    pub(super) async fn connect(
        options: &RedisOptions,
        node: NodeId,
        nonce: Nonce,
    ) -> Result<(Arc<Self>, mpsc::Receiver<LinkEvent>), ConnectError> {
        let (link_events, push_handler) = mpsc::channel(options.hints.max(16));
        let shared = Arc::new(CarrierState {
            node,
            keys: Keys::of(&options.secret),
            server: RedisServer::parse(options)?,
            up: AtomicBool::new(false),
            number: AtomicU64::new(0),
            wanted: OnceLock::new(),
            doubtful: Mutex::default(),
            doubt: Notify::new(),
            outgoing: Mutex::default(),
            enqueued: Notify::new(),
            hints: options.hints.max(16),
            link_events,
            load: Arc::default(),
            started: Instant::now(),
            senders: Mutex::new(Senders::new(nonce)),
            greeted: Notify::new(),
            established: Notify::new(),
            figures: LinkCounters::default(),
            limits: SharedLimits::default(),
        });
        let gone = Arc::new(Notify::new());
        let (mut connection, _) = shared.server.connect(shared.push_handler(gone.clone())).await?;
        // Perform all initial commands now, so that missing access rights show at the start.
        let first = shared.listen_always(&mut connection).await;
        first.map_err(|error| shared.server.why(&error))?;
        let kept = tokio::spawn(shared.clone().keep(connection, gone));
        let (task, events) = (kept.abort_handle(), shared.link_events.clone());
        tokio::spawn(async move {
            if kept.await.is_err_and(|why| why.is_panic()) {
                let _ = events.send(LinkEvent::Broken).await;
            }
        });
        // A short-lived command publishes its hints to nodes that already know it. If the link is lost again
        // meanwhile, continue as with any later loss.
        let _ = timeout(START_TIMEOUT, shared.established.notified()).await;
        Ok((Arc::new(Self { shared, task }), push_handler))
    }

    /// Shares these limits with the other nodes from now on.
    pub(super) fn share_rates(&self, rates: &Arc<Rates>) {
        self.shared.limits.share(rates);
    }
}

impl Link for Carrier {
    fn node(&self) -> NodeId {
        self.shared.node
    }

    fn publish(&self, to: Channel, hint: Hint) {
        let shared = &self.shared;
        if shared.up.load(Ordering::Acquire) {
            shared.enqueue(to, NodeMessage::Hint(hint));
        } else {
            shared.figures.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn set_filter(&self, wanted: ChannelFilter) {
        let _ = self.shared.wanted.set(wanted);
        self.shared.doubt.notify_one();
    }

    fn recheck(&self, channel: Channel) {
        self.shared.doubtful.lock().insert(channel);
        self.shared.doubt.notify_one();
    }

    fn is_up(&self) -> bool {
        self.shared.up.load(Ordering::Acquire)
    }

    fn figures(&self) -> LinkFigures {
        let read = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        let figures = &self.shared.figures;
        LinkFigures {
            published: read(&figures.published),
            dropped: read(&figures.dropped),
            received: read(&figures.received),
            overrun: read(&figures.overrun),
            forged: read(&figures.forged),
            repeated: read(&figures.repeated),
        }
    }
}

impl CarrierState {
    /// Keeps the link as long as the dispatcher runs.
    async fn keep(self: Arc<Self>, mut connection: RedisConnection, mut gone: Arc<Notify>) {
        // The current subscriptions. After a loss, the filter is asked for each of them again.
        let mut listening = HashSet::new();
        while !self.link_events.is_closed() {
            if let Err(error) = self.run_until_lost(connection, &gone, &mut listening).await {
                tracing::warn!(%error, "the link to Redis is lost: hints are dropped until it is back");
            }
            self.up.store(false, Ordering::Release);
            self.drop_outgoing();
            self.doubtful.lock().extend(listening.drain());
            let _ = self.link_events.send(LinkEvent::Down).await;
            (connection, gone) = self.reconnect().await;
            self.limits.forget();
            tracing::info!("the link to Redis is back");
        }
    }

    async fn reconnect(self: &Arc<Self>) -> (RedisConnection, Arc<Notify>) {
        let mut pause = RETRY;
        loop {
            let gone = Arc::new(Notify::new());
            match self.server.connect(self.push_handler(gone.clone())).await {
                Ok((connection, _)) => return (connection, gone),
                Err(error) => tracing::debug!(%error, "the link to Redis is not back yet"),
            }
            // Nobody takes the counts while the link is down, and they are not bounded otherwise.
            self.limits.forget();
            sleep(pause).await;
            pause = (pause * 2).min(MAX_RETRY_DELAY);
        }
    }

    /// Runs the link until it is lost.
    async fn run_until_lost(
        &self,
        mut connection: RedisConnection,
        gone: &Notify,
        listening: &mut HashSet<Channel>,
    ) -> RedisResult<()> {
        self.listen_always(&mut connection).await?;
        tokio::select! {
            lost = self.publish(connection.clone()) => lost,
            lost = self.establish(connection.clone(), listening) => lost,
            lost = self.limits.carry(&self.keys, connection.clone()) => lost,
            lost = self.probe(connection) => lost,
            () = gone.notified() => Ok(()),
        }
    }

    /// Learns which nodes are alive, then subscribes to the needed channels.
    async fn establish(
        &self,
        mut connection: RedisConnection,
        listening: &mut HashSet<Channel>,
    ) -> RedisResult<()> {
        let nonce = self.senders.lock().challenge_all(self.now());
        self.enqueue(Channel::Nodes, NodeMessage::Challenge(nonce));
        // This node's own challenge comes back once the other nodes have received it. Without it, their hints
        // are held until they answer.
        if timeout(CHALLENGE_TIMEOUT, self.greeted.notified()).await.is_ok() {
            sleep(ANSWER_TIME).await;
        }
        self.update_subscriptions(&mut connection, listening).await?;
        self.up.store(true, Ordering::Release);
        self.established.notify_one();
        let _ = self.link_events.send(LinkEvent::Up).await;
        self.subscribe(connection, listening).await
    }

    /// Milliseconds since this node's start.
    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Queues a message, or drops and counts it.
    fn enqueue(&self, to: Channel, message: NodeMessage) {
        let bytes = size(&message);
        let mut outgoing = self.outgoing.lock();
        if outgoing.queue.len() >= self.hints || outgoing.bytes + bytes > MAX_QUEUED_BYTES {
            self.figures.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        outgoing.bytes += bytes;
        outgoing.queue.push_back((to, message));
        drop(outgoing);
        self.enqueued.notify_one();
    }

    async fn listen_always(&self, connection: &mut RedisConnection) -> RedisResult<()> {
        let names = [Channel::Nodes, Channel::Node(self.node)].map(|channel| self.keys.name(channel));
        connection.subscribe(&names).await
    }

    async fn publish(&self, mut connection: RedisConnection) -> RedisResult<()> {
        loop {
            let batch = self.next_batch();
            if batch.is_empty() {
                self.enqueued.notified().await;
                continue;
            }
            let sent = connection.publish(&batch).await;
            let figure = if sent.is_ok() { &self.figures.published } else { &self.figures.dropped };
            figure.fetch_add(batch.len() as u64, Ordering::Relaxed);
            sent?;
        }
    }

    fn next_batch(&self) -> Vec<(String, Bytes)> {
        let mut hints = Vec::new();
        let mut bytes = 0;
        let mut outgoing = self.outgoing.lock();
        while hints.len() < BATCH && bytes < BATCH_BYTES {
            let Some((channel, message)) = outgoing.queue.pop_front() else { break };
            bytes += size(&message);
            hints.push((channel, message));
        }
        outgoing.bytes -= bytes;
        drop(outgoing);
        let sent = self.now();
        let encode = |(channel, message)| {
            let name = self.keys.name(channel);
            let number = self.number.fetch_add(1, Ordering::Relaxed) + 1;
            let payload = self.keys.encode(&name, Stamp { node: self.node, number, sent }, &message);
            (name, payload)
        };
        hints.into_iter().map(encode).collect()
    }

    fn drop_outgoing(&self) {
        let dropped = mem::take(&mut *self.outgoing.lock()).queue.len();
        self.figures.dropped.fetch_add(dropped as u64, Ordering::Relaxed);
    }

    /// Subscribes to needed channels as they change.
    async fn subscribe(
        &self,
        mut connection: RedisConnection,
        listening: &mut HashSet<Channel>,
    ) -> RedisResult<()> {
        loop {
            self.doubt.notified().await;
            sleep(GATHER).await;
            self.update_subscriptions(&mut connection, listening).await?;
        }
    }

    async fn update_subscriptions(
        &self,
        connection: &mut RedisConnection,
        listening: &mut HashSet<Channel>,
    ) -> RedisResult<()> {
        let Some(wanted) = self.wanted.get() else { return Ok(()) };
        let doubtful = mem::take(&mut *self.doubtful.lock());
        let (mut begin, mut end) = (Vec::new(), Vec::new());
        for channel in doubtful {
            match (wanted(channel), listening.contains(&channel)) {
                (true, false) => begin.push(channel),
                (false, true) => end.push(channel),
                _ => {}
            }
        }
        // Recorded even if the command fails: after a loss, the filter is asked for each of them again.
        listening.extend(&begin);
        for some in begin.chunks(CHANNELS_PER_COMMAND) {
            connection.subscribe(&self.names(some)).await?;
            let _ = self.link_events.send(LinkEvent::Subscribed(some.to_vec())).await;
        }
        for some in end.chunks(CHANNELS_PER_COMMAND) {
            connection.unsubscribe(&self.names(some)).await?;
            for channel in some {
                listening.remove(channel);
            }
        }
        Ok(())
    }

    fn names(&self, channels: &[Channel]) -> Vec<String> {
        channels.iter().map(|channel| self.keys.name(*channel)).collect()
    }

    /// The handler of push messages on one connection.
    fn push_handler(self: &Arc<Self>, gone: Arc<Notify>) -> PushHandler {
        let shared = Arc::downgrade(self);
        Arc::new(move |info: PushInfo| match info.kind {
            PushKind::Message | PushKind::SMessage => {
                if let Some(shared) = shared.upgrade() {
                    shared.receive_push(info.data);
                }
            }
            PushKind::Disconnection => gone.notify_one(),
            _ => {}
        })
    }

    /// Handles a publication that a node of this cluster has made.
    fn receive_push(&self, data: Vec<Value>) {
        let Ok([Value::BulkString(name), Value::BulkString(payload)]) = <[Value; 2]>::try_from(data) else {
            return;
        };
        let payload = Bytes::from(payload);
        let Some((stamp, message)) = self.keys.decode(&name, &payload) else {
            self.figures.forged.fetch_add(1, Ordering::Relaxed);
            return;
        };
        match message {
            NodeMessage::Challenge(nonce) if stamp.node == self.node => {
                if self.senders.lock().is_to_all(nonce) {
                    self.greeted.notify_one();
                }
            }
            _ if stamp.node == self.node => {}
            NodeMessage::Challenge(nonce) => {
                self.enqueue(Channel::Node(stamp.node), NodeMessage::Answer(nonce));
                let own = self.senders.lock().challenge(stamp.node, self.now());
                self.challenge(stamp.node, own);
            }
            NodeMessage::Answer(nonce) => {
                let (taken, dropped) = self.senders.lock().answer(stamp, nonce, self.now());
                self.figures.repeated.fetch_add(dropped, Ordering::Relaxed);
                for (hint, load) in taken {
                    self.take(stamp.node, hint, load);
                }
            }
            NodeMessage::Hint(hint) => self.offer(stamp, hint, payload.len()),
        }
    }

    /// Accepts a hint if it is recent and new. Holds it until that can be decided.
    fn offer(&self, stamp: Stamp, hint: Hint, bytes: usize) {
        let load = QueuedBytes::of(&self.load, bytes);
        if self.load.load(Ordering::Relaxed) > MAX_QUEUED_BYTES {
            self.figures.overrun.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let offered = self.senders.lock().offer(stamp, self.now(), (hint, load));
        let OfferOutcome { taken, dropped, challenge } = offered;
        self.challenge(stamp.node, challenge);
        if dropped {
            self.figures.repeated.fetch_add(1, Ordering::Relaxed);
        }
        if let Some((hint, load)) = taken {
            self.take(stamp.node, hint, load);
        }
    }

    fn challenge(&self, node: NodeId, nonce: Option<Nonce>) {
        if let Some(nonce) = nonce {
            self.enqueue(Channel::Node(node), NodeMessage::Challenge(nonce));
        }
    }

    fn take(&self, node: NodeId, hint: Hint, load: QueuedBytes) {
        if self.link_events.try_send(LinkEvent::Hint(node, hint, load)).is_err() {
            self.figures.overrun.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.figures.received.fetch_add(1, Ordering::Relaxed);
    }

    /// Checks the server regularly. Ends when it does not answer or is no longer the master. Also drops held
    /// hints of nodes that do not answer.
    async fn probe(&self, mut connection: RedisConnection) -> RedisResult<()> {
        let mut ticks = interval(PROBE_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let dropped = self.senders.lock().expire(self.now());
            self.figures.repeated.fetch_add(dropped, Ordering::Relaxed);
            if !connection.is_master().await? {
                return Ok(());
            }
        }
    }
}

/// The bytes of a message's frames.
fn size(message: &NodeMessage) -> usize {
    match message {
        NodeMessage::Hint(hint) => hint.frame.len() + hint.whole.len(),
        NodeMessage::Challenge(_) | NodeMessage::Answer(_) => 0,
    }
}
