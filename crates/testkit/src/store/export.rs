//! The messages, reactions and files of one user, for an export.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use chinwag_core::Seq;
use chinwag_core::reaction::Emoji;
use chinwag_core::store::{NewReaction, ReactionPlace};

use super::{Fixture, date};

pub async fn written_groups_are_those_that_a_user_is_or_was_in(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let mut groups = vec![f.group(&[ann, bob]).await, f.group(&[ann]).await, f.group(&[bob, ann]).await];
    f.group(&[bob]).await;
    let left = groups[2];
    f.write(move |tx| tx.member_remove(left, ann)).await;
    groups.sort();
    assert_eq!(f.read(move |tx| tx.groups_written(ann, None, 10)).await, groups);
    let first = groups[0];
    assert_eq!(f.read(move |tx| tx.groups_written(ann, Some(first), 1)).await, groups[1..2]);
}

pub async fn written_messages_are_of_one_author_in_order(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let (group, other) = (f.group(&[ann, bob]).await, f.group(&[ann]).await);
    let mut own = Vec::new();
    for author in [ann, bob, ann, bob, ann, ann] {
        let message = f.send(group, author).await;
        if author == ann {
            own.push((message.seq, message.id));
        }
    }
    f.send(other, ann).await;
    let erased = own.remove(1);
    f.write(move |tx| tx.message_erase(group, erased.0)).await;
    let written = async |after, limit| {
        let found = f.read(move |tx| tx.messages_written(group, ann, after, limit)).await;
        found.into_iter().map(|message| (message.seq, message.id)).collect::<Vec<_>>()
    };
    assert_eq!(written(Seq(0), 10).await, own);
    assert_eq!(written(own[0].0, 1).await, own[1..2]);
}

pub async fn written_reactions_are_of_one_user_in_order(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let group = f.group(&[ann, bob]).await;
    let (first, second) = (f.send(group, bob).await, f.send(group, ann).await);
    let emoji = |text| Emoji::parse(text).expect("an emoji");
    let mut seq = second.seq;
    for (message, user, sign) in
        [(second.seq, ann, "👍"), (first.seq, ann, "❤️"), (first.seq, bob, "👍"), (first.seq, ann, "👍")]
    {
        seq = seq.next();
        let reaction = NewReaction { group, message, seq, user, emoji: emoji(sign), date: date(seq.0) };
        f.write(move |tx| tx.reaction_insert(&reaction)).await;
    }
    let written = |after, limit| f.read(move |tx| tx.reactions_written(group, ann, after, limit));
    let all = written(ReactionPlace::default(), 10).await;
    let found: Vec<_> = all.iter().map(|one| (one.message, one.emoji.clone())).collect();
    assert_eq!(found, [(first.id, emoji("❤️")), (first.id, emoji("👍")), (second.id, emoji("👍"))]);
    assert_eq!(all[0].date, date(all[0].place.seq.0));
    assert_eq!(written(all[0].place, 1).await, all[1..2]);
}
