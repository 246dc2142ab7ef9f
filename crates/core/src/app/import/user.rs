//! Users of an import, and their names.

use uuid::Uuid;

use super::{ImportPage, Unit};
use crate::profile::{Identity, Origin};
use crate::store::{ImportKind, Imported};
use crate::user::User;
use crate::{Error, Name, Result};

/// The beginning of names that the import makes. With the last 16 digits of the id, such a name is longer
/// than any name in the source, so that no user there can have it, now or later.
const MADE: &str = "imported-";

/// A user of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceUser {
    /// Its id in the source.
    pub id: Uuid,
    /// Its name in the source, unchecked.
    pub name: String,
    /// Whether an earlier user in the source has the same name.
    pub repeated: bool,
}

pub(super) fn take(unit: &mut Unit, users: &[SourceUser]) -> Result<ImportPage> {
    let ids: Vec<_> = users.iter().map(|user| user.id).collect();
    let known = unit.tx.imported(ImportKind::User, &ids)?;
    let mut page = ImportPage::default();
    for (source, known) in users.iter().zip(known) {
        if let Some(Imported::User(user)) = known {
            page.tally.before += 1;
            if let Some(user) = unit.tx.user(user)?.filter(|user| user.name.as_str() != source.name) {
                page.note(format!("user {} {:?}: has the name {} here", source.id, source.name, user.name));
            }
            continue;
        }
        let (user, why) = admit(unit, source)?;
        if let Some(why) = why {
            page.note(format!(
                "user {} {:?}: the name {why}; imported as {}",
                source.id, source.name, user.name
            ));
        }
        page.tally.taken += 1;
        // One at a time, because the next user may have the same name.
        unit.tx.imported_add(&[(source.id, Imported::User(user.id))])?;
    }
    Ok(page)
}

/// Makes the user, or finds it if the host has made it here already. Returns the reason if it has another
/// name.
fn admit(unit: &mut Unit, source: &SourceUser) -> Result<(User, Option<&'static str>)> {
    let why = match Name::parse(&source.name) {
        Err(why) => why,
        Ok(_) if source.repeated => "is another user's",
        Ok(name) if name.as_str() != source.name => "is not written in its normal form",
        Ok(name) => match named(unit, &name)? {
            Some(user) => return Ok((user, None)),
            None => "is taken, or looks like a name that is taken",
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
    Err(Error::internal(format!("the user {} cannot be given a name", source.id)))
}

/// The user with exactly this name, made if it does not exist; `None` if another user has the name or a
/// similar one. A user who signed up here is another user: nobody vouches that it is the user of the source,
/// whose data it would get.
fn named(unit: &mut Unit, name: &Name) -> Result<Option<User>> {
    match unit.tx.identity(name)? {
        Some(Identity { user, origin: Origin::Host, .. })
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
