//! The pages of the file that have changed. After each commit they are read from the journal, which contains
//! the number of every page that a commit writes (<https://sqlite.org/fileformat2.html#the_write_ahead_log>).

use std::fs::File;
use std::io;
use std::mem;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// Pages of the file that have changed since the last [`take`](Self::take).
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum WrittenPages {
    /// Any page may have changed, since the changes were not tracked.
    #[default]
    All,
    /// The pages whose bits are set. The first bit is for page 0, which does not exist.
    These(Vec<u64>),
}

impl WrittenPages {
    /// Returns the pages, and resets the set.
    pub(crate) fn take(&mut self) -> Self {
        mem::replace(self, Self::These(Vec::new()))
    }

    /// Adds the pages of another set.
    pub(crate) fn merge(&mut self, other: Self) {
        match (self, other) {
            (Self::All, _) => {}
            (all, Self::All) => *all = Self::All,
            (Self::These(words), Self::These(others)) => {
                words.resize(words.len().max(others.len()), 0);
                for (word, other) in words.iter_mut().zip(others) {
                    *word |= other;
                }
            }
        }
    }

    /// The first changed page from `page` on.
    pub(crate) fn next(&self, page: i64) -> Option<i64> {
        let Self::These(words) = self else { return Some(page) };
        let page = usize::try_from(page).ok()?;
        let mut at = page / 64;
        let mut word = words.get(at)? & (u64::MAX << (page % 64));
        while word == 0 {
            at += 1;
            word = *words.get(at)?;
        }
        i64::try_from(at * 64).ok()?.checked_add(i64::from(word.trailing_zeros()))
    }

    fn add(&mut self, page: u32) {
        let Self::These(words) = self else { return };
        let (at, bit) = (page as usize / 64, page % 64);
        if words.len() <= at {
            words.resize(at + 1, 0);
        }
        words[at] |= 1 << bit;
    }
}

/// A reading position in the journal.
#[derive(Debug)]
pub(crate) struct JournalReader {
    path: PathBuf,
    file: Option<File>,
    /// The salt that identifies the journal's content since its last restart.
    salt: [u8; 8],
    /// The number of the next frame.
    next: u64,
}

impl JournalReader {
    /// A reader of the journal of the store in this file.
    pub(crate) fn new(store: &Path) -> Self {
        let mut path = store.as_os_str().to_owned();
        path.push("-wal");
        Self { path: path.into(), file: None, salt: [0; 8], next: 0 }
    }

    /// The number of journal frames read so far.
    pub(crate) fn frames(&self) -> i64 {
        i64::try_from(self.next).unwrap_or(i64::MAX)
    }

    /// Adds the pages of commits since the last call. Must be called between any two commits, since a commit
    /// may restart the journal. After an error, every page counts as changed.
    pub(crate) fn read(&mut self, into: &mut WrittenPages) {
        if let Err(why) = self.try_read(into) {
            tracing::debug!(error = %why, "the journal cannot be read");
            self.file = None;
            *into = WrittenPages::All;
        }
    }

    fn try_read(&mut self, into: &mut WrittenPages) -> io::Result<()> {
        let file = match &self.file {
            Some(file) => file,
            None => self.file.insert(File::open(&self.path)?),
        };
        let mut header = [0; HEADER];
        if !read_at(file, &mut header, 0)? {
            // The journal was truncated.
            return Ok(());
        }
        if header[16..24] != self.salt {
            self.salt.copy_from_slice(&header[16..24]);
            self.next = 0;
        }
        let frame_size = FRAME_HEADER as u64 + u64::from(number(&header[8..12]));
        let (mut pages, mut at, mut frame) = (Vec::new(), self.next, [0; FRAME_HEADER]);
        // Frames after the last commit were rolled back, and will be overwritten.
        while read_at(file, &mut frame, HEADER as u64 + at * frame_size)? && frame[8..16] == self.salt {
            pages.push(number(&frame[..4]));
            at += 1;
            if number(&frame[4..8]) != 0 {
                pages.drain(..).for_each(|page| into.add(page));
                self.next = at;
            }
        }
        Ok(())
    }
}

/// Returns false if the file was too short.
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<bool> {
    match file.read_exact_at(buffer, at) {
        Ok(()) => Ok(true),
        Err(why) if why.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(why) => Err(why),
    }
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::open::{self, Options};

    fn pages(written: &WrittenPages) -> Vec<i64> {
        assert_ne!(*written, WrittenPages::All, "the pages are known");
        let (mut pages, mut from) = (Vec::new(), 0);
        while let Some(page) = written.next(from) {
            pages.push(page);
            from = page + 1;
        }
        pages
    }

    #[test]
    fn pages_are_kept_merged_and_walked_in_order() {
        let mut some = WrittenPages::All;
        assert_eq!(some.take(), WrittenPages::All);
        assert_eq!(some, WrittenPages::These(Vec::new()), "none since");
        let mut written = WrittenPages::These(Vec::new());
        for page in [700, 2, 64, 63, 2] {
            written.add(page);
        }
        some.add(5);
        some.merge(written);
        assert_eq!(pages(&some), [2, 5, 63, 64, 700]);
        some.merge(WrittenPages::All);
        assert_eq!((some.next(9), some.next(10)), (Some(9), Some(10)));
    }

    #[test]
    fn pages_of_each_commit_are_read_and_of_no_rollback() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.db");
        let conn = open::writer(&path, &Options { durable: false, ..Options::default() }).expect("a file");
        let (mut reader, mut written) = (JournalReader::new(&path), WrittenPages::These(Vec::new()));
        let mut commit = |sql: &str| {
            conn.execute_batch(sql).expect(sql);
            reader.read(&mut written);
            pages(&written.take())
        };
        assert!(!commit("").is_empty(), "the schema");
        assert!(commit("").is_empty(), "nothing since");
        let changed = "UPDATE history SET id = randomblob(16)";
        let once = commit(changed);
        assert_eq!(once.len(), 1);
        // Large enough to spill into the journal before it is rolled back.
        let spilled =
            "PRAGMA cache_size = 10; BEGIN; WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n
            WHERE n < 3000) INSERT INTO held_names SELECT hex(randomblob(50)), n FROM n; ROLLBACK";
        assert!(commit(spilled).is_empty());
        for _ in 0..3 {
            assert_eq!(commit(changed), once);
        }
        assert!(open::empty_journal(&path).expect("it is emptied"));
        assert!(commit("").is_empty());
        assert_eq!(commit(changed), once, "after the journal was begun anew");
    }
}
