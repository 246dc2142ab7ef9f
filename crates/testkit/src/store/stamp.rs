//! Stamps: what has changed since a point in the order of commits.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chinwag_core::group_settings::GroupSettings;
use chinwag_core::permission::Role;
use chinwag_core::profile::Details;
use chinwag_core::relation::{Pair, Relation};
use chinwag_core::store::{ChangedGroup, DepartedGroup};
use chinwag_core::{GroupId, Seq, UserId};
use tokio::task::JoinSet;

use super::{Fixture, date, name};
use crate::wait::Wait;

const DAY: i64 = 24 * 3600;

/// A point of which everything is committed that concerns a user. Other transactions of the server may keep points back.
async fn point(f: &Fixture, user: UserId) -> i64 {
    let wait = Wait::begin();
    loop {
        let next = f.read(|tx| tx.commit_point()).await.next;
        let is_past = f.read(move |tx| {
            let changed = tx.groups_changed(user, next)?.iter().any(|changed| !changed.is_deleted);
            let departed = !tx.departures(user, next, None, 1)?.is_empty();
            Ok(!changed && !departed && tx.profiles_changed(user, next)?.is_empty())
        });
        if is_past.await {
            return next;
        }
        wait.step(|| "the point stays before what is committed").await;
    }
}

async fn changed(f: &Fixture, user: UserId, since: i64) -> Vec<ChangedGroup> {
    f.read(move |tx| tx.groups_changed(user, since)).await
}

async fn departed(f: &Fixture, user: UserId, since: i64) -> Vec<DepartedGroup> {
    f.read(move |tx| tx.departures(user, since, None, 100)).await
}

fn same(group: GroupId) -> ChangedGroup {
    ChangedGroup { group, is_deleted: false, pending: false, is_changed: false, read: None, settings: None }
}

pub async fn a_point_finds_what_changed_after_it(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let [silent, written, read, set] = [
        f.group(&[ann, bob]).await,
        f.group(&[ann, bob]).await,
        f.group(&[ann, bob]).await,
        f.group(&[ann]).await,
    ];
    f.send(read, bob).await;
    let everything = changed(&f, ann, 0).await;
    let new = |group| ChangedGroup { is_changed: true, ..same(group) };
    assert_eq!(everything, [new(silent), new(written), new(read), new(set)], "since 0: all groups");
    let since = point(&f, ann).await;
    assert_eq!(changed(&f, ann, since).await, []);
    f.send(written, bob).await;
    f.write(move |tx| tx.mark_set(read, ann, Seq(1), date(1))).await;
    let settings = GroupSettings { pinned: true, ..GroupSettings::default() };
    f.write(move |tx| tx.group_settings_set(set, ann, &settings)).await;
    let expected = [
        new(written),
        ChangedGroup { read: Some((Seq(1), date(1))), ..same(read) },
        ChangedGroup { settings: Some(settings), ..same(set) },
    ];
    assert_eq!(changed(&f, ann, since).await, expected);
    assert_eq!(changed(&f, bob, since).await, [new(written)], "marks and settings are a user's own");
    let later = point(&f, ann).await;
    assert_eq!(changed(&f, ann, later).await, []);
    let marks: Vec<_> =
        changed(&f, ann, 0).await.into_iter().map(|found| (found.read, found.settings)).collect();
    let set_ones = [(None, None), (None, None), (Some((Seq(1), date(1))), None), (None, Some(settings))];
    assert_eq!(marks, set_ones, "since 0: marks and settings that are set");
}

pub async fn joining_and_accepting_change_a_group(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let group = f.group(&[ann]).await;
    let since = point(&f, bob).await;
    f.write(move |tx| {
        tx.member_set(group, bob, Role::Member, date(1))?;
        tx.pending_set(group, bob, true)
    })
    .await;
    let found = changed(&f, bob, since).await;
    assert_eq!(
        found.iter().map(|found| (found.is_changed, found.pending)).collect::<Vec<_>>(),
        [(true, true)]
    );
    let since = point(&f, bob).await;
    f.write(move |tx| tx.pending_set(group, bob, false)).await;
    let found = changed(&f, bob, since).await;
    assert_eq!(
        found.iter().map(|found| (found.is_changed, found.pending)).collect::<Vec<_>>(),
        [(true, false)]
    );
    f.write(move |tx| tx.mark_set(group, bob, Seq(0), date(0))).await;
    f.write(move |tx| tx.member_remove(group, bob)).await;
    let since = point(&f, bob).await;
    f.write(move |tx| tx.member_set(group, bob, Role::Member, date(2))).await;
    let found = changed(&f, bob, since).await.pop().expect("it is in the group again");
    assert_eq!(found.read, Some((Seq(0), date(0))), "the former mark is that of who comes back");
    assert_eq!(found.settings, Some(GroupSettings::default()), "and the settings are new");
}

pub async fn departures_are_found_until_the_user_returns(f: Fixture) {
    let ann = f.user("ann").await;
    let [left, back, deleted] = [f.group(&[ann]).await, f.group(&[ann]).await, f.group(&[ann]).await];
    let (task, since) = (f.task(), point(&f, ann).await);
    for group in [left, back] {
        f.write(move |tx| tx.member_remove(group, ann)).await;
    }
    f.write(move |tx| tx.group_delete(deleted, task)).await;
    let found = changed(&f, ann, since).await;
    let gone = found.iter().find(|found| found.group == deleted).expect("it is not erased yet");
    assert!(gone.is_deleted);
    f.write(move |tx| {
        while tx.group_erase(deleted, 1)? > 0 {}
        tx.member_set(back, ann, Role::Member, date(1))
    })
    .await;
    let row = |group, is_deleted| DepartedGroup { group, is_deleted };
    assert_eq!(departed(&f, ann, since).await, [row(left, false), row(deleted, true)]);
    let page = f.read(move |tx| tx.departures(ann, since, Some(left), 100)).await;
    assert_eq!(page, [row(deleted, true)]);
    assert_eq!(f.read(move |tx| tx.departures(ann, since, None, 1)).await, [row(left, false)]);
    let later = point(&f, ann).await;
    assert_eq!(departed(&f, ann, later).await, []);
}

pub async fn profiles_of_contacts_and_pairs_are_found(f: Fixture) {
    let [ann, bob, cat, dan] =
        [f.user("ann").await, f.user("bob").await, f.user("cat").await, f.user("dan").await];
    let pair = f.group_id();
    f.write(move |tx| {
        let contact = Some(Relation::Contact);
        tx.pair_set(ann, bob, Pair { mine: contact, theirs: contact }, date(0))?;
        tx.group_insert(pair, "@", Some((cat, ann)))?;
        tx.member_set(pair, ann, Role::Member, date(0))?;
        tx.member_set(pair, cat, Role::Member, date(0))
    })
    .await;
    let since = point(&f, ann).await;
    let all = [ann, bob, cat, dan];
    assert_eq!(f.read(move |tx| tx.profiles_changed(ann, 0)).await, [], "nobody has a profile");
    for user in all {
        f.write(move |tx| {
            let before = tx.details(&[user])?.pop().flatten().expect("the user");
            tx.profile_set(user, &Details { display_name: Some("Name".into()), ..before })
        })
        .await;
    }
    assert_eq!(f.read(move |tx| tx.profiles_changed(ann, since)).await, [ann, bob, cat]);
    assert_eq!(f.read(move |tx| tx.profiles_changed(ann, 0)).await, [ann, bob, cat]);
    let since = point(&f, ann).await;
    f.write(move |tx| tx.last_seen_set(&all, date(9))).await;
    assert_eq!(f.read(move |tx| tx.profiles_changed(ann, since)).await, []);
    f.write(move |tx| tx.user_rename(cat, &name("cleo"))).await;
    assert_eq!(f.read(move |tx| tx.profiles_changed(ann, since)).await, [cat]);
}

pub async fn old_departures_are_removed_and_known(f: Fixture) {
    let ann = f.user("ann").await;
    let [old, new] = [f.group(&[ann]).await, f.group(&[ann]).await];
    let (first, age) = (point(&f, ann).await, Duration::from_secs(30 * 24 * 3600));
    f.write(move |tx| tx.member_remove(old, ann)).await;
    assert!(point(&f, ann).await > first);
    let trim = |day: i64| f.write(move |tx| tx.departures_trim(date(day * DAY), age, 100));
    assert_eq!(trim(4000).await, 0, "the clock is ahead, and no date is old");
    assert_eq!(trim(0).await, 0);
    assert_eq!(trim(29).await, 0, "too young");
    let second = point(&f, ann).await;
    f.write(move |tx| tx.member_remove(new, ann)).await;
    assert!(f.read(|tx| tx.stamps_removed()).await <= first);
    assert_eq!(trim(31).await, 1);
    let removed = f.read(|tx| tx.stamps_removed()).await;
    assert!(first < removed && removed <= second, "{first} {removed} {second}");
    let rows = departed(&f, ann, removed).await;
    assert_eq!(rows, [DepartedGroup { group: new, is_deleted: false }]);
    assert_eq!(trim(31).await, 0);
}

/// Writers of several groups side by side, and a reader that asks for what has changed since its last point: in the end it
/// knows the last number of each group, and it never asks for everything.
pub async fn no_change_of_many_writers_is_missed(f: Fixture) {
    const EACH: i64 = 25;
    let ann = f.user("ann").await;
    let mut groups = Vec::new();
    for _ in 0..6 {
        groups.push(f.group(&[ann]).await);
    }
    let (mut tasks, is_done) = (JoinSet::new(), Arc::new(AtomicBool::new(false)));
    for group in groups.clone() {
        let store = f.store.clone();
        tasks.spawn(async move {
            for seq in 1..=EACH {
                let write = store.write(move |tx, _| {
                    tx.seq_take(group, 1)?;
                    tx.mark_set(group, ann, Seq(seq), date(seq))
                });
                write.await.expect("it is written");
            }
        });
    }
    let (store, reading) = (f.store.clone(), is_done.clone());
    let reader = tokio::spawn(async move {
        let mut since = store.read(|tx| tx.commit_point()).await.expect("a point").next;
        let (mut heads, mut marks) = (BTreeMap::new(), BTreeMap::new());
        loop {
            let is_last = reading.load(Ordering::Acquire);
            let page = store.read(move |tx| {
                let mut found = Vec::new();
                for changed in tx.groups_changed(ann, since)? {
                    let head = tx.group(changed.group)?.expect("a group").head;
                    found.push((changed, head));
                }
                Ok((tx.commit_point()?.next, found))
            });
            let (next, found) = page.await.expect("a page");
            assert!(next >= since, "points ascend");
            since = next;
            for (changed, head) in found {
                if changed.is_changed {
                    heads.insert(changed.group, head);
                }
                marks.extend(changed.read.map(|read| (changed.group, read.0)));
            }
            if is_last {
                return (heads, marks);
            }
        }
    });
    while let Some(task) = tasks.join_next().await {
        task.expect("the writer ends");
    }
    is_done.store(true, Ordering::Release);
    let (heads, marks) = reader.await.expect("the reader ends");
    let expected: BTreeMap<_, _> = groups.into_iter().map(|group| (group, Seq(EACH))).collect();
    assert_eq!((heads, marks), (expected.clone(), expected));
}
