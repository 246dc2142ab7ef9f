//! Regular upkeep of a running server: the watch over free disk space, and the removal of erased text.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chinwag_core::app::App;
use rustix::fs::statvfs;
use tokio::time::{Interval, MissedTickBehavior, interval};

const EVERY: Duration = Duration::from_secs(1);
/// The interval at which the store is cleansed of erased text.
const CLEANSE: Duration = Duration::from_secs(15);

/// Watches for `min_free` bytes of free space in `folder`, if one is given, and cleanses the store of erased text.
/// Runs until the future is dropped.
pub(crate) async fn run(app: App, folder: Option<PathBuf>, min_free: u64) {
    let watch = async {
        let (mut ticks, mut was_low) = (every(EVERY), false);
        while let Some(folder) = &folder {
            ticks.tick().await;
            was_low = watch(&app, folder, (min_free, was_low));
            if let Err(error) = app.reserve().await {
                tracing::warn!(%error, "the reserve of room could not be made anew: it will be tried again");
            }
        }
    };
    let cleanse = async {
        let mut ticks = every(CLEANSE);
        ticks.tick().await;
        loop {
            ticks.tick().await;
            if let Err(error) = app.cleanse().await {
                tracing::warn!(%error, "the store could not be cleansed of what was erased: it will be tried again");
            }
        }
    };
    tokio::join!(watch, cleanse);
}

fn every(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// The free bytes on a folder's disk, if the system reports them.
pub(crate) fn free_on_disk(folder: &Path) -> Option<u64> {
    let disk = statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Compares the free space with `min_free`, and informs the use cases of a change. Returns whether space is low.
fn watch(app: &App, folder: &Path, (min_free, was_low): (u64, bool)) -> bool {
    let Some(free) = free_on_disk(folder) else { return was_low };
    let is_low = free < min_free;
    if is_low != was_low {
        app.set_low(is_low);
        if is_low {
            tracing::error!(
                free,
                min_free,
                "the disk is nearly full: new content is refused (store.min_free)"
            );
        } else {
            tracing::info!(free, "the disk has room again");
        }
    }
    is_low
}
