//! Messages that are queued for sending, in one lane per group, and the claims on groups' logs.
//!
//! Events of a log must be published in log order. So at most one thread of this node assigns numbers of a
//! log at a time: a batch of messages, or a job, *claims* the group until its events are published.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chinwag_core::message::ClientId;
use chinwag_core::send::{Sending, Sent};
use chinwag_core::store::Answer;
use chinwag_core::{Error, GroupId, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// A queued message, and the sender of its outcome.
pub(crate) struct QueuedMessage {
    pub(crate) sending: Sending,
    pub(crate) answer: oneshot::Sender<Result<Sent>>,
    until: Instant,
    /// Its permit from the limit on all queued messages.
    _place: OwnedSemaphorePermit,
}

/// Messages to send together, and the groups that are claimed for them.
pub(crate) struct Batch {
    pub(crate) messages: Vec<QueuedMessage>,
    pub(crate) groups: BTreeSet<GroupId>,
}

/// All lanes. See the module's documentation.
pub(crate) struct Lanes {
    state: Mutex<State>,
    /// Notified when a lane is ready, or when the lanes are closed.
    work: Condvar,
    /// Notified when a group is released that a job waits for.
    freed: Condvar,
    places: Arc<Semaphore>,
    patience: Duration,
}

#[derive(Default)]
struct State {
    /// Contains no empty lanes.
    lanes: HashMap<GroupId, VecDeque<QueuedMessage>>,
    /// The lanes of groups that are neither claimed nor wanted, in the order in which they became ready.
    ready: VecDeque<GroupId>,
    claimed: HashSet<GroupId>,
    /// The number of jobs that wait to claim a group. Jobs take precedence over the group's messages.
    wanted: HashMap<GroupId, usize>,
    is_closed: bool,
}

impl QueuedMessage {
    pub(crate) fn group(&self) -> GroupId {
        self.sending.command().group
    }

    /// Whether it has waited so long that it must be refused.
    pub(crate) fn is_late(&self, now: Instant) -> bool {
        now > self.until
    }
}

impl Lanes {
    /// Lanes for at most `places` messages in total.
    pub(crate) fn new(places: usize, patience: Duration) -> Self {
        Self {
            state: Mutex::default(),
            work: Condvar::new(),
            freed: Condvar::new(),
            places: Arc::new(Semaphore::new(places.clamp(1, Semaphore::MAX_PERMITS))),
            patience,
        }
    }

    /// Queues a message, immediately if there is a permit: it is then sent even if the future is dropped. If
    /// the future is dropped while it waits for a permit, the message is not sent.
    pub(crate) fn submit(&self, sending: Sending) -> Answer<'_, Sent> {
        let (answer, answered) = oneshot::channel();
        let answered = async move { answered.await.unwrap_or(Err(Error::Unknown)) };
        if let Ok(place) = self.places.clone().try_acquire_owned() {
            self.put(sending, answer, place);
            return Box::pin(answered);
        }
        Box::pin(async move {
            let place = tokio::time::timeout(self.patience, self.places.clone().acquire_owned()).await;
            let Ok(Ok(place)) = place else { return Err(Error::unavailable()) };
            self.put(sending, answer, place);
            answered.await
        })
    }

    fn put(&self, sending: Sending, answer: oneshot::Sender<Result<Sent>>, place: OwnedSemaphorePermit) {
        let group = sending.command().group;
        let until = Instant::now() + self.patience;
        let mut state = self.state();
        if state.is_closed {
            // The caller may have dropped the future.
            let _ = answer.send(Err(Error::unavailable()));
            return;
        }
        let lane = state.lanes.entry(group).or_default();
        lane.push_back(QueuedMessage { sending, answer, until, _place: place });
        if lane.len() == 1 && state.is_free(group) {
            state.ready.push_back(group);
            self.work.notify_one();
        }
    }

    /// Waits for messages and takes up to `most` of them, in order within each group. Never takes two
    /// messages with the same `client_id` in the same group, so that the second one finds the first. A
    /// message that [is alone](Sending::is_alone) is the only one of its group in the batch. Returns `None`
    /// when the lanes are closed and empty.
    pub(crate) fn take(&self, most: usize) -> Option<Batch> {
        let mut state = self.state();
        loop {
            let mut batch = Batch { messages: Vec::new(), groups: BTreeSet::new() };
            while batch.messages.len() < most
                && let Some(group) = state.ready.pop_front()
            {
                state.claimed.insert(group);
                batch.groups.insert(group);
                state.fill(&mut batch, group, most);
            }
            if !batch.messages.is_empty() {
                return Some(batch);
            }
            if state.is_closed && state.lanes.is_empty() {
                return None;
            }
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Claims a group if it is free.
    pub(crate) fn try_claim(&self, group: GroupId) -> bool {
        self.state().claim(group)
    }

    /// Claims a group, and waits for it up to `patience`. Returns whether it is claimed.
    pub(crate) fn claim(&self, group: GroupId) -> bool {
        let until = Instant::now() + self.patience;
        let mut state = self.state();
        *state.wanted.entry(group).or_default() += 1;
        let mut taken = state.claim(group);
        while !taken {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.freed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            taken = state.claim(group);
        }
        if let Some(wanted) = state.wanted.get_mut(&group) {
            *wanted -= 1;
            if *wanted == 0 {
                state.wanted.remove(&group);
                self.ready(&mut state, group);
            }
        }
        taken
    }

    /// Releases claims.
    pub(crate) fn release<'g>(&self, groups: impl IntoIterator<Item = &'g GroupId>) {
        let mut state = self.state();
        for group in groups {
            state.claimed.remove(group);
            if state.wanted.contains_key(group) {
                self.freed.notify_all();
            }
            self.ready(&mut state, *group);
        }
    }

    /// Refuses new messages. Queued messages are still sent.
    pub(crate) fn close(&self) {
        self.state().is_closed = true;
        self.work.notify_all();
    }

    fn ready(&self, state: &mut State, group: GroupId) {
        if state.is_free(group) && state.lanes.contains_key(&group) {
            state.ready.push_back(group);
            self.work.notify_one();
        } else if state.is_closed {
            // Wake the threads that wait for the lanes to become empty.
            self.work.notify_all();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_free(&self, group: GroupId) -> bool {
        !self.claimed.contains(&group) && !self.wanted.contains_key(&group)
    }

    fn claim(&mut self, group: GroupId) -> bool {
        let taken = self.claimed.insert(group);
        if taken {
            self.ready.retain(|ready| *ready != group);
        }
        taken
    }

    /// Moves messages of a claimed group's lane into a batch.
    fn fill(&mut self, batch: &mut Batch, group: GroupId, most: usize) {
        let Some(lane) = self.lanes.get_mut(&group) else { return };
        let (mut ids, mut taken) = (HashSet::<ClientId>::new(), 0);
        batch.messages.reserve(lane.len().min(most - batch.messages.len()));
        while batch.messages.len() < most
            && let Some(next) = lane.front()
        {
            let id = next.sending.command().client_id.clone();
            if id.is_some_and(|id| !ids.insert(id)) {
                break;
            }
            let is_alone = next.sending.is_alone();
            if is_alone && taken > 0 {
                break;
            }
            batch.messages.extend(lane.pop_front());
            taken += 1;
            if is_alone {
                break;
            }
        }
        if lane.is_empty() {
            self.lanes.remove(&group);
        }
    }
}

/// Separates the messages for which `is_apart` holds, which are few, from the others.
pub(crate) fn separate(
    messages: Vec<QueuedMessage>,
    is_apart: impl Fn(&QueuedMessage) -> bool,
) -> (Vec<QueuedMessage>, Vec<QueuedMessage>) {
    if messages.iter().any(&is_apart) {
        messages.into_iter().partition(is_apart)
    } else {
        (Vec::new(), messages)
    }
}

/// The groups of a batch. The messages of a group are adjacent in a batch.
pub(crate) fn groups_of(messages: &[QueuedMessage]) -> BTreeSet<GroupId> {
    messages.chunk_by(|one, next| one.group() == next.group()).map(|part| part[0].group()).collect()
}

/// Splits a batch by group.
pub(crate) fn by_group(messages: Vec<QueuedMessage>) -> Vec<Vec<QueuedMessage>> {
    let mut parts: Vec<Vec<QueuedMessage>> = Vec::new();
    for message in messages {
        match parts.last_mut() {
            Some(part) if part.last().map(QueuedMessage::group) == Some(message.group()) => {
                part.push(message);
            }
            _ => parts.push(vec![message]),
        }
    }
    parts
}
