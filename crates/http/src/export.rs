//! The export of a user's data as a ZIP. It is written while it is read, with one page of rows and one piece of a
//! file in memory.

mod rows;
mod zip;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Bytes;
use chinwag_core::app::export::{EXPORT_PAGE, ExportedUser};
use chinwag_core::app::{App, Context};
use chinwag_core::file::StoredFile;
use chinwag_core::file_store::{FileReader, FileStore};
use chinwag_core::store::ReactionPlace;
use chinwag_core::{Error, FileId, GroupId, Name, Result, Seq, UserId};
use futures_util::{Stream, stream};
use serde_json::Value;
use tokio::sync::mpsc;
use tracing::Instrument;

use self::zip::{Packing, ZipStream};

/// Bytes that are sent together.
const PIECE: usize = 64 << 10;
/// Pieces that may wait for the client.
const PIECES: usize = 2;
/// Bytes of a file that are read at a time.
const FILE_PIECE: usize = 256 << 10;
/// The bytes of lines in one entry; further lines go into another entry, since an entry without ZIP64 is limited to 4
/// GiB.
const ENTRY_BYTES: u64 = 2 << 30;
/// The maximum length of a file's name in bytes, not counting its id.
const NAME_BYTES: usize = 150;

/// An export that is authorized and ready to be streamed.
pub struct Export {
    app: App,
    files: Option<Arc<dyn FileStore>>,
    context: Context,
    exported: ExportedUser,
    missing: MissingFiles,
}

/// The number of files, so far, whose bytes the storage has lost.
#[derive(Debug, Clone, Default)]
pub struct MissingFiles(Arc<AtomicU64>);

impl MissingFiles {
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Export {
    /// Checks whether the caller may export the user's data.
    pub async fn begin(
        app: App,
        files: Option<Arc<dyn FileStore>>,
        context: Context,
        name: Name,
    ) -> Result<Self> {
        let exported = app.export_user(&context, name).await?;
        Ok(Self { app, files, context, exported, missing: MissingFiles::default() })
    }

    /// The user's name.
    pub fn name(&self) -> &Name {
        &self.exported.user.name
    }

    /// The count of files without bytes. For each of them the ZIP has an empty entry whose name ends with `.missing`.
    pub fn missing(&self) -> MissingFiles {
        self.missing.clone()
    }

    /// Streams the ZIP. An error ends the stream, and the ZIP is incomplete. `held` is dropped at the end.
    pub fn stream(self, held: impl Send + 'static) -> impl Stream<Item = Result<Bytes>> + Send {
        let (sender, receiver) = mpsc::channel(PIECES);
        let writing = async move {
            let mut out = ZipSender { zip: ZipStream::new(self.app.clock().now()), sender: sender.clone() };
            if let Err(why) = self.write(&mut out).await {
                tracing::warn!(error = %why, "an export ended early");
                // The client may be gone.
                let _ = sender.send(Err(why)).await;
            }
            drop(held);
        };
        tokio::spawn(writing.in_current_span());
        stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)))
    }

    async fn write(&self, out: &mut ZipSender) -> Result<()> {
        out.lines("profile", [rows::profile(&self.exported)]).await?;
        out.lines("relations", rows::relations(&self.exported)).await?;
        out.lines("sessions", rows::sessions(&self.exported)).await?;
        out.lines("devices", rows::devices(&self.exported)).await?;
        self.memberships(out).await?;
        self.messages(out).await?;
        self.reactions(out).await?;
        self.reports(out).await?;
        self.files(out).await?;
        out.zip.finish().map_err(Error::internal)?;
        out.flush(0).await
    }

    fn user(&self) -> UserId {
        self.exported.user.id
    }

    async fn memberships(&self, out: &mut ZipSender) -> Result<()> {
        let (mut lines, mut after) = (Lines::begin("groups", out)?, None);
        loop {
            let page = self.app.export_memberships(&self.context, self.user(), after).await?;
            for membership in &page {
                lines.add(&rows::membership(membership)).await?;
            }
            after = page.last().map(|membership| membership.group);
            if page.len() < EXPORT_PAGE {
                return Ok(());
            }
        }
    }

    async fn messages(&self, out: &mut ZipSender) -> Result<()> {
        let (mut lines, mut groups) = (Lines::begin("messages", out)?, WrittenGroups::default());
        while let Some(group) = groups.next(self).await? {
            let mut after = Seq(0);
            loop {
                let page = self.app.export_messages(&self.context, (self.user(), group), after).await?;
                for message in &page {
                    lines.add(&rows::message(message)).await?;
                    after = message.seq;
                }
                if page.len() < EXPORT_PAGE {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn reactions(&self, out: &mut ZipSender) -> Result<()> {
        let (mut lines, mut groups) = (Lines::begin("reactions", out)?, WrittenGroups::default());
        while let Some(group) = groups.next(self).await? {
            let mut after = ReactionPlace::default();
            loop {
                let page = self.app.export_reactions(&self.context, (self.user(), group), after).await?;
                for reaction in &page {
                    lines.add(&rows::reaction(group, reaction)).await?;
                    after = reaction.place;
                }
                if page.len() < EXPORT_PAGE {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn reports(&self, out: &mut ZipSender) -> Result<()> {
        let (mut lines, mut after) = (Lines::begin("reports", out)?, None);
        loop {
            let page = self.app.export_reports(&self.context, self.user(), after).await?;
            for report in &page {
                lines.add(&rows::report(report)).await?;
            }
            after = page.last().map(|report| report.id);
            if page.len() < EXPORT_PAGE {
                return Ok(());
            }
        }
    }

    async fn files(&self, out: &mut ZipSender) -> Result<()> {
        let (mut lines, mut after) = (Lines::begin("files", out)?, None);
        loop {
            let (files, last) = self.app.export_files(&self.context, self.user(), after).await?;
            for file in &files {
                lines.add(&rows::file(file, &path(file))).await?;
            }
            after = last;
            if after.is_none() {
                break;
            }
        }
        let Some(store) = &self.files else { return Ok(()) };
        loop {
            let (files, last) = self.app.export_files(&self.context, self.user(), after).await?;
            let mut lacking = Vec::new();
            for file in &files {
                if !copy(&mut *store.read(file.key(), 0..file.size), file, out).await? {
                    lacking.push(file.id);
                }
            }
            if !lacking.is_empty() {
                self.note_missing(&lacking, after, out).await?;
            }
            after = last;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// Adds `.missing` entries for the files of a page that lack their bytes, except those that were erased
    /// meanwhile.
    async fn note_missing(
        &self,
        lacking: &[FileId],
        after: Option<FileId>,
        out: &mut ZipSender,
    ) -> Result<()> {
        let (files, _) = self.app.export_files(&self.context, self.user(), after).await?;
        for file in files.iter().filter(|file| lacking.contains(&file.id)) {
            tracing::warn!(file = %file.id, "the bytes of an exported file are missing in the storage");
            let entry = format!("{}.missing", path(file));
            out.zip.begin(entry, Packing::Plain(0)).map_err(Error::internal)?;
            self.missing.0.fetch_add(1, Ordering::Relaxed);
        }
        out.flush(PIECE).await
    }
}

/// The groups in which a user may have written, page by page.
#[derive(Default)]
struct WrittenGroups {
    page: VecDeque<GroupId>,
    last: Option<GroupId>,
}

impl WrittenGroups {
    async fn next(&mut self, export: &Export) -> Result<Option<GroupId>> {
        if self.page.is_empty() {
            self.page = export.app.export_groups(&export.context, export.user(), self.last).await?.into();
            self.last = self.page.back().copied().or(self.last);
        }
        Ok(self.page.pop_front())
    }
}

/// Writes the bytes of a file into the ZIP. Returns whether the storage has them. If the file is removed meanwhile, an
/// empty entry marks that its bytes are incomplete.
async fn copy(reader: &mut dyn FileReader, file: &StoredFile, out: &mut ZipSender) -> Result<bool> {
    let mut piece = match reader.next(FILE_PIECE).await {
        Err(Error::NotFound(_)) => return Ok(false),
        piece => piece?,
    };
    out.zip.begin(path(file), Packing::Plain(file.size)).map_err(Error::internal)?;
    while let Some(bytes) = piece {
        out.zip.write(&bytes).map_err(Error::internal)?;
        out.flush(PIECE).await?;
        piece = match reader.next(FILE_PIECE).await {
            Err(Error::NotFound(_)) => {
                tracing::warn!(file = %file.id, "a file was removed while it was exported");
                let entry = format!("{}.incomplete", path(file));
                out.zip.begin(entry, Packing::Plain(0)).map_err(Error::internal)?;
                None
            }
            piece => piece?,
        };
    }
    Ok(true)
}

/// The path of a file in the ZIP: its id, and its name in a portable form.
fn path(file: &StoredFile) -> String {
    format!("files/{}-{}", file.id, safe_name(file.name.as_str()))
}

/// Replaces characters that some systems refuse, and shortens the name at a character boundary. Keeps the extension,
/// unless that alone is too long. Reserved names are no problem, since an id precedes the name.
fn safe_name(name: &str) -> String {
    let safe = |c: char| if c.is_control() || "<>:\"/\\|?*".contains(c) { '_' } else { c };
    let mut name: String = name.chars().map(safe).collect();
    if name.len() > NAME_BYTES {
        let extension = name.rfind('.').map_or("", |dot| &name[dot..]);
        let extension = if extension.len() < NAME_BYTES / 2 { extension.to_owned() } else { String::new() };
        let mut end = NAME_BYTES - extension.len();
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        name.truncate(end);
        name.push_str(&extension);
    }
    // Windows drops trailing dots and spaces.
    let kept = name.trim_end_matches(['.', ' ']).len();
    name.replace_range(kept.., &"_".repeat(name.len() - kept));
    name
}

/// A ZIP that is being sent to the client.
struct ZipSender {
    zip: ZipStream,
    sender: mpsc::Sender<Result<Bytes>>,
}

impl ZipSender {
    /// Sends the pending bytes, if there are more than `least`.
    async fn flush(&mut self, least: usize) -> Result<()> {
        if self.zip.waiting() <= least {
            return Ok(());
        }
        let piece = Bytes::from(self.zip.take());
        self.sender.send(Ok(piece)).await.map_err(|_| Error::unavailable())
    }

    /// Writes an entry with one line for each row.
    async fn lines(&mut self, name: &'static str, rows: impl IntoIterator<Item = Value>) -> Result<()> {
        let mut lines = Lines::begin(name, self)?;
        for row in rows {
            lines.add(&row).await?;
        }
        Ok(())
    }
}

/// Lines of JSON, split over several entries if there are very many.
struct Lines<'a> {
    name: &'static str,
    entries: u32,
    out: &'a mut ZipSender,
}

impl<'a> Lines<'a> {
    fn begin(name: &'static str, out: &'a mut ZipSender) -> Result<Self> {
        out.zip.begin(format!("{name}.jsonl"), Packing::Compressed).map_err(Error::internal)?;
        Ok(Self { name, entries: 1, out })
    }

    async fn add(&mut self, row: &Value) -> Result<()> {
        if self.out.zip.entry_length() >= ENTRY_BYTES {
            self.entries += 1;
            let name = format!("{}-{}.jsonl", self.name, self.entries);
            self.out.zip.begin(name, Packing::Compressed).map_err(Error::internal)?;
        }
        self.out.zip.write(format!("{row}\n").as_bytes()).map_err(Error::internal)?;
        self.out.flush(PIECE).await
    }
}

/// An error that aborts a response body.
pub(crate) fn cut(why: Error) -> io::Error {
    io::Error::other(why)
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use ::zip::ZipArchive;
    use chinwag_core::Date;
    use chinwag_core::file::FileName;
    use chinwag_core::file_store::Attempt;
    use chinwag_core::store::Answer;

    use super::*;

    /// Half of a file, and then its removal.
    struct Removed(Option<Bytes>);

    impl FileReader for Removed {
        fn next(&mut self, _: usize) -> Answer<'_, Option<Bytes>> {
            let half = self.0.take().ok_or(Error::NotFound("file")).map(Some);
            Box::pin(async { half })
        }
    }

    #[tokio::test]
    async fn export_goes_on_after_a_file_is_removed_meanwhile() {
        let file = |id: &str, name| StoredFile {
            id: id.parse().expect("an id"),
            attempt: Attempt::ONLY,
            name: FileName::cleaned(name),
            media_type: "text/plain".into(),
            size: 8,
            dimensions: None,
            thumbnail: None,
            alt: None,
        };
        let (a, b) = ("018f6b7e-8a1c-7cc3-9d55-1f1b2a3c4d5e", "018f6b7e-8a1c-7cc3-9d55-1f1b2a3c4d5f");
        let (sender, _receiver) = mpsc::channel(PIECES);
        let mut out = ZipSender { zip: ZipStream::new(Date::from_micros(0)), sender };
        let mut removed = Removed(Some(Bytes::from_static(b"half")));
        assert!(copy(&mut removed, &file(a, "a.txt"), &mut out).await.expect("it goes on"));
        assert!(!copy(&mut removed, &file(b, "b.txt"), &mut out).await.expect("it goes on"));
        out.zip.finish().expect("the end");
        let mut zip = ZipArchive::new(Cursor::new(out.zip.take())).expect("a ZIP file");
        let mut text = String::new();
        zip.by_index(0).expect("the file").read_to_string(&mut text).expect("text");
        let names: Vec<_> = zip.file_names().map(|name| name.expect("a name").into_owned()).collect();
        assert_eq!(text, "half");
        assert_eq!(names, [format!("files/{a}-a.txt"), format!("files/{a}-a.txt.incomplete")]);
    }

    #[test]
    fn names_are_safe_on_every_system() {
        for (name, safe) in [
            ("サンプル.txt", "サンプル.txt"),
            ("a:b?.txt", "a_b_.txt"),
            ("CON", "CON"),
            ("../x", ".._x"),
            ("..", "__"),
            ("a\\b\"c|d<e>f*", "a_b_c_d_e_f_"),
            ("line\nbreak", "line_break"),
            ("end. .", "end___"),
        ] {
            assert_eq!(safe_name(name), safe, "{name:?}");
        }
        let long = safe_name(&format!("{}.tar.gz", "é".repeat(200)));
        assert!(long.len() <= NAME_BYTES && long.ends_with("é.gz"), "{long}");
        assert!(safe_name(&format!("a.{}", "é".repeat(200))).len() <= NAME_BYTES);
    }
}
