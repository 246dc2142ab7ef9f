//! Whether there is room for new content.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether use cases that add are refused for want of room: as long as the disk has less than is kept free, or
/// the store has met a full disk and not made its reserve anew. Clones share one state.
#[derive(Debug, Clone, Default)]
pub struct Room(Arc<State>);

#[derive(Debug, Default)]
struct State {
    is_low: AtomicBool,
    is_spent: AtomicBool,
}

impl Room {
    /// Whether there is none.
    pub fn is_full(&self) -> bool {
        self.0.is_low.load(Ordering::Relaxed) || self.is_spent()
    }

    /// Whether the store has met a full disk.
    pub fn is_spent(&self) -> bool {
        self.0.is_spent.load(Ordering::Relaxed)
    }

    /// Sets whether the disk has less room than is kept free.
    pub fn set_low(&self, low: bool) {
        self.0.is_low.store(low, Ordering::Relaxed);
    }

    /// Sets whether the store has met a full disk; answers whether it was set before.
    pub fn set_spent(&self, spent: bool) -> bool {
        self.0.is_spent.swap(spent, Ordering::Relaxed)
    }
}
