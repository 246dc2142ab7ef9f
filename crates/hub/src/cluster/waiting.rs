//! What one group waits for: numbers that have not come, or a look at who is in it.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use chinwag_core::event::{Event, Kind};
use chinwag_core::{Seq, UserId};
use tokio::time::Instant;

use crate::bus::link::{Hint, Kind as Said};
use crate::dispatch::Frames;

/// What may wait for one group; more is read from the store again.
const MOST: usize = 1024;
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// Something numbered, made here or on another node.
pub(super) enum Item {
    /// An event of this node's own, with its frames.
    Event(Event, Frames),
    Hint(Hint),
}

impl Item {
    fn bytes(&self) -> usize {
        match self {
            Self::Event(_, Frames { all, whole }) => all.iter().chain(whole).map(Bytes::len).sum(),
            Self::Hint(hint) => hint.frame.len() + hint.whole.len(),
        }
    }

    /// Who comes into the group with it.
    pub(super) fn joined(&self) -> &[UserId] {
        match self {
            Self::Event(Event { kind: Kind::GroupUpdate { joined, .. }, .. }, _) => joined,
            Self::Hint(Hint { kind: Said::Changed { joined, .. }, .. }) => joined,
            _ => &[],
        }
    }

    /// Who goes from the group with it.
    pub(super) fn left(&self) -> &[UserId] {
        match self {
            Self::Event(Event { kind: Kind::GroupUpdate { left, .. }, .. }, _) => left,
            Self::Event(Event { kind: Kind::MemberChanged { left, .. }, .. }, _) => left.as_slice(),
            Self::Hint(Hint { kind: Said::Changed { left, .. } | Said::Passed { left }, .. }) => left,
            _ => &[],
        }
    }

    /// Whether it tells a user that it has quit.
    pub(super) fn quits(&self) -> bool {
        matches!(self, Self::Event(Event { kind: Kind::GroupQuit { .. }, .. }, _))
    }

    /// Whether it is for users who have yet to accept the group, and carries the number of another.
    pub(super) fn pends(&self) -> bool {
        matches!(
            self,
            Self::Event(Event { kind: Kind::Pending(_), .. }, _)
                | Self::Hint(Hint { kind: Said::User(_), group: Some(_), .. })
        )
    }

    /// Whether it is of who is in the group, which the store knows better.
    pub(super) fn changes(&self) -> bool {
        matches!(
            self,
            Self::Event(Event { kind: Kind::GroupUpdate { .. }, .. }, _)
                | Self::Hint(Hint { kind: Said::Changed { .. }, .. })
        ) || !self.left().is_empty()
    }

    /// Whether the group ends with it.
    pub(super) fn deletes(&self) -> bool {
        matches!(
            self,
            Self::Event(Event { kind: Kind::GroupDelete(_), .. }, _)
                | Self::Hint(Hint { kind: Said::Deleted, .. })
        )
    }
}

/// One group's wait.
pub(super) struct Waiting {
    /// What came before its turn, by number, in the order of its coming.
    held: BTreeMap<Seq, Vec<Item>>,
    count: usize,
    bytes: usize,
    /// The last number that is known to have been given.
    pub(super) upto: Seq,
    /// Users here of whom it is said that they have come.
    pub(super) newcomers: BTreeSet<UserId>,
    /// Users here who may be members no more.
    pub(super) suspects: BTreeSet<UserId>,
    /// The group may be no more.
    pub(super) vanished: bool,
    /// Whether the store is being asked.
    pub(super) reading: bool,
    /// When it is to be asked.
    pub(super) due: Instant,
    /// Since when it does not answer, and how often it was asked.
    pub(super) failing: Option<Instant>,
    pub(super) tries: u32,
}

impl Waiting {
    pub(super) fn new(due: Instant) -> Self {
        Self {
            held: BTreeMap::new(),
            count: 0,
            bytes: 0,
            upto: Seq(0),
            newcomers: BTreeSet::new(),
            suspects: BTreeSet::new(),
            vanished: false,
            reading: false,
            due,
            failing: None,
            tries: 0,
        }
    }

    /// Keeps an item for its turn. When there are too many all are let go, since the store has
    /// them; those are answered.
    pub(super) fn hold(&mut self, seq: Seq, item: Item) -> Vec<Item> {
        self.upto = self.upto.max(seq);
        self.count += 1;
        self.bytes += item.bytes();
        self.held.entry(seq).or_default().push(item);
        if self.count <= MOST && self.bytes <= MOST_BYTES {
            return Vec::new();
        }
        (self.count, self.bytes) = (0, 0);
        std::mem::take(&mut self.held).into_values().flatten().collect()
    }

    /// Takes the items of the lowest number, if that is at most `seq`.
    pub(super) fn pop(&mut self, seq: Seq) -> Option<(Seq, Vec<Item>)> {
        let first = self.held.first_entry().filter(|entry| *entry.key() <= seq)?;
        let (seq, items) = first.remove_entry();
        self.count -= items.len();
        self.bytes -= items.iter().map(Item::bytes).sum::<usize>();
        Some((seq, items))
    }

    /// Takes everything that is held.
    pub(super) fn take(&mut self) -> Vec<(Seq, Vec<Item>)> {
        (self.count, self.bytes) = (0, 0);
        std::mem::take(&mut self.held).into_iter().collect()
    }

    /// Drops what is held past `head`, which the store has not.
    pub(super) fn forget_after(&mut self, head: Seq) {
        while let Some(last) = self.held.last_entry().filter(|entry| *entry.key() > head) {
            let items = last.remove();
            self.count -= items.len();
            self.bytes -= items.iter().map(Item::bytes).sum::<usize>();
        }
        self.upto = self.upto.min(head);
    }

    /// The event that tells this user, and the asker, that it has quit, if one is held.
    pub(super) fn quit_of(&mut self, user: UserId) -> Option<Event> {
        let is_quit = |item: &Item| {
            matches!(item, Item::Event(event, _) if matches!(event.kind, Kind::GroupQuit { .. })
                && event.to == chinwag_core::event::Audience::Users(vec![user]))
        };
        for items in self.held.values_mut() {
            if let Some(at) = items.iter().position(is_quit)
                && let Item::Event(event, _) = items.remove(at)
            {
                self.count -= 1;
                return Some(event);
            }
        }
        None
    }

    pub(super) fn holds_nothing(&self) -> bool {
        self.held.is_empty()
    }
}
