//! `chinwag import slack` and `chinwag import mattermost`: reads the whole export, imports its objects, one page per
//! transaction, and verifies that the store has all of them.

mod files;
mod map;
mod taken;

use std::collections::HashMap;
use std::env;
use std::fs::{self, File};
use std::io::{BufWriter, ErrorKind};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use chinwag_core::Date;
use chinwag_core::audit::AuditAction;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use self::files::FileTaker;
use self::taken::TakenIds;
use super::ExportArgs;
use super::report::Report;
use crate::cli::say;
use crate::config::Config;
use crate::data::Folder;
use crate::shutdown::FirstSignal;
use crate::wire_up;
use crate::wire_up::import::{
    BadExport, Check, ForeignExport, MessageLookup, MessageState, NameTable, NextMessage, Remarks, Service,
    SourceMessage, Tally, UserIndex,
};

/// Users, groups or messages in a page.
const PAGE: usize = 500;
/// A page ends after so many reactions, or so many bytes of texts.
const PAGE_REACTIONS: usize = 2000;
const PAGE_BYTES: usize = 4 << 20;
/// Attempts to remove the folder of a dry run.
const REMOVALS: usize = 100;

pub(super) fn run(service: Service, file: &Path, args: &ExportArgs) -> Result<()> {
    let config = args.place.load()?;
    let given = args.map.as_deref().map(map::read).transpose()?.unwrap_or_default();
    if let Some(folder) = args.files.as_deref().filter(|folder| !folder.is_dir()) {
        bail!("{} is not a folder: name the folder of the export's files with --files", folder.display());
    }
    let mut report = Report::of_export(args.report.as_deref().map(create).transpose()?);
    // Take the lock before the export is read, so that a running server is reported at once.
    let early = config.data.exists().then(|| Folder::open(&config.data)).transpose()?;
    let early = early.filter(|_| !args.dry_run).map(|folder| folder.lock()).transpose()?;
    report.note_progress(format_args!("reading {}", file.display()));
    let mut export = wire_up::import::read(service, file, &beside(&config.data), &mut report).map_err(bad)?;
    match &args.files {
        Some(folder) => export.files.set_folder(folder.clone()),
        None => warn_of_missing_files(&export)?,
    }
    let (config, copy) = if args.dry_run { copy_of(&config)? } else { (config, None) };
    let folder = Folder::create(&config.data)?;
    // Hold the lock to the end, so that no server starts on a partial import.
    let _lock = if early.is_some() { early } else { Some(folder.lock()?) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("no runtime could be started")?;
    let store = runtime.block_on(wire_up::exclusive_store(&config, &folder))?;
    warn_of_old(&export, &config, &store)?;
    let intake = runtime.block_on(wire_up::intake(&config, &folder, &store.app))?;
    let taken = TakenIds::new(&beside(&config.data))?;
    let mut import = ExportImport { store: &store, runtime: &runtime, report, taken, given };
    runtime.block_on(store.app.audit_command(AuditAction::Import, Some(service.as_str())))?;
    let names = import.users(&export)?;
    import.groups(&export)?;
    import.messages(&mut export, &names, &FileTaker::new(intake))?;
    let marks = import.marks(&export)?;
    import.check(&export)?;
    import.report.end(marks)?;
    if copy.is_some() {
        say("this was a dry run: nothing was changed")?;
    }
    Ok(())
}

/// Warns before the import that messages will lack their files. Another run does not add files to messages that
/// exist.
fn warn_of_missing_files(export: &ForeignExport) -> Result<()> {
    if export.named_files == 0 || export.files.holds_any() {
        return Ok(());
    }
    say(&format!(
        "the export names {} files and holds none: to have them, stop here and give their folder with --files, since a \
         repeated import adds no files to messages",
        export.named_files
    ))
}

/// Warns before the import that the server will erase old messages.
fn warn_of_old(export: &ForeignExport, config: &Config, store: &wire_up::ExclusiveStore) -> Result<()> {
    let (Some(keep), Some(kept)) = (config.messages.keep, store.app.oldest_kept()) else { return Ok(()) };
    match export.oldest().map(Date::from_micros) {
        Some(oldest) if oldest < kept => say(&format!(
            "the oldest message is of {oldest}: messages older than messages.keep ({keep}) are imported, and the server \
             erases them"
        )),
        _ => Ok(()),
    }
}

struct ExportImport<'i> {
    store: &'i wire_up::ExclusiveStore,
    runtime: &'i Runtime,
    report: Report,
    /// The ids that the store must have after the import.
    taken: TakenIds,
    /// Names from `--map`, by the names or ids in the export.
    given: HashMap<String, String>,
}

impl ExportImport<'_> {
    /// Imports the users. Returns their names.
    fn users(&mut self, export: &ForeignExport) -> Result<NameTable> {
        self.report.begin("users", export.users.len() as u64);
        let mut names = Vec::with_capacity(export.users.len());
        let mut given = std::mem::take(&mut self.given);
        let indices: Vec<UserIndex> = (0..).zip(&export.users).map(|(index, _)| index).collect();
        for page in indices.chunks(PAGE) {
            let mut sources = Vec::with_capacity(page.len());
            for index in page {
                let user = &export.users[*index as usize];
                let ours = given.remove(&user.key).or_else(|| given.remove(&user.name));
                let source = export.user_source(*index, ours);
                if source.name != user.name && source.given.is_none() {
                    self.report.remark("names with white space", &format!("{}: {}", user.name, source.name));
                }
                sources.push(source);
            }
            let ids = sources.iter().map(|source| source.id).collect();
            self.report.add(&self.runtime.block_on(self.store.app.import_users(sources))?)?;
            names.extend(self.runtime.block_on(self.store.app.import_names(ids))?);
        }
        for theirs in given.into_keys() {
            self.report.remark("lines of --map that name no user of the export", &theirs);
        }
        Ok(NameTable::new(export, names))
    }

    fn groups(&mut self, export: &ForeignExport) -> Result<()> {
        self.report.begin("groups", export.groups.len() as u64);
        let mut memberships = Tally::default();
        for page in export.groups.chunks(PAGE) {
            let page = page.iter().map(|group| export.group_source(group)).collect();
            let taken = self.runtime.block_on(self.store.app.import_groups(page))?;
            memberships.add(taken.memberships);
            self.report.add(&taken.groups)?;
        }
        let all = export.groups.iter().map(|group| group.members.len() as u64).sum();
        self.report.begin("memberships", all);
        self.report.count(memberships);
        Ok(())
    }

    fn messages(&mut self, export: &mut ForeignExport, names: &NameTable, files: &FileTaker) -> Result<()> {
        for kind in ["files", "reactions", "messages"] {
            self.report.begin(kind, 0);
        }
        let (all, mut done) = (export.messages_count(), 0);
        let mut page: Vec<NextMessage> = Vec::new();
        let (mut reactions, mut bytes) = (0, 0);
        loop {
            let next = export.next_message().map_err(bad)?;
            let is_last = next.is_none();
            if let Some(next) = next {
                done += 1;
                if next.is_repeated {
                    self.report.remark("messages that the export contains twice", &next.message.at);
                    continue;
                }
                reactions += next.message.reactions.len();
                bytes += next.message.text.len();
                page.push(next);
            }
            if is_last || page.len() >= PAGE || reactions >= PAGE_REACTIONS || bytes >= PAGE_BYTES {
                self.page(export, names, files, &page)?;
                page.clear();
                (reactions, bytes) = (0, 0);
                self.report.note_progress(format_args!("{done} of {all} messages"));
            }
            if is_last {
                return Ok(());
            }
        }
    }

    /// Imports a page of messages, with the files of new messages.
    fn page(
        &mut self,
        export: &mut ForeignExport,
        names: &NameTable,
        files: &FileTaker,
        page: &[NextMessage],
    ) -> Result<()> {
        let lookup = |next: &NextMessage| {
            let (group, message) = (&export.groups[next.group], &next.message);
            let id = export.message_id(group, &message.key, message.micros);
            MessageLookup { id, group: export.group_id(group), author: export.user_id(message.author) }
        };
        let lookups = page.iter().map(lookup).collect();
        let states = self.runtime.block_on(self.store.app.import_states(lookups))?;
        let limit = self.store.app.limits().message_chars;
        let mut sources: Vec<SourceMessage> = Vec::with_capacity(page.len());
        for (next, state) in page.iter().zip(states) {
            let NextMessage { group, message, .. } = next;
            let taken = if state == MessageState::New {
                let taking = files.take(&self.store.app, export, *group, message, &mut self.report);
                self.runtime.block_on(taking)?
            } else {
                files::count_earlier(message, &state, &mut self.report, &mut self.taken)?;
                Vec::new()
            };
            let parts = export.message_sources(names, *group, message, &taken, limit, &mut self.report);
            if state != MessageState::Gone {
                self.expect_to_find(&parts)?;
            }
            sources.extend(parts);
        }
        self.report.expect("messages", sources.len() as u64);
        self.report.expect("reactions", sources.iter().map(|source| source.reactions.len() as u64).sum());
        let stored: Vec<_> = sources.iter().flat_map(|source| source.files.clone()).collect();
        let taken = self.runtime.block_on(self.store.app.import_messages(sources))?;
        files::count(&stored, &taken.unused, &mut self.report, &mut self.taken)?;
        self.report.count_of("reactions", taken.reactions);
        self.report.add(&taken.messages)
    }

    /// Records the ids that the store must have after the import.
    fn expect_to_find(&mut self, messages: &[SourceMessage]) -> Result<()> {
        for message in messages {
            self.taken.messages.push(message.id)?;
            for reaction in &message.reactions {
                self.taken.reactions.push(reaction.id(message.id))?;
            }
        }
        Ok(())
    }

    fn marks(&mut self, export: &ForeignExport) -> Result<u64> {
        let mut moved = 0;
        for group in &export.groups {
            for page in export.mark_sources(group).chunks(PAGE) {
                moved += self.runtime.block_on(self.store.app.import_marks(page.to_vec()))?;
            }
        }
        Ok(moved)
    }

    /// Counts the objects of the export in the store.
    fn check(&mut self, export: &ForeignExport) -> Result<()> {
        let indices: Vec<UserIndex> = (0..).zip(&export.users).map(|(index, _)| index).collect();
        for page in indices.chunks(PAGE) {
            let ids = page.iter().map(|index| export.user_id(*index)).collect();
            self.count("users", Check::Users(ids), page.len())?;
        }
        for page in export.groups.chunks(PAGE) {
            let sources: Vec<_> = page.iter().map(|group| export.group_source(group)).collect();
            self.count("groups", Check::Groups(sources.iter().map(|group| group.id).collect()), page.len())?;
            let all = sources.iter().map(|group| group.members.len()).sum();
            self.count("memberships", Check::members_of(&sources), all)?;
        }
        while let Some(page) = self.taken.messages.next_page()? {
            let all = page.len();
            self.count("messages", Check::Messages(page), all)?;
        }
        while let Some(page) = self.taken.reactions.next_page()? {
            let all = page.len();
            self.count("reactions", Check::Reactions(page), all)?;
        }
        while let Some(page) = self.taken.files.next_page()? {
            let all = page.len();
            let page = page.into_iter().map(wire_up::import::FileId).collect();
            self.count("files", Check::Files(page), all)?;
        }
        Ok(())
    }

    fn count(&mut self, kind: &'static str, check: Check, all: usize) -> Result<()> {
        let found = self.runtime.block_on(self.store.app.import_check(check))?;
        self.report.found(kind, found, all as u64);
        Ok(())
    }
}

/// The settings of a dry run. They use a copy of the embedded database, or an empty one, in a temporary folder, which a
/// signal removes as well: it has all messages.
fn copy_of(config: &Config) -> Result<(Config, Option<TempDir>)> {
    let signal = FirstSignal::register()?;
    let folder = tempfile::tempdir_in(beside(&config.data)).context("no folder for a dry run can be made")?;
    let path = folder.path().to_owned();
    signal.exit_after(move || {
        // The import may create a file meanwhile, which keeps the folder.
        let _ = (0..REMOVALS).any(|_| fs::remove_dir_all(&path).is_ok());
    });
    let mut copy = config.clone();
    folder.path().clone_into(&mut copy.data);
    copy.files.store = "data".into();
    // With a Redis, files in the data folder would be off.
    copy.redis = config.redis.clone().filter(|_| config.file_location().is_none());
    if config.postgres().is_some() {
        say("a dry run does not look at PostgreSQL: names are compared with those of the export alone")?;
        copy.database = "sqlite".into();
    } else if config.data.exists() {
        let database = Folder::open(&config.data)?.database();
        if database.exists() {
            wire_up::backup::copy(&database, &folder.path().join("chinwag.db"), &mut |_| {})?;
        }
    }
    Ok((copy, Some(folder)))
}

/// The folder for temporary files: the data folder, or its nearest existing ancestor.
fn beside(data: &Path) -> PathBuf {
    let found = data.ancestors().find(|folder| folder.is_dir());
    found.map_or_else(|| env::current_dir().unwrap_or_else(|_| ".".into()), Path::to_owned)
}

fn create(path: &Path) -> Result<BufWriter<File>> {
    let shown = path.display();
    match File::create_new(path) {
        Ok(file) => Ok(BufWriter::new(file)),
        Err(why) if why.kind() == ErrorKind::AlreadyExists => {
            bail!("the report {shown} already exists: name another file, or remove it")
        }
        Err(why) => Err(why).with_context(|| format!("the report {shown} cannot be made")),
    }
}

fn bad(why: BadExport) -> anyhow::Error {
    anyhow::Error::new(why)
}
