//! W2, W2b, W3: deliveries for each second of the server's CPU, every message committed first,
//! beside a bare server that stores nothing.

use anyhow::Result;

use super::{RunSettings, grouped};
use crate::crowd::Crowd;
use crate::subject::{self, Subject, WITHOUT_INDEX};
use crate::table::{Goal, Measurement, Outcome};
use crate::world::{Plan, World};

/// One group of 1,000, or of another size.
pub(super) fn crowd(settings: &RunSettings) -> Outcome {
    let size = settings.members.unwrap_or(settings.size(1000, 20));
    let name = format!("W2: one group of {}", grouped(size));
    let goals = [(1, name.as_str(), 0.80), (16, "W2b: the same, 16 in flight", 0.70)];
    run(settings, &Plan::crowds(1, size), &goals)
}

/// 10 groups of 10.
pub(super) fn groups(settings: &RunSettings) -> Outcome {
    run(settings, &Plan::crowds(settings.size(10, 2), 10), &[(1, "W3: 10 groups of 10", 0.50)])
}

/// A server, and its crowd.
pub(super) struct Stage {
    pub(super) subject: Subject,
    pub(super) crowd: Crowd,
}

impl Stage {
    pub(super) fn set(subject: Subject, world: &World) -> Result<Self> {
        let crowd = Crowd::join(&subject, world)?;
        Ok(Self { subject, crowd })
    }

    /// Deliveries a CPU second, messages a second, and how busy the load was.
    pub(super) fn measure(&mut self, window: u64, settings: &RunSettings) -> Result<(f64, f64, f64)> {
        let (before, own) = (self.subject.cpu()?, subject::cpu(std::process::id())?);
        let talked = self.crowd.talk(window, settings.stretch)?;
        let (cpu, own) = (self.subject.cpu()? - before, subject::cpu(std::process::id())? - own);
        let deliveries = talked.deliveries as f64 / cpu.max(0.01);
        Ok((deliveries, talked.messages as f64 / talked.seconds, own / talked.seconds))
    }
}

fn run(settings: &RunSettings, plan: &Plan, goals: &[(u64, &str, f64)]) -> Outcome {
    let world = World::make(&settings.server, plan)?;
    let mut chinwag = Stage::set(Subject::chinwag_with(&world.program, &WITHOUT_INDEX)?, &world)?;
    let mut bare = Stage::set(Subject::bare(&["fanout"])?, &world)?;
    let mut rows = Vec::new();
    for (window, what, least) in goals {
        let mut row = Measurement::new(*what, "deliveries/CPU s", Goal::AtLeast(*least));
        let (mut rates, mut busy) = (Vec::new(), 0.0_f64);
        for _ in 0..settings.rounds {
            let (ours, rate, ours_busy) = chinwag.measure(*window, settings)?;
            let (theirs, bare_rate, theirs_busy) = bare.measure(*window, settings)?;
            row.pairs.push((ours, theirs));
            rates.push((rate, bare_rate));
            busy = busy.max(ours_busy).max(theirs_busy);
        }
        let (rate, bare_rate) = rates[rates.len() / 2];
        row.note =
            format!("{rate:.0} beside {bare_rate:.0} messages/s; load at most {:.0} % busy", busy * 100.0);
        rows.push(row);
    }
    chinwag.subject.stop()?;
    world.check(&chinwag.crowd.sent())?;
    Ok(rows)
}
