//! Batches: consecutive entries of one group that are delivered as one piece of memory. Each socket is locked
//! and written to once for all of them.

use bytes::{Bytes, BytesMut};
use chinwag_core::event::{Audience, Event, Kind};
use chinwag_core::{GroupId, Seq, SocketId};

use crate::Hub;
use crate::bus::link::{Channel, Hint, HintKind, LinkEvent};
use crate::replication::snapshot::EventTag;

/// The most entries in a batch, equal to the most frames that a socket's task takes at once.
const MAX_BATCH: usize = 64;

/// The frames of a batch in one buffer, with the end offset of each.
pub(crate) struct BatchFrames {
    all: Bytes,
    ends: Vec<usize>,
    /// The frames with a reference for the sockets that sent the requests, each with its index in the batch.
    own: Vec<(SocketId, usize, Bytes)>,
}

impl BatchFrames {
    fn concat<'a>(frames: impl ExactSizeIterator<Item = &'a Bytes> + Clone) -> Self {
        let mut all = BytesMut::with_capacity(frames.clone().map(Bytes::len).sum());
        let mut ends = Vec::with_capacity(frames.len());
        for frame in frames {
            all.extend_from_slice(frame);
            ends.push(all.len());
        }
        Self { all: all.freeze(), ends, own: Vec::new() }
    }

    /// The frame of the entry with index `at`.
    pub(crate) fn one(&self, at: usize) -> Bytes {
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        self.all.slice(start..self.ends[at])
    }

    fn len(&self) -> usize {
        self.ends.len()
    }
}

impl Hub {
    /// Encodes each event of a batch once.
    pub(crate) fn encode_batch(&self, events: &[Event]) -> BatchFrames {
        let frames: Vec<_> = events.iter().map(|event| self.encode.event(event, None)).collect();
        let own = events.iter().enumerate().filter_map(|(at, event)| {
            let origin = event.origin.as_ref()?;
            let reference = origin.reference.as_deref()?;
            Some((origin.socket, at, self.encode.event(event, Some(reference))))
        });
        BatchFrames { own: own.collect(), ..BatchFrames::concat(frames.iter()) }
    }

    /// Publishes the hints of a batch to the other nodes, if any.
    pub(crate) fn publish_batch(&self, id: GroupId, events: &[Event], frames: &BatchFrames) {
        let Some(cluster) = self.others() else { return };
        for (at, event) in events.iter().enumerate() {
            let kind = HintKind::Group(Vec::new());
            let hint = Hint { group: Some(id), seq: event.seq, ..Hint::new(kind).with(frames.one(at)) };
            cluster.link.publish(Channel::Group(id), hint);
        }
    }

    /// Delivers a batch that begins with the number `first`, if that is the next number of the group. Returns
    /// whether it was delivered.
    pub(crate) fn deliver_batch(&self, id: GroupId, first: Seq, frames: &BatchFrames) -> bool {
        let Some(group) = self.local_group(id) else { return false };
        let mut members = group.lock();
        group.expect(&mut members, first);
        if members.gone || group.last().next() != first {
            return false;
        }
        let mut due = Vec::new();
        for user in &members.users {
            for entry in &user.lock().sockets {
                let socket = &entry.socket;
                let asked = frames.own.iter().any(|(asker, ..)| *asker == socket.id());
                let all = (&frames.all, frames.len());
                let pushed = if asked { None } else { socket.push_batch(all, id, self.bounds(), &mut due) };
                if let Some(pushed) = pushed {
                    self.counters.pushed(pushed, frames.len());
                    continue;
                }
                for (at, seq) in (0..frames.len()).zip(first.0..) {
                    let own = frames.own.iter().find(|(asker, of, _)| *asker == socket.id() && *of == at);
                    let frame = own.map_or_else(|| frames.one(at), |(.., own)| own.clone());
                    let tag = EventTag { group: Some(id), seq: Some(Seq(seq)), ..EventTag::default() };
                    self.counters.pushed(socket.push(frame, tag, self.bounds(), &mut due), 1);
                }
            }
        }
        let last = Seq(first.0 + i64::try_from(frames.len()).unwrap_or(0) - 1);
        group.delivered(&mut members, last);
        self.due(&mut due);
        true
    }
}

/// The number of leading events that form one batch, at least 1.
pub(crate) fn length(events: &[Event]) -> usize {
    let Some((group, first)) = events.first().and_then(message_of) else { return 1 };
    let same = |(event, seq): &(&Event, i64)| message_of(event) == Some((group, Seq(*seq)));
    events.iter().zip(first.0..).take(MAX_BATCH).take_while(same).count().max(1)
}

/// The group and number of a message to the whole group.
pub(crate) fn message_of(event: &Event) -> Option<(GroupId, Seq)> {
    match (&event.kind, &event.to) {
        (Kind::MessageText(_), Audience::Group(group)) => Some((*group, event.seq?)),
        _ => None,
    }
}

/// The number of leading link events whose hints form one batch, at least 1, and the batch if there is one.
pub(crate) fn of_hints(events: &[LinkEvent]) -> (usize, Option<(GroupId, Seq, BatchFrames)>) {
    let Some((group, first, _)) = events.first().and_then(hint_of) else { return (1, None) };
    let frames = events.iter().zip(first.0..).take(MAX_BATCH).map_while(|(event, seq)| {
        let (id, at, frame) = hint_of(event)?;
        (id == group && at == Seq(seq)).then_some(frame)
    });
    let frames: Vec<_> = frames.collect();
    let batch = (frames.len() > 1).then(|| (group, first, BatchFrames::concat(frames.iter().copied())));
    (frames.len(), batch)
}

/// The group, number and frame of a hint to the whole group.
fn hint_of(event: &LinkEvent) -> Option<(GroupId, Seq, &Bytes)> {
    match event {
        LinkEvent::Hint(_, hint, _) => match &hint.kind {
            HintKind::Group(except) if except.is_empty() && !hint.frame.is_empty() => {
                Some((hint.group?, hint.seq?, &hint.frame))
            }
            _ => None,
        },
        _ => None,
    }
}
