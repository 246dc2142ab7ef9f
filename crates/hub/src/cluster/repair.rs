//! What a group is found to have missed, read from the store and told in its order.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use chinwag_core::app::resume::{Behind, CaughtUp, catch_up};
use chinwag_core::event::{Event, Kind};
use chinwag_core::group::View;
use chinwag_core::{GroupId, Result, Seq, UserId};
use tokio::sync::{Semaphore, mpsc};

use super::waiting::{Item, Waiting};
use crate::dispatch::{Frames, Note, To, join};
use crate::floors::Floor;
use crate::snapshot::Tag;
use crate::user::User;
use crate::{Close, Hub};

/// What was found in the store.
pub(super) enum Looked {
    /// A group that was asked about; none if there is no such group.
    Group(Behind, Result<Option<CaughtUp>>),
    /// Groups' last numbers; none of those that there are not.
    Heads(Vec<(GroupId, Option<Seq>)>),
    /// The groups that users are in.
    Places(Vec<(UserId, Vec<GroupId>)>),
    /// What had begun to be listened for has been compared.
    Checked,
}

/// Reads about one group, a few at a time.
pub(super) async fn read(hub: Arc<Hub>, asked: Behind, reads: Arc<Semaphore>, looked: mpsc::Sender<Looked>) {
    let Ok(_permit) = reads.acquire().await else { return };
    let question = asked.clone();
    let found = hub.store.read(move |tx| catch_up(tx, &question)).await;
    // Whoever asked may be gone.
    let _ = looked.send(Looked::Group(asked, found)).await;
}

/// Tells what was found: those who are members no more that they have quit, the others what they
/// have missed, and newcomers of the group as it stands. Answers what was held and has not been
/// applied, since the store knows better.
pub(super) fn mend(
    hub: &Arc<Hub>,
    waiting: &mut Waiting,
    asked: &Behind,
    found: Option<CaughtUp>,
) -> Vec<(Seq, Item)> {
    let id = asked.group;
    hub.tally.healed.fetch_add(1, Ordering::Relaxed);
    let Some(found) = found else {
        vanish(hub, waiting, asked);
        return Vec::new();
    };
    // A number that the store has not given was never given: whoever says so is wrong. What has
    // come since the question may be newer.
    if asked.upto > found.head {
        waiting.forget_after(found.head);
    }
    let is_member = |user: &UserId| found.members.binary_search(user).is_ok();
    for user in asked.users.iter().filter(|user| !is_member(user)) {
        put_out(hub, waiting, id, *user, found.head);
    }
    let passed = tell_missed(hub, waiting, asked, &found);
    if let Some(view) = &found.view {
        for user in asked.users.iter().filter(|user| is_member(user)).filter_map(|user| hub.users.get(user)) {
            bring_in(hub, id, &user, view, found.head);
        }
    }
    passed
}

/// Tells members what they have missed; of a number that is held, what is held.
fn tell_missed(hub: &Arc<Hub>, waiting: &mut Waiting, asked: &Behind, found: &CaughtUp) -> Vec<(Seq, Item)> {
    let mut passed = Vec::new();
    let Some(group) = hub.groups.get(&asked.group) else { return passed };
    let everybody = To::Group(asked.group, &[]);
    if found.too_far {
        tracing::warn!(group = %group.id, "too much of a group was missed: its sockets are closed");
        hub.close_audience(everybody, Close::ResyncRequired);
    }
    let turn = |seq: Seq| group.delivered(&mut group.lock(), Seq(seq.0 - 1));
    let mut tell_held = |upto: Seq| {
        while let Some((seq, items)) = waiting.pop(upto) {
            for item in items {
                let otherwise = item.quits() || item.changes() || item.deletes() || item.pends();
                if otherwise || seq <= group.last() {
                    passed.push((seq, item));
                } else {
                    turn(seq);
                    hub.apply_item(&item);
                }
            }
        }
    };
    for event in &found.events {
        let Some(seq) = event.seq else {
            hub.guarded(everybody, None, || hub.apply(event, Frames::default()));
            continue;
        };
        tell_held(seq);
        if seq > group.last() {
            turn(seq);
            hub.guarded(everybody, event.seq, || hub.apply(event, Frames::default()));
        }
    }
    let upto = asked.upto.min(found.head);
    tell_held(upto);
    let upto = upto.max(group.last());
    group.delivered(&mut group.lock(), upto);
    passed
}

/// Tells those of a user's sockets that were shown a group which the user is not known to be in,
/// and were told nothing of it since, how it ended for them.
fn tell_shown(hub: &Arc<Hub>, id: GroupId, user: &Arc<User>, kind: &Kind, head: Seq) {
    for seat in user.lock().seats.iter().filter(|seat| seat.live) {
        if let Some(Floor::Shown(shown)) = seat.socket.floor(id) {
            // Whatever its number, nothing was told after what the socket was shown.
            let seq = matches!(kind, Kind::GroupQuit { .. }).then(|| shown.next());
            let event = Event { seq, ..Event::to_users(kind.clone(), vec![user.id]) };
            hub.push(&seat.socket, hub.encode.event(&event, None));
            seat.socket.set_floor(id, Floor::Absent(head));
        }
    }
}

/// A group is no more.
fn vanish(hub: &Arc<Hub>, waiting: &mut Waiting, asked: &Behind) {
    let id = asked.group;
    let Some(group) = hub.groups.get(&id) else {
        let users = asked.users.iter().filter_map(|user| hub.users.get(user));
        return users.for_each(|user| tell_shown(hub, id, &user, &Kind::GroupDelete(id), asked.after));
    };
    let mut last = None;
    for (seq, items) in waiting.take() {
        last = items.into_iter().find(Item::deletes).map(|item| (seq, item)).or(last);
    }
    let (seq, item) = last.unwrap_or_else(|| {
        let seq = group.last().max(waiting.upto).next();
        (seq, Item::Event(Event::in_group(Kind::GroupDelete(id), id, seq), Frames::default()))
    });
    group.delivered(&mut group.lock(), Seq(seq.0 - 1));
    hub.apply_item(&item);
    waiting.upto = Seq(0);
}

/// Tells a user that it is in the group no more. Which change has put it out is not looked for: the
/// number is the first that the user was not told, which is that change's or one before it.
fn put_out(hub: &Arc<Hub>, waiting: &mut Waiting, id: GroupId, user: UserId, head: Seq) {
    let Some(found) = hub.users.get(&user) else { return };
    let state = found.lock();
    let kind = Kind::GroupQuit { group: id, name: state.name.clone() };
    if state.group_at(id).is_err() {
        drop(state);
        return tell_shown(hub, id, &found, &kind, head);
    }
    let shown = state.seats.iter().filter_map(|seat| match seat.socket.floor(id) {
        Some(Floor::Shown(shown)) => Some(shown),
        _ => None,
    });
    let last = hub.groups.get(&id).map(|group| group.last());
    let told = shown.chain(last).max().unwrap_or_default();
    drop(state);
    let mut event = waiting.quit_of(user).unwrap_or_else(|| Event::to_users(kind, vec![user]));
    event.seq = event.seq.max(Some(told.next()));
    deliver(hub, &event, last < Some(head), head, &[]);
    hub.leave(id, user);
    if let Some(cluster) = &hub.cluster {
        cluster.has_quit(user, id, head);
    }
}

/// Delivers what the store says of a user's group as of `head`; what `lies_before` that and comes
/// later is skipped.
fn deliver(hub: &Arc<Hub>, event: &Event, lies_before: bool, head: Seq, joined: &[UserId]) {
    let mut note = Note::of(event, Frames::default());
    note.tag.upto = Some(head).filter(|_| lies_before);
    hub.guarded(note.to, event.seq, || hub.deliver(note, joined));
}

/// Brings a user into a group that it is found to be in, and shows it the group.
fn bring_in(hub: &Arc<Hub>, id: GroupId, user: &Arc<User>, view: &Arc<View>, head: Seq) {
    loop {
        let group = hub.group_entry(id, head, true);
        let mut members = group.lock();
        if members.gone {
            hub.give_up_group(&group);
            continue;
        }
        let is_known = members.users.iter().any(|known| Arc::ptr_eq(known, user));
        if !is_known {
            close_behind(id, user, head);
            join(&group, &mut members, user);
        }
        let kind = Kind::GroupUpdate { view: view.clone(), joined: vec![user.id], left: Vec::new() };
        let event = Event { seq: Some(head), ..Event::to_users(kind, vec![user.id]) };
        if is_known {
            show_absent(hub, id, user, &event);
        } else {
            deliver(hub, &event, group.last() < head, head, &[user.id]);
        }
        return hub.close_if_empty(&group, &mut members);
    }
}

/// Shows a group to those of a member's sockets that were shown none, though it is in it.
fn show_absent(hub: &Arc<Hub>, id: GroupId, user: &Arc<User>, event: &Event) {
    let tag = Tag { group: Some(id), seq: event.seq, joins: true, upto: event.seq, ..Tag::default() };
    let mut due = Vec::new();
    for seat in user.lock().seats.iter().filter(|seat| seat.live) {
        if let Some(Floor::Absent(_)) = seat.socket.floor(id) {
            let frame = hub.encode.whole(event, None);
            hub.tally.pushed(seat.socket.push(frame, tag, hub.bounds(), &mut due), 1);
        }
    }
    hub.due(&mut due);
}

/// Closes those of a user's sockets that were shown the group as it was before `head`, since what
/// lies between was not told to them: they resume.
fn close_behind(id: GroupId, user: &Arc<User>, head: Seq) {
    for seat in user.lock().seats.iter().filter(|seat| seat.live) {
        if matches!(seat.socket.floor(id), Some(Floor::Shown(shown)) if shown < head) {
            seat.socket.close(Close::ResyncRequired);
        }
    }
}

impl Hub {
    pub(super) fn gap(&self, group: GroupId, last: Seq, upto: Seq) {
        self.tally.gaps.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(%group, %last, %upto, "numbers are missing from a group's log: they are read");
    }
}
