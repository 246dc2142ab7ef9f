//! The `chinwag` binary: parses the command line, loads the configuration, wires the parts together, and serves until
//! it receives a signal.
//!
//! It contains no rules of the chat. Only [`wire_up`] names the implementations of store and bus; only [`config`]
//! reads settings from the environment and the configuration file.

mod admin;
mod background;
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

/// Chosen for its low fragmentation: when many sockets connect at once, each keeps small allocations between the
/// large ones that its summary frees, and the system's allocator returns none of that memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exit codes: 0 done, 1 failed, 2 misused (clap's own).
fn main() -> ExitCode {
    huge_pages::hold_back();
    // The process writes messages, files and keys, so everything it creates is for its owner alone.
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
