//! The hub over a real store, on one thread whose clock is paused and advances only when a test sleeps.

mod closing;
mod delivery;
mod harness;
mod presence;
mod races;
mod sinks;
