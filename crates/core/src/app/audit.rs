//! The audit log: use cases write its entries in their own transaction, and admins list them.

use std::fmt::Display;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::suspension::govern;
use super::{App, Context, Growth, Unit};
use crate::audit::{AuditAction, AuditEntry, AuditFilter, COMMAND_LINE, CallSource, SERVICE};
use crate::authority::Govern;
use crate::name::Name;
use crate::store::Tx;
use crate::user::Caller;
use crate::{AuditId, Result};

/// The largest expected difference between an entry's date and the time in its id, including the differences
/// between the clocks of nodes.
const CLOCKS_APART: Duration = Duration::from_secs(60);
/// The most entries that one call reads to fill a page, if a filter matches few of them.
const READ_FOR_A_PAGE: usize = 10_000;
/// The number of entries that are read at a time if a filter has several values.
const READ_AT_ONCE: usize = 500;

#[derive(Debug, Default)]
pub struct AuditPage {
    /// The entries that match the filter.
    pub entries: Vec<AuditEntry>,
    /// The cursor of the next page: the last entry that was read. None at the end.
    pub next: Option<AuditId>,
}

/// A failed sign-in.
#[derive(Debug, Clone)]
pub struct FailedSignIn {
    /// The attempted name. None if the text is not a valid name, or if no name is given.
    pub name: Option<Name>,
    pub address: IpAddr,
    /// The reason. It contains nothing that the caller sent.
    pub reason: String,
    /// The number of earlier failed sign-ins that have no entry.
    pub more: u64,
}

impl App {
    /// Up to `limit` matching entries before `before`, newest first. A call reads a bounded number of
    /// entries, so a page with fewer than `limit` entries may not be the last one.
    pub async fn audit(
        &self,
        context: &Context,
        filter: AuditFilter,
        before: Option<AuditId>,
        limit: usize,
    ) -> Result<AuditPage> {
        self.read(context, (filter, before, limit), |tx, caller, (filter, before, limit)| {
            govern(tx, caller, Govern::SeeAudit)?;
            page(tx, filter, *before, *limit)
        })
        .await
    }

    /// Records a failed sign-in. Refused while the disk is full.
    pub async fn audit_failure(&self, failure: FailedSignIn) -> Result<()> {
        let source = CallSource::Address(failure.address);
        let nobody = Context { source, ..Context::server() };
        self.write(Growth::Adds, &nobody, failure, |unit, failure| {
            let FailedSignIn { name, reason, more, .. } = failure;
            let detail = match more {
                0 => reason.clone(),
                more => format!("{reason}; {more} before it have no entry"),
            };
            let target = name.as_ref().map(|name| name.as_str().into());
            let entry = unit.audit_entry(AuditAction::SessionFail, target);
            unit.tx.audit_insert(&AuditEntry { detail: Some(detail.into()), ..entry })
        })
        .await
    }

    /// Records an operator's command that does not run a use case.
    pub async fn audit_command(&self, action: AuditAction, detail: Option<&'static str>) -> Result<()> {
        self.write(Growth::Bounded, &Context::command_line(), (action, detail), |unit, (action, detail)| {
            let (actor, detail) = (Some(COMMAND_LINE.into()), detail.map(Into::into));
            let entry = unit.audit_entry(*action, None);
            unit.tx.audit_insert(&AuditEntry { actor, detail, ..entry })
        })
        .await
    }
}

impl Unit<'_> {
    /// Records an action of the caller, if this action of this caller is to be recorded. The entry commits
    /// together with the action. Every use case that the service, an admin or the command line may call uses
    /// this. A user's own action costs nothing, unless it creates or ends a credential.
    pub(super) fn audit(&mut self, action: AuditAction, target: impl Display) -> Result<()> {
        self.note(action, &target, None)
    }

    /// Like [`audit`](Self::audit), with further details in a few words.
    pub(super) fn audit_with(
        &mut self,
        action: AuditAction,
        target: impl Display,
        detail: impl Display,
    ) -> Result<()> {
        self.note(action, &target, Some(&detail))
    }

    fn note(
        &mut self,
        action: AuditAction,
        target: &dyn Display,
        detail: Option<&dyn Display>,
    ) -> Result<()> {
        if !action.is_noted(self.caller, self.source) {
            return Ok(());
        }
        let entry = self.audit_entry(action, Some(target.to_string().into()));
        let actor = actor(self.tx, self.caller, self.source)?;
        let detail = detail.map(|detail| detail.to_string().into());
        self.tx.audit_insert(&AuditEntry { actor, detail, ..entry })
    }

    /// Records that a user signed in or up. Before that, the caller is unknown.
    pub(super) fn audit_sign_in(
        &mut self,
        action: AuditAction,
        name: &Name,
        address: Option<&str>,
        by: &'static str,
    ) -> Result<()> {
        let user: Arc<str> = name.as_str().into();
        let entry = self.audit_entry(action, Some(user.clone()));
        let (address, detail) = (address.map(Into::into), Some(by.into()));
        self.tx.audit_insert(&AuditEntry { actor: Some(user), address, detail, ..entry })
    }

    fn audit_entry(&self, action: AuditAction, target: Option<Arc<str>>) -> AuditEntry {
        let address = match self.source {
            CallSource::Address(address) => Some(address.to_string().into()),
            CallSource::Server | CallSource::CommandLine => None,
        };
        AuditEntry {
            id: AuditId::new(&*self.rules.clock),
            date: self.now(),
            actor: None,
            action: action.as_str().into(),
            target,
            address,
            detail: None,
        }
    }
}

fn actor(tx: &dyn Tx, caller: Caller, source: CallSource) -> Result<Option<Arc<str>>> {
    Ok(match caller {
        Caller::Service if source == CallSource::CommandLine => Some(COMMAND_LINE.into()),
        Caller::Service => Some(SERVICE.into()),
        Caller::User(id) => tx.user(id)?.map(|user| user.name.as_str().into()),
    })
}

fn page(tx: &dyn Tx, filter: &AuditFilter, before: Option<AuditId>, limit: usize) -> Result<AuditPage> {
    let at_once = if filter.has_several() { limit.max(READ_AT_ONCE) } else { limit };
    let after_day = filter.day.map(|(_, end)| AuditId::first_at(end.plus(CLOCKS_APART)));
    let mut page = AuditPage { entries: Vec::new(), next: before.into_iter().chain(after_day).min() };
    let mut read = 0;
    while read < READ_FOR_A_PAGE.max(limit) {
        let entries = tx.audit_page(filter, page.next, at_once)?;
        let is_last = entries.len() < at_once;
        read += entries.len();
        for entry in entries {
            if filter.day.is_some_and(|(begin, _)| entry.date < begin.minus(CLOCKS_APART)) {
                page.next = None;
                return Ok(page);
            }
            page.next = Some(entry.id);
            if filter.admits(&entry) {
                page.entries.push(entry);
            }
            if page.entries.len() == limit {
                return Ok(page);
            }
        }
        if is_last {
            page.next = None;
            break;
        }
    }
    Ok(page)
}
