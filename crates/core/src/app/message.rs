//! Messages: send, edit, delete, read, page, mark as read.

use sha2::{Digest, Sha256};

use super::actor::{actor, role_in, someone, visible};
use super::{App, Context, Unit, allow};
use crate::event::{Event, Kind};
use crate::message::{Body, ClientId, Message};
use crate::permission::{Action, Role, may};
use crate::store::{Change, Edge, NewMessage, Page, Prior, Tx};
use crate::user::{Caller, User};
use crate::{Date, Error, GroupId, MessageId, Name, Result, Seq};

/// Sends a message.
#[derive(Debug, Clone)]
pub struct Send {
    /// In whose name; a user's own may be left out.
    pub author: Option<Name>,
    /// Where.
    pub group: GroupId,
    /// What.
    pub body: Body,
    /// The message of the same group that it answers.
    pub respond_to: Option<MessageId>,
    /// Its date, heeded from services only.
    pub date: Option<Date>,
    /// The sender's own id for it: a retry with the same one makes no second message.
    pub client_id: Option<ClientId>,
}

/// What came of sending.
#[derive(Debug, Clone, PartialEq)]
pub enum Sent {
    /// The message is committed, and told to the group.
    New(Message),
    /// It was sent before: the original answer. Nothing is told.
    Before(Message),
}

impl Sent {
    /// The message, however it came to be.
    pub fn into_message(self) -> Message {
        match self {
            Self::New(message) | Self::Before(message) => message,
        }
    }
}

/// Edits a message.
#[derive(Debug, Clone)]
pub struct Edit {
    /// Which.
    pub id: MessageId,
    /// The new body.
    pub body: Body,
}

/// Where in a group's log a read mark or a page stands.
#[derive(Debug, Clone, Copy)]
pub enum Point {
    /// A number.
    Seq(Seq),
    /// A date.
    Date(Date),
}

/// Marks a group as read.
#[derive(Debug, Clone, Copy)]
pub struct MarkRead {
    /// Which group.
    pub group: GroupId,
    /// Up to the newest message at or before this.
    pub at: Point,
}

/// What came of marking.
#[derive(Debug, Clone)]
pub struct Marked {
    /// Whose mark.
    pub author: Name,
    /// Where it stands now: the last read message's number and date.
    pub at: Option<(Seq, Date)>,
    /// Whether it moved; only then is it told to the group.
    pub moved: bool,
}

impl App {
    /// Sends a message: stored, numbered and told to the group, once per `client_id`.
    pub async fn message_send(&self, context: &Context, command: Send) -> Result<Sent> {
        self.write(context, command, send).await
    }

    /// Edits a message: one's own, or as a service any.
    pub async fn message_edit(&self, context: &Context, command: Edit) -> Result<Message> {
        self.write(context, command, edit).await
    }

    /// Deletes a message and erases its body.
    pub async fn message_delete(&self, context: &Context, id: MessageId) -> Result<()> {
        self.write(context, id, delete).await
    }

    /// One message.
    pub async fn message(&self, context: &Context, id: MessageId) -> Result<Message> {
        self.read(context, id, |tx, context, id| seen(tx, context, *id)).await
    }

    /// A page of a group's messages.
    pub async fn messages(&self, context: &Context, group: GroupId, page: Page) -> Result<Vec<Message>> {
        self.read(context, (group, page), |tx, context, (group, page)| {
            visible(tx, context, *group)?;
            tx.messages(*group, page)
        })
        .await
    }

    /// Moves the caller's own read mark forward, never back.
    pub async fn message_read(&self, context: &Context, command: MarkRead) -> Result<Marked> {
        self.write(context, command, mark_read).await
    }
}

/// Sends a message, once per `client_id`.
pub(super) fn send(unit: &mut Unit, command: &Send) -> Result<Sent> {
    let author = someone(unit.tx, unit.context, command.author.as_ref())?;
    let role = role_in(unit.tx, unit.context, command.group, &author)?;
    if let Some(client_id) = &command.client_id
        && let Some(prior) = unit.tx.message_prior(command.group, author.id, client_id)?
    {
        return as_first_answered(command, &author, &prior).map(Sent::Before);
    }
    allow(role, Action::Send, "you may read this group, and not write to it")?;
    let answered = command.respond_to.map(|id| answered(unit.tx, command.group, id)).transpose()?;
    let date = command.date.filter(|_| unit.context.caller == Caller::Service);
    append(unit, command, &author, answered, date).map(Sent::New)
}

fn append(
    unit: &mut Unit,
    command: &Send,
    author: &User,
    respond_to: Option<Seq>,
    date: Option<Date>,
) -> Result<Message> {
    let new = NewMessage {
        id: MessageId::new(&*unit.rules.clock),
        group: command.group,
        seq: unit.tx.seq_take(command.group, 1)?,
        author: author.id,
        date: date.unwrap_or_else(|| unit.now()),
        body: command.body.clone(),
        respond_to,
        client_id: command.client_id.clone(),
    };
    unit.tx.message_insert(&new)?;
    let message = Message {
        id: new.id,
        group: new.group,
        seq: new.seq,
        author: author.id,
        author_name: author.name.clone(),
        date: new.date,
        body: new.body.into_text(),
        respond_to: command.respond_to,
        edited: None,
        client_id: new.client_id,
    };
    unit.answer(Event::in_group(Kind::MessageText(message.clone()), message.group, message.seq));
    Ok(message)
}

/// The number of the message that is answered, which stands in the same group.
fn answered(tx: &dyn Tx, group: GroupId, id: MessageId) -> Result<Seq> {
    match tx.message(id)? {
        Some(message) if message.group == group => Ok(message.seq),
        _ => Err(Error::field("respond_to", "is no message of this group")),
    }
}

/// The answer that the first send got. Of an erased message the body comes from the retry.
fn as_first_answered(command: &Send, author: &User, prior: &Prior) -> Result<Message> {
    let hash: [u8; 32] = Sha256::digest(command.body.as_str()).into();
    if prior.body_hash.is_some_and(|first| first != hash) {
        return Err(Error::Conflict("this client_id was used for another message: take a new one"));
    }
    Ok(Message {
        id: prior.id,
        group: command.group,
        seq: prior.seq,
        author: author.id,
        author_name: author.name.clone(),
        date: prior.date,
        body: command.body.clone().into_text(),
        respond_to: prior.respond_to,
        edited: None,
        client_id: command.client_id.clone(),
    })
}

/// A message that the caller may see.
fn seen(tx: &dyn Tx, context: &Context, id: MessageId) -> Result<Message> {
    let message = tx.message(id)?.ok_or(Error::NotFound("message"))?;
    visible(tx, context, message.group).map_err(|_| Error::NotFound("message"))?;
    Ok(message)
}

fn edit(unit: &mut Unit, command: &Edit) -> Result<Message> {
    let message = seen(unit.tx, unit.context, command.id)?;
    if let Some(user) = actor(unit.tx, unit.context, None)? {
        let role = role_in(unit.tx, unit.context, message.group, &user)?;
        if message.author != user.id {
            return Err(Error::forbidden("only its author may edit a message"));
        }
        allow(role, Action::ChangeOwn, "you may read this group, and not write to it")?;
    }
    let edited = unit.now();
    unit.tx.message_edit(message.group, message.seq, &command.body, edited)?;
    let seq = unit.change(message.group, &Change::Edited(message.seq))?;
    let message = Message { body: command.body.clone().into_text(), edited: Some(edited), ..message };
    unit.answer(Event::in_group(Kind::MessageUpdate(message.clone()), message.group, seq));
    Ok(message)
}

fn delete(unit: &mut Unit, id: &MessageId) -> Result<()> {
    let message = seen(unit.tx, unit.context, *id)?;
    if let Some(user) = actor(unit.tx, unit.context, None)? {
        let role = role_in(unit.tx, unit.context, message.group, &user)?;
        let action = if message.author == user.id {
            Action::ChangeOwn
        } else {
            // Who has left has no role any more, and may be cleared away after.
            let author = unit.tx.member(message.group, message.author)?;
            Action::DeleteOf(author.map_or(Role::Restrict, |member| member.role))
        };
        if !may(role, action) {
            return Err(Error::forbidden("you may not delete this message"));
        }
    }
    erase(unit, message.group, message.seq, message.id)
}

/// Erases a message and tells its group.
pub(super) fn erase(unit: &mut Unit, group: GroupId, seq: Seq, id: MessageId) -> Result<()> {
    unit.tx.message_erase(group, seq)?;
    let change = unit.change(group, &Change::Deleted(seq))?;
    unit.answer(Event::in_group(Kind::MessageDelete { id, group, seq }, group, change));
    Ok(())
}

fn mark_read(unit: &mut Unit, command: &MarkRead) -> Result<Marked> {
    let MarkRead { group, at } = *command;
    let user = someone(unit.tx, unit.context, None)?;
    allow(role_in(unit.tx, unit.context, group, &user)?, Action::MarkRead, "you may not read this group")?;
    let found = match at {
        Point::Date(date) => unit.tx.message_at_date(group, date)?,
        Point::Seq(seq) => {
            let head = unit.tx.group(group)?.ok_or(Error::NotFound("group"))?.head;
            if seq > head {
                return Err(Error::field("seq", format!("is past the group's last number, {head}")));
            }
            unit.tx.message_at_seq(group, seq)?
        }
    };
    let before = unit.tx.mark(group, user.id)?.last_read;
    let moved = found.map(|(seq, _)| seq) > before.map(|(seq, _)| seq);
    let at = if moved { found } else { before };
    if let (true, Some((seq, date))) = (moved, at) {
        unit.tx.mark_set(group, user.id, seq, date)?;
        let kind = Kind::MessageRead { author: user.name.clone(), group, at };
        let to = crate::event::Audience::Group(group);
        unit.answer(Event { kind, to, seq: None, origin: None });
    }
    Ok(Marked { author: user.name, at, moved })
}

/// A page from a point: what is asked of a group's history.
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
