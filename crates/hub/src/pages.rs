//! Long summaries in pages. A page is read only after the previous one was written, so that a client that
//! does not read occupies the memory of one page.

use std::sync::Arc;

use bytes::Bytes;
use chinwag_core::store::Tx;
use chinwag_core::{GroupId, Result, UserId};

use crate::connect::{Heads, Snapshot};
use crate::{Hub, Socket};

impl Hub {
    /// Starts the pages of a [subscribed](Self::subscribe) socket, with `first` as the first frame. `heads`
    /// are the groups that the subscription read. The groups in `later` must still be read; the others were
    /// sent, or are not sent at all.
    pub fn begin_pages(&self, socket: &Arc<Socket>, first: Bytes, heads: Heads, later: &[GroupId]) {
        socket.begin_pages(heads, later);
        self.send_first(socket, vec![first]);
    }

    /// Waits until all earlier pages are written, then reads the page of these groups with `page`, and
    /// remembers the heads that it returns. Returns `None` if the socket is being closed. May be called again
    /// after an error of the store.
    ///
    /// Each page is a snapshot of its own. An event that a group's page already contains is not delivered;
    /// later events are held until the socket is live.
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

    /// Queues frames before everything that is held, for a socket that receives pages or is
    /// [paused](Self::pause). They count towards the user's limit, but not towards the queue's.
    pub fn send_first(&self, socket: &Arc<Socket>, frames: Vec<Bytes>) {
        let mut due = Vec::new();
        socket.show(frames, &mut due);
        for socket in &due {
            socket.flush();
        }
    }
}
