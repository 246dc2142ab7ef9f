//! The freshness of hints: which nodes are alive, and which of their hints arrived.
//!
//! Anybody who can subscribe on the server can record hints and publish them again. So a node is
//! trusted only when it has answered a challenge that this node made since its own start, from the
//! answer's number on; each number once; and nothing that was sent long ago. A node's hints are held
//! until its answer arrives. Times are milliseconds since a node's own start, so that no clock has to
//! be right.

use std::collections::HashMap;

use super::window::ReplayWindow;
use crate::bus::link::NodeId;

/// How long ago a hint may have been sent.
const LATE: i64 = 60_000;
/// When the difference of two nodes' times seems to be as much as this it is measured anew.
const DRIFT: i64 = 5_000;
/// How long an answer to a challenge is waited for.
const ANSWER: u64 = 5_000;
/// Nodes that are remembered.
const NODES: usize = 1024;
/// Hints of one node that are held.
const HELD: usize = 256;

/// By which node, as its which, and when: what every message between nodes begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) node: NodeId,
    pub(super) number: u64,
    /// In milliseconds since that node's start.
    pub(super) sent: u64,
}

/// The content of a challenge, which its answer repeats: never the same twice.
pub(super) type Nonce = u128;

/// The other nodes, with hints `T` that wait for their answer.
pub(super) struct Senders<T> {
    next_nonce: Nonce,
    /// The challenge to all, and when it was made.
    to_all: Option<(Nonce, u64)>,
    nodes: HashMap<NodeId, Sender<T>>,
}

/// One other node.
struct Sender<T> {
    window: ReplayWindow,
    /// The challenge that it has not answered, and when it was made.
    asked: Option<(Nonce, u64)>,
    /// Its time less this node's, once it has answered.
    ahead: Option<i64>,
    held: Vec<(Stamp, T)>,
}

/// The outcome for a hint.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Offered<T> {
    /// The hint, if it is to be taken now.
    pub(super) taken: Option<T>,
    /// Whether it was dropped, rather than held.
    pub(super) dropped: bool,
    /// The challenge to be sent to its node.
    pub(super) challenge: Option<Nonce>,
}

impl<T> Senders<T> {
    /// None yet. `first` is this node's own and random.
    pub(super) fn new(first: Nonce) -> Self {
        Self { next_nonce: first, to_all: None, nodes: HashMap::new() }
    }

    /// A challenge to all nodes.
    pub(super) fn challenge_all(&mut self, now: u64) -> Nonce {
        let nonce = self.nonce();
        self.to_all = Some((nonce, now));
        nonce
    }

    /// Whether this is the standing challenge to all.
    pub(super) fn is_to_all(&self, nonce: Nonce) -> bool {
        self.to_all.is_some_and(|(standing, _)| standing == nonce)
    }

    /// A challenge to a node that has made one itself, if it is not known.
    pub(super) fn challenge(&mut self, node: NodeId, now: u64) -> Option<Nonce> {
        if self.sender(node).ahead.is_some() { None } else { self.ask(node, now) }
    }

    /// Decides about a hint.
    pub(super) fn offer(&mut self, stamp: Stamp, now: u64, hint: T) -> Offered<T> {
        let sender = self.sender(stamp.node);
        let Some(ahead) = sender.ahead else {
            let room = sender.held.len() < HELD;
            if room {
                sender.held.push((stamp, hint));
            }
            let challenge = self.ask(stamp.node, now);
            return Offered { taken: None, dropped: !room, challenge };
        };
        let age = age(stamp.sent, now, ahead);
        let taken = age.abs() <= LATE && sender.window.take(stamp.number);
        let challenge = if age.abs() > DRIFT { self.ask(stamp.node, now) } else { None };
        Offered { taken: taken.then_some(hint), dropped: !taken, challenge }
    }

    /// Takes an answer in. What was held of its node and may be taken, and how many may not.
    pub(super) fn answer(&mut self, stamp: Stamp, nonce: Nonce, now: u64) -> (Vec<T>, u64) {
        let to_all = self.to_all.filter(|(standing, _)| *standing == nonce);
        let sender = self.sender(stamp.node);
        // That to all may be repeated by others once its node is known.
        let to_all = to_all.filter(|_| sender.ahead.is_none());
        let own = sender.asked.filter(|(standing, _)| *standing == nonce);
        let Some((_, asked_at)) = own.or(to_all).filter(|(_, at)| now.saturating_sub(*at) <= ANSWER) else {
            return (Vec::new(), 0);
        };
        let was_known = sender.ahead.is_some();
        let ahead = difference(stamp.sent, now);
        (sender.ahead, sender.asked) = (Some(ahead), None);
        // Of a node that was started after this one nothing was ever sent before this one listened.
        let is_younger = stamp.sent < asked_at;
        if !was_known && !is_younger {
            sender.window = ReplayWindow::after(stamp.number);
        }
        let held = std::mem::take(&mut sender.held);
        let count = held.len() as u64;
        let may = |(stamp, hint): (Stamp, T)| {
            let good = age(stamp.sent, now, ahead).abs() <= LATE && sender.window.take(stamp.number);
            good.then_some(hint)
        };
        let taken: Vec<_> = held.into_iter().filter_map(may).collect();
        let dropped = count - taken.len() as u64;
        (taken, dropped)
    }

    /// Lets go of what waits for an answer that does not come; how many hints that is.
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

    /// A challenge to one node, unless one stands.
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

/// How long ago something was sent, in this node's time.
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

    /// This node, a second old, and the other one, whose clock shows `sent` and whose last number is
    /// 100, after its answer.
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
        assert_eq!(soon, Offered { taken: Some(101), dropped: false, challenge: None });
        let late = senders.offer(stamp(102, 500_000), 70_000, 102);
        assert!(late.taken.is_none() && late.dropped);
        let nonce = late.challenge.expect("a challenge");
        // The other machine slept for a minute: its time stood still.
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
            assert_eq!(offered.dropped, number >= HELD as u64);
        }
        assert_eq!(senders.expire(1_000 + ANSWER), 0);
        assert_eq!(senders.expire(1_001 + ANSWER), HELD as u64);
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
