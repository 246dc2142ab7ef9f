//! Redis killed, flushed, or unreachable from one node: sockets of this node still receive events at once, and
//! all sockets are up to date soon after Redis returns.

use std::time::Duration;

use chinwag_core::event::{Event, Kind};
use chinwag_core::relation::Outcome;
use chinwag_core::{GroupId, Seq, UserId};
use chinwag_testkit::proxy::Proxy;
use chinwag_testkit::redis::Redis;
use chinwag_testkit::wait::until;
use tokio::time::{Instant, timeout};

use crate::harness::name_of;
use crate::nodes::{Node, Reader, StoreFile, assert_ascending, quick, wait_for_subscriptions};

/// All sockets must be up to date within this time after Redis returns.
const WHOLE_WITHIN: Duration = Duration::from_secs(15);

struct Scene {
    redis: Redis,
    proxy: Proxy,
    /// Connects to Redis directly.
    one: Node,
    /// Connects through the proxy.
    two: Node,
    ann: UserId,
    ben: UserId,
    group: GroupId,
    at_one: Reader,
    at_two: Reader,
    _place: StoreFile,
}

async fn scene() -> Scene {
    let (redis, place) = (Redis::start(), StoreFile::new());
    let proxy = Proxy::to(redis.address()).await;
    let one = Node::start(&place, &redis.url(), quick()).await;
    let two = Node::start(&place, &format!("redis://{}", proxy.address()), quick()).await;
    let (ann, ben) = (one.user("ann").await, one.user("ben").await);
    one.contacts(ann, ben).await;
    let group = one.group(1, &[ann, ben]).await;
    let (at_one, at_two) = (one.connect(ann, "ann").await, two.connect(ben, "ben").await);
    wait_for_subscriptions(&redis, 4 + 4).await;
    Scene { redis, proxy, one, two, ann, ben, group, at_one, at_two, _place: place }
}

impl Scene {
    /// Sends from both nodes in turn; a socket of the sending node must receive each message at once.
    async fn talk(&self) -> Seq {
        let mut last = Seq(0);
        for n in 0..40 {
            let (node, author, reader) = if n % 2 == 0 {
                (&self.one, self.ann, &self.at_one)
            } else {
                (&self.two, self.ben, &self.at_two)
            };
            last = node.send(self.group, author).await;
            let told = reader.wait_for_number(self.group, last);
            timeout(Duration::from_secs(5), told).await.expect("who is on this node is told at once");
        }
        last
    }

    async fn assert_caught_up(&self, last: Seq) {
        let since = Instant::now();
        for reader in [&self.at_one, &self.at_two] {
            let told = reader.wait_for_number(self.group, last);
            timeout(WHOLE_WITHIN, told).await.expect("everybody is whole in time");
            assert_eq!(reader.numbers(self.group), (1..=last.0).collect::<Vec<_>>());
        }
        assert!(since.elapsed() <= WHOLE_WITHIN);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_is_killed_and_comes_back() {
    let scene = scene().await;
    scene.redis.kill();
    until("both notice", || scene.one.hub.link() == Some(false) && scene.two.hub.link() == Some(false)).await;
    let last = scene.talk().await;
    assert!(scene.one.hub.counts().link.expect("a link").dropped > 0, "hints were dropped, not kept");
    scene.redis.start_again();
    scene.assert_caught_up(last).await;
    // Events without a number may have been lost: the contacts are sent again.
    scene.at_two.wait_for_text("contacts: ann online").await;
    scene.one.send(scene.group, scene.ann).await;
    scene.assert_caught_up(last.next()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_is_flushed_and_its_clients_thrown_out() {
    let scene = scene().await;
    assert_eq!(scene.redis.ask("FLUSHALL").as_deref(), Some("+OK"));
    scene.talk().await;
    assert_eq!(scene.redis.ask("CLIENT KILL TYPE pubsub").as_deref(), Some(":2"), "both are thrown out");
    let last = scene.talk().await;
    scene.assert_caught_up(last).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_node_is_cut_off_from_redis_for_a_while() {
    let scene = scene().await;
    scene.proxy.cut();
    until("it notices", || scene.two.hub.link() == Some(false)).await;
    assert_eq!(scene.one.hub.link(), Some(true));
    let last = scene.talk().await;
    // The first node's link was never down, so only the audit can find the loss.
    timeout(WHOLE_WITHIN, scene.at_one.wait_for_number(scene.group, last)).await.expect("in time");
    let (author, name) = ((scene.ann, name_of("ann")), (scene.ben, name_of("ben")));
    let kind = Kind::ContactUpdate { author, name, outcome: Outcome::Contact };
    let (ann, ben) = (scene.ann, scene.ben);
    scene
        .one
        .write(move |_, events| {
            events.push(Event::to_users(kind.clone(), vec![ann, ben]));
            Ok(())
        })
        .await;
    scene.proxy.restore();
    scene.assert_caught_up(last).await;
    scene.at_two.wait_for_text("contacts: ann online").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_link_is_detected() {
    let scene = scene().await;
    scene.proxy.stall();
    let last = scene.talk().await;
    until("it notices", || scene.two.hub.link() == Some(false)).await;
    scene.proxy.restore();
    scene.assert_caught_up(last).await;
    assert_ascending(&scene.at_two.numbers(scene.group));
}
