//! Read marks of an import.

use uuid::Uuid;

use super::message::groups;
use super::{People, Person, Unit};
use crate::{Date, Result};

/// A read mark in the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceMark {
    pub group: Uuid,
    pub user: Uuid,
    /// In microseconds since 1970.
    pub micros: i64,
}

pub(super) fn take(unit: &mut Unit, marks: &[SourceMark]) -> Result<u64> {
    let people = People::find(unit.tx, marks.iter().map(|mark| mark.user))?;
    let groups = groups(unit.tx, marks.iter().map(|mark| mark.group))?;
    let mut moved = 0;
    for mark in marks {
        let group = groups.get(&mark.group).copied().flatten();
        let (Some(group), Person::Standing(user)) = (group, people.get(mark.user)) else { continue };
        if unit.tx.member(group, user.id)?.is_none() {
            continue;
        }
        let Some((seq, date)) = unit.tx.message_at_date(group, Date::from_micros(mark.micros))? else {
            continue;
        };
        if unit.tx.mark(group, user.id)?.last_read.is_none_or(|(read, _)| read < seq) {
            unit.tx.mark_set(group, user.id, seq, date)?;
            moved += 1;
        }
    }
    Ok(moved)
}
