//! W17: the time from exec to readiness with a long history and many users, and the memory at that time.

use std::time::Instant;

use super::{RunSettings, grouped};
use crate::subject::Subject;
use crate::table::{Goal, Measurement, Outcome};
use crate::world::{Plan, World};

const USERS: usize = 100_000;
const GROUPS: usize = 1000;
const READY_MS: f64 = 1000.0;
const MEMORY_MIB: f64 = 64.0;
const MIB: f64 = 1024.0 * 1024.0;

pub(super) fn run(settings: &RunSettings) -> Outcome {
    let (users, groups) = (settings.size(USERS, 50), settings.size(GROUPS, 5));
    let messages = if settings.quick { 100 } else { settings.messages };
    eprintln!("  {messages} messages of {users} users are written …");
    let plan = Plan { messages: messages / groups as u64, ..Plan::crowds(groups, users / groups) };
    let world = World::make(&settings.server, &plan)?;
    let what = |figure: &str| format!("W17: {figure}, {messages} messages, {} users", grouped(users));
    let mut ready = Measurement::new(what("from the start to ready"), "ms", Goal::AtMost(1.0));
    let mut memory = Measurement::new(what("memory when ready"), "MiB", Goal::AtMost(1.0));
    for _ in 0..settings.rounds {
        let begun = Instant::now();
        let chinwag = Subject::chinwag(&world.program)?;
        ready.pairs.push((begun.elapsed().as_secs_f64() * 1000.0, READY_MS));
        memory.pairs.push((chinwag.resident()? / MIB, MEMORY_MIB));
        chinwag.stop()?;
    }
    "steps of 10 ms".clone_into(&mut ready.note);
    Ok(vec![ready, memory])
}
