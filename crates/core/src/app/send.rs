//! Sending a message in a job of its own, by the [rule](crate::send).

use super::consent::accept;
use super::{Growth, Rules, Unit};
use crate::event::Event;
use crate::name::NameCase;
use crate::send::{Kept, Send, SendRules, Sending, Sent, Verdict, gather, judge, message, told};
use crate::store::{NewMessage, Tx};
use crate::user::Caller;
use crate::{Date, MessageId, Result};

impl SendRules for Rules {
    fn stamp(&self) -> (MessageId, Date) {
        (MessageId::new(&*self.clock), self.clock.now())
    }

    fn name_case(&self) -> NameCase {
        self.name_case
    }

    fn run(&self, sending: &Sending, tx: &mut dyn Tx, events: &mut Vec<Event>) -> Result<Sent> {
        send(&mut Unit::new(tx, events, self, sending.context(), Growth::Adds)?, sending.command())
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
