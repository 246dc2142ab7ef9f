//! The real program, run as whoever runs it would: its commands, its files, its words and its end.

mod backup;
mod check;
mod config;
mod disk;
mod end;
mod history;
mod import;
mod in_place;
mod key;
mod logs;
mod migrate;
mod proxy;
mod start;
mod user;

use chinwag_testkit::process::Program;

/// The program in a folder of its own.
fn program() -> Program {
    Program::new(env!("CARGO_BIN_EXE_chinwag"))
}
