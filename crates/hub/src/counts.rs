//! The hub's figures for metrics.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::budget::Total;
use crate::bus::link::LinkFigures;
use crate::queue::PushOutcome;

/// See [`Hub::counts`](crate::Hub::counts).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connected sockets.
    pub sockets: usize,
    /// Users with a connected socket, or whose last socket ended within the grace period.
    pub users: usize,
    /// Groups with connected members.
    pub groups: usize,
    /// Frames in all queues at the last tick of the timer.
    pub queued_frames: usize,
    /// The bytes of these frames. Shared bytes count for each queue.
    pub queued_bytes: usize,
    /// Events dispatched since the start.
    pub events: u64,
    /// Frames queued since the start.
    pub deliveries: u64,
    /// Sockets closed as too slow since the start.
    pub too_slow: u64,
    /// Sockets closed since the start because the client must resume.
    pub resyncs: u64,
    /// Gaps in groups' logs since the start.
    pub gaps: u64,
    /// Store answers to fetches since the start.
    pub healed: u64,
    /// Other live nodes.
    pub nodes: usize,
    /// None on a single node.
    pub link: Option<LinkFigures>,
}

#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) queued_frames: AtomicUsize,
    pub(crate) queued_bytes: AtomicUsize,
    pub(crate) events: AtomicU64,
    pub(crate) deliveries: AtomicU64,
    pub(crate) too_slow: AtomicU64,
    pub(crate) gaps: AtomicU64,
    pub(crate) healed: AtomicU64,
}

impl Counters {
    /// Counts the outcome of queueing this many frames for one socket.
    pub(crate) fn pushed(&self, pushed: PushOutcome, frames: usize) {
        match pushed {
            PushOutcome::Queued | PushOutcome::Crowded => {
                self.deliveries.fetch_add(frames as u64, Ordering::Relaxed)
            }
            PushOutcome::Overflow => self.too_slow.fetch_add(1, Ordering::Relaxed),
            PushOutcome::Skipped => return,
        };
    }

    pub(crate) fn read(&self, total: &Total) -> Counts {
        Counts {
            queued_frames: self.queued_frames.load(Ordering::Relaxed),
            queued_bytes: self.queued_bytes.load(Ordering::Relaxed),
            events: self.events.load(Ordering::Relaxed),
            deliveries: self.deliveries.load(Ordering::Relaxed),
            too_slow: self.too_slow.load(Ordering::Relaxed) + total.closed(),
            resyncs: total.resyncs(),
            gaps: self.gaps.load(Ordering::Relaxed),
            healed: self.healed.load(Ordering::Relaxed),
            ..Counts::default()
        }
    }
}
