//! W4: the time from the due time of a message to its delivery, at a fixed half of W3's peak rate, whether or not the server
//! keeps up; beside the bare server's time and that of a commit. The load and the server have one core each.

use std::time::Instant;

use anyhow::Result;
use chinwag_core::clock::SystemClock;
use chinwag_core::send::Kept;
use chinwag_core::store::NewMessage;
use chinwag_core::{Clock, MessageId};

use super::RunSettings;
use super::fanout::Stage;
use crate::cores::Cores;
use crate::subject::Subject;
use crate::table::{Goal, Measurement, Outcome};
use crate::world::{self, Plan, World};

pub(super) fn run(settings: &RunSettings) -> Outcome {
    let plan = Plan::crowds(settings.size(10, 2), 10);
    let world = World::make(&settings.server, &plan)?;
    let bench = World::make(&settings.server, &plan)?;
    let cores = Cores::split()?;
    let mut chinwag = Stage::set(cores.on_server(|| Subject::chinwag(&world.program))?, &world)?;
    let mut bare = Stage::set(cores.on_server(|| Subject::bare(&["fanout"]))?, &world)?;
    let peak = chinwag.crowd.send_windowed(1, settings.stretch)?;
    let rate = peak.messages as f64 / peak.seconds / 2.0;
    let mut row = Measurement::new("W4: p99 of delivery at half of W3's peak", "ms", Goal::AtMost(1.5));
    let mut parts = Vec::new();
    for _ in 0..settings.rounds {
        let mut ours = chinwag.crowd.send_at_rate(rate, settings.stretch)?;
        let mut theirs = bare.crowd.send_at_rate(rate, settings.stretch)?;
        let commit = cores.on_server(|| commits(&bench, settings))?;
        let (ours, theirs) = (ours.percentile(0.99) / 1000.0, theirs.percentile(0.99) / 1000.0);
        row.pairs.push((ours, theirs + commit));
        parts.push((theirs, commit));
    }
    let (theirs, commit) = parts[parts.len() / 2];
    let place = if cores.are_shared() {
        "load and server on the same core"
    } else {
        "load and server on one core each"
    };
    row.note =
        format!("{rate:.0} messages/s; the baseline is {theirs:.2} bare + {commit:.2} commit; {place}");
    chinwag.subject.stop()?;
    world.check(&chinwag.crowd.sent())?;
    Ok(vec![row])
}

/// The p99 of single-message commits in milliseconds, one after the other, without other load.
fn commits(world: &World, settings: &RunSettings) -> Result<f64> {
    let store = world.open()?;
    let clock = SystemClock::default();
    let (group, author) = (world.groups[0], world.users[0]);
    let mut took = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < settings.stretch {
        let (id, date) = (MessageId::new(&clock), clock.now());
        let started = Instant::now();
        let committed = store.write(move |tx, _| {
            let (seq, body) = (tx.seq_take(group, 1)?, world::body(1));
            tx.message_insert(&NewMessage::new(group, Kept { id, date, seq }, author, body))
        });
        world::block_on(committed)??;
        took.push(started.elapsed().as_secs_f64() * 1000.0);
    }
    took.sort_by(f64::total_cmp);
    Ok(took[(took.len() - 1) * 99 / 100])
}
