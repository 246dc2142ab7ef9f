//! Messages that are too old, and the tasks that erase them.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use std::sync::Arc;
use std::time::Duration;

use chinwag_core::app::App;
use chinwag_core::app::follower::Claim;
use chinwag_core::app::retention::RetentionRound;
use chinwag_core::app::work::StepLimits;
use chinwag_core::group_details::GroupDetails;
use chinwag_core::limits::Limits;
use chinwag_core::store::{Follower, NewMessage, RetentionPage, Task};
use chinwag_core::{Date, GroupId, Seq, UserId};

use super::{Fixture, date};
use crate::clock::ManualClock;
use crate::fault::{Faults, Faulty};

const DAY: i64 = 24 * 3600;

/// A group with messages of these dates in seconds.
async fn group(f: &Fixture, author: UserId, dates: &[i64]) -> GroupId {
    let id = f.group(&[author]).await;
    for seconds in dates {
        f.keep(NewMessage { date: date(*seconds), ..f.message(id, author) }).await;
    }
    id
}

async fn keep(f: &Fixture, group: GroupId, days: u32) {
    let details = GroupDetails { keep: Some(days), ..GroupDetails::default() };
    f.write(move |tx| tx.group_details_set(group, &details)).await;
}

/// The groups that a round finds, in pages of `limit`.
async fn round(f: &Fixture, oldest: Option<Date>, now: Date, limit: usize) -> Vec<GroupId> {
    let (mut due, mut after) = (Vec::new(), None);
    loop {
        let page = f.read(move |tx| tx.retention_page(after, oldest, now, limit)).await;
        due.extend(page.due);
        after = page.last;
        if after.is_none() {
            return due;
        }
    }
}

pub async fn groups_with_old_messages_are_found_in_pages(f: Fixture) {
    let ann = f.user("ann").await;
    let mut old = Vec::new();
    for dates in [&[10, 90][..], &[], &[50], &[60, 20], &[49]] {
        let id = group(&f, ann, dates).await;
        if dates.iter().any(|seconds| *seconds < 50) {
            old.push(id);
        }
    }
    old.sort();
    for limit in [1, 2, 5, 9] {
        assert_eq!(round(&f, Some(date(50)), date(100), limit).await, old, "{limit}");
    }
    assert_eq!(round(&f, None, date(100 * DAY), 9).await, [], "no group says how long");
    // An erased message does not count as old.
    let erased = old[0];
    f.write(move |tx| (1..3).try_for_each(|seq| tx.message_erase(erased, Seq(seq)))).await;
    assert_eq!(round(&f, Some(date(50)), date(100), 9).await, old[1..]);
    let last = f.read(|tx| tx.retention_page(None, Some(date(50)), date(100), 9)).await.last;
    assert_eq!(last, None);
}

pub async fn days_of_a_group_count_beside_the_servers_time(f: Fixture) {
    let ann = f.user("ann").await;
    assert!(!f.read(|tx| tx.retention_is_set()).await);
    let (one, two) = (group(&f, ann, &[DAY]).await, group(&f, ann, &[DAY]).await);
    let none = group(&f, ann, &[DAY]).await;
    keep(&f, one, 1).await;
    keep(&f, two, 2).await;
    assert!(f.read(|tx| tx.retention_is_set()).await);
    let ids = |mut ids: Vec<GroupId>| {
        ids.sort();
        ids
    };
    let after = |days| date(days * DAY + 1);
    for (days, due) in [(1, vec![]), (2, vec![one]), (3, vec![one, two])] {
        assert_eq!(round(&f, None, after(days), 1).await, ids(due), "{days}");
    }
    // The shorter of both times applies.
    assert_eq!(round(&f, Some(date(DAY)), after(2), 1).await, [one]);
    assert_eq!(round(&f, Some(after(1)), after(2), 2).await, ids(vec![one, two, none]));
    f.write(move |tx| {
        tx.group_details_set(one, &GroupDetails::default())?;
        tx.group_details_set(two, &GroupDetails::default())
    })
    .await;
    assert!(!f.read(|tx| tx.retention_is_set()).await);
    let nothing = RetentionPage { due: vec![], last: None };
    assert_eq!(f.read(move |tx| tx.retention_page(None, None, after(9), 9)).await, nothing);
}

pub async fn old_messages_are_listed_from_the_oldest(f: Fixture) {
    let ann = f.user("ann").await;
    let id = group(&f, ann, &[30, 10, 10, 50, 20]).await;
    group(&f, ann, &[1]).await;
    let seqs = async |before: i64, limit| {
        let found = f.read(move |tx| tx.messages_before(id, date(before), limit)).await;
        found.into_iter().map(|message| message.seq.0).collect::<Vec<_>>()
    };
    assert_eq!(seqs(50, 9).await, [2, 3, 5, 1]);
    assert_eq!(seqs(50, 2).await, [2, 3]);
    assert_eq!(seqs(10, 9).await, [0; 0]);
    f.write(move |tx| tx.message_erase(id, Seq(3))).await;
    assert_eq!(seqs(30, 9).await, [2, 5]);
}

pub async fn erasure_of_old_messages_waits_for_other_tasks(f: Fixture) {
    let ann = f.user("ann").await;
    let (one, two) = (f.group(&[ann]).await, f.group(&[ann]).await);
    let (first, second) = (f.task(), f.task());
    let waiting = async || f.read(|tx| tx.retention_waiting()).await;
    assert_eq!(waiting().await, []);
    let old = |groups| Task::EraseOld { groups };
    let kept = old(vec![one, two]);
    f.write(move |tx| {
        tx.task_insert(first, &kept)?;
        tx.user_delete(ann, second)
    })
    .await;
    assert_eq!(waiting().await, [one, two]);
    assert_eq!(f.next_task().await, Some((second, Task::EraseUser(ann))));
    f.write(move |tx| tx.task_delete(second)).await;
    assert_eq!(f.next_task().await, Some((first, old(vec![one, two]))));
    let left = old(vec![two]);
    f.write(move |tx| tx.task_shorten(first, &left)).await;
    assert_eq!(f.next_task().await, Some((first, old(vec![two]))));
    f.write(move |tx| tx.task_delete(first)).await;
    assert_eq!(waiting().await, []);
}

pub async fn group_that_cannot_be_erased_holds_up_no_other(f: Fixture) {
    let ann = f.user("ann").await;
    let mut groups = Vec::new();
    for _ in 0..3 {
        groups.push(group(&f, ann, &[1]).await);
    }
    let (broken, other, later) = (groups[0], groups[1], groups[2]);
    let task = f.task();
    f.write(move |tx| tx.task_insert(task, &Task::EraseOld { groups: vec![broken, other] })).await;
    let (faults, clock) = (Arc::<Faults>::default(), Arc::<ManualClock>::default());
    let store = Arc::new(Faulty::new(f.store.clone(), faults.clone()));
    let limits = Limits { messages_keep: Some(Duration::from_secs(3600)), ..Limits::default() };
    let app = App::new(store, clock.clone(), limits);
    for _ in 0..2 {
        faults.panic_in_write();
        app.work(StepLimits { rows: 100, groups: 10 }).await.expect_err("it was told to panic");
        clock.advance(Duration::from_secs(1));
    }
    assert_eq!(f.next_task().await, Some((task, Task::EraseOld { groups: vec![other, broken] })));
    let mut candidate = app.candidate(Follower::Retention, Duration::from_secs(15));
    let Ok(Claim::Mine { lease, .. }) = candidate.take().await else { panic!("a scan is due") };
    app.retention_step(lease, &mut RetentionRound::default()).await.expect("a step");
    assert_eq!(f.read(|tx| tx.retention_waiting()).await, [other, broken, later], "each once");
}

pub async fn nothing_old_is_erased_just_after_the_clock_has_jumped(f: Fixture) {
    let ann = f.user("ann").await;
    let id = f.group(&[ann]).await;
    f.send(id, ann).await;
    let clock = Arc::<ManualClock>::default();
    let limits = Limits { messages_keep: Some(Duration::from_secs(24 * 3600)), ..Limits::default() };
    let app = App::new(f.store.clone(), clock.clone(), limits);
    assert!(app.clock_is_steady());
    let left = async || {
        let task = f.task();
        f.write(move |tx| tx.task_insert(task, &Task::EraseOld { groups: vec![id] })).await;
        while app.work(StepLimits { rows: 100, groups: 10 }).await.expect("a step").is_some() {}
        f.read(move |tx| tx.messages_before(id, date(50), 9)).await.len()
    };
    clock.move_wall(2 * DAY);
    assert_eq!((left().await, app.clock_is_steady()), (1, false));
    clock.advance(Duration::from_secs(3600));
    assert_eq!((left().await, app.clock_is_steady()), (0, true));
    clock.move_wall(2 * DAY);
    assert!(!app.clock_is_steady());
    clock.move_wall(-2 * DAY);
    assert!(app.clock_is_steady(), "it was set right");
}
