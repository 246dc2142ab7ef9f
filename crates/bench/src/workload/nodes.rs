//! W10: deliveries per CPU second of the nodes, and the time to delivery, with the members of every group spread over two
//! nodes; beside one node on the same PostgreSQL, also with Redis.

use std::sync::Arc;

use anyhow::Result;
use chinwag_testkit::postgres::Server;

use super::RunSettings;
use super::fanout::Stage;
use crate::shared::Shared;
use crate::subject::Subject;
use crate::table::{Goal, Measurement, Outcome};
use crate::world::{Plan, World};

pub(super) fn run(settings: &RunSettings) -> Outcome {
    let groups = Plan::crowds(settings.size(10, 2), 10);
    let crowd = Plan::crowds(1, settings.size(1000, 20));
    let mut rows = spread("10 groups of 10", &groups, settings)?;
    rows.extend(spread("one group of 1,000", &crowd, settings)?);
    Ok(rows)
}

fn spread(what: &str, plan: &Plan, settings: &RunSettings) -> Outcome {
    let server = Arc::new(Server::start_durable());
    let (one, mut alone) = stage(&server, 1, plan, settings)?;
    let (two, mut both) = stage(&server, 2, plan, settings)?;
    let mut cost =
        Measurement::new(format!("W10: {what} on two nodes"), "deliveries/CPU s", Goal::AtLeast(0.80));
    let mut time = Measurement::new(
        "W10: the same, p99 of delivery at half of one node's peak",
        "ms",
        Goal::AtMost(2.0),
    );
    let mut rates = Vec::new();
    let (_, peak, _) = alone.measure(1, settings)?;
    for _ in 0..settings.rounds {
        let (ours, rate, _) = both.measure(1, settings)?;
        let (theirs, alone_rate, _) = alone.measure(1, settings)?;
        cost.pairs.push((ours, theirs));
        rates.push((rate, alone_rate));
        let mut late = both.crowd.send_at_rate(peak / 2.0, settings.stretch)?;
        let mut alone_late = alone.crowd.send_at_rate(peak / 2.0, settings.stretch)?;
        time.pairs.push((late.percentile(0.99) / 1000.0, alone_late.percentile(0.99) / 1000.0));
    }
    let (rate, alone_rate) = rates[rates.len() / 2];
    cost.note = format!("{rate:.0} beside {alone_rate:.0} messages/s");
    time.note = format!("{:.0} messages/s", peak / 2.0);
    for (world, Stage { subject, crowd }) in [(one, alone), (two, both)] {
        let sent = crowd.sent();
        // A node that shuts down waits for its sockets to close.
        drop(crowd);
        subject.stop()?;
        world.check(&sent)?;
    }
    Ok(vec![cost, time])
}

/// Starts nodes on a new database and Redis.
fn stage(server: &Arc<Server>, nodes: usize, plan: &Plan, settings: &RunSettings) -> Result<(World, Stage)> {
    let world = World::make_shared(Shared::by_nodes(server), &settings.server, plan)?;
    let subject = Subject::nodes(&settings.server, world.shared()?, nodes)?;
    let stage = Stage::set(subject, &world)?;
    Ok((world, stage))
}
