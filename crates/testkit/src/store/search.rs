//! Messages in order of date, as a search reads them.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use chinwag_core::store::NewMessage;
use chinwag_core::{Date, GroupId, Seq};

use super::{Fixture, body, date};

async fn numbers(f: &Fixture, groups: &[GroupId], before: (Date, i64), limit: usize) -> Vec<(GroupId, i64)> {
    let groups = groups.to_vec();
    let found = f.read(move |tx| tx.candidates(&groups, (before.0, Seq(before.1)), limit)).await;
    let mut places: Vec<_> = found.into_iter().map(|candidate| candidate.place).collect();
    places.sort_by_key(|place| (place.group, std::cmp::Reverse(*place)));
    places.into_iter().map(|place| (place.group, place.seq.0)).collect()
}

pub async fn candidates_of_each_group_are_the_newest_by_date(f: Fixture) {
    let ann = f.user("ann").await;
    let (one, two, empty) = (f.group(&[ann]).await, f.group(&[ann]).await, f.group(&[ann]).await);
    // Order by date: 3, then 4 and 2 with the same date, then 1.
    for seconds in [10, 20, 30, 20] {
        f.keep(NewMessage { date: date(seconds), ..f.message(one, ann) }).await;
    }
    f.keep(NewMessage { date: date(25), ..f.message(two, ann) }).await;
    let all = [one, two, empty];
    let of_one = |numbers: &[i64]| numbers.iter().map(|seq| (one, *seq)).collect::<Vec<_>>();
    let end = (date(1000), i64::MAX);
    assert_eq!(numbers(&f, &[one], end, 9).await, of_one(&[3, 4, 2, 1]));
    assert_eq!(numbers(&f, &[one], end, 2).await, of_one(&[3, 4]));
    assert_eq!(numbers(&f, &all, end, 1).await, [(one, 3), (two, 1)]);
    assert_eq!(numbers(&f, &all, (date(25), i64::MIN), 2).await, of_one(&[4, 2]));
    assert_eq!(numbers(&f, &[one], (date(20), 4), 9).await, of_one(&[2, 1]));
    assert_eq!(numbers(&f, &[one], (date(10), i64::MIN), 9).await, []);
    assert_eq!(numbers(&f, &[], end, 9).await, []);
}

pub async fn candidates_are_read_as_they_stand(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let group = f.group(&[ann, bob]).await;
    let mut sent = Vec::new();
    for author in [ann, bob, bob, bob, ann] {
        sent.push(f.send(group, author).await);
    }
    let edited = sent[0].seq;
    f.write(move |tx| tx.message_edit(group, edited, &body("edited"), date(99))).await;
    f.write(move |tx| tx.message_erase(group, Seq(5))).await;
    let found = f.read(move |tx| tx.candidates(&[group], (date(1000), Seq(0)), 9)).await;
    let seqs: Vec<_> = found.iter().map(|candidate| candidate.place.seq.0).collect();
    assert_eq!(seqs, [4, 3, 2, 1]);
    let first = &found[3];
    assert_eq!((first.id, first.author, &*first.body), (sent[0].id, ann, "edited"));
    assert_eq!(first.place.date, sent[0].date);
    // Messages of a deleted author do not count towards the limit.
    let task = f.task();
    f.write(move |tx| tx.user_delete(bob, task)).await;
    assert_eq!(numbers(&f, &[group], (date(1000), 0), 1).await, [(group, 1)]);
}
