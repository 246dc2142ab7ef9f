//! A group's log, read back.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use std::sync::Arc;

use chinwag_core::app::resume::{Refusal, Resuming};
use chinwag_core::app::{App, Context};
use chinwag_core::clock::SystemClock;
use chinwag_core::event::Kind;
use chinwag_core::limits::{Limits, MAX_DELETED_PER_ENTRY};
use chinwag_core::log::{LogEntry, LogRow};
use chinwag_core::message::Message;
use chinwag_core::store::{Edge, Page};
use chinwag_core::user::Caller;
use chinwag_core::{GroupId, MessageId, Seq};

use super::{Fixture, Numbers, body, date, name};

async fn append(f: &Fixture, group: GroupId, entry: LogEntry) -> Seq {
    f.write(move |tx| {
        let seq = tx.seq_take(group, 1)?;
        tx.log_insert(group, seq, &entry)?;
        Ok(seq)
    })
    .await
}

async fn log(f: &Fixture, group: GroupId, after: i64, limit: usize) -> Vec<LogRow> {
    f.read(move |tx| tx.log(group, Seq(after), limit)).await
}

pub async fn every_number_has_its_entry_with_the_message_as_it_stands(f: Fixture) {
    let ann = f.user("ann").await;
    let (id, other) = (f.group(&[ann]).await, f.group(&[ann]).await);
    f.send(other, ann).await;
    append(&f, id, LogEntry::GroupChanged).await;
    let (first, second, third) = (f.send(id, ann).await, f.send(id, ann).await, f.send(id, ann).await);
    for (message, text) in [(&first, "edited"), (&second, "in vain"), (&first, "edited again")] {
        let (seq, text) = (message.seq, body(text));
        append(&f, id, LogEntry::MessageEdited(seq)).await;
        f.write(move |tx| tx.message_edit(id, seq, &text, date(99))).await;
    }
    let deleted = [&second, &third].map(|message| LogEntry::MessageDeleted {
        id: message.id,
        seq: message.seq,
        root: None,
    });
    for (seq, entry) in [second.seq, third.seq].into_iter().zip(deleted.clone()) {
        append(&f, id, entry).await;
        f.write(move |tx| tx.message_erase(id, seq)).await;
    }
    let renamed = LogEntry::MemberRenamed { user: ann, name: name("Ann"), new_name: name("Éva") };
    append(&f, id, renamed.clone()).await;
    let stands = f.read(move |tx| tx.message(first.id)).await.expect("it stands");
    assert_eq!(&*stands.body, "edited again");
    let [second_deleted, third_deleted] = deleted;
    let expected: [(LogEntry, Option<&Message>); 10] = [
        (LogEntry::GroupChanged, None),
        (LogEntry::MessageSent, Some(&stands)),
        (LogEntry::MessageSent, None),
        (LogEntry::MessageSent, None),
        (LogEntry::MessageEdited(Seq(2)), Some(&stands)),
        (LogEntry::MessageEdited(Seq(3)), None),
        (LogEntry::MessageEdited(Seq(2)), Some(&stands)),
        (second_deleted, None),
        (third_deleted, None),
        (renamed, None),
    ];
    let row = |(seq, (entry, message)): (_, (_, Option<&Message>))| LogRow {
        seq,
        entry,
        message: message.cloned(),
    };
    let expected: Vec<_> = (1..).map(Seq).zip(expected).map(row).collect();
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
            0 if sent => drop(append(&f, id, LogEntry::MessageEdited(seq)).await),
            1 if sent => {
                let message = f
                    .read(move |tx| tx.messages(id, &Page { edge: Edge::BeforeSeq(seq.next()), limit: 1 }))
                    .await;
                append(&f, id, LogEntry::MessageDeleted { id: message[0].id, seq, root: None }).await;
                f.write(move |tx| tx.message_erase(id, seq)).await;
            }
            2 => drop(append(&f, id, LogEntry::GroupChanged).await),
            _ => drop(f.send(id, ann).await),
        }
    }
    let whole = log(&f, id, 0, 100).await;
    assert_eq!(whole.iter().map(|entry| entry.seq.0).collect::<Vec<_>>(), (1..=80).collect::<Vec<_>>());
    for limit in [1, 7, 79, 80, 81] {
        let mut parts = Vec::new();
        loop {
            let after = parts.last().map_or(0, |row: &LogRow| row.seq.0);
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

pub async fn a_deleted_user_leaves_no_name_in_a_log(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let id = f.group(&[bob]).await;
    append(&f, id, LogEntry::MemberRenamed { user: ann, name: name("Ann"), new_name: name("Éva") }).await;
    let task = f.task();
    f.write(move |tx| tx.user_delete(ann, task)).await;
    let changed = LogRow { seq: Seq(1), entry: LogEntry::GroupChanged, message: None };
    assert_eq!(log(&f, id, 0, 10).await, [changed]);
}

pub async fn an_unknown_entry_of_a_newer_version_keeps_its_number(f: Fixture) {
    let ann = f.user("ann").await;
    let id = f.group(&[ann]).await;
    append(&f, id, LogEntry::GroupChanged).await;
    append(&f, id, LogEntry::Unknown(9000)).await;
    let sent = f.send(id, ann).await;
    let entries: Vec<_> = log(&f, id, 0, 10).await.into_iter().map(|row| (row.seq, row.entry)).collect();
    let expected = [LogEntry::GroupChanged, LogEntry::Unknown(9000), LogEntry::MessageSent];
    assert_eq!(entries, (1..).map(Seq).zip(expected).collect::<Vec<_>>());
    assert_eq!(f.read(move |tx| tx.last_change(id, Seq(0), sent.seq)).await, Some(Seq(1)));
}

pub async fn resume_of_many_deletions_comes_in_small_pages(f: Fixture) {
    const ENTRIES: i64 = 160;
    let ann = f.user("ann").await;
    let (id, other) = (f.group(&[ann]).await, f.group(&[ann]).await);
    let ids: Vec<_> = (0..MAX_DELETED_PER_ENTRY).map(|_| MessageId(f.group_id().0)).collect();
    for _ in 0..ENTRIES {
        append(&f, id, LogEntry::MessagesDeleted { ids: ids.clone(), roots: vec![] }).await;
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
        assert!(ids.sum::<usize>() <= 2 * MAX_DELETED_PER_ENTRY, "two entries are more than a page has");
        told.extend(events.iter().filter_map(|event| event.seq));
        resuming = next;
    }
    assert_eq!(told, (1..=ENTRIES).map(Seq).collect::<Vec<_>>());
    assert_eq!(resuming.resumed.heads, [(id, Seq(ENTRIES))].into());
    assert_eq!(resuming.resumed.refused, [(other, Refusal::TooFar)].into(), "ids count towards the whole");
}
