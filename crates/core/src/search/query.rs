//! Search queries: the terms that a text must contain, and those that it must not contain.

use std::collections::BTreeSet;

use super::terms::{RequiredTerm, required};
use super::words::{Word, cut};
use crate::limits::{QUERY_CHARS, QUERY_WORDS};

/// The positions of a query's matches in a text: start and length in scalar values, ascending.
pub type Marks = Vec<(usize, usize)>;

/// A query with at least one wanted word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchQuery {
    wanted: Vec<Term>,
    excluded: Vec<Term>,
}

/// A sequence of words that must follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    words: Vec<Word>,
    /// Whether the last word is a prefix.
    is_prefix: bool,
}

impl SearchQuery {
    /// Parses a query: terms separated by white space, `"a phrase"`, `prefix*`, `-excluded`. A term of
    /// several words is a phrase. The error completes a sentence that begins with the field's name.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.chars().nth(QUERY_CHARS).is_some() {
            return Err(format!("is longer than {QUERY_CHARS} characters"));
        }
        let mut query = Self { wanted: Vec::new(), excluded: Vec::new() };
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let (is_excluded, from) = rest.strip_prefix('-').map_or((false, rest), |rest| (true, rest));
            let (term, after) = if let Some(quoted) = from.strip_prefix('"') {
                let (phrase, after) = quoted.split_once('"').unwrap_or((quoted, ""));
                (Term { words: cut(phrase), is_prefix: false }, after)
            } else {
                let end = from.find(|c: char| c.is_whitespace() || c == '"').unwrap_or(from.len());
                (Term::parse(&from[..end]), &from[end..])
            };
            let terms = if is_excluded { &mut query.excluded } else { &mut query.wanted };
            if !term.words.is_empty() && !terms.contains(&term) {
                terms.push(term);
            }
            rest = after.trim_start();
        }
        if query.wanted.is_empty() {
            return Err(
                "must contain a word to search for: letters or digits, and not only exclusions".into()
            );
        }
        if query.words() > QUERY_WORDS {
            return Err(format!(
                "has more than {QUERY_WORDS} words, or characters of scripts without spaces"
            ));
        }
        Ok(query)
    }

    /// A query for the words of a text as a phrase, with the last one as a prefix. `None` if the text has no
    /// word.
    pub fn beginning(text: &str) -> Option<Self> {
        let words = cut(text);
        let is_prefix = !words.last()?.is_part;
        (words.len() <= QUERY_WORDS)
            .then(|| Self { wanted: vec![Term { words, is_prefix }], excluded: Vec::new() })
    }

    /// The number of words.
    pub fn words(&self) -> usize {
        self.wanted.iter().chain(&self.excluded).map(|term| term.words.len()).sum()
    }

    /// The terms that every matching text contains. Empty if a short prefix is the only word.
    pub fn required(&self) -> Vec<RequiredTerm> {
        let terms = self.wanted.iter().flat_map(|term| required(&term.words, term.is_prefix));
        terms.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Whether the query has words that must follow each other, which the terms of a text cannot confirm.
    pub(crate) fn has_phrase(&self) -> bool {
        let is_phrase = |term: &Term| term.words.windows(2).any(|two| !is_piece(&two[1], &two[0]));
        self.wanted.iter().any(is_phrase)
    }

    /// The positions of the matches in a text: whole words, and parts of words in scripts without spaces.
    /// `None` if a term is missing, or if an excluded one is present.
    pub fn find(&self, text: &str) -> Option<Marks> {
        let words = cut(text);
        if self.excluded.iter().any(|term| term.places(&words).next().is_some()) {
            return None;
        }
        let mut marks = Vec::new();
        for term in &self.wanted {
            let before = marks.len();
            for found in term.places(&words) {
                term.mark(found, &mut marks);
            }
            if marks.len() == before {
                return None;
            }
        }
        Some(merge(marks))
    }
}

impl Term {
    fn parse(text: &str) -> Self {
        let stem = text.strip_suffix('*').unwrap_or(text);
        let words = cut(stem);
        let length = stem.chars().count();
        let is_prefix =
            stem.len() < text.len() && words.last().is_some_and(|word| word.end == length && !word.is_part);
        Self { words, is_prefix }
    }

    /// The sequences of words that match the term.
    fn places<'w>(&'w self, words: &'w [Word]) -> impl Iterator<Item = &'w [Word]> {
        words.windows(self.words.len()).filter(|found| self.is_found(found))
    }

    fn is_found(&self, found: &[Word]) -> bool {
        let last = self.words.len() - 1;
        self.words.iter().zip(found).enumerate().all(|(at, (wanted, word))| {
            let is_same = if self.is_prefix && at == last {
                !word.is_part && word.folded.starts_with(&wanted.folded)
            } else {
                word.folded == wanted.folded
            };
            // Parts that adjoin in the query must adjoin in the text.
            is_same && (at == 0 || word.adjoins || !is_piece(wanted, &self.words[at - 1]))
        })
    }

    /// Adds the marks of one match: one for each word, and one for each sequence of parts that adjoin in the
    /// query.
    fn mark(&self, found: &[Word], marks: &mut Vec<(usize, usize)>) {
        let mut piece: Option<(usize, usize)> = None;
        for (at, word) in found.iter().enumerate() {
            let goes_on = at > 0 && is_piece(&self.words[at], &self.words[at - 1]);
            piece = match piece {
                Some((start, end)) if goes_on => Some((start.min(word.start), end.max(word.end))),
                other => {
                    marks.extend(other);
                    Some((word.start, word.end))
                }
            };
        }
        marks.extend(piece);
    }
}

/// Whether two words are adjoining parts of a text without spaces.
fn is_piece(word: &Word, before: &Word) -> bool {
    word.adjoins && word.is_part && before.is_part
}

/// Sorts the marks, and merges those that overlap.
fn merge(mut places: Vec<(usize, usize)>) -> Marks {
    places.sort_unstable();
    let mut merged: Vec<(usize, usize)> = Vec::with_capacity(places.len());
    for (start, end) in places {
        match merged.last_mut() {
            Some(before) if start < before.1 => before.1 = before.1.max(end),
            _ => merged.push((start, end)),
        }
    }
    merged.into_iter().map(|(start, end)| (start, end - start)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn marks(query: &str, text: &str) -> Option<Marks> {
        SearchQuery::parse(query).expect(query).find(text)
    }

    #[test]
    fn every_term_is_found() {
        for (query, text, found) in [
            ("мир", "😀 Привет мир", vec![(9, 3)]),
            ("ete", "e\u{301}te\u{301}", vec![(0, 5)]),
            ("strasse", "Straße", vec![(0, 6)]),
            ("b a", "a b a", vec![(0, 1), (2, 1), (4, 1)]),
            ("png", "foo.png", vec![(4, 3)]),
            ("foo.png", "foo png", vec![(0, 3), (4, 3)]),
            ("t-shirt", "my T-Shirt", vec![(3, 1), (5, 5)]),
            ("\"to be\" question", "To be, a question", vec![(0, 2), (3, 2), (9, 8)]),
            ("fo*", "Food fort of", vec![(0, 4), (5, 4)]),
            ("a.b*", "a bcd", vec![(0, 1), (2, 3)]),
            ("AND", "this and that", vec![(5, 3)]),
            ("this -that", "this", vec![(0, 4)]),
            ("- this", "this", vec![(0, 4)]),
            ("修复 ok", "已修复, OK", vec![(1, 2), (5, 2)]),
            ("广西 桂林", "桂林在广西", vec![(0, 2), (3, 2)]),
            ("林", "桂林", vec![(1, 1)]),
            ("哈哈", "哈哈哈", vec![(0, 3)]),
            ("itgc", "重跑gen-itgc后", vec![(6, 4)]),
            ("跑gen", "重跑 gen", vec![(1, 1), (3, 3)]),
            ("국", "한국어", vec![(1, 1)]),
            ("สดี", "สวัสดี", vec![(3, 3)]),
            ("\"修 复\"", "修, 复", vec![(0, 1), (3, 1)]),
            ("\"open", "open", vec![(0, 4)]),
        ] {
            assert_eq!(marks(query, text), Some(found), "{query} in {text}");
        }
    }

    #[test]
    fn a_missing_or_excluded_term_finds_nothing() {
        for (query, text) in [
            ("a c", "a b"),
            ("\"a c\"", "a b c"),
            ("oo", "food"),
            ("foo", "food"),
            ("a -b", "b a"),
            ("a -\"b c\"", "a b c"),
            ("a -b*", "a bcd"),
            ("修复", "修, 复"),
            ("か", "が"),
        ] {
            assert_eq!(marks(query, text), None, "{query} in {text}");
        }
        assert!(marks("a -\"b c\"", "a b d c").is_some());
    }

    #[test]
    fn a_query_without_a_word_to_look_for_is_refused() {
        let long = "a".repeat(QUERY_CHARS + 1);
        let many = "修".repeat(QUERY_WORDS + 1);
        for query in ["", " ", "*", "-", "-a", "\"\"", "😀 …", "-\"a b\" -c", &long, &many] {
            assert!(SearchQuery::parse(query).is_err(), "{query}");
        }
    }

    proptest! {
        #[test]
        fn a_parsed_query_never_panics(query in any::<String>(), text in any::<String>()) {
            if let Ok(query) = SearchQuery::parse(&query) {
                let _ = query.find(&text);
            }
        }

        #[test]
        fn each_mark_folds_to_the_word_asked_for(before in "\\PC{0,8}", word in "[a-zé]{1,6}", after in "\\PC{0,8}") {
            let text = format!("{before} {word} {after}");
            let marks = marks(&word, &text).expect("the word is there");
            let folded = |text: &str| cut(text).into_iter().map(|word| word.folded).collect::<String>();
            for (start, length) in marks {
                let marked: String = text.chars().skip(start).take(length).collect();
                prop_assert_eq!(folded(&marked), folded(&word));
            }
        }

        #[test]
        fn marks_ascend_and_do_not_overlap(query in "[ab修复 ]{1,8}", text in "[ab修复 ]{0,20}") {
            if let Some(marks) = SearchQuery::parse(&query).ok().and_then(|query| query.find(&text)) {
                prop_assert!(marks.iter().all(|(_, length)| *length > 0));
                prop_assert!(marks.windows(2).all(|two| two[0].0 + two[0].1 <= two[1].0));
            }
        }
    }
}
