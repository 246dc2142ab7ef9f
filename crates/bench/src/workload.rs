//! The workloads, one a file.

mod connect;
mod fanout;
mod growth;
mod idle;
mod inserts;
mod latency;
mod neighbour;
mod nodes;
mod rest;
mod restart;
mod sends;
mod slow;
mod unread;

use std::path::PathBuf;
use std::time::Duration;

use crate::table::Outcome;

/// What to measure.
#[derive(Debug, Clone, Copy, clap::Subcommand)]
pub(crate) enum Workload {
    /// W1: memory and CPU of idle sockets.
    Idle,
    /// W2, W2b: deliveries in one group of 1,000 (or `--members`), one message at a time and 16.
    Crowd,
    /// W3: deliveries in 10 groups of 10, one message at a time.
    Groups,
    /// W4: time to delivery at half of W3's peak.
    Latency,
    /// W5: acknowledged messages a second.
    Sends,
    /// W6: the same questions of a short history and a long one.
    Growth,
    /// W7: everybody comes back at once.
    Restart,
    /// W8: some of a group stop reading.
    Slow,
    /// W9: requests over REST.
    Rest,
    /// W10: deliveries where members are spread over two nodes.
    Nodes,
    /// W11: a user of many groups comes.
    Connect,
    /// W12: a group is shown with its count of unread messages, after a short history and a long one.
    Unread,
    /// W13: delivery while one user does the worst that the limits allow.
    Neighbour,
}

/// How to measure.
pub(crate) struct Settings {
    /// Small and short: to see that everything works.
    pub(crate) quick: bool,
    pub(crate) rounds: usize,
    /// How long one stretch of load lasts.
    pub(crate) stretch: Duration,
    /// Messages in the largest history.
    pub(crate) messages: u64,
    /// Members of a group, where they are not the table's.
    pub(crate) members: Option<usize>,
    pub(crate) server: PathBuf,
}

impl Settings {
    /// A size: the table's, or a small one.
    pub(crate) fn size(&self, full: usize, quick: usize) -> usize {
        if self.quick { quick } else { full }
    }
}

/// A number as the table writes it.
fn grouped(number: usize) -> String {
    if number < 1000 { number.to_string() } else { format!("{},{:03}", number / 1000, number % 1000) }
}

impl Workload {
    pub(crate) const ALL: [Self; 13] = [
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
    ];

    pub(crate) fn run(self, settings: &Settings) -> Outcome {
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
        }
    }
}
