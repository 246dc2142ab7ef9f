//! The list of a group's members, in pages.

use super::actor::visible;
use super::{App, Context};
use crate::bot::{BotAct, BotTarget};
use crate::confusable::confusable_key;
use crate::permission::Role;
use crate::store::{ListedMember, MemberPlace, Tx};
use crate::text::search_key;
use crate::user::Caller;
use crate::{Error, GroupId, Name, Result, Seq, UserId};

/// A page of the members of a group, ordered by role, highest first, then by date of joining.
#[derive(Debug, Clone)]
pub struct MemberPage {
    pub group: GroupId,
    /// The prefix of the members' names or display names, in any case and with any accents.
    pub prefix: Option<String>,
    /// A text to compare with the members' names or display names by appearance, instead of `prefix`.
    pub alike: Option<String>,
    /// Only members with this role. None: all.
    pub role: Option<Role>,
    /// The last member before the page.
    pub after: Option<MemberPlace>,
    pub limit: usize,
}

/// A member as the list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedAs {
    pub name: Name,
    pub place: MemberPlace,
    /// The role to show. Both users of a private group are shown as restricted while one blocks the other.
    pub role: Role,
    /// The last number read. None if the caller may not see it.
    pub read: Option<Seq>,
    pub pending: bool,
}

impl App {
    /// A page of a group's members.
    pub async fn members_page(&self, context: &Context, page: MemberPage) -> Result<Vec<ListedAs>> {
        let act = (BotAct::ReadMembers, BotTarget::Group(page.group));
        self.read_by_bots(context, act, page, |tx, caller, page| {
            visible(tx, caller, page.group)?;
            let found = match &page.alike {
                Some(text) => alike(tx, page, &confusable_key(text))?,
                None => listed(tx, page, page.prefix.as_deref().map(search_key).as_deref())?,
            };
            let group = tx.group(page.group)?.ok_or(Error::NotFound("group"))?;
            let blocked = match (group.private, found.first()) {
                (true, Some(member)) => {
                    tx.membership(group.id, member.place.user)?.is_some_and(|membership| membership.blocked)
                }
                _ => false,
            };
            let hidden = hidden_reads(tx, caller, page.group)?;
            Ok(found.into_iter().map(|member| shown(member, blocked, &hidden)).collect())
        })
        .await
    }
}

/// The members of a page whose names begin with the prefix.
fn listed(tx: &dyn Tx, page: &MemberPage, key: Option<&str>) -> Result<Vec<ListedMember>> {
    by_role(page, |role, after, most| tx.members_listed(page.group, role, after, key, most))
}

/// The members of a page whose names look like the text. A text without visible characters matches none.
fn alike(tx: &dyn Tx, page: &MemberPage, key: &str) -> Result<Vec<ListedMember>> {
    if key.is_empty() {
        return Ok(Vec::new());
    }
    by_role(page, |role, after, most| tx.members_alike(page.group, role, after, key, most))
}

/// Fills a page with members, role by role.
fn by_role(
    page: &MemberPage,
    members: impl Fn(Role, Option<MemberPlace>, usize) -> Result<Vec<ListedMember>>,
) -> Result<Vec<ListedMember>> {
    let mut found: Vec<ListedMember> = Vec::new();
    for role in Role::ALL {
        let after = page.after.filter(|after| after.role == role);
        let is_before = page.after.is_some_and(|after| role > after.role);
        if is_before || page.role.is_some_and(|only| only != role) || found.len() >= page.limit {
            continue;
        }
        found.extend(members(role, after, page.limit - found.len())?);
    }
    Ok(found)
}

/// The members whose read marks the caller may not see.
enum Hidden {
    Nobodys,
    All { but: UserId },
    Those(Vec<UserId>),
}

fn hidden_reads(tx: &dyn Tx, caller: Caller, group: GroupId) -> Result<Hidden> {
    let Some(user) = caller.user() else { return Ok(Hidden::Nobodys) };
    if tx.settings(user)?.hide_reads {
        return Ok(Hidden::All { but: user });
    }
    Ok(Hidden::Those(tx.hidden_from(group, user, true)?))
}

fn shown(member: ListedMember, blocked: bool, hidden: &Hidden) -> ListedAs {
    let ListedMember { name, place, read, pending } = member;
    let is_hidden = match hidden {
        Hidden::Nobodys => false,
        Hidden::All { but } => place.user != *but,
        Hidden::Those(users) => users.binary_search(&place.user).is_ok(),
    };
    let role = if blocked { Role::Restrict } else { place.role };
    ListedAs { name, place, role, read: read.filter(|_| !is_hidden && !pending), pending }
}
