//! `chinwag key`: the service key, and keys with scopes.

use anyhow::{Result, bail};
use chinwag_core::scope::Scope;
use clap::Subcommand;

use super::orders::{OTHER_VERSION, Orders};
use super::say;
use super::settings::DataArgs;
use crate::admin::{Order, OrderOutcome};
use crate::config::Period;
use crate::data::{Folder, given_key};

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<KeyCommand>,
    #[command(flatten)]
    place: DataArgs,
    /// Create a new key first; a running server uses it after its next start
    #[arg(long)]
    rotate: bool,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Create a key with some scopes and print it on a line
    Add {
        /// Its scopes, separated by commas: read, write, users, events, admin
        #[arg(long = "scope", value_name = "SCOPES", required = true, value_delimiter = ',', value_parser = scope)]
        scopes: Vec<Scope>,
        /// The key's lifetime, such as 90d, up to 365d [default: unlimited]
        #[arg(long, value_parser = str::parse::<Period>)]
        ttl: Option<Period>,
        #[command(flatten)]
        place: DataArgs,
    },
    /// List the keys with scopes, one per line: id, scopes, date of creation, date of expiry
    List {
        #[command(flatten)]
        place: DataArgs,
    },
    /// Delete a key with scopes
    Delete {
        /// The key's id, as printed by `list`
        id: String,
        #[command(flatten)]
        place: DataArgs,
    },
}

pub(crate) fn run(args: Args) -> Result<()> {
    match args.command {
        None => show(&args),
        Some(KeyCommand::Add { scopes, ttl, place }) => {
            let scopes = scopes.into_iter().map(|scope| scope.as_str().to_owned()).collect();
            let order = Order::AddKey { scopes, seconds: ttl.map(|ttl| ttl.0.as_secs()) };
            match Orders::open(&place, false)?.order(order)? {
                OrderOutcome::Key(key) => say(&key),
                _ => bail!(OTHER_VERSION),
            }
        }
        Some(KeyCommand::List { place }) => match Orders::open(&place, false)?.order(Order::ListKeys)? {
            OrderOutcome::Keys(keys) => keys.iter().try_for_each(|key| say(key)),
            _ => bail!(OTHER_VERSION),
        },
        Some(KeyCommand::Delete { id, place }) => {
            Orders::open(&place, false)?.order(Order::DeleteKey { id })?;
            Ok(())
        }
    }
}

fn show(args: &Args) -> Result<()> {
    let config = args.place.load()?;
    if let Some(key) = given_key()?.filter(|_| !args.rotate) {
        return say(&key);
    }
    let folder = Folder::open(&config.data)?;
    let key = if args.rotate { folder.rotate_key()? } else { folder.present_key()? };
    if args.rotate {
        let noted = Orders::open(&args.place, false).and_then(|orders| orders.order(Order::NoteRotation));
        if let Err(why) = noted {
            eprintln!("chinwag: the new key is missing in the audit log: {why:#}");
        }
    }
    if args.rotate && folder.is_served() {
        eprintln!("chinwag: the running server knows the old key until it is started again");
    }
    say(&key)
}

fn scope(text: &str) -> Result<Scope, String> {
    let names = Scope::ALL.map(Scope::as_str).join(", ");
    Scope::parse(text).ok_or_else(|| format!("must be one of {names}"))
}
