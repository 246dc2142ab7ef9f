//! Requests of `chinwag user`: carried out by the running server, so that whoever is connected
//! sees it at once, or over the store where none runs.

use std::time::Duration;

use chinwag_core::app::directory::Part;
use chinwag_core::app::identity::{IssueToken, Spelled};
use chinwag_core::app::user::Wanted;
use chinwag_core::app::{App, Context};
use chinwag_core::user::Caller;
use chinwag_core::{Error, Name, UserId};
use serde::{Deserialize, Serialize};

/// Users in one page of a list.
const PAGE: usize = 1000;

/// One thing to do.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    /// Make a user, with a password as a PHC string or without.
    Add { name: String, phc: Option<String> },
    /// List users, those after a number.
    List { after: Option<i64> },
    /// Set a password, a PHC string.
    Passwd { name: String, phc: String },
    /// Make a token. `adopt`: a user who signed up here is taken over.
    Token { name: String, seconds: u64, adopt: bool },
    /// Delete a user.
    Delete { name: String },
}

impl Order {
    /// Whether connected users may be affected.
    pub(crate) fn changes(&self) -> bool {
        matches!(self, Self::Passwd { .. } | Self::Delete { .. } | Self::Token { adopt: true, .. })
    }
}

/// The result.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OrderOutcome {
    /// It is done.
    Done,
    /// Users' names, special ones aside, and after what number there are more.
    Names { names: Vec<String>, next: Option<i64> },
    /// The token.
    Token(String),
    /// It was refused, and why: a sentence.
    Refused(String),
}

/// Does one thing.
pub(crate) async fn carry_out(app: &App, order: Order) -> OrderOutcome {
    attempt(app, order).await.unwrap_or_else(OrderOutcome::Refused)
}

async fn attempt(app: &App, order: Order) -> Result<OrderOutcome, String> {
    let service = Context::new(Caller::Service);
    match order {
        Order::Add { name, phc } => {
            let name = parse(&name)?;
            let made = match phc {
                Some(phc) => app.account_add(&service, name.clone(), phc).await,
                None => app.user_create(&service, name.clone()).await,
            };
            made.map_err(|why| sentence(&name, &why))?;
            Ok(OrderOutcome::Done)
        }
        Order::List { after } => {
            let part = Part { after: after.map(UserId), limit: PAGE, ..Part::default() };
            let page = app.users(&service, part, Wanted::default()).await.map_err(|why| why.to_string())?;
            let next = page.last().filter(|_| page.len() == PAGE).map(|profile| profile.user.id.0);
            let users = page.into_iter().map(|profile| profile.user).filter(|user| !user.special);
            Ok(OrderOutcome::Names { names: users.map(|user| user.name.to_string()).collect(), next })
        }
        Order::Passwd { name, phc } => {
            let name = parse(&name)?;
            app.password_set(&service, name.clone(), phc).await.map_err(|why| sentence(&name, &why))?;
            Ok(OrderOutcome::Done)
        }
        Order::Token { name: text, seconds, adopt } => {
            let name = parse(&text)?;
            let spelled = Spelled::parse(&text).map_err(|why| format!("the name {name} {why}"))?;
            let command = IssueToken { name: spelled, ttl: Duration::from_secs(seconds), adopt };
            let issued = app.token_create(&service, command).await;
            let issued = issued.map_err(|why| sentence(&name, &why))?;
            Ok(OrderOutcome::Token(issued.secret.expose().to_owned()))
        }
        Order::Delete { name } => {
            let name = parse(&name)?;
            app.user_delete(&service, name.clone()).await.map_err(|why| sentence(&name, &why))?;
            Ok(OrderOutcome::Done)
        }
    }
}

fn parse(name: &str) -> Result<Name, String> {
    Name::parse(name).map_err(|why| format!("the name {name:?} {why}"))
}

fn sentence(name: &Name, why: &Error) -> String {
    match why {
        Error::NotFound(_) => format!("there is no user {name}"),
        Error::Invalid(fields) => fields
            .iter()
            .map(|field| match &*field.field {
                "name" => format!("the name {name} {}", field.detail),
                other => format!("{other} {}", field.detail),
            })
            .collect::<Vec<_>>()
            .join("; "),
        other => other.to_string(),
    }
}
