//! Replay protection for hints: which nodes are alive, and which of their hints have arrived.
//!
//! Any client that can subscribe on the server can record hints and publish them again. A node therefore
//! accepts hints only from a node that has answered a challenge which this node made after its own start. It
//! accepts only numbers after that of the answer, each number once, and no hint that was sent too long ago. A
//! node's hints are held until its answer arrives. Times are milliseconds since each node's own start, so the
//! protocol does not depend on correct clocks.

use std::collections::HashMap;

use super::window::ReplayWindow;
use crate::bus::link::NodeId;

/// The greatest accepted age of a hint.
const MAX_AGE: i64 = 60_000;
/// The apparent change between two nodes' clocks at which they are measured again.
const DRIFT: i64 = 5_000;
/// Timeout for the answer to a challenge.
const ANSWER: u64 = 5_000;
/// The most nodes to remember.
const NODES: usize = 1024;
/// The most held hints of one node.
const MAX_HELD_HINTS: usize = 256;

/// The header of every message between nodes: the sender, its running number, and the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) node: NodeId,
    pub(super) number: u64,
    /// In milliseconds since that node's start.
    pub(super) sent: u64,
}

/// The content of a challenge, which the answer repeats. Never used twice.
pub(super) type Nonce = u128;

/// The other nodes, with the hints `T` that are held until a node answers.
pub(super) struct Senders<T> {
    next_nonce: Nonce,
    /// The challenge to all nodes, and when it was made.
    to_all: Option<(Nonce, u64)>,
    nodes: HashMap<NodeId, Sender<T>>,
}

/// One other node.
struct Sender<T> {
    window: ReplayWindow,
    /// The node's unanswered challenge, and when it was made.
    asked: Option<(Nonce, u64)>,
    /// The node's time minus this node's, once it has answered.
    ahead: Option<i64>,
    held: Vec<(Stamp, T)>,
}

/// The decision about a hint.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OfferOutcome<T> {
    /// The hint, if it is accepted now.
    pub(super) taken: Option<T>,
    /// Whether it was dropped instead of held.
    pub(super) dropped: bool,
    /// A challenge to send to the hint's node.
    pub(super) challenge: Option<Nonce>,
}

impl<T> Senders<T> {
    /// Knows no nodes yet. `first` must be random and unique to this node.
    pub(super) fn new(first: Nonce) -> Self {
        Self { next_nonce: first, to_all: None, nodes: HashMap::new() }
    }

    /// Creates a challenge to all nodes.
    pub(super) fn challenge_all(&mut self, now: u64) -> Nonce {
        let nonce = self.nonce();
        self.to_all = Some((nonce, now));
        nonce
    }

    /// Whether this is the current challenge to all nodes.
    pub(super) fn is_to_all(&self, nonce: Nonce) -> bool {
        self.to_all.is_some_and(|(standing, _)| standing == nonce)
    }

    /// Creates a challenge to an unknown node that has sent one itself.
    pub(super) fn challenge(&mut self, node: NodeId, now: u64) -> Option<Nonce> {
        if self.sender(node).ahead.is_some() { None } else { self.ask(node, now) }
    }

    /// Decides whether to accept, hold or drop a hint.
    pub(super) fn offer(&mut self, stamp: Stamp, now: u64, hint: T) -> OfferOutcome<T> {
        let sender = self.sender(stamp.node);
        let Some(ahead) = sender.ahead else {
            let room = sender.held.len() < MAX_HELD_HINTS;
            if room {
                sender.held.push((stamp, hint));
            }
            let challenge = self.ask(stamp.node, now);
            return OfferOutcome { taken: None, dropped: !room, challenge };
        };
        let age = age(stamp.sent, now, ahead);
        let taken = age.abs() <= MAX_AGE && sender.window.take(stamp.number);
        let challenge = if age.abs() > DRIFT { self.ask(stamp.node, now) } else { None };
        OfferOutcome { taken: taken.then_some(hint), dropped: !taken, challenge }
    }

    /// Handles an answer. Returns the held hints of that node that are now accepted, and the number of those
    /// that are dropped.
    pub(super) fn answer(&mut self, stamp: Stamp, nonce: Nonce, now: u64) -> (Vec<T>, u64) {
        let to_all = self.to_all.filter(|(standing, _)| *standing == nonce);
        let sender = self.sender(stamp.node);
        // Once a node is known, other clients may replay its answer to the challenge to all.
        let to_all = to_all.filter(|_| sender.ahead.is_none());
        let own = sender.asked.filter(|(standing, _)| *standing == nonce);
        let Some((_, asked_at)) = own.or(to_all).filter(|(_, at)| now.saturating_sub(*at) <= ANSWER) else {
            return (Vec::new(), 0);
        };
        let was_known = sender.ahead.is_some();
        let ahead = difference(stamp.sent, now);
        (sender.ahead, sender.asked) = (Some(ahead), None);
        // A node that started after the challenge cannot have sent hints before this node subscribed, so all
        // of its numbers are acceptable.
        let is_younger = stamp.sent < asked_at;
        if !was_known && !is_younger {
            sender.window = ReplayWindow::after(stamp.number);
        }
        let held = std::mem::take(&mut sender.held);
        let count = held.len() as u64;
        let may = |(stamp, hint): (Stamp, T)| {
            let good = age(stamp.sent, now, ahead).abs() <= MAX_AGE && sender.window.take(stamp.number);
            good.then_some(hint)
        };
        let taken: Vec<_> = held.into_iter().filter_map(may).collect();
        let dropped = count - taken.len() as u64;
        (taken, dropped)
    }

    /// Drops the hints held for answers that timed out. Returns their number.
    pub(super) fn expire(&mut self, now: u64) -> u64 {
        let mut dropped = 0;
        self.nodes.retain(|_, sender| {
            let waits = sender.asked.is_some_and(|(_, at)| now.saturating_sub(at) <= ANSWER);
            if !waits {
                sender.asked = None;
                dropped += std::mem::take(&mut sender.held).len() as u64;
            }
            waits || sender.ahead.is_some()
        });
        dropped
    }

    /// Creates a challenge to one node, unless one is unanswered.
    fn ask(&mut self, node: NodeId, now: u64) -> Option<Nonce> {
        let nonce = self.nonce();
        let sender = self.sender(node);
        if sender.asked.is_some_and(|(_, at)| now.saturating_sub(at) <= ANSWER) {
            return None;
        }
        sender.asked = Some((nonce, now));
        Some(nonce)
    }

    fn nonce(&mut self) -> Nonce {
        self.next_nonce = self.next_nonce.wrapping_add(1);
        self.next_nonce
    }

    fn sender(&mut self, node: NodeId) -> &mut Sender<T> {
        if self.nodes.len() >= NODES && !self.nodes.contains_key(&node) {
            self.nodes.retain(|_, sender| sender.ahead.is_some());
            if self.nodes.len() >= NODES {
                self.nodes.clear();
            }
        }
        self.nodes.entry(node).or_insert_with(|| Sender {
            window: ReplayWindow::default(),
            asked: None,
            ahead: None,
            held: Vec::new(),
        })
    }
}

/// The time since something was sent, in this node's time.
fn age(sent: u64, now: u64, ahead: i64) -> i64 {
    ahead.saturating_sub(difference(sent, now))
}

fn difference(sent: u64, now: u64) -> i64 {
    let whole = |time: u64| i64::try_from(time).unwrap_or(i64::MAX);
    whole(sent).saturating_sub(whole(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTHER: NodeId = NodeId(7);

    fn stamp(number: u64, sent: u64) -> Stamp {
        Stamp { node: OTHER, number, sent }
    }

    /// This node, one second after its start, after the answer of the other node, whose clock shows `sent`
    /// and whose last number is 100.
    fn known(sent: u64) -> Senders<u64> {
        let mut senders = Senders::new(1);
        let nonce = senders.challenge_all(1_000);
        assert_eq!(senders.answer(stamp(100, sent), nonce, 1_001), (vec![], 0));
        senders
    }

    fn is_taken(senders: &mut Senders<u64>, number: u64, sent: u64, now: u64) -> bool {
        senders.offer(stamp(number, sent), now, number).taken == Some(number)
    }

    #[test]
    fn hints_from_before_the_answer_are_dropped() {
        let mut senders = known(500_000);
        assert!((1..=100).all(|number| !is_taken(&mut senders, number, 499_999, 1_001)));
        assert!(is_taken(&mut senders, 102, 500_001, 1_002) && is_taken(&mut senders, 101, 500_000, 1_003));
        assert!(!is_taken(&mut senders, 101, 500_000, 1_003), "it came before");
    }

    #[test]
    fn every_hint_of_a_younger_node_is_taken_once() {
        let mut senders = known(10);
        assert!((1..=3).all(|number| is_taken(&mut senders, number, 5, 1_001)));
        assert!((1..=3).all(|number| !is_taken(&mut senders, number, 5, 1_001)));
    }

    #[test]
    fn late_hints_are_dropped_and_have_the_time_measured_anew() {
        let mut senders = known(500_000);
        let soon = senders.offer(stamp(101, 500_000), 2_000, 101);
        assert_eq!(soon, OfferOutcome { taken: Some(101), dropped: false, challenge: None });
        let late = senders.offer(stamp(102, 500_000), 70_000, 102);
        assert!(late.taken.is_none() && late.dropped);
        let nonce = late.challenge.expect("a challenge");
        // The other machine was suspended for a minute, so its clock stood still.
        assert_eq!(senders.answer(stamp(103, 509_000), nonce, 70_001), (vec![], 0));
        assert!(is_taken(&mut senders, 104, 509_001, 70_002));
    }

    #[test]
    fn hints_are_held_for_the_answer_and_then_no_longer() {
        let mut senders = Senders::new(1);
        let first = senders.offer(stamp(5, 10), 1_000, 5);
        assert!(first.taken.is_none() && !first.dropped);
        let nonce = first.challenge.expect("a challenge");
        assert_eq!(senders.offer(stamp(6, 11), 1_001, 6).challenge, None, "one stands");
        assert_eq!(senders.answer(stamp(7, 12), nonce, 1_002), (vec![5, 6], 0));
        assert_eq!(senders.answer(stamp(7, 12), nonce, 1_002), (vec![], 0), "an answer counts once");

        let mut senders = Senders::new(1);
        for number in 0..300 {
            let offered = senders.offer(stamp(number, 10), 1_000, number);
            assert_eq!(offered.dropped, number >= MAX_HELD_HINTS as u64);
        }
        assert_eq!(senders.expire(1_000 + ANSWER), 0);
        assert_eq!(senders.expire(1_001 + ANSWER), MAX_HELD_HINTS as u64);
        assert!(senders.nodes.is_empty());
    }

    #[test]
    fn answers_to_other_or_old_challenges_count_for_nothing() {
        let mut senders = Senders::new(1);
        let nonce = senders.offer(stamp(5, 500_000), 1_000, 5).challenge.expect("a challenge");
        assert_eq!(senders.answer(stamp(6, 500_001), nonce + 77, 1_001), (vec![], 0));
        assert_eq!(senders.answer(stamp(6, 500_001), nonce, 1_001 + ANSWER), (vec![], 0));
        assert!(!is_taken(&mut senders, 7, 500_002, 1_002));
    }

    #[test]
    fn nodes_that_are_remembered_are_bounded() {
        let mut senders = Senders::new(1);
        for node in 0..3 * NODES as u128 {
            senders.offer(Stamp { node: NodeId(node), number: 1, sent: 1 }, 1, 0);
        }
        assert!(senders.nodes.len() <= NODES);
    }
}
