//! `summary.more`: the number of unread messages in the groups that a summary omits. They are counted after the
//! socket is live, so that the summary does not wait for them.

use std::sync::Arc;
use std::time::Duration;

use chinwag_core::app::group_settings::UNREAD_PAGE;
use chinwag_core::store::Unread;
use chinwag_core::{Error, GroupId};
use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::session::Session;
use crate::wire::outgoing;
use crate::wire::summary::SummaryMore;

/// The pause before a busy store is queried again.
const RETRY: Duration = Duration::from_secs(1);

/// Counts for one socket at a time, so that many reconnecting clients do not overload the store.
static TURN: Semaphore = Semaphore::const_new(1);

/// Counts the unread messages in `groups`, and sends the sum if the session's socket still exists.
pub(super) fn begin(session: &Arc<Session>, groups: Vec<GroupId>) {
    let session = Arc::downgrade(session);
    tokio::spawn(async move {
        let _turn = TURN.acquire().await;
        let (mut sum, mut left) = (Unread::default(), &groups[..]);
        loop {
            let Some(session) = session.upgrade() else { return };
            if left.is_empty() {
                let more = SummaryMore { unread: sum.unread, mentioned: sum.mentioned };
                return session.send(outgoing::answer(more, None));
            }
            let (page, rest) = left.split_at(UNREAD_PAGE.min(left.len()));
            match session.state.app.unread(&session.context(None), page.to_vec()).await {
                Ok(found) => {
                    sum += found;
                    left = rest;
                }
                Err(Error::Unavailable(_)) => {
                    drop(session);
                    sleep(RETRY).await;
                }
                Err(error) => {
                    tracing::error!(%error, "the unread messages of the groups that a summary omits could not be counted");
                    return;
                }
            }
        }
    });
}
