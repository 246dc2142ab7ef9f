//! The files of an export's messages. Their bytes are stored before the message is imported.

use anyhow::{Result, bail};
use chinwag_core::app::App;
use chinwag_core::file::ATTACHMENTS;

use super::taken::TakenIds;
use crate::cli::import::report::Report;
use crate::wire_up::import::{
    CompleteFile, Error, FileId, FileIntake, FileSlot, ForeignExport, ForeignFile, ForeignMessage,
    IntakeError, MessageState, Remarks, SourceFile, TakenFile, Tally,
};

/// Image types that the bytes must confirm: an export may hold an HTML error page in place of an image.
const IMAGES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];
const REFUSED: &str = "files that are not taken";

/// Stores the files of messages. Without a storage, all files are skipped.
pub(super) struct FileTaker(Option<FileIntake>);

impl FileTaker {
    pub(super) fn new(intake: Option<FileIntake>) -> Self {
        Self(intake)
    }

    /// Stores the files of a new message. Returns each of them as stored or missing; the message lists missing ones
    /// by name.
    pub(super) async fn take(
        &self,
        app: &App,
        export: &mut ForeignExport,
        group: usize,
        message: &ForeignMessage,
        report: &mut Report,
    ) -> Result<Vec<TakenFile>> {
        let mut outcomes = Vec::with_capacity(message.files.len());
        let mut stored = 0;
        for file in &message.files {
            let what = || format!("{}: {}", message.at, file.name);
            if file.link.is_some() {
                report
                    .remark("files that were never in the service; the message has their addresses", &what());
                outcomes.push(TakenFile::Missing(file.clone()));
                continue;
            }
            report.expect("files", 1);
            let outcome = if stored < ATTACHMENTS {
                self.store(app, export, group, message, file).await?
            } else {
                Err(format!("is beyond the {ATTACHMENTS} files that a message may have"))
            };
            match outcome {
                Ok(id) => {
                    stored += 1;
                    outcomes.push(TakenFile::Stored(id));
                }
                Err(why) => {
                    report.remark(REFUSED, &format!("{}: {why}", what()));
                    report.count_of("files", Tally { refused: 1, ..Tally::default() });
                    outcomes.push(TakenFile::Missing(file.clone()));
                }
            }
        }
        Ok(outcomes)
    }

    /// Stores a file. Returns the reason if it is refused.
    async fn store(
        &self,
        app: &App,
        export: &mut ForeignExport,
        group: usize,
        message: &ForeignMessage,
        file: &ForeignFile,
    ) -> Result<Result<FileId, String>> {
        let Some(intake) = &self.0 else {
            return Ok(Err("is not stored, as files are off here (files.store)".into()));
        };
        let source = SourceFile {
            id: export.file_id(&export.groups[group], message, file),
            owner: export.user_id(message.author),
            name: FileIntake::name(&file.name),
            size: 0,
        };
        let mut found = match export.files.open(file) {
            Ok(found) => found,
            Err(why) => return Ok(Err(why)),
        };
        let size = found.size;
        let id = match app.import_file(SourceFile { size, ..source }).await {
            Ok(FileSlot::Stored(id)) => return Ok(Ok(id)),
            Ok(FileSlot::Reserved(id)) => id,
            Err(why) => return refusal(why),
        };
        let complete = match intake.receive(id, size, &mut *found.reader).await {
            Ok(complete) => complete,
            Err(IntakeError::Failed(why)) => bail!("{}: {}: {why}", message.at, file.name),
            Err(IntakeError::Refused(why)) => {
                app.file_drop(id).await?;
                return Ok(Err(why));
            }
        };
        if let Some(why) = other_type(file, &complete) {
            app.file_drop(id).await?;
            return Ok(Err(why));
        }
        match app.file_complete(complete).await {
            Ok(file) => Ok(Ok(file.id)),
            Err(why) => {
                app.file_drop(id).await?;
                refusal(why)
            }
        }
    }
}

/// Counts the stored files of a page of messages. `unused`: those of messages that were not imported.
pub(super) fn count(
    stored: &[FileId],
    unused: &[FileId],
    report: &mut Report,
    ids: &mut TakenIds,
) -> Result<()> {
    let used = stored.iter().filter(|id| !unused.contains(id));
    for id in used {
        ids.files.push(id.0)?;
        report.count_of("files", Tally { taken: 1, ..Tally::default() });
    }
    report.count_of("files", Tally { refused: unused.len() as u64, ..Tally::default() });
    Ok(())
}

/// Counts the files of a message that the store already has. Such a message gets no more files.
pub(super) fn count_earlier(
    message: &ForeignMessage,
    state: &MessageState,
    report: &mut Report,
    ids: &mut TakenIds,
) -> Result<()> {
    let named = message.own_files();
    let mut tally = Tally::default();
    if let MessageState::Imported(files) = state {
        let before = files.len().min(named);
        for id in &files[..before] {
            ids.files.push(id.0)?;
        }
        (tally.before, tally.refused) = (before as u64, (named - before) as u64);
    } else {
        tally.gone = named as u64;
    }
    if tally.refused > 0 {
        report.remark("messages that were taken before without all their files", &message.at);
    }
    report.expect("files", named as u64);
    report.count_of("files", tally);
    Ok(())
}

/// The reason why the bytes contradict the type in the export, if they do.
fn other_type(file: &ForeignFile, found: &CompleteFile) -> Option<String> {
    let said = file.media_type.as_deref().filter(|said| IMAGES.contains(said))?;
    let is_image = IMAGES.contains(&&*found.media_type);
    (!is_image).then(|| format!("is {said} in the export, and its bytes are {}", found.media_type))
}

/// Separates the refusal of one file from a failure that ends the import.
fn refusal(why: Error) -> Result<Result<FileId, String>> {
    match why {
        Error::TooLarge(why) | Error::UnsupportedType(why) => Ok(Err(why)),
        Error::Invalid(fields) => Ok(Err(fields
            .first()
            .map_or_else(String::new, |field| format!("{} {}", field.field, field.detail)))),
        other => Err(other.into()),
    }
}
