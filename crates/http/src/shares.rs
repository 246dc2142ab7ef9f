//! The shares of a user and of an address: concurrent reads, streamed lists, and unread response bytes.
//!
//! Reads are not charged to a rate limit, so without shares one user could occupy all reader threads of the store, or
//! all request permits with lists that it reads slowly. A share without holders is dropped.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use chinwag_core::rate::Key;
use chinwag_core::{Error, Result, UserId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::permits::network;

/// Concurrent reads of one user: fewer than the store has threads, so that some remain for others.
const USER_TURNS: usize = 2;
/// Reads of one user that may wait for a turn.
const USER_LINE: usize = 100;
/// Concurrent streamed lists of one user.
const USER_LISTS: usize = 10;
/// The timeout for a request's turn. It is only exceeded if the store does not answer.
const TURN_WITHIN: Duration = Duration::from_secs(15);

/// The shares in use.
pub(crate) struct Shares {
    held: Arc<HeldShares>,
    /// Concurrent reads of one address, and also its concurrent streamed lists.
    address_turns: usize,
    /// Reads of one address that may wait for a turn.
    address_line: usize,
}

type HeldShares = Mutex<HashMap<Key, Weak<Share>>>;

/// The share of one user, or of one address.
pub(crate) struct Share {
    key: Key,
    turns: Arc<Semaphore>,
    line: Semaphore,
    lists: Arc<Semaphore>,
    waiting_bytes: AtomicUsize,
    held: Arc<HeldShares>,
}

/// The lines in which a request's reads wait for turns: that of its user, and that of its address.
#[derive(Clone)]
pub(crate) struct ReadLine {
    user: Arc<Share>,
    /// `None` for a trusted proxy's own requests.
    address: Option<Arc<Share>>,
}

/// A turn to read. It ends on drop.
pub(crate) struct ReadTurn {
    _of_user: OwnedSemaphorePermit,
    _of_address: Option<OwnedSemaphorePermit>,
    /// The line for the next turn. It holds the shares.
    pub(crate) line: ReadLine,
}

/// A turn of an address alone. It ends on drop.
pub(crate) struct AddressTurn {
    _turn: OwnedSemaphorePermit,
    /// Keeps the share, which counts the turn.
    _share: Arc<Share>,
}

/// The permits of a streamed list, released on drop.
pub(crate) struct ListPermits {
    _of_user: OwnedSemaphorePermit,
    _of_address: Option<OwnedSemaphorePermit>,
}

impl Shares {
    /// Shares for a server with `requests` concurrent requests. One address may have a tenth of them.
    pub(crate) fn new(requests: usize) -> Self {
        let address_turns = (requests / 10).clamp(1, Semaphore::MAX_PERMITS);
        Self { held: Arc::default(), address_turns, address_line: requests.min(Semaphore::MAX_PERMITS) }
    }

    /// The share of a user.
    pub(crate) fn of_user(&self, user: UserId) -> Arc<Share> {
        self.of(Key::User(user), USER_TURNS, USER_LINE, USER_LISTS)
    }

    /// The line of a user's reads from an address.
    pub(crate) fn line(&self, user: &Arc<Share>, address: Option<IpAddr>) -> ReadLine {
        ReadLine { user: user.clone(), address: address.map(|address| self.of_address(address)) }
    }

    /// Waits for a turn of an address to read before the user is known. Fails if too many are waiting, or after a
    /// timeout.
    pub(crate) async fn address_turn(&self, address: IpAddr) -> Result<AddressTurn> {
        let share = self.of_address(address);
        let turn = timeout(TURN_WITHIN, share.enter()).await.unwrap_or_else(|_| Err(Error::unavailable()))?;
        Ok(AddressTurn { _turn: turn, _share: share })
    }

    fn of_address(&self, address: IpAddr) -> Arc<Share> {
        let key = Key::Address(network(address));
        self.of(key, self.address_turns, self.address_line, self.address_turns)
    }

    fn of(&self, key: Key, turns: usize, line: usize, lists: usize) -> Arc<Share> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = held.get(&key).and_then(Weak::upgrade) {
            return share;
        }
        let share = Arc::new(Share {
            key,
            turns: Arc::new(Semaphore::new(turns)),
            line: Semaphore::new(line),
            lists: Arc::new(Semaphore::new(lists)),
            waiting_bytes: AtomicUsize::new(0),
            held: self.held.clone(),
        });
        held.insert(key, Arc::downgrade(&share));
        share
    }
}

impl Share {
    /// The unread response bytes.
    pub(crate) fn waiting_bytes(&self) -> &AtomicUsize {
        &self.waiting_bytes
    }

    /// Waits for a turn. Fails if too many are waiting.
    async fn enter(&self) -> Result<OwnedSemaphorePermit> {
        let _place = self.line.try_acquire().map_err(|_| Error::TooMany(Duration::from_secs(1)))?;
        self.turn().await
    }

    /// A permit for another streamed list. Fails if none is left.
    fn list(&self) -> Result<OwnedSemaphorePermit> {
        let place = self.lists.clone().try_acquire_owned();
        place.map_err(|_| Error::TooMany(Duration::from_secs(1)))
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit> {
        self.turns.clone().acquire_owned().await.map_err(|_| Error::unavailable())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        // A new share may have replaced this one.
        if held.get(&self.key).is_some_and(|share| share.strong_count() == 0) {
            held.remove(&self.key);
        }
    }
}

impl ReadLine {
    /// Waits for the first turn of a request. Fails if too many are waiting, or after a timeout.
    pub(crate) async fn enter(&self) -> Result<ReadTurn> {
        let turns = async {
            let of_user = self.user.enter().await?;
            let of_address = match &self.address {
                Some(address) => Some(address.enter().await?),
                None => None,
            };
            Ok(ReadTurn { _of_user: of_user, _of_address: of_address, line: self.clone() })
        };
        timeout(TURN_WITHIN, turns).await.unwrap_or_else(|_| Err(Error::unavailable()))
    }

    /// Waits for another turn of a request that has had one.
    pub(crate) async fn turn(&self) -> Result<ReadTurn> {
        let of_user = self.user.turn().await?;
        let of_address = match &self.address {
            Some(address) => Some(address.turn().await?),
            None => None,
        };
        Ok(ReadTurn { _of_user: of_user, _of_address: of_address, line: self.clone() })
    }

    /// The permits for another streamed list. Fails if the user or the address has none left.
    pub(crate) fn list(&self) -> Result<ListPermits> {
        let of_address = self.address.as_ref().map(|address| address.list()).transpose()?;
        Ok(ListPermits { _of_user: self.user.list()?, _of_address: of_address })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn one_users_reads_queue_without_delaying_other_users() {
        let shares = Shares::new(1024);
        let line = |user| shares.line(&shares.of_user(UserId(user)), None);
        let first = line(1).enter().await.expect("a turn");
        let _second = line(1).enter().await.expect("a turn");
        let line_of_one = line(1);
        let mut waiting: Vec<_> = (0..USER_LINE).map(|_| Box::pin(line_of_one.enter())).collect();
        for third in &mut waiting {
            assert!(third.now_or_never().is_none(), "two run");
        }
        assert!(matches!(line(1).enter().now_or_never(), Some(Err(Error::TooMany(_)))), "the line is full");
        line(2).enter().now_or_never().expect("at once").expect("another user's turn");
        drop(first);
        waiting.swap_remove(0).now_or_never().expect("at once").expect("the first in the line is next");
    }

    #[tokio::test]
    async fn users_of_one_address_share_its_turns() {
        let shares = Shares::new(30);
        let address = |n: u8| Some(IpAddr::from([10, 0, 0, n]));
        let line = |user, n| shares.line(&shares.of_user(UserId(user)), address(n));
        let mut turns = Vec::new();
        for user in 0..3 {
            turns.push(line(user, 1).enter().await.expect("a turn"));
        }
        assert!(line(3, 1).enter().now_or_never().is_none(), "three are a tenth");
        line(4, 2).enter().now_or_never().expect("at once").expect("another address");
        turns.clear();
        assert!(shares.held.lock().expect("no panic").is_empty(), "what nobody holds is forgotten");
    }
}
