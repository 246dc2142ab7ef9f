//! Relations: invite, accept, deny, remove, block.

use super::actor::require_actor;
use super::directory::{found, named};
use super::{App, Context, Growth, Unit};
use crate::audit::AuditAction;
use crate::event::{Event, Kind};
use crate::limits::RECEIVED_INVITATIONS;
use crate::relation::{Operation, Outcome, Pair, Relation};
use crate::user::{Caller, User};
use crate::{Error, Name, Result};

/// Changes the author's relation to a target.
#[derive(Debug, Clone)]
pub struct Relate {
    /// The acting user. Users may omit it.
    pub author: Option<Name>,
    pub target: Name,
    pub operation: Operation,
}

/// The result of a change.
#[derive(Debug, Clone)]
pub struct Related {
    pub author: User,
    pub target: User,
    /// The current relation.
    pub outcome: Outcome,
    /// Whether anything changed. Only then are events published.
    pub changed: bool,
}

impl App {
    pub async fn relate(&self, context: &Context, command: Relate) -> Result<Related> {
        self.write(command.growth(), context, command, relate).await
    }

    /// Fails with 403 if `target` blocks `author`, and with 404 if one of them does not exist.
    pub async fn relation_check(&self, context: &Context, author: Option<Name>, target: Name) -> Result<()> {
        let query = (author, target, self.user_rules().directory);
        self.read(context, query, |tx, caller, (author, target, directory)| {
            if let (Caller::Service, Some(name)) = (caller, author) {
                tx.user_named(name)?.ok_or(Error::NotFound("user"))?;
            }
            let author = require_actor(tx, caller, author.as_ref())?;
            let target = found(tx, caller, *directory, target)?;
            match tx.pair(author.id, target.id)?.theirs {
                Some(Relation::Block) => {
                    Err(Error::forbidden(format!("{} has blocked {}", target.name, author.name)))
                }
                _ => Ok(()),
            }
        })
        .await
    }
}

impl Relate {
    /// Ending a relation and blocking must work even on a full disk.
    fn growth(&self) -> Growth {
        match self.operation {
            Operation::Invite | Operation::Accept => Growth::Adds,
            Operation::Deny | Operation::Remove | Operation::Block => Growth::Bounded,
        }
    }
}

fn relate(unit: &mut Unit, command: &Relate) -> Result<Related> {
    let author = require_actor(unit.tx, unit.caller, command.author.as_ref())?;
    let target = named(unit, &command.target, "name")?;
    if target.id == author.id {
        return Err(Error::field("name", "must be another user"));
    }
    if let Some(user) = [&author, &target].into_iter().find(|user| user.special) {
        return Err(Error::field(
            "name",
            format!("must not be a special user: {} has no relations", user.name),
        ));
    }
    let before = unit.tx.pair(author.id, target.id)?;
    let (after, outcome) = before.after(command.operation)?;
    let changed = before != after;
    if changed {
        if before.mine.is_none() && after.mine.is_some_and(|mine| mine != Relation::Block) {
            room_for_one(unit, &author)?;
        }
        let now = unit.now();
        unit.tx.pair_set(author.id, target.id, after, now)?;
        publish(unit, &author, &target, (before, after), outcome);
        unit.audit_with(AuditAction::RelationUpdate, &author.name, &target.name)?;
        if after.mine == Some(Relation::Invitation) {
            drop_oldest_invitations(unit, &target)?;
        }
    }
    Ok(Related { author, target, outcome, changed })
}

/// Publishes a change to both users. A block or its end is published only to the author, unless the
/// configuration shows it to the target. If a block ended another relation, the target learns only that the
/// relation was removed.
fn publish(unit: &mut Unit, author: &User, target: &User, (before, after): (Pair, Pair), outcome: Outcome) {
    let update = |outcome| Kind::ContactUpdate {
        author: (author.id, author.name.clone()),
        name: (target.id, target.name.clone()),
        outcome,
    };
    let is_block = |relation: Option<Relation>| relation == Some(Relation::Block);
    let about_block = is_block(before.mine) || is_block(after.mine);
    if !about_block || unit.rules.limits.show_blocked_by {
        let both = vec![author.id, target.id];
        return unit.answer(Event::to_users(update(outcome), both));
    }
    unit.answer(Event::to_users(update(outcome), vec![author.id]));
    let ended = |relation: Option<Relation>| relation.is_some() && !is_block(relation);
    if ended(before.mine) || ended(before.theirs) {
        unit.publish(Event::to_users(update(Outcome::Remove), vec![target.id]));
    }
}

/// Refuses one more relation if the author has reached the limit.
fn room_for_one(unit: &Unit, author: &User) -> Result<()> {
    let most = unit.rules.limits.user_relations;
    if unit.tx.relations_count(author.id)? >= most {
        return Err(Error::field(
            "name",
            format!("exceeds the limit of {most} relations: remove some first"),
        ));
    }
    Ok(())
}

/// Drops the target's oldest invitations beyond the limit, which bounds the size of its summary.
fn drop_oldest_invitations(unit: &mut Unit, target: &User) -> Result<()> {
    for (id, name) in unit.tx.invitations_trim(target.id, RECEIVED_INVITATIONS)? {
        let to = vec![id, target.id];
        let (author, name) = ((id, name), (target.id, target.name.clone()));
        unit.publish(Event::to_users(Kind::ContactUpdate { author, name, outcome: Outcome::Remove }, to));
    }
    Ok(())
}

/// Whether the caller may see all data of a user: as this user, or as a service.
pub(super) fn sees_all_of(caller: Caller, user: &User) -> bool {
    match caller {
        Caller::Service => true,
        Caller::User(id) => id == user.id,
    }
}
