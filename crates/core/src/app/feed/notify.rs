//! The rows of `notify` events: which users are notified of a message.

use std::collections::HashMap;

use super::note::{field, tag};
use crate::feed::{FeedKind, FeedRow, NotifiedUser};
use crate::push::{NotifyReason, NotifyingMessage};
use crate::store::Tx;
use crate::store::detail::find;
use crate::{Date, GroupId, Result, UserId};

/// The encoded size of a user in bytes: its id (8), the reason (1), and the number of unread messages (1).
const USER: usize = 10;

/// The row for a message and some of the users who are notified of it, each with the reason and the number of
/// unread messages.
pub(in crate::app) fn notify_row(
    group: GroupId,
    message: &NotifyingMessage,
    users: &[(UserId, NotifyReason, u32)],
    now: Date,
) -> FeedRow {
    let mut bytes = Vec::with_capacity(users.len() * USER);
    for (user, reason, unread) in users {
        bytes.extend(user.0.to_le_bytes());
        bytes.push(*reason as u8);
        bytes.push(u8::try_from(*unread).unwrap_or(u8::MAX));
    }
    FeedRow {
        group: Some(group),
        message: Some(message.id),
        message_seq: Some(message.seq),
        message_date: Some(message.date),
        user: Some(message.author),
        detail: field(tag::USERS, &bytes),
        ..FeedRow::new(FeedKind::Notify, now)
    }
}

/// The users of a row who still exist.
pub(super) fn notified(tx: &dyn Tx, row: &FeedRow) -> Result<Vec<NotifiedUser>> {
    let (users, _) = find(&row.detail, tag::USERS).unwrap_or_default().as_chunks::<USER>();
    let id = |user: &[u8; USER]| user.first_chunk().map_or(UserId(0), |id| UserId(i64::from_le_bytes(*id)));
    let ids: Vec<_> = users.iter().map(id).collect();
    let mut names: HashMap<_, _> = tx.user_names(&ids)?.into_iter().collect();
    let users = users.iter().filter_map(|user| {
        let reason = NotifyReason::ALL.into_iter().find(|reason| *reason as u8 == user[8])?;
        Some(NotifiedUser { name: names.remove(&id(user))?, reason, unread: user[9].into() })
    });
    Ok(users.collect())
}
