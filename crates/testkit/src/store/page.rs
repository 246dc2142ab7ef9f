//! Pages of a group's messages, and the messages that stand at a number or a date.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use chinwag_core::store::{Edge, NewMessage, Page};
use chinwag_core::{Date, GroupId, Seq};

use super::{Fixture, Numbers, date};

/// A group whose log is: 1 at 10 s, 2 a change, 3 at 30 s, 4 at 20 s, 5 at 30 s, 6 erased at 60 s, 7 at 40 s.
async fn log(f: &Fixture) -> GroupId {
    let ann = f.user("ann").await;
    let (id, other) = (f.group(&[ann]).await, f.group(&[ann]).await);
    for seconds in [10, 0, 30, 20, 30, 60, 40] {
        if seconds == 0 {
            f.write(move |tx| tx.seq_take(id, 1)).await;
        } else {
            f.keep(NewMessage { date: date(seconds), ..f.message(id, ann) }).await;
        }
        f.keep(NewMessage { date: date(seconds), ..f.message(other, ann) }).await;
    }
    f.write(move |tx| tx.message_erase(id, Seq(6))).await;
    id
}

async fn seqs(f: &Fixture, group: GroupId, edge: Edge, limit: usize) -> Vec<i64> {
    let page = f.read(move |tx| tx.messages(group, &Page { edge, limit })).await;
    page.into_iter().map(|message| message.seq.0).collect()
}

pub async fn the_newest_page_goes_backwards_from_the_end(f: Fixture) {
    let id = log(&f).await;
    assert_eq!(seqs(&f, id, Edge::Newest, 3).await, [7, 5, 4]);
    assert_eq!(seqs(&f, id, Edge::Newest, usize::MAX).await, [7, 5, 4, 3, 1]);
    assert_eq!(seqs(&f, id, Edge::Newest, 0).await, [0; 0]);
    let nowhere = f.group_id();
    assert_eq!(seqs(&f, nowhere, Edge::Newest, 3).await, [0; 0]);
}

pub async fn a_page_before_or_after_a_number_leaves_that_number_out(f: Fixture) {
    let id = log(&f).await;
    for (edge, expected) in [
        (Edge::BeforeSeq(Seq(7)), vec![5, 4]),
        (Edge::BeforeSeq(Seq(6)), vec![5, 4]),
        (Edge::BeforeSeq(Seq(3)), vec![1]),
        (Edge::BeforeSeq(Seq(1)), vec![]),
        (Edge::BeforeSeq(Seq(i64::MIN)), vec![]),
        (Edge::BeforeSeq(Seq(i64::MAX)), vec![7, 5]),
        (Edge::AfterSeq(Seq(i64::MIN)), vec![1, 3]),
        (Edge::AfterSeq(Seq(0)), vec![1, 3]),
        (Edge::AfterSeq(Seq(2)), vec![3, 4]),
        (Edge::AfterSeq(Seq(5)), vec![7]),
        (Edge::AfterSeq(Seq(7)), vec![]),
        (Edge::AfterSeq(Seq(i64::MAX)), vec![]),
    ] {
        assert_eq!(seqs(&f, id, edge, 2).await, expected, "{edge:?}");
    }
}

pub async fn a_page_by_date_begins_at_the_nearest_date_and_goes_on_by_number(f: Fixture) {
    let id = log(&f).await;
    for (edge, expected) in [
        (Edge::BeforeDate(date(10)), vec![]),
        (Edge::BeforeDate(date(11)), vec![1]),
        (Edge::BeforeDate(date(21)), vec![4, 3, 1]),
        // Of several with the same date, the highest number.
        (Edge::BeforeDate(date(31)), vec![5, 4, 3, 1]),
        (Edge::BeforeDate(date(99)), vec![7, 5, 4, 3, 1]),
        (Edge::AfterDate(date(0)), vec![1, 3, 4, 5, 7]),
        (Edge::AfterDate(date(10)), vec![4, 5, 7]),
        // Of several with the same date, the lowest number.
        (Edge::AfterDate(date(20)), vec![3, 4, 5, 7]),
        (Edge::AfterDate(date(30)), vec![7]),
        (Edge::AfterDate(date(40)), vec![]),
        (Edge::BeforeDate(Date::from_micros(i64::MIN)), vec![]),
        (Edge::BeforeDate(Date::from_micros(i64::MAX)), vec![7, 5, 4, 3, 1]),
        (Edge::AfterDate(Date::from_micros(i64::MIN)), vec![1, 3, 4, 5, 7]),
        (Edge::AfterDate(Date::from_micros(i64::MAX)), vec![]),
    ] {
        assert_eq!(seqs(&f, id, edge, 9).await, expected, "{edge:?}");
    }
    assert_eq!(seqs(&f, id, Edge::BeforeDate(date(31)), 2).await, [5, 4]);
    assert_eq!(seqs(&f, id, Edge::AfterDate(date(10)), 2).await, [4, 5]);
}

pub async fn the_newest_message_at_a_number_is_at_it_or_before(f: Fixture) {
    let id = log(&f).await;
    for (seq, expected) in
        [(0, None), (1, Some((1, 10))), (2, Some((1, 10))), (6, Some((5, 30))), (99, Some((7, 40)))]
    {
        let found = f.read(move |tx| tx.message_at_seq(id, Seq(seq))).await;
        assert_eq!(found, expected.map(|(seq, seconds)| (Seq(seq), date(seconds))), "{seq}");
    }
}

pub async fn the_message_at_a_date_is_the_last_at_it_or_before(f: Fixture) {
    let id = log(&f).await;
    for (seconds, expected) in [
        (9, None),
        (10, Some((1, 10))),
        (29, Some((4, 20))),
        (30, Some((5, 30))),
        (39, Some((5, 30))),
        (99, Some((7, 40))),
    ] {
        let found = f.read(move |tx| tx.message_at_date(id, date(seconds))).await;
        assert_eq!(found, expected.map(|(seq, at)| (Seq(seq), date(at))), "{seconds}");
    }
}

pub async fn dates_are_kept_to_the_microsecond_from_the_first_to_the_last(f: Fixture) {
    let ann = f.user("ann").await;
    let id = f.group(&[ann]).await;
    for micros in [i64::MIN, -1, 0, 1, 1_715_509_756_000_949, i64::MAX] {
        let date = Date::from_micros(micros);
        let sent = f.keep(NewMessage { date, ..f.message(id, ann) }).await;
        let found = f.read(move |tx| tx.message_at_date(id, date)).await;
        assert_eq!(found, Some((sent.seq, date)));
    }
}

pub async fn every_page_of_any_log_is_what_its_edge_says(f: Fixture) {
    let ann = f.user("ann").await;
    let id = f.group(&[ann]).await;
    let mut numbers = Numbers(0x1234_5678_9abc_def1);
    let mut standing: Vec<(i64, Date)> = Vec::new();
    for _ in 0..60 {
        let at = date(i64::try_from(numbers.below(12)).expect("small"));
        let sent = f.keep(NewMessage { date: at, ..f.message(id, ann) }).await;
        standing.push((sent.seq.0, at));
        if numbers.below(4) == 0 {
            // Of any age.
            let (seq, _) = standing.remove(numbers.below(standing.len()));
            f.write(move |tx| {
                tx.message_erase(id, Seq(seq))?;
                tx.erased_seq_raise(id)
            })
            .await;
        }
    }
    let back = |from: i64| standing.iter().rev().map(|(seq, _)| *seq).filter(move |seq| *seq <= from);
    let on = |from: i64| standing.iter().map(|(seq, _)| *seq).filter(move |seq| *seq >= from);
    for edge_at in -1..62 {
        let limit = 1 + numbers.below(9);
        let seq = Seq(edge_at);
        assert_eq!(
            seqs(&f, id, Edge::BeforeSeq(seq), limit).await,
            back(edge_at - 1).take(limit).collect::<Vec<_>>()
        );
        assert_eq!(
            seqs(&f, id, Edge::AfterSeq(seq), limit).await,
            on(edge_at + 1).take(limit).collect::<Vec<_>>()
        );
    }
    for seconds in -1..14 {
        let (limit, edge) = (1 + numbers.below(9), date(seconds));
        let before = standing.iter().filter(|(_, at)| *at < edge).max_by_key(|(seq, at)| (*at, *seq));
        let expected: Vec<_> = before.map(|(seq, _)| back(*seq).take(limit).collect()).unwrap_or_default();
        assert_eq!(seqs(&f, id, Edge::BeforeDate(edge), limit).await, expected);
        let after = standing.iter().filter(|(_, at)| *at > edge).min_by_key(|(seq, at)| (*at, *seq));
        let expected: Vec<_> = after.map(|(seq, _)| on(*seq).take(limit).collect()).unwrap_or_default();
        assert_eq!(seqs(&f, id, Edge::AfterDate(edge), limit).await, expected);
    }
    // In the order of dates, from either end.
    let mut by_date: Vec<_> = standing.iter().map(|(seq, at)| (*at, *seq)).collect();
    by_date.sort_unstable();
    for seconds in -1..14 {
        let (limit, edge) = (1 + numbers.below(9), date(seconds));
        let old = f.read(move |tx| tx.messages_before(id, edge, limit)).await;
        let expected = by_date.iter().filter(|(at, _)| *at < edge).take(limit).map(|(_, seq)| *seq);
        assert_eq!(old.iter().map(|old| old.seq.0).collect::<Vec<_>>(), expected.collect::<Vec<_>>());
        let before = (edge, Seq(i64::try_from(numbers.below(60)).expect("small")));
        let found = f.read(move |tx| tx.candidates(&[id], before, limit)).await;
        let mut found: Vec<_> = found.iter().map(|one| (one.place.date, one.place.seq.0)).collect();
        found.sort_unstable_by(|one, other| other.cmp(one));
        let expected = by_date.iter().rev().filter(|place| **place < (before.0, before.1.0)).take(limit);
        assert_eq!(found, expected.copied().collect::<Vec<_>>());
    }
}

pub async fn pages_begin_after_the_oldest_erased_messages(f: Fixture) {
    let ann = f.user("ann").await;
    let id = f.group(&[ann]).await;
    for _ in 0..6 {
        f.send(id, ann).await;
    }
    let erase = async |erased: &[i64]| {
        let erased = erased.to_vec();
        f.write(move |tx| {
            erased.iter().try_for_each(|seq| tx.message_erase(id, Seq(*seq)))?;
            tx.erased_seq_raise(id)
        })
        .await;
    };
    // The edge from which a part of three numbers continues.
    let next = async |edge| f.read(move |tx| tx.messages_outside(id, &Page { edge, limit: 9 }, 3)).await.next;
    assert_eq!(next(Edge::Newest).await, Some(Edge::BeforeSeq(Seq(4))));
    assert_eq!(next(Edge::AfterSeq(Seq(0))).await, Some(Edge::AfterSeq(Seq(3))));
    erase(&[1, 3]).await;
    assert_eq!(next(Edge::BeforeSeq(Seq(5))).await, None, "from number 2 on");
    erase(&[2]).await;
    assert_eq!((next(Edge::Newest).await, next(Edge::AfterSeq(Seq(0))).await), (None, None));
    assert_eq!(seqs(&f, id, Edge::Newest, 9).await, [6, 5, 4]);
    assert_eq!(seqs(&f, id, Edge::AfterSeq(Seq(0)), 9).await, [4, 5, 6]);
    assert_eq!(seqs(&f, id, Edge::BeforeSeq(Seq(4)), 9).await, [0; 0]);
    assert_eq!(f.read(move |tx| tx.message_at_seq(id, Seq(3))).await, None);
    assert_eq!(f.read(move |tx| tx.unindexed_texts(id, 1)).await[0].seq, Seq(4));
    erase(&[4, 5, 6]).await;
    f.send(id, ann).await;
    assert_eq!(seqs(&f, id, Edge::Newest, 9).await, [7]);
}
