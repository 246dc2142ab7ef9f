//! The contract of delivery for one socket: it receives each entry of its group once and in ascending order,
//! no entry that its user may not see, and eventually all of them. It also receives every invitation and the
//! end of that invitation.

use chinwag_core::Seq;

use super::socket::{Frame, Stage};
use super::world::{LogItem, PAIRED, World};
use crate::replication::fetch::Standing;

/// The state of a client, rebuilt from the frames that it received.
struct Client<'a> {
    world: &'a World,
    user: usize,
    standing: Standing,
    last: Seq,
    is_ended: bool,
    /// The user's own settings, until its membership changes.
    settings: Option<u8>,
}

/// Checks a socket. With `is_final`, no more events will arrive.
pub(super) fn check(world: &World, socket: usize, is_final: bool) -> Result<(), &'static str> {
    let socket = &world.sockets[socket];
    let user = socket.user;
    let standing = match (socket.head, socket.pending) {
        (Some(_), _) => Standing::Member,
        (_, Some(_)) => Standing::Pending,
        _ => Standing::Outside,
    };
    let last = socket.head.or(socket.pending).unwrap_or_default();
    let mut client = Client { world, user, standing, last, is_ended: false, settings: Some(socket.settings) };
    for frame in &socket.received {
        match frame {
            Frame::Invited(seq) | Frame::Declined(seq) => client.invitation(*frame, *seq)?,
            Frame::Deleted if !world.is_deleted => return Err("an end of a group that has not ended"),
            // The group may end before the socket receives it.
            Frame::Deleted if std::mem::replace(&mut client.is_ended, true) => {
                return Err("a group that ends twice");
            }
            Frame::Deleted => client.standing = Standing::Outside,
            _ if client.is_ended => return Err("an event of a group that has ended"),
            Frame::Quit(seq) => client.quit(*seq)?,
            Frame::Resumed(head) => client.resumed(*head)?,
            // Settings have no number, so the end of the membership may overtake them.
            Frame::Settings(count) => client.settings = client.settings.and(Some(*count)),
            Frame::Text(seq) | Frame::Update(seq) | Frame::Whole(seq) => client.entry(*frame, *seq)?,
        }
    }
    if !is_final || socket.stage != Stage::Live {
        return Ok(());
    }
    if client.standing != world.standing_now(user) {
        return Err("the socket does not know whether its user is a member");
    }
    if client.standing == Standing::Member && client.misses(world.head().next(), false) {
        return Err("the last entries are missing");
    }
    if client.standing == Standing::Member && !socket.is_answered() {
        return Err("the socket that asked for an entry has not received it");
    }
    // A lost or late hint of changed settings cannot be detected.
    let has_settings = user == PAIRED && client.standing == Standing::Member && !world.is_set_elsewhere;
    if has_settings && client.settings.is_some_and(|settings| settings != world.settings) {
        return Err("the socket has old settings");
    }
    Ok(())
}

impl Client<'_> {
    fn invitation(&mut self, frame: Frame, seq: Seq) -> Result<(), &'static str> {
        let is_invited = matches!(frame, Frame::Invited(_));
        // An invitation implies the removal before it.
        let is_removed = is_invited && from(self.world, self.last.next()).contains(&LogItem::Left(self.user));
        if self.standing == Standing::Member && !is_removed {
            return Err("an invitation, or its end, for a member");
        }
        if seq < self.last {
            return Err("an invitation, or its end, is out of order");
        }
        if is_invited && !self.is_from(seq, Standing::Pending) {
            return Err("an invitation that was none");
        }
        if !is_invited && !self.is_from(seq, Standing::Outside) {
            return Err("an end of an invitation that has not ended");
        }
        self.standing = if is_invited { Standing::Pending } else { Standing::Outside };
        self.last = seq;
        Ok(())
    }

    fn quit(&mut self, seq: Seq) -> Result<(), &'static str> {
        if seq < self.last {
            return Err("a removal is out of order");
        }
        // A removal carries its own number, or the first number that the user did not receive.
        let left = LogItem::Left(self.user);
        if self.standing == Standing::Member && !from(self.world, seq).contains(&left) {
            return Err("a removal that was none");
        }
        if self.standing != Standing::Member && !log_has(self.world, seq, left) {
            return Err("a removal from a group that was not shown");
        }
        (self.standing, self.last, self.settings) = (Standing::Outside, seq, None);
        Ok(())
    }

    fn entry(&mut self, frame: Frame, seq: Seq) -> Result<(), &'static str> {
        let is_whole = matches!(frame, Frame::Whole(_));
        let was_invited = is_whole && self.standing == Standing::Pending;
        if seq < self.last || seq == self.last && !was_invited {
            return Err("a number is repeated, or out of order");
        }
        if is_whole && self.standing != Standing::Member {
            if !self.world.is_member(self.user, seq) {
                return Err("a group is shown to one who is no member");
            }
            (self.standing, self.settings) = (Standing::Member, None);
        } else if self.standing != Standing::Member {
            return Err("an entry of a group that was not shown");
        } else if !self.may_read(seq) {
            return Err("an entry after the removal");
        } else if self.misses(if is_whole { seq.next() } else { seq }, is_whole) {
            // The whole group does not contain the message of its number.
            return Err("an entry is missing");
        }
        self.last = seq;
        Ok(())
    }

    fn resumed(&mut self, head: Seq) -> Result<(), &'static str> {
        if head < self.last {
            return Err("a resume ends before what was received");
        }
        if !self.world.is_member(self.user, head) {
            return Err("a resume for one who is no member");
        }
        if self.standing != Standing::Member {
            self.settings = None;
        }
        (self.standing, self.last) = (Standing::Member, head);
        Ok(())
    }

    /// Whether the user has this standing at the number `seq` or at a later one.
    fn is_from(&self, seq: Seq, standing: Standing) -> bool {
        let mut numbers = (seq.0..=self.world.head().0).map(Seq);
        let is_outside = standing == Standing::Outside && self.world.is_deleted;
        is_outside
            || numbers.any(|seq| {
                let before = self.world.log_standing(self.user, seq);
                before == standing || self.world.standing(self.user, seq) == standing
            })
    }

    /// A member who was removed and has joined again may read what was sent in between.
    fn may_read(&self, seq: Seq) -> bool {
        let joined = LogItem::Joined(self.user);
        let mut accepted = self.world.accepted.iter();
        self.world.is_member(self.user, seq)
            || from(self.world, seq).contains(&joined)
            || accepted.any(|(user, at)| *user == self.user && *at >= seq)
    }

    /// Whether an entry that the user should have received lies between the last received one and `before`.
    /// The whole group replaces changes of the group, but not messages.
    fn misses(&self, before: Seq, is_whole: bool) -> bool {
        let mut between = (self.last.0 + 1..before.0).map(Seq);
        between.any(|seq| {
            let is_member = self.world.log_standing(self.user, seq) == Standing::Member;
            is_member && (!is_whole || log_has(self.world, seq, LogItem::Sent))
        })
    }
}

fn log_has(world: &World, seq: Seq, item: LogItem) -> bool {
    let at = usize::try_from(seq.0 - 1).ok();
    at.and_then(|at| world.log.get(at)) == Some(&item)
}

fn from(world: &World, seq: Seq) -> &[LogItem] {
    let at = usize::try_from(seq.0 - 1).unwrap_or(0);
    world.log.get(at..).unwrap_or_default()
}
