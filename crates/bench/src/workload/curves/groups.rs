//! Growth with the groups of a server. Each user is in twenty.

use anyhow::Result;

use super::super::connect::{self, ConnectMode};
use super::super::{RunSettings, median};
use super::{Growth, sizes};
use crate::crowd::Crowd;
use crate::subject::Subject;
use crate::world::{Plan, World};

const USERS: usize = 50;
const EACH: usize = 20;
const MESSAGES: u64 = 5;
/// Users of the first group, who are in no other group, and send messages.
const TALKERS: usize = 2;

pub(super) fn run(settings: &RunSettings) -> Result<Growth> {
    let (least, most) = if settings.quick { (100, 1000) } else { (100, 100_000) };
    let axes = ("groups on the server", "ms of CPU, median");
    let mut growth = Growth::new("groups", "More groups on the server", axes);
    let groups_of = |user: usize, plan: &Plan| {
        // Groups that are far apart, and different for each user.
        (0..EACH).map(|turn| (user + turn * plan.groups / EACH) % plan.groups).collect()
    };
    let talkers_of = |_: usize, _: &Plan| vec![0];
    for size in sizes(least, most) {
        let groups = usize::try_from(size)?;
        let plan = Plan { users: USERS, groups, groups_of, messages: MESSAGES, contacts: 0 };
        let world = World::make(&settings.server, &plan)?;
        let plan = Plan { users: TALKERS, groups_of: talkers_of, ..plan };
        let talking = World::make(&settings.server, &plan)?;
        let subject = Subject::chinwag(&talking.program)?;
        let mut crowd = Crowd::join_first(&subject, &talking, TALKERS, 1)?;
        let (mut connects, mut sends) = (Vec::new(), Vec::new());
        // At least two rounds: only the second one runs with warm caches.
        for _ in 0..settings.rounds.max(2) {
            connects.push(connect::connect_all(&world, ConnectMode::WINDOW)?.1);
            sends.push(send(&subject, &mut crowd, settings)?);
        }
        let sent = crowd.sent();
        drop(crowd);
        subject.stop()?;
        talking.check(&sent)?;
        growth.add(size, &[("a connect with a window of 50", median(connects)), ("a send", median(sends))]);
    }
    Ok(growth)
}

/// Milliseconds of the server's CPU for a message in a group of two.
fn send(subject: &Subject, crowd: &mut Crowd, settings: &RunSettings) -> Result<f64> {
    let before = subject.cpu()?;
    let run = crowd.send_windowed(1, settings.stretch)?;
    let cpu = subject.cpu()? - before;
    Ok(cpu.max(0.01) * 1000.0 / run.messages.max(1) as f64)
}
