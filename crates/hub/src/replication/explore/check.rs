//! The contract of delivery, for one socket: it receives each entry of its group once and in ascending
//! order, none that its user may not see, and in the end all of them.

use chinwag_core::Seq;

use super::socket::{Frame, Stage};
use super::world::{LogItem, World};

/// Checks a user's socket; `is_final` if nothing more will arrive.
pub(super) fn check(world: &World, user: usize, is_final: bool) -> Result<(), &'static str> {
    let socket = &world.sockets[user];
    let mut last = socket.head.unwrap_or_default();
    let mut is_in = socket.head.is_some();
    for frame in &socket.received {
        let (Frame::Text(seq) | Frame::Update(seq) | Frame::Whole(seq) | Frame::Quit(seq)) = *frame;
        let is_quit = matches!(frame, Frame::Quit(_));
        if seq < last || seq == last && !is_quit {
            return Err("a number is repeated, or out of order");
        }
        let removed_at = log_has(world, seq, LogItem::Left(user));
        match frame {
            Frame::Quit(_) if !is_in && removed_at => {}
            Frame::Quit(_) if !is_in => return Err("a removal from a group that was not shown"),
            Frame::Quit(_) if !is_removed_from(world, user, seq) => return Err("a removal that was none"),
            Frame::Quit(_) => is_in = false,
            Frame::Whole(_) if !is_in && world.is_member(user, seq) => is_in = true,
            Frame::Whole(_) if !is_in => return Err("a group is shown to one who is no member"),
            _ if !is_in => return Err("an entry of a group that was not shown"),
            _ if !may_read(world, user, seq) => return Err("an entry after the removal"),
            _ if misses(world, user, last, seq) => return Err("a message is missing"),
            _ => {}
        }
        last = seq;
    }
    if !is_final || socket.stage != Stage::Live {
        return Ok(());
    }
    if is_in != world.is_member(user, world.head()) {
        return Err("the socket does not know whether its user is a member");
    }
    if is_in && misses(world, user, last, world.head().next()) {
        return Err("the last messages are missing");
    }
    Ok(())
}

fn log_has(world: &World, seq: Seq, item: LogItem) -> bool {
    let at = usize::try_from(seq.0 - 1).ok();
    at.and_then(|at| world.log.get(at)) == Some(&item)
}

fn from(world: &World, seq: Seq) -> &[LogItem] {
    let at = usize::try_from(seq.0 - 1).unwrap_or(0);
    world.log.get(at..).unwrap_or_default()
}

/// The number of a removal is its own, or the first that the user was not told.
fn is_removed_from(world: &World, user: usize, seq: Seq) -> bool {
    from(world, seq).contains(&LogItem::Left(user))
}

/// A member who was removed and joined again may read what was sent meanwhile.
fn may_read(world: &World, user: usize, seq: Seq) -> bool {
    world.is_member(user, seq) || from(world, seq).contains(&LogItem::Joined(user))
}

/// Whether a message lies between two numbers which the user was a member for.
fn misses(world: &World, user: usize, after: Seq, before: Seq) -> bool {
    let mut between = (after.0 + 1..before.0).map(Seq);
    between.any(|seq| log_has(world, seq, LogItem::Sent) && world.is_member(user, seq))
}
