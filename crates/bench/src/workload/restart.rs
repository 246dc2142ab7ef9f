//! W7: all clients reconnect and resume at once after a restart of the server; beside a bare accept and 101.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::RunSettings;
use crate::frame;
use crate::load::{ArrivalKind, Joining, Load};
use crate::subject::Subject;
use crate::table::{Goal, Measurement, Outcome};
use crate::world::{Plan, World};

/// Messages in each group, and how many of them each client has missed.
const MESSAGES: u64 = 20;
const MISSED: u64 = 5;

/// The result of one reconnect of all clients.
struct Reconnect {
    a_second: f64,
    a_cpu_second: f64,
    peak: f64,
    steady: f64,
}

pub(super) fn run(settings: &RunSettings) -> Outcome {
    let plan = Plan { messages: MESSAGES, ..Plan::crowds(settings.size(1000, 10), 10) };
    let world = World::make(&settings.server, &plan)?;
    let mut ready = Measurement::new("W7: 10,000 back at once", "ready/s", Goal::AtLeast(0.50));
    let mut cpu = Measurement::new("W7: the same", "ready/CPU s", Goal::None);
    let mut whole = Measurement::new("W7: the same, nothing missed", "ready/s", Goal::None);
    let mut memory = Measurement::new("W7: peak beside steady memory", "MiB", Goal::AtMost(1.5));
    let mib = 1024.0 * 1024.0;
    for _ in 0..settings.rounds {
        let (ours, none_missed, bare) = (
            reconnect_all(Subject::chinwag(&world.program)?, &world, MISSED, settings)?,
            reconnect_all(Subject::chinwag(&world.program)?, &world, 0, settings)?,
            reconnect_all(Subject::bare(&["fanout"])?, &world, 0, settings)?,
        );
        ready.pairs.push((ours.a_second, bare.a_second));
        cpu.pairs.push((ours.a_cpu_second, bare.a_cpu_second));
        whole.pairs.push((none_missed.a_second, bare.a_second));
        whole.note = format!("{:.0} ready/CPU s", none_missed.a_cpu_second);
        memory.pairs.push((ours.peak / mib, ours.steady / mib));
    }
    Ok(vec![ready, cpu, whole, memory])
}

fn reconnect_all(subject: Subject, world: &World, missed: u64, settings: &RunSettings) -> Result<Reconnect> {
    let resume = |user: usize, out: &mut Vec<u8>| {
        let (group, since) = (world.groups[world.group_of(user)], MESSAGES - missed);
        let resume = format!(r#"{{"type":"sync.resume","data":{{"groups":{{"{group}":{since}}}}}}}"#);
        frame::put_text(resume.as_bytes(), out);
    };
    let nothing = |_: usize, _: &mut Vec<u8>| {};
    let joining = Joining {
        address: &|_| subject.address(),
        handshake: &|user| world.handshake(user),
        first: if subject.is_bare() { &nothing } else { &resume },
        ready: if subject.is_bare() { ArrivalKind::Upgraded } else { ArrivalKind::Synced },
    };
    let count = world.users.len();
    let mut load = Load::new()?;
    let (before, begun) = (subject.cpu()?, Instant::now());
    load.join(0, count, &joining)?;
    let seconds = begun.elapsed().as_secs_f64();
    let cpu = subject.cpu()? - before;
    let settled = Instant::now();
    let settle = Duration::from_secs_f64(if settings.quick { 0.1 } else { 5.0 });
    while settled.elapsed() < settle {
        load.turn(Duration::from_millis(20), &mut Vec::new())?;
    }
    let (peak, steady) = (subject.peak()?, subject.resident()?);
    drop(load);
    subject.stop()?;
    Ok(Reconnect {
        a_second: count as f64 / seconds,
        a_cpu_second: count as f64 / cpu.max(0.01),
        peak,
        steady,
    })
}
