//! Positions and leases of followers, and the candidates for them.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use std::sync::Arc;
use std::time::Duration;

use chinwag_core::app::App;
use chinwag_core::app::follower::{Candidate, Claim};
use chinwag_core::limits::Limits;
use chinwag_core::store::{Follower, FollowerState, Lease, POSITION_BYTES, Sign};
use chinwag_core::token::{Kind, TokenHash};
use chinwag_core::{Clock, Error, HolderId};
use tokio::task::JoinSet;

use super::{Fixture, date, name, uuid};
use crate::clock::ManualClock;

const FOLLOWER: Follower = Follower::ExpiredTokens;
const LEASE: Duration = Duration::from_secs(15);

fn holder(number: i64) -> HolderId {
    HolderId(uuid(number))
}

async fn take(f: &Fixture, number: i64, seen: Sign) -> Option<Lease> {
    f.write(move |tx| tx.lease_take(FOLLOWER, holder(number), seen)).await
}

async fn state(f: &Fixture) -> FollowerState {
    f.read(|tx| tx.follower(FOLLOWER)).await
}

pub async fn new_follower_has_no_holder_and_no_position(f: Fixture) {
    assert_eq!(state(&f).await, FollowerState::default());
    let lease = take(&f, 1, Sign::default()).await.expect("it is free");
    let sign = Sign { term: 1, step: 0 };
    assert_eq!(lease, Lease { follower: FOLLOWER, term: 1 });
    assert_eq!(state(&f).await, FollowerState { holder: Some(holder(1)), sign, position: vec![] });
}

pub async fn lease_is_taken_once_for_each_sign(f: Fixture) {
    let first = take(&f, 1, Sign::default()).await.expect("it is free");
    assert_eq!(take(&f, 2, Sign::default()).await, None, "the holder has given a sign since");
    assert!(f.write(move |tx| tx.lease_step(&first, None)).await);
    assert_eq!(take(&f, 2, Sign { term: 1, step: 0 }).await, None, "a step is a sign");
    let second = take(&f, 2, Sign { term: 1, step: 1 }).await;
    assert_eq!(second, Some(Lease { follower: FOLLOWER, term: 2 }));
    assert_eq!(state(&f).await.holder, Some(holder(2)));
}

pub async fn only_one_of_many_takers_gets_a_lease(f: Fixture) {
    for term in 1..=3 {
        let seen = state(&f).await.sign;
        let take = |number| {
            let store = f.store.clone();
            async move {
                let taken = store.write(move |tx, _| tx.lease_take(FOLLOWER, holder(number), seen)).await;
                taken.expect("the job succeeds")
            }
        };
        let taken = (1..=8).map(take).collect::<JoinSet<_>>().join_all().await;
        let leases: Vec<_> = taken.into_iter().flatten().collect();
        assert_eq!(leases, [Lease { follower: FOLLOWER, term }]);
    }
}

pub async fn step_of_an_ended_lease_is_refused(f: Fixture) {
    let first = take(&f, 1, Sign::default()).await.expect("it is free");
    f.write(move |tx| tx.lease_step(&first, Some(b"here"))).await;
    let second = take(&f, 2, state(&f).await.sign).await.expect("nothing has happened since");
    let (step, release) =
        f.write(move |tx| Ok((tx.lease_step(&first, Some(b"there"))?, tx.lease_release(&first)?))).await;
    assert_eq!((step, release), (false, false));
    let found = state(&f).await;
    assert_eq!((found.holder, found.position.as_slice()), (Some(holder(2)), b"here".as_slice()));
    assert!(f.write(move |tx| tx.lease_step(&second, None)).await);
}

pub async fn position_is_kept_from_term_to_term(f: Fixture) {
    let mut expected = Vec::new();
    for position in [Some(&b"a"[..]), None, Some(&[0xff; POSITION_BYTES]), Some(b"")] {
        let lease = take(&f, 1, state(&f).await.sign).await.expect("it is free");
        assert!(f.write(move |tx| tx.lease_step(&lease, position)).await);
        assert!(f.write(move |tx| tx.lease_release(&lease)).await);
        expected = position.map_or(expected, <[u8]>::to_vec);
        assert_eq!(state(&f).await.position, expected);
    }
    let lease = take(&f, 1, state(&f).await.sign).await.expect("it is free");
    let long = f.store.write(move |tx, _| tx.lease_step(&lease, Some(&[1; POSITION_BYTES + 1]))).await;
    assert!(long.is_err(), "a position has a bound");
}

pub async fn released_lease_has_ended(f: Fixture) {
    let lease = take(&f, 1, Sign::default()).await.expect("it is free");
    assert!(f.write(move |tx| tx.lease_release(&lease)).await);
    let (step, release) =
        f.write(move |tx| Ok((tx.lease_step(&lease, Some(b"late"))?, tx.lease_release(&lease)?))).await;
    assert_eq!((step, release), (false, false));
    assert_eq!(state(&f).await.holder, None);
    assert_eq!(take(&f, 2, Sign { term: 1, step: 1 }).await.map(|lease| lease.term), Some(2));
}

/// Two nodes over one store, with a clock of their own.
struct Nodes {
    app: App,
    clock: Arc<ManualClock>,
    first: Candidate,
    second: Candidate,
}

impl Nodes {
    fn over(f: &Fixture) -> Self {
        let clock = Arc::new(ManualClock::default());
        let app = App::new(f.store.clone(), clock.clone(), Limits::default());
        let [first, second] = [(), ()].map(|()| app.candidate(FOLLOWER, LEASE));
        Self { app, clock, first, second }
    }
}

fn mine(claim: Claim) -> (Lease, bool) {
    let Claim::Mine { lease, taken_over } = claim else { panic!("{claim:?}") };
    (lease, taken_over)
}

/// Keeps a thousand and one expired tokens.
async fn expired(f: &Fixture) {
    let ann = f.user("ann").await;
    f.write(move |tx| {
        for number in 0..1001_u32 {
            let mut hash = [0; 32];
            hash[..4].copy_from_slice(&number.to_be_bytes());
            tx.token_insert(&TokenHash(hash), ann, Kind::Token, date(1))?;
        }
        Ok(())
    })
    .await;
}

async fn tokens(f: &Fixture) -> usize {
    let hashes = (0..1001_u32).map(|number| {
        let mut hash = [0; 32];
        hash[..4].copy_from_slice(&number.to_be_bytes());
        TokenHash(hash)
    });
    let hashes: Vec<_> = hashes.collect();
    f.read(move |tx| tx.tokens_kept(&hashes)).await.len()
}

pub async fn silent_holder_loses_its_lease_and_its_step(f: Fixture) {
    expired(&f).await;
    let Nodes { app, clock, mut first, mut second } = Nodes::over(&f);
    let (lease, taken_over) = mine(first.take().await.expect("an answer"));
    assert!(!taken_over);
    assert_eq!(second.take().await.expect("an answer"), Claim::Held);
    // It lives as long as it does steps.
    clock.advance(LEASE);
    assert_eq!(app.tokens_purge(lease).await.expect("a step"), 1000);
    assert_eq!(second.take().await.expect("an answer"), Claim::Held);
    let last = Duration::from_millis(1);
    clock.advance(LEASE.saturating_sub(last));
    assert_eq!(second.take().await.expect("an answer"), Claim::Held);
    clock.advance(last);
    let (next, taken_over) = mine(second.take().await.expect("an answer"));
    assert!(taken_over);
    let late = app.tokens_purge(lease).await;
    assert!(matches!(late, Err(Error::LeaseEnded)), "{late:?}");
    first.release(lease).await.expect("nothing to release");
    assert_eq!(tokens(&f).await, 1, "the late step has deleted nothing");
    assert_eq!(app.tokens_purge(next).await.expect("a step"), 1);
}

pub async fn holder_takes_its_own_lease_at_once(f: Fixture) {
    let Nodes { mut first, .. } = Nodes::over(&f);
    let (one, _) = mine(first.take().await.expect("an answer"));
    let (two, taken_over) = mine(first.take().await.expect("an answer"));
    assert_eq!((two.term, taken_over), (one.term + 1, false));
}

pub async fn expired_tokens_are_purged_by_one_node_at_a_time(f: Fixture) {
    expired(&f).await;
    let Nodes { app, clock, mut first, mut second } = Nodes::over(&f);
    let (lease, _) = mine(first.take().await.expect("an answer"));
    for rows in [1000, 1, 0] {
        assert_eq!(app.tokens_purge(lease).await.expect("a step"), rows);
    }
    first.release(lease).await.expect("a release");
    let position = state(&f).await.position;
    assert!(
        position.len() == 8 && position.as_slice() <= clock.now().micros().to_be_bytes().as_slice(),
        "{position:?}"
    );
    for candidate in [&mut first, &mut second] {
        assert_eq!(candidate.take().await.expect("an answer"), Claim::Idle, "it was done just now");
    }
    clock.move_wall(600);
    let (lease, taken_over) = mine(second.take().await.expect("an answer"));
    assert!(!taken_over);
    app.tokens_purge(lease).await.expect("a step");
    second.release(lease).await.expect("a release");
    // That node's clock was wrong.
    clock.move_wall(-7200);
    mine(first.take().await.expect("an answer"));
}

pub async fn undone_step_leaves_no_position(f: Fixture) {
    let lease = take(&f, 1, Sign::default()).await.expect("it is free");
    let before = state(&f).await;
    let undone = f
        .store
        .write(move |tx, _| {
            tx.user_insert(&name("ann"), false, date(0))?;
            tx.lease_step(&lease, Some(b"there"))?;
            Err::<(), _>(Error::internal("undone"))
        })
        .await;
    assert!(undone.is_err());
    assert_eq!(state(&f).await, before);
}
