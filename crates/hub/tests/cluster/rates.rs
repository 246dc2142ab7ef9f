//! Rate limits that nodes share through a real Redis.

use std::sync::Arc;

use chinwag_core::UserId;
use chinwag_core::bus::Bus;
use chinwag_core::clock::SystemClock;
use chinwag_core::limits::RateLimits;
use chinwag_core::rate::{Cost, Key, LimitKind, Rates};
use chinwag_hub::bus::{Receiver, RedisBus, RedisOptions};
use chinwag_testkit::redis::Redis;
use chinwag_testkit::wait::{Wait, until};

use crate::nodes::{Node, StoreFile, connect, unaudited, wait_for_subscriptions};

/// A daily limit, so that nothing refills during a test.
const A_DAY: u32 = 10;
const ANN: UserId = UserId(1);

fn rates() -> Arc<Rates> {
    let limits = RateLimits { groups_per_day: A_DAY, ..RateLimits::lifted() };
    Arc::new(Rates::new(&limits, Arc::new(SystemClock::default())))
}

async fn node(url: &str, secret: &str) -> (Arc<RedisBus>, Receiver) {
    connect(RedisOptions::new(url, secret.as_bytes())).await
}

/// Uses up a daily limit on one node, and waits until it is used up on another node that has counted once.
pub(crate) async fn count_together(one: &RedisBus, other: &RedisBus) {
    let (here, there) = (rates(), rates());
    one.share_rates(&here);
    other.share_rates(&there);
    for _ in 0..A_DAY - 1 {
        here.spend(ANN, Cost::Group(0)).expect("within the day's number");
    }
    there.spend(ANN, Cost::Group(0)).expect("it knows of one");
    is_used_up(&there).await;
    there.spend(UserId(2), Cost::Group(0)).expect("another user");
}

async fn is_used_up(rates: &Rates) {
    until("the sum of the nodes", || rates.check(Key::User(ANN), &[LimitKind::Groups]).is_err()).await;
}

#[tokio::test]
async fn nodes_count_limits_together() {
    let redis = Redis::start();
    let ((one, _a), (other, _b)) = (node(&redis.url(), "secret").await, node(&redis.url(), "secret").await);
    count_together(&one, &other).await;
    let (stranger, _c) = node(&redis.url(), "another cluster's").await;
    let apart = rates();
    stranger.share_rates(&apart);
    for _ in 0..A_DAY {
        apart.spend(ANN, Cost::Group(0)).expect("another cluster counts for itself");
    }
}

#[tokio::test]
async fn nodes_of_a_redis_cluster_count_together() {
    let redis = Redis::cluster();
    assert_eq!(redis.ask("CLUSTER ADDSLOTSRANGE 0 16383").as_deref(), Some("+OK"));
    until("the cluster", || redis.ask("CLUSTER INFO").is_some_and(|info| info.contains("state:ok"))).await;
    let url = format!("redis+cluster://{}", redis.address());
    let ((one, _a), (other, _b)) = (node(&url, "secret").await, node(&url, "secret").await);
    count_together(&one, &other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn full_redis_keeps_the_link_and_its_hints() {
    let (redis, place) = (Redis::start(), StoreFile::new());
    let one = Node::start(&place, &redis.url(), unaudited()).await;
    let two = Node::start(&place, &redis.url(), unaudited()).await;
    let (ann, ben) = (one.user("ann").await, one.user("ben").await);
    let group = one.group(1, &[ann, ben]).await;
    let at_two = two.connect(ben, "ben").await;
    wait_for_subscriptions(&redis, 4 + 2).await;
    let rates = rates();
    one.bus.share_rates(&rates);
    assert_eq!(redis.ask("CONFIG SET maxmemory 1").as_deref(), Some("+OK"));
    for _ in 0..A_DAY {
        rates.spend(ann, Cost::Group(0)).expect("within the day's number");
        let refused = || redis.ask("INFO errorstats").is_some_and(|stats| stats.contains("errorstat_OOM"));
        until("Redis refuses the count", refused).await;
        let sent = one.send(group, ann).await;
        at_two.wait_for_number(group, sent).await;
    }
    assert_eq!(one.hub.counts().link.expect("there is a link").dropped, 0);
}

#[tokio::test]
async fn node_without_redis_counts_by_itself() {
    let redis = Redis::start();
    let (bus, _receiver) = node(&redis.url(), "secret").await;
    let rates = rates();
    bus.share_rates(&rates);
    rates.spend(ANN, Cost::Group(0)).expect("the first");
    redis.kill();
    for _ in 1..A_DAY {
        rates.spend(ANN, Cost::Group(0)).expect("within the day's number");
    }
    rates.spend(ANN, Cost::Group(0)).expect_err("the day's number is used up");
    redis.start_again();
    until("the link", || bus.link().is_up()).await;
    rates.spend(ANN, Cost::Group(0)).expect_err("and stays so");
}

#[tokio::test]
async fn counts_do_not_pile_up_while_redis_is_away() {
    let redis = Redis::start();
    let (bus, _receiver) = node(&redis.url(), "secret").await;
    let rates = rates();
    bus.share_rates(&rates);
    redis.kill();
    until("the link is lost", || !bus.link().is_up()).await;
    let wait = Wait::begin();
    for user in 1.. {
        rates.spend(UserId(user), Cost::Group(0)).expect("within the day's number");
        wait.step(|| "every count still waits").await;
        if rates.unsent(1).is_empty() {
            return;
        }
    }
}
