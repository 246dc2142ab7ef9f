//! `chinwag import django`: imports each kind of object after the kinds that it refers to, one page per transaction.
//! A second pass verifies that the store has all of them.

use anyhow::{Context, Result, anyhow};
use chinwag_core::Date;
use chinwag_core::audit::AuditAction;
use tokio::runtime::Runtime;

use super::report::Report;
use crate::cli::say;
use crate::cli::settings::DataArgs;
use crate::config::Config;
use crate::data::Folder;
use crate::wire_up;
use crate::wire_up::import::django::{Counts, DjangoSource};
use crate::wire_up::import::{Check, Fault, Tally, django};

pub(super) fn run(url: &str, place: &DataArgs) -> Result<()> {
    let config = place.load()?;
    // Open the source first, so that a wrong URL leaves no new data folder.
    let source = django::source(url)?;
    let counts = source.counts().map_err(fault)?;
    let folder = Folder::create(&config.data)?;
    // Hold the lock to the end, so that no server starts on a partial import.
    let _lock = folder.lock()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("no runtime could be started")?;
    let store = runtime.block_on(wire_up::exclusive_store(&config, &folder))?;
    warn_of_old(&source, &config, &store, counts)?;
    warn_of_long(&source, &config, counts)?;
    let all = counts.users + counts.relations + counts.groups + counts.memberships + counts.messages;
    let mut import =
        Import { source: &source, counts, store: &store, runtime: &runtime, report: Report::new(2 * all) };
    runtime.block_on(store.app.audit_command(AuditAction::Import, Some("Django")))?;
    import.users()?;
    import.relations()?;
    import.groups()?;
    import.messages()?;
    let marks = import.marks()?;
    import.check()?;
    import.report.end(marks)
}

/// Warns before the import that the server will erase old messages.
fn warn_of_old(
    source: &DjangoSource,
    config: &Config,
    store: &wire_up::ExclusiveStore,
    counts: Counts,
) -> Result<()> {
    let Some(keep) = config.messages.keep else { return Ok(()) };
    let oldest = store.app.oldest_kept().unwrap_or(Date::from_micros(i64::MIN));
    let old = source.messages_before(oldest).map_err(fault)?;
    if old > 0 {
        say(&format!(
            "{old} of {} messages are older than messages.keep ({keep}): they are imported, and the server erases them",
            counts.messages
        ))?;
    }
    Ok(())
}

/// Reports the number of messages that are too long before the import begins: a later import would append them to the log.
fn warn_of_long(source: &DjangoSource, config: &Config, counts: Counts) -> Result<()> {
    let limit = config.limits.message_chars;
    let long = source.messages_longer_than(limit).map_err(fault)?;
    if long > 0 {
        say(&format!(
            "{long} of {} messages are longer than limits.message_chars ({limit}) and are not imported: to have them in their \
             order, stop here and raise the limit",
            counts.messages
        ))?;
    }
    Ok(())
}

struct Import<'i> {
    source: &'i DjangoSource,
    counts: Counts,
    store: &'i wire_up::ExclusiveStore,
    runtime: &'i Runtime,
    report: Report,
}

impl Import<'_> {
    fn users(&mut self) -> Result<()> {
        self.report.begin("users", self.counts.users);
        let mut pages = self.source.users().map_err(fault)?;
        while let Some(page) = some(pages.next_page())? {
            self.report.add(&self.runtime.block_on(self.store.app.import_users(page))?)?;
        }
        Ok(())
    }

    fn relations(&mut self) -> Result<()> {
        self.report.begin("relations", self.counts.relations);
        let mut pages = self.source.relations().map_err(fault)?;
        while let Some(page) = some(pages.next_page())? {
            self.report.add(&self.runtime.block_on(self.store.app.import_relations(page))?)?;
        }
        Ok(())
    }

    fn groups(&mut self) -> Result<()> {
        self.report.begin("groups", self.counts.groups);
        let mut pages = self.source.groups().map_err(fault)?;
        let mut memberships = Tally::default();
        while let Some(page) = some(pages.next_page())? {
            let taken = self.runtime.block_on(self.store.app.import_groups(page))?;
            memberships.add(taken.memberships);
            self.report.add(&taken.groups)?;
        }
        self.report.begin("memberships", self.counts.memberships);
        self.report.count(memberships);
        Ok(())
    }

    fn messages(&mut self) -> Result<()> {
        self.report.begin("messages", self.counts.messages);
        let mut pages = self.source.messages().map_err(fault)?;
        while let Some(page) = some(pages.next_page())? {
            self.report.add(&self.runtime.block_on(self.store.app.import_messages(page))?.messages)?;
        }
        Ok(())
    }

    fn marks(&mut self) -> Result<u64> {
        let (mut pages, mut moved) = (self.source.marks().map_err(fault)?, 0);
        while let Some(page) = some(pages.next_page())? {
            moved += self.runtime.block_on(self.store.app.import_marks(page))?;
        }
        Ok(moved)
    }

    /// Reads the source again, and counts its objects in the store.
    fn check(&mut self) -> Result<()> {
        let mut pages = self.source.users().map_err(fault)?;
        while let Some(page) = some(pages.next_page())? {
            self.count("users", Check::Users(page.iter().map(|user| user.id).collect()), page.len())?;
        }
        let mut pages = self.source.relations().map_err(fault)?;
        while let Some(page) = some(pages.next_page())? {
            let pairs = page.iter().map(|both| (both.low, both.high)).collect();
            self.count("relations", Check::Relations(pairs), page.len())?;
        }
        let mut pages = self.source.groups().map_err(fault)?;
        while let Some(page) = some(pages.next_page())? {
            self.count("groups", Check::Groups(page.iter().map(|group| group.id).collect()), page.len())?;
            let all = page.iter().map(|group| group.members.len()).sum();
            self.count("memberships", Check::members_of(&page), all)?;
        }
        let mut pages = self.source.message_ids().map_err(fault)?;
        while let Some(page) = some(pages.next_page())? {
            let all = page.len();
            self.count("messages", Check::Messages(page), all)?;
        }
        Ok(())
    }

    fn count(&mut self, kind: &'static str, check: Check, all: usize) -> Result<()> {
        let found = self.runtime.block_on(self.store.app.import_check(check))?;
        self.report.found(kind, found, all as u64);
        Ok(())
    }
}

/// A page, or `None` after the last one.
fn some<T>(page: Result<Vec<T>, Fault>) -> Result<Option<Vec<T>>> {
    page.map(|page| Some(page).filter(|page| !page.is_empty())).map_err(fault)
}

fn fault(why: Fault) -> anyhow::Error {
    anyhow!(why)
}
