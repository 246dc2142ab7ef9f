//! Reading the store for a group with missing entries or doubtful members, and applying the answer: users are
//! removed, added, or notified that the group has ended.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use chinwag_core::app::catch_up::{CatchUpRequest, CaughtUp, catch_up};
use chinwag_core::event::{Event, Kind, Pending};
use chinwag_core::group::View;
use chinwag_core::{GroupId, Result, Seq, UserId};
use tokio::sync::{Semaphore, mpsc};

use crate::deliver::{Delivery, EventFrames, join};
use crate::entry::ReceivedEntry;
use crate::replication::cursor::Cursor;
use crate::replication::fetch::{Fetch, Fetched, Standing};
use crate::replication::snapshot::EventTag;
use crate::user::User;
use crate::{Close, Hub};

/// A result that a task reports to the dispatcher.
pub(crate) enum FetchOutcome {
    /// The fetch of one group; `None` in `found` if the group does not exist.
    Group {
        id: GroupId,
        fetch: Fetch,
        users: Vec<UserId>,
        found: Result<Option<CaughtUp>>,
    },
    Heads(Vec<StoredHead>),
    Memberships(Vec<UserGroups>),
    /// The comparison of newly subscribed channels is complete.
    Checked,
}

/// A group's head in the store.
pub(crate) struct StoredHead {
    pub(crate) id: GroupId,
    /// None if the group does not exist.
    pub(crate) head: Option<Seq>,
    /// The last number that this node had delivered before the store was read.
    pub(crate) delivered: Option<Seq>,
}

/// A user's groups in the store.
pub(crate) struct UserGroups {
    pub(crate) user: UserId,
    pub(crate) accepted: Vec<GroupId>,
    /// The groups that the user has not accepted yet.
    pub(crate) pending: Vec<GroupId>,
}

/// Reads one group. `reads` limits the concurrent reads.
pub(crate) async fn read(
    hub: Arc<Hub>,
    id: GroupId,
    fetch: Fetch,
    reads: Arc<Semaphore>,
    outcomes: mpsc::Sender<FetchOutcome>,
) {
    if let Some(cluster) = &hub.cluster {
        cluster.begin_read(id);
    }
    let mut users = fetch.joining.clone();
    if let Some(group) = hub.groups.get(&id) {
        users.extend(group.lock().users.iter().map(|user| user.id));
    }
    if fetch.upto > fetch.after {
        hub.counters.gaps.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(group = %id, after = %fetch.after, upto = %fetch.upto, "numbers are missing in a log: reading them");
    }
    let Ok(_permit) = reads.acquire().await else { return };
    let Fetch { after, upto, needs_view: view, .. } = fetch;
    let question = CatchUpRequest { group: id, after, upto, users: users.clone(), view };
    let found = hub.store.read(move |tx| catch_up(tx, &question)).await;
    // The dispatcher may have ended.
    let _ = outcomes.send(FetchOutcome::Group { id, fetch, users, found }).await;
}

/// Converts the store's answer for the replica.
pub(crate) fn answer(
    users: &[UserId],
    newcomers: Vec<(UserId, Seq)>,
    found: CaughtUp,
) -> Fetched<ReceivedEntry> {
    let standing =
        |user: &UserId| match (found.members.binary_search(user), found.pending.binary_search(user)) {
            (Ok(_), _) => Standing::Member,
            (_, Ok(_)) => Standing::Pending,
            _ => Standing::Outside,
        };
    let entry = |event: Event| (event.seq, ReceivedEntry::Local(event, EventFrames::default()));
    Fetched {
        head: found.head,
        users: users.iter().map(|user| (*user, standing(user))).collect(),
        entries: found.events.into_iter().map(entry).collect(),
        is_too_far: found.too_far,
        newcomers,
    }
}

/// Notifies a user that it is no longer a member. The change that removed the user is not searched for: the
/// event carries the first number that the user has not received, which is at most that of the change. The
/// user stays a member if a later snapshot has shown it to one of its sockets as a member.
pub(crate) fn remove(hub: &Arc<Hub>, id: GroupId, user: UserId, held: Option<ReceivedEntry>, head: Seq) {
    let Some(found) = hub.users.get(&user) else { return };
    let state = found.lock();
    let kind = Kind::GroupQuit { group: id, name: state.name.clone() };
    if state.group_at(id).is_err() {
        drop(state);
        return end_for_sockets(hub, id, &found, &kind, head);
    }
    let cursors = || state.sockets.iter().filter_map(|entry| entry.socket.cursor(id));
    let is_overtaken = cursors().any(|cursor| cursor.is_later(head));
    let snapshots = cursors().filter_map(|cursor| match cursor {
        Cursor::At(seq) => Some(seq),
        Cursor::Detached(_) => None,
    });
    let last = hub.groups.get(&id).map(|group| group.last());
    let known = snapshots.chain(last).max().unwrap_or_default();
    drop(state);
    if is_overtaken {
        if let Some(ReceivedEntry::Local(event, _)) = &held {
            hub.answer_asker(id, event);
        }
        return;
    }
    let mut event = match held {
        Some(ReceivedEntry::Local(event, _)) => event,
        _ => Event::to_users(kind, vec![user]),
    };
    event.seq = event.seq.max(Some(known.next()));
    deliver(hub, &event, last < Some(head), head, &[]);
    hub.remove_from_group(id, user, event.seq);
    if let Some(cluster) = &hub.cluster {
        cluster.remember_removal(user, id, head);
    }
}

/// Makes a user a member, and delivers the whole group to it.
pub(crate) fn add(hub: &Arc<Hub>, id: GroupId, user: &Arc<User>, view: &Arc<View>, head: Seq) {
    loop {
        let group = hub.group_entry(id, head, true);
        let mut members = group.lock();
        if members.gone {
            hub.remove_group_entry(&group);
            continue;
        }
        let is_known = members.users.iter().any(|known| Arc::ptr_eq(known, user));
        if !is_known {
            close_outdated(id, user, head);
            join(&group, &mut members, user);
        }
        let (view, joined) = (view.clone(), vec![user.id]);
        let kind = Kind::GroupUpdate { view, joined, left: Vec::new(), entry: None };
        let event = Event { seq: Some(head), ..Event::to_users(kind, vec![user.id]) };
        if is_known {
            user.lock().invitations.join(id);
            show_to_detached(hub, id, user, &event);
        } else {
            deliver(hub, &event, group.last() < head, head, &[user.id]);
        }
        return hub.close_if_empty(&group, &mut members);
    }
}

/// Notifies a user who is not a member whether its membership is pending, if its sockets received something
/// else.
pub(crate) fn invite(
    hub: &Arc<Hub>,
    id: GroupId,
    user: UserId,
    is_pending: bool,
    view: Option<&Arc<View>>,
    head: Seq,
) {
    let Some(found) = hub.users.get(&user) else { return };
    let mut state = found.lock();
    // The user may have accepted in the meantime.
    let is_news = state.group_at(id).is_err() && state.invitations.take_answer(id, head, is_pending);
    let pending = match view {
        Some(view) if is_pending => Pending::Added(view.clone()),
        _ => Pending::Ended { group: id, name: state.name.clone() },
    };
    drop(state);
    if is_news {
        let event = Event { seq: Some(head), ..Event::to_users(Kind::Pending(pending), vec![user]) };
        deliver(hub, &event, false, head, &[]);
    }
}

/// Ends a group that no longer exists in the store.
pub(crate) fn delete(hub: &Arc<Hub>, id: GroupId, seq: Seq, held: Option<ReceivedEntry>, users: &[UserId]) {
    for user in users.iter().filter_map(|user| hub.users.get(user)) {
        if user.lock().invitations.take_deletion(id) {
            let event = Event::to_users(Kind::Pending(Pending::Deleted(id)), vec![user.id]);
            deliver(hub, &event, false, seq, &[]);
        }
    }
    let Some(group) = hub.groups.get(&id) else {
        let users = users.iter().filter_map(|user| hub.users.get(user));
        return users.for_each(|user| end_for_sockets(hub, id, &user, &Kind::GroupDelete(id), seq));
    };
    group.delivered(&mut group.lock(), Seq(seq.0 - 1));
    if let Some(held) = held {
        return hub.apply_entry(&held);
    }
    let event = Event::in_group(Kind::GroupDelete(id), id, seq);
    let mut delivery = Delivery::of(&event, EventFrames::default());
    // The real number of the event is unknown. A socket may have started from a later one.
    (delivery.tag.seq, delivery.tag.upto) = (None, Some(Seq(i64::MAX)));
    hub.guarded(delivery.to, event.seq, || hub.deliver(delivery, &[]));
    hub.forget(id);
}

/// Notifies those of a user's sockets that still show a group of which the user is not a member how it ended
/// as of `head`.
fn end_for_sockets(hub: &Arc<Hub>, id: GroupId, user: &Arc<User>, kind: &Kind, head: Seq) {
    for entry in user.lock().sockets.iter().filter(|entry| entry.live) {
        let Some(cursor @ Cursor::At(known)) = entry.socket.cursor(id) else { continue };
        let is_removal = matches!(kind, Kind::GroupQuit { .. });
        if !(is_removal && cursor.is_later(head)) {
            let seq = is_removal.then(|| known.next());
            let event = Event { seq, ..Event::to_users(kind.clone(), vec![user.id]) };
            if entry.socket.admits(Some(id)) {
                hub.push_own(&entry.socket, hub.encode.event(&event, None));
            }
            entry.socket.set_cursor(id, Cursor::Detached(head));
        }
    }
}

/// Delivers the state of a user's group as of `head`. If earlier entries may still arrive, they are skipped.
fn deliver(hub: &Arc<Hub>, event: &Event, may_be_late: bool, head: Seq, joined: &[UserId]) {
    let mut delivery = Delivery::of(event, EventFrames::default());
    delivery.tag.upto = Some(head).filter(|_| may_be_late);
    hub.guarded(delivery.to, event.seq, || hub.deliver(delivery, joined));
}

/// Delivers the whole group to those of a member's sockets whose cursor is detached.
fn show_to_detached(hub: &Arc<Hub>, id: GroupId, user: &Arc<User>, event: &Event) {
    let tag =
        EventTag { group: Some(id), seq: event.seq, joins: true, upto: event.seq, ..EventTag::default() };
    let mut due = Vec::new();
    for entry in user.lock().sockets.iter().filter(|entry| entry.live) {
        if let Some(Cursor::Detached(_)) = entry.socket.cursor(id) {
            let frame = hub.encode.whole(event, Some(user.id), None);
            hub.counters.pushed(entry.socket.push(frame, tag, hub.bounds(), &mut due), 1);
        }
    }
    hub.due(&mut due);
}

/// Closes those of a user's sockets that show the group as it was before `head` and have received nothing of
/// it since.
fn close_outdated(id: GroupId, user: &Arc<User>, head: Seq) {
    for entry in user.lock().sockets.iter().filter(|entry| entry.live) {
        if matches!(entry.socket.cursor(id), Some(Cursor::At(known)) if known < head) {
            entry.socket.close(Close::ResyncRequired);
        }
    }
}

impl Hub {
    /// Notifies a user of its removal, unless a store answer has done so or the user is a member again. The
    /// asker receives its answer in any case.
    pub(crate) fn announce_removal(&self, id: GroupId, seq: Seq, entry: &ReceivedEntry) {
        let ReceivedEntry::Local(event, frames) = entry else { return };
        let (user, Some(cluster)) = (event.users().first(), &self.cluster) else {
            return self.apply_entry(entry);
        };
        let mut ends_invitation = false;
        let is_over = user.and_then(|user| self.users.get(user)).is_some_and(|user| {
            let mut state = user.lock();
            ends_invitation = state.invitations.is_shown(id);
            state.group_at(id).is_ok()
                || cluster.has_announced_removal(user.id, id, seq)
                || !state.invitations.take_removal(id, seq)
        });
        if is_over {
            return self.answer_asker(id, event);
        }
        let mut delivery = Delivery::of(event, frames.clone());
        delivery.tag.pending = ends_invitation;
        self.guarded(delivery.to, event.seq, || self.deliver(delivery, &[]));
    }
}
