//! Private groups: one for each pair of users, and one for a user's notes to itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::actor::{service_only, someone};
use super::directory::named;
use super::group::Seen;
use super::send::send;
use super::{App, Context, Growth, Unit, standing};
use crate::group::View;
use crate::log::LogEntry;
use crate::message::{Body, ClientId, Message};
use crate::permission::Role;
use crate::rate::{self, Key};
use crate::relation::Relation;
use crate::send::{BLOCKED, Send, Sent};
use crate::store::NewMessage;
use crate::user::{Caller, User};
use crate::{Error, GroupId, GroupName, MessageId, Name, Result};

/// Opens the private group with a user, with a first message.
#[derive(Debug, Clone)]
pub struct First {
    pub target: Name,
    /// The first message.
    pub body: Option<Body>,
    /// The sender's id for that message. A retry with the same id makes no second message.
    pub client_id: Option<ClientId>,
}

/// Makes or finds the private group of two users.
#[derive(Debug, Clone)]
pub enum Open {
    /// The caller's own group with this user.
    With(Name),
    /// The group of these two users, for a service.
    Between(Name, Name),
}

/// The result of opening a private group.
#[derive(Debug, Clone)]
pub enum Opened {
    /// The group was made, or the message was sent to it. Both users receive an event.
    Published,
    /// The message was sent before: the original answer, only for the caller.
    Before(Message),
    /// The group existed and there was nothing to send: the group, only for the caller.
    Standing(Arc<View>),
}

/// A private group, and whether it is new.
#[derive(Debug, Clone)]
pub struct Private {
    pub seen: Seen,
    pub is_new: bool,
}

impl App {
    /// Makes or finds the private group with a user, and sends the message there.
    pub async fn message_first(&self, context: &Context, command: First) -> Result<Opened> {
        self.write(Growth::Adds, context, (command, AtomicBool::new(false)), |unit, (command, counted)| {
            first(unit, command, counted)
        })
        .await
    }

    /// Makes or finds the private group of two users.
    pub async fn private_open(&self, context: &Context, command: Open) -> Result<Private> {
        self.write(Growth::Adds, context, (command, AtomicBool::new(false)), |unit, (command, counted)| {
            open_between(unit, command, counted)
        })
        .await
    }
}

fn first(unit: &mut Unit, command: &First, counted: &AtomicBool) -> Result<Opened> {
    let author = someone(unit.tx, unit.caller, None)?;
    let target = writable(named(unit, &command.target, "target")?, "target")?;
    match (unit.tx.group_of_pair(author.id, target.id)?, &command.body) {
        (Some(group), None) => standing(unit.tx, group).map(Opened::Standing),
        (Some(group), Some(body)) => {
            let message = Send {
                author: None,
                group,
                body: body.clone(),
                respond_to: None,
                date: None,
                client_id: command.client_id.clone(),
            };
            Ok(match send(unit, &message)? {
                Sent::New(_) => Opened::Published,
                Sent::Before(message) => Opened::Before(message),
            })
        }
        (None, body) => {
            let message = body.as_ref().map(|body| (body, command.client_id.as_ref()));
            open(unit, &author, &target, message, counted)?;
            Ok(Opened::Published)
        }
    }
}

fn open_between(unit: &mut Unit, command: &Open, counted: &AtomicBool) -> Result<Private> {
    let (a, b) = match command {
        Open::With(name) => (someone(unit.tx, unit.caller, None)?, named(unit, name, "user")?),
        Open::Between(a, b) => {
            service_only(unit.caller)?;
            (named(unit, a, "users")?, named(unit, b, "users")?)
        }
    };
    let field = if matches!(command, Open::With(_)) { "user" } else { "users" };
    let (a, b) = (writable(a, field)?, writable(b, field)?);
    let found = unit.tx.group_of_pair(a.id, b.id)?;
    let is_new = found.is_none();
    let id = match found {
        Some(id) => id,
        None => open(unit, &a, &b, None, counted)?,
    };
    let mark = unit.caller.user().map(|user| unit.tx.mark(id, user)).transpose()?;
    Ok(Private { seen: Seen { view: standing(unit.tx, id)?, mark, pending: false }, is_new })
}

fn writable(user: User, field: &'static str) -> Result<User> {
    if user.special {
        let why = format!("must not be a special user: nobody can write to {}", user.name);
        return Err(Error::field(field, why));
    }
    Ok(user)
}

/// Makes the private group of two users, or of a user with itself. Its creation and its first message are one
/// event with number 1.
fn open(
    unit: &mut Unit,
    author: &User,
    target: &User,
    message: Option<(&Body, Option<&ClientId>)>,
    counted: &AtomicBool,
) -> Result<GroupId> {
    let both = if author.id == target.id { vec![author] } else { vec![author, target] };
    let pair = unit.tx.pair(author.id, target.id)?;
    if pair.blocked() {
        return Err(Error::forbidden(BLOCKED));
    }
    let write_first = unit.tx.settings(target.id)?.write_first;
    let is_bound = unit.caller != Caller::Service && author.id != target.id;
    if is_bound && !write_first.admits(pair.mine == Some(Relation::Contact)) {
        return Err(Error::forbidden(format!("user {} does not allow you to write first", target.name)));
    }
    if author.id != target.id && pair.mine != Some(Relation::Contact) {
        count_first_contact(unit, counted)?;
    }
    let (id, now) = (GroupId::new(&*unit.rules.clock), unit.now());
    unit.tx.group_insert(id, GroupName::PRIVATE, Some((author.id, target.id)))?;
    for user in &both {
        unit.tx.member_set(id, user.id, Role::Member, now)?;
    }
    let seq = match message {
        None => unit.log(id, &LogEntry::GroupChanged)?,
        Some((body, client_id)) => {
            let seq = unit.tx.seq_take_for_messages(id, 1, now)?;
            unit.tx.message_insert(&NewMessage {
                id: MessageId::new(&*unit.rules.clock),
                group: id,
                seq,
                author: author.id,
                date: now,
                body: body.clone(),
                respond_to: None,
                client_id: client_id.cloned(),
            })?;
            seq
        }
    };
    unit.group_updated(id, seq, both.iter().map(|user| user.id).collect(), vec![])?;
    Ok(id)
}

/// Counts a private group that a user opens with somebody who is not a contact, once even if the job runs
/// again.
fn count_first_contact(unit: &Unit, counted: &AtomicBool) -> Result<()> {
    let Some(user) = unit.caller.user() else { return Ok(()) };
    if !counted.load(Ordering::Relaxed) {
        unit.rules.rates.take(Key::User(user), &[rate::LimitKind::FirstContacts])?;
        counted.store(true, Ordering::Relaxed);
    }
    Ok(())
}
