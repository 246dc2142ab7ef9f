//! The reorder buffer: entries that arrived before an earlier, missing number.

use std::collections::{BTreeMap, VecDeque};
use std::mem;

use chinwag_core::{Seq, UserId};

use super::group::{Entry, EntryKind};

/// Limits of one group's buffer. A buffer that exceeds one of them drops all its entries, which are fetched
/// later.
const MAX_BUFFERED_ENTRIES: usize = 1024;
pub(super) const MAX_BUFFERED_BYTES: usize = 4 * 1024 * 1024;

/// The number, whether the entry is attached to the entry of that number, and the order of arrival.
type Key = (Seq, bool, usize);

/// Entries that wait for their turn, in key order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ReorderBuffer<T> {
    held: BTreeMap<Key, T>,
    bytes: usize,
}

impl<T> Default for ReorderBuffer<T> {
    fn default() -> Self {
        Self { held: BTreeMap::new(), bytes: 0 }
    }
}

impl<T: Entry> ReorderBuffer<T> {
    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Adds an entry. A full buffer drops all of its entries, this one included, and returns them.
    pub(crate) fn push(&mut self, seq: Seq, entry: T) -> Vec<T> {
        self.bytes += entry.size();
        let is_attached = entry.kind().is_attached();
        let last = self.held.range((seq, is_attached, 0)..=(seq, is_attached, usize::MAX)).next_back();
        let order = last.map_or(0, |((.., order), _)| order + 1);
        self.held.insert((seq, is_attached, order), entry);
        if self.held.len() <= MAX_BUFFERED_ENTRIES && self.bytes <= MAX_BUFFERED_BYTES {
            return Vec::new();
        }
        self.take().into_iter().map(|(_, entry)| entry).collect()
    }

    /// Takes the first entry, if its number is at most `upto`.
    pub(crate) fn pop(&mut self, upto: Seq) -> Option<(Seq, T)> {
        let first = self.held.first_entry().filter(|first| first.key().0 <= upto)?;
        let ((seq, ..), entry) = first.remove_entry();
        self.bytes -= entry.size();
        Some((seq, entry))
    }

    /// Takes the first entry if it is due when everything up to `position` is delivered.
    pub(crate) fn pop_due(&mut self, position: Seq) -> Option<(Seq, T)> {
        let ((_, is_attached, _), _) = self.held.first_key_value()?;
        self.pop(if *is_attached { position } else { position.next() })
    }

    /// Takes all entries with their numbers.
    pub(crate) fn take(&mut self) -> Vec<(Seq, T)> {
        self.bytes = 0;
        mem::take(&mut self.held).into_iter().map(|((seq, ..), entry)| (seq, entry)).collect()
    }

    /// Drops the entries after `head`, whose numbers the store has not assigned.
    pub(crate) fn truncate(&mut self, head: Seq) {
        for entry in self.held.split_off(&(head.next(), false, 0)).into_values() {
            self.bytes -= entry.size();
        }
    }

    /// Takes the removals up to `head` of the users for whom `is_told` is true.
    pub(crate) fn take_removals(
        &mut self,
        head: Seq,
        is_told: impl Fn(UserId) -> bool,
    ) -> VecDeque<(Seq, T)> {
        let is_removal = |(key, entry): (&Key, &T)| match entry.kind() {
            EntryKind::Removal(user) if key.0 <= head && is_told(user) => Some(*key),
            _ => None,
        };
        let keys: Vec<_> = self.held.iter().filter_map(is_removal).collect();
        let mut taken = VecDeque::with_capacity(keys.len());
        for key in keys {
            if let Some(entry) = self.held.remove(&key) {
                self.bytes -= entry.size();
                taken.push_back((key.0, entry));
            }
        }
        taken
    }

    /// Takes the first removal of this user up to `head`, if any.
    pub(crate) fn take_removal(&mut self, user: UserId, head: Seq) -> Option<(Seq, T)> {
        let mut held = self.held.iter();
        let is_removal =
            |(key, entry): &(&Key, &T)| key.0 <= head && entry.kind() == EntryKind::Removal(user);
        let found = held.find(is_removal).map(|(key, _)| *key)?;
        let entry = self.held.remove(&found)?;
        self.bytes -= entry.size();
        Some((found.0, entry))
    }
}
