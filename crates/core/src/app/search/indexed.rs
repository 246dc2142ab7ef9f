//! The messages of a search that the index finds.

use std::collections::{HashSet, VecDeque};

use crate::search::RequiredTerm;
use crate::store::{Candidate, SearchPlace, Tx};
use crate::{GroupId, Result};

/// The hits in the index that one page reads. What more messages have is found soon enough without it.
const HITS: usize = 5000;
/// The numbers of logs that are not indexed, of all groups together, that a page reads beside the index.
const UNINDEXED: i64 = 2000;
/// The messages that are read at a time.
const READ: usize = 32;

/// Messages that may be found, newest first: the hits of the index, and those that are not indexed.
pub(super) struct Indexed {
    /// Those that are not read yet, newest last.
    places: Vec<SearchPlace>,
    read: VecDeque<Candidate>,
}

/// The answer of the index.
pub(super) struct Lookup {
    pub indexed: Indexed,
    /// The groups of which it does not have enough.
    pub unindexed: HashSet<GroupId>,
}

impl Lookup {
    /// Looks for the messages of these groups before a place that have every term. `None` if there are too many, or if they
    /// are not in the index.
    pub(super) fn find(
        tx: &dyn Tx,
        terms: &[RequiredTerm],
        groups: &[GroupId],
        before: SearchPlace,
    ) -> Result<Option<Self>> {
        if terms.is_empty() {
            return Ok(None);
        }
        let mut states = tx.indexed_groups(groups)?;
        // Those of which least is missing come first.
        states.sort_unstable_by_key(|state| (state.head.0 - state.position.0, state.group));
        let (mut indexed, mut recent, mut left) = (Vec::new(), Vec::new(), UNINDEXED);
        for state in &states {
            left -= state.head.0 - state.position.0;
            if left < 0 {
                break;
            }
            indexed.push(state.group);
            if state.head > state.position {
                recent.push(state.group);
            }
        }
        if indexed.is_empty() {
            return Ok(None);
        }
        let Some(mut places) = tx.indexed_places(terms, &indexed, HITS)? else { return Ok(None) };
        if !recent.is_empty() {
            places.extend(tx.unindexed_places(&recent)?);
        }
        places.retain(|place| *place < before);
        places.sort_unstable();
        let unindexed = states[indexed.len()..].iter().map(|state| state.group).collect();
        Ok(Some(Self { indexed: Indexed { places, read: VecDeque::new() }, unindexed }))
    }
}

impl Indexed {
    /// The place of the next message.
    pub(super) fn peek(&mut self, tx: &dyn Tx) -> Result<Option<SearchPlace>> {
        while self.read.is_empty() && !self.places.is_empty() {
            let next = self.places.split_off(self.places.len().saturating_sub(READ));
            let mut read = tx.candidates_at(&next)?;
            read.sort_unstable_by_key(|candidate| std::cmp::Reverse(candidate.place));
            self.read = read.into();
        }
        Ok(self.read.front().map(|candidate| candidate.place))
    }

    /// The next message, after [`Self::peek`].
    pub(super) fn pop(&mut self) -> Option<Candidate> {
        self.read.pop_front()
    }
}
