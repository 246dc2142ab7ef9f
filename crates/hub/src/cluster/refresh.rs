//! The refresh: after the link was down, every user receives its relations and contacts again. Their events
//! have no numbers that would reveal a loss.

use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use chinwag_core::presence::Status;
use chinwag_core::relation::Relations;
use chinwag_core::{Name, Result, UserId};
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::user::User;
use crate::{Hub, Socket};

/// Users whose relations are read per job of the store.
const BATCH: usize = 16;
/// Delay before the next attempt after the store failed.
const RETRY: Duration = Duration::from_secs(1);

/// Waits for a request, then refreshes every user once.
pub(super) async fn run(hub: Weak<Hub>, asked: Arc<Notify>) {
    loop {
        asked.notified().await;
        let Some(hub) = hub.upgrade() else { return };
        let mut users = Vec::new();
        hub.users.each(|user| {
            if user.lock().is_live() {
                users.push(user.clone());
            }
        });
        let batches = u32::try_from(users.len().div_ceil(BATCH)).unwrap_or(u32::MAX).max(1);
        let step = hub.options.nodes.refresh_over / batches;
        for users in users.chunks(BATCH) {
            while let Err(error) = hub.refresh(users).await {
                tracing::warn!(%error, "the contacts of connected users cannot be read yet");
                sleep(RETRY).await;
            }
            sleep(step).await;
        }
    }
}

impl Hub {
    async fn refresh(&self, users: &[Arc<User>]) -> Result<()> {
        let mut paused: Vec<Vec<Arc<Socket>>> = Vec::with_capacity(users.len());
        for user in users {
            let state = user.lock();
            let live = state.sockets.iter().filter(|entry| entry.live && entry.socket.pause());
            paused.push(live.map(|entry| entry.socket.clone()).collect());
        }
        let found = self.relations_of(users.iter().map(|user| user.id).collect()).await;
        for (at, sockets) in paused.iter().enumerate() {
            let frames = match &found {
                Ok(found) => self.contact_frames(&found[at]),
                Err(_) => Vec::new(),
            };
            for socket in sockets {
                let frames = if socket.is_scoped() { Vec::new() } else { frames.clone() };
                self.resume(socket, frames, &[]);
            }
        }
        found.map(|_| ())
    }

    fn contact_frames(&self, (relations, contacts): &UserRelations) -> Vec<Bytes> {
        let ids: Vec<_> = contacts.iter().map(|(id, _)| *id).collect();
        let names = contacts.iter().map(|(_, name)| name.clone());
        let presence: Vec<(Name, Status)> = names.zip(self.status_of(&ids)).collect();
        self.encode.contacts(relations, &presence)
    }

    async fn relations_of(&self, users: Vec<UserId>) -> Result<Vec<UserRelations>> {
        let job = move |tx: &dyn chinwag_core::store::Tx| {
            users.iter().map(|user| Ok((tx.relations(*user)?, tx.contacts(*user)?))).collect()
        };
        let mut found: Vec<UserRelations> = self.store.read(job).await?;
        if !self.options.show_blocked_by {
            for (relations, _) in &mut found {
                relations.blocked_by.clear();
            }
        }
        Ok(found)
    }
}

type UserRelations = (Relations, Vec<(UserId, Name)>);
