//! Several nodes of the real program over one PostgreSQL and one Redis: what they promise together.
//! Each trial brings a fault about and shows that it took hold, as those of one node do.
//!
//! In `cargo test` each runs a few times or for seconds; with `TRIALS=long` in the environment, as
//! `cargo xtask trials` runs them, as often and as long as it takes to believe it.

mod cluster;
mod commit;
mod database;
mod dead;
mod ends;
mod figures;
mod first;
mod guide;
mod hints;
mod kills;
mod link;
mod order;
mod removal;
mod rolling;
mod start;

/// The program; another build of it where figures are taken.
fn binary() -> String {
    std::env::var("FIGURES_OF").unwrap_or_else(|_| env!("CARGO_BIN_EXE_chinwag").to_owned())
}
