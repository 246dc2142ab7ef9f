//! The costs of the capacity model in docs/scaling.md, measured on one node and on two with PostgreSQL and Redis, and a check:
//! the model predicts a run with other groups, another rate, and connects in between.

mod site;

use std::sync::Arc;

use anyhow::Result;
use chinwag_testkit::postgres::Server;

use self::site::{Costs, PARTS, Site};
use super::{RunSettings, median};
use crate::table::{Goal, Measurement, Outcome};
use crate::world::Plan;

/// The measured groups: small ones show the cost of a message, large ones the cost of a delivery.
const SMALL: (usize, usize) = (20, 2);
const LARGE: (usize, usize) = (4, 50);
const RATE: f64 = 100.0;
/// The groups of the predicted run.
const OTHER: (usize, usize) = (6, 20);
const OTHER_RATE: f64 = 160.0;
/// Users who connect one after the other while the costs are measured, and in each second of the predicted run.
const CONNECTS: usize = 500;
const CONNECTS_A_SECOND: f64 = 20.0;
/// Periods of load in one measurement.
const STRETCHES: u32 = 4;
const MICROS: f64 = 1e6;

/// CPU seconds of all nodes, of PostgreSQL and of Redis.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Model {
    /// A message in a group whose members are on one node.
    message: Costs,
    /// The extra cost of a message for each further node with members.
    further_node: Costs,
    delivery: Costs,
    connect: Costs,
    /// The extra cost of a connect for each further node, which receives the user's presence.
    connect_further: Costs,
}

/// The counted events of a run.
#[derive(Debug, Clone, Copy)]
struct RunCounts {
    /// The number of nodes, each of which has members of each group.
    nodes: f64,
    messages: f64,
    deliveries: f64,
    connects: f64,
}

impl Model {
    /// Derives the model from the costs of a message in small and in large groups, and of a connect, on one node and on two.
    fn of(one: [Costs; 2], two: [Costs; 2], connects: [Costs; 2]) -> Self {
        let sizes = (SMALL.1 as f64, LARGE.1 as f64);
        let delivery = |[small, large]: [Costs; 2]| (large - small) / (sizes.1 - sizes.0);
        // A delivery costs the same on any node.
        let delivery = (delivery(one) + delivery(two)) / 2.0;
        let message = |[small, large]: [Costs; 2]| (small + large - delivery * (sizes.0 + sizes.1)) / 2.0;
        let (message, on_two) = (message(one), message(two));
        let [connect, connect_on_two] = connects;
        let connect_further = connect_on_two - connect;
        Self { message, further_node: on_two - message, delivery, connect, connect_further }
    }

    fn predict(&self, run: RunCounts) -> Costs {
        (self.message + self.further_node * (run.nodes - 1.0)) * run.messages
            + self.delivery * run.deliveries
            + (self.connect + self.connect_further * (run.nodes - 1.0)) * run.connects
    }
}

pub(super) fn run(settings: &RunSettings) -> Outcome {
    let server = Arc::new(Server::start_durable());
    let time = settings.stretch * STRETCHES;
    let cost = |(groups, size): (usize, usize), nodes: usize| -> Result<(Costs, f64)> {
        let plan = Plan::crowds(settings.size(groups, 2), size);
        let mut site = Site::open(&server, nodes, &plan, (plan.users, plan.groups), settings)?;
        let idle = site.idle(time)?;
        let mut costs = Vec::new();
        let mut bytes = 0.0;
        for _ in 0..settings.rounds {
            let run = site.send(RATE, time)?;
            costs.push((run.spent - idle * run.seconds) / run.messages);
            bytes = run.bytes / run.deliveries;
        }
        site.close()?;
        Ok((median_of(&costs), bytes))
    };
    let small = [cost(SMALL, 1)?, cost(SMALL, 2)?];
    let large = [cost(LARGE, 1)?, cost(LARGE, 2)?];
    let connects = [connects(&server, 1, settings)?, connects(&server, 2, settings)?];
    let model =
        Model::of([small[0].0, large[0].0], [small[1].0, large[1].0], [connects[0].cost, connects[1].cost]);
    let mut rows = model.rows();
    let kib =
        |what: &str, bytes: f64| Measurement::alone(format!("capacity: {what}"), "KiB", vec![bytes / 1024.0]);
    rows.push(kib("bytes of a delivery", large[0].1));
    rows.push(kib("bytes of a connect", connects[0].bytes));
    rows.extend(predicted(&server, &model, settings)?);
    Ok(rows)
}

/// The cost of a connect, and the bytes sent to it. [`idle`](super::idle) measures its memory.
struct ConnectCosts {
    cost: Costs,
    bytes: f64,
}

fn connects(server: &Arc<Server>, nodes: usize, settings: &RunSettings) -> Result<ConnectCosts> {
    let count = settings.size(CONNECTS, 20);
    let plan = Plan { messages: 20, ..Plan::crowds(count / 10 + 1, 10) };
    let mut site = Site::open(server, nodes, &plan, (1, 1), settings)?;
    let idle = site.idle(settings.stretch * STRETCHES)?;
    let before = site.mark()?;
    site.connect(1..=count)?;
    let run = site.since(before)?;
    let (cost, bytes) = ((run.spent - idle * run.seconds) / count as f64, run.bytes / count as f64);
    site.close()?;
    Ok(ConnectCosts { cost, bytes })
}

/// The check: measured costs of another run beside the model's prediction.
fn predicted(server: &Arc<Server>, model: &Model, settings: &RunSettings) -> Outcome {
    let ((groups, size), time) = (OTHER, settings.stretch * STRETCHES);
    let talking = groups * size;
    let come = ((CONNECTS_A_SECOND * time.as_secs_f64()) as usize).max(1);
    let groups_of = |user: usize, plan: &Plan| {
        // The others are in groups of ten without messages.
        let (groups, size) = OTHER;
        vec![if user < groups * size {
            user / size
        } else {
            groups + (user - groups * size) / 10 % (plan.groups - groups)
        }]
    };
    let users = talking + come * settings.rounds;
    let plan = Plan { users, groups: groups + users / 10, groups_of, messages: 0, contacts: 0 };
    let mut rows = PARTS.map(|part| {
        let what = format!("capacity: predicted CPU of {part}, beside measured");
        Measurement::new(what, "ms", Goal::Between(0.8, 1.2))
    });
    let mut site = Site::open(server, 2, &plan, (talking, groups), settings)?;
    let idle = site.idle(time)?;
    for round in 0..settings.rounds {
        let first = talking + round * come;
        let run = site.send_while_others_connect(OTHER_RATE, time, first..first + come)?;
        let counts = RunCounts {
            nodes: 2.0,
            messages: run.messages,
            deliveries: run.deliveries,
            connects: come as f64,
        };
        let expected = model.predict(counts) + idle * run.seconds;
        for (part, row) in rows.iter_mut().enumerate() {
            row.pairs.push((expected.0[part] * 1000.0, run.spent.0[part] * 1000.0));
            row.note = format!(
                "{groups} groups of {size} on two nodes, {:.0} messages/s, {:.0} connects/s",
                run.messages / run.seconds,
                come as f64 / run.seconds
            );
        }
    }
    site.close()?;
    Ok(rows.into())
}

impl Model {
    fn rows(&self) -> Vec<Measurement> {
        let row = |what: &str, costs: Costs| {
            let [nodes, postgres, redis] = costs.0.map(|seconds| seconds * MICROS);
            let what = format!("capacity: CPU of {what}, nodes");
            let note = format!("PostgreSQL {postgres:.1}, Redis {redis:.1}");
            Measurement { note, ..Measurement::alone(what, "µs", vec![nodes]) }
        };
        vec![
            row("a message in a group on one node", self.message),
            row("each further node with members", self.further_node),
            row("a delivery", self.delivery),
            row("a connect", self.connect),
            row("a connect for each further node", self.connect_further),
        ]
    }
}

/// The median of each part.
fn median_of(costs: &[Costs]) -> Costs {
    Costs([0, 1, 2].map(|part| median(costs.iter().map(|cost| cost.0[part]).collect())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn model_predicts_the_runs_that_it_is_made_of() {
        let (small, large) = (SMALL.1 as f64, LARGE.1 as f64);
        let cost = |message: f64, size: f64| Costs([message + 5.0 * size, 2.0 * message, 1.0]);
        let connects = [Costs([300.0, 90.0, 0.0]), Costs([310.0, 90.0, 4.0])];
        let model = Model::of(
            [cost(100.0, small), cost(100.0, large)],
            [cost(140.0, small), cost(140.0, large)],
            connects,
        );
        let run = RunCounts { nodes: 2.0, messages: 10.0, deliveries: 200.0, connects: 3.0 };
        let expected = cost(140.0, 20.0) * 10.0 + connects[1] * 3.0;
        for (predicted, expected) in model.predict(run).0.into_iter().zip(expected.0) {
            assert!((predicted - expected).abs() < 1e-6, "{predicted} in place of {expected}");
        }
    }
}
