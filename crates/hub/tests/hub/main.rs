//! The hub over a real store, in one thread whose time stands still unless a test sleeps.

mod closing;
mod delivery;
mod harness;
mod presence;
mod races;
mod sinks;
