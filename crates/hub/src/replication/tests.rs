use std::collections::VecDeque;

use chinwag_core::{Seq, UserId};

use super::effect::{Delay, Effect};
use super::fetch::{Fetched, Standing};
use super::group::{Entry, EntryKind, Input, LocalGroup, Replica};

/// A message with this number.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Message(i64);

impl Entry for Message {
    fn kind(&self) -> EntryKind {
        EntryKind::Content
    }

    fn joined(&self) -> &[UserId] {
        &[]
    }

    fn author(&self) -> Option<UserId> {
        None
    }

    fn size(&self) -> usize {
        1
    }
}

/// A group with one member, which follows the replica's effects.
struct Group {
    position: Seq,
    replica: Replica<Message>,
    delivered: Vec<i64>,
}

impl LocalGroup for Seq {
    fn position(&self) -> Option<Seq> {
        Some(*self)
    }

    fn is_member(&self, _: UserId) -> Option<bool> {
        Some(true)
    }
}

impl Group {
    fn at(position: i64) -> Self {
        Self { position: Seq(position), replica: Replica::default(), delivered: Vec::new() }
    }

    /// Applies an input and the inputs that follow from it. Returns the effects other than deliveries.
    fn step(&mut self, input: Input<Message>) -> Vec<Effect<Message>> {
        let (mut next, mut rest) = (Some(input), Vec::new());
        while let Some(input) = next.take() {
            for effect in self.replica.step(&self.position, input) {
                next = Some(Input::Continue);
                match effect {
                    Effect::Deliver(Message(seq)) => {
                        self.delivered.push(seq);
                        self.position = Seq(seq);
                    }
                    Effect::Advance(seq) => self.position = seq,
                    other => rest.push(other),
                }
            }
        }
        rest
    }

    fn entry(&mut self, seq: i64) -> Vec<Effect<Message>> {
        self.step(Input::Entry { seq: Seq(seq), entry: Message(seq), is_ordered: false })
    }

    fn answer(&mut self, fetch: &Effect<Message>, head: i64, entries: &[i64]) -> Vec<Effect<Message>> {
        let Effect::Fetch(fetch) = fetch else { panic!("{fetch:?}") };
        let entries: VecDeque<_> = entries.iter().map(|seq| (Some(Seq(*seq)), Message(*seq))).collect();
        let found = Fetched {
            head: Seq(head),
            entries,
            is_too_far: false,
            users: vec![(UserId(1), Standing::Member)],
            newcomers: Vec::new(),
        };
        self.step(Input::Fetched(fetch.clone(), Some(found)))
    }
}

#[test]
fn next_entry_is_delivered_and_an_earlier_one_discarded() {
    let mut group = Group::at(4);
    assert_eq!(group.entry(5), []);
    assert_eq!(group.entry(5), [Effect::Discard(Message(5))]);
    assert_eq!(group.delivered, [5]);
    assert!(group.replica.is_settled());
}

#[test]
fn early_entries_wait_for_the_missing_one() {
    let mut group = Group::at(4);
    assert_eq!(group.entry(7), [Effect::Start(Delay::Hold)]);
    assert_eq!((group.entry(6), group.delivered.len()), (vec![], 0));
    assert_eq!(group.entry(5), []);
    assert_eq!(group.delivered, [5, 6, 7]);
    assert!(group.replica.is_settled());
}

#[test]
fn missing_entries_are_fetched_and_held_ones_kept() {
    let mut group = Group::at(4);
    group.entry(7);
    let effects = group.step(Input::Due);
    assert_eq!(group.entry(8), [], "it is held while the store is read");
    group.answer(&effects[0], 8, &[5, 7]);
    assert_eq!(group.delivered, [5, 7, 8], "6 was erased");
    assert!(group.replica.is_settled());
}

#[test]
fn silent_store_is_asked_again_until_it_is_given_up() {
    let mut group = Group::at(4);
    group.entry(7);
    for attempt in 0..3 {
        assert!(matches!(group.step(Input::Due)[..], [Effect::Fetch(_)]));
        let effects = group.step(Input::Failed { is_final: false });
        assert_eq!(effects, [Effect::Start(Delay::Backoff(attempt))]);
    }
    group.step(Input::Due);
    assert_eq!(group.step(Input::Failed { is_final: true }), [Effect::RequireResync]);
    assert_eq!((group.position, group.replica.is_settled()), (Seq(7), true));
    assert_eq!(group.entry(8), []);
    assert_eq!(group.delivered, [8]);
}

#[test]
fn outdated_answer_is_not_applied() {
    let mut group = Group::at(4);
    group.step(Input::Doubt { joining: vec![], leaving: vec![UserId(1)], is_urgent: true });
    let effects = group.step(Input::Due);
    // The last member left, and came back with a later snapshot.
    group.position = Seq(9);
    assert_eq!(group.answer(&effects[0], 8, &[]), [Effect::Start(Delay::Backoff(0))]);
    let effects = group.step(Input::Due);
    group.answer(&effects[0], 9, &[]);
    assert!(group.replica.is_settled());
}

#[test]
fn full_buffer_is_dropped_and_fetched() {
    let mut group = Group::at(0);
    group.entry(2);
    let mut dropped = 0;
    for seq in 3..=1100 {
        for effect in group.entry(seq) {
            let Effect::Overflow(entries) = effect else { panic!("{effect:?}") };
            dropped += entries.len();
        }
    }
    assert_eq!(dropped, 1025);
    let effects = group.step(Input::Due);
    let entries: Vec<_> = (1..=1100).collect();
    group.answer(&effects[0], 1100, &entries);
    assert_eq!(group.delivered, entries);
}
