//! The journal of the bare server. One thread takes all queued messages, appends them to the file in one write, syncs
//! once, and delivers them.
//!
//! - **Order.** Messages of a group are delivered in queue order.
//! - **Loss.** A message is on the disk before anyone receives it.
//! - **Bound.** The queue holds [`WAITING`] entries; a socket waits while the queue is full. A receiver with a backlog of
//!   more than [`BACKLOG`] bytes is closed.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, ensure};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::fanout::{self, Room};

const WAITING: usize = 4096;
/// The largest backlog of a receiver in bytes.
pub(super) const BACKLOG: usize = 4 * 1024 * 1024;
/// The file grows by this many bytes, filled with zeros, so that a commit changes no metadata which the file system would
/// have to write as well.
const STEP: u64 = 16 * 1024 * 1024;
/// A record begins with the length of its body and the number of its group, which is at least 1.
const HEAD: usize = 16;

/// The messages of one read of a socket.
pub(super) struct JournalEntry {
    pub(super) room: Arc<Room>,
    pub(super) bodies: Vec<Vec<u8>>,
}

/// The queue of the journal's thread.
#[derive(Clone)]
pub(super) struct Journal {
    entries: mpsc::Sender<JournalEntry>,
    rooms: Arc<AtomicU64>,
}

/// The file, and the position up to which it is written.
struct JournalFile {
    file: File,
    end: u64,
    filled: u64,
}

impl Journal {
    /// Opens a new file, and starts the thread. Needs a runtime.
    pub(super) fn start(path: &Path) -> Result<Self> {
        let mut file = JournalFile::create(path)?;
        let (entries, mut queue) = mpsc::channel::<JournalEntry>(WAITING);
        let runtime = Handle::current();
        std::thread::Builder::new().name("journal".into()).spawn(move || {
            let mut batch = Vec::with_capacity(WAITING);
            while queue.blocking_recv_many(&mut batch, WAITING) > 0 {
                if let Err(why) = file.commit(&batch) {
                    // Messages that are not on the disk are not delivered; the load times out.
                    eprintln!("bench baseline: the journal cannot be written: {why}");
                    return;
                }
                deliver(&mut batch, &runtime);
            }
        })?;
        Ok(Self { entries, rooms: Arc::default() })
    }

    /// Assigns a number to a new group.
    pub(super) fn number(&self) -> u64 {
        self.rooms.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Waits for room in the queue. False once the thread has ended.
    pub(super) async fn put(&self, entry: JournalEntry) -> bool {
        self.entries.send(entry).await.is_ok()
    }
}

/// Delivers a batch: the messages of a group in one write to each receiver.
fn deliver(batch: &mut Vec<JournalEntry>, runtime: &Handle) {
    // The sort is stable, so that the messages of a group stay in order.
    batch.sort_by_key(|entry| entry.room.number);
    let mut bodies = Vec::new();
    let mut entries = batch.drain(..).peekable();
    while let Some(entry) = entries.next() {
        bodies.extend(entry.bodies);
        if entries.peek().is_none_or(|next| next.room.number != entry.room.number) {
            fanout::write_now(&entry.room, &bodies, runtime);
            bodies.clear();
        }
    }
}

impl JournalFile {
    fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("{} cannot be made", path.display()))?;
        let mut journal = Self { file, end: 0, filled: 0 };
        journal.fill(1)?;
        journal.file.sync_all()?;
        Ok(journal)
    }

    /// Fills the file with zeros up to `end`.
    fn fill(&mut self, end: u64) -> io::Result<()> {
        while self.filled < end {
            self.file.write_all_at(&vec![0; usize::try_from(STEP).unwrap_or(0)], self.filled)?;
            self.filled += STEP;
        }
        Ok(())
    }

    /// Appends a batch in one write and syncs once.
    fn commit(&mut self, batch: &[JournalEntry]) -> io::Result<()> {
        let mut records = Vec::new();
        for entry in batch {
            for body in &entry.bodies {
                records.extend_from_slice(&(body.len() as u64).to_le_bytes());
                records.extend_from_slice(&entry.room.number.to_le_bytes());
                records.extend_from_slice(body);
            }
        }
        let end = self.end + records.len() as u64;
        self.fill(end)?;
        self.file.write_all_at(&records, self.end)?;
        self.file.sync_data()?;
        self.end = end;
        Ok(())
    }
}

/// The number of messages of each group in a file, in order of the groups' numbers.
pub(crate) fn counts(path: &Path) -> Result<Vec<u64>> {
    let bytes = std::fs::read(path)?;
    let (mut counts, mut rest) = (Vec::new(), bytes.as_slice());
    while let Some((head, after)) = rest.split_at_checked(HEAD) {
        let number = |at: usize| head[at..at + 8].try_into().map(u64::from_le_bytes);
        let (length, room) = (usize::try_from(number(0)?)?, usize::try_from(number(8)?)?);
        if room == 0 {
            break;
        }
        ensure!(after.len() >= length, "the journal ends within a message");
        counts.resize(counts.len().max(room), 0);
        counts[room - 1] += 1;
        rest = &after[length..];
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_has_each_message_of_each_commit() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal");
        let mut file = JournalFile::create(&path).expect("a file");
        let rooms = [1, 2].map(|number| Arc::new(Room::new(number)));
        let entry = |room: usize, count: usize| JournalEntry {
            room: rooms[room].clone(),
            bodies: vec![b"some text".to_vec(); count],
        };
        file.commit(&[entry(0, 1), entry(1, 3)]).expect("it is written");
        file.commit(&[entry(0, 2)]).expect("it is written");
        assert_eq!(counts(&path).expect("it is read"), [3, 3]);
    }
}
