//! Growth with the online members of one group.

use anyhow::Result;

use super::super::fanout::Stage;
use super::super::{RunSettings, median};
use super::{Growth, sizes};
use crate::subject::{Subject, WITHOUT_INDEX};
use crate::world::{Plan, World};

/// With 20,000 descriptors a process can serve a few members less than 10,000.
const MAX_USERS: u64 = 9_900;

pub(super) fn run(settings: &RunSettings) -> Result<Growth> {
    let most =
        if settings.quick { 100 } else { settings.members.map_or(MAX_USERS, |members| members as u64) };
    let axes = ("members online", "µs of CPU for each delivery, median");
    let mut growth = Growth::new("members", "More members of a group online", axes);
    for size in sizes(10, most).chain((!settings.quick).then_some(most)) {
        let world = World::make(&settings.server, &Plan::crowds(1, usize::try_from(size)?))?;
        let ours = measure(Subject::chinwag_with(&world.program, &WITHOUT_INDEX)?, &world, settings)?;
        let bare = measure(Subject::bare(&["fanout"])?, &world, settings)?;
        growth.add(size, &[("a delivery by Chinwag", ours), ("a delivery by the bare server", bare)]);
    }
    Ok(growth)
}

fn measure(subject: Subject, world: &World, settings: &RunSettings) -> Result<f64> {
    let is_bare = subject.is_bare();
    let mut stage = Stage::set(subject, world)?;
    let figures = (0..settings.rounds).map(|_| Ok(1e6 / stage.measure(1, settings)?.0));
    let figures = figures.collect::<Result<_>>()?;
    let Stage { subject, crowd } = stage;
    let sent = crowd.sent();
    drop(crowd);
    subject.stop()?;
    if !is_bare {
        world.check(&sent)?;
    }
    Ok(median(figures))
}
