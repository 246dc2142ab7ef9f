//! Long summaries, page by page. Each page is read when the previous one was written, so that a client
//! that does not read costs one page.

use std::sync::Arc;

use bytes::Bytes;
use chinwag_core::store::Tx;
use chinwag_core::{GroupId, Result, UserId};

use crate::connect::{Heads, Snapshot};
use crate::{Hub, Socket};

impl Hub {
    /// Begins the pages of a socket that has [subscribed](Self::subscribe), with `first` as the first
    /// frame. Of the groups in `heads`, as the subscription read them, those in `later` are still to be
    /// read; the others were sent, or are not to be.
    pub fn begin_pages(&self, socket: &Arc<Socket>, first: Bytes, heads: Heads, later: &[GroupId]) {
        socket.begin_pages(heads, later);
        self.send_first(socket, vec![first]);
    }

    /// Reads a page of these groups with `page` when all earlier pages were written, and remembers the
    /// heads that it returns. None if the socket is being closed. It may be repeated after an error of the
    /// store.
    ///
    /// Each page is a snapshot of its own. An event from before a group's page is in the page; later ones
    /// are held until the socket is live.
    pub async fn read_page<T: Send + 'static>(
        &self,
        socket: &Arc<Socket>,
        groups: &[GroupId],
        page: impl Fn(&dyn Tx, UserId) -> Result<Snapshot<T>> + Send + 'static,
    ) -> Result<Option<T>> {
        if !socket.drained().await {
            return Ok(None);
        }
        socket.begin_page(groups);
        let Some((_, (shown, heads))) = self.read(socket, page).await? else { return Ok(None) };
        socket.end_page(&heads);
        Ok(Some(shown))
    }

    /// Queues frames before all that is held, for a socket that receives pages or is
    /// [paused](Self::pause). They do not count towards the queue's bounds, but towards the user's.
    pub fn send_first(&self, socket: &Arc<Socket>, frames: Vec<Bytes>) {
        let mut due = Vec::new();
        socket.show(frames, &mut due);
        for socket in &due {
            socket.flush();
        }
    }
}
