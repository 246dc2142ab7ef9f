//! A group's log, read back.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use std::sync::Arc;

use chinwag_core::app::resume::{Refusal, Resuming};
use chinwag_core::app::{App, Context};
use chinwag_core::clock::SystemClock;
use chinwag_core::event::Kind;
use chinwag_core::limits::{DELETED_TOGETHER, Limits};
use chinwag_core::store::{Change, Entry, Logged};
use chinwag_core::user::Caller;
use chinwag_core::{GroupId, MessageId, Seq};

use super::{Fixture, Numbers, body, date, name};

async fn change(f: &Fixture, group: GroupId, change: Change) -> Seq {
    f.write(move |tx| {
        let seq = tx.seq_take(group, 1)?;
        tx.change_insert(group, seq, &change)?;
        Ok(seq)
    })
    .await
}

async fn log(f: &Fixture, group: GroupId, after: i64, limit: usize) -> Vec<Entry> {
    f.read(move |tx| tx.log(group, Seq(after), limit)).await
}

pub async fn every_number_says_what_took_it_as_that_stands_now(f: Fixture) {
    let ann = f.user("ann").await;
    let (id, other) = (f.group(&[ann]).await, f.group(&[ann]).await);
    f.send(other, ann).await;
    change(&f, id, Change::Group).await;
    let (first, second, third) = (f.send(id, ann).await, f.send(id, ann).await, f.send(id, ann).await);
    for (message, text) in [(&first, "edited"), (&second, "in vain"), (&first, "edited again")] {
        let (seq, text) = (message.seq, body(text));
        change(&f, id, Change::Edited(seq)).await;
        f.write(move |tx| tx.message_edit(id, seq, &text, date(99))).await;
    }
    for seq in [second.seq, third.seq] {
        change(&f, id, Change::Deleted(seq)).await;
        f.write(move |tx| tx.message_erase(id, seq)).await;
    }
    let renamed = Change::Renamed { user: ann, name: name("Ann"), new_name: name("Éva") };
    change(&f, id, renamed).await;
    let stands = f.read(move |tx| tx.message(first.id)).await.expect("it stands");
    assert_eq!(&*stands.body, "edited again");
    let expected = [
        Logged::Group,
        Logged::Sent(stands.clone()),
        Logged::Erased,
        Logged::Erased,
        Logged::Edited(Some(stands.clone())),
        Logged::Edited(None),
        Logged::Edited(Some(stands)),
        Logged::Deleted { id: second.id, seq: second.seq },
        Logged::Deleted { id: third.id, seq: third.seq },
        Logged::Renamed { user: ann, name: name("Ann"), new_name: name("Éva") },
    ];
    let expected: Vec<_> = (1..).map(Seq).zip(expected).map(|(seq, what)| Entry { seq, what }).collect();
    assert_eq!(log(&f, id, 0, 1000).await, expected);
    assert_eq!(log(&f, id, 0, usize::MAX).await, expected);
    assert_eq!(log(&f, id, 3, 4).await, expected[3..7]);
    assert_eq!(log(&f, id, 9, 4).await, expected[9..]);
    assert_eq!((log(&f, id, 10, 4).await, log(&f, id, 0, 0).await), (vec![], vec![]));
    for (after, upto, last) in [(0, 10, Some(10)), (0, 9, Some(1)), (1, 9, None), (10, 99, None)] {
        let found = f.read(move |tx| tx.last_change(id, Seq(after), Seq(upto))).await;
        assert_eq!(found, last.map(Seq), "after {after}, up to {upto}");
    }
    assert_eq!(log(&f, id, i64::MAX, 4).await, []);
    let nowhere = f.group_id();
    assert_eq!(log(&f, nowhere, 0, 4).await, []);
}

pub async fn a_log_is_read_in_parts_without_a_gap(f: Fixture) {
    let ann = f.user("ann").await;
    let id = f.group(&[ann]).await;
    let mut numbers = Numbers(0x0dd_ba11);
    for last in 0..80 {
        let seq = Seq(1 + i64::try_from(numbers.below(80)).expect("small"));
        let sent = seq.0 <= last
            && f.read(move |tx| tx.message_at_seq(id, seq)).await.is_some_and(|(at, _)| at == seq);
        match numbers.below(4) {
            0 if sent => drop(change(&f, id, Change::Edited(seq)).await),
            1 if sent => {
                change(&f, id, Change::Deleted(seq)).await;
                f.write(move |tx| tx.message_erase(id, seq)).await;
            }
            2 => drop(change(&f, id, Change::Group).await),
            _ => drop(f.send(id, ann).await),
        }
    }
    let whole = log(&f, id, 0, 100).await;
    assert_eq!(whole.iter().map(|entry| entry.seq.0).collect::<Vec<_>>(), (1..=80).collect::<Vec<_>>());
    for limit in [1, 7, 79, 80, 81] {
        let mut parts = Vec::new();
        loop {
            let after = parts.last().map_or(0, |entry: &Entry| entry.seq.0);
            let part = log(&f, id, after, limit).await;
            assert!(part.len() <= limit);
            if part.is_empty() {
                break;
            }
            parts.extend(part);
        }
        assert_eq!(parts, whole, "in parts of {limit}");
    }
}

pub async fn a_user_who_is_no_more_leaves_no_name_in_a_log(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let id = f.group(&[bob]).await;
    let renamed = Change::Renamed { user: ann, name: name("Ann"), new_name: name("Éva") };
    change(&f, id, renamed).await;
    let task = f.task();
    f.write(move |tx| tx.user_delete(ann, task)).await;
    assert_eq!(log(&f, id, 0, 10).await, [Entry { seq: Seq(1), what: Logged::Group }]);
}

pub async fn resume_of_many_deletions_comes_in_small_pages(f: Fixture) {
    const ENTRIES: i64 = 160;
    let ann = f.user("ann").await;
    let (id, other) = (f.group(&[ann]).await, f.group(&[ann]).await);
    let ids: Vec<_> = (0..DELETED_TOGETHER).map(|_| MessageId(f.group_id().0)).collect();
    for _ in 0..ENTRIES {
        change(&f, id, Change::ManyDeleted(ids.clone())).await;
    }
    f.send(other, ann).await;
    let app = App::new(f.store.clone(), Arc::new(SystemClock::default()), Limits::default());
    let context = Context::new(Caller::User(ann));
    let (mut resuming, mut told) = (Resuming::new(vec![(id, Seq(0)), (other, Seq(0))]), Vec::new());
    while !resuming.is_done() {
        let (next, events) = app.resume_page(&context, resuming).await.expect("a page");
        let ids = events.iter().map(|event| match &event.kind {
            Kind::MessagesDelete { ids, .. } => ids.len(),
            other => panic!("{other:?}"),
        });
        assert!(ids.sum::<usize>() <= 2 * DELETED_TOGETHER, "two entries are more than a page has");
        told.extend(events.iter().filter_map(|event| event.seq));
        resuming = next;
    }
    assert_eq!(told, (1..=ENTRIES).map(Seq).collect::<Vec<_>>());
    assert_eq!(resuming.resumed.heads, [(id, Seq(ENTRIES))].into());
    assert_eq!(resuming.resumed.refused, [(other, Refusal::TooFar)].into(), "ids count towards the whole");
}
