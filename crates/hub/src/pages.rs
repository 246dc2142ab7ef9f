//! Showing a socket much: page by page, each read once the one before has been written, so that who
//! does not read costs what one page costs.

use std::sync::Arc;

use bytes::Bytes;
use chinwag_core::store::Tx;
use chinwag_core::{GroupId, Result, UserId};

use crate::connect::{Numbers, Shown};
use crate::{Hub, Socket};

impl Hub {
    /// Begins to show a socket that has [subscribed](Self::subscribe) its groups in pages, of which
    /// `first` is the first. Of the groups in `heads`, as the subscription read them, those in
    /// `later` are still to be read; the others have been shown, or are not to be.
    pub fn begin_pages(&self, socket: &Arc<Socket>, first: Bytes, heads: Numbers, later: &[GroupId]) {
        socket.begin_pages(heads, later);
        self.show_frames(socket, vec![first]);
    }

    /// Reads a page of these groups with `page`, once all that was shown before has been written:
    /// answers it, and remembers the groups' heads that come with it. Nothing if the socket is to be
    /// closed. After an error of the store this may be tried again.
    ///
    /// Each page is of another moment. What happens in a group before its page is read is in the
    /// page, and what happens after that is held until the socket lives.
    pub async fn read_page<T: Send + 'static>(
        &self,
        socket: &Arc<Socket>,
        groups: &[GroupId],
        page: impl Fn(&dyn Tx, UserId) -> Result<Shown<T>> + Send + 'static,
    ) -> Result<Option<T>> {
        if !socket.drained().await {
            return Ok(None);
        }
        socket.begin_page(groups);
        let Some((_, (shown, heads))) = self.read(socket, page).await? else { return Ok(None) };
        socket.end_page(&heads);
        Ok(Some(shown))
    }

    /// Shows a socket more, while it is shown pages or [paused](Self::pause): frames that go before
    /// all that is held. They do not count towards the queue's bounds, but towards its user's.
    pub fn show_frames(&self, socket: &Arc<Socket>, frames: Vec<Bytes>) {
        let mut due = Vec::new();
        socket.show(frames, &mut due);
        for socket in &due {
            socket.flush();
        }
    }
}
