//! Checks that the page has the same texts in all languages.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use chinwag_core::Name;
use chinwag_core::group_details::Description;
use chinwag_core::message::Body;
use chinwag_core::name::GroupName;
use chinwag_core::password::Password;
use chinwag_core::profile::DisplayName;
use chinwag_core::reaction::Emoji;
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

/// The keys of a language, each with its `{placeholders}`.
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

/// Parses a line that begins with a key.
fn entry(line: &str) -> Option<(&str, &str)> {
    let line = line.strip_prefix("  ")?;
    match line.strip_prefix('"') {
        Some(quoted) => quoted.split_once("\":"),
        None => line.split_once(": \""),
    }
}

#[test]
fn every_language_has_every_text() {
    let (english, french) = (table(ENGLISH), table(FRENCH));
    assert!(english.len() > 150, "{:?}", english.keys());
    assert!(english["people.already"].contains("name"));
    assert_eq!(english, french);
}

#[test]
fn every_sentence_of_the_page_exists() {
    let english = table(ENGLISH);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/chinwag-chat");
    let files = fs::read_dir(folder).expect("the page's parts").map(|file| file.expect("a file").path());
    let mut count = 0;
    for file in files.filter(|path| path.extension().is_some_and(|end| end == "js")) {
        let source = fs::read_to_string(&file).expect("a text");
        for call in [".say(\"", ".refuse(\""] {
            let keys = source.split(call).skip(1).filter_map(|rest| Some(rest.split_once('"')?.0));
            for key in keys.filter(|key| !key.is_empty()) {
                assert!(english.contains_key(key), "{}: {key}", file.display());
                count += 1;
            }
        }
    }
    assert!(count > 200, "{count}");
}

#[test]
fn french_punctuation_follows_non_breaking_spaces() {
    let admin = include_str!("../../../../web/admin/words.js");
    let admin =
        admin.split("const fr = {").nth(1).and_then(|rest| rest.split("\n};").next()).expect("a table");
    for line in FRENCH.lines().chain(admin.lines()) {
        let words = entry(line).map_or(line, |(_, words)| words);
        for broken in [" :", " ;", " ?", " !", " »", "« "] {
            assert!(!words.contains(broken), "{line}");
        }
    }
}

/// Whether a server's text matches a key, in which `{}` stands for any text.
fn is_of(key: &str, text: &str) -> bool {
    let key = key.replace(r"\\", r"\").replace(r#"\""#, "\"");
    match key.split_once("{}") {
        None => key == text,
        Some((before, after)) => {
            let after = after.rsplit("{}").next().unwrap_or_default();
            text.starts_with(before) && text.ends_with(after)
        }
    }
}

#[test]
fn refusals_of_user_input_have_translations() {
    let french = table(FRENCH);
    let mut refusals = Vec::new();
    let long = "x".repeat(5000);
    let marked = format!("a{}", "\u{301}".repeat(6));
    for name in ["", "a b", "a\u{200b}b", "@zed", "a/b", "..", &long, "аdmin", "a😀", "\u{301}a", &marked]
    {
        refusals.push(Name::parse(name).expect_err(name).to_owned());
    }
    for name in ["", " ", "@", "a\u{7}", &long] {
        refusals.push(GroupName::parse(name).expect_err(name).to_owned());
    }
    for password in ["short", "password", &long] {
        refusals.push(Password::choose(password).err().expect(password).to_owned());
    }
    for text in [" ", "a\u{7}", &long] {
        refusals
            .extend([DisplayName::parse(text).expect_err(text), Description::parse(text).expect_err(text)]);
    }
    for body in ["", "\0", &long] {
        refusals.push(Body::parse(body, 4096).expect_err(body));
    }
    refusals.push(Emoji::parse("two").expect_err("no emoji").to_owned());
    for refusal in refusals {
        assert!(french.keys().any(|key| is_of(key, &refusal)), "{refusal}");
    }
}

/// Reasons of rejected promises that the page never shows.
const NEVER_SAID: [&str; 6] = [
    "It is sent when you sign in again.",
    "This message was discarded.",
    "You have signed out.",
    "You are no longer in this group.",
    "The request was cancelled.",
    "The upload was cancelled.",
];

#[test]
fn errors_of_the_module_have_sentences() {
    let french = table(FRENCH);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/chinwag");
    let mut count = 0;
    for file in fs::read_dir(folder).expect("the module's parts") {
        let source = fs::read_to_string(file.expect("a file").path()).expect("a text");
        for begin in ["lost(", "detail: "] {
            let texts = source.split(begin).skip(1).filter_map(|rest| {
                let quote = rest.chars().next().filter(|first| "\"`".contains(*first))?;
                rest[1..].split(quote).next()
            });
            for text in texts.filter(|text| !NEVER_SAID.contains(text)) {
                // The inserted value can be any text.
                let (before, after) = text.split_once("${").unwrap_or((text, ""));
                let said = format!("{before}{}", after.rsplit('}').next().unwrap_or_default()).to_lowercase();
                let said = said.trim_end_matches('.');
                let is_said = |key: &&str| is_of(&key.to_lowercase(), said);
                assert!(french.keys().any(is_said), "{text}");
                count += 1;
            }
        }
    }
    assert!(count > 15, "{count}");
}

#[tokio::test]
async fn the_page_speaks_the_language_of_its_reader() {
    let stage = Stage::open().await;
    let page = stage.browser("ann").await;
    let language = "Object.defineProperty(navigator, 'language', { value: 'fr-FR' })";
    page.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": language })).await;
    page.reload().await;
    page.sees("Se connecter").await;
    page.wait_for("name its language", "return document.documentElement.lang === 'fr-FR'", json!([])).await;
    page.fill("Nom", "a b").await;
    page.fill("Mot de passe", "password").await;
    page.press("S’inscrire").await;
    page.sees("Un nom ne peut pas contenir d’espace.").await;
    page.fill("Nom", "ann").await;
    page.press("S’inscrire").await;
    page.sees("Ce mot de passe est l’un des plus courants.").await;
    let suspended = "const { Words } = await import(`${location.origin}/chinwag-chat/words.js`);
        const words = await Words.for('fr-FR');
        return words.sentence('this account is suspended until 2026-12-06T12:00:00.000000Z: \u{202e}spam: twice');";
    let shown = page.run_async(suspended).await;
    let shown = shown.as_str().expect("a sentence");
    assert!(shown.contains("dimanche 6 décembre 2026 à"), "{shown}");
    let time = "const { Words } = await import(`${location.origin}/chinwag-chat/words.js`);
        return (await Words.for('fr-FR')).time('2026-12-06T02:31')";
    assert_eq!(page.run_async(time).await, "02:31");
    // Some browsers report their language like this.
    let odd = "const { Words } = await import(`${location.origin}/chinwag-chat/words.js`);
        const words = await Words.for('fr_FR', 'en-GB@posix');
        return [words.time('2026-12-06T02:31'), words.say('messages.new', { count: 2 })]";
    assert_eq!(page.run_async(odd).await[1], "2 nouveaux messages");
    assert!(shown.ends_with("Motif\u{a0}: \u{2068}\u{202e}spam: twice\u{2069}"), "{shown}");
    page.close().await;
}
