//! That the page says the same in all its languages.

use std::collections::{BTreeMap, BTreeSet};

const ENGLISH: &str = include_str!("../../../../web/words/en.js");
const FRENCH: &str = include_str!("../../../../web/words/fr.js");

/// The keys of a language, each with the `{names}` of what is put in.
fn table(source: &str) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut table = BTreeMap::new();
    let mut key = "";
    for line in source.lines() {
        let words = match entry(line) {
            Some((found, words)) => {
                key = found;
                words
            }
            None => line,
        };
        let gaps = words.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0));
        let gaps = gaps.filter(|gap| !gap.is_empty() && gap.chars().all(char::is_alphanumeric));
        table.entry(key).or_insert_with(BTreeSet::new).extend(gaps);
    }
    table.remove("");
    table
}

/// A line that begins with a key.
fn entry(line: &str) -> Option<(&str, &str)> {
    let line = line.strip_prefix("  ")?;
    match line.strip_prefix('"') {
        Some(quoted) => quoted.split_once("\":"),
        None => line.split_once(": \""),
    }
}

#[test]
fn every_language_says_everything() {
    let (english, french) = (table(ENGLISH), table(FRENCH));
    assert!(english.len() > 150, "{:?}", english.keys());
    assert!(english["people.already"].contains("name"));
    assert_eq!(english, french);
}
