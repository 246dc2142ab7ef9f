//! Tasks whose panic must be reported: without one of them, events of all or some groups or sockets would stop, unnoticed.

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
