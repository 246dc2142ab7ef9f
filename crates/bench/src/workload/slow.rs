//! W8: some of a group stop reading while the presence of the rest changes; what the others notice
//! of it, beside the same run with everybody reading.

use anyhow::Result;

use super::RunSettings;
use super::fanout::Stage;
use crate::crowd::Talked;
use crate::frame;
use crate::load::Load;
use crate::subject::Subject;
use crate::table::{Goal, Measurement, Outcome};
use crate::world::{Plan, World};

const IN_FLIGHT: u64 = 4;
const CONTACTS: usize = 5;
/// Nanoseconds from one change of presence to the next.
const CHANGE_EVERY: u64 = 10_000_000;
/// How many stretches it goes on: until the kernel takes no more for the deaf, and the server has
/// closed them.
const STRETCHES: u32 = 5;

pub(super) fn run(settings: &RunSettings) -> Outcome {
    let size = settings.size(1000, 40);
    let plan = Plan { contacts: CONTACTS, ..Plan::crowds(1, size) };
    let mut p99 = Measurement::new("W8: p99 of the healthy, 5 % deaf", "ms", Goal::AtMost(1.2));
    let mut rate = Measurement::new("W8: their throughput", "messages/s", Goal::AtLeast(0.95));
    let mut told = 0;
    for _ in 0..settings.rounds {
        let mut with = talk(settings, &plan, size / 20)?;
        let mut without = talk(settings, &plan, 0)?;
        p99.pairs.push((with.percentile(0.99) / 1000.0, without.percentile(0.99) / 1000.0));
        told += with.messages + without.messages;
        let a_second = |talked: &Talked| talked.messages as f64 / talked.seconds;
        rate.pairs.push((a_second(&with), a_second(&without)));
    }
    p99.note = format!("beside the same with everybody reading; {told} messages in all");
    Ok(vec![p99, rate])
}

fn talk(settings: &RunSettings, plan: &Plan, deaf: usize) -> Result<Talked> {
    let world = World::make(&settings.server, plan)?;
    let mut stage = Stage::set(Subject::chinwag(&world.program)?, &world)?;
    stage.crowd.deafen(deaf)?;
    let (healthy, mut changed, mut turn) = (plan.users - deaf, 0, 0_usize);
    let talked = stage.crowd.talk_and(IN_FLIGHT, settings.stretch * STRETCHES, &mut |load: &mut Load| {
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
    Ok(talked)
}
