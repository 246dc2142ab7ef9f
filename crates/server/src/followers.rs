//! Followers: background work that runs on one node at a time.

use std::sync::Arc;
use std::time::Duration;

use chinwag_core::app::App;
use chinwag_core::app::follower::{Candidate, Claim};
use chinwag_core::app::retention::RetentionRound;
use chinwag_core::file_store::{FileLister, FileStore};
use chinwag_core::store::{Follower, Lease};
use chinwag_core::{Error, Result};
use tokio::sync::Mutex;
use tokio::time::sleep;

use crate::data::Folder;

/// The intervals of polling for expired tokens, for dropped files (whose bytes must be gone within a minute), and for
/// whether a round through all stored objects is due.
const TOKEN_POLL_INTERVAL: Duration = Duration::from_secs(30);
const FILE_POLL_INTERVAL: Duration = Duration::from_secs(10);
const STRAY_POLL_INTERVAL: Duration = Duration::from_secs(300);
/// The interval of polling for events beyond their retention.
const EVENT_POLL_INTERVAL: Duration = Duration::from_secs(30);
/// The interval of polling whether a retention round is due, or continues.
const RETENTION_POLL_INTERVAL: Duration = Duration::from_secs(5);
/// How often within a lease a node checks whether its holder is alive.
const CHECKS_PER_LEASE: u32 = 4;
/// Steps in one round. A step handles up to 1000 tokens, objects or groups, or a few files; the next round continues.
const STEPS: usize = 100;

/// The work of one follower.
enum Work {
    Tokens,
    /// The removal of dropped files from storage.
    Files(Arc<dyn FileStore>),
    /// The removal of objects that belong to no file.
    Strays(Mutex<StrayRound>),
    /// The removal of events beyond their retention.
    Events,
    /// The search for messages beyond their retention.
    Retention(Mutex<RetentionRound>),
}

/// A round through all objects of the storage, which finds those without a file.
struct StrayRound {
    files: Arc<dyn FileStore>,
    /// The data folder of the embedded store.
    folder: Option<Folder>,
    lister: Option<Box<dyn FileLister>>,
    /// Whether it is suspended, since a restore has put a database aside. Logged once.
    is_held: bool,
}

/// Does the work of all followers, each on one node at a time, until the future is dropped. A holder that gives no
/// sign of life for `lease` counts as dead. Without `files` no files are removed. `folder` is that of the embedded
/// store.
pub(crate) async fn run(
    app: App,
    files: Option<Arc<dyn FileStore>>,
    folder: Option<Folder>,
    lease: Duration,
) {
    let removal = async {
        if let Some(files) = files {
            let strays = StrayRound { files: files.clone(), folder, lister: None, is_held: false };
            let (files, strays) = (Work::Files(files), Work::Strays(Mutex::new(strays)));
            tokio::join!(follow(&app, &files, lease), follow(&app, &strays, lease));
        }
    };
    let retention = Work::Retention(Mutex::default());
    tokio::join!(
        follow(&app, &Work::Tokens, lease),
        follow(&app, &Work::Events, lease),
        follow(&app, &retention, lease),
        removal
    );
}

async fn follow(app: &App, work: &Work, lease: Duration) {
    let (mut candidate, about) = (app.candidate(work.follower(), lease), work.about());
    let mut was_steady = true;
    loop {
        let is_steady = !work.is_by_date() || app.clock_is_steady();
        if was_steady && !is_steady {
            tracing::error!(
                "the clock has jumped by more than a day: for an hour {about} are not deleted, in case it is wrong"
            );
        }
        was_steady = is_steady;
        if !is_steady {
            sleep(work.every()).await;
            continue;
        }
        let wait = match round(app, &mut candidate, work).await {
            Ok(Claim::Held) => lease / CHECKS_PER_LEASE,
            Ok(Claim::Idle | Claim::Mine { .. }) => work.every(),
            Err(Error::LeaseEnded) => {
                tracing::warn!("another node has taken over the deletion of {about}");
                work.every()
            }
            Err(error) => {
                tracing::warn!(%error, "{about} could not be deleted: it will be tried again");
                lease / CHECKS_PER_LEASE
            }
        };
        sleep(wait).await;
    }
}

async fn round(app: &App, candidate: &mut Candidate, work: &Work) -> Result<Claim> {
    let claim = candidate.take().await?;
    if let Claim::Mine { lease, taken_over } = claim {
        if taken_over {
            tracing::info!("the deletion of {} was taken over from an unresponsive node", work.about());
        }
        steps(app, lease, work).await?;
        candidate.release(lease).await?;
    }
    Ok(claim)
}

async fn steps(app: &App, lease: Lease, work: &Work) -> Result<()> {
    let mut deleted = 0;
    for _ in 0..STEPS {
        match work.step(app, lease).await? {
            0 => break,
            some => deleted += some,
        }
    }
    if deleted > 0 {
        tracing::debug!(deleted, "{} were deleted", work.about());
    }
    Ok(())
}

impl Work {
    fn follower(&self) -> Follower {
        match self {
            Self::Tokens => Follower::ExpiredTokens,
            Self::Files(_) => Follower::DroppedFiles,
            Self::Strays(_) => Follower::StrayFiles,
            Self::Events => Follower::EventFeed,
            Self::Retention(_) => Follower::Retention,
        }
    }

    /// A description of the work, for the log.
    fn about(&self) -> &'static str {
        match self {
            Self::Tokens => "expired tokens",
            Self::Files(_) => "dropped files",
            Self::Strays(_) => "objects without a file",
            Self::Events => "old events",
            Self::Retention(_) => "old messages",
        }
    }

    /// Whether the follower deletes by age alone.
    fn is_by_date(&self) -> bool {
        matches!(self, Self::Tokens | Self::Events | Self::Retention(_))
    }

    /// The polling interval.
    fn every(&self) -> Duration {
        match self {
            Self::Tokens => TOKEN_POLL_INTERVAL,
            Self::Files(_) => FILE_POLL_INTERVAL,
            Self::Strays(_) => STRAY_POLL_INTERVAL,
            Self::Events => EVENT_POLL_INTERVAL,
            Self::Retention(_) => RETENTION_POLL_INTERVAL,
        }
    }

    /// Does one step. Returns 0 after the last.
    async fn step(&self, app: &App, lease: Lease) -> Result<usize> {
        match self {
            Self::Tokens => app.tokens_purge(lease).await,
            Self::Events => app.feed_trim(lease).await,
            Self::Retention(round) => app.retention_step(lease, &mut *round.lock().await).await,
            Self::Files(files) => {
                let refused = app.removal_counts().refused();
                let removed = app.files_remove(lease, &**files).await;
                let refused = app.removal_counts().refused() - refused;
                if refused > 0 {
                    tracing::warn!(refused, "the storage refused to remove files: it will be tried again");
                }
                removed
            }
            Self::Strays(round) => round.lock().await.step(app, lease).await,
        }
    }
}

impl StrayRound {
    /// Does one step. It continues where the last one ended, unless that one failed.
    async fn step(&mut self, app: &App, lease: Lease) -> Result<usize> {
        if self.is_held() {
            return Ok(0);
        }
        let mut listed = self.lister.take().unwrap_or_else(|| self.files.list());
        let step = app.files_remove_strays(lease, &*self.files, &mut *listed).await?;
        if step.removed > 0 {
            tracing::info!(removed = step.removed, "objects that belong to no file were removed");
        }
        if step.refused > 0 {
            let refused = step.refused;
            tracing::warn!(
                refused,
                "the storage refused to remove objects that belong to no file: it will be tried again"
            );
        }
        if step.left > 0 {
            tracing::error!(
                left = step.left,
                "most objects in files.store belong to no file of this database and are left alone: see that it is this server's alone (chinwag check)"
            );
        }
        if step.is_last {
            return Ok(0);
        }
        self.lister = Some(listed);
        // Not 0, so that the round continues.
        Ok(1)
    }

    /// Whether a database that was put aside still exists. Its files are unknown to the current database, and must
    /// not be removed.
    fn is_held(&mut self) -> bool {
        let aside = self.folder.as_ref().and_then(Folder::aside);
        if let (Some(aside), false) = (&aside, self.is_held) {
            let aside = aside.display();
            tracing::warn!(
                "files that belong to no row are kept as long as {aside} is there, which may have the rows: remove it once nobody needs it"
            );
        }
        self.is_held = aside.is_some();
        self.is_held
    }
}
