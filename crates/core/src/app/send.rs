//! Sends a message in its own job, by the [rule](crate::send).

use std::time::Duration;

use super::consent::accept;
use super::file::{attach, attachable};
use super::mention::resolve_mentions;
use super::{Growth, Rules, Unit};
use crate::bot::{BotAct, BotTarget};
use crate::event::Event;
use crate::mention::Mentions;
use crate::message::{Message, MessageDetail};
use crate::name::NameCase;
use crate::send::{Facts, Kept, Send, SendRules, Sending, Sent, Verdict, gather, in_thread, judge, message};
use crate::store::{NewMessage, Tx};
use crate::user::{Caller, User};
use crate::{Date, Error, GroupId, MessageId, Result, UserId};

impl SendRules for Rules {
    fn stamp(&self) -> (MessageId, Date) {
        (MessageId::new(&*self.clock), self.clock.now())
    }

    fn name_case(&self) -> NameCase {
        self.name_case
    }

    fn run(&self, sending: &Sending, tx: &mut dyn Tx, events: &mut Vec<Event>) -> Result<Sent> {
        let target = BotTarget::Group(sending.command().group);
        let caller = sending.who().caller_of(tx, self, BotAct::Send, target)?;
        let mut unit = Unit::of(tx, events, self, (caller, sending.context()), Growth::Adds)?;
        let sent = send(&mut unit, sending.command())?;
        unit.note_events()?;
        Ok(sent)
    }
}

/// Sends a message, only once per `client_id`.
pub(super) fn send(unit: &mut Unit, command: &Send) -> Result<Sent> {
    let mut facts = gather(unit.tx, unit.caller, command)?;
    let author = match judge(unit.caller, command, &facts, unit.rules.name_case)? {
        Verdict::Before(message) => return before(unit, command, *message),
        Verdict::Keep(author) => author,
    };
    if let (Caller::User(user), Some(member)) = (unit.caller, facts.member) {
        slow_down(unit.tx, unit.now(), command.group, user, member.slow_seconds())?;
    }
    if facts.member.is_some_and(|member| member.pending) {
        accept(unit, command.group, &author, false)?;
    }
    let message = insert(unit, command, &author, &mut facts)?;
    unit.answer(Event::sent(&message));
    Ok(Sent::New(message))
}

/// Stores a message of an author who may send it, under the group's next number. Adds to `facts`.
pub(super) fn insert(unit: &mut Unit, command: &Send, author: &User, facts: &mut Facts) -> Result<Message> {
    let group = command.group;
    let mentions = match &command.mentions {
        list if list.is_empty() => Mentions::default(),
        list => {
            let role = facts.member.map(|member| member.role);
            resolve_mentions(unit, group, role, list, &Mentions::default())?
        }
    };
    let (id, now) = unit.rules.stamp();
    let date = command.date_by(unit.caller == Caller::Service, now);
    let seq = unit.tx.seq_take_for_messages(group, 1, date)?;
    let stored = Kept { id, date, seq };
    let files = match &command.attachments {
        list if list.is_empty() => Vec::new(),
        list => attachable(unit, author.id, list)?,
    };
    let detail = MessageDetail { attachments: files, ..command.detail.clone() };
    unit.tx.message_insert(&NewMessage {
        respond_to: facts.answered,
        thread: facts.root,
        client_id: command.client_id.clone(),
        detail: detail.clone(),
        ..NewMessage::new(group, stored, author.id, command.body.clone())
    })?;
    if let Some(root) = facts.root {
        facts.replies = unit.tx.roots(group, &[root])?.pop().and_then(|state| state.replies);
    }
    if !detail.attachments.is_empty() {
        attach(unit, &detail.attachments, group, seq)?;
    }
    if !mentions.is_empty() {
        unit.tx.mentions_set(group, seq, author.id, &mentions)?;
    }
    // The digest is only compared with retries, and only messages with a `client_id` can be retried.
    if command.has_own_digest() && command.client_id.is_some() {
        unit.tx.message_digest_set(group, seq, &command.digest())?;
    }
    let mut message = in_thread(message(command, author, stored), command, facts);
    message.detail = MessageDetail { mentions, ..detail };
    Ok(message)
}

/// The answer to a retry, with the stored mentions and files of the message.
fn before(unit: &Unit, command: &Send, mut message: Message) -> Result<Sent> {
    if command.names_others()
        && let Some(found) = unit.tx.message(message.id)?
    {
        message.detail.mentions = found.detail.mentions;
        message.detail.attachments = found.detail.attachments;
    }
    Ok(Sent::Before(message))
}

/// Refuses a message that follows the previous one sooner than slow mode allows.
pub(super) fn slow_down(tx: &dyn Tx, now: Date, group: GroupId, user: UserId, seconds: u32) -> Result<()> {
    if seconds == 0 {
        return Ok(());
    }
    let Some(last) = tx.slow_since(group, user)? else { return Ok(()) };
    let least = i64::from(seconds) * 1_000_000;
    let passed = now.micros() - last.micros();
    // If a service gave the previous message a date far in the future, slow mode does not apply.
    if passed >= least || passed <= -least {
        return Ok(());
    }
    let wait = u64::try_from(least - passed.max(0)).unwrap_or(0);
    Err(Error::SlowMode(Duration::from_micros(wait)))
}
