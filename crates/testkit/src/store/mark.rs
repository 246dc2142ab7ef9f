//! Read marks.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use chinwag_core::group::Mark;
use chinwag_core::limits::{UNREAD, UNREAD_NEAR};
use chinwag_core::permission::Role;
use chinwag_core::store::{NewMessage, Tx, Unread};
use chinwag_core::{GroupId, Seq, UserId};

use super::summary::summaries;
use super::{Fixture, Numbers, date};

async fn unread(f: &Fixture, group: GroupId, user: UserId) -> u32 {
    f.read(move |tx| tx.mark(group, user)).await.unread
}

pub async fn without_a_mark_everything_is_unread(f: Fixture) {
    let (ann, bob, eve) = (f.user("ann").await, f.user("bob").await, f.user("eve").await);
    let id = f.group(&[ann, bob]).await;
    assert_eq!(f.read(move |tx| tx.mark(id, ann)).await, Mark::default());
    f.send(id, bob).await;
    f.send(id, bob).await;
    assert_eq!(f.read(move |tx| tx.mark(id, ann)).await, Mark { unread: 2, ..Mark::default() });
    assert_eq!(f.read(move |tx| tx.mark(id, eve)).await, Mark::default(), "one who is not in");
    let nowhere = f.group_id();
    assert_eq!(f.read(move |tx| tx.mark(nowhere, ann)).await, Mark::default());
}

pub async fn a_mark_moves_forward_and_back(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let id = f.group(&[ann, bob]).await;
    for _ in 0..5 {
        f.send(id, bob).await;
    }
    for (seq, left) in [(3, 2), (5, 0), (1, 4)] {
        f.write(move |tx| tx.mark_set(id, ann, Seq(seq), date(seq))).await;
        let mark = f.read(move |tx| tx.mark(id, ann)).await;
        assert_eq!(mark, Mark { last_read: Some((Seq(seq), date(seq))), unread: left, mentioned: 0 });
    }
    assert_eq!(f.read(move |tx| tx.mark(id, bob)).await.last_read, None, "another's mark is another's");
}

pub async fn only_later_existing_messages_of_others_are_unread(f: Fixture) {
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

pub async fn unread_of_groups_is_the_sum_of_their_marks(f: Fixture) {
    let (ann, bob, eve) = (f.user("ann").await, f.user("bob").await, f.user("eve").await);
    let mut groups = vec![f.group_id(), f.group(&[bob, eve]).await];
    for count in [2, 0, UNREAD + 1] {
        let id = f.group(&[ann, bob]).await;
        for _ in 0..count {
            f.send(id, bob).await;
        }
        groups.push(id);
    }
    f.send(groups[1], bob).await;
    let sum = f.read(move |tx| Ok([tx.unread(ann, &groups, date(9))?, tx.unread(ann, &[], date(9))?])).await;
    let all = Unread { unread: 2 + u64::from(UNREAD), mentioned: 0, groups: 2 };
    assert_eq!(sum, [all, Unread::default()], "of groups that the user is in alone");
}

pub async fn unread_is_what_counting_one_by_one_gives(f: Fixture) {
    let mut users = Vec::new();
    for text in ["ann", "bob", "eve", "mia"] {
        users.push(f.user(text).await);
    }
    let mut numbers = Numbers(0x5eed);
    for _ in 0..6 {
        let id = f.group(&users).await;
        let (gone, mut rare) = (f.user(&format!("gone{}", id.0.as_u128())).await, 0);
        f.write(move |tx| tx.member_set(id, gone, Role::Member, date(0))).await;
        // One writes nearly everything, so that the newest numbers alone do not answer.
        let (all, talker, often) = (users.clone(), numbers.below(4), 2 + numbers.below(60));
        let mut draw = Numbers(1 + u64::try_from(numbers.below(1 << 20)).expect("small"));
        let mut drawn: Vec<(UserId, bool)> = Vec::new();
        for _ in 0..UNREAD_NEAR * 3 / 2 {
            let author = match draw.below(often) {
                0 => all[draw.below(4)],
                1 => gone,
                _ => all[talker],
            };
            rare += usize::from(author != all[talker]);
            drawn.push((author, draw.below(5) == 0));
        }
        assert!(rare > 0, "somebody else writes, too");
        let messages: Vec<_> =
            drawn.iter().map(|(author, erased)| (f.message(id, *author), *erased)).collect();
        f.write(move |tx| {
            for (message, erased) in &messages {
                let seq = tx.seq_take(id, 1)?;
                tx.message_insert(&NewMessage { seq, ..message.clone() })?;
                if *erased {
                    tx.message_erase(id, seq)?;
                }
            }
            Ok(())
        })
        .await;
        let task = f.task();
        f.write(move |tx| tx.user_delete(gone, task)).await;
        for user in users.clone() {
            let mark = Seq(i64::try_from(numbers.below(UNREAD_NEAR as usize * 2)).expect("small"));
            f.write(move |tx| tx.mark_set(id, user, mark, date(0))).await;
            let counted = (1..).map(Seq).zip(&drawn).filter(|(seq, (author, erased))| {
                *seq > mark && *author != user && *author != gone && !erased
            });
            let counted = u32::try_from(counted.count()).expect("small").min(UNREAD);
            let of_summary = move |tx: &dyn Tx| {
                let all = summaries(tx, user)?;
                Ok(all.iter().find(|summary| summary.view.group.id == id).map(|summary| summary.mark.unread))
            };
            assert_eq!(unread(&f, id, user).await, counted, "after {mark} of {often}");
            assert_eq!(f.read(of_summary).await, Some(counted));
        }
    }
}

pub async fn a_returning_member_keeps_its_mark_and_has_none_unread(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let id = f.group(&[bob]).await;
    for _ in 0..3 {
        f.send(id, bob).await;
    }
    let join = move |tx: &mut dyn Tx| tx.member_set(id, ann, Role::Member, date(9));
    f.write(join).await;
    assert_eq!(unread(&f, id, ann).await, 0, "what was written before it came");
    f.send(id, bob).await;
    assert_eq!(unread(&f, id, ann).await, 1);
    let away = async |mark: i64| {
        f.write(move |tx| {
            tx.mark_set(id, ann, Seq(mark), date(mark))?;
            tx.member_remove(id, ann)
        })
        .await;
        f.send(id, bob).await;
        f.write(join).await;
        let back = f.read(move |tx| tx.mark(id, ann)).await;
        assert_eq!(back, Mark { last_read: Some((Seq(mark), date(mark))), ..Mark::default() });
        f.send(id, bob).await;
        assert_eq!(unread(&f, id, ann).await, 1);
    };
    away(2).await;
    away(4).await;
}
