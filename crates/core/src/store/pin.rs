//! Pins, as a store keeps them: a list in the row of the group, beside the mark in the
//! [detail](crate::message::MessageDetail::pinned) of each pinned message. The caller changes both in one transaction.
//!
//! **Order.** A list begins with the message that was pinned last. **Loss.** Pins of an author who is no more are not
//! read. **Bound.** A list holds [`PINS`](crate::pin::PINS) messages that stand, by the rule of the caller.

use crate::{GroupId, MessageId, Result};

/// Pins, in a transaction.
pub trait Pins {
    /// Puts a message above those pinned before, or takes it out of the list.
    fn pin_set(&mut self, group: GroupId, message: MessageId, on: bool) -> Result<()>;

    /// Takes messages that were erased out of the list. Bounded by the caller.
    fn pins_erase(&mut self, group: GroupId, messages: &[MessageId]) -> Result<()>;
}
