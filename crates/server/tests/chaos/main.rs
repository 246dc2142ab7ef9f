//! Faults that the server must survive: each trial brings a fault about, shows that it took hold, and looks
//! at what clients were told before it.
//!
//! In `cargo test` each runs a few times. With `TRIALS=long` in the environment, as
//! `cargo xtask trials` runs them, each runs as often as it takes to believe it.
//!
//! The trial of the disk needs `strace`, which the Debian package `strace` brings.

mod attachments;
mod before_send;
mod clock;
mod courier;
mod crash;
mod disk;
mod end;
mod erase;
mod files;
mod flood;
mod hosts;
mod once;
mod push;
mod retention;
mod slow;
mod strangers;
mod trace;
mod webhooks;
mod world;

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use chinwag_testkit::process::Program;

/// The program in a folder of its own.
fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_chinwag"))
}

/// A number from 1 to `most`.
fn random(most: usize) -> usize {
    usize::try_from(RandomState::new().hash_one(0) % most as u64).expect("it is below a usize") + 1
}

/// The middle of what was measured.
fn median(mut measured: Vec<f64>) -> f64 {
    measured.sort_by(f64::total_cmp);
    measured[measured.len() / 2]
}
