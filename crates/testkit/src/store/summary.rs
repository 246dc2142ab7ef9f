//! Everything a user is shown at once.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use chinwag_core::group::Summary;
use chinwag_core::group_settings::GroupSettings;
use chinwag_core::log::LogEntry;
use chinwag_core::permission::Role;
use chinwag_core::store::{GroupPosition, NewMessage, Shown, Tx, UNCOVERED};
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
        let (all, one_by_one) = f.read(move |tx| Ok((summaries(tx, user)?, singly(tx, user)?))).await;
        assert_eq!(all, one_by_one);
        let ids: Vec<_> = all.iter().map(|summary| summary.view.group.id).collect();
        assert!(ids.is_sorted());
        let long = all.iter().any(|summary| summary.view.messages.len() == 20);
        assert_eq!(long, user != users[4], "the data have what is to be seen");
    }
}

/// All of a user's groups, whole.
pub(super) fn summaries(tx: &dyn Tx, user: UserId) -> Result<Vec<Summary>> {
    let ids: Vec<_> = tx.group_positions(user)?.into_iter().map(|found| found.group).collect();
    tx.summaries(user, &ids, Shown::WHOLE)
}

pub async fn summaries_come_in_the_order_asked_for_and_as_short(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let (mut ids, others) = (Vec::new(), f.group(&[bob]).await);
    for _ in 0..3 {
        let id = f.group(&[ann, bob]).await;
        f.send(id, bob).await;
        f.send(id, ann).await;
        ids.push(id);
    }
    let asked = [ids[2], others, ids[0]];
    let shown = Shown { messages: 1, members: 1 };
    f.read(move |tx| {
        let found = tx.summaries(ann, &asked, shown)?;
        let seen = |summary: &Summary| {
            let view = &summary.view;
            (view.group.id, view.members.len(), view.members_count, view.messages.len(), summary.mark.unread)
        };
        assert_eq!(
            found.iter().map(seen).collect::<Vec<_>>(),
            [(asked[0], 0, 2, 1, 1), (asked[2], 0, 2, 1, 1)]
        );
        assert_eq!(found[0].view.messages[0].author, ann, "the newest");
        let none = tx.summaries(ann, &asked, Shown { messages: 0, members: 2 })?;
        assert_eq!((none[0].view.members.len(), none[0].view.messages.len()), (2, 0));
        Ok(())
    })
    .await;
}

pub async fn position_has_head_and_date_of_newest_message(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let (written, silent) = (f.group(&[bob, ann]).await, f.group(&[bob, ann]).await);
    f.group(&[bob]).await;
    f.send(written, ann).await;
    let last = f.keep(NewMessage { date: date(-9), ..f.message(written, bob) }).await;
    f.write(move |tx| {
        tx.pending_set(silent, ann, true)?;
        tx.group_settings_set(written, ann, &GroupSettings { pinned: true, ..GroupSettings::default() })?;
        // A change is no message.
        let seq = tx.seq_take(written, 1)?;
        tx.log_insert(written, seq, &LogEntry::GroupChanged)
    })
    .await;
    let expected = [
        GroupPosition { group: written, head: Seq(3), active: last.date, pending: false, pinned: true },
        GroupPosition { group: silent, head: Seq(0), active: date(1), pending: true, pinned: false },
    ];
    f.read(move |tx| {
        assert_eq!(tx.group_positions(ann)?, expected);
        assert_eq!(tx.group_positions(bob)?.len(), 3);
        Ok(())
    })
    .await;
    let task = f.task();
    f.write(move |tx| tx.group_delete(written, task)).await;
    assert_eq!(f.read(move |tx| tx.group_positions(ann)).await, expected[1..]);
}

pub async fn erasing_the_newest_message_uncovers_the_one_before(f: Fixture) {
    let ann = f.user("ann").await;
    let group = f.group(&[ann]).await;
    let mut sent = Vec::new();
    for _ in 0..4 {
        sent.push(f.send(group, ann).await);
    }
    let active = async || f.read(move |tx| Ok(tx.group_positions(ann)?[0].active)).await;
    for (erased, left) in [(1, Some(3)), (3, Some(2)), (2, Some(0)), (0, None)] {
        let seq = sent[erased].seq;
        f.write(move |tx| tx.message_erase(group, seq)).await;
        assert_eq!(active().await, left.map_or(date(0), |left: usize| sent[left].date), "{erased}");
    }
    let next = f.send(group, ann).await;
    assert_eq!(active().await, next.date);
}

pub async fn erasing_after_many_erasures_keeps_the_date(f: Fixture) {
    let ann = f.user("ann").await;
    // The number of the message before the newest, and whether it is near enough.
    for (before, is_uncovered) in [(1, false), (2, true), (3, true)] {
        let group = f.group(&[ann]).await;
        let first = f.write(move |tx| tx.seq_take(group, before)).await;
        assert_eq!(first, Seq(1));
        let first = NewMessage { seq: Seq(i64::try_from(before).expect("small")), ..f.message(group, ann) };
        let last = NewMessage { seq: Seq(UNCOVERED + 2), ..f.message(group, ann) };
        let (first_date, last_date) = (first.date, last.date);
        let rest = usize::try_from(UNCOVERED + 2).expect("small") - before;
        f.write(move |tx| {
            tx.message_insert(&first)?;
            tx.seq_take_for_messages(group, rest, last.date)?;
            tx.message_insert(&last)?;
            tx.message_erase(group, last.seq)
        })
        .await;
        let active = f.read(move |tx| Ok(tx.group_positions(ann)?.pop().expect("a group").active)).await;
        assert_eq!(active, if is_uncovered { first_date } else { last_date }, "{before}");
        let next = f.send(group, ann).await;
        let active = f.read(move |tx| Ok(tx.group_positions(ann)?.pop().expect("a group").active)).await;
        assert_eq!(active, next.date);
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
        let (mark, settings) = (tx.mark(group.id, user)?, tx.group_settings(group.id, user)?);
        summaries.push(Summary { view: (*view).clone(), mark, settings, pending: false });
    }
    Ok(summaries)
}
