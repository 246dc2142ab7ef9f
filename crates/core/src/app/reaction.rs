//! Reactions: add, remove, list.

use super::actor::{membership_in, require_actor};
use super::consent::accept;
use super::message::{show_to, visible_message};
use super::{App, Context, Growth, Unit, allow};
use crate::bot::{BotAct, BotTarget};
use crate::event::{Event, Kind};
use crate::log::LogEntry;
use crate::message::Message;
use crate::permission::Action;
use crate::reaction::{Emoji, REACTIONS, Reacted, Reaction};
use crate::send::BLOCKED;
use crate::store::{NewReaction, Tx};
use crate::{Error, MessageId, Name, Result, Seq, UserId};

/// Adds or removes a reaction.
#[derive(Debug, Clone)]
pub struct React {
    /// The acting user, if a service calls.
    pub author: Option<Name>,
    pub message: MessageId,
    pub emoji: Emoji,
    /// True to add, false to remove.
    pub on: bool,
}

#[derive(Debug, Clone)]
pub struct Outcome {
    pub message: Message,
    /// The content of the event that members receive.
    pub reacted: Reacted,
    /// Whether anything changed. If not, no event is published.
    pub published: bool,
}

/// A page of a message's reactions.
#[derive(Debug, Clone)]
pub struct ReactionPage {
    pub message: MessageId,
    /// Only this emoji. None: all.
    pub emoji: Option<Emoji>,
    /// The number of the last reaction on the previous page.
    pub after: Seq,
    pub limit: usize,
}

impl App {
    /// Adds or removes a reaction. No change if it is already so.
    pub async fn react(&self, context: &Context, command: React) -> Result<Outcome> {
        self.write(Growth::of_switch(command.on), context, command, react).await
    }

    /// A page of a message's reactions, in order.
    pub async fn reactions(&self, context: &Context, page: ReactionPage) -> Result<Vec<Reaction>> {
        let act = (BotAct::ReadMessages, BotTarget::Message(page.message));
        self.read_by_bots(context, act, page, |tx, caller, page| {
            let message = visible_message(tx, caller, page.message)?;
            tx.reactions(message.group, message.seq, page.emoji.as_ref(), page.after, page.limit)
        })
        .await
    }
}

fn react(unit: &mut Unit, command: &React) -> Result<Outcome> {
    let message = visible_message(unit.tx, unit.caller, command.message)?;
    let (group, emoji, on) = (message.group, &command.emoji, command.on);
    let user = require_actor(unit.tx, unit.caller, command.author.as_ref())?;
    let membership = membership_in(unit.tx, unit.caller, group, &user)?;
    if membership.blocked {
        return Err(Error::forbidden(BLOCKED));
    }
    allow(membership.role, Action::Send, "you may read this group but not write to it")?;
    let published = unit.tx.has_reacted(group, message.seq, user.id, emoji)? != on;
    if published {
        if on {
            has_room(&message, emoji)?;
        }
        if membership.pending {
            accept(unit, group, &user, false)?;
        }
        let entry =
            LogEntry::MessageReacted { message: message.seq, user: user.id, emoji: emoji.clone(), on };
        let seq = unit.log(group, &entry)?;
        if on {
            let (emoji, date) = (emoji.clone(), unit.now());
            let kept = NewReaction { group, message: message.seq, seq, user: user.id, emoji, date };
            unit.tx.reaction_insert(&kept)?;
        } else {
            unit.tx.reaction_delete(group, message.seq, user.id, emoji, seq)?;
        }
        return answer(unit, command, user.name, Some(seq));
    }
    answer(unit, command, user.name, None)
}

/// Builds the result. Publishes the event if anything changed.
fn answer(unit: &mut Unit, command: &React, name: Name, seq: Option<Seq>) -> Result<Outcome> {
    let mut message = visible_message(unit.tx, unit.caller, command.message)?;
    let reacted = Reacted::new(&message, name, command.emoji.clone(), command.on);
    if let Some(seq) = seq {
        unit.answer(Event::in_group(Kind::MessageReact(reacted.clone()), message.group, seq));
    }
    show_to(unit.tx, unit.caller.user(), std::slice::from_mut(&mut message))?;
    Ok(Outcome { message, reacted, published: seq.is_some() })
}

fn has_room(message: &Message, emoji: &Emoji) -> Result<()> {
    let tallies = &message.reactions;
    if tallies.len() < REACTIONS || tallies.iter().any(|tally| tally.emoji == *emoji) {
        return Ok(());
    }
    let why =
        format!("must be one of the {REACTIONS} that this message has: it cannot have more different ones");
    Err(Error::field("emoji", why))
}

/// Marks which reactions are the user's own. Usually the message itself has this information; only otherwise
/// it is read from the store.
pub(super) fn mark_own(tx: &dyn Tx, user: Option<UserId>, messages: &mut [Message]) -> Result<()> {
    let Some(user) = user else { return Ok(()) };
    for message in messages {
        for tally in &mut message.reactions {
            let mine = match tally.has(user) {
                Some(mine) => mine,
                None => tx.has_reacted(message.group, message.seq, user, &tally.emoji)?,
            };
            tally.mine = Some(mine);
        }
    }
    Ok(())
}
