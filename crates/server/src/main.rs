//! Chinwag's one program: reads the command line and the configuration, wires the parts together,
//! and serves until it receives a signal.
//!
//! No rule of the chat's lives here. Only [`wire_up`] names a store and a bus, only [`config`]
//! reads the environment and the configuration file.

mod admin;
mod banner;
mod cli;
mod config;
mod control;
mod data;
mod followers;
mod indexing;
mod logging;
mod memory;
mod open_files;
mod shutdown;
mod start_wait;
mod upkeep;
mod wire_up;

use std::process::ExitCode;

use chinwag_http::huge_pages;
use clap::Parser;
use rustix::fs::Mode;
use rustix::process::umask;

/// Chosen by what is left after a crowd has come: sockets' small pieces lie among what their
/// summaries took and gave back, and the system's own allocator keeps hold of all of it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exit codes: 0 done, 1 failed, 2 misused (clap's own).
fn main() -> ExitCode {
    huge_pages::hold_back();
    // Messages, files and keys are in what is written: it is for its owner alone.
    umask(Mode::RWXG | Mode::RWXO);
    match cli::run(cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            for line in format!("{error:#}").lines() {
                eprintln!("chinwag: {line}");
            }
            ExitCode::FAILURE
        }
    }
}
