//! W16: W5's messages per second with the feed, a webhook and the search index on, beside the same with all of them off, and
//! the time from a message to its webhook event.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::RunSettings;
use super::fanout::Stage;
use super::rest::ask;
use crate::baseline::hook::HookSink;
use crate::subject::{Subject, WITHOUT_INDEX};
use crate::table::{Goal, Measurement, Outcome};
use crate::world::{Plan, World};

const GROUPS: usize = 8;
const IN_FLIGHT: u64 = 32;
/// A rate in messages per second at which each webhook request carries few events.
const STEADY: f64 = 200.0;
const LAG_MS: f64 = 2000.0;
/// Timeout for the backlog of events after the load.
const SENT_WITHIN: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);

const ON: [(&str, &str); 2] = [("CHINWAG_EVENTS__ENABLED", "true"), ("CHINWAG_WEBHOOKS__PRIVATE", "true")];

/// A server with followers, its world, and the receiver of its webhook.
struct FollowedServer {
    stage: Stage,
    world: World,
    sink: Arc<HookSink>,
}

pub(super) fn run(settings: &RunSettings) -> Outcome {
    let plan = Plan::crowds(GROUPS, 2);
    let mut with = FollowedServer::set(settings, &plan)?;
    let world = World::make(&settings.server, &plan)?;
    let mut without = Stage::set(Subject::chinwag_with(&world.program, &WITHOUT_INDEX)?, &world)?;

    let what = "W16: messages with the feed, a webhook and the index, beside those without";
    let mut rate = Measurement::new(what, "messages/s", Goal::AtLeast(0.75));
    let what = format!("W16: lag of the webhook at {STEADY:.0} messages/s, p99");
    let mut steady = Measurement::new(what, "ms", Goal::AtMost(1.0));
    let what = "W16: lag of the webhook, W5's load, p99";
    let mut full = Measurement::new(what, "ms", Goal::AtMost(1.0));
    for _ in 0..settings.rounds {
        let sent = with.stage.crowd.send_at_rate(STEADY, settings.stretch)?.messages;
        steady.pairs.push((with.lag(sent)?.0, LAG_MS));
    }
    for round in 0..settings.rounds {
        eprintln!("  round {} of {} …", round + 1, settings.rounds);
        let run = with.stage.crowd.send_windowed(IN_FLIGHT, settings.stretch)?;
        let (lag, received, seconds) = with.lag(run.messages)?;
        let bare = without.crowd.send_windowed(IN_FLIGHT, settings.stretch)?;
        rate.pairs.push((run.messages as f64 / run.seconds, bare.messages as f64 / bare.seconds));
        full.pairs.push((lag, LAG_MS));
        let share = 100.0 * received as f64 / run.messages.max(1) as f64;
        full.note = format!("{share:.0} % received within {seconds:.0} s after the load");
    }
    with.stage.subject.stop()?;
    without.subject.stop()?;
    with.world.check(&with.stage.crowd.sent())?;
    world.check(&without.crowd.sent())?;
    Ok(vec![rate, steady, full])
}

impl FollowedServer {
    fn set(settings: &RunSettings, plan: &Plan) -> Result<Self> {
        let world = World::make(&settings.server, plan)?;
        let sink = HookSink::start()?;
        let subject = Subject::chinwag_with(&world.program, &ON)?;
        let (key, url) = (world.program.key(), sink.url());
        let content = format!(r#"{{"url":"{url}","types":["message.text"]}}"#);
        let head = format!(
            "POST /api/v1/webhooks/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            content.len()
        );
        let (status, answer) = ask(&subject, (head + &content).as_bytes())?;
        ensure!(status == 201, "a webhook was answered {status}: {}", String::from_utf8_lossy(&answer));
        Ok(Self { stage: Stage::set(subject, &world)?, world, sink })
    }

    /// Waits for the events of `messages` messages. Returns the p99 latency in milliseconds, the number of events received, and
    /// the seconds until the last one.
    fn lag(&self, messages: u64) -> Result<(f64, usize, f64)> {
        let (begun, mut lags) = (Instant::now(), Vec::new());
        loop {
            lags.extend(self.sink.take());
            let is_over = begun.elapsed() > SENT_WITHIN;
            if lags.len() as u64 >= messages || is_over {
                break;
            }
            std::thread::sleep(PAUSE);
        }
        let received = lags.len();
        ensure!(received > 0, "the webhook received nothing");
        // A missing event counts as the latest.
        let missing = usize::try_from(messages)?.saturating_sub(received);
        lags.extend(std::iter::repeat_n(f64::INFINITY, missing));
        lags.sort_by(f64::total_cmp);
        let p99 = lags[lags.len() * 99 / 100].min(SENT_WITHIN.as_secs_f64() * 1000.0);
        Ok((p99, received, begun.elapsed().as_secs_f64()))
    }
}
