//! Private groups: one per pair of users, and one per user for notes to itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::actor::{require_actor, service_only};
use super::directory::named;
use super::group::GroupForCaller;
use super::message::show_view_to;
use super::send::{insert, send};
use super::{App, Context, Growth, Unit, complete_view, show_reads};
use crate::audit::AuditAction;
use crate::before_send::Replacement;
use crate::entry::Change;
use crate::file::AttachmentList;
use crate::group::View;
use crate::group_settings::GroupSettings;
use crate::mention::MentionList;
use crate::message::{Body, ClientId, Message, MessageDetail};
use crate::permission::Role;
use crate::rate::{self, Key};
use crate::relation::{Pair, Relation};
use crate::send::{BLOCKED, Facts, Send, Sent};
use crate::store::Tx;
use crate::user::{Caller, User};
use crate::{Error, GroupId, GroupName, Name, Result};

/// Opens the private group with a user, and sends a message to it.
#[derive(Debug, Clone)]
pub struct First {
    pub target: Name,
    /// The message. None to only open the group.
    pub body: Option<Body>,
    /// The sender's id of the message. A retry with the same id does not create a second message.
    pub client_id: Option<ClientId>,
    pub mentions: MentionList,
    pub attachments: AttachmentList,
    /// The fields that most messages do not have.
    pub detail: MessageDetail,
    /// The hash of what the client sent, if the hook before sending replaced it.
    pub sent_as: Option<[u8; 32]>,
}

impl First {
    /// The command to send the message to the group of both users. None if there is no message.
    pub(super) fn message(&self, group: GroupId) -> Option<Send> {
        let Self { body, client_id, mentions, attachments, detail, sent_as, .. } = self.clone();
        Some(Send { client_id, mentions, attachments, detail, sent_as, ..Send::new(group, body?) })
    }

    /// The command after the hook before sending replaced the content.
    pub(super) fn replaced(self, replacement: Replacement) -> Self {
        let message = self.message(GroupId(uuid::Uuid::nil()));
        match message.map(|message| message.replaced(replacement)) {
            Some(Send { body, detail, sent_as, .. }) => Self { body: Some(body), detail, sent_as, ..self },
            None => self,
        }
    }
}

/// Finds or creates the private group of two users.
#[derive(Debug, Clone)]
pub enum Open {
    /// The caller's own group with this user.
    With(Name),
    /// The group of these two users. Only for services.
    Between(Name, Name),
}

/// The result of opening a private group.
#[derive(Debug, Clone)]
pub enum Opened {
    /// The group was created, or the message was sent. Both users receive an event.
    Published,
    /// The message was sent earlier. The original answer, which only the caller receives.
    Before(Box<Message>),
    /// The group already existed and there was no message to send. Only the caller receives the group.
    Standing(Arc<View>),
}

/// A private group, and whether it is new.
#[derive(Debug, Clone)]
pub struct Private {
    pub seen: GroupForCaller,
    pub is_new: bool,
}

impl App {
    /// Finds or creates the private group with a user, and sends the message there.
    pub async fn message_first(&self, context: &Context, command: First) -> Result<Opened> {
        let (_turn, command) = self.first_asked(context, command).await?;
        let command = (command, AtomicBool::new(false));
        let opened = self
            .write(Growth::Adds, context, command, |unit, (command, counted)| first(unit, command, counted));
        match opened.await? {
            Opened::Before(message) => Ok(Opened::Before(Box::new(self.first_answer(*message).await?))),
            opened => Ok(opened),
        }
    }

    /// Finds or creates the private group of two users.
    pub async fn private_open(&self, context: &Context, command: Open) -> Result<Private> {
        self.write(Growth::Adds, context, (command, AtomicBool::new(false)), |unit, (command, counted)| {
            open_between(unit, command, counted)
        })
        .await
    }
}

fn first(unit: &mut Unit, command: &First, counted: &AtomicBool) -> Result<Opened> {
    let author = require_actor(unit.tx, unit.caller, None)?;
    let target = writable(named(unit, &command.target, "target")?, "target")?;
    let Some(group) = unit.tx.group_of_pair(author.id, target.id)? else {
        open(unit, &author, &target, |group| command.message(group), counted)?;
        return Ok(Opened::Published);
    };
    Ok(match command.message(group).map(|message| send(unit, &message)).transpose()? {
        None => {
            let mut view = complete_view(unit.tx, group)?;
            show_reads(unit.tx, &mut view, &[author.id])?;
            show_view_to(unit.tx, Some(author.id), &mut view)?;
            Opened::Standing(view)
        }
        Some(Sent::New(_)) => Opened::Published,
        Some(Sent::Before(message)) => Opened::Before(Box::new(message)),
    })
}

fn open_between(unit: &mut Unit, command: &Open, counted: &AtomicBool) -> Result<Private> {
    let (a, b, fields) = match command {
        Open::With(_) if unit.caller == Caller::Service => {
            return Err(Error::field(
                "users",
                "must name both users: a service has no private groups of its own",
            ));
        }
        Open::With(name) => {
            (require_actor(unit.tx, unit.caller, None)?, named(unit, name, "user")?, ["user"; 2])
        }
        Open::Between(a, b) => {
            service_only(unit.caller)?;
            let fields = ["users[0]", "users[1]"];
            (named(unit, a, fields[0])?, named(unit, b, fields[1])?, fields)
        }
    };
    let (a, b) = (writable(a, fields[0])?, writable(b, fields[1])?);
    let found = unit.tx.group_of_pair(a.id, b.id)?;
    let is_new = found.is_none();
    let id = if let Some(id) = found {
        id
    } else {
        let id = open(unit, &a, &b, |_| None, counted)?;
        unit.audit_with(AuditAction::GroupCreate, id, format_args!("of {} and {}", a.name, b.name))?;
        id
    };
    let (mut mark, mut settings) = (None, GroupSettings::default());
    let mut view = complete_view(unit.tx, id)?;
    match unit.caller.user() {
        None => Arc::make_mut(&mut view).show_reads(&[], &[]),
        Some(user) => show_reads(unit.tx, &mut view, &[user])?,
    }
    show_view_to(unit.tx, unit.caller.user(), &mut view)?;
    if let Some(user) = unit.caller.user() {
        (mark, settings) = (Some(unit.tx.mark(id, user)?), unit.tx.group_settings(id, user)?);
    }
    Ok(Private { seen: GroupForCaller { view, mark, settings, pending: false, banned: None }, is_new })
}

pub(super) fn writable(user: User, field: &'static str) -> Result<User> {
    if user.special {
        let why = format!("must not be a special user: nobody can write to {}", user.name);
        return Err(Error::field(field, why));
    }
    Ok(user)
}

/// Checks that `author` may open a private group with `target`, and returns their relation.
pub(super) fn may_open(tx: &dyn Tx, caller: Caller, author: &User, target: &User) -> Result<Pair> {
    let pair = tx.pair(author.id, target.id)?;
    if pair.blocked() {
        return Err(Error::forbidden(BLOCKED));
    }
    let write_first = tx.settings(target.id)?.write_first;
    let is_bound = caller != Caller::Service && author.id != target.id;
    if is_bound && !write_first.admits(pair.mine == Some(Relation::Contact)) {
        return Err(Error::forbidden(format!("user {} does not allow you to write first", target.name)));
    }
    Ok(pair)
}

/// Creates the private group of two users, or of a user with itself. The creation and the first message share
/// one event, with number 1.
fn open(
    unit: &mut Unit,
    author: &User,
    target: &User,
    message: impl FnOnce(GroupId) -> Option<Send>,
    counted: &AtomicBool,
) -> Result<GroupId> {
    let both = if author.id == target.id { vec![author] } else { vec![author, target] };
    let pair = may_open(unit.tx, unit.caller, author, target)?;
    if author.id != target.id && pair.mine != Some(Relation::Contact) {
        count_first_contacts(unit, 1, counted)?;
    }
    let (id, now) = (GroupId::new(&*unit.rules.clock), unit.now());
    unit.tx.group_insert(id, GroupName::PRIVATE, Some((author.id, target.id)))?;
    for user in &both {
        unit.tx.member_set(id, user.id, Role::Member, now)?;
    }
    let mut entry = None;
    let seq = match message(id) {
        None => {
            let created = unit.log_changes(id, unit.caller.user(), vec![Change::Created])?;
            entry.insert(created).seq
        }
        Some(message) => {
            let membership = unit.tx.membership(id, author.id)?;
            insert(unit, &message, author, &mut Facts { member: membership, ..Facts::default() })?.seq
        }
    };
    unit.group_updated(id, seq, both.iter().map(|user| user.id).collect(), vec![], entry)?;
    Ok(id)
}

/// Charges the limit on first contacts for users whom the caller writes to or adds to a group without being
/// their contact. `counted` ensures that a repeated run of the job does not charge again.
pub(super) fn count_first_contacts(unit: &Unit, users: u32, counted: &AtomicBool) -> Result<()> {
    let Some(user) = unit.caller.user().filter(|_| users > 0) else { return Ok(()) };
    if !counted.load(Ordering::Relaxed) {
        unit.rules.rates.take_several(Key::User(user), &[rate::LimitKind::FirstContacts], users)?;
        counted.store(true, Ordering::Relaxed);
    }
    Ok(())
}
