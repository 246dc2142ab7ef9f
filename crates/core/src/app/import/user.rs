//! Users of an import, and their names.

use uuid::Uuid;

use super::{ImportPage, Unit};
use crate::limits::DISPLAY_NAME_CHARS;
use crate::profile::{Details, DisplayName, Identity, Origin, UserKind};
use crate::store::{ImportKind, Imported};
use crate::user::User;
use crate::{Error, Name, Result};

/// The prefix of names that the import generates. The last 16 digits of the id follow. The result is longer
/// than any name that the source allows, so it can never collide with one.
const MADE: &str = "imported-";

/// A user in the source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceUser {
    pub id: Uuid,
    /// The name in the source, not validated yet.
    pub name: String,
    /// Whether an earlier user in the source has the same name.
    pub repeated: bool,
    /// The name that an operator assigned, not validated yet. If a user with this name exists, that user is
    /// taken, no matter how it was created.
    pub given: Option<String>,
    pub display_name: Option<String>,
    pub is_bot: bool,
    /// Whether the user may become the special user of the same name here.
    pub may_be_special: bool,
}

impl SourceUser {
    /// The preferred name.
    fn wanted(&self) -> &str {
        self.given.as_ref().unwrap_or(&self.name)
    }
}

/// The user that a user of the source became.
struct Admitted {
    user: User,
    is_new: bool,
    /// Why the user has another name than in the source, if it does.
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
        // Recorded one by one, because the next user may have the same name.
        unit.tx.imported_add(&[(source.id, Imported::User(user.id))])?;
    }
    Ok(page)
}

/// Creates the user. If the host already created it here, or an operator assigned it a name, returns the
/// existing user.
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

/// The user with this name, and whether it was just created. `None` if it is a special user, or if another
/// user has a similar name.
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

/// Sets the kind and the display name of a new user. Truncates a display name that is too long.
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

/// The user with exactly this name, and whether it was just created. `None` if the name belongs to another
/// user or is similar to such a name. A user who signed up on this server counts as another user: nobody
/// vouches that it is the same person as the user in the source, whose data it would receive.
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
