//! Relations of an import.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{ImportPage, People, Person, Unit};
use crate::Result;
use crate::relation::{Pair, Relation};
use crate::store::{ImportKind, Imported};

/// The relation between two users in the source, with the lower id first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRelations {
    pub low: Uuid,
    pub high: Uuid,
    /// The rows of both directions, as seen from `low`.
    pub pair: Pair,
    /// Relations in the source of an unknown kind.
    pub unknown: Vec<String>,
}

pub(super) fn take(unit: &mut Unit, relations: &[SourceRelations]) -> Result<ImportPage> {
    let people = People::find(unit.tx, relations.iter().flat_map(|both| [both.low, both.high]))?;
    let keys: Vec<_> = relations.iter().map(|both| pair_key(both.low, both.high)).collect();
    let known = unit.tx.imported(ImportKind::Relation, &keys)?;
    let (mut page, mut taken) = (ImportPage::default(), Vec::new());
    for ((both, key), known) in relations.iter().zip(keys).zip(known) {
        let subject = format!("relation of {} and {}", both.low, both.high);
        if !both.unknown.is_empty() {
            page.note(format!("{subject}: {:?} is not a relation; ignored", both.unknown.join(", ")));
        }
        let (after, why) = settle(both.pair);
        if both.low == both.high {
            page.refuse(format!("{subject}: is a relation with oneself; not imported"));
        } else if after == Pair::default() {
            page.refuse(format!("{subject}: has no content; not imported"));
        } else if known.is_some() {
            page.tally.before += 1;
        } else {
            match (people.get(both.low), people.get(both.high)) {
                (Person::Standing(low), Person::Standing(high)) if low.special || high.special => {
                    page.refuse(format!(
                        "{subject}: one is a special user, and special users have no relations; not imported"
                    ));
                }
                (Person::Standing(low), Person::Standing(high)) => {
                    if unit.tx.pair(low.id, high.id)? == Pair::default() {
                        let now = unit.now();
                        unit.tx.pair_set(low.id, high.id, after, now)?;
                        page.tally.taken += 1;
                    } else {
                        page.tally.before += 1;
                    }
                    taken.push((key, Imported::Relation));
                    if let Some(why) = why {
                        page.note(format!("{subject}: {why}"));
                    }
                }
                (Person::Unknown, _) | (_, Person::Unknown) => {
                    page.refuse(format!("{subject}: one is not a user; not imported"));
                }
                _ => page.tally.gone += 1,
            }
        }
    }
    unit.tx.imported_add(&taken)?;
    Ok(page)
}

/// The key of the relation from one object to another. The order matters.
pub(super) fn pair_key(one: Uuid, other: Uuid) -> Uuid {
    let digest = Sha256::new().chain_update(one).chain_update(other).finalize();
    Uuid::from_slice(&digest[..16]).unwrap_or_default()
}

/// The valid pair that is closest to `pair`. If it differs, also the reason.
fn settle(pair: Pair) -> (Pair, Option<&'static str>) {
    use Relation::{Block, Contact, Invitation};
    let contacts = Pair { mine: Some(Contact), theirs: Some(Contact) };
    let block = |row: Option<Relation>| row.filter(|row| *row == Block);
    match (pair.mine, pair.theirs) {
        (Some(Block), _) | (_, Some(Block)) => {
            let after = Pair { mine: block(pair.mine), theirs: block(pair.theirs) };
            (after, (after != pair).then_some("a block stands; the other's relation ended with it"))
        }
        (Some(Contact), Some(Contact)) => (contacts, None),
        (Some(Contact), _) | (_, Some(Contact)) => {
            (contacts, Some("one had the other as a contact; both are contacts now"))
        }
        (Some(Invitation), Some(Invitation)) => {
            (contacts, Some("both had invited each other; both are contacts now"))
        }
        _ => (pair, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settled_relations_are_those_that_operations_reach() {
        use Relation::{Block, Contact, Invitation};
        let rows = [None, Some(Invitation), Some(Contact), Some(Block)];
        for (mine, theirs) in rows.into_iter().flat_map(|mine| rows.map(|theirs| (mine, theirs))) {
            let (pair, why) = settle(Pair { mine, theirs });
            assert_eq!(why.is_some(), pair != Pair { mine, theirs }, "{mine:?} {theirs:?}");
            assert_eq!(pair.mine == Some(Contact), pair.theirs == Some(Contact), "{mine:?} {theirs:?}");
            assert_eq!(pair.blocked(), mine == Some(Block) || theirs == Some(Block));
            assert_ne!((pair.mine, pair.theirs), (Some(Invitation), Some(Invitation)));
            assert_eq!(settle(pair), (pair, None), "it is settled");
        }
    }
}
