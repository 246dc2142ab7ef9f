//! Relations: invite, accept, deny, remove, block.

use super::actor::{named, someone};
use super::{App, Context, Unit};
use crate::event::{Event, Kind};
use crate::permission::Role;
use crate::relation::{Operation, Outcome, Pair};
use crate::store::{Change, Tx};
use crate::user::{Caller, User};
use crate::{Error, Name, Result};

/// Changes the author's relation to a target.
#[derive(Debug, Clone)]
pub struct Relate {
    /// In whose name; a user's own may be left out.
    pub author: Option<Name>,
    /// The other.
    pub target: Name,
    /// What to do.
    pub operation: Operation,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Related {
    /// Who asked.
    pub author: User,
    /// The other.
    pub target: User,
    /// What stands, in the wire's words.
    pub outcome: Outcome,
    /// Whether anything changed; only then is it told to both.
    pub changed: bool,
}

impl App {
    /// Changes a relation and tells both.
    pub async fn relate(&self, context: &Context, command: Relate) -> Result<Related> {
        self.write(context, command, relate).await
    }

    /// Refuses with 403 if `target` has blocked `author`.
    pub async fn relation_check(&self, context: &Context, author: Option<Name>, target: Name) -> Result<()> {
        self.read(context, (author, target), |tx, caller, (author, target)| {
            let author = someone(tx, caller, author.as_ref())?;
            let target = named(tx, target, "target")?;
            match tx.pair(author.id, target.id)?.theirs {
                Some(crate::relation::Relation::Block) => {
                    Err(Error::forbidden(format!("{} has blocked {}", target.name, author.name)))
                }
                _ => Ok(()),
            }
        })
        .await
    }
}

fn relate(unit: &mut Unit, command: &Relate) -> Result<Related> {
    let author = someone(unit.tx, unit.caller, command.author.as_ref())?;
    let target = named(unit.tx, &command.target, "name")?;
    if target.id == author.id {
        return Err(Error::field("name", "is oneself: name somebody else"));
    }
    if target.special || author.special {
        return Err(Error::field("name", "is a special user, who has no relations"));
    }
    let before = unit.tx.pair(author.id, target.id)?;
    let (after, outcome) = before.after(command.operation)?;
    let changed = before != after;
    if changed {
        if before == Pair::default() {
            room_for_one(unit, &author, &target)?;
        }
        unit.tx.pair_set(author.id, target.id, after)?;
        let (from, to) = ((author.id, author.name.clone()), (target.id, target.name.clone()));
        let kind = Kind::ContactUpdate { author: from, name: to, outcome };
        unit.answer(Event::to_users(kind, vec![author.id, target.id]));
        if before.blocked() != after.blocked() {
            private_group_follows(unit, &author, &target, after.blocked())?;
        }
    }
    Ok(Related { author, target, outcome, changed })
}

/// Bounds what either's summary may grow to.
fn room_for_one(unit: &Unit, author: &User, target: &User) -> Result<()> {
    let most = unit.rules.limits.user_relations;
    for user in [author, target] {
        if unit.tx.relations_count(user.id)? >= most {
            let why = format!("{} has {most} relations already: remove some first", user.name);
            return Err(Error::field("name", why));
        }
    }
    Ok(())
}

/// While a block stands, neither writes in the pair's group.
fn private_group_follows(unit: &mut Unit, a: &User, b: &User, blocked: bool) -> Result<()> {
    let Some(group) = unit.tx.group_of_pair(a.id, b.id)? else { return Ok(()) };
    let (role, now) = (private_role(blocked), unit.now());
    for user in [a, b] {
        unit.tx.member_set(group, user.id, role, now)?;
    }
    let seq = unit.change(group, &Change::Group)?;
    unit.group_affected(group, seq, vec![])
}

/// The role of both in a private group.
pub(super) fn private_role(blocked: bool) -> Role {
    if blocked { Role::Restrict } else { Role::Member }
}

/// Which relations the caller may see of a user: a user its own, a service all.
pub(super) fn sees_all_of(caller: Caller, user: &User) -> bool {
    match caller {
        Caller::Service => true,
        Caller::User(id) => id == user.id,
    }
}

/// Refuses where one of `added` has blocked the user who adds.
pub(super) fn unblocked_by(tx: &dyn Tx, actor: &User, added: &[&User]) -> Result<()> {
    let ids: Vec<_> = added.iter().map(|user| user.id).collect();
    match tx.blockers_among(actor.id, &ids)?.first() {
        None => Ok(()),
        Some(id) => {
            let name = added.iter().find(|user| user.id == *id).map_or("a user", |user| user.name.as_str());
            Err(Error::forbidden(format!("{name} does not take invitations from {}", actor.name)))
        }
    }
}
