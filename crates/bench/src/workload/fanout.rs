//! W2, W2b, W3: deliveries per CPU second of the server, with every message committed first. The baseline is a bare server
//! that stores nothing; for W3 also one that appends each message to a file and waits for the disk.

use anyhow::{Context, Result, ensure};

use super::{RunSettings, grouped};
use crate::baseline::journal;
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

/// 10 groups of 10 and one group of 1,000, one message at a time in each, beside a bare server that waits for the disk as well.
pub(super) fn groups(settings: &RunSettings) -> Outcome {
    let size = settings.members.unwrap_or(settings.size(1000, 20));
    let plans = [
        (Plan::crowds(settings.size(10, 2), 10), "W3: 10 groups of 10".to_owned(), 0.80),
        (Plan::crowds(1, size), format!("W3: one group of {}", grouped(size)), 0.95),
    ];
    let mut rows = Vec::new();
    for (plan, what, least) in plans {
        rows.extend(beside_journal(settings, &plan, &what, least)?);
    }
    Ok(rows)
}

/// A server and its connected sockets.
pub(super) struct Stage {
    pub(super) subject: Subject,
    pub(super) crowd: Crowd,
}

impl Stage {
    pub(super) fn set(subject: Subject, world: &World) -> Result<Self> {
        let crowd = Crowd::join(&subject, world)?;
        Ok(Self { subject, crowd })
    }

    /// Deliveries per CPU second, messages per second, and the CPU share of the load.
    pub(super) fn measure(&mut self, window: u64, settings: &RunSettings) -> Result<(f64, f64, f64)> {
        let (before, own) = (self.subject.cpu()?, subject::cpu(std::process::id())?);
        let run = self.crowd.send_windowed(window, settings.stretch)?;
        let (cpu, own) = (self.subject.cpu()? - before, subject::cpu(std::process::id())? - own);
        let deliveries = run.deliveries as f64 / cpu.max(0.01);
        Ok((deliveries, run.messages as f64 / run.seconds, own / run.seconds))
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

/// Alternates Chinwag with a bare server with a journal, and with one without.
fn beside_journal(settings: &RunSettings, plan: &Plan, what: &str, least: f64) -> Outcome {
    let world = World::make(&settings.server, plan)?;
    let file = world.program.folder().join("journal");
    let path = file.to_str().context("the path is text")?;
    let mut chinwag = Stage::set(Subject::chinwag_with(&world.program, &WITHOUT_INDEX)?, &world)?;
    let mut journalled = Stage::set(Subject::bare(&["fanout", "--journal", path])?, &world)?;
    let mut bare = Stage::set(Subject::bare(&["fanout"])?, &world)?;
    let row = |beside: &str, goal| Measurement::new(format!("{what}{beside}"), "deliveries/CPU s", goal);
    let mut rows = [
        row(", beside a bare journal", Goal::AtLeast(least)),
        row(", beside a bare server without a disk", Goal::None),
    ];
    let (mut rates, mut busy) = (Vec::new(), 0.0_f64);
    for _ in 0..settings.rounds {
        let measured = [&mut chinwag, &mut journalled, &mut bare].map(|stage| stage.measure(1, settings));
        let [ours, journalled, bare] = measured;
        let (ours, journalled, bare) = (ours?, journalled?, bare?);
        rows[0].pairs.push((ours.0, journalled.0));
        rows[1].pairs.push((ours.0, bare.0));
        rates.push([ours.1, journalled.1, bare.1]);
        busy = busy.max(ours.2).max(journalled.2).max(bare.2);
    }
    let [ours, with_journal, without] = rates[rates.len() / 2];
    let load = format!("messages/s; load at most {:.0} % busy", busy * 100.0);
    rows[0].note = format!("{ours:.0} beside {with_journal:.0} {load}");
    rows[1].note = format!("{ours:.0} beside {without:.0} {load}");
    let (sent, mut kept) = (journalled.crowd.sent(), journal::counts(&file)?);
    // The file has the groups in order of their first message.
    kept.sort_unstable();
    let mut expected = sent;
    expected.sort_unstable();
    ensure!(kept == expected, "the bare server's file has {kept:?} messages of {expected:?}");
    chinwag.subject.stop()?;
    world.check(&chinwag.crowd.sent())?;
    Ok(rows.into())
}
