//! Tools of trials: clients that write and read while a server is killed, cut off or sent away, and
//! what they keep of what they were told. None of them takes a server's end for a failure.

mod ban;
mod ledger;
mod reader;
mod returning;
mod socket;
mod writer;

use std::fmt::Display;
use std::time::Duration;

pub use crate::setup::{group, history};
pub use crate::wait::PATIENCE;
pub use ban::BanRace;
pub use ledger::{Ledger, Load, Verdict};
pub use reader::{Reader, Reading};
pub use returning::{Dice, Returning, Turmoil, come_back_amid};
pub use socket::{Incoming, TrialSocket};
pub use writer::{Aim, RunEnd, Transport, Writer};

/// How often: in every run of the tests, or with `TRIALS=long` in the environment, as
/// `cargo xtask trials` runs them.
pub fn times<T>(short: T, long: T) -> T {
    if std::env::var("TRIALS").is_ok_and(|mode| mode == "long") { long } else { short }
}

/// The bound of a promise, as a trial's long mode measures it. Beside other tests the machine has much else to
/// do, and all that is asked is that it happens.
pub fn bound(promised: Duration) -> Duration {
    times(PATIENCE.max(promised), promised)
}

/// Says what a trial has seen: the line that `cargo xtask trials` makes its table of.
pub fn report(trial: &str, how_often: impl Display, seen: impl Display) {
    println!("\ntrial: {trial} | {how_often} | {seen}");
}

/// How many a second.
pub fn rate(count: usize, took: Duration) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / took.max(Duration::from_millis(1)).as_secs_f64()
}
