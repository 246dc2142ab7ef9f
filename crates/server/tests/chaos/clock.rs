//! A wall clock that jumps back and forth by an hour, as when an administrator sets the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chinwag_core::clock::SystemClock;
use chinwag_core::{Clock, Date, MessageId};
use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::Client;
use chinwag_testkit::setup::seq;
use chinwag_testkit::trial::{TrialSocket, group, history, report, times};
use serde_json::{Value, json};

const HOUR: i64 = 3_600_000_000;

/// The machine's clock with an offset in microseconds.
#[derive(Default)]
struct Jumping {
    clock: SystemClock,
    off: AtomicI64,
}

impl Jumping {
    fn jump(&self, hours: i64) {
        self.off.store(hours * HOUR, Ordering::Relaxed);
    }
}

impl Clock for Jumping {
    fn now(&self) -> Date {
        Date::from_micros(self.clock.now().micros() + self.off.load(Ordering::Relaxed))
    }

    /// Ids contain the shifted time, too.
    fn uuid(&self) -> uuid::Uuid {
        let id = MessageId(self.clock.uuid()).to_string();
        let millis = self.now().micros() / 1000;
        let id = format!("{:08x}-{:04x}-{}", millis >> 16, millis & 0xffff, &id[14..]);
        id.parse::<MessageId>().expect("it has the form of an id").0
    }

    fn secret(&self) -> [u8; 32] {
        self.clock.secret()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_jump_of_an_hour_moves_no_order_page_or_read_mark() {
    let sends = times(40, 2000);
    let clock = Arc::new(Jumping::default());
    let app = TestApp::with(|options| options.clock = clock.clone()).await;
    let (ann, bob) = (user(&app, "ann").await, user(&app, "bob").await);
    let group = group(&app.service(), &["ann", "bob"]).await;
    let mut socket = TrialSocket::connect(&app.url(), bob.token()).await.expect("the server is there");
    let mut sent = Vec::new();
    for number in 0..sends {
        clock.jump([0, 1, -1, 1, 0, -1][number % 6]);
        let data = json!({ "group": group, "body": number.to_string() });
        sent.push(match number % 2 {
            0 => ann.post("messages/", data).await.ok(201),
            _ => socket.ask("message.text", data, "said").await["data"].take(),
        });
    }
    let seqs: Vec<_> = sent.iter().map(seq).collect();
    let ascending: Vec<_> = (2..).take(sends).collect();
    assert_eq!(seqs, ascending, "numbers are given in the order of sending");
    let dates: Vec<_> = sent.iter().map(|message| message["date"].as_str().expect("a date")).collect();
    let back = dates.windows(2).filter(|pair| pair[1] < pair[0]).count();
    assert!(back >= sends / 3, "the dates go back {back} times");

    assert_eq!(history(&ann, &group).await, sent);
    assert_eq!(backwards(&ann, &group, 7).await, seqs.iter().rev().copied().collect::<Vec<_>>());
    marks(&clock, (&ann, &bob), &group, &mut socket, seqs[sends - 1]).await;
    report(
        "clock",
        format!("{sends} messages"),
        format!("{back} dates earlier than the one before; order kept"),
    );
}

/// Asserts that the read mark does not move, whatever the dates are, and that later messages are unread.
async fn marks(
    clock: &Jumping,
    (ann, bob): (&Client, &Client),
    group: &str,
    socket: &mut TrialSocket,
    last: i64,
) {
    let path = format!("groups/{group}/?fields=unread+last_read_seq+head");
    clock.jump(1);
    let read = socket.ask("message.read", json!({ "group": group, "seq": last }), "read").await;
    assert_eq!(read["data"]["seq"], last);
    clock.jump(-1);
    ann.post("messages/", json!({ "group": group, "body": "two hours before" })).await.ok(201);
    let shown = bob.get(&path).await.ok(200);
    assert_eq!(shown, json!({ "unread": 1, "last_read_seq": last, "head": last + 1 }));
    let read = socket.ask("message.read", json!({ "group": group, "seq": last - 3 }), "back").await;
    assert_eq!(read["data"]["seq"], last, "a mark does not move back");
    let read = socket.ask("message.read", json!({ "group": group, "seq": last + 1 }), "on").await;
    assert_eq!(read["data"]["seq"], last + 1);
    clock.jump(0);
    assert_eq!(
        bob.get(&path).await.ok(200),
        json!({ "unread": 0, "last_read_seq": last + 1, "head": last + 1 })
    );
    ann.delete(&format!("messages/{}/", newest(ann, group).await["id"].as_str().expect("an id")))
        .await
        .ok(200);
}

/// The numbers of all messages, newest first, read in pages of `length`.
async fn backwards(client: &Client, group: &str, length: usize) -> Vec<i64> {
    let (mut seqs, mut before) = (Vec::new(), String::new());
    loop {
        let path = format!("groups/{group}/messages/?limit={length}{before}");
        let page = client.get(&path).await.ok(200);
        let page = page.as_array().expect("an array");
        seqs.extend(page.iter().map(seq));
        let Some(oldest) = page.last() else { return seqs };
        before = format!("&before={}", seq(oldest));
    }
}

async fn newest(client: &Client, group: &str) -> Value {
    client.get(&format!("groups/{group}/messages/?limit=1")).await.ok(200)[0].take()
}

/// Creates a user with a token that outlives every jump.
async fn user(app: &TestApp, name: &str) -> Client {
    let service = app.service();
    service.post("users/", json!({ "name": name })).await.ok(201);
    let issued = service.post(&format!("users/{name}/tokens/"), json!({ "ttl": 86_400 })).await.ok(201);
    Client::new(&app.url(), issued["token"].as_str(), name)
}
