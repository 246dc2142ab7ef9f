//! Work that remains, in steps, and the reads while it remains.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use std::sync::Arc;
use std::time::Duration;

use chinwag_core::app::work::StepLimits;
use chinwag_core::app::{App, Context};
use chinwag_core::clock::SystemClock;
use chinwag_core::group::Mark;
use chinwag_core::limits::Limits;
use chinwag_core::log::LogEntry;
use chinwag_core::permission::Role;
use chinwag_core::store::{Edge, MessageToErase, NewMessage, Page, Task};
use chinwag_core::user::Caller;
use chinwag_core::{GroupId, Seq, TaskId, UserId};

use super::summary::summaries;
use super::{Fixture, client_id, date, name};
use crate::clock::ManualClock;
use crate::fault::{Faults, Faulty};

pub async fn tasks_are_done_in_the_order_in_which_they_were_begun(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let group = f.group(&[ann, bob]).await;
    let (one, two, three) = (f.task(), f.task(), f.task());
    let rename =
        |after| Task::LogRename { user: bob, name: name("Bob"), new_name: name("bob"), by_self: true, after };
    let kept = rename(None);
    f.write(move |tx| {
        tx.task_insert(two, &kept)?;
        tx.group_delete(group, three)?;
        tx.user_delete(ann, one)
    })
    .await;
    let next = async |done: Option<TaskId>| {
        f.write(move |tx| done.map_or(Ok(()), |id| tx.task_delete(id))).await;
        f.next_task().await
    };
    assert_eq!(next(None).await, Some((one, Task::EraseUser(ann))));
    assert_eq!(next(Some(one)).await, Some((two, rename(None))));
    f.write(move |tx| tx.task_advance(two, group)).await;
    assert_eq!(next(None).await, Some((two, rename(Some(group)))));
    // Of a user who is no more nothing is written into logs.
    let four = f.task();
    f.write(move |tx| tx.user_delete(bob, four)).await;
    assert_eq!(next(None).await, Some((three, Task::EraseGroup(group))));
    assert_eq!(next(Some(three)).await, Some((four, Task::EraseUser(bob))));
    assert_eq!(next(Some(four)).await, None);
    assert_eq!(f.read(move |tx| tx.task(four)).await, None);
}

pub async fn tasks_that_are_left_out_hold_up_no_other(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let (one, two, old) = (f.task(), f.task(), f.task());
    f.write(move |tx| {
        tx.task_insert(old, &Task::EraseOld { groups: vec![] })?;
        tx.user_delete(ann, one)?;
        tx.user_delete(bob, two)
    })
    .await;
    let next = async |except: &[TaskId]| {
        let except = except.to_vec();
        f.read(move |tx| tx.task_next(&except)).await
    };
    assert_eq!(next(&[]).await, Some(one));
    assert_eq!(next(&[one]).await, Some(two));
    assert_eq!(next(&[two, one]).await, Some(old));
    assert_eq!(next(&[one, old]).await, Some(two));
    assert_eq!(next(&[old, one, two]).await, None);
}

pub async fn a_task_that_fails_is_tried_again_after_others(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let (first, second) = (f.task(), f.task());
    f.write(move |tx| {
        tx.user_delete(ann, first)?;
        tx.user_delete(bob, second)
    })
    .await;
    let (faults, clock) = (Arc::<Faults>::default(), Arc::<ManualClock>::default());
    let store = Arc::new(Faulty::new(f.store.clone(), faults.clone()));
    let app = App::new(store, clock.clone(), Limits::default());
    let step = async || app.work(StepLimits { rows: 100, groups: 10 }).await;
    faults.panic_in_write();
    let failure = step().await.expect_err("it was told to panic");
    assert_eq!((failure.task, app.failing_tasks()), (Some((first, 1)), 1));
    while step().await.expect("the other goes on").is_some() {}
    assert_eq!(f.next_task().await, Some((first, Task::EraseUser(ann))), "it is all that is left");
    assert!(!app.has_work(), "it is not tried before its pause has ended");
    clock.advance(Duration::from_secs(1));
    assert!(app.has_work());
    while step().await.expect("it fails no more").is_some() {}
    assert_eq!((f.next_task().await, app.failing_tasks()), (None, 0));
}

pub async fn data_of_a_deleted_user_is_found_nowhere(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let id = f.group(&[ann, bob]).await;
    let of_ann = f.send(id, ann).await;
    let of_bob = f.send(id, bob).await;
    let reply = f.message(id, ann);
    let reply =
        f.keep(NewMessage { respond_to: Some(of_bob.seq), client_id: Some(client_id("a")), ..reply }).await;
    f.write(move |tx| {
        let seq = tx.seq_take(id, 1)?;
        tx.log_insert(
            id,
            seq,
            &LogEntry::MemberRenamed { user: bob, name: name("Bob"), new_name: name("bob") },
        )?;
        let seq = tx.seq_take(id, 1)?;
        tx.log_insert(id, seq, &LogEntry::MessageEdited(of_bob.seq))
    })
    .await;
    let last = f.send(id, bob).await;
    let task = f.task();
    f.write(move |tx| tx.user_delete(bob, task)).await;
    let prior = client_id("a");
    f.read(move |tx| {
        assert_eq!((tx.message(of_bob.id)?, tx.message(last.id)?), (None, None));
        assert_eq!(tx.message(reply.id)?.and_then(|message| message.respond_to), None);
        assert_eq!(tx.message_prior(id, ann, &prior)?.and_then(|prior| prior.respond_to), None);
        for edge in [Edge::Newest, Edge::BeforeDate(date(9999)), Edge::BeforeSeq(last.seq)] {
            let page: Vec<_> = tx.messages(id, &Page { edge, limit: 9 })?.iter().map(|m| m.seq).collect();
            assert_eq!(page, [reply.seq, of_ann.seq], "{edge:?}");
        }
        assert_eq!(tx.message_at_seq(id, last.seq)?.map(|(seq, _)| seq), Some(reply.seq));
        assert_eq!(tx.message_at_date(id, date(9999))?.map(|(seq, _)| seq), Some(reply.seq));
        let shown = summaries(tx, ann)?;
        assert_eq!((shown[0].mark.unread, tx.mark(id, ann)?.unread), (0, 0));
        assert_eq!(shown[0].view.messages.iter().map(|m| m.seq).collect::<Vec<_>>(), [reply.seq, of_ann.seq]);
        assert_eq!(shown[0].view.members.len(), 1);
        assert_eq!((tx.member(id, bob)?, tx.members(id)?.len()), (None, 1));
        let log = tx.log(id, Seq(3), 9)?;
        let entries: Vec<_> = log.iter().map(|row| row.entry.clone()).collect();
        let edited = LogEntry::MessageEdited(of_bob.seq);
        assert_eq!(entries, [LogEntry::GroupChanged, edited, LogEntry::MessageSent]);
        assert!(log.iter().chain(&tx.log(id, Seq(1), 1)?).all(|row| row.message.is_none()), "{log:?}");
        Ok(())
    })
    .await;
}

pub async fn traces_of_a_deleted_user_are_removed_one_by_one(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let (first, second) = (f.group(&[ann, bob]).await, f.group(&[ann]).await);
    for _ in 0..3 {
        f.send(first, ann).await;
    }
    let renamed = LogEntry::MemberRenamed { user: ann, name: name("Ann"), new_name: name("ann") };
    let task = f.task();
    f.write(move |tx| {
        tx.member_remove(second, ann)?;
        tx.member_set(first, ann, Role::Owner, date(0))?;
        for _ in 0..3 {
            let seq = tx.seq_take(first, 1)?;
            tx.log_insert(first, seq, &renamed)?;
        }
        tx.user_delete(ann, task)
    })
    .await;
    f.write(move |tx| {
        assert_eq!(tx.trace_as_member(ann)?, Some((first, Role::Owner)));
        tx.member_remove(first, ann)?;
        assert_eq!((tx.trace_as_member(ann)?, tx.trace_as_former(ann)?), (None, Some(first)));
        let seqs = |found: Vec<MessageToErase>| found.iter().map(|message| message.seq.0).collect::<Vec<_>>();
        assert_eq!(seqs(tx.messages_by(first, ann, 2)?), [1, 2]);
        tx.message_erase(first, Seq(1))?;
        tx.message_erase(first, Seq(2))?;
        assert_eq!(seqs(tx.messages_by(first, ann, 2)?), [3]);
        tx.trace_delete(ann, first)?;
        assert_eq!(tx.trace_as_former(ann)?, Some(second));
        tx.trace_delete(ann, second)?;
        assert_eq!(tx.trace_as_former(ann)?, None);
        assert_eq!((tx.names_delete(ann, 2)?, tx.names_delete(ann, 2)?, tx.names_delete(ann, 2)?), (2, 1, 0));
        Ok(())
    })
    .await;
}

pub async fn messages_deleted_together_are_one_entry_of_the_log(f: Fixture) {
    let ann = f.user("ann").await;
    let id = f.group(&[ann]).await;
    let (one, two) = (f.send(id, ann).await, f.send(id, ann).await);
    let ids = vec![one.id, two.id];
    let entry = LogEntry::MessagesDeleted { ids: ids.clone(), roots: vec![] };
    f.write(move |tx| {
        tx.message_erase(id, one.seq)?;
        tx.message_erase(id, two.seq)?;
        let seq = tx.seq_take(id, 1)?;
        tx.log_insert(id, seq, &entry)
    })
    .await;
    let log = f.read(move |tx| tx.log(id, Seq(0), 9)).await;
    let entries: Vec<_> = log.into_iter().map(|row| (row.entry, row.message)).collect();
    let sent = (LogEntry::MessageSent, None);
    assert_eq!(entries, [sent.clone(), sent, (LogEntry::MessagesDeleted { ids, roots: vec![] }, None)]);
}

/// Everything of a group that a member could read.
async fn seen(f: &Fixture, id: GroupId, user: UserId, sent: &NewMessage) -> usize {
    let message = sent.id;
    f.read(move |tx| {
        let page = tx.messages(id, &Page { edge: Edge::Newest, limit: 9 })?;
        let standing = [tx.group(id)?.is_some(), tx.member(id, user)?.is_some(), tx.view(id)?.is_some()];
        assert_eq!(tx.heads(&[id])?.len() + tx.memberships(&[user])?.len(), 0);
        assert_eq!(tx.mark(id, user)?.unread, 0);
        assert!(tx.message(message)?.is_none() || tx.member(id, user)?.is_none(), "nobody may see it");
        drop(page);
        Ok(standing.into_iter().filter(|stands| *stands).count()
            + tx.members(id)?.len()
            + summaries(tx, user)?.len())
    })
    .await
}

pub async fn a_group_that_is_no_more_is_erased_in_parts(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let id = f.group(&[ann, bob]).await;
    let mut sent = None;
    for _ in 0..5 {
        sent = Some(f.send(id, bob).await);
    }
    let sent = sent.expect("one was sent");
    let task = f.task();
    f.write(move |tx| {
        tx.member_remove(id, bob)?;
        let seq = tx.seq_take(id, 1)?;
        tx.log_insert(id, seq, &LogEntry::GroupChanged)?;
        tx.group_delete(id, task)
    })
    .await;
    assert_eq!(seen(&f, id, ann, &sent).await, 0);
    let again = f.store.write(move |tx, _| tx.group_insert(id, "again", None)).await;
    assert!(again.is_err(), "its id is not free yet");
    let mut erased = Vec::new();
    for _ in 0..3 {
        erased.push(f.write(move |tx| tx.group_erase(id, 5)).await);
        assert_eq!(seen(&f, id, ann, &sent).await, 0);
    }
    assert_eq!(erased, [5, 3, 0], "five messages; a member, a former one and a change; nothing");
    f.write(move |tx| {
        tx.task_delete(task)?;
        tx.group_insert(id, "again", None)
    })
    .await;
}

pub async fn leftovers_of_a_deleted_group_count_nowhere(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let (gone, standing) = (f.group(&[ann, bob]).await, f.group(&[ann]).await);
    f.write(move |tx| tx.member_set(gone, ann, Role::Owner, date(0))).await;
    let task = f.task();
    f.write(move |tx| tx.group_delete(gone, task)).await;
    f.read(move |tx| {
        assert_eq!((tx.groups_count(ann)?, tx.groups_count(bob)?), (1, 0));
        let newcomers = tx.newcomers(standing, bob, &[ann])?;
        assert_eq!(newcomers.iter().map(|newcomer| newcomer.groups).collect::<Vec<_>>(), [1]);
        assert_eq!((tx.acquaintances(ann)?, tx.acquainted(ann, &[bob])?), (vec![], vec![]));
        assert_eq!((tx.owner(gone)?, tx.members_up_to(gone, 1)?), (None, (vec![], 0)));
        assert_eq!((tx.memberships(&[bob])?, tx.pending_beyond(bob, 0)?), (vec![], vec![]));
        assert_eq!((tx.membership(gone, ann)?, tx.mark(gone, ann)?), (None, Mark::default()));
        Ok(())
    })
    .await;
}

pub async fn a_group_that_was_handed_over_keeps_its_new_owner(f: Fixture) {
    // More than the request of a deletion leaves at once.
    const GROUPS: usize = 30;
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let mut groups = Vec::new();
    for _ in 0..GROUPS {
        groups.push(f.group(&[ann]).await);
    }
    let all = groups.clone();
    f.write(move |tx| all.iter().try_for_each(|id| tx.member_set(*id, ann, Role::Owner, date(0)))).await;
    let app = App::new(f.store.clone(), Arc::new(SystemClock::default()), Limits::default());
    app.user_delete(&Context::new(Caller::Service), name("ann")).await.expect("it is deleted");
    let mut left = Vec::new();
    for id in groups {
        left.extend(f.read(move |tx| Ok(tx.group(id)?.map(|group| group.id))).await);
    }
    assert!(!left.is_empty(), "some wait for a later step");
    let handed = left.clone();
    f.write(move |tx| handed.iter().try_for_each(|id| tx.member_set(*id, bob, Role::Owner, date(1)))).await;
    while app.work(StepLimits { rows: 100, groups: 10 }).await.expect("a step").is_some() {}
    for id in left {
        let owner = f.read(move |tx| tx.owner(id)).await;
        assert_eq!(owner.map(|owner| owner.user), Some(bob));
    }
}

pub async fn erasure_of_a_user_does_not_wait_for_its_ended_groups(f: Fixture) {
    // More than the request of a deletion erases at once, of the group and of its last member.
    const MESSAGES: usize = 450;
    let ann = f.user("ann").await;
    let group = f.group(&[ann]).await;
    let all: Vec<_> = (0..MESSAGES).map(|_| f.message(group, ann)).collect();
    f.write(move |tx| {
        tx.member_set(group, ann, Role::Owner, date(0))?;
        let first = tx.seq_take(group, MESSAGES)?;
        let numbered =
            all.iter().zip(first.0..).map(|(each, seq)| NewMessage { seq: Seq(seq), ..each.clone() });
        tx.messages_insert(&numbered.collect::<Vec<_>>())
    })
    .await;
    let app = App::new(f.store.clone(), Arc::new(SystemClock::default()), Limits::default());
    app.user_delete(&Context::new(Caller::Service), name("ann")).await.expect("it is deleted");
    assert!(f.next_task().await.is_some(), "some messages wait for later steps");
    for _ in 0..MESSAGES {
        app.work(StepLimits { rows: 10, groups: 1 }).await.expect("a step");
    }
    assert_eq!(f.next_task().await, None);
}
