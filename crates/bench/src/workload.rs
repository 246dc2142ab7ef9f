//! The workloads, one per file.

mod capacity;
mod connect;
mod curves;
mod fanout;
mod files;
mod followers;
mod growth;
mod idle;
mod inserts;
mod latency;
mod neighbour;
mod nodes;
mod rest;
mod restart;
mod search;
mod sends;
mod size;
mod slow;
mod soak;
mod start;
mod unread;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use crate::table::{Measurement, Outcome};

/// A workload to measure.
#[derive(Debug, Clone, Copy, clap::Subcommand)]
pub(crate) enum Workload {
    /// W1: memory and CPU of idle sockets.
    Idle,
    /// W2, W2b: deliveries in one group of 1,000 (or `--members`), one message at a time and 16.
    Crowd,
    /// W3: deliveries in 10 groups of 10 and in one of 1,000 (or `--members`), one message at a time, beside a journal.
    Groups,
    /// W4: time to delivery at half of W3's peak, load and server on one core each.
    Latency,
    /// W5: acknowledged messages a second.
    Sends,
    /// W6: the same queries of a short history and a long one.
    Growth,
    /// W7: every client reconnects at once.
    Restart,
    /// W8: some members of a group stop reading.
    Slow,
    /// W9: requests over REST.
    Rest,
    /// W10: deliveries where members are spread over two nodes.
    Nodes,
    /// W11: a user of many groups connects.
    Connect,
    /// W12: a group is shown with its count of unread messages, after a short history and a long one.
    Unread,
    /// W13: delivery while one user does the worst that the limits allow.
    Neighbour,
    /// W14: pages of a search, the size of its index, and what the index costs those who send.
    Search,
    /// W15: files downloaded and uploaded, and readers that stop.
    Files,
    /// W16: messages with the feed, a webhook and the search index.
    Followers,
    /// W17: from the start of the program to its readiness, and its memory then.
    Start,
    /// Curves of growth over messages, users, groups and members online, with plots (`--plots`).
    Curves,
    /// The costs of the capacity model, and a run that it predicts.
    Capacity,
    /// An hour (`--minutes`) of mixed load on one node and on two: memory, descriptors, storage, time to delivery. Not in `all`.
    Soak,
    /// W18: the server's program, the first page in a browser, and the packages that both are built of.
    Size,
}

/// The settings of a measurement.
pub(crate) struct RunSettings {
    /// Small and short: to see that everything works.
    pub(crate) quick: bool,
    pub(crate) rounds: usize,
    /// The duration of one period of load.
    pub(crate) stretch: Duration,
    /// Messages in the largest history.
    pub(crate) messages: u64,
    /// Users of the largest directory.
    pub(crate) users: u64,
    /// Members of a group, if they differ from the table's.
    pub(crate) members: Option<usize>,
    pub(crate) server: PathBuf,
    /// The duration of a soak, and its messages per second on one node and on two.
    pub(crate) minutes: u32,
    pub(crate) rate: f64,
    /// The folder for plots.
    pub(crate) plots: Option<PathBuf>,
}

impl RunSettings {
    /// The size of the table, or the size of a quick run.
    pub(crate) fn size(&self, full: usize, quick: usize) -> usize {
        if self.quick { quick } else { full }
    }
}

/// A number with groups of three digits.
fn grouped(number: usize) -> String {
    if number < 1000 { number.to_string() } else { format!("{},{:03}", number / 1000, number % 1000) }
}

/// Histories from `shortest` to `longest`, each ten times as long as the one before.
fn histories<H>(shortest: u64, longest: u64, make: impl FnMut(u64) -> Result<H>) -> Result<Vec<H>> {
    let lengths = std::iter::successors(Some(shortest), |length| Some(length * 10));
    lengths.take_while(|length| *length <= longest.max(shortest)).map(make).collect()
}

/// Measures every history in each round, with the shortest as the baseline.
fn compare_with_shortest<H>(
    histories: &mut [H],
    rounds: usize,
    row: impl Fn(&H) -> Measurement,
    time: impl Fn(&mut H) -> Result<f64>,
) -> Outcome {
    let mut rows: Vec<Measurement> = histories[1..].iter().map(row).collect();
    for _ in 0..rounds {
        let took = histories.iter_mut().map(&time).collect::<Result<Vec<_>>>()?;
        rows.iter_mut().zip(&took[1..]).for_each(|(row, long)| row.pairs.push((*long, took[0])));
    }
    Ok(rows)
}

/// The median of at least one measurement.
fn median(mut measured: Vec<f64>) -> f64 {
    measured.sort_by(f64::total_cmp);
    measured[measured.len() / 2]
}

impl Workload {
    pub(crate) const ALL: [Self; 20] = [
        Self::Idle,
        Self::Crowd,
        Self::Groups,
        Self::Latency,
        Self::Sends,
        Self::Growth,
        Self::Restart,
        Self::Slow,
        Self::Rest,
        Self::Nodes,
        Self::Connect,
        Self::Unread,
        Self::Neighbour,
        Self::Search,
        Self::Files,
        Self::Followers,
        Self::Start,
        Self::Size,
        Self::Curves,
        Self::Capacity,
    ];

    pub(crate) fn run(self, settings: &RunSettings) -> Outcome {
        match self {
            Self::Idle => idle::run(settings),
            Self::Crowd => fanout::crowd(settings),
            Self::Groups => fanout::groups(settings),
            Self::Latency => latency::run(settings),
            Self::Sends => sends::run(settings),
            Self::Growth => growth::run(settings),
            Self::Restart => restart::run(settings),
            Self::Slow => slow::run(settings),
            Self::Rest => rest::run(settings),
            Self::Connect => connect::run(settings),
            Self::Nodes => nodes::run(settings),
            Self::Unread => unread::run(settings),
            Self::Neighbour => neighbour::run(settings),
            Self::Search => search::run(settings),
            Self::Files => files::run(settings),
            Self::Followers => followers::run(settings),
            Self::Start => start::run(settings),
            Self::Size => size::run(settings),
            Self::Soak => soak::run(settings),
            Self::Curves => curves::run(settings),
            Self::Capacity => capacity::run(settings),
        }
    }
}
