//! The shares of a user and of an address: reads that run at a time, whole lists on their way, and bytes of answers that
//! wait to be read.
//!
//! A read charges no bucket, so without a share one user could have all threads of the store that read, or all places of
//! requests with lists that it reads slowly. A share that nobody holds is forgotten.

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

/// Reads of one user that run at a time: fewer than the store has threads, so that others find one.
const USER_TURNS: usize = 2;
/// Reads of one user that wait for a turn.
const USER_LINE: usize = 100;
/// Whole lists of one user that are on their way at a time.
const USER_LISTS: usize = 10;
/// The time in which a request gets its turn. Reads take longer than that only where the store does not answer.
const TURN_WITHIN: Duration = Duration::from_secs(15);

/// The shares that are held.
pub(crate) struct Shares {
    held: Arc<HeldShares>,
    /// Reads of one address that run at a time, and its whole lists on their way.
    address_turns: usize,
    /// Reads of one address that wait for a turn.
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

/// The lines in which the reads of a request wait: that of its user, and that of its address.
#[derive(Clone)]
pub(crate) struct ReadLine {
    user: Arc<Share>,
    /// None for a trusted proxy's own.
    address: Option<Arc<Share>>,
}

/// A turn to read, given back when it is dropped.
pub(crate) struct ReadTurn {
    _of_user: OwnedSemaphorePermit,
    _of_address: Option<OwnedSemaphorePermit>,
    /// The line for another turn, which holds the shares.
    pub(crate) line: ReadLine,
}

/// The place of a whole list on its way, given back when it is dropped.
pub(crate) struct ListPlaces {
    _of_user: OwnedSemaphorePermit,
    _of_address: Option<OwnedSemaphorePermit>,
}

impl Shares {
    /// Shares where so many `requests` may be under way. One address may have a tenth of them.
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
        let of_address = |address| {
            let key = Key::Address(network(address));
            self.of(key, self.address_turns, self.address_line, self.address_turns)
        };
        ReadLine { user: user.clone(), address: address.map(of_address) }
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
    /// The bytes of answers that wait to be read.
    pub(crate) fn waiting_bytes(&self) -> &AtomicUsize {
        &self.waiting_bytes
    }

    /// Waits for a turn. Refuses if too many wait already.
    async fn enter(&self) -> Result<OwnedSemaphorePermit> {
        let _place = self.line.try_acquire().map_err(|_| Error::TooMany(Duration::from_secs(1)))?;
        self.turn().await
    }

    /// The place of one more whole list on its way, if it may have one.
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
        // A new one may have taken its place meanwhile.
        if held.get(&self.key).is_some_and(|share| share.strong_count() == 0) {
            held.remove(&self.key);
        }
    }
}

impl ReadLine {
    /// Waits for a turn of a new request. Refuses if too many wait already, or if it waits too long.
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

    /// Places for one more whole list on its way. Refuses if the user or the address has as many as it may.
    pub(crate) fn list(&self) -> Result<ListPlaces> {
        let of_address = self.address.as_ref().map(|address| address.list()).transpose()?;
        Ok(ListPlaces { _of_user: self.user.list()?, _of_address: of_address })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn reads_of_one_user_take_turns_and_others_find_theirs() {
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
