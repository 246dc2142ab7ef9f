//! Users of an import, and their names.

use uuid::Uuid;

use super::{ImportPage, Unit};
use crate::limits::DISPLAY_NAME_CHARS;
use crate::profile::{Details, DisplayName, Identity, Origin, UserKind};
use crate::store::{ImportKind, Imported};
use crate::user::User;
use crate::{Error, Name, Result};

/// The beginning of names that the import makes. With the last 16 digits of the id, such a name is longer
/// than any name in the source, so that no user there can have it, now or later.
const MADE: &str = "imported-";

/// A user of the source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceUser {
    /// Its id in the source.
    pub id: Uuid,
    /// Its name in the source, unchecked.
    pub name: String,
    /// Whether an earlier user in the source has the same name.
    pub repeated: bool,
    /// The name that an operator has given it, unchecked. If there is such a user, it is that user, whoever has made it.
    pub given: Option<String>,
    pub display_name: Option<String>,
    pub is_bot: bool,
    /// Whether it is a special user here if it has the name of one.
    pub may_be_special: bool,
}

impl SourceUser {
    /// The name that it should have here.
    fn wanted(&self) -> &str {
        self.given.as_ref().unwrap_or(&self.name)
    }
}

/// The user that a user of the source becomes.
struct Admitted {
    user: User,
    is_new: bool,
    /// The reason, if it has another name.
    why: Option<&'static str>,
}

pub(super) fn take(unit: &mut Unit, users: &[SourceUser]) -> Result<ImportPage> {
    let ids: Vec<_> = users.iter().map(|user| user.id).collect();
    let known = unit.tx.imported(ImportKind::User, &ids)?;
    let mut page = ImportPage::default();
    for (source, known) in users.iter().zip(known) {
        if let Some(Imported::User(user)) = known {
            let Some(user) = unit.tx.user(user)? else {
                page.tally.gone += 1;
                continue;
            };
            page.tally.before += 1;
            if user.name.as_str() != source.wanted() {
                page.note(format!("user {} {:?}: has the name {} here", source.id, source.name, user.name));
            }
            continue;
        }
        let Admitted { user, is_new, why } = admit(unit, source)?;
        if is_new {
            show_as(unit, &user, source)?;
        }
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

/// Makes the user, or finds it if the host has made it here already, or an operator has named it.
fn admit(unit: &mut Unit, source: &SourceUser) -> Result<Admitted> {
    let why = match Name::parse(source.wanted()) {
        Err(why) => why,
        Ok(name) if source.given.is_some() => match given(unit, &name)? {
            Some((user, is_new)) => return Ok(Admitted { user, is_new, why: None }),
            None => "given by the operator is a special user's, or looks like a name that is taken",
        },
        Ok(_) if source.repeated => "is another user's",
        Ok(name) if name.as_str() != source.name => "is not written in its normal form",
        Ok(name) => match named(unit, &name, source.may_be_special)? {
            Some((user, is_new)) => return Ok(Admitted { user, is_new, why: None }),
            None => "is taken, or looks like a name that is taken",
        },
    };
    let digits = source.id.simple().to_string();
    for digits in [&digits[16..], &digits[10..]] {
        let name = Name::parse(&format!("{MADE}{digits}")).map_err(Error::internal)?;
        let now = unit.now();
        if let Some(user) = unit.tx.user_insert(&name, false, now)? {
            return Ok(Admitted { user, is_new: true, why: Some(why) });
        }
    }
    Err(Error::internal(format!("the user {} cannot be given a name", source.id)))
}

/// The user with this name, and whether it was made just now; `None` if it is a special one, or another user has a similar
/// name.
fn given(unit: &mut Unit, name: &Name) -> Result<Option<(User, bool)>> {
    match unit.tx.user_named(name)? {
        Some(user) => Ok(Some((user, false)).filter(|(user, _)| !user.special)),
        None => made(unit, name),
    }
}

fn made(unit: &mut Unit, name: &Name) -> Result<Option<(User, bool)>> {
    let now = unit.now();
    Ok(unit.tx.user_insert(name, false, now)?.map(|user| (user, true)))
}

/// Gives a new user the name that people see, cut if it is too long, and its kind.
fn show_as(unit: &mut Unit, user: &User, source: &SourceUser) -> Result<()> {
    let shown =
        source.display_name.as_ref().map(|name| name.chars().take(DISPLAY_NAME_CHARS).collect::<String>());
    let display_name = shown.and_then(|name| DisplayName::parse(&name).ok());
    let display_name = display_name.filter(|name| name.as_str() != user.name.as_str());
    if display_name.is_none() && !source.is_bot {
        return Ok(());
    }
    let Some(details) = unit.tx.details(&[user.id])?.pop().flatten() else { return Ok(()) };
    let kind = if source.is_bot { UserKind::Bot } else { details.kind };
    let display_name = display_name.map(|name| name.as_str().into());
    unit.tx.profile_set(user.id, &Details { kind, display_name, ..details })
}

/// The user with exactly this name, made if it does not exist, and whether it was; `None` if another user has the name or a
/// similar one. A user who signed up here is another user: nobody vouches that it is the user of the source,
/// whose data it would get.
fn named(unit: &mut Unit, name: &Name, may_be_special: bool) -> Result<Option<(User, bool)>> {
    match unit.tx.identity(name)? {
        Some(Identity { user, origin: Origin::Host, provided: false, .. })
            if user.name == *name
                && (may_be_special || !user.special)
                && !unit.tx.is_imported(user.id)? =>
        {
            Ok(Some((user, false)))
        }
        Some(_) => Ok(None),
        None => made(unit, name),
    }
}
