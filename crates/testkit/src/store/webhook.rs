//! Webhooks, and the events that wait for another attempt.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use chinwag_core::feed::FeedKind;
use chinwag_core::store::Task;
use chinwag_core::webhook::{
    LONGEST_PAUSE, WaitingEvent, Webhook, WebhookAttempt, WebhookKinds, WebhookLane, WebhookQueue,
    WebhookSecret,
};
use chinwag_core::{Date, WebhookId};

use super::{Fixture, date, uuid};

fn webhook(number: i64) -> Webhook {
    Webhook {
        id: WebhookId(uuid(100 - number)),
        url: format!("https://a.example/{number}"),
        kinds: WebhookKinds::All,
        secret: WebhookSecret::stored(&[7; 32]),
        previous: None,
        created: date(number),
        queue: queue(number),
        position: number,
        replayed: None,
    }
}

fn queue(number: i64) -> WebhookQueue {
    WebhookQueue(uuid(200 + number))
}

fn lane(number: i64) -> WebhookLane {
    WebhookLane(uuid(300 + number))
}

fn event(of: i64, position: i64, due: Option<i64>) -> WaitingEvent {
    WaitingEvent { lane: lane(of), position, expires: date(1000), attempts: 0, due: due.map(date) }
}

async fn wait(f: &Fixture, events: &[WaitingEvent]) {
    let events = events.to_vec();
    f.write(move |tx| events.iter().try_for_each(|event| tx.webhook_wait(queue(1), event))).await;
}

async fn due(f: &Fixture, now: i64) -> Vec<(i64, Option<Date>)> {
    let found = f.read(move |tx| tx.webhook_due(queue(1), date(now), 10)).await;
    found.into_iter().map(|event| (event.position, event.due)).collect()
}

pub async fn a_webhook_is_read_as_it_was_kept(f: Fixture) {
    assert!(!f.read(|tx| tx.webhooks_exist()).await);
    let (one, two) = (webhook(1), webhook(2));
    let changed = Webhook {
        url: "https://b.example/".into(),
        kinds: WebhookKinds::of(&[FeedKind::MessageText, FeedKind::UserDelete]),
        secret: WebhookSecret::stored(&[8; 24]),
        previous: Some((WebhookSecret::stored(&[7; 32]), date(50))),
        ..two.clone()
    };
    let kept = (two.clone(), one.clone());
    f.write(move |tx| {
        tx.webhook_insert(&kept.0)?;
        tx.webhook_insert(&kept.1)
    })
    .await;
    assert!(f.read(|tx| tx.webhooks_exist()).await);
    assert_eq!(f.read(|tx| tx.webhooks()).await, [one.clone(), two.clone()], "the oldest first");
    let kept = changed.clone();
    f.write(move |tx| tx.webhook_update(&kept)).await;
    assert_eq!(f.read(move |tx| tx.webhook(two.id)).await.as_ref(), Some(&changed));
    let replayed = Webhook { queue: queue(9), position: 4, replayed: Some((date(60), 8)), ..changed };
    let kept = replayed.clone();
    f.write(move |tx| tx.webhook_replay(&kept)).await;
    assert_eq!(f.read(move |tx| tx.webhook(two.id)).await, Some(replayed));
    f.write(move |tx| tx.webhook_delete(two.id)).await;
    assert_eq!(f.read(|tx| tx.webhooks()).await, [one]);
    assert_eq!(f.read(move |tx| tx.webhook(two.id)).await, None);
}

pub async fn a_position_moves_in_its_own_queue_alone(f: Fixture) {
    let one = webhook(1);
    let (id, kept) = (one.id, one.clone());
    f.write(move |tx| tx.webhook_insert(&kept)).await;
    assert!(f.write(move |tx| tx.webhook_move(id, queue(1), 7)).await);
    assert!(!f.write(move |tx| tx.webhook_move(id, queue(2), 9)).await);
    assert_eq!(f.read(move |tx| tx.webhook(id)).await, Some(Webhook { position: 7, ..one }));
}

pub async fn the_newest_attempts_are_kept(f: Fixture) {
    let one = webhook(1);
    let id = one.id;
    f.write(move |tx| tx.webhook_insert(&one)).await;
    assert_eq!(f.read(move |tx| tx.webhook_attempts(id)).await, []);
    let attempt = |ms| WebhookAttempt {
        event: "event".into(),
        date: date(1),
        status: Some(500),
        error: Some("it is broken".into()),
        ms,
    };
    let attempts: Vec<_> = (0..3).map(attempt).collect();
    let kept = attempts.clone();
    f.write(move |tx| tx.webhook_attempts_set(id, &kept)).await;
    assert_eq!(f.read(move |tx| tx.webhook_attempts(id)).await, attempts);
}

pub async fn an_event_due_by_a_clock_set_back_is_due(f: Fixture) {
    let far = i64::try_from(LONGEST_PAUSE.as_secs()).expect("small") + 5;
    wait(&f, &[event(1, 10, Some(far)), event(2, 11, Some(6))]).await;
    assert_eq!(due(&f, 6).await, [(11, Some(date(6)))], "a long pause");
    assert_eq!(f.read(|tx| tx.webhook_next_due(queue(1), date(5))).await, Some(date(6)));
    assert_eq!(due(&f, 4).await, [(10, Some(date(far)))]);
    assert_eq!(f.read(|tx| tx.webhook_next_due(queue(1), date(4))).await, Some(date(4)));
}

pub async fn waiting_events_are_due_one_of_each_lane(f: Fixture) {
    assert_eq!(f.read(|tx| tx.webhook_next_due(queue(1), date(4))).await, None);
    assert_eq!(f.read(|tx| tx.webhook_first_waiting(queue(1))).await, None);
    wait(&f, &[event(1, 10, Some(5)), event(1, 11, None), event(2, 8, Some(7)), event(1, 12, None)]).await;
    assert_eq!(due(&f, 4).await, []);
    assert_eq!(due(&f, 7).await, [(10, Some(date(5))), (8, Some(date(7)))]);
    assert_eq!(f.read(|tx| tx.webhook_next_due(queue(1), date(4))).await, Some(date(5)));
    assert_eq!(f.read(|tx| tx.webhook_first_waiting(queue(1))).await, Some(8));
    assert_eq!(f.read(|tx| tx.webhook_due(queue(2), date(9), 10)).await, [], "another queue");
    let again = WaitingEvent { attempts: 3, ..event(1, 10, Some(9)) };
    wait(&f, &[again]).await;
    let first = f.read(|tx| tx.webhook_lane(queue(1), lane(1), 2)).await;
    assert_eq!(first, [again, event(1, 11, None)]);
    f.write(|tx| {
        tx.webhook_wait_end(queue(1), lane(1), 10)?;
        tx.webhook_wake(queue(1), lane(1), date(6))
    })
    .await;
    assert_eq!(due(&f, 7).await, [(11, Some(date(6))), (8, Some(date(7)))]);
    f.write(|tx| {
        tx.webhook_wait_end(queue(1), lane(2), 8)?;
        tx.webhook_wake(queue(1), lane(2), date(6))
    })
    .await;
    assert_eq!(due(&f, 7).await, [(11, Some(date(6)))]);
}

pub async fn a_queue_is_erased_in_parts(f: Fixture) {
    let events: Vec<_> = (0..5).map(|position| event(position % 2, position, None)).collect();
    wait(&f, &events).await;
    f.write(|tx| tx.webhook_wait(queue(2), &event(1, 1, Some(1)))).await;
    let task = f.task();
    f.write(move |tx| tx.task_insert(task, &Task::EraseWebhookQueue(queue(1)))).await;
    assert_eq!(f.next_task().await, Some((task, Task::EraseWebhookQueue(queue(1)))));
    for count in [3, 2, 0] {
        assert_eq!(f.write(|tx| tx.webhook_queue_erase(queue(1), 3)).await, count);
    }
    assert_eq!(f.read(|tx| tx.webhook_lane(queue(2), lane(1), 5)).await, [event(1, 1, Some(1))]);
}
