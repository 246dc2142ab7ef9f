//! Pins: pin, unpin, list.

use super::actor::{PENDING, actor, membership_in, visible};
use super::message::{listed, reading, show_to, visible_message};
use super::{App, Context, Growth, Unit, allow};
use crate::event::{Event, Kind};
use crate::group::Group;
use crate::log::LogEntry;
use crate::message::Message;
use crate::permission::Action;
use crate::pin::{PINS, Pinned};
use crate::send::BLOCKED;
use crate::user::User;
use crate::{Error, GroupId, MessageId, Name, Result};

/// Pins or unpins a message.
#[derive(Debug, Clone)]
pub struct Pin {
    /// The acting user, if a service calls. Without one, the service acts in nobody's name.
    pub author: Option<Name>,
    pub message: MessageId,
    /// True to pin, false to unpin.
    pub on: bool,
}

/// The result of pinning or unpinning.
#[derive(Debug, Clone)]
pub struct PinResult {
    pub message: Message,
    /// The content of the event that members receive.
    pub pinned: Pinned,
    /// Whether anything changed. If not, no event is published.
    pub published: bool,
}

impl App {
    /// Pins or unpins a message. No change if it is already so.
    pub async fn pin(&self, context: &Context, command: Pin) -> Result<PinResult> {
        self.write(Growth::of_switch(command.on), context, command, pin).await
    }

    /// A group's pinned messages, the most recently pinned first.
    pub async fn pins(&self, context: &Context, group: GroupId) -> Result<Vec<Message>> {
        self.read_by_bots(context, reading(group), group, |tx, caller, id| {
            visible(tx, caller, *id)?;
            let group = tx.group(*id)?.ok_or(Error::NotFound("group"))?;
            listed(tx, caller, *id, &group.pins)
        })
        .await
    }
}

fn pin(unit: &mut Unit, command: &Pin) -> Result<PinResult> {
    let on = command.on;
    let mut message = visible_message(unit.tx, unit.caller, command.message)?;
    let user = actor(unit.tx, unit.caller, command.author.as_ref())?;
    let group = unit.tx.group(message.group)?.ok_or(Error::NotFound("message"))?;
    if let Some(user) = &user {
        may_pin(unit, &group, user)?;
    }
    let by = user.as_ref().map(|user| user.id);
    let pinned = Pinned { id: message.id, group: group.id, name: user.map(|user| user.name), on };
    let published = message.detail.pinned != on;
    if published {
        if on && group.pins.len() >= PINS {
            let why = format!("exceeds the limit of {PINS} pinned messages in a group: unpin one first");
            return Err(Error::field("id", why));
        }
        let (id, date) = (message.id, unit.now());
        let seq = unit.log(group.id, &LogEntry::MessagePinned { message: message.seq, id, by, date, on })?;
        (message.detail.pinned, message.changed) = (on, Some(seq));
        unit.tx.message_detail_set(group.id, message.seq, &message.detail)?;
        unit.tx.message_change(group.id, message.seq, seq)?;
        unit.tx.pin_set(group.id, id, on)?;
        unit.answer(Event::in_group(Kind::MessagePin(pinned.clone()), group.id, seq));
    }
    show_to(unit.tx, unit.caller.user(), std::slice::from_mut(&mut message))?;
    Ok(PinResult { message, pinned, published })
}

/// Refuses members other than the owner and admins. In a private group, refuses users who may not write.
fn may_pin(unit: &Unit, group: &Group, user: &User) -> Result<()> {
    let membership = membership_in(unit.tx, unit.caller, group.id, user)?;
    if membership.pending {
        return Err(Error::forbidden(PENDING));
    }
    if membership.blocked {
        return Err(Error::forbidden(BLOCKED));
    }
    if group.private {
        return allow(membership.role, Action::Send, "you may read this group but not write to it");
    }
    allow(membership.role, Action::Pin, "only the owner and admins may pin messages in this group")
}
