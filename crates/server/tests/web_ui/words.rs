//! That the page says the same in all its languages.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::Stage;

const ENGLISH: &str = concat!(
    include_str!("../../../../web/words/en.js"),
    include_str!("../../../../web/words/search.en.js"),
    include_str!("../../../../web/words/server.en.js"),
);
const FRENCH: &str = concat!(
    include_str!("../../../../web/words/fr.js"),
    include_str!("../../../../web/words/search.fr.js"),
    include_str!("../../../../web/words/server.fr.js"),
);

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

#[tokio::test]
async fn the_page_speaks_the_language_of_its_reader() {
    let stage = Stage::open().await;
    let page = stage.browser("ann").await;
    let language = "Object.defineProperty(navigator, 'language', { value: 'fr-FR' })";
    page.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": language })).await;
    page.reload().await;
    page.sees("Se connecter").await;
    page.looks("name its language", "return document.documentElement.lang === 'fr-FR'", json!([])).await;
    page.close().await;
}
