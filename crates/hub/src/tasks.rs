//! The start of tasks that must not end by a panic. Without one of them events would stop, or those of a group or of some
//! sockets, and nobody would notice.

use std::sync::Arc;
use std::thread;

use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// Starts a task. Notifies `broken` if it panics.
pub(crate) fn spawn(broken: &Arc<Notify>, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    let watch = PanicWatch(broken.clone());
    tokio::spawn(async move {
        let _watch = watch;
        task.await;
    })
}

struct PanicWatch(Arc<Notify>);

impl Drop for PanicWatch {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.notify_one();
        }
    }
}
