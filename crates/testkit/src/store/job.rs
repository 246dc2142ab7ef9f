//! The port's promises for jobs: atomicity, isolation, order, and the time of publication.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use std::sync::{Arc, Mutex, mpsc};
use std::task::Poll;
use std::time::Duration;
use std::{future, panic};

use chinwag_core::event::Event;
use chinwag_core::store::{Done, Store, Tx};
use chinwag_core::{Error, GroupId, Result, Seq, UserId};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::{Fixture, date, name, numbered_event};
use crate::wait::until;

/// Timeout for every wait here.
const LONG: Duration = Duration::from_secs(20);

async fn head(store: &Arc<dyn Store>, group: GroupId) -> Seq {
    store.read(move |tx| tx.group(group)).await.expect("the read succeeds").expect("the group stands").head
}

/// Takes a number and publishes it.
async fn take(store: &Arc<dyn Store>, group: GroupId) -> Result<Seq> {
    store
        .write(move |tx, events| {
            let seq = tx.seq_take(group, 1)?;
            events.push(numbered_event(group, seq));
            Ok(seq)
        })
        .await
}

pub async fn a_jobs_result_is_returned_to_its_caller(f: Fixture) {
    let id = f.group(&[]).await;
    assert_eq!(take(&f.store, id).await.expect("a number"), Seq(1));
    assert_eq!(f.read(|_| Ok("read".to_owned())).await, "read");
    let refused: Result<()> = f.store.write(|_, _| Err(Error::NotFound("message"))).await;
    assert!(matches!(refused, Err(Error::NotFound("message"))));
    let refused: Result<()> = f.store.read(|_| Err(Error::forbidden("no"))).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))));
}

pub async fn a_job_reads_its_own_changes_and_those_committed_before(f: Fixture) {
    let id = f.group(&[]).await;
    take(&f.store, id).await.expect("a number");
    let seen = f
        .write(move |tx| {
            let before = tx.group(id)?;
            tx.seq_take(id, 1)?;
            Ok([before, tx.group(id)?].map(|group| group.map(|g| g.head)))
        })
        .await;
    assert_eq!(seen, [Some(Seq(1)), Some(Seq(2))]);
    assert_eq!(head(&f.store, id).await, Seq(2));
}

pub async fn a_failed_job_changes_and_publishes_nothing(f: Fixture) {
    let id = f.group(&[]).await;
    let refused: Result<()> = f
        .store
        .write(move |tx, events| {
            let seq = tx.seq_take(id, 1)?;
            tx.group_rename(id, "renamed")?;
            tx.user_insert(&name("ann"), false, date(0))?;
            events.push(numbered_event(id, seq));
            Err(Error::NotFound("message"))
        })
        .await;
    assert!(matches!(refused, Err(Error::NotFound("message"))));
    let (group, users) = f.read(move |tx| Ok((tx.group(id)?, tx.users_page(None, 9)?))).await;
    assert_eq!(group.map(|g| (g.head, g.name.to_string())), Some((Seq(0), "group".into())));
    assert_eq!(users, []);
    assert_eq!(take(&f.store, id).await.expect("a number"), Seq(1));
    assert_eq!(f.bus.events(), [numbered_event(id, Seq(1))]);
}

pub async fn a_job_that_panics_changes_nothing_and_the_next_one_runs(f: Fixture) {
    let id = f.group(&[]).await;
    let fault: Result<()> = f
        .store
        .write(move |tx, events| {
            let seq = tx.seq_take(id, 1)?;
            events.push(numbered_event(id, seq));
            panic::panic_any("a fault of the job's")
        })
        .await;
    assert!(
        matches!(&fault, Err(Error::Internal(text)) if text.contains("a fault of the job's")),
        "{fault:?}"
    );
    assert_eq!(head(&f.store, id).await, Seq(0));
    assert_eq!(take(&f.store, id).await.expect("a number"), Seq(1));
    assert_eq!(f.bus.events(), [numbered_event(id, Seq(1))]);
}

pub async fn a_read_job_that_panics_is_a_fault_and_the_next_ones_run(f: Fixture) {
    for _ in 0..20 {
        let fault: Result<()> = f.store.read(|_| panic::panic_any("a fault of the job's")).await;
        assert!(
            matches!(&fault, Err(Error::Internal(text)) if text.contains("a fault of the job's")),
            "{fault:?}"
        );
    }
    assert_eq!(f.read(|tx| tx.users_page(None, 9)).await, []);
}

pub async fn a_refused_job_undoes_only_its_own_changes(f: Fixture) {
    let id = f.group(&[]).await;
    let mut jobs = JoinSet::new();
    for number in 0..120 {
        let store = f.store.clone();
        jobs.spawn(async move {
            store
                .write(move |tx, events| {
                    if number % 5 == 2 {
                        return Err(Error::forbidden("before it wrote"));
                    }
                    let seq = tx.seq_take(id, 1)?;
                    events.push(numbered_event(id, seq));
                    match number % 5 {
                        3 => Err(Error::NotFound("message")),
                        4 => panic::panic_any("a fault of the job's"),
                        _ => Ok(seq),
                    }
                })
                .await
        });
    }
    let mut given: Vec<_> = jobs.join_all().await.into_iter().filter_map(Result::ok).collect();
    given.sort();
    let expected: Vec<_> = (1..=48).map(Seq).collect();
    assert_eq!(given, expected);
    assert_eq!(head(&f.store, id).await, Seq(48));
    assert_eq!(f.bus.events(), expected.into_iter().map(|seq| numbered_event(id, seq)).collect::<Vec<_>>());
}

pub async fn concurrent_writers_publish_each_number_once_in_order(f: Fixture) {
    let (id, other) = (f.group(&[]).await, f.group(&[]).await);
    let mut writers = JoinSet::new();
    for writer in 0..64 {
        let store = f.store.clone();
        writers.spawn(async move {
            let mut given = Vec::new();
            for turn in 0..10 {
                let seq = take(&store, id).await.expect("a number");
                given.push(seq);
                if (writer + turn) % 8 == 0 {
                    take(&store, other).await.expect("a number");
                }
            }
            assert!(given.is_sorted(), "a writer's own numbers ascend");
            given
        });
    }
    let mut given = writers.join_all().await.concat();
    given.sort();
    assert_eq!(given, (1..=640).map(Seq).collect::<Vec<_>>());
    for (group, last) in [(id, 640), (other, 80)] {
        let of = |seq: Option<Seq>| seq.map(|seq| numbered_event(group, seq));
        let events: Vec<_> =
            f.bus.events().into_iter().filter(|event| of(event.seq).as_ref() == Some(event)).collect();
        assert_eq!(events, (1..=last).map(|seq| numbered_event(group, Seq(seq))).collect::<Vec<_>>());
    }
}

pub async fn events_follow_the_commit_and_precede_the_answer(f: Fixture) {
    let id = f.group(&[]).await;
    let (store, runtime) = (Arc::downgrade(&f.store), Handle::current());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let heads = seen.clone();
    f.bus.watch(move |events| {
        // A reader already sees the published change.
        let store = store.upgrade().expect("the store stands");
        let head = runtime.block_on(head(&store, id));
        let last = events.iter().filter_map(|event| event.seq).max().expect("a number");
        heads.lock().expect("no panic").push((head >= last, last));
    });
    for number in 1..=5 {
        let seq = take(&f.store, id).await.expect("a number");
        let seen = seen.lock().expect("no panic").clone();
        assert_eq!(seen.len(), number, "told before the answer");
        assert_eq!(seen.last(), Some(&(true, seq)), "committed before it was told");
    }
    f.bus.unwatch();
}

pub async fn the_events_of_one_job_stay_together_in_their_order(f: Fixture) {
    let id = f.group(&[]).await;
    let order = [3, 1, 2].map(|seq| numbered_event(id, Seq(seq)));
    let events = order.clone();
    let job = move |_: &mut dyn Tx, published: &mut Vec<Event>| {
        published.extend(events.clone());
        Ok(())
    };
    f.store.write(job).await.expect("the job succeeds");
    assert_eq!(f.bus.batches(), [order]);
}

pub async fn a_job_without_events_publishes_nothing(f: Fixture) {
    f.user("ann").await;
    f.write(|_| Ok(())).await;
    assert!(f.bus.batches().is_empty());
}

pub async fn a_read_job_sees_one_snapshot(f: Fixture) {
    let id = f.group(&[]).await;
    let (begun, has_begun) = mpsc::channel();
    let (go, may_go) = mpsc::channel();
    let may_go = Mutex::new(may_go);
    let store = f.store.clone();
    let reader = tokio::spawn(async move {
        let job = move |tx: &dyn Tx| {
            let before = tx.group(id)?;
            // The receiver is gone if this is a second run.
            let _ = begun.send(());
            let _ = may_go.lock().expect("no panic").recv_timeout(LONG);
            Ok((before, tx.group(id)?, tx.users_page(None, 9)?))
        };
        store.read(job).await.expect("the read succeeds")
    });
    tokio::task::spawn_blocking(move || has_begun.recv_timeout(LONG))
        .await
        .expect("no panic")
        .expect("it begins");
    take(&f.store, id).await.expect("a writer does not wait for a reader");
    f.user("ann").await;
    go.send(()).expect("the reader waits");
    let (before, after, users) = reader.await.expect("no panic");
    assert_eq!((before, users), (after, vec![]));
    assert_eq!(head(&f.store, id).await, Seq(1));
}

pub async fn an_abandoned_job_commits_and_publishes(f: Fixture) {
    let id = f.group(&[]).await;
    for _ in 0..20 {
        let job = move |tx: &mut dyn Tx, events: &mut Vec<Event>| {
            let seq = tx.seq_take(id, 1)?;
            events.push(numbered_event(id, seq));
            Ok(())
        };
        let mut done: Done<'_> = f.store.submit_write(Box::new(job));
        future::poll_fn(|context| Poll::Ready(done.as_mut().poll(context).is_ready())).await;
        drop(done);
    }
    // A store may run several jobs at once, and abandoned ones end on their own.
    until("the event of every job", || f.bus.events().len() == 20).await;
    assert_eq!(take(&f.store, id).await.expect("a number"), Seq(21));
    assert_eq!(f.bus.events(), (1..=21).map(|seq| numbered_event(id, Seq(seq))).collect::<Vec<_>>());
}

pub async fn a_store_that_can_commit_is_ready(f: Fixture) {
    f.store.ready().await.expect("it is ready");
    assert!(f.bus.batches().is_empty());
    assert_eq!(f.read(|tx| tx.user(UserId(1))).await, None);
}
