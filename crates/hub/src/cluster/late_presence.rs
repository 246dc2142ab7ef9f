//! Presence changes caused by a roster or by the end of a node. They are announced many users at a time,
//! after reading the users' contacts.

use chinwag_core::{Name, Result, UserId};
use tokio::time::{Duration, sleep};

use super::Cluster;
use crate::Hub;

/// Users whose contacts are read per job of the store.
const BATCH: usize = 64;
/// Up to this number of changes, users are always announced one by one.
const MAX_SINGLE_ANNOUNCEMENTS: usize = 512;
/// Delay before the next attempt after the store failed.
const RETRY: Duration = Duration::from_secs(1);

impl Cluster {
    /// Announces all late changes. If there are more of them than users on this node, every user here
    /// receives all of its contacts instead.
    pub(crate) async fn announce_late(&self, hub: &Hub) {
        if self.peers.late() > MAX_SINGLE_ANNOUNCEMENTS.max(hub.users.len()) {
            for user in self.peers.take_late(usize::MAX) {
                self.announce_now(user, |_| {});
            }
            self.refresh.notify_one();
        }
        loop {
            let users = self.peers.take_late(BATCH);
            if users.is_empty() {
                return;
            }
            match contacts_of(hub, users.clone()).await {
                Ok(found) => found.into_iter().for_each(|(user, found)| self.announce(hub, user, found)),
                Err(error) => {
                    tracing::warn!(%error, "presence is delayed until the store answers");
                    self.peers.put_late(&users);
                    sleep(RETRY).await;
                }
            }
        }
    }

    fn announce(&self, hub: &Hub, user: UserId, found: Option<(Name, Vec<UserId>)>) {
        self.announce_now(user, |status| {
            let Some((author, mut receivers)) = found else { return };
            receivers.push(user);
            hub.publish_status(author, status, receivers, None);
        });
    }
}

type UserContacts = (UserId, Option<(Name, Vec<UserId>)>);

async fn contacts_of(hub: &Hub, users: Vec<UserId>) -> Result<Vec<UserContacts>> {
    let read = move |user: &UserId, tx: &dyn chinwag_core::store::Tx| {
        let Some(found) = tx.user(*user)? else { return Ok((*user, None)) };
        let contacts = tx.contacts(*user)?.into_iter().map(|(id, _)| id).collect();
        Ok((*user, Some((found.name, contacts))))
    };
    hub.store.read(move |tx| users.iter().map(|user| read(user, tx)).collect()).await
}
