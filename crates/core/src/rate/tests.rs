use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use uuid::Uuid;

use super::*;
use crate::Date;

/// A clock that the test controls.
#[derive(Default)]
struct TestClock(AtomicU64);

impl Clock for TestClock {
    fn now(&self) -> Date {
        Date::from_micros(0)
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }

    fn uuid(&self) -> Uuid {
        Uuid::nil()
    }

    fn secret(&self) -> [u8; 32] {
        [0; 32]
    }
}

fn rates(change: impl FnOnce(&mut RateLimits)) -> (Arc<TestClock>, Rates) {
    let mut limits = RateLimits::lifted();
    change(&mut limits);
    let clock = Arc::new(TestClock::default());
    (clock.clone(), Rates::new(&limits, clock))
}

fn wait(result: Result<()>) -> Duration {
    match result {
        Err(Error::TooMany(wait)) => wait,
        other => panic!("{other:?}"),
    }
}

const ANN: UserId = UserId(1);

#[test]
fn burst_passes_then_the_rate_and_the_wait_is_exact() {
    let (clock, rates) = rates(|limits| (limits.messages_burst, limits.messages_per_second) = (3, 2));
    for _ in 0..3 {
        rates.spend(ANN, Cost::Message).expect("within the burst");
    }
    assert_eq!(wait(rates.spend(ANN, Cost::Message)), Duration::from_millis(500));
    rates.spend(UserId(2), Cost::Message).expect("another user has its own");
    clock.0.store(499, Ordering::Relaxed);
    assert_eq!(wait(rates.spend(ANN, Cost::Message)), Duration::from_millis(1));
    clock.0.store(500, Ordering::Relaxed);
    rates.spend(ANN, Cost::Message).expect("the refused ones took nothing");
    wait(rates.spend(ANN, Cost::Message));
}

#[test]
fn as_many_are_given_back_as_a_user_may_send() {
    let (clock, rates) = rates(|limits| {
        (limits.events_burst, limits.events_per_second) = (3, 1);
        (limits.messages_burst, limits.messages_per_second) = (1, 1);
    });
    for _ in 0..3 {
        rates.spend(ANN, Cost::Message).expect("what was given back is free again");
        rates.give_back(ANN, Cost::Message);
    }
    rates.spend(ANN, Cost::Message).expect("nothing was taken");
    rates.give_back(ANN, Cost::Message);
    assert_eq!(wait(rates.spend(ANN, Cost::Message)), Duration::from_secs(1), "the fourth stays counted");
    clock.0.store(1000, Ordering::Relaxed);
    rates.spend(ANN, Cost::Message).expect("a second later one more");
    rates.give_back(ANN, Cost::Message);
    rates.spend(ANN, Cost::Message).expect("and one is given back again");
}

#[test]
fn every_hundred_names_are_charged_as_one_change() {
    let (clock, rates) = rates(|limits| {
        (limits.events_burst, limits.events_per_second) = (3, 1);
        (limits.changes_burst, limits.changes_per_second) = (5, 1);
    });
    rates.spend(ANN, Cost::Members(201)).expect("three of five changes");
    assert_eq!(wait(rates.spend(ANN, Cost::Group(201))), Duration::from_secs(1));
    rates.give_back(ANN, Cost::Members(201));
    rates.spend(ANN, Cost::Members(10_000)).expect("it takes what a full bucket has");
    assert_eq!(wait(rates.spend(ANN, Cost::Change)), Duration::from_secs(1));
    rates.give_back(ANN, Cost::Members(10_000));
    wait(rates.spend(ANN, Cost::Change));
    clock.0.store(1000, Ordering::Relaxed);
    rates.spend(ANN, Cost::Group(100)).expect("a hundred names are one change");
}

#[test]
fn refusal_by_one_limit_takes_nothing_of_the_other() {
    let (clock, rates) = rates(|limits| {
        (limits.events_burst, limits.events_per_second) = (3, 1);
        (limits.messages_burst, limits.messages_per_second) = (1, 1);
    });
    rates.spend(ANN, Cost::Message).expect("the first");
    for _ in 0..10 {
        wait(rates.spend(ANN, Cost::Message));
    }
    rates.spend(ANN, Cost::Event).expect("the second event");
    rates.spend(ANN, Cost::Event).expect("the third event");
    wait(rates.spend(ANN, Cost::Event));
    rates.spend(ANN, Cost::Block).expect("a block is never refused");
    clock.0.store(1000, Ordering::Relaxed);
    wait(rates.spend(ANN, Cost::Event));
    clock.0.store(2000, Ordering::Relaxed);
    rates.spend(ANN, Cost::Event).expect("the block counted, and no more");
}

#[test]
fn day_is_a_bucket_that_refills_evenly() {
    let (clock, rates) = rates(|limits| limits.groups_per_day = 24);
    for _ in 0..24 {
        rates.spend(ANN, Cost::Group(0)).expect("within the day's number");
    }
    assert_eq!(wait(rates.spend(ANN, Cost::Group(0))), Duration::from_secs(3600));
    clock.0.store(3_600_000, Ordering::Relaxed);
    rates.spend(ANN, Cost::Group(0)).expect("an hour later one more");
    wait(rates.spend(ANN, Cost::Group(0)));
}

#[test]
fn zero_lifts_a_limit() {
    let (_, rates) = rates(|limits| (limits.events_burst, limits.events_per_second) = (1, 0));
    for _ in 0..1000 {
        rates.spend(ANN, Cost::Group(0)).expect("nothing is limited");
    }
    assert_eq!(rates.users.len(), 0, "and nothing is remembered");
}

#[test]
fn keys_are_bounded_and_empty_ones_swept() {
    let (clock, rates) = rates(|limits| limits.attempts_per_address = 1);
    let address = |n: u32| Key::Address(IpAddr::from(n.to_be_bytes()));
    let count = u32::try_from(KEYS).unwrap();
    for n in 0..count + count / 4 {
        rates.take(address(n), &[LimitKind::SignIns]).expect("the first of its address");
    }
    assert!(rates.strangers.len() <= KEYS);
    for n in 0..2 * count {
        clock.0.fetch_add(60_000, Ordering::Relaxed);
        rates.take(address(n), &[LimitKind::SignIns]).expect("a minute after the one before");
    }
    assert!(rates.strangers.len() < KEYS / 2, "{}", rates.strangers.len());
}

#[test]
fn nodes_add_up_and_nobody_waits_longer_than_the_window() {
    let (_, rates) = rates(|limits| limits.attempts_per_name = 10);
    let woken = Arc::new(AtomicUsize::new(0));
    let counted = woken.clone();
    rates.share(move || {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    let key = Key::Attempt([7; 16]);
    for _ in 0..3 {
        rates.take(key, &[LimitKind::Attempts]).expect("within the burst");
    }
    assert_eq!(woken.load(Ordering::Relaxed), 1, "one key waits once");
    let unsent = rates.unsent(10);
    assert_eq!(unsent.iter().map(|one| one.taken).collect::<Vec<_>>(), [Duration::from_secs(18)]);
    assert!(rates.unsent(10).is_empty(), "what was sent is sent");
    rates.take(key, &[LimitKind::Attempts]).expect("the fourth, unsent");
    // The other nodes counted six, in addition to the three from here.
    rates.settle(&unsent[0], Duration::from_secs(9 * 6));
    assert_eq!(wait(rates.take(key, &[LimitKind::Attempts])), Duration::from_secs(6));
    rates.settle(&unsent[0], Duration::from_secs(100_000));
    assert!(wait(rates.take(key, &[LimitKind::Attempts])) <= Duration::from_secs(66));
}
