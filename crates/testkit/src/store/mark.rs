//! How far users have read.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use chinwag_core::group::Mark;
use chinwag_core::limits::{UNREAD, UNREAD_AMONG};
use chinwag_core::{GroupId, Seq, UserId};

use super::summary::summaries;
use super::{Fixture, date};

async fn unread(f: &Fixture, group: GroupId, user: UserId) -> u32 {
    f.read(move |tx| tx.mark(group, user)).await.unread
}

pub async fn who_has_read_nothing_has_no_mark_and_everything_unread(f: Fixture) {
    let (ann, bob, eve) = (f.user("ann").await, f.user("bob").await, f.user("eve").await);
    let id = f.group(&[ann, bob]).await;
    assert_eq!(f.read(move |tx| tx.mark(id, ann)).await, Mark::default());
    f.send(id, bob).await;
    f.send(id, bob).await;
    assert_eq!(f.read(move |tx| tx.mark(id, ann)).await, Mark { last_read: None, unread: 2 });
    assert_eq!(f.read(move |tx| tx.mark(id, eve)).await, Mark::default(), "one who is not in");
    let nowhere = f.group_id();
    assert_eq!(f.read(move |tx| tx.mark(nowhere, ann)).await, Mark::default());
}

pub async fn a_mark_is_set_to_what_is_told_forward_or_back(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let id = f.group(&[ann, bob]).await;
    for _ in 0..5 {
        f.send(id, bob).await;
    }
    for (seq, left) in [(3, 2), (5, 0), (1, 4)] {
        f.write(move |tx| tx.mark_set(id, ann, Seq(seq), date(seq))).await;
        let mark = f.read(move |tx| tx.mark(id, ann)).await;
        assert_eq!(mark, Mark { last_read: Some((Seq(seq), date(seq))), unread: left });
    }
    assert_eq!(f.read(move |tx| tx.mark(id, bob)).await.last_read, None, "another's mark is another's");
}

pub async fn only_others_messages_that_stand_after_the_mark_are_unread(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let id = f.group(&[ann, bob]).await;
    for author in [bob, bob, ann, bob, ann, bob] {
        f.send(id, author).await;
    }
    f.send(f.group(&[ann, bob]).await, bob).await;
    assert_eq!((unread(&f, id, ann).await, unread(&f, id, bob).await), (4, 2));
    f.write(move |tx| {
        tx.mark_set(id, ann, Seq(2), date(0))?;
        tx.message_erase(id, Seq(6))
    })
    .await;
    assert_eq!((unread(&f, id, ann).await, unread(&f, id, bob).await), (1, 2));
}

pub async fn unread_counts_up_to_its_limit(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let id = f.group(&[ann, bob]).await;
    for sent in 1..=UNREAD + 2 {
        f.send(id, bob).await;
        if sent + 2 >= UNREAD {
            assert_eq!(unread(&f, id, ann).await, sent.min(UNREAD));
        }
    }
    let shown = f.read(move |tx| summaries(tx, ann)).await;
    assert_eq!(shown[0].mark.unread, UNREAD);
}

pub async fn unread_is_looked_for_among_the_newest_numbers_only(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let id = f.group(&[ann, bob]).await;
    f.send(id, bob).await;
    f.write(move |tx| tx.seq_take(id, UNREAD_AMONG as usize - 1).map(drop)).await;
    assert_eq!(unread(&f, id, ann).await, 1, "the oldest of those");
    f.write(move |tx| tx.seq_take(id, 1).map(drop)).await;
    assert_eq!(unread(&f, id, ann).await, 0);
    let shown = f.read(move |tx| summaries(tx, ann)).await;
    assert_eq!(shown[0].mark.unread, 0);
}
