//! Groups of an import, with their members.

use uuid::Uuid;

use super::relation::pair_key;
use super::{GroupPage, People, Person, Unit};
use crate::group::heir;
use crate::group_details::GroupDetails;
use crate::permission::Role;
use crate::store::{ImportKind, Imported};
use crate::user::User;
use crate::{GroupId, GroupName, Name, Result};

/// The name that every private group shows as its owner. It is not a real member.
const PRIVATE_OWNER: &str = "admin";

/// A group in the source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceGroup {
    /// The id, which the import preserves.
    pub id: Uuid,
    /// The name in the source. `@` if the group is private.
    pub name: String,
    /// The members in the source, highest role first, without duplicates.
    pub members: Vec<(Uuid, Option<Role>)>,
    /// Whether the group is private and has a single member, for notes to itself.
    pub is_own_notes: bool,
    pub is_open: bool,
    pub description: Option<String>,
}

/// The kind of group to create.
enum Shape {
    /// The private group of two users.
    Private(User, User),
    /// A group with this name.
    Named(GroupName),
}

pub(super) fn take(unit: &mut Unit, groups: &[SourceGroup]) -> Result<GroupPage> {
    let people =
        People::find(unit.tx, groups.iter().flat_map(|group| &group.members).map(|(user, _)| *user))?;
    let ids: Vec<_> = groups.iter().map(|group| group.id).collect();
    let known = unit.tx.imported(ImportKind::Group, &ids)?;
    let mut page = GroupPage::default();
    for (source, known) in groups.iter().zip(known) {
        let mut import = Import { unit: &mut *unit, people: &people, page: &mut page, source };
        match known {
            Some(Imported::Group(id)) => import.again(id)?,
            _ => import.first()?,
        }
    }
    Ok(page)
}

/// The import of one group.
struct Import<'i, 'u> {
    unit: &'i mut Unit<'u>,
    people: &'i People,
    page: &'i mut GroupPage,
    source: &'i SourceGroup,
}

impl<'i> Import<'i, '_> {
    /// Continues with a group that an earlier run imported: adds new members, and leaves other members
    /// unchanged.
    fn again(&mut self, id: GroupId) -> Result<()> {
        if let Some(group) = self.unit.tx.group(id)? {
            self.page.groups.tally.before += 1;
            return self.fill(id, group.private);
        }
        self.page.groups.tally.gone += 1;
        self.page.memberships.gone += self.source.members.len() as u64;
        Ok(())
    }

    fn first(&mut self) -> Result<()> {
        let members = self.existing_members();
        if members.is_empty() {
            let members = self.source.members.len() as u64;
            self.page.memberships.refused += members;
            self.refuse("has no members; not imported, and neither are its messages");
            return Ok(());
        }
        let wanted = GroupId(self.source.id);
        let (id, private) = match self.shape(&members) {
            Shape::Private(one, other) => match self.unit.tx.group_of_pair(one.id, other.id)? {
                Some(stands) => {
                    self.note(&format!(
                        "is another conversation of {} and {}; merged with {stands}",
                        one.name, other.name
                    ));
                    (stands, true)
                }
                None if !self.is_free(wanted)? => return Ok(()),
                None => {
                    self.unit.tx.group_insert(wanted, GroupName::PRIVATE, Some((one.id, other.id)))?;
                    (wanted, true)
                }
            },
            Shape::Named(_) if !self.is_free(wanted)? => return Ok(()),
            Shape::Named(name) => {
                self.unit.tx.group_insert(wanted, name.as_str(), None)?;
                self.describe(wanted)?;
                (wanted, false)
            }
        };
        self.page.groups.tally.taken += 1;
        self.unit.tx.imported_add(&[(self.source.id, Imported::Group(id))])?;
        self.fill(id, private)
    }

    /// The members who are users here, except for the owner that every private group shows.
    fn existing_members(&self) -> Vec<&'i User> {
        let private = self.source.name == GroupName::PRIVATE;
        let people = self.people;
        let members = self.source.members.iter().filter_map(|(id, _)| people.existing(*id));
        members.filter(|user| !(private && is_private_owner(user))).collect()
    }

    fn is_free(&mut self, id: GroupId) -> Result<bool> {
        let free = self.unit.tx.group(id)?.is_none();
        if !free {
            self.page.memberships.refused += self.source.members.len() as u64;
            self.refuse("another group has its id; not imported, and neither are its messages");
        }
        Ok(free)
    }

    /// The kind of group to create. A group becomes private only if exactly two of its users exist, or one
    /// with `is_own_notes`.
    fn shape(&mut self, members: &[&User]) -> Shape {
        if self.source.name == GroupName::PRIVATE {
            if let ([one], true) = (members, self.source.is_own_notes) {
                return Shape::Private((*one).clone(), (*one).clone());
            }
            if let [one, other] = members {
                return Shape::Private((*one).clone(), (*other).clone());
            }
            let names: Vec<_> = members.iter().map(|user| user.name.as_str()).collect();
            let name = self.made_name(&names.join(", "));
            self.note(&format!(
                "is a private conversation of {} users; imported as the group {:?}",
                members.len(),
                name.as_str()
            ));
            return Shape::Named(name);
        }
        match GroupName::parse(&self.source.name) {
            Ok(name) => {
                if name.as_str() != self.source.name {
                    self.note(&format!("has white space around its name; imported as {:?}", name.as_str()));
                }
                Shape::Named(name)
            }
            Err(why) => {
                let name = self.made_name(&self.source.name);
                self.note(&format!("the name {why}; imported as {:?}", name.as_str()));
                Shape::Named(name)
            }
        }
    }

    /// Sets the details of a new group.
    fn describe(&mut self, id: GroupId) -> Result<()> {
        let SourceGroup { is_open, description, .. } = self.source;
        if !is_open && description.is_none() {
            return Ok(());
        }
        let description = description.as_deref().map(Into::into);
        self.unit.tx.group_details_set(
            id,
            &GroupDetails { description, is_open: *is_open, ..GroupDetails::default() },
        )
    }

    /// Converts a text to a valid name with as few changes as possible. If that fails, derives a name from
    /// the group's id.
    fn made_name(&self, text: &str) -> GroupName {
        let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
        let made = format!("group {}", self.source.id);
        GroupName::parse(&plain)
            .or_else(|_| GroupName::parse(&made))
            .unwrap_or_else(|_| unreachable!("it is a name"))
    }

    /// Adds the members that no earlier run added.
    fn fill(&mut self, id: GroupId, private: bool) -> Result<()> {
        let keys: Vec<_> =
            self.source.members.iter().map(|(user, _)| pair_key(self.source.id, *user)).collect();
        let known = self.unit.tx.imported(ImportKind::Membership, &keys)?;
        let (mut taken, mut owned) = (Vec::new(), self.has_owner(id)?);
        let source = self.source;
        for (((user, role), key), known) in source.members.iter().zip(keys).zip(known) {
            if known.is_some() {
                self.page.memberships.before += 1;
                continue;
            }
            let user = match self.people.get(*user) {
                Person::Standing(user) => user,
                Person::Deleted => {
                    self.page.memberships.gone += 1;
                    continue;
                }
                Person::Unknown => {
                    self.page.memberships.refused += 1;
                    self.note(&format!("member {user}: is not a user; not imported"));
                    continue;
                }
            };
            if private {
                self.join_private(id, user)?;
            } else if !self.unit.tx.banned_among(id, &[user.id])?.is_empty() {
                self.page.memberships.refused += 1;
                self.note(&format!("member {}: is banned from the group; not imported", user.name));
                continue;
            } else {
                self.join(id, user, *role, &mut owned)?;
            }
            self.page.memberships.taken += 1;
            taken.push((key, Imported::Membership));
        }
        self.unit.tx.imported_add(&taken)?;
        if private { Ok(()) } else { self.ensure_owner(id, owned) }
    }

    fn has_owner(&self, id: GroupId) -> Result<bool> {
        Ok(self.unit.tx.members(id)?.iter().any(|member| member.role == Role::Owner))
    }

    fn join(&mut self, id: GroupId, user: &User, role: Option<Role>, owned: &mut bool) -> Result<()> {
        let name = &user.name;
        let role = match role {
            None => {
                self.note(&format!("member {name}: the role is unknown; imported as restrict"));
                Role::Restrict
            }
            Some(Role::Owner) if *owned => {
                self.note(&format!("member {name}: is a second owner; imported as admin"));
                Role::Admin
            }
            Some(role) => role,
        };
        *owned |= role == Role::Owner;
        if self.unit.tx.member(id, user.id)?.is_none() {
            let now = self.unit.now();
            self.unit.tx.member_set(id, user.id, role, now)?;
        }
        Ok(())
    }

    /// Adds a user to a private group with the role that both of its users have. The source shows other users
    /// as members who are none; these are skipped.
    fn join_private(&mut self, id: GroupId, user: &User) -> Result<()> {
        if is_private_owner(user) {
            return Ok(());
        }
        let members = self.unit.tx.members(id)?;
        if members.iter().any(|member| member.user == user.id) {
            return Ok(());
        }
        if members.len() >= 2 {
            self.note(&format!("member {}: a private conversation has two users; not imported", user.name));
            return Ok(());
        }
        let now = self.unit.now();
        self.unit.tx.member_set(id, user.id, Role::Member, now)?;
        if let Some(other) = members.first() {
            self.unit.tx.member_set(id, other.user, Role::Member, now)?;
        }
        Ok(())
    }

    /// Ensures that the group has an owner. If the source names none, the member who would succeed an owner
    /// becomes the owner.
    fn ensure_owner(&mut self, id: GroupId, owned: bool) -> Result<()> {
        let members = self.unit.tx.members(id)?;
        if let Some(heir) = heir(&members).filter(|_| !owned) {
            let name: &Name = &heir.name;
            self.unit.tx.member_set(id, heir.user, Role::Owner, heir.since)?;
            self.note(&format!("has no owner; {name} is the owner now"));
        }
        Ok(())
    }

    fn refuse(&mut self, what: &str) {
        self.page.groups.tally.refused += 1;
        self.note(what);
    }

    fn note(&mut self, what: &str) {
        let line = format!("group {} {:?}: {what}", self.source.id, self.source.name);
        self.page.groups.notes.push(line);
    }
}

fn is_private_owner(user: &User) -> bool {
    user.special && user.name.as_str() == PRIVATE_OWNER
}
