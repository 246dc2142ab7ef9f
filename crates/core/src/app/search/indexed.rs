//! The messages of a search that the index finds.

use std::collections::{HashSet, VecDeque};

use crate::search::{RequiredTerm, SearchQuery};
use crate::store::{Candidate, IndexedGroup, SearchPlace, Tx};
use crate::{GroupId, Result};

/// The numbers of logs that are not indexed, of all groups together, that a page reads beside the index.
const UNINDEXED: i64 = 2000;
/// The messages that are read at a time.
const READ: usize = 32;
/// The places that the index is first asked for, and the most. They grow while the messages do not match the query. Of a phrase
/// more are asked for at once, since most messages have its words in other places.
const FIRST_PLACES: usize = 64;
const FIRST_PLACES_OF_PHRASE: usize = 256;
const MOST_PLACES: usize = 4096;
/// The questions to the index after which a page ends.
const QUESTIONS: usize = 6;

/// The part of a query that the index answers.
#[derive(Debug, Clone)]
pub(super) struct IndexQuery {
    terms: Vec<RequiredTerm>,
    places: usize,
}

/// Messages that may be found, newest first: the hits of the index, and those that are not indexed.
pub(super) struct Indexed {
    query: IndexQuery,
    groups: Vec<IndexedGroup>,
    /// Those that are not indexed and not read yet, newest last.
    recent: Vec<SearchPlace>,
    /// Hits that are not read yet, newest first.
    hits: VecDeque<SearchPlace>,
    /// The place before which all further hits are.
    rest: Option<SearchPlace>,
    questions: usize,
    read: VecDeque<Candidate>,
}

/// The answer of the index.
pub(super) struct Lookup {
    pub indexed: Indexed,
    /// The groups of which it does not have enough.
    pub unindexed: HashSet<GroupId>,
}

/// The next message of those that the index finds.
pub(super) enum NextIndexed {
    Message(SearchPlace),
    /// There may be more before this place, but the page is to end.
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
    /// Looks for the messages of these groups before a place that have every term. `None` if they are not in the index.
    pub(super) fn find(
        tx: &dyn Tx,
        query: Option<&IndexQuery>,
        groups: &[IndexedGroup],
        before: SearchPlace,
    ) -> Result<Option<Self>> {
        let Some(query) = query.filter(|query| !query.terms.is_empty()) else { return Ok(None) };
        let mut states = groups.to_vec();
        // Those of which least is missing come first.
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
    /// The place of the next message.
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

    /// The next message, after [`Self::peek`].
    pub(super) fn pop(&mut self) -> Option<Candidate> {
        self.read.pop_front()
    }

    /// The next places. None only at the end, or where the page is to end.
    fn next_places(&mut self, tx: &dyn Tx) -> Result<Vec<SearchPlace>> {
        let mut next = Vec::new();
        while next.len() < READ {
            // A hit that is not known yet is before the rest.
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

    /// Asks the index for further hits. `false` if the page is to end.
    fn ask(&mut self, tx: &dyn Tx) -> Result<bool> {
        let Some(rest) = self.rest else { return Ok(false) };
        if self.questions == QUESTIONS {
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
