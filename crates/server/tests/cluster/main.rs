//! Fault trials of several nodes of the real program on one PostgreSQL and one Redis. Each causes a fault and
//! checks that it took effect, like the trials of a single node.
//!
//! `cargo test` runs each trial a few times or for seconds. `TRIALS=long` in the environment, which `cargo
//! xtask trials` sets, runs them often and long enough to catch rare races. `OLDER=path/to/chinwag` makes every
//! second node another build, and a rolling restart an upgrade: before a release, run this with the program of
//! the previous one.

mod blocks;
mod cluster;
mod commit;
mod consent;
mod database;
mod dead;
mod ends;
mod feed;
mod figures;
mod files;
mod first;
mod followers;
mod guide;
mod hidden;
mod hints;
mod invites;
mod kills;
mod link;
mod order;
mod pins;
mod push;
mod removal;
mod returns;
mod rolling;
mod start;
mod threads;
mod versions;
mod webhooks;

/// The program under test; `FIGURES_OF` selects another build.
fn binary() -> String {
    std::env::var("FIGURES_OF").unwrap_or_else(|_| env!("CARGO_BIN_EXE_chinwag").to_owned())
}

/// The program of every second node and of all nodes before a rolling restart: the build in `OLDER`, or else
/// [`binary`].
fn older() -> String {
    std::env::var("OLDER").unwrap_or_else(|_| binary())
}
