//! W8: some members of a group stop reading while the presence of the others changes. Latency and throughput of the
//! others, beside the same run with every member reading.

use anyhow::Result;

use super::RunSettings;
use super::fanout::Stage;
use crate::crowd::LoadRun;
use crate::frame;
use crate::load::Load;
use crate::subject::Subject;
use crate::table::{Goal, Measurement, Outcome};
use crate::world::{Plan, World};

const IN_FLIGHT: u64 = 4;
const CONTACTS: usize = 5;
/// Nanoseconds between two changes of presence.
const CHANGE_EVERY: u64 = 10_000_000;
/// Periods of load. They last until the kernel buffers of the stalled members are full and the server has closed them.
const STRETCHES: u32 = 5;

pub(super) fn run(settings: &RunSettings) -> Outcome {
    let size = settings.size(1000, 40);
    let plan = Plan { contacts: CONTACTS, ..Plan::crowds(1, size) };
    let mut p99 = Measurement::new("W8: p99 of the healthy, 5 % stalled", "ms", Goal::AtMost(1.2));
    let mut rate = Measurement::new("W8: their throughput", "messages/s", Goal::AtLeast(0.95));
    let mut told = 0;
    for _ in 0..settings.rounds {
        let mut with = run_with(settings, &plan, size / 20)?;
        let mut without = run_with(settings, &plan, 0)?;
        p99.pairs.push((with.percentile(0.99) / 1000.0, without.percentile(0.99) / 1000.0));
        told += with.messages + without.messages;
        let a_second = |run: &LoadRun| run.messages as f64 / run.seconds;
        rate.pairs.push((a_second(&with), a_second(&without)));
    }
    p99.note = format!("beside the same with everybody reading; {told} messages in all");
    Ok(vec![p99, rate])
}

fn run_with(settings: &RunSettings, plan: &Plan, stalled: usize) -> Result<LoadRun> {
    let world = World::make(&settings.server, plan)?;
    let mut stage = Stage::set(Subject::chinwag(&world.program)?, &world)?;
    stage.crowd.stall(stalled)?;
    let (healthy, mut changed, mut turn) = (plan.users - stalled, 0, 0_usize);
    let run =
        stage.crowd.send_windowed_with(IN_FLIGHT, settings.stretch * STRETCHES, &mut |load: &mut Load| {
            while changed + CHANGE_EVERY < load.now() {
                changed = changed.max(load.now().saturating_sub(10 * CHANGE_EVERY)) + CHANGE_EVERY;
                turn += 1;
                let status = if (turn / healthy).is_multiple_of(2) { "afk" } else { "online" };
                let update = format!(r#"{{"type":"status.update","data":{{"status":"{status}"}}}}"#);
                frame::put_text(update.as_bytes(), load.out(turn % healthy));
                load.flush(turn % healthy)?;
            }
            Ok(())
        })?;
    let sent = stage.crowd.sent();
    stage.subject.stop()?;
    world.check(&sent)?;
    Ok(run)
}
