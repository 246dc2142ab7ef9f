//! Messages: send, edit, delete, read, list, mark as read.

use std::future::ready;

use super::actor::{actor, membership_in, role_in, someone, visible};
use super::{App, Context, Growth, Unit, allow};
use crate::event::{Audience, Event, Kind};
use crate::limits::LISTED;
use crate::log::LogEntry;
use crate::message::{Body, Message};
use crate::permission::{Action, Role, may};
use crate::send::Sending;
pub use crate::send::{Send, Sent};
use crate::store::{Answer, Edge, Page, Tx};
use crate::user::Caller;
use crate::{Date, Error, GroupId, MessageId, Name, Result, Seq};

/// Edits a message.
#[derive(Debug, Clone)]
pub struct Edit {
    pub id: MessageId,
    /// The new body.
    pub body: Body,
}

/// A point in a group's log, for a read mark or a page.
#[derive(Debug, Clone, Copy)]
pub enum Point {
    Seq(Seq),
    Date(Date),
}

/// Marks a group as read.
#[derive(Debug, Clone)]
pub struct MarkRead {
    /// The acting user, if a service calls.
    pub author: Option<Name>,
    pub group: GroupId,
    /// The mark moves to the newest message at or before this point.
    pub at: Point,
}

/// The result of marking.
#[derive(Debug, Clone)]
pub struct Marked {
    pub author: Name,
    /// The current mark: number and date of the last message read.
    pub at: Option<(Seq, Date)>,
    /// Whether the asking socket receives the event together with the others. It does not if the mark has not
    /// moved, or if the user has yet to accept the group.
    pub told: bool,
}

impl App {
    /// Sends a message: stores, numbers and publishes it, once per `client_id`.
    pub async fn message_send(&self, context: &Context, command: Send) -> Result<Sent> {
        self.messages_send([(context, command)]).pop().expect("one was sent").await
    }

    /// The same for several messages that arrive together. All of them begin at once, in their order.
    pub fn messages_send<'a>(
        &self,
        all: impl IntoIterator<Item = (&'a Context, Send)>,
    ) -> Vec<Answer<'_, Sent>> {
        let sending = |(context, command): (&Context, Send)| self.sending(context, command);
        // A store that decides in one statement does not ask.
        if let Err(why) = self.rules.admit(Growth::Adds) {
            let refused = |_| -> Answer<'_, Sent> { Box::pin(ready(Err(why.clone()))) };
            return all.into_iter().map(refused).collect();
        }
        self.store.submit_sends(all.into_iter().map(sending).collect())
    }

    /// A message as it is given to the store.
    pub fn sending(&self, context: &Context, command: Send) -> Sending {
        Sending::new(self.rules.clone(), context.clone(), command)
    }

    /// Edits a message: the caller's own, or for a service any.
    pub async fn message_edit(&self, context: &Context, command: Edit) -> Result<Message> {
        self.write(Growth::Adds, context, command, edit).await
    }

    /// Deletes a message and erases its body.
    pub async fn message_delete(&self, context: &Context, id: MessageId) -> Result<()> {
        self.write(Growth::Bounded, context, id, delete).await
    }

    /// One message.
    pub async fn message(&self, context: &Context, id: MessageId) -> Result<Message> {
        self.read(context, id, |tx, caller, id| seen(tx, caller, *id)).await
    }

    /// A page of a group's messages.
    pub async fn messages(&self, context: &Context, group: GroupId, page: Page) -> Result<Vec<Message>> {
        self.read(context, (group, page), |tx, caller, (group, page)| {
            visible(tx, caller, *group)?;
            tx.messages(*group, page)
        })
        .await
    }

    /// Moves the caller's own read mark forward. It never moves back.
    pub async fn message_read(&self, context: &Context, command: MarkRead) -> Result<Marked> {
        self.write(Growth::Bounded, context, command, mark_read).await
    }
}

/// The message, if the caller may see it.
fn seen(tx: &dyn Tx, caller: Caller, id: MessageId) -> Result<Message> {
    let message = tx.message(id)?.ok_or(Error::NotFound("message"))?;
    visible(tx, caller, message.group).map_err(|_| Error::NotFound("message"))?;
    Ok(message)
}

fn edit(unit: &mut Unit, command: &Edit) -> Result<Message> {
    let message = seen(unit.tx, unit.caller, command.id)?;
    if let Some(user) = actor(unit.tx, unit.caller, None)? {
        let role = role_in(unit.tx, unit.caller, message.group, &user)?;
        if message.author != user.id {
            return Err(Error::forbidden("only the author may edit a message"));
        }
        allow(role, Action::ChangeOwn, "you may read this group but not write to it")?;
    }
    let edited = unit.now();
    unit.tx.message_edit(message.group, message.seq, &command.body, edited)?;
    let message = Message { body: command.body.clone().into_text(), edited: Some(edited), ..message };
    unit.log_and_answer(message.group, LogEntry::MessageEdited(message.seq), Some(message.clone()))?;
    Ok(message)
}

fn delete(unit: &mut Unit, id: &MessageId) -> Result<()> {
    let message = seen(unit.tx, unit.caller, *id)?;
    if let Some(user) = actor(unit.tx, unit.caller, None)? {
        let role = role_in(unit.tx, unit.caller, message.group, &user)?;
        let action = if message.author == user.id {
            Action::ChangeOwn
        } else {
            // An author who has left has no role. Its messages may be deleted like those of a restrict.
            let author = unit.tx.member(message.group, message.author)?;
            Action::DeleteOf(author.map_or(Role::Restrict, |member| member.role))
        };
        if !may(role, action) {
            return Err(Error::forbidden("your role does not allow you to delete this message"));
        }
    }
    erase(unit, message.group, message.seq, message.id)
}

/// Erases a message and publishes its deletion.
fn erase(unit: &mut Unit, group: GroupId, seq: Seq, id: MessageId) -> Result<()> {
    unit.tx.message_erase(group, seq)?;
    unit.log_and_answer(group, LogEntry::MessageDeleted { id, seq }, None)
}

/// Erases several messages of a group, at most [`DELETED_TOGETHER`](crate::limits::DELETED_TOGETHER), with
/// one event.
pub(super) fn erase_together(unit: &mut Unit, group: GroupId, found: &[(Seq, MessageId)]) -> Result<()> {
    for (seq, _) in found {
        unit.tx.message_erase(group, *seq)?;
    }
    let entry = LogEntry::MessagesDeleted(found.iter().map(|(_, id)| *id).collect());
    let seq = unit.log(group, &entry)?;
    if let Some(kind) = entry.event(group, None) {
        unit.tell(Event::in_group(kind, group, seq));
    }
    Ok(())
}

fn mark_read(unit: &mut Unit, command: &MarkRead) -> Result<Marked> {
    let (group, at) = (command.group, command.at);
    let user = someone(unit.tx, unit.caller, command.author.as_ref())?;
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
    }
    let told = moved && !membership.pending;
    if told {
        let kind = Kind::MessageRead { author: user.name.clone(), group, at };
        // In a large group, read marks would cause an event for each pair of members.
        let is_large = unit.tx.members_count(group, LISTED + 1)? > LISTED;
        let to = if is_large || unit.tx.settings(user.id)?.hide_reads {
            Audience::Users(vec![user.id])
        } else {
            Audience::Others(group, unit.tx.unaware(group, user.id, true)?)
        };
        unit.answer(Event { kind, to, seq: None, origin: None });
    }
    Ok(Marked { author: user.name, at, told })
}

/// A page of a group's history, from a point.
impl Page {
    /// The `limit` messages before `point`, or the newest.
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
