//! Users of an import, and the names that they get.

use uuid::Uuid;

use super::{Page, Unit};
use crate::profile::{Identity, Origin};
use crate::store::{ImportKind, Imported};
use crate::user::User;
use crate::{Error, Name, Result};

/// How a name begins that an import makes. With the last 16 digits of the id that follow, it is longer than any
/// name of the source, so that nobody there can have it, or come to have it.
const MADE: &str = "imported-";

/// A user of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceUser {
    /// Its id there.
    pub id: Uuid,
    /// Its name there, whatever that is.
    pub name: String,
    /// Whether another user there has the same name, and comes first.
    pub repeated: bool,
}

pub(super) fn take(unit: &mut Unit, users: &[SourceUser]) -> Result<Page> {
    let ids: Vec<_> = users.iter().map(|user| user.id).collect();
    let known = unit.tx.imported(ImportKind::User, &ids)?;
    let mut page = Page::default();
    for (source, known) in users.iter().zip(known) {
        if let Some(Imported::User(user)) = known {
            page.tally.before += 1;
            if let Some(user) = unit.tx.user(user)?.filter(|user| user.name.as_str() != source.name) {
                page.note(format!("user {} {:?}: is {} here", source.id, source.name, user.name));
            }
            continue;
        }
        let (user, why) = admit(unit, source)?;
        if let Some(why) = why {
            page.note(format!(
                "user {} {:?}: the name {why}; taken as {}",
                source.id, source.name, user.name
            ));
        }
        page.tally.taken += 1;
        // One at a time: the next one's name may be the same.
        unit.tx.imported_add(&[(source.id, Imported::User(user.id))])?;
    }
    Ok(page)
}

/// Makes the user, or finds it where the host made it here already; and why it has another name.
fn admit(unit: &mut Unit, source: &SourceUser) -> Result<(User, Option<&'static str>)> {
    let why = match Name::parse(&source.name) {
        Err(why) => why,
        Ok(_) if source.repeated => "is another's",
        Ok(name) if name.as_str() != source.name => "is not written in its normal form",
        Ok(name) => match named(unit, &name)? {
            Some(user) => return Ok((user, None)),
            None => "is taken, or looks like one that is",
        },
    };
    let digits = source.id.simple().to_string();
    for digits in [&digits[16..], &digits[10..]] {
        let name = Name::parse(&format!("{MADE}{digits}")).map_err(Error::internal)?;
        let now = unit.now();
        if let Some(user) = unit.tx.user_insert(&name, false, now)? {
            return Ok((user, Some(why)));
        }
    }
    Err(Error::internal(format!("the user {} can be given no name", source.id)))
}

/// The user with exactly this name, made if need be; `None` if another has it, or one like it. A user
/// who signed up here is another: nobody vouches that it is the source's, whose data it would get.
fn named(unit: &mut Unit, name: &Name) -> Result<Option<User>> {
    match unit.tx.identity(name)? {
        Some(Identity { user, origin: Origin::Host })
            if user.name == *name && !unit.tx.is_imported(user.id)? =>
        {
            Ok(Some(user))
        }
        Some(_) => Ok(None),
        None => {
            let now = unit.now();
            unit.tx.user_insert(name, false, now)
        }
    }
}
