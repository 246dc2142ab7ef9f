//! Resumable uploads that are receiving bytes. A later request for an upload interrupts an earlier one that hangs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chinwag_core::{Error, FileId, Result};
use tokio::sync::{OwnedMutexGuard, watch};
use tokio::time::timeout;

/// How long an interrupted request may take to end.
const INTERRUPT_TIMEOUT: Duration = Duration::from_secs(20);

/// The uploads with a request in progress.
#[derive(Default)]
pub(crate) struct RunningUploads {
    all: Arc<Mutex<HashMap<FileId, Arc<Upload>>>>,
}

struct Upload {
    /// Locked by the request in progress.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// The number of requests that have asked for the turn. A change interrupts the request in progress.
    asked: watch::Sender<u64>,
}

/// The exclusive right to write to an upload. It ends on drop.
pub(crate) struct UploadTurn {
    id: FileId,
    all: Arc<Mutex<HashMap<FileId, Arc<Upload>>>>,
    upload: Option<Arc<Upload>>,
    ended: watch::Receiver<u64>,
    /// `None` while waiting for the turn.
    guard: Option<OwnedMutexGuard<()>>,
}

impl RunningUploads {
    /// Interrupts the request in progress, and takes its turn.
    pub(crate) async fn take(&self, id: FileId) -> Result<UploadTurn> {
        let upload = {
            let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
            let new = || Arc::new(Upload { turn: Arc::default(), asked: watch::Sender::new(0) });
            all.entry(id).or_insert_with(new).clone()
        };
        upload.asked.send_modify(|number| *number += 1);
        // Any later request interrupts this one.
        let (ended, waiting) = (upload.asked.subscribe(), upload.turn.clone().lock_owned());
        // Create the turn before waiting, so that its drop cleans up if this request is cancelled.
        let mut turn = UploadTurn { id, all: self.all.clone(), upload: Some(upload), ended, guard: None };
        let guard = timeout(INTERRUPT_TIMEOUT, waiting)
            .await
            .map_err(|_| Error::Unavailable(Duration::from_secs(1)))?;
        turn.guard = Some(guard);
        Ok(turn)
    }
}

impl UploadTurn {
    /// Waits until another request interrupts this one.
    pub(crate) async fn ended(&mut self) {
        // The sender lives as long as this turn.
        if self.ended.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for UploadTurn {
    fn drop(&mut self) {
        self.guard = None;
        self.upload = None;
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        // A count of one means that only the map holds it.
        if all.get(&self.id).is_some_and(|upload| Arc::strong_count(upload) == 1) {
            all.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn a_later_request_interrupts_the_running_one() {
        let uploads = RunningUploads::default();
        let id = FileId(Uuid::from_u128(1));
        let mut first = uploads.take(id).await.expect("nobody is at work");
        let waiting = async { uploads.take(id).await.expect("the first one ends") };
        let working = async {
            first.ended().await;
            drop(first);
        };
        let (second, ()) = tokio::join!(waiting, working);
        assert_eq!(uploads.all.lock().unwrap().len(), 1);
        drop(second);
        assert!(uploads.all.lock().unwrap().is_empty(), "nothing is kept");
    }

    #[tokio::test]
    async fn request_that_is_given_up_leaves_nothing() {
        let uploads = RunningUploads::default();
        let id = FileId(Uuid::from_u128(1));
        let first = uploads.take(id).await.expect("nobody is at work");
        let mut waiting = Box::pin(uploads.take(id));
        tokio::select! {
            biased;
            _ = waiting.as_mut() => panic!("another request is at work"),
            () = std::future::ready(()) => {}
        }
        drop(first);
        drop(waiting);
        assert!(uploads.all.lock().unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_for_an_unfinished_request_times_out() {
        let uploads = RunningUploads::default();
        let id = FileId(Uuid::from_u128(1));
        let _first = uploads.take(id).await.expect("nobody is at work");
        assert!(matches!(uploads.take(id).await, Err(Error::Unavailable(_))));
    }
}
