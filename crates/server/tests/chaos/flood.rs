//! Flooding clients on both transports, in alternating runs with and without them.
//!
//! They exceed their limits many times over, but leave CPU time to the server: they run on the same machine,
//! and their own CPU use must not count against the server.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use chinwag_testkit::client::Client;
use chinwag_testkit::process::Running;
use chinwag_testkit::trial::{Incoming, TrialSocket, group, report, times};
use futures_util::future::join_all;
use serde_json::json;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::{median, program};

/// Pairs of users; one sends and the other replies.
const PAIRS: usize = 6;
/// Interval between messages of one sender, if the previous one was answered.
const EVERY: Duration = Duration::from_millis(25);
const RUN: Duration = Duration::from_secs(3);
/// Rate limit of messages and events per user and second, above the rate of any pair.
const RATE: &str = "100";
/// Frames per burst of a flooding client, and the pause between bursts.
const BURST: usize = 1000;
const AGAIN: Duration = Duration::from_millis(200);
/// Interval between password guesses. All but two a minute are answered with 429.
const GUESS: Duration = Duration::from_millis(20);
/// The share of their throughput that the pairs must keep.
const SHARE: f64 = 0.95;

/// Counters of refusals in one run.
#[derive(Default)]
struct Refused {
    /// Sockets closed with 4029.
    sockets: AtomicUsize,
    /// Sign-ins answered with 429.
    sign_ins: AtomicUsize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flooders_are_refused_and_the_others_keep_their_throughput() {
    let rounds = times(1, 9);
    let program = program();
    let running = program.serve_with(|command| {
        for kind in ["EVENTS", "MESSAGES"] {
            command.env(format!("CHINWAG_LIMITS__{kind}_PER_SECOND"), RATE);
            command.env(format!("CHINWAG_LIMITS__{kind}_BURST"), RATE);
        }
        command.env("CHINWAG_LOG__LEVEL", "error");
        command.env("CHINWAG_AUTH__ATTEMPTS_PER_NAME", "2");
    });
    let service = program.service(&running);
    let eve = service.user("eve").await;
    let flooded = group(&service, &["eve"]).await;
    let mut pairs = Vec::new();
    for number in 0..PAIRS {
        let (one, other) =
            (service.user(&format!("one{number}")).await, service.user(&format!("other{number}")).await);
        let group = group(&service, &[one.name(), other.name()]).await;
        pairs.push((one, other, group));
    }
    let refused = Refused::default();
    let nobody = Client::new(running.url(), None, "nobody");
    for _ in 0..2 {
        guess(&nobody).await;
    }
    let (mut with, mut without, mut shares) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        let (mut flooded_run, mut calm_run) = (0.0, 0.0);
        // Alternate the order, so that a drift between runs affects both kinds.
        for flood in [round % 2 == 0, round % 2 != 0] {
            let stop = AtomicBool::new(!flood);
            let talking = async {
                let said = talk(&running, &pairs).await;
                stop.store(true, Ordering::SeqCst);
                said
            };
            let flooding = flood_socket(&running, &eve, &flooded, &stop, &refused);
            let (said, (), ()) = tokio::join!(talking, flooding, flood_sign_in(&nobody, &stop, &refused));
            *if flood { &mut flooded_run } else { &mut calm_run } = said;
        }
        shares.push(flooded_run / calm_run);
        with.push(flooded_run);
        without.push(calm_run);
    }
    let (sockets, sign_ins) = (refused.sockets.into_inner(), refused.sign_ins.into_inner());
    assert!(sockets >= rounds && sign_ins >= rounds, "{sockets} times 4029, {sign_ins} times 429");
    let (share, with, without) = (median(shares), median(with), median(without));
    report(
        "flood",
        format!("{rounds} x 2 runs"),
        format!(
            "{with:.0} messages/s beside the flood, {without:.0} without: {share:.2} of it; {sockets} times 4029, {sign_ins} times 429"
        ),
    );
    // A single pair of runs beside other tests cannot measure throughput.
    assert!(rounds == 1 || share >= SHARE, "the others keep {share:.2}");
}

/// Runs all pairs: one user sends at every tick, the other replies. Returns the messages received per second.
async fn talk(running: &Running, pairs: &[(Client, Client, String)]) -> f64 {
    let connect = async |client: &Client| TrialSocket::live(running.url(), client.token(), None).await;
    let mut sockets = Vec::new();
    for (one, other, group) in pairs {
        sockets.push((connect(one).await, connect(other).await, group));
    }
    let begun = Instant::now();
    let talks = sockets.into_iter().map(|(mut one, mut other, group)| async move {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut received = 0_u32;
        while begun.elapsed() < RUN {
            ticks.tick().await;
            exchange(&mut one, &mut other, group, received).await;
            exchange(&mut other, &mut one, group, received + 1).await;
            received += 2;
        }
        received
    });
    let received: u32 = join_all(talks).await.into_iter().sum();
    f64::from(received) / begun.elapsed().as_secs_f64()
}

/// Sends a message, and waits until the other user has received it.
async fn exchange(speaker: &mut TrialSocket, listener: &mut TrialSocket, group: &str, number: u32) {
    let body = format!("said {number}");
    let said = speaker.ask("message.text", json!({ "group": group, "body": body }), &body).await;
    while frame(listener).await["seq"] != said["seq"] {}
}

async fn frame(socket: &mut TrialSocket) -> serde_json::Value {
    match socket.next().await {
        Incoming::Frame(frame) => frame,
        Incoming::End(code) => panic!("one who does not flood was closed with {code:?}"),
    }
}

/// Sends bursts as fast as the socket takes them until it is closed, then reconnects.
async fn flood_socket(running: &Running, eve: &Client, group: &str, stop: &AtomicBool, refused: &Refused) {
    while !stop.load(Ordering::SeqCst) {
        let mut socket = TrialSocket::connect(running.url(), eve.token()).await.expect("the server is there");
        let event = json!({ "type": "message.text", "data": { "group": group, "body": "flood" } });
        for _ in 0..BURST {
            if !socket.send(event.clone()).await {
                break;
            }
        }
        loop {
            if let Incoming::End(code) = socket.next().await {
                assert_eq!(code, Some(4029));
                refused.sockets.fetch_add(1, Ordering::SeqCst);
                break;
            }
        }
        sleep(AGAIN).await;
    }
}

/// Guesses passwords at intervals.
async fn flood_sign_in(nobody: &Client, stop: &AtomicBool, refused: &Refused) {
    while !stop.load(Ordering::SeqCst) {
        if guess(nobody).await == 429 {
            refused.sign_ins.fetch_add(1, Ordering::SeqCst);
        }
        sleep(GUESS).await;
    }
}

async fn guess(nobody: &Client) -> u16 {
    let answer = nobody.post("sessions/", json!({ "name": "eve", "password": "a guess, and wrong" })).await;
    assert!([401, 429].contains(&answer.status), "{}", answer.text);
    answer.status
}
