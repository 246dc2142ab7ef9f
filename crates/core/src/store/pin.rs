//! Pins in the store: a list in the group's row, and a mark in the
//! [detail](crate::message::MessageDetail::pinned) of each pinned message. The caller changes both in one
//! transaction.
//!
//! **Order.** Most recently pinned first. **Loss.** Pins of messages by deleted authors are not read.
//! **Bound.** At most [`PINS`](crate::pin::PINS) existing messages per list, ensured by the caller.

use crate::{GroupId, MessageId, Result};

/// Pins, in a transaction.
pub trait Pins {
    /// Adds a message at the top of the list, or removes it from the list.
    fn pin_set(&mut self, group: GroupId, message: MessageId, on: bool) -> Result<()>;

    /// Removes erased messages from the list. The caller must bound their number.
    fn pins_erase(&mut self, group: GroupId, messages: &[MessageId]) -> Result<()>;
}
