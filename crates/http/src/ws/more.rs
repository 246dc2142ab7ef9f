//! `summary.more`: how much is unread in the groups that a summary leaves out, counted after the socket
//! lives, so that nobody waits for it.

use std::sync::Arc;
use std::time::Duration;

use chinwag_core::{Error, GroupId};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::session::Session;
use crate::wire::outgoing;
use crate::wire::summary::SummaryMore;

/// Groups whose unread messages are counted in one job of the store.
const PAGE: usize = 32;
/// The pause before a busy store is asked again.
const RETRY: Duration = Duration::from_secs(1);

/// Sums are counted for one socket after the other, so that many who return at once do not keep the
/// store from all others.
static TURN: Semaphore = Semaphore::const_new(1);

/// Counts what is unread in `groups`, and sends it to the session's socket if that is still there.
pub(super) fn begin(session: &Arc<Session>, groups: Vec<GroupId>) {
    let session = Arc::downgrade(session);
    tokio::spawn(async move {
        let _turn = TURN.acquire().await;
        let (mut unread, mut left) = (0, &groups[..]);
        loop {
            let Some(session) = session.upgrade() else { return };
            if left.is_empty() {
                return session.send(outgoing::answer(SummaryMore { unread }, None));
            }
            let (page, rest) = left.split_at(PAGE.min(left.len()));
            match session.state.app.unread(&session.context(None), page.to_vec()).await {
                Ok(found) => (unread, left) = (unread + found, rest),
                Err(Error::Unavailable(_)) => {
                    drop(session);
                    sleep(RETRY).await;
                }
                Err(error) => {
                    tracing::error!(%error, "what a summary leaves out could not be counted");
                    return;
                }
            }
        }
    });
}
