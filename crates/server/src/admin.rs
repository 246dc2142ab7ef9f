//! Requests of `chinwag user` and `chinwag key`. The running server executes them, so that connected users see the
//! effect at once; without a running server the command executes them on the store.

use std::time::Duration;

use chinwag_core::app::directory::Part;
use chinwag_core::app::identity::{IssueToken, SpelledName};
use chinwag_core::app::key::MakeKey;
use chinwag_core::app::suspension::ChangeStanding;
use chinwag_core::app::user::ProfileParts;
use chinwag_core::app::{App, Context};
use chinwag_core::audit::AuditAction;
use chinwag_core::oidc::ProviderIdentity;
use chinwag_core::profile::FieldUpdate;
use chinwag_core::scope::{Scope, ScopedKey, Scopes};
use chinwag_core::suspension::{Suspension, SuspensionReason};
use chinwag_core::{Date, Error, KeyId, Name, UserId};
use serde::{Deserialize, Serialize};

/// Users in one page of a list; at most so many names in [`OrderOutcome::Names`].
const PAGE: usize = 1000;

/// A request of a command.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    /// Create a user. `phc`: the password as a PHC string; none for a user without a password.
    Add { name: String, phc: Option<String> },
    /// List users, those after an id.
    List { after: Option<i64> },
    /// Set a password, given as a PHC string.
    Passwd {
        name: String,
        phc: String,
        /// Whether the user is switched to sign-in with a password here, if it signs in elsewhere.
        #[serde(default)]
        adopt: bool,
    },
    /// Link a user to its identity at an OpenID Connect provider, so that it can sign in through it.
    Link { name: String, issuer: String, subject: String },
    /// Create a token. `adopt`: also for a user who signed up here with a password, which then ends.
    Token { name: String, seconds: u64, adopt: bool },
    /// Change whether a user is an admin, or suspend it.
    Standing { name: String, change: StandingUpdate },
    /// Delete a user.
    Delete { name: String },
    /// Create a key with some scopes. Without `seconds` it does not expire.
    AddKey { scopes: Vec<String>, seconds: Option<u64> },
    /// List the keys that have scopes.
    ListKeys,
    /// Delete a key that has scopes.
    DeleteKey { id: String },
    /// Record the rotation of the service key in the audit log.
    NoteRotation,
}

impl Order {
    /// Whether the order may affect connected users.
    pub(crate) fn changes(&self) -> bool {
        matches!(
            self,
            Self::Passwd { .. }
                | Self::Link { .. }
                | Self::Delete { .. }
                | Self::Standing { .. }
                | Self::Token { adopt: true, .. }
        )
    }
}

/// A change of a user's standing: whether it is an admin, and its suspension.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StandingUpdate {
    /// Make the user an admin, or revoke that.
    Admin(bool),
    /// Suspend the user for `seconds`.
    Suspend { seconds: u64, reason: Option<String> },
    /// Lift the suspension of the user.
    Lift,
}

/// The result of an order.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OrderOutcome {
    /// Success without a value.
    Done,
    /// Names of users without special ones, and the `after` of the next page if there is one.
    Names { names: Vec<String>, next: Option<i64> },
    /// The secret of a new token.
    Token(String),
    /// The secret of a new key.
    Key(String),
    /// Keys without their secrets, one line each.
    Keys(Vec<String>),
    /// The order was refused, for the reason in this sentence.
    Refused(String),
}

/// Executes an order.
pub(crate) async fn carry_out(app: &App, order: Order) -> OrderOutcome {
    attempt(app, order).await.unwrap_or_else(OrderOutcome::Refused)
}

async fn attempt(app: &App, order: Order) -> Result<OrderOutcome, String> {
    let service = Context::command_line();
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
            let page =
                app.users(&service, part, ProfileParts::default()).await.map_err(|why| why.to_string())?;
            let next = page.last().filter(|_| page.len() == PAGE).map(|profile| profile.user.id.0);
            let users = page.into_iter().map(|profile| profile.user).filter(|user| !user.special);
            Ok(OrderOutcome::Names { names: users.map(|user| user.name.to_string()).collect(), next })
        }
        Order::Passwd { name, phc, adopt: true } => {
            let name = parse(&name)?;
            app.password_adopt(&service, name.clone(), phc).await.map_err(|why| sentence(&name, &why))?;
            Ok(OrderOutcome::Done)
        }
        Order::Passwd { name, phc, adopt: false } => {
            let name = parse(&name)?;
            match app.password_set(&service, name.clone(), phc).await {
                Ok(()) => Ok(OrderOutcome::Done),
                Err(why @ Error::Conflict(_)) => {
                    Err(format!("{why}: with --adopt it signs in here from now on"))
                }
                Err(why) => Err(sentence(&name, &why)),
            }
        }
        Order::Link { name, issuer, subject } => {
            let name = parse(&name)?;
            let identity = ProviderIdentity::parse(&issuer, &subject)?;
            app.provider_link(&service, name.clone(), identity).await.map_err(|why| sentence(&name, &why))?;
            Ok(OrderOutcome::Done)
        }
        Order::Token { name: text, seconds, adopt } => {
            let name = parse(&text)?;
            let spelled = SpelledName::parse(&text).map_err(|why| format!("the name {name} {why}"))?;
            let command = IssueToken { name: spelled, ttl: Duration::from_secs(seconds), adopt };
            let issued = app.token_create(&service, command).await;
            let issued = issued.map_err(|why| sentence(&name, &why))?;
            Ok(OrderOutcome::Token(issued.secret.expose().to_owned()))
        }
        Order::Standing { name, change } => {
            let name = parse(&name)?;
            let command = change.command(app, name.clone())?;
            app.standing_change(&service, command).await.map_err(|why| sentence(&name, &why))?;
            Ok(OrderOutcome::Done)
        }
        Order::Delete { name } => {
            let name = parse(&name)?;
            app.user_delete(&service, name.clone()).await.map_err(|why| sentence(&name, &why))?;
            Ok(OrderOutcome::Done)
        }
        Order::NoteRotation => note_rotation(app).await,
        Order::AddKey { .. } | Order::ListKeys | Order::DeleteKey { .. } => key_order(app, order).await,
    }
}

impl StandingUpdate {
    fn command(self, app: &App, name: Name) -> Result<ChangeStanding, String> {
        let (admin, suspension) = match self {
            Self::Admin(admin) => (Some(admin), FieldUpdate::Keep),
            Self::Lift => (None, FieldUpdate::Clear),
            Self::Suspend { seconds, reason } => {
                let reason = reason.as_deref().map(SuspensionReason::parse).transpose();
                let reason =
                    reason.map_err(|why| format!("the reason {why}"))?.map(SuspensionReason::into_text);
                let micros = i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000);
                let until = Date::from_micros(app.clock().now().micros().saturating_add(micros));
                (None, FieldUpdate::Set(Suspension { until, reason }))
            }
        };
        Ok(ChangeStanding { name, admin, suspension })
    }
}

/// Executes an order about keys that have scopes.
async fn key_order(app: &App, order: Order) -> Result<OrderOutcome, String> {
    let service = Context::command_line();
    match order {
        Order::AddKey { scopes, seconds } => {
            let scopes: Option<Vec<_>> = scopes.iter().map(|scope| Scope::parse(scope)).collect();
            let scopes = Scopes::of(&scopes.ok_or("the running server does not know this scope")?);
            let command = MakeKey { scopes, ttl: seconds.map(Duration::from_secs) };
            let made = app.key_create(&service, command).await;
            Ok(OrderOutcome::Key(made.map_err(|why| words(&why))?.1.expose().to_owned()))
        }
        Order::DeleteKey { id } => {
            let key: KeyId = id.parse().map_err(|why| format!("{id} {why}"))?;
            match app.key_delete(&service, key).await {
                Ok(()) => Ok(OrderOutcome::Done),
                Err(Error::NotFound(_)) => Err(format!("there is no key {id}")),
                Err(why) => Err(why.to_string()),
            }
        }
        _ => {
            let keys = app.keys(&service).await.map_err(|why| why.to_string())?;
            Ok(OrderOutcome::Keys(keys.iter().map(line).collect()))
        }
    }
}

/// Records the rotation of the service key, which is not part of the store, in the audit log.
async fn note_rotation(app: &App) -> Result<OrderOutcome, String> {
    app.audit_command(AuditAction::KeyRotate, None).await.map_err(|why| why.to_string())?;
    Ok(OrderOutcome::Done)
}

/// A key in one line: id, scopes, date of creation and end, with tabs between them.
fn line(key: &ScopedKey) -> String {
    let scopes = key.scopes.list().map(Scope::as_str).collect::<Vec<_>>().join(",");
    let end = key.expires.map_or_else(|| "never".to_owned(), |expires| expires.to_string());
    format!("{}\t{scopes}\t{}\t{end}", key.id, key.created)
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

/// The text of an error that does not concern a single user.
fn words(why: &Error) -> String {
    match why {
        Error::Invalid(fields) => {
            let fields = fields.iter().map(|field| format!("{} {}", field.field, field.detail));
            fields.collect::<Vec<_>>().join("; ")
        }
        other => other.to_string(),
    }
}
