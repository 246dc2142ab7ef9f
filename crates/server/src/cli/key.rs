//! `chinwag key`: the service key, alone on a line.

use anyhow::Result;

use super::say;
use super::settings::DataArgs;
use crate::data::{Folder, given_key};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    place: DataArgs,
    /// Make a new key first; a running server takes it at its next start
    #[arg(long)]
    rotate: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let config = args.place.load()?;
    if let Some(key) = given_key()?.filter(|_| !args.rotate) {
        return say(&key);
    }
    let folder = Folder::open(&config.data)?;
    let key = if args.rotate { folder.rotate_key()? } else { folder.present_key()? };
    if args.rotate && folder.is_served() {
        eprintln!("chinwag: the running server knows the old key until it is started again");
    }
    say(&key)
}
