//! W1: the memory of an additional idle socket, and its CPU time per second, pings and pongs included. Each socket is
//! signed in and its user is in 20 groups.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::RunSettings;
use crate::load::{ArrivalKind, Joining, Load};
use crate::subject::{self, Subject};
use crate::table::{Goal, Measurement, Outcome};
use crate::world::{Plan, World};

const GROUPS_EACH: usize = 20;
/// Members of each group.
const CROWD: usize = 50;
/// A lower bound on HTTP connections leaves enough of 20,000 descriptors for the sockets.
const CONNECTIONS: [(&str, &str); 1] = [("CHINWAG_HTTP__CONNECTIONS", "2000")];
const KIB: f64 = 1024.0;
/// Time until a started server has overwritten the remains of erased rows. That reads the whole file once, 15 s after the
/// start, and costs as much as ten seconds of all sockets.
const CLEANSE_TIME: Duration = Duration::from_secs(20);

/// The cost of a server's idle sockets.
struct Cost {
    resident: f64,
    kernel: f64,
    cpu: f64,
}

pub(super) fn run(settings: &RunSettings) -> Outcome {
    let (few, many) = (settings.size(1000, 50), settings.size(15_000, 200));
    let groups_of =
        |user: usize, _: &Plan| (0..GROUPS_EACH).map(|k| user / CROWD * GROUPS_EACH + k).collect();
    let groups = many.div_ceil(CROWD) * GROUPS_EACH;
    let world =
        World::make(&settings.server, &Plan { users: many, groups, groups_of, messages: 0, contacts: 0 })?;
    let mut memory = Measurement::new("W1: memory of an idle socket", "KiB", Goal::None);
    let mut resident = Measurement::new("W1: beside 4 KiB", "KiB", Goal::AtMost(1.0));
    let mut cpu = Measurement::new("W1: CPU of an idle socket, beside 1 µs/s", "µs/s", Goal::AtMost(1.0));
    for _ in 0..settings.rounds {
        let chinwag = Subject::chinwag_with(&world.program, &CONNECTIONS)?;
        let ours = measure(&chinwag, &world, few, many, settings)?;
        let bare = measure(&Subject::bare(&["fanout"])?, &world, few, many, settings)?;
        memory.pairs.push((ours.resident / KIB, bare.kernel / KIB));
        memory.note = format!("beside the kernel's own; a bare server's: {:.2} KiB", bare.resident / KIB);
        resident.pairs.push((ours.resident / KIB, 4.0));
        cpu.pairs.push((ours.cpu * 1e6, 1.0));
    }
    Ok(vec![memory, resident, cpu])
}

fn measure(
    subject: &Subject,
    world: &World,
    few: usize,
    many: usize,
    settings: &RunSettings,
) -> Result<Cost> {
    let (mut load, started) = (Load::new()?, Instant::now());
    let joining = Joining {
        address: &|_| subject.address(),
        handshake: &|user| world.handshake(user),
        first: &|_, _| {},
        ready: if subject.is_bare() { ArrivalKind::Upgraded } else { ArrivalKind::Shown },
    };
    let settle = Duration::from_secs_f64(if settings.quick { 0.1 } else { 4.0 });
    load.join(0, few, &joining)?;
    rest(&mut load, settle)?;
    let (before, kernel) = (subject.resident()?, subject::kernel_objects()?);
    load.join(few, many, &joining)?;
    rest(&mut load, settle)?;
    let more = (many - few) as f64;
    let resident = (subject.resident()? - before) / more;
    // Both ends of each connection are on this machine.
    let kernel = (subject::kernel_objects()? - kernel) / more / 2.0;
    if !settings.quick && !subject.is_bare() {
        rest(&mut load, CLEANSE_TIME.saturating_sub(started.elapsed()))?;
    }
    // Long enough that every socket is pinged once.
    let time = if settings.quick { Duration::from_millis(300) } else { Duration::from_secs(25) };
    let (before, time) = (subject.cpu()?, if subject.is_bare() { Duration::ZERO } else { time });
    rest(&mut load, time)?;
    let cpu = (subject.cpu()? - before) / time.as_secs_f64().max(1e-9) / many as f64;
    Ok(Cost { resident, kernel, cpu })
}

/// Answers pings for `time`, and checks that every socket stays open.
pub(super) fn rest(load: &mut Load, time: Duration) -> Result<()> {
    let (begun, mut arrivals) = (Instant::now(), Vec::new());
    while begun.elapsed() < time {
        load.turn(Duration::from_millis(20), &mut arrivals)?;
        for arrival in arrivals.drain(..) {
            if let ArrivalKind::Closed(code) = arrival.what {
                bail!("an idle socket was closed with {code:?}");
            }
        }
    }
    Ok(())
}
