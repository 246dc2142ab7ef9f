//! What is looked after every few seconds while the server runs: the room on the disk, and the journal.

use std::path::PathBuf;
use std::time::Duration;

use chinwag_core::app::App;
use rustix::fs::statvfs;
use tokio::time::{MissedTickBehavior, interval};

const EVERY: Duration = Duration::from_secs(1);
/// The journal is emptied of what was erased every so many seconds.
const JOURNAL: u32 = 15;

/// Keeps `min_free` bytes free in the folder, if there is one to be watched, and empties the journal of what was
/// erased, until it is dropped itself.
pub(crate) async fn run(app: App, folder: Option<PathBuf>, min_free: u64) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for second in (0..JOURNAL).cycle() {
        ticks.tick().await;
        if let Some(folder) = &folder {
            watch(&app, folder, min_free);
        }
        if second == JOURNAL - 1
            && let Err(error) = app.cleanse().await
        {
            tracing::warn!(%error, "the journal could not be emptied of what was erased: it will be tried again");
        }
    }
}

fn watch(app: &App, folder: &std::path::Path, min_free: u64) {
    // Of a disk that does not say how full it is nothing is known.
    let Ok(disk) = statvfs(folder) else { return };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let full = free < min_free;
    if full != app.is_full() {
        app.set_full(full);
        if full {
            tracing::error!(
                free,
                min_free,
                "the disk is nearly full: new content is refused (store.min_free)"
            );
        } else {
            tracing::info!(free, "the disk has room again");
        }
    }
}
