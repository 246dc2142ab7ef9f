//! `chinwag import`: imports the data of another chat service into the store, while no server uses it. An interrupted
//! import is resumed by running it again.

mod django;
mod export;
mod report;

use std::path::PathBuf;

use anyhow::Result;
use clap::Subcommand;

use super::settings::DataArgs;
use crate::config::variables::{self, IMPORT_URL};
use crate::wire_up::import::Service;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    source: ImportSource,
}

#[derive(Debug, Subcommand)]
enum ImportSource {
    /// The Django service, in the PostgreSQL database at this address: its users, relations, groups,
    /// memberships, messages and read marks. It is only read
    Django {
        /// The address: postgres://…; else that in `CHINWAG_IMPORT_URL`
        #[arg(value_name = "URL")]
        url: Option<String>,
        #[command(flatten)]
        place: DataArgs,
    },
    /// The export of a Slack workspace, a ZIP: its users, conversations, messages, threads, reactions and pins. Its files
    /// are taken from a folder, since the export has only their addresses
    Slack {
        /// The ZIP file
        file: PathBuf,
        #[command(flatten)]
        options: ExportArgs,
    },
    /// The bulk export of a Mattermost server: its JSONL file, or a ZIP of that and of the files
    Mattermost {
        /// The file, whose name ends in .jsonl or .zip
        file: PathBuf,
        #[command(flatten)]
        options: ExportArgs,
    },
}

/// The arguments of an import of an export.
#[derive(Debug, clap::Args)]
pub(super) struct ExportArgs {
    /// A folder with the export's files: ID/NAME or ID-NAME of Slack's, the paths of Mattermost's. Nothing is fetched
    #[arg(long, value_name = "DIR")]
    files: Option<PathBuf>,
    /// A file with lines THEIRS OURS: the name that a user of the export has here. A user who exists is that user
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// A file for everything that is not taken, or not as it was, a line each
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Import into a copy that is thrown away, and report
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    place: DataArgs,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.source {
        ImportSource::Django { url, place } => {
            django::run(&variables::address(url.as_deref(), IMPORT_URL)?, place)
        }
        ImportSource::Slack { file, options } => export::run(Service::Slack, file, options),
        ImportSource::Mattermost { file, options } => export::run(Service::Mattermost, file, options),
    }
}
