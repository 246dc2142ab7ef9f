//! Files as a server receives them.

#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test fails on it")]

mod name;
#[path = "../samples/mod.rs"]
mod samples;
mod sniff;
mod strip;
mod thumbnail;
