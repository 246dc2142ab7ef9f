//! Messages: send, edit, delete, read, list, mark as read.

use std::collections::BTreeSet;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use super::actor::{accepted_in, actor, membership_in, require_actor, role_in, visible};
use super::group_settings::end_marked_unread;
use super::mention::resolve_mentions;
use super::profile::cards;
use super::reaction::mark_own;
use super::suspension::governs;
use super::thread::Roots;
use super::work::AT_ONCE;
use super::{App, Context, Growth, Unit, allow};
use crate::audit::AuditAction;
use crate::authority::Govern;
use crate::bot::{BotAct, BotTarget};
use crate::event::{Audience, Event, Kind};
use crate::group::View;
use crate::limits::{MAX_IMMEDIATE_REMOVALS, MAX_LISTED_MEMBERS};
use crate::log::LogEntry;
use crate::mention::MentionList;
use crate::message::{Body, INVISIBLE, Message};
use crate::permission::{Action, Role, may};
use crate::profile::ProfileCard;
use crate::send::Sending;
pub use crate::send::{Send, Sent};
use crate::store::{Answer, Edge, MessageToErase, Page, Task, Tx};
use crate::user::{Caller, User};
use crate::{Date, Error, GroupId, MessageId, Name, Result, Seq, UserId};

/// Edits a message.
#[derive(Debug, Clone)]
pub struct Edit {
    pub id: MessageId,
    /// The new body. None to keep the current one.
    pub body: Option<Body>,
    /// The new mentions. None to keep the current ones.
    pub mentions: Option<MentionList>,
}

/// The result of an edit.
#[derive(Debug, Clone)]
pub struct Edited {
    pub message: Message,
    /// Whether anything changed. If not, no event is published.
    pub published: bool,
}

/// A point in a group's log, by number or by date.
#[derive(Debug, Clone, Copy)]
pub enum Point {
    Seq(Seq),
    Date(Date),
}

/// Moves a read mark.
#[derive(Debug, Clone)]
pub struct MarkRead {
    /// The acting user, if a service calls.
    pub author: Option<Name>,
    pub group: GroupId,
    /// The mark moves to the newest message at or before this point.
    pub at: Point,
}

/// The result of moving a read mark.
#[derive(Debug, Clone)]
pub struct Marked {
    pub author: Name,
    /// The current mark: number and date of the last message read, if any.
    pub at: Option<(Seq, Date)>,
    /// Whether an event is published, which the requesting socket receives as well. False if the mark did not
    /// move, or if the user has not accepted the group.
    pub published: bool,
}

impl App {
    /// Sends a message: stores, numbers and publishes it, only once per `client_id`.
    pub async fn message_send(&self, context: &Context, command: Send) -> Result<Sent> {
        self.messages_send([(context, command)]).pop().expect("one was sent").await
    }

    /// Like [`message_send`](Self::message_send), for several messages at once. All of them are submitted
    /// immediately, in order.
    pub fn messages_send<'a>(
        &self,
        all: impl IntoIterator<Item = (&'a Context, Send)>,
    ) -> Vec<Answer<'_, Sent>> {
        let sending = |(context, command): (&Context, Send)| self.sending(context, command);
        // A store that decides many messages in one statement does not run `admit`, so check here for free
        // disk space.
        if let Err(why) = self.rules.admit(Growth::Adds) {
            let refused = |_| -> Answer<'_, Sent> { Box::pin(ready(Err(why.clone()))) };
            return all.into_iter().map(refused).collect();
        }
        if let Some(hook) = &self.rules.before_send {
            return all
                .into_iter()
                .map(|(context, command)| self.send_asked(hook, context, command))
                .collect();
        }
        self.store.submit_sends(all.into_iter().map(sending).collect())
    }

    /// Submits a message to the store.
    pub(super) fn send_one(&self, context: &Context, command: Send) -> Answer<'_, Sent> {
        self.store.submit_sends(vec![self.sending(context, command)]).pop().expect("one was sent")
    }

    /// Wraps a command for the store.
    pub fn sending(&self, context: &Context, command: Send) -> Sending {
        Sending::new(self.rules.clone(), context.clone(), command)
    }

    /// Edits a message of the caller. A service may edit any message.
    pub async fn message_edit(&self, context: &Context, command: Edit) -> Result<Edited> {
        let act = (BotAct::Edit, BotTarget::Message(command.id));
        let (_turn, command) = self.edit_asked(context, act, command).await?;
        self.write_by_bots(Growth::Adds, context, act, command, edit).await
    }

    /// Deletes a message and erases its body. Returns the event if the caller is an admin of the server but
    /// not a member, since its sockets do not receive the event.
    pub async fn message_delete(&self, context: &Context, id: MessageId) -> Result<Option<Event>> {
        let act = (BotAct::Delete, BotTarget::Message(id));
        self.write_by_bots(Growth::Bounded, context, act, id, delete).await
    }

    pub async fn message(&self, context: &Context, id: MessageId) -> Result<Message> {
        let act = (BotAct::ReadMessages, BotTarget::Message(id));
        self.read_by_bots(context, act, id, |tx, caller, id| {
            let mut message = visible_message(tx, caller, *id)?;
            show_to(tx, caller.user(), std::slice::from_mut(&mut message))?;
            Ok(message)
        })
        .await
    }

    /// A page of a group's messages.
    pub async fn messages(&self, context: &Context, group: GroupId, page: Page) -> Result<Vec<Message>> {
        self.read_by_bots(context, reading(group), (group, page), |tx, caller, (group, page)| {
            page_of(tx, caller, *group, page)
        })
        .await
    }

    /// Like [`messages`](Self::messages), with the profiles of the authors.
    pub async fn messages_with_people(
        &self,
        context: &Context,
        group: GroupId,
        page: Page,
    ) -> Result<(Vec<Message>, Vec<ProfileCard>)> {
        self.read_by_bots(context, reading(group), (group, page), |tx, caller, (group, page)| {
            let messages = page_of(tx, caller, *group, page)?;
            let people = cards(tx, messages.iter().map(|message| message.author))?;
            Ok((messages, people))
        })
        .await
    }

    /// The messages with these ids that exist in the group, in the order of `ids`.
    pub async fn messages_by_id(
        &self,
        context: &Context,
        group: GroupId,
        ids: Vec<MessageId>,
    ) -> Result<Vec<Message>> {
        self.read_by_bots(context, reading(group), (group, ids), |tx, caller, (group, ids)| {
            visible(tx, caller, *group)?;
            listed(tx, caller, *group, ids)
        })
        .await
    }

    /// Moves the caller's read mark forward. It never moves back.
    pub async fn message_read(&self, context: &Context, command: MarkRead) -> Result<Marked> {
        self.write(Growth::Bounded, context, command, mark_read).await
    }
}

/// The action and target for reading a group's messages, for the rights of bots.
pub(super) fn reading(group: GroupId) -> (BotAct, BotTarget) {
    (BotAct::ReadMessages, BotTarget::Group(group))
}

/// A page of a group's messages. Fails if the caller may not see the group.
fn page_of(tx: &dyn Tx, caller: Caller, group: GroupId, page: &Page) -> Result<Vec<Message>> {
    visible(tx, caller, group)?;
    let mut messages = tx.messages(group, page)?;
    show_to(tx, caller.user(), &mut messages)?;
    Ok(messages)
}

/// The messages with these ids that exist in the group, in the order of `ids`. The caller's access must
/// already be checked.
pub(super) fn listed(tx: &dyn Tx, caller: Caller, group: GroupId, ids: &[MessageId]) -> Result<Vec<Message>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut messages = tx.messages_by_id(Some(group), ids)?;
    messages.sort_by_key(|message| ids.iter().position(|id| *id == message.id));
    show_to(tx, caller.user(), &mut messages)?;
    Ok(messages)
}

/// The message. Fails with 404 if the caller may not see it.
pub(super) fn visible_message(tx: &dyn Tx, caller: Caller, id: MessageId) -> Result<Message> {
    let message = tx.message(id)?.ok_or(Error::NotFound("message"))?;
    visible(tx, caller, message.group).map_err(|_| Error::NotFound("message"))?;
    Ok(message)
}

fn edit(unit: &mut Unit, command: &Edit) -> Result<Edited> {
    let before = visible_message(unit.tx, unit.caller, command.id)?;
    let (now, window) = (unit.now(), unit.rules.limits.edit_window);
    let role = may_edit(unit.tx, unit.caller, &before, (now, window))?.map(|(_, role)| role);
    let (group, seq) = (before.group, before.seq);
    let body = command.body.clone().unwrap_or_else(|| Body::stored(before.body.clone()));
    if body.is_empty() && before.detail.attachments.is_empty() {
        return Err(Error::field("body", INVISIBLE));
    }
    let mentions = match &command.mentions {
        Some(list) => resolve_mentions(unit, group, role, list, &before.detail.mentions)?,
        None => before.detail.mentions.clone(),
    };
    let published = body.as_str() != &*before.body || mentions != before.detail.mentions;
    let mut message = before;
    if published {
        let edited = unit.now();
        unit.tx.message_edit(group, seq, &body, edited)?;
        if mentions != message.detail.mentions {
            unit.tx.mentions_set(group, seq, message.author, &mentions)?;
        }
        message.detail.mentions = mentions;
        message = Message { body: body.into_text(), edited: Some(edited), ..message };
        let by = unit.log(group, &LogEntry::MessageEdited(seq))?;
        unit.tx.message_change(group, seq, by)?;
        unit.answer(Event::in_group(Kind::MessageUpdate(message.clone()), group, by));
    }
    show_to(unit.tx, unit.caller.user(), std::slice::from_mut(&mut message))?;
    Ok(Edited { message, published })
}

/// The user who edits its own message, and its role. None if a service edits the message. Fails if the user
/// may not.
pub(super) fn may_edit(
    tx: &dyn Tx,
    caller: Caller,
    message: &Message,
    (now, window): (Date, Option<Duration>),
) -> Result<Option<(User, Role)>> {
    let Some(user) = actor(tx, caller, None)? else { return Ok(None) };
    let role = role_in(tx, caller, message.group, &user)?;
    if message.author != user.id {
        return Err(Error::forbidden("only the author may edit a message"));
    }
    allow(role, Action::ChangeOwn, "you may read this group but not write to it")?;
    require_in_window(now, message, window, "edit")?;
    Ok(Some((user, role)))
}

fn delete(unit: &mut Unit, id: &MessageId) -> Result<Option<Event>> {
    if let Some((message, is_member)) = reported_to_admin(unit, *id)? {
        unit.audit_with(AuditAction::MessageDelete, id, format_args!("of group {}", message.group))?;
        return erase(unit, &message).map(|event| event.filter(|_| !is_member));
    }
    let message = visible_message(unit.tx, unit.caller, *id)?;
    if let Some(user) = actor(unit.tx, unit.caller, None)? {
        let membership = accepted_in(unit.tx, unit.caller, message.group, &user)?;
        let role = membership.effective_role();
        let action = if message.author == user.id {
            if membership.slow_seconds() > 0 {
                // A deleted message still counts for slow mode.
                unit.tx.slow_note(message.group, user.id, message.date)?;
            }
            Action::ChangeOwn
        } else {
            // A former member has no role. Its messages may be deleted like those of a restricted member.
            let author = unit.tx.member(message.group, message.author)?;
            Action::DeleteOf(author.map_or(Role::Restrict, |member| member.role))
        };
        if !may(role, action) {
            return Err(Error::forbidden("your role does not allow you to delete this message"));
        }
        // Admins may delete the messages of others at any time, so the time limit does not apply to their own
        // either.
        if role < Role::Admin {
            require_in_window(unit.now(), &message, unit.rules.limits.delete_window, "delete")?;
        }
    }
    erase(unit, &message).map(|_| None)
}

/// The message, if a server admin deletes a reported message of another user; also whether the admin is a
/// member of the group. None in all other cases.
fn reported_to_admin(unit: &Unit, id: MessageId) -> Result<Option<(Message, bool)>> {
    let Some(caller) = unit.caller.user() else { return Ok(None) };
    let Some(message) = unit.tx.message(id)?.filter(|message| message.author != caller) else {
        return Ok(None);
    };
    if !unit.tx.is_reported(id)? || !governs(unit.tx, unit.caller, Govern::DeleteReported)? {
        return Ok(None);
    }
    let membership = unit.tx.membership(message.group, caller)?;
    Ok(Some((message, membership.is_some_and(|membership| !membership.pending))))
}

/// Returns 403 if the time for changing the message has passed.
fn require_in_window(now: Date, message: &Message, window: Option<Duration>, change: &str) -> Result<()> {
    let Some(window) = window else { return Ok(()) };
    let age = now.micros().saturating_sub(message.date.micros());
    if u128::try_from(age).is_ok_and(|age| age >= window.as_micros()) {
        let seconds = window.as_secs();
        let why = format!("an author can {change} a message for {seconds} s, and this one is older");
        return Err(Error::forbidden(why));
    }
    Ok(())
}

/// Erases a message and publishes its deletion. Returns that event.
fn erase(unit: &mut Unit, message: &Message) -> Result<Option<Event>> {
    let Message { id, group, seq, thread, .. } = *message;
    unit.tx.message_erase(group, seq)?;
    if !message.reactions.is_empty() {
        erase_reactions(unit, group, vec![seq])?;
    }
    if !message.detail.mentions.is_empty() {
        unit.tx.mentions_erase(group, &[seq])?;
    }
    if message.detail.pinned {
        unit.tx.pins_erase(group, &[id])?;
    }
    if !message.detail.attachments.is_empty() {
        unit.tx.files_drop_of_messages(group, &[seq])?;
    }
    let entry = LogEntry::MessageDeleted { id, seq, root: thread.map(|root| root.seq) };
    let event = deletion(unit, group, entry)?;
    if let Some(event) = event.clone() {
        unit.answer(event);
    }
    Ok(event)
}

/// Erases several messages of a group, at most [`MAX_DELETED_PER_ENTRY`](crate::limits::MAX_DELETED_PER_ENTRY), with a
/// single event.
pub(super) fn erase_together(unit: &mut Unit, group: GroupId, found: &[MessageToErase]) -> Result<()> {
    if found.len() > MAX_IMMEDIATE_REMOVALS {
        unit.tx.index_defer(group)?;
    }
    for message in found {
        unit.tx.message_erase(group, message.seq)?;
    }
    let seqs: Vec<_> = found.iter().map(|message| message.seq).collect();
    unit.tx.mentions_erase(group, &seqs)?;
    unit.tx.files_drop_of_messages(group, &seqs)?;
    erase_reactions(unit, group, seqs)?;
    let ids: Vec<_> = found.iter().map(|message| message.id).collect();
    unit.tx.pins_erase(group, &ids)?;
    let roots: BTreeSet<_> = found.iter().filter_map(|message| message.thread).collect();
    let entry = LogEntry::MessagesDeleted { ids, roots: roots.into_iter().collect() };
    if let Some(event) = deletion(unit, group, entry)? {
        unit.publish(event);
    }
    Ok(())
}

/// Logs the deletion of erased messages. Its event carries the current state of the roots of the deleted replies.
fn deletion(unit: &mut Unit, group: GroupId, entry: LogEntry) -> Result<Option<Event>> {
    unit.tx.erased_seq_raise(group)?;
    let seq = unit.log(group, &entry)?;
    let of = entry.roots();
    let roots = Roots::read(unit.tx, group, &of.iter().copied().collect())?;
    let kind = entry.event(group, None);
    Ok(kind.map(|mut kind| {
        roots.add_to(&mut kind, &of);
        Event::in_group(kind, group, seq)
    }))
}

/// Sets the fields of messages that differ by receiver.
pub(super) fn show_to(tx: &dyn Tx, user: Option<UserId>, messages: &mut [Message]) -> Result<()> {
    mark_own(tx, user, messages)
}

/// Like [`show_to`], for the messages of a view that only this user receives.
pub(super) fn show_view_to(tx: &dyn Tx, user: Option<UserId>, view: &mut Arc<View>) -> Result<()> {
    // An event may have the same view. Do not copy it without need.
    if user.is_none() || view.messages.iter().all(|message| message.reactions.is_empty()) {
        return Ok(());
    }
    show_to(tx, user, &mut Arc::make_mut(view).messages)
}

/// Erases the reactions to erased messages: some immediately, and the remainder, which nobody can read, in
/// steps.
fn erase_reactions(unit: &mut Unit, group: GroupId, messages: Vec<Seq>) -> Result<()> {
    if unit.tx.reactions_erase(group, &messages, AT_ONCE.rows)? < AT_ONCE.rows {
        return Ok(());
    }
    let (id, task) = (unit.new_task(), Task::EraseReactions { group, messages });
    unit.tx.task_insert(id, &task)?;
    unit.begin_task(id, task)
}

fn mark_read(unit: &mut Unit, command: &MarkRead) -> Result<Marked> {
    let (group, at) = (command.group, command.at);
    let user = require_actor(unit.tx, unit.caller, command.author.as_ref())?;
    let membership = membership_in(unit.tx, unit.caller, group, &user)?;
    allow(membership.role, Action::MarkRead, "you may not read this group")?;
    let found = match at {
        Point::Date(date) => unit.tx.message_at_date(group, date)?,
        Point::Seq(seq) => {
            let head = unit.tx.group(group)?.ok_or(Error::NotFound("group"))?.head;
            if seq > head {
                return Err(Error::field("seq", format!("must be at most {head}, the group's last number")));
            }
            unit.tx.message_at_seq(group, seq)?
        }
    };
    let before = unit.tx.mark(group, user.id)?.last_read;
    let moved = found.map(|(seq, _)| seq) > before.map(|(seq, _)| seq);
    let at = if moved { found } else { before };
    if let (true, Some((seq, date))) = (moved, at) {
        unit.tx.mark_set(group, user.id, seq, date)?;
    } else {
        end_marked_unread(unit, group, &user)?;
    }
    let published = moved && !membership.pending;
    if published {
        let kind = Kind::MessageRead { author: user.name.clone(), group, at };
        // In a large group, sending read marks to everyone would cost one event for each pair of members.
        let is_large = unit.tx.members_count(group, MAX_LISTED_MEMBERS + 1)? > MAX_LISTED_MEMBERS;
        let to = if is_large || unit.tx.settings(user.id)?.hide_reads {
            Audience::Users(vec![user.id])
        } else {
            Audience::Others(group, unit.tx.hidden_from(group, user.id, true)?)
        };
        unit.answer(Event { kind, to, seq: None, origin: None });
    }
    Ok(Marked { author: user.name, at, published })
}

impl Page {
    /// The `limit` messages before `point`, or the newest ones.
    pub fn before(point: Option<Point>, limit: usize) -> Self {
        let edge = match point {
            None => Edge::Newest,
            Some(Point::Seq(seq)) => Edge::BeforeSeq(seq),
            Some(Point::Date(date)) => Edge::BeforeDate(date),
        };
        Self { edge, limit }
    }

    /// The `limit` messages after `point`.
    pub fn after(point: Point, limit: usize) -> Self {
        let edge = match point {
            Point::Seq(seq) => Edge::AfterSeq(seq),
            Point::Date(date) => Edge::AfterDate(date),
        };
        Self { edge, limit }
    }
}
