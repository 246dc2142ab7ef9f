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
    /// Import users, relations, groups, memberships, messages and read marks of the Django service from its PostgreSQL
    /// database, which is not changed
    Django {
        /// The address of the database: postgres://… [default: `CHINWAG_IMPORT_URL`]
        #[arg(value_name = "URL")]
        url: Option<String>,
        #[command(flatten)]
        place: DataArgs,
    },
    /// Import users, conversations, messages, threads, reactions and pins from the export of a Slack workspace. The
    /// export does not contain files: pass them in a folder
    Slack {
        /// The ZIP file
        file: PathBuf,
        #[command(flatten)]
        options: ExportArgs,
    },
    /// Import the bulk export of a Mattermost server
    Mattermost {
        /// The JSONL file (.jsonl), or a ZIP file of it and the attached files (.zip)
        file: PathBuf,
        #[command(flatten)]
        options: ExportArgs,
    },
}

/// The arguments of an import of an export.
#[derive(Debug, clap::Args)]
pub(super) struct ExportArgs {
    /// A folder with the attached files: as ID/NAME or ID-NAME for Slack, with the paths of the export for Mattermost.
    /// No file is downloaded
    #[arg(long, value_name = "DIR")]
    files: Option<PathBuf>,
    /// A file that maps users of the export to names here, with lines THEIRS OURS. An existing user of that name is
    /// used
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// Write one line to this file for everything that is not imported, or is changed
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Import into a temporary copy, and print the report
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
