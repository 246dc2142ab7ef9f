//! Subscriptions to notifications, and the notifications that wait for them.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use std::sync::Arc;
use std::time::Duration;

use chinwag_core::app::App;
use chinwag_core::app::follower::Claim;
use chinwag_core::app::push::{DecideOutcome, PushDecision, PushOutcome, PushResult};
use chinwag_core::clock::SystemClock;
use chinwag_core::feed::{FeedKind, FeedRow};
use chinwag_core::group_settings::{GroupSettings, Notify};
use chinwag_core::limits::Limits;
use chinwag_core::profile::{Details, UserKind};
use chinwag_core::push::{
    DeviceKeys, LONGEST_PAUSE, NotifyFacts, PUSH_WAITING, ServerKeys, Subscription, WaitingPush,
};
use chinwag_core::store::Follower;
use chinwag_core::suspension::{Suspension, UserStanding};
use chinwag_core::token::{Kind, TokenHash};
use chinwag_core::{GroupId, MessageId, PushId, Seq, UserId};

use super::{Fixture, bare_details, date, uuid};
use crate::fault::{Faults, Faulty};

fn subscription(number: i64, user: UserId) -> Subscription {
    Subscription {
        id: PushId(uuid(number)),
        user,
        endpoint: format!("https://push.example/{number}"),
        keys: DeviceKeys { public: vec![4; 65], secret: vec![7; 16] },
        token: None,
        created: date(number),
        sent: date(number),
        expires: date(100),
    }
}

async fn keep(f: &Fixture, subscription: &Subscription) {
    let kept = subscription.clone();
    f.write(move |tx| tx.subscription_set(&kept)).await;
}

fn waiting(subscription: &Subscription, group: GroupId, seq: i64) -> WaitingPush {
    WaitingPush {
        subscription: subscription.id,
        group,
        message: MessageId(uuid(500 + seq)),
        seq: Seq(seq),
        urgent: false,
        due: date(seq),
        expires: date(seq).plus(Duration::from_secs(1000)),
        attempts: 0,
    }
}

async fn wait(f: &Fixture, push: WaitingPush) {
    f.write(move |tx| tx.push_set(&push)).await;
}

async fn due(f: &Fixture, urgent: bool, now: i64) -> Vec<i64> {
    let found = f.read(move |tx| tx.pushes_due(urgent, date(now), 10)).await;
    found.into_iter().map(|push| push.seq.0).collect()
}

pub async fn keys_are_kept_once(f: Fixture) {
    assert_eq!(f.read(|tx| tx.push_keys()).await, None);
    let keys = |byte| ServerKeys { private: vec![byte; 138], public: vec![byte; 65] };
    f.write(move |tx| tx.push_keys_set(&keys(1))).await;
    f.write(move |tx| tx.push_keys_set(&keys(2))).await;
    assert_eq!(f.read(|tx| tx.push_keys()).await, Some(keys(1)));
    assert_eq!((f.read(|tx| tx.push_begin()).await, f.read(|tx| tx.notify_asked()).await), (0, None));
    f.write(|tx| tx.push_begin_set(9)).await;
    f.write(|tx| tx.notify_asked_set(date(4))).await;
    assert_eq!(f.read(|tx| tx.push_begin()).await, 9);
    assert_eq!(f.read(|tx| tx.notify_asked()).await, Some(date(4)));
    assert_eq!(f.read(|tx| tx.push_keys()).await, Some(keys(1)));
}

pub async fn a_subscription_is_read_as_it_was_kept(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    assert!(!f.read(|tx| tx.subscriptions_exist()).await);
    let (one, two) = (subscription(2, ann), subscription(1, ann));
    keep(&f, &one).await;
    keep(&f, &two).await;
    assert!(f.read(|tx| tx.subscriptions_exist()).await);
    let of = |user, now| f.read(move |tx| tx.subscriptions(user, date(now)));
    assert_eq!(of(ann, 50).await, [two.clone(), one.clone()], "the one sent longest ago first");
    assert_eq!(of(ann, 100).await, [], "they have ended");
    assert_eq!(of(bob, 50).await, []);
    let (id, endpoint) = (one.id, one.endpoint.clone());
    assert_eq!(f.read(move |tx| tx.subscription(id)).await, Some(one.clone()));
    assert_eq!(f.read(move |tx| tx.subscription_of(&endpoint)).await, Some(one.clone()));
    assert_eq!(f.read(|tx| tx.subscription_of("https://other.example/")).await, None);
    let renewed = Subscription { sent: date(9), expires: date(200), ..two.clone() };
    keep(&f, &renewed).await;
    assert_eq!(of(ann, 50).await, [one, renewed.clone()]);
    f.write(move |tx| tx.subscription_delete(id)).await;
    assert_eq!(of(ann, 50).await, [renewed]);
}

pub async fn a_subscription_ends_with_its_token_and_its_user(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let hash = TokenHash([3; 32]);
    f.write(move |tx| tx.token_insert(&hash, ann, Kind::Token, date(90))).await;
    let by_token = Subscription { token: Some(hash), ..subscription(1, ann) };
    let of_bob = subscription(2, bob);
    keep(&f, &by_token).await;
    keep(&f, &of_bob).await;
    let group = f.group(&[ann, bob]).await;
    wait(&f, waiting(&by_token, group, 1)).await;
    f.write(move |tx| tx.token_delete(&hash)).await;
    assert_eq!(f.read(move |tx| tx.subscriptions(ann, date(5))).await, []);
    assert_eq!(due(&f, false, 50).await, Vec::<i64>::new(), "nothing waits for it");
    let task = f.task();
    f.write(move |tx| tx.user_delete(bob, task)).await;
    assert!(!f.read(|tx| tx.subscriptions_exist()).await);
}

pub async fn a_notification_due_by_a_clock_set_back_is_due(f: Fixture) {
    let ann = f.user("ann").await;
    let (phone, group) = (subscription(1, ann), f.group(&[ann]).await);
    keep(&f, &phone).await;
    let far = i64::try_from(LONGEST_PAUSE.as_secs()).expect("small") + 5;
    wait(&f, waiting(&phone, group, far)).await;
    assert_eq!(due(&f, false, 5).await, Vec::<i64>::new(), "a long pause");
    assert_eq!(due(&f, false, 4).await, [far]);
    assert_eq!(due(&f, true, 4).await, Vec::<i64>::new(), "it is not urgent");
}

pub async fn ended_subscriptions_are_purged(f: Fixture) {
    let ann = f.user("ann").await;
    for number in 1..=3 {
        keep(&f, &Subscription { expires: date(number * 10), ..subscription(number, ann) }).await;
    }
    assert_eq!(f.write(|tx| tx.subscriptions_purge(date(25))).await, 2);
    assert_eq!(f.write(|tx| tx.subscriptions_purge(date(25))).await, 0);
    assert_eq!(f.read(move |tx| tx.subscriptions(ann, date(0))).await.len(), 1);
}

pub async fn facts_are_of_members_in_order(f: Fixture) {
    let (ann, bob, cid) = (f.user("ann").await, f.user("bob").await, f.user("cid").await);
    let group = f.group(&[ann, bob, cid]).await;
    keep(&f, &subscription(1, bob)).await;
    keep(&f, &Subscription { expires: date(5), ..subscription(2, cid) }).await;
    let message = f.send(group, ann).await;
    let (at, seq) = (message.date, message.seq);
    f.write(move |tx| tx.mark_set(group, cid, seq, at)).await;
    let settings =
        GroupSettings { notify: Notify::Mentions, muted_until: Some(date(77)), ..GroupSettings::default() };
    f.write(move |tx| tx.group_settings_set(group, bob, &settings)).await;
    f.write(move |tx| tx.pending_set(group, ann, true)).await;
    let bot = Details { kind: UserKind::Bot, ..bare_details() };
    f.write(move |tx| tx.profile_set(cid, &bot)).await;
    let facts = |after, all, limit| f.read(move |tx| tx.notify_facts(group, after, all, date(10), limit));
    let of_bob = NotifyFacts {
        user: bob,
        notify: Notify::Mentions,
        muted_until: Some(date(77)),
        read: Seq(0),
        pending: false,
        is_bot: false,
        subscribed: true,
    };
    let plain = NotifyFacts { notify: Notify::All, muted_until: None, subscribed: false, ..of_bob };
    let of_ann = NotifyFacts { user: ann, pending: true, ..plain };
    let of_cid = NotifyFacts { user: cid, is_bot: true, read: seq, ..plain };
    assert_eq!(facts(UserId(0), true, 10).await, [of_ann, of_bob, of_cid]);
    assert_eq!(facts(ann, true, 1).await, [of_bob]);
    assert_eq!(facts(UserId(0), false, 10).await, [of_bob], "those alone whose subscription stands");
    assert_eq!(facts(bob, false, 10).await, []);
    let suspend = |until| {
        let suspension = Some(Suspension { until: date(until), reason: None });
        let standing = UserStanding { admin: false, suspension };
        f.write(move |tx| tx.user_standing_set(bob, &standing))
    };
    suspend(11).await;
    assert_eq!(facts(UserId(0), true, 10).await, [of_ann, of_cid], "not of those who are suspended");
    assert_eq!(facts(UserId(0), false, 10).await, []);
    suspend(10).await;
    assert_eq!(facts(UserId(0), false, 10).await, [of_bob]);
}

pub async fn a_notification_waits_once_for_each_group(f: Fixture) {
    let ann = f.user("ann").await;
    let (one, other) = (f.group(&[ann]).await, f.group(&[ann]).await);
    let device = subscription(1, ann);
    let first = waiting(&device, one, 1);
    wait(&f, first).await;
    assert_eq!(due(&f, false, 50).await, Vec::<i64>::new(), "there is no such subscription");
    keep(&f, &device).await;
    wait(&f, first).await;
    wait(&f, WaitingPush { urgent: true, ..waiting(&device, other, 2) }).await;
    assert_eq!((due(&f, false, 50).await, due(&f, true, 50).await), (vec![1], vec![2]));
    assert_eq!(due(&f, false, 0).await, Vec::<i64>::new(), "it is not due yet");
    let newer = WaitingPush { due: date(30), attempts: 3, ..waiting(&device, one, 7) };
    wait(&f, newer).await;
    let id = device.id;
    assert_eq!(f.read(move |tx| tx.push_waiting(id, one)).await, Some(newer));
    assert_eq!((due(&f, false, 29).await, due(&f, false, 30).await), (vec![], vec![7]));
    f.write(move |tx| tx.push_delete(id, one)).await;
    assert_eq!(f.read(move |tx| tx.push_waiting(id, one)).await, None);
    f.write(move |tx| tx.subscription_delete(id)).await;
    assert_eq!(due(&f, true, 50).await, Vec::<i64>::new(), "it ended with its subscription");
}

pub async fn notification_that_was_not_sent_is_put_back(f: Fixture) {
    let ann = f.user("ann").await;
    let (device, group) = (subscription(1, ann), f.group(&[ann]).await);
    keep(&f, &device).await;
    let app = App::new(f.store.clone(), Arc::new(SystemClock::default()), Limits::default());
    let unsent = PushOutcome { waiting: waiting(&device, group, 1), result: PushResult::Busy };
    app.push_outcomes(vec![unsent]).await.expect("no lease is needed");
    let id = device.id;
    let found = f.read(move |tx| tx.push_waiting(id, group)).await;
    assert_eq!(found.map(|push| push.seq), Some(Seq(1)));
}

pub async fn the_oldest_of_too_many_notifications_goes(f: Fixture) {
    let ann = f.user("ann").await;
    let device = subscription(1, ann);
    keep(&f, &device).await;
    let groups = i64::try_from(PUSH_WAITING).expect("small") + 1;
    let group = |number| GroupId(uuid(1000 + number));
    let pushes: Vec<_> = (1..=groups).rev().map(|number| waiting(&device, group(number), number)).collect();
    f.write(move |tx| pushes.iter().try_for_each(|push| tx.push_set(push))).await;
    let id = device.id;
    let waits = |number| f.read(move |tx| Ok(tx.push_waiting(id, group(number))?.is_some()));
    assert!(waits(1).await, "the last one that came");
    assert!(!waits(2).await, "the oldest of the others");
    assert!(waits(3).await && waits(groups).await);
}

pub async fn event_that_cannot_be_decided_stops_no_others(f: Fixture) {
    let faults = Arc::<Faults>::default();
    let store = Arc::new(Faulty::new(f.store.clone(), faults.clone()));
    let app = App::new(store, Arc::new(SystemClock::default()), Limits::default());
    let (ann, bob, now) = (f.user("ann").await, f.user("bob").await, app.clock().now());
    f.write(|tx| tx.feed_switch(true)).await;
    let phone = Subscription { expires: now.plus(Duration::from_secs(100)), ..subscription(1, bob) };
    keep(&f, &phone).await;
    let (one, other) = (f.group(&[ann, bob]).await, f.group(&[ann, bob]).await);
    for group in [one, other] {
        let message = Some(f.send(group, ann).await.id);
        let row = FeedRow { group: Some(group), message, ..FeedRow::new(FeedKind::MessageText, now) };
        f.write(move |tx| tx.feed_insert(&row)).await;
    }
    f.write(|tx| tx.feed_number(10)).await;
    let mut candidate = app.candidate(Follower::Notifications, Duration::ZERO);
    let Ok(Claim::Mine { lease, .. }) = candidate.take().await else { panic!("it has work") };
    let decision = PushDecision { lease, settled: i64::MAX };
    let decide = async || app.push_decide(decision, |users| vec![false; users.len()]).await.expect("a step");
    // The attempts with 500, 250 … 3, 1 rows.
    (0..9).for_each(|_| faults.panic_in_read());
    assert!(matches!(decide().await, DecideOutcome::Skipped(_)));
    assert!(matches!(decide().await, DecideOutcome::Some(_)));
    assert!(matches!(decide().await, DecideOutcome::Nothing));
    let waits = |group| f.read(move |tx| Ok(tx.push_waiting(phone.id, group)?.is_some()));
    assert_eq!((waits(one).await, waits(other).await), (false, true));
}
