//! Chinwag's benchmarks. Each workload alternates with a baseline in the same run.
//!
//! `cargo run --release -p bench -- <workload>`, or `all`; `--help` lists the options. `docs/performance.md`
//! describes the workloads and how to read their table.

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures are read by people, who do not mind the sixteenth digit"
)]

mod baseline;
mod cores;
mod crowd;
mod frame;
mod load;
mod plot;
mod random;
mod shared;
mod subject;
mod table;
mod workload;
mod world;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use crate::baseline::Baseline;
use crate::workload::{RunSettings, Workload};

/// Measures Chinwag and baselines alternately, and prints a table.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Cli {
    #[command(subcommand)]
    what: Selection,
    /// Rounds of each workload and its baseline.
    #[arg(long, global = true, default_value_t = 5)]
    rounds: usize,
    /// A small and short smoke test, whose figures mean nothing.
    #[arg(long, global = true)]
    quick: bool,
    /// The seconds of one period of load.
    #[arg(long, global = true)]
    seconds: Option<f64>,
    /// Messages in the largest history (W6, W17, curves).
    #[arg(long, global = true, default_value_t = 1_000_000)]
    messages: u64,
    /// Users in the largest directory (curves).
    #[arg(long, global = true, default_value_t = 100_000)]
    users: u64,
    /// Members of the group (W2, W3, W6), instead of 1,000 and 10. Two groups are connected at a time: 9,900 need
    /// 20,000 descriptors.
    #[arg(long, global = true)]
    members: Option<usize>,
    /// Minutes of a soak.
    #[arg(long, global = true, default_value_t = 60)]
    minutes: u32,
    /// Messages per second of a soak, on one node and on two.
    #[arg(long, global = true, default_value_t = 50.0)]
    rate: f64,
    /// The folder into which plots are written, as SVG.
    #[arg(long, global = true)]
    plots: Option<PathBuf>,
    /// The server's binary. Default: it is built in this program's profile.
    #[arg(long, global = true)]
    server: Option<PathBuf>,
    /// A file to which the table is also written.
    #[arg(long, global = true)]
    out: Option<PathBuf>,
}

#[derive(Debug, clap::Subcommand)]
enum Selection {
    #[command(flatten)]
    One(Workload),
    /// Every workload except the soak.
    All,
    /// Runs a bare server, as the workloads do by themselves.
    #[command(subcommand, hide = true)]
    Baseline(Baseline),
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("bench: {why:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether no run was void.
fn run(cli: Cli) -> Result<bool> {
    let workloads = match cli.what {
        Selection::Baseline(baseline) => return baseline::run(&baseline).map(|()| true),
        Selection::One(workload) => vec![workload],
        Selection::All => Workload::ALL.to_vec(),
    };
    let seconds = cli.seconds.unwrap_or(if cli.quick { 0.2 } else { 3.0 });
    let settings = RunSettings {
        quick: cli.quick,
        rounds: if cli.quick { 1 } else { cli.rounds.max(1) },
        stretch: std::time::Duration::from_secs_f64(seconds),
        messages: cli.messages,
        users: cli.users,
        members: cli.members,
        server: subject::binary(cli.server.as_deref(), !cli.quick)?,
        minutes: cli.minutes.max(1),
        rate: cli.rate.max(0.1),
        plots: cli.plots,
    };
    let mut outcomes = Vec::new();
    for workload in workloads {
        eprintln!("{workload:?} …");
        outcomes.push((format!("{workload:?}"), workload.run(&settings)));
        // The table so far, should the rest fail.
        if let Some(out) = &cli.out {
            std::fs::write(out, table::table(&outcomes))?;
        }
    }
    write!(std::io::stdout(), "{}", table::table(&outcomes))?;
    Ok(outcomes.iter().all(|(_, outcome)| outcome.is_ok()))
}
