//! The lists of pinned messages, which are stored in the rows of groups.

use chinwag_core::group::Group;
use chinwag_core::pin::{listed, stored};
use chinwag_core::{GroupId, MessageId, Result, stored_number};

use crate::sql::params;
use crate::{Columns, Keys, Sql, Text};

crate::implement! {
    ($) impl_pins: Pins by pin
    read {}
    write {
        pin_set(group: GroupId, message: MessageId, on: bool) -> ();
        pins_erase(group: GroupId, messages: &[MessageId]) -> ();
    }
}

pub fn pin_set(sql: &mut impl Sql, group: GroupId, message: MessageId, on: bool) -> Result<()> {
    relist(sql, group, |pins| {
        pins.retain(|pin| *pin != message);
        if on {
            pins.insert(0, message);
        }
    })
}

pub fn pins_erase(sql: &mut impl Sql, group: GroupId, messages: &[MessageId]) -> Result<()> {
    relist(sql, group, |pins| pins.retain(|pin| !messages.contains(pin)))
}

/// Changes the pins of a group.
fn relist(sql: &mut impl Sql, group: GroupId, change: impl FnOnce(&mut Vec<MessageId>)) -> Result<()> {
    const READ: Text = Text::same("SELECT pins FROM groups WHERE id = $1");
    const KEEP: Text = Text::same("UPDATE groups SET pins = $1 WHERE id = $2");
    let read = |row: &dyn Columns| Ok(listed(row.bytes(0)?.unwrap_or_default()));
    let Some(before) = sql.one(READ, params![group], read)? else { return Ok(()) };
    let mut pins = before.clone();
    change(&mut pins);
    if pins == before {
        return Ok(());
    }
    let kept = stored(&pins);
    sql.change(KEEP, params![kept.as_deref(), group]).map(drop)
}

/// Removes from these groups the pins of messages whose authors are being erased. Usually no group has pins,
/// or no user is being erased; then no messages are read.
pub fn drop_gone_pins<'g>(sql: &impl Sql, groups: impl IntoIterator<Item = &'g mut Group>) -> Result<()> {
    const ERASED: Text = Text::same(concat!(
        "SELECT 1 FROM tasks WHERE kind = ",
        stored_number!(TaskKind::EraseUser),
        " AND user_id > 0 LIMIT 1"
    ));
    const GONE: Text = Text::two(
        concat!("SELECT m.id FROM messages m WHERE m.id = $1 AND ", crate::gone!(sqlite "m.author_id")),
        concat!(
            "SELECT m.id FROM messages m WHERE m.id = ANY($1) AND ",
            crate::gone!(postgres "m.author_id")
        ),
    );
    let mut pinned: Vec<_> = groups.into_iter().filter(|group| !group.pins.is_empty()).collect();
    if pinned.is_empty() || sql.one(ERASED, params![], |_| Ok(()))?.is_none() {
        return Ok(());
    }
    let keys = Keys::Ids(pinned.iter().flat_map(|group| &group.pins).map(|id| id.0).collect());
    let gone: Vec<MessageId> = sql.each(GONE, &keys, params![], |row| row.get(0))?;
    for group in &mut pinned {
        group.pins.retain(|id| !gone.contains(id));
    }
    Ok(())
}
