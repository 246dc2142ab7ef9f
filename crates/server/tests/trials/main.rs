//! What the server must survive: each trial brings a fault about, shows that it took hold, and looks
//! at what clients were told before it.
//!
//! In `cargo test` each runs a few times. With `TRIALS=long` in the environment, as
//! `cargo xtask trials` runs them, each runs as often as it takes to believe it.
//!
//! The trial of the disk needs `strace`, which the Debian package `strace` brings.

mod clock;
mod crash;
mod disk;
mod end;
mod flood;
mod ledger;
mod once;
mod slow;
mod socket;
mod trace;
mod world;
mod writer;

use std::fmt::Display;
use std::time::Duration;

use chinwag_testkit::process::Program;

/// How long anything may take on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program in a folder of its own.
fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_chinwag"))
}

/// How often: in every run of the tests, or in the long run.
fn times(short: usize, long: usize) -> usize {
    if std::env::var("TRIALS").is_ok_and(|mode| mode == "long") { long } else { short }
}

/// The middle of what was measured.
fn median(mut measured: Vec<f64>) -> f64 {
    measured.sort_by(f64::total_cmp);
    measured[measured.len() / 2]
}

/// Says what a trial has seen: the line that `cargo xtask trials` makes its table of.
fn report(trial: &str, how_often: impl Display, seen: impl Display) {
    println!("\ntrial: {trial} | {how_often} | {seen}");
}
