//! Fault trials: each causes a fault, checks that it took effect, and compares the server's state with what it
//! acknowledged before.
//!
//! `cargo test` runs each trial a few times. `TRIALS=long` in the environment, which `cargo xtask trials` sets,
//! runs them often enough to catch rare races.
//!
//! The trial `disk` needs `strace`, from the Debian package of that name.

mod attachments;
mod before_send;
mod clock;
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
mod uploader;
mod webhooks;
mod world;

use chinwag_testkit::process::Program;

/// The program with a new data folder.
fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_chinwag"))
}

/// The median.
fn median(mut measured: Vec<f64>) -> f64 {
    measured.sort_by(f64::total_cmp);
    measured[measured.len() / 2]
}
