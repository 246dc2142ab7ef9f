//! Several nodes of the real program over one PostgreSQL and one Redis: what they promise together.
//! Each trial brings a fault about and shows that it took hold, as those of one node do.
//!
//! In `cargo test` each runs a few times or for seconds; with `TRIALS=long` in the environment, as
//! `cargo xtask trials` runs them, as often and as long as it takes to believe it. With
//! `OLDER=path/to/chinwag` every second node is that build of it, and a rolling restart an upgrade:
//! to be tried before a release, with the program of the one before.

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

/// The program; another build of it where figures are taken.
fn binary() -> String {
    std::env::var("FIGURES_OF").unwrap_or_else(|_| env!("CARGO_BIN_EXE_chinwag").to_owned())
}

/// The program of each cluster's second node, and of all that are to be renewed: an older build, where one
/// is named.
fn older() -> String {
    std::env::var("OLDER").unwrap_or_else(|_| binary())
}
