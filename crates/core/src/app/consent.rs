//! Consent: adding users to a group, and accepting it.

use std::slice;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::actor::{membership_in, require_actor};
use super::group::{Departure, GroupForCaller, Leave, depart, seen_by};
use super::join::require_room_for_group;
use super::message::show_view_to;
use super::private::count_first_contacts;
use super::{App, Context, Growth, Unit, complete_view, show_reads};
use crate::audit::AuditAction;
use crate::event::{Event, Kind, Pending};
use crate::group_settings::GroupSettings;
use crate::limits::PENDING_GROUPS;
use crate::relation::Relation;
use crate::store::Newcomer;
use crate::user::{Caller, User};
use crate::{Error, GroupId, Result, Seq, UserId};

/// The number of users that one query looks up.
const LOOKUP_BATCH: usize = 100;
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The result of accepting a group.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// The group as the user sees it.
    pub seen: GroupForCaller,
    /// Whether the membership was pending. Only then do the user's sockets receive events.
    pub changed: bool,
}

impl App {
    /// Accepts a group to which somebody else added the user.
    pub async fn group_accept(&self, context: &Context, command: Leave) -> Result<Accepted> {
        self.write(Growth::Bounded, context, command, |unit, command| {
            let user = require_actor(unit.tx, unit.caller, command.author.as_ref())?;
            let changed = membership_in(unit.tx, unit.caller, command.group, &user)?.pending;
            if changed {
                accept(unit, command.group, &user, true)?;
                unit.audit_with(AuditAction::GroupJoin, command.group, &user.name)?;
            }
            let seen = seen_by(unit.tx, unit.caller, command.group, &user)?;
            Ok(Accepted { seen, changed })
        })
        .await
    }
}

/// Accepts a pending membership. This takes no number in the log: the user's sockets receive the current
/// group and then its later events. With `asks`, the first event is the answer to the request.
pub(super) fn accept(unit: &mut Unit, group: GroupId, user: &User, asks: bool) -> Result<()> {
    require_room_for_group(unit, user)?;
    accept_all(unit, group, slice::from_ref(user), asks)
}

/// Like [`accept`], for several users, all of whom may be in one group more.
pub(super) fn accept_all(unit: &mut Unit, group: GroupId, users: &[User], asks: bool) -> Result<()> {
    if users.is_empty() {
        return Ok(());
    }
    let head = unit.tx.log_hold(group)?;
    for user in users {
        unit.tx.pending_set(group, user.id, false)?;
    }
    let whole = complete_view(unit.tx, group)?;
    for user in users {
        let mut view = Arc::clone(&whole);
        show_reads(unit.tx, &mut view, &[user.id])?;
        // Several users share the view of a large group.
        if users.len() == 1 {
            show_view_to(unit.tx, Some(user.id), &mut view)?;
        }
        let mentioned = unit.tx.mark(group, user.id)?.mentioned;
        let me = Kind::GroupMe { group, settings: GroupSettings::default(), pending: false };
        let me = Event::to_users(me, vec![user.id]);
        if asks {
            unit.answer(me);
        } else {
            unit.publish(me);
        }
        let shown = Event::to_users(Kind::GroupAccepted { view, mentioned }, vec![user.id]);
        unit.publish(Event { seq: Some(head), ..shown });
    }
    Ok(())
}

/// Checks that `actor` may add these users to a group, and returns those who have to accept first. A service
/// may act without an actor. Strangers count as first contacts.
pub(super) fn admit(
    unit: &Unit,
    group: GroupId,
    actor: Option<&User>,
    coming: &[&User],
    counted: &AtomicBool,
) -> Result<Vec<UserId>> {
    if let Some(user) = coming.iter().find(|user| user.special) {
        let why = format!("must not include special users: nobody can add {}", user.name);
        return Err(Error::field("members", why));
    }
    let ids: Vec<_> = coming.iter().map(|user| user.id).collect();
    // A service without an actor has no relations.
    let newcomers = unit.tx.newcomers(group, actor.map_or(UserId(0), |actor| actor.id), &ids)?;
    let mut pending = Vec::new();
    for (user, newcomer) in coming.iter().zip(newcomers) {
        if newcomer.banned {
            let why = format!("user {} is banned from this group: unban them first", user.name);
            return Err(Error::forbidden(why));
        }
        let is_pending = match actor {
            Some(actor) => may_add(unit, actor, user, &newcomer)?,
            None => false,
        };
        let most = unit.rules.limits.user_groups;
        if is_pending {
            pending.push(user.id);
        } else if newcomer.groups >= most {
            return Err(Error::field(
                "members",
                format!("include {}, who is in {most} groups already", user.name),
            ));
        }
    }
    if let Some(actor) = actor {
        count_strangers(unit, actor, &pending, counted)?;
    }
    Ok(pending)
}

/// Charges the limit on first contacts for those of `users` who share no accepted group with `actor`. More
/// strangers than one day allows are refused outright, since waiting would not help.
fn count_strangers(unit: &Unit, actor: &User, users: &[UserId], counted: &AtomicBool) -> Result<()> {
    let most = unit.rules.limits.rates.first_contacts_per_day;
    if most == 0 {
        return Ok(());
    }
    let mut strangers = 0;
    for users in users.chunks(LOOKUP_BATCH) {
        strangers += users.len() - unit.tx.companions(actor.id, users)?.len();
        if strangers > most as usize {
            return Err(Error::TooMany(DAY));
        }
    }
    count_first_contacts(unit, u32::try_from(strangers).unwrap_or(u32::MAX), counted)
}

/// Whether the user has to accept first. Fails if `actor` may not add the user.
fn may_add(unit: &Unit, actor: &User, user: &User, newcomer: &Newcomer) -> Result<bool> {
    let (name, pair) = (&user.name, newcomer.pair);
    if pair.theirs == Some(Relation::Block) {
        return Err(Error::forbidden(format!("user {name} does not accept invitations from {}", actor.name)));
    }
    if pair.mine == Some(Relation::Block) {
        return Err(Error::forbidden(format!(
            "user {name} is blocked by {}: remove the block first",
            actor.name
        )));
    }
    if unit.caller == Caller::Service {
        return Ok(false);
    }
    let is_contact = pair.mine == Some(Relation::Contact);
    if !newcomer.added_by.admits(is_contact) {
        return Err(Error::forbidden(format!("user {name} does not allow you to add them to groups")));
    }
    if !unit.rules.limits.consent || is_contact {
        return Ok(false);
    }
    if newcomer.declined {
        return Err(Error::forbidden(format!(
            "user {name} has left or declined this group: only a contact of {name} can add them again"
        )));
    }
    Ok(true)
}

/// Makes the newcomers in `pending`, who are already members, pending. The other users in `joined` receive
/// events like any member. Call [`invite`] once the change has its number.
pub(super) fn bring_in(unit: &mut Unit, group: GroupId, joined: &[UserId], pending: &[UserId]) -> Result<()> {
    for user in joined {
        unit.tx.declined_set(group, *user, false)?;
    }
    for user in pending {
        unit.tx.pending_set(group, *user, true)?;
    }
    Ok(())
}

/// Sends the group to the pending newcomers that change `seq` added. If a newcomer has too many pending
/// memberships, its oldest ones are dropped, as if the user had left.
pub(super) fn invite(unit: &mut Unit, group: GroupId, seq: Seq, pending: &[UserId]) -> Result<()> {
    if pending.is_empty() {
        return Ok(());
    }
    let added = Kind::Pending(Pending::Added(complete_view(unit.tx, group)?));
    unit.publish(Event { seq: Some(seq), ..Event::to_users(added, pending.to_vec()) });
    for id in pending {
        for dropped in unit.tx.pending_beyond(*id, PENDING_GROUPS)? {
            let Some(user) = unit.tx.user(*id)? else { continue };
            end(unit, dropped, &user)?;
            unit.tx.declined_set(dropped, *id, true)?;
        }
    }
    Ok(())
}

/// Ends a user's pending membership, and publishes this to the user.
pub(super) fn end(unit: &mut Unit, group: GroupId, user: &User) -> Result<()> {
    let departed = depart(unit, group, user.id, false, Departure::Left)?;
    let seq = departed.seq;
    unit.group_affected(group, seq, vec![user.id], Some(departed.entry))?;
    let ended = Kind::Pending(Pending::Ended { group, name: user.name.clone() });
    unit.answer(Event { seq: Some(seq), ..Event::to_users(ended, vec![user.id]) });
    Ok(())
}
