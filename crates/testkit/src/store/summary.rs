//! Everything a user is shown at once.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use chinwag_core::group::Summary;
use chinwag_core::permission::Role;
use chinwag_core::store::{NewMessage, Tx};
use chinwag_core::{GroupId, Result, Seq, UserId};

use super::{Fixture, Numbers, date};

pub async fn summaries_are_what_view_and_mark_say_of_each_group(f: Fixture) {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let mut users = Vec::new();
    for text in ["ann", "bob", "eve", "mia", "nobody"] {
        users.push(f.user(text).await);
    }
    let mut groups = Vec::new();
    for _ in 0..12 {
        let id = fill(&f, &mut numbers, &users[..4]).await;
        groups.push(id);
    }
    for user in users.clone() {
        let (all, one_by_one) = f.read(move |tx| Ok((tx.summaries(user)?, singly(tx, user)?))).await;
        assert_eq!(all, one_by_one);
        let ids: Vec<_> = all.iter().map(|summary| summary.view.group.id).collect();
        assert!(ids.is_sorted());
        let long = all.iter().any(|summary| summary.view.messages.len() == 20);
        assert_eq!(long, user != users[4], "the data have what is to be seen");
    }
}

/// A group of some of the users with up to 60 messages, some of which are erased or answered.
async fn fill(f: &Fixture, numbers: &mut Numbers, users: &[UserId]) -> GroupId {
    let id = f.group(&[]).await;
    let mut members = Vec::new();
    for (place, user) in users.iter().enumerate() {
        // Whoever is the first of all is in every group.
        if place == 0 || numbers.below(4) > 0 {
            let (user, role) = (*user, Role::ALL[numbers.below(4)]);
            let since = date(i64::try_from(numbers.below(3)).expect("small"));
            f.write(move |tx| tx.member_set(id, user, role, since)).await;
            members.push(user);
        }
    }
    let mut sent = Vec::new();
    for _ in 0..numbers.below(60) {
        let author = members[numbers.below(members.len())];
        let respond_to = (!sent.is_empty() && numbers.below(3) == 0).then(|| sent[numbers.below(sent.len())]);
        let message = f.keep(NewMessage { respond_to, ..f.message(id, author) }).await;
        if numbers.below(4) == 0 {
            f.write(move |tx| tx.message_erase(id, message.seq)).await;
        } else {
            sent.push(message.seq);
        }
    }
    for member in members {
        let seq = Seq(i64::try_from(numbers.below(60)).expect("small"));
        if seq > Seq(0) {
            f.write(move |tx| tx.mark_set(id, member, seq, date(seq.0))).await;
        }
    }
    id
}

fn singly(tx: &dyn Tx, user: UserId) -> Result<Vec<Summary>> {
    let mut summaries = Vec::new();
    for group in tx.groups_of(user, None, usize::MAX)? {
        let view = tx.view(group.id)?.expect("a user's group has a view");
        summaries.push(Summary { view: (*view).clone(), mark: tx.mark(group.id, user)? });
    }
    Ok(summaries)
}
