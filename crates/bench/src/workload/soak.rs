//! A soak: users write, edit, delete, react, read, search, upload and reconnect, on one node with SQLite and at the same time
//! on two nodes with PostgreSQL and Redis. Memory, descriptors and storage are read every ten seconds. The table compares the
//! last quarter of the time with the second.

mod gauge;
mod ledger;
mod requests;
mod schedule;
mod user;
mod users;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use chinwag_testkit::postgres::Server;

use self::gauge::{Gauge, quarters};
use self::users::SoakUsers;
use super::{RunSettings, median};
use crate::plot::{Axis, Curve, Plot};
use crate::shared::Shared;
use crate::subject::Subject;
use crate::table::{Goal, Measurement, Outcome};
use crate::world::{Plan, World};

const GROUPS: usize = 10;
const MEMBERS: usize = 10;
const CONTACTS: usize = 3;
/// Readings per minute.
const READINGS: u32 = 6;
/// Minutes of a quick run, which are shortened.
const QUICK_MINUTES: u32 = 8;

/// One of the two deployments under load.
struct SoakSite {
    name: &'static str,
    world: World,
    subject: Subject,
    users: SoakUsers,
}

/// All readings of a run.
struct SoakReadings<'a> {
    gauges: Vec<Gauge<'a>>,
    /// p50 and p99 in milliseconds, by deployment and minute.
    minutes: Vec<Vec<[f64; 2]>>,
    /// The CPU share of the machine that was used.
    busy: f64,
}

pub(super) fn run(settings: &RunSettings) -> Outcome {
    let server = Arc::new(Server::start_durable());
    let plan =
        Plan { contacts: CONTACTS, ..Plan::crowds(settings.size(GROUPS, 3), settings.size(MEMBERS, 4)) };
    let one = World::make(&settings.server, &plan)?;
    let two = World::make_shared(Shared::by_nodes(&server), &settings.server, &plan)?;
    let alone = Subject::chinwag(&one.program)?;
    // By default a node keeps files in its own data folder; nodes need a shared one.
    let files = tempfile::tempdir()?;
    let location = format!("file://{}", files.path().display());
    let shared = [("CHINWAG_FILES__STORE", location.as_str())];
    let nodes = Subject::nodes_with(&settings.server, two.shared()?, 2, &shared)?;
    let places = [
        SoakSite::open("one node on SQLite", one, alone, settings.rate),
        SoakSite::open("two nodes on PostgreSQL", two, nodes, settings.rate),
    ];
    let watched = watch(&places, settings)?;
    let mut rows: Vec<_> = watched.gauges.iter().map(Gauge::row).collect();
    rows.extend(
        places.iter().zip(&watched.minutes).flat_map(|(place, minutes)| delivery(place.name, minutes)),
    );
    if let Some(folder) = &settings.plots {
        draw(folder, &watched)?;
    }
    let share = watched.busy * 100.0;
    drop(watched);
    for place in places {
        rows.push(place.close()?);
    }
    if let Some(last) = rows.last_mut() {
        let minutes = settings.minutes;
        last.note = format!("{}; {minutes} minutes, the whole machine {share:.0} % busy", last.note);
    }
    Ok(rows)
}

/// Reads every gauge until the end of the run.
fn watch<'a>(places: &'a [SoakSite], settings: &RunSettings) -> Result<SoakReadings<'a>> {
    let (minutes, minute) = if settings.quick {
        (QUICK_MINUTES, settings.stretch * 3)
    } else {
        (settings.minutes, Duration::from_secs(60))
    };
    let mut gauges = Vec::new();
    for SoakSite { name, world, subject, users } in places {
        for (number, pid) in (1..).zip(subject.pids()) {
            let node =
                if world.shared().is_ok() { format!("node {number} of two") } else { (*name).to_owned() };
            gauges.extend(gauge::of_node(&node, pid));
        }
        if let Ok(shared) = world.shared() {
            gauges.extend(gauge::of_shared(shared));
        } else {
            let messages = move || users.ledger.acknowledged() as f64;
            gauges.extend(gauge::of_folder(&world.program, messages));
        }
    }
    let (begun, before) = (Instant::now(), machine()?);
    let mut seen = vec![Vec::new(); places.len()];
    for reading in 1..=minutes * READINGS {
        thread::sleep((minute * reading / READINGS).saturating_sub(begun.elapsed()));
        for gauge in &mut gauges {
            gauge.read()?;
        }
        if let Some(place) = places.iter().find(|place| !place.users.is_alive()) {
            // `SoakUsers::stop` returns the error of its thread.
            eprintln!("soak: {} has stopped after {:?}", place.name, begun.elapsed());
            break;
        }
        if reading % READINGS == 0 {
            for (place, minutes) in places.iter().zip(&mut seen) {
                minutes.push(percentiles(place.users.ledger.take_latencies()));
            }
            if reading % (READINGS * 10) == 0 {
                eprintln!("soak: minute {} of {minutes}", reading / READINGS);
            }
        }
    }
    let (used, all) = machine()?;
    let busy = (used - before.0) / (all - before.1).max(1e-9);
    Ok(SoakReadings { gauges, minutes: seen, busy })
}

/// p50 and p99 in milliseconds, from microseconds.
fn percentiles(mut latencies: Vec<u32>) -> [f64; 2] {
    latencies.sort_unstable();
    let last = latencies.len().saturating_sub(1);
    [50, 99].map(|share| latencies.get(last * share / 100).map_or(0.0, |at| f64::from(*at) / 1000.0))
}

/// Busy ticks and all ticks of all cores.
fn machine() -> Result<(f64, f64)> {
    let stat = std::fs::read_to_string("/proc/stat")?;
    let line = stat.lines().next().context("a line for all processors")?;
    let ticks: Vec<f64> = line.split_whitespace().skip(1).take(8).flat_map(str::parse).collect();
    let all: f64 = ticks.iter().sum();
    // The fourth and fifth value are idle and I/O wait.
    let idle: f64 = ticks.iter().skip(3).take(2).sum();
    Ok((all - idle, all))
}

/// Latencies of the last quarter beside those of the second.
fn delivery(name: &str, minutes: &[[f64; 2]]) -> Vec<Measurement> {
    let row = |at: usize, what: &str, goal| {
        let [second, last] = quarters(minutes)
            .map(|quarter| median(quarter.iter().map(|minute| minute[at]).chain([0.0]).collect()));
        let row = Measurement::new(format!("soak: {what} of delivery, {name}"), "ms", goal);
        let worst = minutes.iter().map(|minute| minute[at]).fold(0.0, f64::max);
        let note = format!("medians of minutes; the slowest minute {worst:.1}");
        Measurement { pairs: vec![(last, second)], note, ..row }
    };
    vec![row(0, "p50", Goal::None), row(1, "p99", Goal::AtMost(1.5))]
}

impl SoakSite {
    fn open(name: &'static str, world: World, subject: Subject, rate: f64) -> Self {
        let users = SoakUsers::start(&world, &subject.urls(), rate);
        Self { name, world, subject, users }
    }

    /// Stops the load and the servers, and checks that every user has received every message and that the store has each once.
    fn close(self) -> Result<Measurement> {
        let ledger = self.users.stop().with_context(|| self.name)?;
        self.subject.stop()?;
        self.world.check_kept(&ledger.kept())?;
        let count = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let what = format!("soak: messages, {}", self.name);
        let note = format!(
            "each once in the store and at every receiver; {} deliveries, {} reconnects, {} other actions",
            count(&ledger.deliveries),
            count(&ledger.reconnects),
            count(&ledger.others)
        );
        Ok(Measurement { note, ..Measurement::alone(what, "messages", vec![ledger.acknowledged() as f64]) })
    }
}

/// Plots the readings over time.
fn draw(folder: &Path, watched: &SoakReadings<'_>) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let over_time = |values: Vec<f64>, each_minute: u32| {
        let minute = |at: usize| (at + 1) as f64 / f64::from(each_minute);
        // Readings of the warm-up would dominate the scale.
        let first = values.len() / 8;
        values.into_iter().enumerate().skip(first).map(|(at, value)| (minute(at), value)).collect()
    };
    let curve = |name: &str, values, each_minute| Curve {
        name: name.to_owned(),
        points: over_time(values, each_minute),
    };
    let is_memory =
        |gauge: &&Gauge<'_>| gauge.name.starts_with("memory of") && !gauge.name.ends_with("Redis");
    let memory = watched.gauges.iter().filter(is_memory);
    let memory = memory.map(|gauge| curve(&gauge.name, gauge.readings.clone(), READINGS)).collect();
    let storage = watched.gauges.iter().filter(|gauge| gauge.is_storage());
    let storage = storage.map(|gauge| curve(&gauge.name, gauge.relative(), READINGS)).collect();
    let places = ["one node on SQLite", "two nodes on PostgreSQL"].iter().zip(&watched.minutes);
    let delivery = places.flat_map(|(name, minutes)| {
        let part = |at: usize| minutes.iter().map(|minute| minute[at]).collect();
        [curve(&format!("p50, {name}"), part(0), 1), curve(&format!("p99, {name}"), part(1), 1)]
    });
    let plots = [
        ("soak-memory.svg", "Memory during the soak", "MiB", memory),
        ("soak-storage.svg", "Storage during the soak", "÷ its second quarter", storage),
        ("soak-delivery.svg", "Time to delivery during the soak", "milliseconds", delivery.collect()),
    ];
    for (file, title, unit, curves) in plots {
        let plot =
            Plot { title: title.to_owned(), x: Axis::linear("minutes"), y: Axis::linear(unit), curves };
        std::fs::write(folder.join(file), plot.svg())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_a_minute_are_milliseconds() {
        let minute = (1..=1000).rev().map(|at| at * 1000).collect();
        assert_eq!(percentiles(minute).map(|part| part.round() as u32), [500, 990]);
        assert_eq!(percentiles(Vec::new()).map(|part| part.round() as u32), [0, 0]);
    }
}
