//! The terms under which the search index stores a text, and the terms that a query requires.
//!
//! The index may return texts that do not match: only [`SearchQuery::find`](super::SearchQuery::find) checks
//! the order of terms and the excluded terms. It never misses a match.

use std::collections::BTreeSet;

use super::words::{Word, cut};

/// The version of the form of terms. An index with another version is rebuilt.
pub const TERMS_VERSION: u8 = 2;

/// The longest term in bytes. A longer word is truncated to its prefix.
const TERM_BYTES: usize = 96;
/// The most bytes of all terms of a text. A text with more has the single term [`MANY_TERMS`].
const ALL_BYTES: usize = 256 << 10;
/// The only term of a text with too many terms. Every lookup must also return texts with this term.
pub const MANY_TERMS: &str = "manyterms0";
/// The shortest prefix to look up, in letters. Shorter prefixes match too many words.
const PREFIX_CHARS: usize = 3;

/// A term that a text must contain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequiredTerm {
    pub text: String,
    /// Whether `text` is only the prefix of the term.
    pub is_prefix: bool,
}

/// The terms of a text: its words and, in scripts without spaces, also the pairs of adjoining characters. A
/// term consists of letters, marks and digits, without ASCII capitals.
pub fn terms(text: &str) -> BTreeSet<String> {
    let words = cut(text);
    let pairs = words.windows(2).filter(|two| is_pair(two)).map(pair);
    let single = words.iter().map(|word| shortened(&word.folded).to_owned());
    let terms: BTreeSet<_> = single.chain(pairs).collect();
    let bytes: usize = terms.iter().map(String::len).sum();
    if bytes > ALL_BYTES { BTreeSet::from([MANY_TERMS.to_owned()]) } else { terms }
}

/// The terms of a text, separated by spaces, in the form that stores expect.
pub fn joined_terms(text: &str) -> String {
    terms(text).into_iter().collect::<Vec<_>>().join(" ")
}

/// The terms that every text contains in which these words follow each other.
pub(super) fn required(words: &[Word], is_prefix: bool) -> Vec<RequiredTerm> {
    let last = words.len() - 1;
    let mut terms = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let is_prefix = is_prefix && at == last;
        let before = at.checked_sub(1).map(|at| &words[at..at + 2]).filter(|two| is_pair(two));
        let after = words.get(at..at + 2).filter(|two| is_pair(two));
        if let Some(two) = before {
            terms.push(RequiredTerm { text: pair(two), is_prefix: false });
        } else if after.is_none() && (!is_prefix || word.folded.chars().nth(PREFIX_CHARS - 1).is_some()) {
            // A pair already includes its single characters.
            terms.push(RequiredTerm { text: shortened(&word.folded).to_owned(), is_prefix });
        }
    }
    terms
}

/// Whether two words are adjoining characters of a text without spaces.
fn is_pair(two: &[Word]) -> bool {
    two[0].is_part && two[1].is_part && two[1].adjoins
}

fn pair(two: &[Word]) -> String {
    shortened(&format!("{}{}", two[0].folded, two[1].folded)).to_owned()
}

fn shortened(word: &str) -> &str {
    let end = (0..=TERM_BYTES.min(word.len())).rev().find(|end| word.is_char_boundary(*end));
    &word[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_normalization::char::is_combining_mark;

    use super::super::SearchQuery;
    use super::*;

    fn has(terms: &BTreeSet<String>, required: &RequiredTerm) -> bool {
        let RequiredTerm { text, is_prefix } = required;
        terms.contains(text) || (*is_prefix && terms.iter().any(|term| term.starts_with(text)))
    }

    #[test]
    fn terms_are_words_characters_and_pairs() {
        let list = |text: &str| terms(text).into_iter().collect::<Vec<_>>();
        assert_eq!(list("Foo.png, foo"), ["foo", "png"]);
        assert_eq!(list("已修复, OK"), ["ok", "修", "修复", "复", "已", "已修"]);
        assert_eq!(list("😀"), Vec::<String>::new());
    }

    #[test]
    fn text_with_too_many_terms_has_one() {
        let text = (0..50_000).map(|number| format!("word{number} ")).collect::<Vec<_>>().concat();
        assert_eq!(terms(&text).into_iter().collect::<Vec<_>>(), [MANY_TERMS]);
    }

    #[test]
    fn query_needs_its_words_and_pairs() {
        let required = |text: &str| -> Vec<_> {
            let query = SearchQuery::parse(text).expect(text);
            let shown =
                |term: RequiredTerm| format!("{}{}", term.text, if term.is_prefix { "*" } else { "" });
            query.required().into_iter().map(shown).collect()
        };
        assert_eq!(required("\"to be\" -not quest*"), ["be", "quest*", "to"]);
        assert_eq!(required("修复了 林"), ["修复", "复了", "林"]);
        assert_eq!(required("\"修 复\""), ["修", "复"]);
        assert_eq!(required("ab* foo"), ["foo"]);
        assert_eq!(required("ab*"), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn text_that_is_found_has_every_required_term(
            text in "[aA1éß修复が한สั. ]{0,24}", query in "[aA1éß修复が한สั.\"* -]{1,8}",
        ) {
            if let Ok(query) = SearchQuery::parse(&query)
                && query.find(&text).is_some()
            {
                let terms = terms(&text);
                for term in query.required() {
                    prop_assert!(has(&terms, &term), "{:?} is not in {:?}", term, terms);
                }
            }
        }

        #[test]
        fn long_word_has_the_term_of_its_beginning(word in "[ab修é]{90,200}") {
            for query in [word.clone(), format!("{word}*")] {
                if let Ok(query) = SearchQuery::parse(&query) {
                    prop_assert!(query.required().iter().all(|term| has(&terms(&word), term)));
                }
            }
        }

        #[test]
        fn terms_have_letters_marks_and_digits_alone(text in any::<String>()) {
            for term in terms(&text) {
                prop_assert!(!term.is_empty() && term.len() <= TERM_BYTES);
                prop_assert!(term.chars().all(|c| c.is_alphanumeric() || is_combining_mark(c)), "{:?}", term);
                prop_assert!(!term.contains(|c: char| c.is_ascii_uppercase()), "{:?}", term);
            }
        }
    }
}
