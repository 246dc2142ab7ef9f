//! A run: messages of one group that follow each other in one commit. They are delivered as one, so
//! that each socket is locked once, holds one piece of memory, and is written to once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

use bytes::{Bytes, BytesMut};
use chinwag_core::event::{Audience, Event, Kind};
use chinwag_core::{GroupId, Seq, SocketId};

use crate::Hub;
use crate::group::Turn;
use crate::snapshot::Tag;

/// Messages that one run may have: what a socket is handed out at a time.
const LONGEST: usize = 64;

/// A run's frames: all as one piece, and where each ends.
struct Frames {
    all: Bytes,
    ends: Vec<usize>,
}

impl Hub {
    /// Delivers what one commit has told, in its order.
    pub(crate) fn dispatch_all(&self, mut events: &[Event]) {
        while !events.is_empty() {
            let (run, rest) = events.split_at(run(events));
            // A fault is that of one event: one by one they are delivered, but for that one.
            let told =
                run.len() > 1 && catch_unwind(AssertUnwindSafe(|| self.deliver_run(run))).unwrap_or(false);
            if !told {
                for event in run {
                    self.dispatch(event);
                }
            }
            events = rest;
        }
        self.flush();
    }

    /// Delivers a run, or nothing of it where its numbers are not those that come next.
    fn deliver_run(&self, run: &[Event]) -> bool {
        let Some((Some(id), first)) = run.first().map(|event| (group_of(event), event.seq)) else {
            return false;
        };
        let Some(group) = self.served(id) else {
            self.tally.events.fetch_add(run.len() as u64, Ordering::Relaxed);
            return true;
        };
        // Before anything is changed, since it may fail.
        let frames = self.frames(run);
        let mut members = group.lock();
        if let Some(seq) = first {
            group.expect(&mut members, seq);
        }
        let follow = run.windows(2).all(|two| two[0].seq.map(Seq::next) == two[1].seq);
        let (Some(next), Some(last)) = (first, run.last().and_then(|event| event.seq)) else { return false };
        if members.gone || !follow || group.turn(next) != Turn::Next {
            return false;
        }
        let (mut due, askers) = (Vec::new(), run.iter().filter_map(asker).collect::<Vec<_>>());
        for user in &members.users {
            for seat in &user.lock().seats {
                let asked = askers.contains(&seat.socket.id());
                let all = (&frames.all, frames.ends.len());
                let pushed =
                    if asked { None } else { seat.socket.push_run(all, id, self.bounds(), &mut due) };
                if let Some(pushed) = pushed {
                    self.tally.pushed(pushed, run.len());
                    continue;
                }
                for (at, event) in run.iter().enumerate() {
                    let frame = if asker(event) == Some(seat.socket.id()) {
                        let reference = event.origin.as_ref().and_then(|origin| origin.reference.as_deref());
                        self.encode.event(event, reference)
                    } else {
                        frames.one(at)
                    };
                    let tag = Tag { group: Some(id), seq: event.seq, ..Tag::default() };
                    self.tally.pushed(seat.socket.push(frame, tag, self.bounds(), &mut due), 1);
                }
            }
        }
        group.delivered(&mut members, last);
        self.tally.events.fetch_add(run.len() as u64, Ordering::Relaxed);
        self.due(&mut due);
        true
    }

    fn frames(&self, run: &[Event]) -> Frames {
        let (mut all, mut ends) = (BytesMut::new(), Vec::with_capacity(run.len()));
        for event in run {
            all.extend_from_slice(&self.encode.event(event, None));
            ends.push(all.len());
        }
        Frames { all: all.freeze(), ends }
    }
}

impl Frames {
    fn one(&self, at: usize) -> Bytes {
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        self.all.slice(start..self.ends[at])
    }
}

/// How many of the first events are one run: at least one.
fn run(events: &[Event]) -> usize {
    let group = events.first().and_then(group_of);
    let same = |event: &&Event| group.is_some() && group_of(event) == group;
    events.iter().take(LONGEST).take_while(same).count().max(1)
}

/// The group of a message that is told to all of it.
fn group_of(event: &Event) -> Option<GroupId> {
    match (&event.kind, &event.to) {
        (Kind::MessageText(_), Audience::Group(group)) if event.seq.is_some() => Some(*group),
        _ => None,
    }
}

/// The socket whose copy is its own.
fn asker(event: &Event) -> Option<SocketId> {
    event.origin.as_ref().filter(|origin| origin.reference.is_some()).map(|origin| origin.socket)
}
