//! Whether there is disk space for new content.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether use cases that add content are refused because of the disk: its free space is below the configured
/// reserve, or the store met a full disk and has not yet restored its own reserve. Clones share one state.
#[derive(Debug, Clone, Default)]
pub struct DiskSpace(Arc<State>);

#[derive(Debug, Default)]
struct State {
    is_low: AtomicBool,
    is_spent: AtomicBool,
}

impl DiskSpace {
    /// Whether there is no space for new content.
    pub fn is_full(&self) -> bool {
        self.0.is_low.load(Ordering::Relaxed) || self.is_spent()
    }

    /// Whether the store met a full disk and has not yet restored its reserve.
    pub fn is_spent(&self) -> bool {
        self.0.is_spent.load(Ordering::Relaxed)
    }

    /// Sets whether the free disk space is below the configured reserve.
    pub fn set_low(&self, low: bool) {
        self.0.is_low.store(low, Ordering::Relaxed);
    }

    /// Sets whether the store met a full disk. Returns the previous value.
    pub fn set_spent(&self, spent: bool) -> bool {
        self.0.is_spent.swap(spent, Ordering::Relaxed)
    }
}
