//! `chinwag import`: what another chat service has kept, taken into this one's store. No server
//! runs on the store meanwhile. Broken off, it is run again and goes on.

mod django;
mod report;

use anyhow::Result;
use clap::Subcommand;

use super::settings::DataArgs;

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
        /// The address: postgres://…
        #[arg(value_name = "URL")]
        url: String,
        #[command(flatten)]
        place: DataArgs,
    },
}

pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.source {
        ImportSource::Django { url, place } => django::run(url, place),
    }
}
