//! Huge pages of memory, which a server uses once many clients are connected.
//!
//! The allocator asks the system for pages of 2 MiB. With many sockets they save some percent of the processor's time;
//! a server with few clients would only hold more memory.

/// The open connections from which on the system may give huge pages.
pub(crate) const CONNECTIONS: usize = 16;

/// Keeps the system from giving this process huge pages until many clients are connected.
#[cfg(target_os = "linux")]
pub fn hold_back() {
    // A system that refuses gives them at once, which costs memory only.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

#[cfg(not(target_os = "linux"))]
pub fn hold_back() {}

#[cfg(target_os = "linux")]
pub(crate) fn allow() {
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(false) {
        tracing::debug!(%error, "the system gives no huge pages");
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn allow() {}
