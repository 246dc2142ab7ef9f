//! Sending a message. One rule serves a store that decides it in a job, and one that decides many
//! messages in one statement: both gather [`Facts`], and the same function judges them.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::account::REFUSED;
use super::actor::{acting, member_as};
use super::consent::accept;
use super::{Context, Growth, Rules, Unit, Who, allow};
use crate::event::{Event, Kind};
use crate::group::Membership;
use crate::message::{Body, ClientId, Message};
use crate::name::NameCase;
use crate::permission::{Action, Role, may};
use crate::store::{NewMessage, Prior, Tx};
use crate::user::{Caller, User};
use crate::{Date, Error, GroupId, MessageId, Name, Result, Seq};

/// Sends a message.
#[derive(Debug, Clone)]
pub struct Send {
    /// In whose name; a user's own may be left out.
    pub author: Option<Name>,
    /// Where.
    pub group: GroupId,
    pub body: Body,
    /// The message of the same group that it answers.
    pub respond_to: Option<MessageId>,
    /// Its date, heeded from services only.
    pub date: Option<Date>,
    /// The sender's own id for it: a retry with the same one makes no second message.
    pub client_id: Option<ClientId>,
}

/// The result of sending.
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

/// A message on its way into the store: what is sent, by whom, and the rules that it goes by.
#[derive(Clone)]
pub struct Sending {
    pub(super) rules: Arc<Rules>,
    pub(super) context: Context,
    pub(super) command: Send,
}

/// The facts about a message to send, from one snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The user who calls; if it is the service, the user that it names as the author. None if a
    /// [`Who::Token`] is not good.
    pub author: Option<User>,
    /// That user's membership in the group.
    pub member: Option<Membership>,
    /// Whether there is such a group.
    pub stands: bool,
    /// That user's earlier message in the group with the same `client_id`.
    pub prior: Option<Prior>,
    /// The number of the message that is answered, if it stands in the same group.
    pub answered: Option<Seq>,
}

/// The values that a store has given to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Its id.
    pub id: MessageId,
    /// Its date.
    pub date: Date,
    /// Its number.
    pub seq: Seq,
}

/// The decision of the rule.
enum Verdict {
    /// It was sent before, and this was the answer.
    Before(Message),
    /// It is to be kept: in whose name, and the number of the message that it answers.
    Keep(User, Option<Seq>),
}

/// The refusal of what is written in a private group while a block stands.
pub(super) const BLOCKED: &str =
    "one of you has blocked the other: neither can write in this conversation until the block is removed";

/// The roles of those who may send.
pub fn senders() -> impl Iterator<Item = Role> {
    Role::ALL.into_iter().filter(|role| may(*role, Action::Send))
}

impl Sending {
    /// The command. Its date counts only for services: see [`Sending::stamp`].
    pub fn command(&self) -> &Send {
        &self.command
    }

    /// The caller.
    pub fn who(&self) -> Who {
        self.context.who
    }

    /// How the name of its author compares.
    pub fn name_case(&self) -> NameCase {
        self.rules.name_case
    }

    /// The id and the date for it, taken anew at each call.
    pub fn stamp(&self) -> (MessageId, Date) {
        let clock = &*self.rules.clock;
        let given = self.command.date.filter(|_| self.context.who == Who::Known(Caller::Service));
        (MessageId::new(clock), given.unwrap_or_else(|| clock.now()))
    }

    /// Whether it would accept a pending membership: a store that decides many messages in one
    /// statement keeps none of them then, and [runs](Sending::run) them one after the other.
    pub fn accepts(&self, facts: &Facts) -> bool {
        facts.member.is_some_and(|member| member.pending) && facts.prior.is_none()
    }

    /// Sends it inside a transaction: how a store does that decides one message at a time.
    pub fn run(&self, tx: &mut dyn Tx, events: &mut Vec<Event>) -> Result<Sent> {
        send(&mut Unit::new(tx, events, &self.rules, &self.context, Growth::Adds)?, &self.command)
    }

    /// The answer, and the event if there is one, where a store has decided many messages in one
    /// statement. It has kept exactly those whose author is there (of a [`Who::Token`] that was
    /// good when the batch began) and is the one that is named, has a role of [`senders`], is neither
    /// pending nor blocked, has no prior message with the `client_id`, and answers nothing or what
    /// stands in the group. What [accepts](Sending::accepts) was left to [`Sending::run`].
    pub fn conclude(&self, facts: &Facts, kept: Option<Kept>, events: &mut Vec<Event>) -> Result<Sent> {
        let caller = match (self.context.who, &facts.author) {
            (Who::Known(caller), _) => caller,
            (Who::Token(_), Some(author)) => Caller::User(author.id),
            (Who::Token(_), None) => return Err(REFUSED),
        };
        let (author, kept) = match (judge(caller, &self.command, facts, self.rules.name_case), kept) {
            (Ok(Verdict::Keep(author, _)), Some(kept)) => (author, kept),
            (Ok(Verdict::Before(message)), None) => return Ok(Sent::Before(message)),
            (Err(why), None) => return Err(why),
            (_, kept) => {
                return Err(Error::internal(format_args!(
                    "the store decided otherwise than the rule: {kept:?}"
                )));
            }
        };
        let message = message(&self.command, &author, kept);
        events.push(told(&message).from(self.context.origin.as_ref()));
        Ok(Sent::New(message))
    }
}

/// Sends a message, once per `client_id`.
pub(super) fn send(unit: &mut Unit, command: &Send) -> Result<Sent> {
    let facts = gather(unit.tx, unit.caller, command)?;
    let (author, respond_to) = match judge(unit.caller, command, &facts, unit.rules.name_case)? {
        Verdict::Before(message) => return Ok(Sent::Before(message)),
        Verdict::Keep(author, respond_to) => (author, respond_to),
    };
    if facts.member.is_some_and(|member| member.pending) {
        accept(unit, command.group, &author)?;
    }
    let given = command.date.filter(|_| unit.caller == Caller::Service);
    let date = given.unwrap_or_else(|| unit.now());
    let seq = unit.tx.seq_take_for_messages(command.group, 1, date)?;
    let kept = Kept { id: MessageId::new(&*unit.rules.clock), seq, date };
    unit.tx.message_insert(&NewMessage {
        id: kept.id,
        group: command.group,
        seq: kept.seq,
        author: author.id,
        date: kept.date,
        body: command.body.clone(),
        respond_to,
        client_id: command.client_id.clone(),
    })?;
    let message = message(command, &author, kept);
    unit.answer(told(&message));
    Ok(Sent::New(message))
}

fn gather(tx: &dyn Tx, caller: Caller, command: &Send) -> Result<Facts> {
    let author = match caller {
        Caller::User(id) => tx.user(id)?,
        Caller::Service => command.author.as_ref().map(|name| tx.user_named(name)).transpose()?.flatten(),
    };
    let Some(user) = &author else { return Ok(Facts::default()) };
    let member = tx.membership(command.group, user.id)?;
    let prior = |id: &ClientId| tx.message_prior(command.group, user.id, id);
    let answered = command.respond_to.map(|id| tx.message(id)).transpose()?.flatten();
    Ok(Facts {
        member,
        stands: member.is_some() || tx.group(command.group)?.is_some(),
        prior: command.client_id.as_ref().map(prior).transpose()?.flatten(),
        answered: answered.filter(|message| message.group == command.group).map(|message| message.seq),
        author,
    })
}

/// The rule.
fn judge(caller: Caller, command: &Send, facts: &Facts, case: NameCase) -> Result<Verdict> {
    let author = acting(caller, command.author.as_ref(), facts.author.clone(), case)?
        .ok_or_else(|| Error::field("author", "must name the acting user"))?;
    let member = member_as(caller, facts.member, facts.stands, &author)?;
    if let Some(prior) = &facts.prior {
        return as_first_answered(command, &author, prior).map(Verdict::Before);
    }
    if member.blocked {
        return Err(Error::forbidden(BLOCKED));
    }
    allow(member.role, Action::Send, "you may read this group but not write to it")?;
    if command.respond_to.is_some() && facts.answered.is_none() {
        return Err(Error::field("respond_to", "must be a message of this group"));
    }
    Ok(Verdict::Keep(author, facts.answered))
}

fn message(command: &Send, author: &User, kept: Kept) -> Message {
    Message {
        id: kept.id,
        group: command.group,
        seq: kept.seq,
        author: author.id,
        author_name: author.name.clone(),
        date: kept.date,
        body: command.body.clone().into_text(),
        respond_to: command.respond_to,
        edited: None,
        client_id: command.client_id.clone(),
    }
}

fn told(message: &Message) -> Event {
    Event::in_group(Kind::MessageText(message.clone()), message.group, message.seq)
}

/// The answer that the first send got. Of an erased message the body comes from the retry.
fn as_first_answered(command: &Send, author: &User, prior: &Prior) -> Result<Message> {
    let hash: [u8; 32] = Sha256::digest(command.body.as_str()).into();
    if prior.body_hash.is_some_and(|first| first != hash) {
        return Err(Error::Conflict("this client_id was used for another message: choose a new one"));
    }
    let kept = Kept { id: prior.id, date: prior.date, seq: prior.seq };
    Ok(Message { respond_to: prior.respond_to, ..message(command, author, kept) })
}
