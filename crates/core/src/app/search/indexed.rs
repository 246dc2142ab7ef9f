//! The messages that the index finds for a search.

use std::collections::{HashSet, VecDeque};

use crate::search::{RequiredTerm, SearchQuery};
use crate::store::{Candidate, IndexedGroup, SearchPlace, Tx};
use crate::{GroupId, Result};

/// The most log numbers outside the index, over all groups, that a page reads in addition to the hits of the
/// index.
const UNINDEXED: i64 = 2000;
/// The number of messages that are read at a time.
const READ: usize = 32;
/// How many hits the index is asked for first, and at most. The number grows as long as the messages do not
/// match the query. It is higher for phrases, because most messages contain the words of a phrase in other
/// positions.
const FIRST_PLACES: usize = 64;
const FIRST_PLACES_OF_PHRASE: usize = 256;
const MOST_PLACES: usize = 4096;
/// The most queries of the index per page.
const MAX_INDEX_QUERIES: usize = 6;

/// The part of a query that the index can answer.
#[derive(Debug, Clone)]
pub(super) struct IndexQuery {
    terms: Vec<RequiredTerm>,
    places: usize,
}

/// The messages that may match, newest first: hits of the index, and messages that are not indexed.
pub(super) struct Indexed {
    query: IndexQuery,
    groups: Vec<IndexedGroup>,
    /// Messages that are not indexed and not read yet, newest last.
    recent: Vec<SearchPlace>,
    /// Hits that are not read yet, newest first.
    hits: VecDeque<SearchPlace>,
    /// The position before which all further hits are. None if there are no more.
    rest: Option<SearchPlace>,
    questions: usize,
    read: VecDeque<Candidate>,
}

pub(super) struct Lookup {
    pub indexed: Indexed,
    /// The groups that are read without the index, because too much of them is not indexed.
    pub unindexed: HashSet<GroupId>,
}

pub(super) enum NextIndexed {
    Message(SearchPlace),
    /// The page must end here. There may be more messages before this position.
    Paused(SearchPlace),
    End,
}

impl IndexQuery {
    pub(super) fn of(query: &SearchQuery) -> Self {
        let places = if query.has_phrase() { FIRST_PLACES_OF_PHRASE } else { FIRST_PLACES };
        Self { terms: query.required(), places }
    }
}

impl Lookup {
    /// Finds the messages of these groups before a position that contain every term. `None` if the index
    /// cannot help.
    pub(super) fn find(
        tx: &dyn Tx,
        query: Option<&IndexQuery>,
        groups: &[IndexedGroup],
        before: SearchPlace,
    ) -> Result<Option<Self>> {
        let Some(query) = query.filter(|query| !query.terms.is_empty()) else { return Ok(None) };
        let mut states = groups.to_vec();
        // The groups with the fewest missing messages come first.
        states.sort_unstable_by_key(|state| (state.head.0 - state.position.0, state.group));
        let (mut indexed, mut lacking, mut left) = (Vec::new(), Vec::new(), UNINDEXED);
        for state in &states {
            left -= state.head.0 - state.position.0;
            if left < 0 {
                break;
            }
            indexed.push(*state);
            if state.head > state.position {
                lacking.push(state.group);
            }
        }
        if indexed.is_empty() {
            return Ok(None);
        }
        let mut recent = if lacking.is_empty() { Vec::new() } else { tx.unindexed_places(&lacking)? };
        recent.retain(|place| *place < before);
        recent.sort_unstable();
        let unindexed = states[indexed.len()..].iter().map(|state| state.group).collect();
        let indexed = Indexed {
            query: query.clone(),
            groups: indexed,
            recent,
            hits: VecDeque::new(),
            rest: Some(before),
            questions: 0,
            read: VecDeque::new(),
        };
        Ok(Some(Self { indexed, unindexed }))
    }
}

impl Indexed {
    /// The position of the next message.
    pub(super) fn peek(&mut self, tx: &dyn Tx) -> Result<NextIndexed> {
        while self.read.is_empty() {
            let next = self.next_places(tx)?;
            if next.is_empty() {
                return Ok(self.rest.map_or(NextIndexed::End, NextIndexed::Paused));
            }
            let mut read = tx.candidates_at(&next)?;
            read.sort_unstable_by_key(|candidate| std::cmp::Reverse(candidate.place));
            self.read = read.into();
        }
        Ok(self.read.front().map_or(NextIndexed::End, |next| NextIndexed::Message(next.place)))
    }

    /// Removes the next message. Call [`Self::peek`] first.
    pub(super) fn pop(&mut self) -> Option<Candidate> {
        self.read.pop_front()
    }

    /// The next positions. Empty only at the end, or if the page must end.
    fn next_places(&mut self, tx: &dyn Tx) -> Result<Vec<SearchPlace>> {
        let mut next = Vec::new();
        while next.len() < READ {
            // Hits that are not fetched yet are all before `rest`, so messages at or after it can be
            // returned.
            let recent = self.recent.last().filter(|place| self.rest.is_none_or(|rest| **place >= rest));
            if self.hits.front() > recent {
                next.extend(self.hits.pop_front());
            } else if recent.is_some() || (self.hits.is_empty() && self.rest.is_none()) {
                let Some(place) = self.recent.pop() else { break };
                next.push(place);
            } else if !next.is_empty() || !self.ask(tx)? {
                break;
            }
        }
        Ok(next)
    }

    /// Asks the index for further hits. `false` if the page must end.
    fn ask(&mut self, tx: &dyn Tx) -> Result<bool> {
        let Some(rest) = self.rest else { return Ok(false) };
        if self.questions == MAX_INDEX_QUERIES {
            return Ok(false);
        }
        self.questions += 1;
        let IndexQuery { terms, places } = &mut self.query;
        let found = tx.indexed_places(terms, &self.groups, rest, *places)?;
        (self.hits, self.rest) = (found.places.into(), found.rest);
        *places = (*places * 4).min(MOST_PLACES);
        Ok(true)
    }
}
