//! `chinwag user`: manages users, their passwords and tokens.

use std::time::Duration;

use anyhow::{Result, bail};
use clap::Subcommand;

use super::orders::{OTHER_VERSION, Orders};
use super::settings::DataArgs;
use super::{prompt, say};
use crate::admin::{Order, OrderOutcome, StandingUpdate};
use crate::config::Period;

/// 100 years.
const LONGEST_SUSPENSION: Duration = Duration::from_secs(36_500 * 24 * 3600);

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Create a user; the password is prompted for, or read from standard input
    Add {
        /// The user's name
        name: String,
        /// Create the user without a password, to sign in with tokens or through the host application
        #[arg(long)]
        no_password: bool,
        #[command(flatten)]
        place: DataArgs,
    },
    /// List the names of users, one per line, without special users
    List {
        #[command(flatten)]
        place: DataArgs,
    },
    /// Set a user's password, which is prompted for or read from standard input, and end the user's sessions
    Passwd {
        /// The user's name
        name: String,
        /// Convert a user of an import, the host application or a provider to one with a password
        #[arg(long)]
        adopt: bool,
        #[command(flatten)]
        place: DataArgs,
    },
    /// Let a user sign in through the OpenID Connect provider, and remove its password and sessions
    Link {
        /// The user's name
        name: String,
        /// The user's id at the provider, the `sub` of its ID tokens
        subject: String,
        #[command(flatten)]
        place: DataArgs,
    },
    /// Create a token for a user and print it on a line
    Token {
        /// The user's name
        name: String,
        /// The token's lifetime, such as 12h or 30d, up to 365d
        #[arg(long, default_value = "30d", value_parser = str::parse::<Period>)]
        ttl: Period,
        /// Convert a user who signed up with a password: removes the password and all sessions
        #[arg(long)]
        adopt: bool,
        #[command(flatten)]
        place: DataArgs,
    },
    /// Suspend a user for a time: closes its sockets and refuses its requests
    Suspend {
        /// The user's name
        name: String,
        /// The time, such as 12h or 7d, up to 36500d
        #[arg(long = "for", value_name = "TIME", value_parser = str::parse::<Period>)]
        time: Period,
        /// The reason, which is shown to the user
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        place: DataArgs,
    },
    /// Lift the suspension of a user
    Unsuspend {
        /// The user's name
        name: String,
        #[command(flatten)]
        place: DataArgs,
    },
    /// Make a user an admin of the server, or revoke it
    Admin {
        /// The user's name
        name: String,
        /// Revoke the user's admin rights
        #[arg(long)]
        revoke: bool,
        #[command(flatten)]
        place: DataArgs,
    },
    /// Delete a user with its relations and memberships, and erase the bodies of its messages
    Delete {
        /// The user's name
        name: String,
        /// Do not ask for confirmation; required without a terminal
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        place: DataArgs,
    },
}

pub(crate) fn run(args: Args) -> Result<()> {
    match args.command {
        Command::Add { name, no_password, place } => {
            let orders = Orders::open(&place, true)?;
            let phc = if no_password { None } else { Some(prompt::new_password()?.hash()?) };
            orders.order(Order::Add { name, phc })?;
            Ok(())
        }
        Command::List { place } => list(&Orders::open(&place, false)?),
        Command::Passwd { name, adopt, place } => {
            let orders = Orders::open(&place, false)?;
            let phc = prompt::new_password()?.hash()?;
            orders.order(Order::Passwd { name, phc, adopt })?;
            Ok(())
        }
        Command::Link { name, subject, place } => {
            let orders = Orders::open(&place, false)?;
            let Some(issuer) = orders.config().auth.oidc.issuer.clone() else {
                bail!("there is no provider: set auth.oidc.issuer");
            };
            orders.order(Order::Link { name, issuer, subject })?;
            Ok(())
        }
        Command::Token { name, ttl, adopt, place } => {
            let order = Order::Token { name, seconds: ttl.0.as_secs(), adopt };
            match Orders::open(&place, false)?.order(order)? {
                OrderOutcome::Token(token) => say(&token),
                _ => bail!(OTHER_VERSION),
            }
        }
        Command::Suspend { name, time, reason, place } => {
            if time.0 > LONGEST_SUSPENSION {
                bail!("--for must be at most 36500d");
            }
            let change = StandingUpdate::Suspend { seconds: time.0.as_secs(), reason };
            Orders::open(&place, false)?.order(Order::Standing { name, change })?;
            Ok(())
        }
        Command::Unsuspend { name, place } => {
            let change = StandingUpdate::Lift;
            Orders::open(&place, false)?.order(Order::Standing { name, change })?;
            Ok(())
        }
        Command::Admin { name, revoke, place } => {
            let change = StandingUpdate::Admin(!revoke);
            Orders::open(&place, false)?.order(Order::Standing { name, change })?;
            Ok(())
        }
        Command::Delete { name, yes, place } => {
            let orders = Orders::open(&place, false)?;
            if !yes && !prompt::confirm(&format!("Delete {name}, and erase what {name} has written? [y/N] "))?
            {
                bail!("nothing was deleted");
            }
            orders.order(Order::Delete { name })?;
            Ok(())
        }
    }
}

fn list(orders: &Orders) -> Result<()> {
    let mut after = None;
    loop {
        let OrderOutcome::Names { names, next } = orders.order(Order::List { after })? else {
            bail!(OTHER_VERSION);
        };
        names.iter().try_for_each(|name| say(name))?;
        if next.is_none() {
            return Ok(());
        }
        after = next;
    }
}
