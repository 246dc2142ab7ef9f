//! Pinned messages.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use chinwag_core::log::LogEntry;
use chinwag_core::message::MessageDetail;
use chinwag_core::reaction::Emoji;
use chinwag_core::store::{NewMessage, NewReaction, Shown};
use chinwag_core::{GroupId, MessageId, Seq, UserId};

use super::{Fixture, body, date};

/// Pins a message, or unpins it; answers its number.
async fn pin(f: &Fixture, message: &NewMessage, on: bool) -> Seq {
    let (group, seq, id) = (message.group, message.seq, message.id);
    f.write(move |tx| {
        let by = tx.seq_take(group, 1)?;
        let entry = LogEntry::MessagePinned { message: seq, id, by: None, date: date(by.0), on };
        tx.log_insert(group, by, &entry)?;
        let detail = MessageDetail { pinned: on, ..MessageDetail::default() };
        tx.message_detail_set(group, seq, &detail)?;
        tx.message_change(group, seq, by)?;
        tx.pin_set(group, id, on)?;
        Ok(by)
    })
    .await
}

/// A group's pins, which every way of reading it says alike.
async fn pins(f: &Fixture, group: GroupId, user: UserId) -> Vec<MessageId> {
    f.read(move |tx| {
        let pins = tx.group(group)?.expect("it stands").pins;
        assert_eq!(tx.view(group)?.expect("it stands").group.pins, pins);
        assert_eq!(tx.summaries(user, &[group], Shown::WHOLE)?[0].view.group.pins, pins);
        Ok(pins)
    })
    .await
}

pub async fn pins_are_listed_from_the_last_one_and_marked(f: Fixture) {
    let ann = f.user("ann").await;
    let id = f.group(&[ann]).await;
    let (one, two, three) = (f.send(id, ann).await, f.send(id, ann).await, f.send(id, ann).await);
    assert_eq!(pins(&f, id, ann).await, []);
    pin(&f, &one, true).await;
    let last = pin(&f, &two, true).await;
    assert_eq!(pins(&f, id, ann).await, [two.id, one.id]);
    let found = f.read(move |tx| tx.messages_by_id(Some(id), &[one.id, two.id, three.id])).await;
    let mut marks: Vec<_> =
        found.iter().map(|found| (found.seq, found.detail.pinned, found.changed)).collect();
    marks.sort_unstable();
    let first = Seq(last.0 - 1);
    assert_eq!(marks, [(one.seq, true, Some(first)), (two.seq, true, Some(last)), (three.seq, false, None)]);
    let gone = pin(&f, &one, false).await;
    pin(&f, &two, true).await;
    assert_eq!(pins(&f, id, ann).await, [two.id]);
    let found = f.read(move |tx| tx.message(one.id)).await.expect("it stands");
    assert_eq!((found.detail.pinned, found.changed), (false, Some(gone)));
}

pub async fn a_pin_stays_beside_reactions_and_edits(f: Fixture) {
    let ann = f.user("ann").await;
    let id = f.group(&[ann]).await;
    let sent = f.send(id, ann).await;
    pin(&f, &sent, true).await;
    f.write(move |tx| {
        let seq = tx.seq_take(id, 1)?;
        tx.log_insert(id, seq, &LogEntry::ReactionErased(sent.seq))?;
        let emoji = Emoji::parse(":tada:").expect("an emoji");
        tx.reaction_insert(&NewReaction {
            group: id,
            message: sent.seq,
            seq,
            user: ann,
            emoji,
            date: date(9),
        })?;
        tx.message_edit(id, sent.seq, &body("edited"), date(99))
    })
    .await;
    let found = f.read(move |tx| tx.message(sent.id)).await.expect("it stands");
    assert_eq!((&*found.body, found.detail.pinned, found.reactions.len()), ("edited", true, 1));
    pin(&f, &sent, false).await;
    let found = f.read(move |tx| tx.message(sent.id)).await.expect("it stands");
    assert_eq!((found.detail.pinned, found.reactions.len()), (false, 1));
}

pub async fn the_log_shows_a_pin_with_its_message(f: Fixture) {
    let ann = f.user("ann").await;
    let id = f.group(&[ann]).await;
    let sent = f.send(id, ann).await;
    let seq = pin(&f, &sent, true).await;
    let message = f.read(move |tx| tx.message(sent.id)).await.expect("it stands");
    let entry =
        LogEntry::MessagePinned { message: sent.seq, id: sent.id, by: None, date: date(seq.0), on: true };
    let log = f.read(move |tx| tx.log(id, sent.seq, 9)).await;
    assert_eq!(log.len(), 1);
    assert_eq!((log[0].seq, &log[0].entry, &log[0].message), (seq, &entry, &Some(message)));
}

pub async fn pins_of_erased_messages_and_gone_authors_are_not_read(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let id = f.group(&[ann, bob]).await;
    let (own, theirs, erased) = (f.send(id, ann).await, f.send(id, bob).await, f.send(id, ann).await);
    for message in [&own, &theirs, &erased] {
        pin(&f, message, true).await;
    }
    f.write(move |tx| {
        tx.message_erase(id, erased.seq)?;
        tx.pins_erase(id, &[erased.id])
    })
    .await;
    assert_eq!(pins(&f, id, ann).await, [theirs.id, own.id]);
    let task = f.task();
    f.write(move |tx| tx.user_delete(bob, task)).await;
    assert_eq!(pins(&f, id, ann).await, [own.id], "at once");
    let found = f.read(move |tx| tx.messages_by_id(Some(id), &[own.id, theirs.id, erased.id])).await;
    assert_eq!(found.iter().map(|message| message.id).collect::<Vec<_>>(), [own.id]);
    let other = f.group(&[ann]).await;
    assert_eq!(f.read(move |tx| tx.messages_by_id(Some(other), &[own.id])).await, []);
    assert_eq!(f.read(move |tx| tx.messages_by_id(None, &[own.id, erased.id])).await.len(), 1);
}
