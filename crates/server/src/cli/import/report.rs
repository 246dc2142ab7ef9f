//! The report of an import: the progress on a terminal, a line for each object that could not stay as
//! it was, and a table of counts at the end.

use std::io::{self, IsTerminal, Write};
use std::time::Instant;

use anyhow::{Result, bail};

use crate::cli::say;
use crate::wire_up::import::{ImportPage, Tally};

/// The progress so far.
pub(super) struct Report {
    begun: Instant,
    is_terminal: bool,
    all: u64,
    done: u64,
    notes: u64,
    rows: Vec<ReportRow>,
}

/// One kind of objects.
struct ReportRow {
    kind: &'static str,
    /// The number in the source.
    source: u64,
    tally: Tally,
    /// The number in the store afterwards.
    found: u64,
}

impl Report {
    /// A report on so many objects.
    pub(super) fn new(all: u64) -> Self {
        let is_terminal = io::stderr().is_terminal();
        Self { begun: Instant::now(), is_terminal, all, done: 0, notes: 0, rows: Vec::new() }
    }

    /// Begins a kind of objects.
    pub(super) fn begin(&mut self, kind: &'static str, source: u64) {
        self.rows.push(ReportRow { kind, source, tally: Tally::default(), found: 0 });
        self.show("taken", kind);
    }

    /// Adds a page of the kind that was begun last.
    pub(super) fn add(&mut self, page: &ImportPage) -> Result<()> {
        self.notes += page.notes.len() as u64;
        if !page.notes.is_empty() {
            self.erase();
        }
        page.notes.iter().try_for_each(|note| say(note))?;
        self.count(page.tally);
        Ok(())
    }

    /// The same, of one that has no notes.
    pub(super) fn count(&mut self, tally: Tally) {
        self.done += tally.all();
        if let Some(row) = self.rows.last_mut() {
            row.tally.add(tally);
        }
        self.show("taken", self.rows.last().map_or("", |row| row.kind));
    }

    /// Adds objects that were found in the store, of a kind.
    pub(super) fn found(&mut self, kind: &'static str, found: u64, looked_for: u64) {
        self.done += looked_for;
        if let Some(row) = self.rows.iter_mut().find(|row| row.kind == kind) {
            row.found += found;
        }
        self.show("counted", kind);
    }

    /// Writes the table; an error if anything is neither here nor accounted for.
    pub(super) fn end(&self, marks: u64) -> Result<()> {
        self.erase();
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
                "the counts of {} do not agree: see that nothing else writes to the store, and run this again",
                missing.join(", ")
            );
        }
        let seconds = self.begun.elapsed().as_secs_f64();
        let notes = match self.notes {
            0 => "everything is as it was".to_owned(),
            1 => "1 line above says what is not as it was".to_owned(),
            notes => format!("{notes} lines above say what is not as it was"),
        };
        say(&format!("imported and counted in {seconds:.1} s: {notes}"))
    }

    fn show(&self, verb: &str, kind: &str) {
        if self.is_terminal {
            let percent = 100 * self.done / self.all.max(1);
            // Who cannot see how far it is sees the end.
            let _ = write!(io::stderr(), "\r\x1b[K{:3} % {verb}, now {kind}", percent.min(100));
        }
    }

    fn erase(&self) {
        if self.is_terminal {
            let _ = write!(io::stderr(), "\r\x1b[K");
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
