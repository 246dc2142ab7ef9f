//! The command line: one file for each command.

mod asyncapi;
mod backup;
mod check;
mod elapsed;
mod export;
mod health;
mod history;
mod import;
mod key;
mod migrate;
mod openapi;
mod orders;
mod prompt;
mod restore;
mod search;
mod serve;
mod settings;
mod stored_files;
mod user;

use std::io::{self, Write};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

/// The command.
#[derive(Debug, Parser)]
#[command(name = "chinwag", version, about = "Chinwag, a chat server in one program", long_about = None, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until SIGTERM or Ctrl-C
    Serve(serve::Args),
    /// Print the service key on a line; create, list and delete keys with scopes
    Key(key::Args),
    /// Create, list, suspend and delete users, appoint admins, set passwords, create tokens
    User(user::Args),
    /// Check the configuration, the data folder and the store, and print each problem with its solution
    Check(check::Args),
    /// Check whether the server with these settings responds, for the health check of a container
    Health(health::Args),
    /// Copy the database into a file; the server may be running
    Backup(backup::Args),
    /// Restore a backup into a data folder that no server is using
    Restore(restore::Args),
    /// Print the id of the store's history, or renew it after the store was not restored with `restore`
    History(history::Args),
    /// Copy the whole store from SQLite to PostgreSQL or back; copy the files to another storage
    Migrate(migrate::Args),
    /// Rebuild the search index
    Search(search::Args),
    /// Write all data of one user into a ZIP file; the server may be running
    Export(export::Args),
    /// Import the data of another chat service
    Import(import::Args),
    /// Print the description of the REST API (OpenAPI 3.1)
    Openapi,
    /// Print the description of the WebSocket (AsyncAPI 3.0)
    Asyncapi,
}

/// Runs a command.
pub(crate) fn run(cli: Cli) -> Result<()> {
    match cli.command {
        Command::Serve(args) => serve::run(&args),
        Command::Key(args) => key::run(args),
        Command::User(args) => user::run(args),
        Command::Check(args) => check::run(&args),
        Command::Health(args) => health::run(&args),
        Command::Backup(args) => backup::run(&args),
        Command::Restore(args) => restore::run(&args),
        Command::History(args) => history::run(&args),
        Command::Migrate(args) => migrate::run(&args),
        Command::Search(args) => search::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Openapi => openapi::run(),
        Command::Asyncapi => asyncapi::run(),
    }
}

/// Writes a line to standard output. A broken pipe is not an error: `chinwag … | head` closes it early.
fn say(line: &str) -> Result<()> {
    match writeln!(io::stdout(), "{line}") {
        Err(why) if why.kind() != io::ErrorKind::BrokenPipe => {
            Err(why).context("the output cannot be written")
        }
        _ => Ok(()),
    }
}
