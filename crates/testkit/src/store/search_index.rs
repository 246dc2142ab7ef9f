//! The search index: it finds exactly the messages that contain every term.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chinwag_core::app::App;
use chinwag_core::app::follower::Claim;
use chinwag_core::limits::Limits;
use chinwag_core::message::Body;
use chinwag_core::search::{MANY_TERMS, Marks, RequiredTerm, SearchQuery, terms};
use chinwag_core::store::{Candidate, Follower, IndexPart, NewMessage, SearchPlace, Tx};
use chinwag_core::{Date, GroupId, Result, Seq, UserId};

use super::{Fixture, Numbers, body, date};
use crate::clock::ManualClock;

/// Words of many scripts, for texts and queries.
const WORDS: [&str; 20] = [
    "tea",
    "teapot",
    "TIME",
    "café",
    "Straße",
    "łódź",
    "Привет",
    "мир",
    "修复",
    "复修",
    "哈",
    "が",
    "ｶﾞﾗｽ",
    "한국",
    "สวัสดี",
    "हिन्दी",
    "שָׁלוֹם",
    "foo.png",
    "x2",
    "😀",
];

/// Joins words with or without separators.
fn random_text(random: &mut Numbers, most: usize) -> String {
    let words = (0..=random.below(most)).map(|_| {
        let separator = ["", " ", ", "][random.below(3)];
        format!("{}{separator}", WORDS[random.below(WORDS.len())])
    });
    words.collect()
}

fn random_query(random: &mut Numbers) -> Option<SearchQuery> {
    let mut text = random_text(random, 2);
    match random.below(4) {
        0 => text = format!("{}*", text.trim_end()),
        1 => text = format!("\"{text}\" -tea"),
        _ => {}
    }
    SearchQuery::parse(&text).ok()
}

/// Indexes all messages of a group in small steps.
async fn index(f: &Fixture, group: GroupId) {
    while f
        .write(move |tx| {
            let texts = tx.unindexed_texts(group, 7)?;
            let head = tx.indexed_groups(&[group])?[0].head;
            let is_last = texts.len() < 7;
            let position = texts.last().filter(|_| !is_last).map_or(head, |text| text.seq);
            tx.index_add(&[IndexPart { group, texts, position }])?;
            Ok(!is_last)
        })
        .await
    {}
}

async fn say(f: &Fixture, group: GroupId, author: UserId, text: &str) -> SearchPlace {
    let message =
        NewMessage { body: Body::parse(text, 1 << 20).expect("a body"), ..f.message(group, author) };
    let kept = f.keep(message).await;
    SearchPlace { date: kept.date, group, seq: kept.seq }
}

/// All positions that the index finds, in pages of `limit`.
async fn looked_up(
    f: &Fixture,
    terms: &[RequiredTerm],
    groups: &[GroupId],
    limit: usize,
) -> BTreeSet<SearchPlace> {
    let (terms, groups) = (terms.to_vec(), groups.to_vec());
    let found = f.read(move |tx| all_places(tx, &terms, &groups, limit)).await;
    assert!(found.is_sorted_by(|one, next| one > next), "newest first, each once");
    found.into_iter().collect()
}

fn all_places(
    tx: &dyn Tx,
    terms: &[RequiredTerm],
    groups: &[GroupId],
    limit: usize,
) -> Result<Vec<SearchPlace>> {
    let (mut found, mut before) = (Vec::new(), SearchPlace::end());
    loop {
        let part = tx.indexed_places(terms, &tx.indexed_groups(groups)?, before, limit)?;
        assert!(part.places.len() <= limit && part.places.iter().all(|place| *place < before));
        found.extend(part.places);
        let Some(rest) = part.rest else { return Ok(found) };
        assert!(rest < before && found.last().is_none_or(|last| rest <= *last), "the search goes on");
        before = rest;
    }
}

fn term(text: &str) -> RequiredTerm {
    RequiredTerm { text: text.into(), is_prefix: false }
}

fn has(text: &str, required: &[RequiredTerm]) -> bool {
    let terms = terms(text);
    let has_one = |RequiredTerm { text, is_prefix }: &RequiredTerm| {
        terms.contains(text) || (*is_prefix && terms.iter().any(|term| term.starts_with(text)))
    };
    terms.contains(MANY_TERMS) || required.iter().all(has_one)
}

/// Compares the index with a scan of the texts for many queries, in one group and in all.
async fn compare(f: &Fixture, groups: &[GroupId], texts: &[(SearchPlace, String)], random: &mut Numbers) {
    let mut found = 0;
    for _ in 0..120 {
        let Some(query) = random_query(random) else { continue };
        let required = query.required();
        if required.is_empty() {
            continue;
        }
        for groups in [groups, &groups[..1]] {
            let of_groups = || texts.iter().filter(|(place, _)| groups.contains(&place.group));
            let expected: BTreeSet<_> =
                of_groups().filter(|(_, text)| has(text, &required)).map(|(place, _)| *place).collect();
            let places = looked_up(f, &required, groups, 7).await;
            assert_eq!(places, expected, "{required:?}");
            let missed =
                of_groups().find(|(place, text)| query.find(text).is_some() && !places.contains(place));
            assert_eq!(missed, None, "{query:?}");
            found += places.len();
        }
    }
    assert!(found > 0, "something is found");
}

pub async fn index_finds_what_the_texts_have(f: Fixture) {
    let mut random = Numbers(0x9E37_79B9_7F4A_7C15);
    let ann = f.user("ann").await;
    let groups = [f.group(&[ann]).await, f.group(&[ann]).await, f.group(&[ann]).await];
    let mut texts = Vec::new();
    for number in 0..90 {
        let text = random_text(&mut random, 6);
        texts.push((say(&f, groups[number % 3], ann, &text).await, text));
    }
    for group in groups {
        index(&f, group).await;
    }
    compare(&f, &groups, &texts, &mut random).await;

    // Edits and erasures change the index with the text.
    for at in (0..90).step_by(4) {
        let (place, text) = (texts[at].0, random_text(&mut random, 6));
        let new = body(&text);
        f.write(move |tx| tx.message_edit(place.group, place.seq, &new, date(999))).await;
        texts[at].1 = text;
    }
    for at in (0..90).rev().step_by(5) {
        let (place, _) = texts.remove(at);
        f.write(move |tx| tx.message_erase(place.group, place.seq)).await;
    }
    compare(&f, &groups, &texts, &mut random).await;

    let gone = groups[2];
    let erased = f.write(move |tx| {
        let mut erased = 0;
        while tx.group_erase(gone, 10)? > 0 {
            erased += 1;
        }
        Ok(erased)
    });
    assert!(erased.await > 1, "in steps");
    texts.retain(|(place, _)| place.group != gone);
    compare(&f, &groups, &texts, &mut random).await;

    f.write(|tx| tx.index_clear()).await;
    assert_eq!(looked_up(&f, &[term("tea")], &groups, 1000).await, BTreeSet::new());
    for group in &groups[..2] {
        index(&f, *group).await;
    }
    compare(&f, &groups, &texts, &mut random).await;
}

pub async fn index_has_messages_up_to_its_position(f: Fixture) {
    let ann = f.user("ann").await;
    let (one, two) = (f.group(&[ann]).await, f.group(&[ann]).await);
    let first = say(&f, one, ann, "tea one").await;
    let second = say(&f, one, ann, "tea two").await;
    let states = async || {
        let mut states = f.read(move |tx| tx.indexed_groups(&[one, two])).await;
        let mut of_user = f.read(move |tx| tx.indexed_groups_of(ann)).await;
        for found in [&mut states, &mut of_user] {
            found.sort_unstable_by_key(|state| state.group);
        }
        assert_eq!(states, of_user);
        assert!(states.iter().all(|state| state.ordinal.is_some() == (state.position > Seq(0))));
        states.iter().map(|state| (state.head.0, state.position.0)).collect::<Vec<_>>()
    };
    assert_eq!(states().await, [(2, 0), (0, 0)]);
    let unindexed = async || f.read(move |tx| tx.unindexed_places(&[one, two])).await;
    assert_eq!(unindexed().await.len(), 2);
    f.write(move |tx| {
        let texts = tx.unindexed_texts(one, 1)?;
        tx.index_add(&[IndexPart { group: one, texts, position: first.seq }])
    })
    .await;
    assert_eq!(states().await, [(2, 1), (0, 0)]);
    assert_eq!(unindexed().await, [second]);
    let tea = [term("tea")];
    assert_eq!(looked_up(&f, &tea, &[one, two], 9).await, BTreeSet::from([first]));
    // An edit does not index a message that is not indexed yet.
    f.write(move |tx| tx.message_edit(one, Seq(2), &body("coffee"), date(99))).await;
    assert_eq!(looked_up(&f, &[term("coffee")], &[one], 9).await, BTreeSet::new());
    index(&f, one).await;
    assert_eq!(looked_up(&f, &[term("coffee")], &[one], 9).await, BTreeSet::from([second]));
    assert_eq!(unindexed().await, []);
    let read = f.read(move |tx| tx.candidates_at(&[second, first])).await;
    let bodies: BTreeSet<_> = read.iter().map(|candidate| candidate.body.as_str()).collect();
    assert_eq!(bodies, BTreeSet::from(["coffee", "tea one"]));
    f.write(move |tx| tx.message_erase(one, Seq(2))).await;
    assert_eq!(f.read(move |tx| tx.candidates_at(&[second, first])).await.len(), 1);
    let other = say(&f, two, ann, "water").await;
    let crossed = SearchPlace { seq: second.seq, ..other };
    let read = f.read(move |tx| tx.candidates_at(&[other, first, crossed])).await;
    let places: BTreeSet<_> = read.iter().map(|candidate| candidate.place).collect();
    assert_eq!(places, BTreeSet::from([first, other]), "a number is one of its own group");
    let page = f.read(move |tx| tx.indexed_groups_page(Some(one), 1)).await;
    assert_eq!(page.iter().map(|state| state.group).collect::<Vec<_>>(), [two]);
}

pub async fn hits_in_other_groups_do_not_count(f: Fixture) {
    let ann = f.user("ann").await;
    let mut groups = Vec::new();
    for number in 0..70 {
        let group = f.group(&[ann]).await;
        say(&f, group, ann, if number < 10 { "rare tea" } else { "tea" }).await;
        index(&f, group).await;
        groups.push(group);
    }
    let count =
        async |word: &str, groups: &[GroupId], limit| looked_up(&f, &[term(word)], groups, limit).await.len();
    assert_eq!(count("tea", &groups, 70).await, 70);
    assert_eq!(count("tea", &groups, 9).await, 70);
    assert_eq!(count("tea", &groups[..3], 2).await, 3);
    // All groups contain more matches than these.
    assert_eq!(count("rare", &groups[5..], 5).await, 5);
    assert_eq!(count("rare", &groups[..7], 5).await, 7);
}

/// A date from a single instant, from some seconds, or from a century.
fn scattered_date(random: &mut Numbers) -> Date {
    let spread = [1, 300, 10_000_000, 4_000_000_000_000_000][random.below(4)];
    let micros = i64::try_from(random.below(spread)).expect("small");
    Date::from_micros(if spread > 10_000_000 { micros - 1_000_000_000_000_000 } else { micros })
}

pub async fn places_are_in_order_whatever_the_order_of_indexing(f: Fixture) {
    let mut random = Numbers(0x1234_5678_9ABC_DEF1);
    let ann = f.user("ann").await;
    let (mut groups, mut kept) = (Vec::new(), Vec::new());
    for number in 0..70 {
        let group = f.group(&[ann]).await;
        let count = if number == 0 { 600 } else { 10 };
        let message = |number: usize| NewMessage {
            body: body(&format!("{} number{}", ["tea", "coffee"][number % 2], number % 20)),
            date: scattered_date(&mut random),
            ..f.message(group, ann)
        };
        let messages: Vec<_> = (0..count).map(message).collect();
        let written = f.write(move |tx| {
            let mut written = Vec::new();
            for message in &messages {
                let seq = tx.seq_take_for_messages(group, 1, message.date)?;
                tx.message_insert(&NewMessage { seq, ..message.clone() })?;
                let place = SearchPlace { date: message.date, group, seq };
                written.push((place, message.body.as_str().to_owned()));
            }
            Ok(written)
        });
        kept.extend(written.await);
        index(&f, group).await;
        groups.push(group);
    }
    for (words, groups) in [
        (vec!["tea"], &groups[..]),
        (vec!["coffee", "number7"], &groups),
        (vec!["tea"], &groups[..1]),
        (vec!["tea", "number4"], &groups[1..]),
    ] {
        let terms: Vec<_> = words.into_iter().map(term).collect();
        let is_wanted = |place: &SearchPlace, text: &str| groups.contains(&place.group) && has(text, &terms);
        let wanted: BTreeSet<_> =
            kept.iter().filter(|(place, text)| is_wanted(place, text)).map(|(place, _)| *place).collect();
        for limit in [20, 1000] {
            assert_eq!(looked_up(&f, &terms, groups, limit).await, wanted, "{terms:?}");
        }
    }
    // Each message can be found by its date.
    let gone: Vec<_> = kept.iter().map(|(place, _)| *place).step_by(2).collect();
    f.write(move |tx| gone.iter().try_for_each(|place| tx.message_erase(place.group, place.seq))).await;
    assert_eq!(looked_up(&f, &[term("tea")], &groups, 50).await, BTreeSet::new());
    assert_eq!(looked_up(&f, &[term("coffee")], &groups, 900).await.len(), kept.len() / 2);
}

pub async fn text_with_too_many_terms_is_always_found(f: Fixture) {
    let ann = f.user("ann").await;
    let group = f.group(&[ann]).await;
    let text = (0..60_000).map(|number| format!("word{number} ")).collect::<Vec<_>>().concat();
    let place = say(&f, group, ann, &text).await;
    index(&f, group).await;
    let found = looked_up(&f, &[term("word7")], &[group], 9).await;
    assert_eq!(found, BTreeSet::from([place]));
}

/// The hits of a full scan, newest first, with their marks.
fn scanned(query: &SearchQuery, texts: &[(SearchPlace, String)]) -> Vec<(SearchPlace, Marks)> {
    let found = texts.iter().filter_map(|(place, text)| Some((*place, query.find(text)?)));
    let mut found: Vec<_> = found.collect();
    found.sort_unstable_by_key(|(place, _)| std::cmp::Reverse(*place));
    found
}

/// The same from the index.
async fn found(f: &Fixture, query: &SearchQuery, groups: &[GroupId]) -> Vec<(SearchPlace, Marks)> {
    let (query, groups, required) = (query.clone(), groups.to_vec(), query.required());
    let hits = f.read(move |tx| {
        let places = all_places(tx, &required, &groups, 1000)?;
        let candidates = tx.candidates_at(&places)?;
        let hit = |candidate: &Candidate| Some((candidate.place, query.find(&candidate.body)?));
        let mut hits: Vec<_> = candidates.iter().filter_map(hit).collect();
        hits.sort_unstable_by_key(|(place, _)| std::cmp::Reverse(*place));
        Ok(hits)
    });
    hits.await
}

pub async fn thousand_queries_find_what_a_scan_finds(f: Fixture) {
    let mut random = Numbers(0x2545_F491_4F6C_DD1D);
    let ann = f.user("ann").await;
    let groups = [f.group(&[ann]).await, f.group(&[ann]).await];
    let mut texts = Vec::new();
    for number in 0..80 {
        let text = random_text(&mut random, 6);
        texts.push((say(&f, groups[number % 2], ann, &text).await, text));
    }
    for group in groups {
        index(&f, group).await;
    }
    let (mut queries, mut hits) = (0, 0);
    while queries < 1000 {
        let Some(query) = random_query(&mut random).filter(|query| !query.required().is_empty()) else {
            continue;
        };
        let wanted = scanned(&query, &texts);
        assert_eq!(found(&f, &query, &groups).await, wanted, "{query:?}");
        (queries, hits) = (queries + 1, hits + wanted.len());
    }
    assert!(hits > queries, "{hits} hits of {queries} queries");
}

pub async fn many_removed_messages_are_found_no_more(f: Fixture) {
    let ann = f.user("ann").await;
    let group = f.group(&[ann]).await;
    let mut places = Vec::new();
    for number in 0..60 {
        places.push(say(&f, group, ann, &format!("tea number{number} 修复")).await);
    }
    index(&f, group).await;
    let before = f.read(|tx| tx.index_removals()).await;
    let gone = places.split_off(20);
    f.write(move |tx| {
        tx.index_defer(group)?;
        gone.iter().try_for_each(|place| tx.message_erase(group, place.seq))?;
        tx.index_flush()
    })
    .await;
    let left: BTreeSet<_> = places.iter().copied().collect();
    let found = async || {
        assert_eq!(looked_up(&f, &[term("tea")], &[group], 99).await, left.clone());
        assert_eq!(looked_up(&f, &[term("number20")], &[group], 99).await, BTreeSet::new());
        assert_eq!(looked_up(&f, &[term("修复")], &[group], 99).await, left.clone());
    };
    found().await;
    assert!(f.read(|tx| tx.index_removals()).await > before, "their words are to be cleaned");
    while !f.write(|tx| tx.index_merge(1)).await {
        found().await;
    }
    assert!(!f.read(|tx| tx.index_is_scattered()).await, "it has one part");
    f.store.index_renew().await.expect("it is renewed");
    found().await;
    // Remaining messages can still be removed, and new ones added.
    let (last, new) = (places[19], say(&f, group, ann, "tea once more").await);
    f.write(move |tx| tx.message_erase(group, last.seq)).await;
    index(&f, group).await;
    let now: BTreeSet<_> = places[..19].iter().copied().chain([new]).collect();
    assert_eq!(looked_up(&f, &[term("tea")], &[group], 99).await, now);
}

pub async fn a_clock_set_back_delays_no_cleaning(f: Fixture) {
    const YEARS: i64 = 10 * 365 * 24 * 3600;
    let clock = Arc::<ManualClock>::default();
    let app = App::new(f.store.clone(), clock.clone(), Limits::default());
    let mut candidate = app.candidate(Follower::SearchIndex, Duration::ZERO);
    let Ok(Claim::Mine { lease, .. }) = candidate.take().await else { panic!("nobody else has it") };
    app.index_clear(lease).await.expect("a step");
    clock.move_wall(YEARS);
    app.index_cleaned(lease, 0, Duration::ZERO).await.expect("a step");
    let ann = f.user("ann").await;
    let group = f.group(&[ann]).await;
    let place = say(&f, group, ann, "tea").await;
    index(&f, group).await;
    f.write(move |tx| {
        tx.index_defer(group)?;
        tx.message_erase(group, place.seq)?;
        tx.index_flush()
    })
    .await;
    assert_eq!(app.index_to_clean().await.expect("a read"), None, "it has just been cleaned");
    clock.move_wall(-YEARS);
    assert!(app.index_to_clean().await.expect("a read").is_some());
}
