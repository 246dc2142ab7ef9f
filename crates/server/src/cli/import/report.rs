//! The report of an import: progress on a terminal, a line for each object that was skipped or changed, and a table
//! of counts at the end. An export may have millions of such objects: its report shows the first lines and counts,
//! and writes all lines into a file.

use std::collections::BTreeMap;
use std::fmt::Arguments;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::cli::say;
use crate::wire_up::import::{ImportPage, Remarks, Tally};

/// Lines that the report of an export prints. The file of `--report` has all of them.
const SHOWN: u64 = 20;
/// Distinct reasons that are counted. Further ones are counted as [`OTHER_REASONS`].
const REASONS: usize = 100;
const OTHER_REASONS: &str = "objects for other reasons";

/// The counts and notes so far.
pub(super) struct Report {
    begun: Instant,
    is_terminal: bool,
    all: u64,
    done: u64,
    notes: u64,
    rows: Vec<ReportRow>,
    /// The number of notes to print.
    shown: u64,
    /// The file of `--report`, with all notes and remarks.
    full: Option<BufWriter<File>>,
    /// The first error of writing that file.
    broken: Option<io::Error>,
    /// Remarks by reason: their number, and the first one.
    reasons: BTreeMap<String, (u64, String)>,
}

/// The counts of one kind of object.
struct ReportRow {
    kind: &'static str,
    /// The number in the source.
    source: u64,
    tally: Tally,
    /// The number in the store afterwards.
    found: u64,
}

impl Report {
    /// A report on `all` objects.
    pub(super) fn new(all: u64) -> Self {
        let is_terminal = io::stderr().is_terminal();
        Self {
            begun: Instant::now(),
            is_terminal,
            all,
            done: 0,
            notes: 0,
            rows: Vec::new(),
            shown: u64::MAX,
            full: None,
            broken: None,
            reasons: BTreeMap::new(),
        }
    }

    /// A report on an export. `full` is the file of all notes.
    pub(super) fn of_export(full: Option<BufWriter<File>>) -> Self {
        Self { shown: SHOWN, full, ..Self::new(0) }
    }

    /// Adds a row for a kind of object.
    pub(super) fn begin(&mut self, kind: &'static str, source: u64) {
        self.rows.push(ReportRow { kind, source, tally: Tally::default(), found: 0 });
        self.show("taken", kind);
    }

    /// Adds a page of objects to the last row, and prints its notes.
    pub(super) fn add(&mut self, page: &ImportPage) -> Result<()> {
        if !page.notes.is_empty() {
            self.erase();
        }
        for note in &page.notes {
            let note = on_one_line(note);
            self.notes += 1;
            if self.notes <= self.shown {
                say(&note)?;
            }
            self.write_full(format_args!("{note}"));
        }
        self.flush_full();
        self.count(page.tally);
        Ok(())
    }

    /// Adds `more` objects to the number in the source.
    pub(super) fn expect(&mut self, kind: &str, more: u64) {
        if let Some(row) = self.rows.iter_mut().find(|row| row.kind == kind) {
            row.source += more;
        }
    }

    /// Adds to the outcome of any kind, not only the last.
    pub(super) fn count_of(&mut self, kind: &str, tally: Tally) {
        if let Some(row) = self.rows.iter_mut().find(|row| row.kind == kind) {
            row.tally.add(tally);
        }
    }

    /// Shows a progress text on a terminal.
    pub(super) fn note_progress(&self, progress: Arguments) {
        if self.is_terminal {
            // Progress is best effort: without standard error the user still sees the final line.
            let _ = write!(io::stderr(), "\r\x1b[K{progress}");
        }
    }

    /// Like [`Report::add`], for objects without notes.
    pub(super) fn count(&mut self, tally: Tally) {
        self.done += tally.all();
        if let Some(row) = self.rows.last_mut() {
            row.tally.add(tally);
        }
        self.show("taken", self.rows.last().map_or("", |row| row.kind));
    }

    /// Adds objects of a kind that the store has. `looked_for`: the number of objects that were checked.
    pub(super) fn found(&mut self, kind: &'static str, found: u64, looked_for: u64) {
        self.done += looked_for;
        if let Some(row) = self.rows.iter_mut().find(|row| row.kind == kind) {
            row.found += found;
        }
        self.show("counted", kind);
    }

    /// Prints the table. Fails if an object is neither in the store nor accounted for.
    pub(super) fn end(&mut self, marks: u64) -> Result<()> {
        self.erase();
        self.say_reasons()?;
        for row in &self.rows {
            let Tally { taken, before, gone, refused } = row.tally;
            say(&format!(
                "{:12} {:>9} there, {taken:>9} taken, {before:>9} taken before, {gone:>6} deleted here since, {refused:>6} not taken",
                row.kind, row.source,
            ))?;
        }
        say(&format!("{:12} {marks:>9} moved forward", "read marks"))?;
        let missing: Vec<_> = self.rows.iter().filter(|row| row.is_missing()).map(|row| row.kind).collect();
        if !missing.is_empty() {
            bail!(
                "the counts of {} do not agree: make sure that nothing else writes to the store, and run this again",
                missing.join(", ")
            );
        }
        let seconds = self.begun.elapsed().as_secs_f64();
        let notes = match self.notes.min(self.shown) + self.reasons.len() as u64 {
            0 => "everything matches the source".to_owned(),
            1 => "1 line above names a difference from the source".to_owned(),
            notes => format!("{notes} lines above name differences from the source"),
        };
        say(&format!("imported and counted in {seconds:.1} s: {notes}"))
    }

    /// Prints the reasons with their counts, and finishes the file.
    fn say_reasons(&mut self) -> Result<()> {
        let hidden = self.notes.saturating_sub(self.shown);
        if hidden > 0 {
            say(&format!("{hidden} more lines are in the file of --report, if there is one"))?;
        }
        for (reason, (count, first)) in &self.reasons {
            say(&format!("{count:>9} {reason}, such as {first}"))?;
        }
        self.flush_full();
        self.broken.take().map_or(Ok(()), Err).context("the report cannot be written")
    }

    fn write_full(&mut self, line: Arguments) {
        if let (Some(full), None) = (&mut self.full, &self.broken) {
            self.broken = writeln!(full, "{line}").err();
        }
    }

    /// Writes the lines to the system, so that they survive if this process is killed.
    fn flush_full(&mut self) {
        if let (Some(full), None) = (&mut self.full, &self.broken) {
            self.broken = full.flush().err();
        }
    }

    fn show(&self, verb: &str, kind: &str) {
        if self.is_terminal && self.all > 0 {
            let percent = 100 * self.done / self.all.max(1);
            // Progress is best effort: without standard error the user still sees the final line.
            let _ = write!(io::stderr(), "\r\x1b[K{:3} % {verb}, now {kind}", percent.min(100));
        }
    }

    fn erase(&self) {
        if self.is_terminal {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

impl Remarks for Report {
    fn remark(&mut self, reason: &str, what: &str) {
        let what = on_one_line(what);
        self.write_full(format_args!("{reason}: {what}"));
        let is_room = self.reasons.len() < REASONS || self.reasons.contains_key(reason);
        let reason = if is_room { reason } else { OTHER_REASONS };
        if let Some((count, _)) = self.reasons.get_mut(reason) {
            *count += 1;
        } else {
            self.reasons.insert(reason.to_owned(), (1, what));
        }
    }
}

impl ReportRow {
    fn is_missing(&self) -> bool {
        let Tally { taken, before, gone, refused } = self.tally;
        self.tally.all() != self.source
            || self.found != taken + before
            || self.source != self.found + gone + refused
    }
}

/// A text without control characters: those of an export could forge a line of the report, or command a terminal.
fn on_one_line(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}
