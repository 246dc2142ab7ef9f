//! The feed of events.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chinwag_core::app::App;
use chinwag_core::app::follower::Claim;
use chinwag_core::clock::SystemClock;
use chinwag_core::feed::{FeedBounds, FeedKind, FeedRow};
use chinwag_core::limits::Limits;
use chinwag_core::log::LogEntry;
use chinwag_core::store::{Follower, Store};
use chinwag_core::{GroupId, MessageId, Seq, UserId};
use tokio::task::JoinSet;

use super::{Fixture, date, uuid};

fn row(number: i64) -> FeedRow {
    FeedRow { seq: Some(Seq(number)), ..FeedRow::new(FeedKind::GroupUpdate, date(number)) }
}

async fn insert(f: &Fixture, row: FeedRow) {
    f.write(move |tx| tx.feed_insert(&row)).await;
}

/// The rows after a position, each with its number.
async fn numbers(f: &Fixture, after: i64) -> Vec<(i64, i64)> {
    let page = f.read(move |tx| tx.feed_page(after, 100)).await;
    page.into_iter()
        .map(|(position, row)| (position, row.expect("it is known").seq.expect("a number").0))
        .collect()
}

pub async fn feed_is_off_until_it_is_switched_on(f: Fixture) {
    assert!(!f.read(|tx| tx.feed_is_on()).await);
    assert_eq!(f.read(|tx| tx.feed_bounds()).await, FeedBounds::default());
    f.write(|tx| tx.feed_switch(false)).await;
    assert!(!f.read(|tx| tx.feed_is_on()).await);
    f.write(|tx| tx.feed_switch(true)).await;
    assert!(f.read(|tx| tx.feed_is_on()).await);
    let bounds = f.read(|tx| tx.feed_bounds()).await;
    f.write(|tx| tx.feed_switch(true)).await;
    assert_eq!(f.read(|tx| tx.feed_bounds()).await, bounds, "it was on");
    f.write(|tx| tx.feed_switch(false)).await;
    f.write(|tx| tx.feed_switch(true)).await;
    let after = f.read(|tx| tx.feed_bounds()).await;
    assert!(after.removed > bounds.last, "a reader at the end has missed what was not noted");
}

pub async fn a_row_of_the_feed_is_read_as_it_was_kept(f: Fixture) {
    f.write(|tx| tx.feed_switch(true)).await;
    let whole = FeedRow {
        kind: FeedKind::MessageReact,
        date: date(1),
        group: Some(GroupId(uuid(1))),
        seq: Some(Seq(2)),
        message: Some(MessageId(uuid(3))),
        message_seq: Some(Seq(4)),
        message_date: Some(date(5)),
        user: Some(UserId(6)),
        detail: vec![7, 8],
    };
    let bare = FeedRow::new(FeedKind::UserDelete, date(2));
    insert(&f, whole.clone()).await;
    insert(&f, bare.clone()).await;
    f.write(|tx| tx.feed_number(10)).await;
    let page = f.read(|tx| tx.feed_page(0, 10)).await;
    assert_eq!(page.into_iter().map(|(_, row)| row).collect::<Vec<_>>(), [Some(whole), Some(bare)]);
}

pub async fn rows_are_numbered_once_in_their_order(f: Fixture) {
    f.write(|tx| tx.feed_switch(true)).await;
    assert!(!f.read(|tx| tx.feed_is_behind()).await);
    let first = f.read(|tx| tx.feed_bounds()).await.last;
    for number in 1..=5 {
        insert(&f, row(number)).await;
    }
    assert_eq!(numbers(&f, 0).await, [], "none has a position");
    assert!(f.read(|tx| tx.feed_is_behind()).await);
    assert_eq!(f.write(|tx| tx.feed_number(3)).await, 3);
    assert_eq!(f.read(|tx| tx.feed_bounds()).await.last, first + 3);
    assert_eq!(f.write(|tx| tx.feed_number(3)).await, 2);
    assert_eq!(f.write(|tx| tx.feed_number(3)).await, 0);
    let expected: Vec<_> = (1..=5).map(|number| (first + number, number)).collect();
    assert_eq!(numbers(&f, 0).await, expected);
    assert_eq!(numbers(&f, first + 3).await, expected[3..]);
}

pub async fn removed_rows_of_the_feed_are_known_by_its_bounds(f: Fixture) {
    f.write(|tx| tx.feed_switch(true)).await;
    for number in 1..=4 {
        insert(&f, row(number)).await;
    }
    f.write(|tx| tx.feed_number(3)).await;
    let bounds = f.read(|tx| tx.feed_bounds()).await;
    let upto = bounds.last - 1;
    f.write(move |tx| tx.feed_remove(upto)).await;
    assert_eq!(f.read(|tx| tx.feed_bounds()).await, FeedBounds { last: bounds.last, removed: upto });
    assert_eq!(numbers(&f, 0).await, [(bounds.last, 3)]);
    f.write(|tx| tx.feed_number(10)).await;
    assert_eq!(numbers(&f, bounds.last).await, [(bounds.last + 1, 4)], "a row without a position stays");
    f.write(move |tx| tx.feed_remove(upto - 1)).await;
    assert_eq!(f.read(|tx| tx.feed_bounds()).await.removed, upto, "the bound only rises");
}

/// Writers of several groups, two who number, and a reader that follows: it sees every row once, those of a group in the
/// order of its log.
pub async fn a_reader_of_the_feed_misses_nothing_of_many_writers(f: Fixture) {
    const EACH: usize = 20;
    f.write(|tx| tx.feed_switch(true)).await;
    let groups = [f.group(&[]).await, f.group(&[]).await, f.group(&[]).await];
    let mut tasks = JoinSet::new();
    for writer in 0..6 {
        let (store, group) = (f.store.clone(), groups[writer % groups.len()]);
        tasks.spawn(async move {
            for _ in 0..EACH {
                let note = store.write(move |tx, _| {
                    let seq = tx.seq_take(group, 1)?;
                    tx.log_insert(group, seq, &LogEntry::GroupChanged)?;
                    let row = FeedRow::new(FeedKind::GroupUpdate, date(0));
                    tx.feed_insert(&FeedRow { group: Some(group), seq: Some(seq), ..row })
                });
                note.await.expect("it is noted");
            }
        });
    }
    let done = Arc::new(AtomicBool::new(false));
    let numberers = [(); 2].map(|()| tokio::spawn(number_until(f.store.clone(), done.clone())));
    let mut seen: BTreeMap<GroupId, Vec<i64>> = BTreeMap::new();
    let (mut after, mut count) = (0, 0);
    while count < 6 * EACH {
        for (position, row) in f.read(move |tx| tx.feed_page(after, 7)).await {
            let row = row.expect("it is known");
            assert!(position > after, "positions ascend");
            (after, count) = (position, count + 1);
            seen.entry(row.group.expect("a group")).or_default().push(row.seq.expect("a number").0);
        }
        if let Some(ended) = tasks.try_join_next() {
            ended.expect("a writer");
        }
        tokio::task::yield_now().await;
    }
    done.store(true, Ordering::Relaxed);
    for numberer in numberers {
        numberer.await.expect("it numbers");
    }
    let expected: Vec<_> = (1..=2 * i64::try_from(EACH).expect("few")).collect();
    assert!(groups.iter().all(|group| seen[group] == expected), "{seen:?}");
}

async fn number_until(store: Arc<dyn Store>, done: Arc<AtomicBool>) {
    while !done.load(Ordering::Relaxed) {
        store.write(|tx, _| tx.feed_number(5)).await.expect("it numbers");
    }
}

pub async fn an_event_of_a_clock_that_was_ahead_is_removed(f: Fixture) {
    f.write(|tx| tx.feed_switch(true)).await;
    let app = App::new(f.store.clone(), Arc::new(SystemClock::default()), Limits::default());
    let ahead = app.clock().now().plus(Duration::from_secs(365 * 24 * 3600));
    insert(&f, FeedRow { date: ahead, ..row(1) }).await;
    insert(&f, row(2)).await;
    let mut candidate = app.candidate(Follower::EventFeed, Duration::ZERO);
    let Ok(Claim::Mine { lease, .. }) = candidate.take().await else { panic!("it has work") };
    while app.feed_trim(lease).await.expect("a step") > 0 {}
    assert_eq!(numbers(&f, 0).await, []);
}
