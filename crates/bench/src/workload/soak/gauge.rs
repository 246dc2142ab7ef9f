//! Gauges of processes, files, PostgreSQL and Redis.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use chinwag_testkit::process::Program;

use crate::shared::Shared;
use crate::subject;
use crate::table::{Goal, Measurement};

const MIB: f64 = 1024.0 * 1024.0;
const KIB: f64 = 1024.0;
/// Replaces 0 as a divisor.
const LEAST: f64 = 1e-9;

/// How a quarter's readings become one figure.
#[derive(Debug, Clone, Copy)]
enum Fold {
    Median,
    Most,
}

/// A gauge and its readings.
pub(super) struct Gauge<'a> {
    pub(super) name: String,
    unit: &'static str,
    fold: Fold,
    /// The upper bound of last quarter ÷ second quarter.
    most: Option<f64>,
    read: Box<dyn Fn() -> Result<f64> + 'a>,
    pub(super) readings: Vec<f64>,
}

impl<'a> Gauge<'a> {
    fn new(
        name: impl Into<String>,
        unit: &'static str,
        (fold, most): (Fold, Option<f64>),
        read: impl Fn() -> Result<f64> + 'a,
    ) -> Self {
        Self { name: name.into(), unit, fold, most, read: Box::new(read), readings: Vec::new() }
    }

    pub(super) fn read(&mut self) -> Result<()> {
        let reading = (self.read)().with_context(|| format!("{} cannot be read", self.name))?;
        self.readings.push(reading);
        Ok(())
    }

    /// The table row: the last quarter beside the second.
    pub(super) fn row(&self) -> Measurement {
        let goal = self.most.map_or(Goal::None, Goal::AtMost);
        let row = Measurement::new(format!("soak: {}", self.name), self.unit, goal);
        let [second, last] = quarters(&self.readings).map(|quarter| self.fold.of(quarter));
        let highest = self.readings.iter().copied().fold(0.0, f64::max);
        let note = format!("at most {highest:.1}");
        // A gauge that stays at 0 has not grown.
        let pair = (last.max(LEAST), second.max(LEAST));
        Measurement { pairs: vec![pair], note, ..row }
    }

    /// Whether the gauge measures files, tables or Redis.
    pub(super) fn is_storage(&self) -> bool {
        ["SQLite", "PostgreSQL", "Redis"].iter().any(|part| self.name.contains(part))
            && !["of one node", "connections"].iter().any(|part| self.name.contains(part))
    }

    /// Each reading relative to the second quarter, for a plot.
    pub(super) fn relative(&self) -> Vec<f64> {
        let [second, _] = quarters(&self.readings).map(|quarter| self.fold.of(quarter));
        self.readings.iter().map(|reading| reading / second.max(LEAST)).collect()
    }
}

impl Fold {
    fn of(self, readings: &[f64]) -> f64 {
        let mut sorted = readings.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = match self {
            Self::Median => sorted.len() / 2,
            Self::Most => sorted.len().saturating_sub(1),
        };
        sorted.get(at).copied().unwrap_or(0.0)
    }
}

/// The second and the last quarter of the readings.
pub(super) fn quarters<T>(readings: &[T]) -> [&[T]; 2] {
    let at = |quarter: usize| readings.len() * quarter / 4;
    [&readings[at(1)..at(2)], &readings[at(3)..]]
}

/// The gauges of a process.
pub(super) fn of_node<'a>(name: &str, pid: u32) -> Vec<Gauge<'a>> {
    let gauge = |what: &str, unit, most| (format!("{what} of {name}"), unit, (Fold::Median, Some(most)));
    let (memory, descriptors, threads) =
        (gauge("memory", "MiB", 1.1), gauge("descriptors", "open", 1.05), gauge("threads", "threads", 1.05));
    vec![
        Gauge::new(memory.0, memory.1, memory.2, move || Ok(subject::status(pid, "VmRSS:")? * KIB / MIB)),
        Gauge::new(descriptors.0, descriptors.1, descriptors.2, move || {
            Ok(fs::read_dir(format!("/proc/{pid}/fd"))?.count() as f64)
        }),
        Gauge::new(threads.0, threads.1, threads.2, move || subject::status(pid, "Threads:")),
    ]
}

/// The gauges of a data folder; `messages` returns the number of messages so far.
pub(super) fn of_folder<'a>(program: &Program, messages: impl Fn() -> f64 + 'a) -> Vec<Gauge<'a>> {
    let (journal, file) = (program.data().join("chinwag.db-wal"), program.data().join("chinwag.db"));
    vec![
        Gauge::new("journal of SQLite", "MiB", (Fold::Most, Some(1.5)), move || Ok(bytes(&journal) / MIB)),
        Gauge::new("file of SQLite for each message", "bytes", (Fold::Median, Some(1.1)), move || {
            Ok(bytes(&file) / messages().max(1.0))
        }),
    ]
}

/// The length of a file; 0 if it does not exist yet.
fn bytes(file: &Path) -> f64 {
    fs::metadata(file).map_or(0, |found| found.len()) as f64
}

/// The gauges of PostgreSQL and Redis.
pub(super) fn of_shared(shared: &Shared) -> Vec<Gauge<'_>> {
    let table = "FROM pg_stat_user_tables WHERE schemaname = 'chinwag'";
    let ask = move |sum: &str| shared.number(&format!("SELECT {sum} {table}"));
    let each_row =
        move |size: &str| ask(&format!("sum({size}(relid))::float8 / greatest(sum(n_live_tup), 1)::float8"));
    vec![
        Gauge::new("dead rows for each live one of PostgreSQL", "rows", (Fold::Most, Some(1.5)), move || {
            ask("sum(n_dead_tup)::float8 / greatest(sum(n_live_tup), 1)::float8")
        }),
        Gauge::new("tables of PostgreSQL for each live row", "bytes", (Fold::Median, Some(1.1)), move || {
            each_row("pg_table_size")
        }),
        Gauge::new(
            "indexes of PostgreSQL for each live row",
            "bytes",
            (Fold::Median, Some(1.1)),
            move || each_row("pg_indexes_size"),
        ),
        Gauge::new("connections of PostgreSQL", "open", (Fold::Median, Some(1.05)), move || {
            shared.number("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        }),
        Gauge::new("memory of Redis", "MiB", (Fold::Median, Some(1.1)), move || {
            Ok(shared.redis_bytes()? / MIB)
        }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_quarter_is_set_beside_the_second() {
        let readings = [9.0, 9.0, 9.0, 1.0, 3.0, 9.0, 5.0, 5.0, 5.0, 2.0, 4.0, 8.0];
        for (fold, expected) in [(Fold::Median, (4.0, 3.0)), (Fold::Most, (8.0, 9.0))] {
            let mut gauge = Gauge::new("x", "y", (fold, Some(1.1)), || Ok(0.0));
            gauge.readings = readings.into();
            assert_eq!(gauge.row().pairs, [expected]);
        }
    }

    #[test]
    fn nothing_that_stays_nothing_has_not_grown() {
        let mut flat = Gauge::new("x", "y", (Fold::Median, Some(1.1)), || Ok(0.0));
        for _ in 0..8 {
            flat.read().expect("it reads");
        }
        assert_eq!(flat.row().pairs, [(LEAST, LEAST)]);
    }
}
