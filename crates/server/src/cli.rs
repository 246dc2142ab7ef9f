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
    /// Print the service key, alone on a line; make, list and delete keys with scopes
    Key(key::Args),
    /// Make, list, suspend and delete users, name admins, set passwords, make tokens
    User(user::Args),
    /// Check the configuration, the data folder and the store: say what is wrong, and how to mend it
    Check(check::Args),
    /// Say whether the server of these settings answers, for the health check of a container
    Health(health::Args),
    /// Copy the database into a file, with the server running or not
    Backup(backup::Args),
    /// Put a backup into a data folder that no server serves
    Restore(restore::Args),
    /// Print the id of the store's history, or renew it after a restore by other means than `restore`
    History(history::Args),
    /// Move the whole store from SQLite to PostgreSQL, or back; copy its files to another storage
    Migrate(migrate::Args),
    /// Build the index of the search anew
    Search(search::Args),
    /// Write all data of one user into a ZIP, with the server running or not
    Export(export::Args),
    /// Import the data of another chat service
    Import(import::Args),
    /// Print the document of the REST API (OpenAPI 3.1)
    Openapi,
    /// Print the document of the WebSocket (AsyncAPI 3.0)
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
