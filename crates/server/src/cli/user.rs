//! `chinwag user`: manages users, their passwords and tokens.

use std::time::Duration;

use anyhow::{Result, bail};
use clap::Subcommand;

use super::orders::{OTHER_VERSION, Orders};
use super::settings::DataArgs;
use super::{prompt, say};
use crate::admin::{Order, OrderOutcome, StandingOrder};
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
    /// Make a user; the password is asked for, or read from standard input
    Add {
        /// The user's name
        name: String,
        /// Without a password: the user signs in by tokens, or by the host application
        #[arg(long)]
        no_password: bool,
        #[command(flatten)]
        place: DataArgs,
    },
    /// List the names of users, one a line, special users aside
    List {
        #[command(flatten)]
        place: DataArgs,
    },
    /// Set a user's password, asked for or read from standard input, and end its sessions
    Passwd {
        /// The user's name
        name: String,
        /// Take a user over whom an import, the host application or a provider has made: from now on it signs in here
        #[arg(long)]
        adopt: bool,
        #[command(flatten)]
        place: DataArgs,
    },
    /// Let a user sign in through the provider of OpenID Connect, and end its password and sessions
    Link {
        /// The user's name
        name: String,
        /// The user's id at the provider, the `sub` of its ID tokens
        subject: String,
        #[command(flatten)]
        place: DataArgs,
    },
    /// Print a new token of a user, alone on a line
    Token {
        /// The user's name
        name: String,
        /// The token's lifetime, such as 12h or 30d, up to 365d
        #[arg(long, default_value = "30d", value_parser = str::parse::<Period>)]
        ttl: Period,
        /// Take a user over who signed up with a password: the password and all sessions end
        #[arg(long)]
        adopt: bool,
        #[command(flatten)]
        place: DataArgs,
    },
    /// Suspend a user for a time: its sockets are closed, and what it asks for is refused
    Suspend {
        /// The user's name
        name: String,
        /// The time, such as 12h or 7d, up to 36500d
        #[arg(long = "for", value_name = "TIME", value_parser = str::parse::<Period>)]
        time: Period,
        /// The reason, which the user is told
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
    /// Name a user an admin of the server, or end that
    Admin {
        /// The user's name
        name: String,
        /// The user is an admin no longer
        #[arg(long)]
        revoke: bool,
        #[command(flatten)]
        place: DataArgs,
    },
    /// Delete a user: its relations and memberships go, the bodies of its messages are erased
    Delete {
        /// The user's name
        name: String,
        /// Do not ask; needed where nobody can be asked
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
            let change = StandingOrder::Suspend { seconds: time.0.as_secs(), reason };
            Orders::open(&place, false)?.order(Order::Standing { name, change })?;
            Ok(())
        }
        Command::Unsuspend { name, place } => {
            let change = StandingOrder::Lift;
            Orders::open(&place, false)?.order(Order::Standing { name, change })?;
            Ok(())
        }
        Command::Admin { name, revoke, place } => {
            let change = StandingOrder::Admin(!revoke);
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
