//! Records of imports, and messages that come many at a time.

#![allow(missing_docs, reason = "a case's name is its sentence")]

use chinwag_core::store::{ImportKind, Imported, NewMessage};
use chinwag_core::{Error, Seq};
use uuid::Uuid;

use super::{Fixture, body, date};

pub async fn imported_records_are_found_by_kind_and_id(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let group = f.group(&[ann]).await;
    let ids: Vec<_> = (1..=4).map(Uuid::from_u128).collect();
    let (one, two, three) = (ids[0], ids[1], ids[2]);
    f.write(move |tx| {
        tx.imported_add(&[])?;
        // One id may be a user's and a group's.
        tx.imported_add(&[(one, Imported::User(ann)), (one, Imported::Group(group))])?;
        tx.imported_add(&[(two, Imported::Relation), (three, Imported::Membership)])
    })
    .await;
    for (kind, at, what) in [
        (ImportKind::User, 0, Imported::User(ann)),
        (ImportKind::Group, 0, Imported::Group(group)),
        (ImportKind::Relation, 1, Imported::Relation),
        (ImportKind::Membership, 2, Imported::Membership),
    ] {
        let ids = ids.clone();
        let found = f.read(move |tx| tx.imported(kind, &ids)).await;
        let expected: Vec<_> = (0..4).map(|place| (place == at).then_some(what)).collect();
        assert_eq!(found, expected, "{kind:?}");
    }
    assert!(f.read(move |tx| tx.is_imported(ann)).await);
    assert!(!f.read(move |tx| tx.is_imported(bob)).await);
}

pub async fn a_record_outlives_what_it_names(f: Fixture) {
    let ann = f.user("ann").await;
    let group = f.group(&[]).await;
    let id = Uuid::from_u128(7);
    let (of_user, of_group) = (f.task(), f.task());
    f.write(move |tx| {
        tx.imported_add(&[(id, Imported::User(ann)), (id, Imported::Group(group))])?;
        tx.user_delete(ann, of_user)?;
        tx.group_delete(group, of_group)
    })
    .await;
    let user = f.read(move |tx| tx.imported(ImportKind::User, &[id])).await;
    let place = f.read(move |tx| tx.imported(ImportKind::Group, &[id])).await;
    assert_eq!((user, place), (vec![Some(Imported::User(ann))], vec![Some(Imported::Group(group))]));
}

pub async fn messages_that_come_together_are_kept_all_or_none(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let (group, other) = (f.group(&[ann, bob]).await, f.group(&[bob]).await);
    let taken = f.send(group, ann).await;
    let mut rows: Vec<_> = (0..30).map(|_| f.message(group, ann)).collect();
    rows.extend((0..5).map(|_| f.message(other, bob)));
    for (row, seq) in rows.iter_mut().zip((2..32).chain(1..6)) {
        row.seq = Seq(seq);
        row.date = date(500 - seq);
        row.body = body(&format!("row {seq} \u{1F469}\u{200d}\u{1F680} '\"\\ {{}},NULL"));
        row.respond_to = (seq % 3 == 0).then_some(Seq(seq - 1));
    }
    let twice = NewMessage { id: taken.id, ..f.message(other, bob) };
    let mut broken = rows.clone();
    broken.push(NewMessage { seq: Seq(6), ..twice });
    let refused = f.store.write(move |tx, _| tx.messages_insert(&broken)).await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    let all = ids.clone();
    assert_eq!(f.read(move |tx| tx.messages_located(&all)).await, [], "none is kept");
    let kept = rows.clone();
    f.write(move |tx| {
        tx.messages_insert(&[])?;
        tx.seq_take(group, 30)?;
        tx.seq_take(other, 5)?;
        tx.messages_insert(&kept)
    })
    .await;
    for row in &rows {
        let id = row.id;
        let found = f.read(move |tx| tx.message(id)).await.expect("it was kept");
        assert_eq!(
            (found.group, found.seq, found.author, found.date),
            (row.group, row.seq, row.author, row.date)
        );
        assert_eq!((&*found.body, found.client_id), (row.body.as_str(), None));
        assert_eq!(found.respond_to.is_some(), row.respond_to.is_some());
    }
}

pub async fn existing_and_erased_messages_are_located(f: Fixture) {
    let ann = f.user("ann").await;
    let group = f.group(&[ann]).await;
    let (first, second) = (f.send(group, ann).await, f.send(group, ann).await);
    let erased = second.seq;
    f.write(move |tx| tx.message_erase(group, erased)).await;
    let ids = [second.id, f.message(group, ann).id, first.id];
    let mut found = f.read(move |tx| tx.messages_located(&ids)).await;
    found.sort_by_key(|place| place.seq);
    let places: Vec<_> = found.iter().map(|place| (place.id, place.group, place.seq)).collect();
    assert_eq!(places, [(first.id, group, first.seq), (second.id, group, second.seq)]);
}
