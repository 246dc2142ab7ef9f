//! Password hashing on blocking threads with bounded concurrency: one hash takes tens of milliseconds of CPU time and
//! 19 MiB. Waiting sign-ins are served round-robin by address, and addresses share the slots of the queue fairly.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chinwag_core::password::Password;
use chinwag_core::{Error, Result};
use tokio::sync::oneshot;

/// Concurrent hashes.
const MAX_RUNNING: usize = 2;
/// Sign-ins in the queue; further ones are answered with 503.
const MAX_QUEUED: usize = 32;

#[derive(Default)]
pub(super) struct Passwords(Arc<Mutex<HashQueue>>);

/// The waiting sign-ins, by address.
#[derive(Default)]
struct HashQueue {
    running: usize,
    waiting: usize,
    by_address: HashMap<IpAddr, VecDeque<oneshot::Sender<Turn>>>,
    /// Addresses with a waiting sign-in, in the order of their turns.
    turns: VecDeque<IpAddr>,
}

/// A permit to hash. On drop it passes to the next sign-in.
struct Turn(Option<Arc<Mutex<HashQueue>>>);

impl Passwords {
    /// Hashes a password for a caller at `from`. Returns a PHC string.
    pub(super) async fn hash(&self, password: Password, from: IpAddr) -> Result<String> {
        self.run(from, move || password.hash()).await?
    }

    /// Whether a password matches `phc`. Takes the same time without one.
    pub(super) async fn verify(&self, password: Password, phc: Option<String>, from: IpAddr) -> Result<bool> {
        self.run(from, move || password.verify(phc.as_deref())).await
    }

    async fn run<T: Send + 'static>(
        &self,
        from: IpAddr,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let turn = match self.enter(from)? {
            Ok(turn) => turn,
            // The sender is dropped when another address needs the slot.
            Err(waiting) => waiting.await.map_err(|_| Error::unavailable())?,
        };
        // The work continues if its caller disconnects, and holds its turn until it ends.
        let work = move || {
            let done = work();
            drop(turn);
            done
        };
        tokio::task::spawn_blocking(work).await.map_err(Error::internal)
    }

    /// Returns a turn at once, or queues for one.
    fn enter(&self, from: IpAddr) -> Result<Result<Turn, oneshot::Receiver<Turn>>> {
        let mut queue = lock(&self.0);
        if queue.running < MAX_RUNNING {
            queue.running += 1;
            return Ok(Ok(Turn(Some(self.0.clone()))));
        }
        if queue.waiting >= MAX_QUEUED {
            queue.make_room(from)?;
        }
        let (sender, receiver) = oneshot::channel();
        queue.waiting += 1;
        let of_address = queue.by_address.entry(from).or_default();
        of_address.push_back(sender);
        if of_address.len() == 1 {
            queue.turns.push_back(from);
        }
        Ok(Err(receiver))
    }
}

impl HashQueue {
    /// Makes room in the queue for `from`, if necessary by dropping a sign-in of the address with the most waiting.
    fn make_room(&mut self, from: IpAddr) -> Result<()> {
        for waiting in self.by_address.values_mut() {
            waiting.retain(|sender| !sender.is_closed());
        }
        self.by_address.retain(|_, waiting| !waiting.is_empty());
        self.turns.retain(|address| self.by_address.contains_key(address));
        self.waiting = self.by_address.values().map(VecDeque::len).sum();
        if self.waiting < MAX_QUEUED {
            return Ok(());
        }
        let own = self.by_address.get(&from).map_or(0, VecDeque::len);
        let longest = self.by_address.iter_mut().max_by_key(|(_, waiting)| waiting.len());
        let Some((_, waiting)) = longest.filter(|(_, waiting)| waiting.len() > own + 1) else {
            return Err(Error::unavailable());
        };
        waiting.pop_back();
        self.waiting -= 1;
        Ok(())
    }

    /// The next sign-in in the queue.
    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        let address = self.turns.pop_front()?;
        let waiting = self.by_address.get_mut(&address)?;
        let sender = waiting.pop_front();
        if waiting.is_empty() {
            self.by_address.remove(&address);
        } else {
            self.turns.push_back(address);
        }
        self.waiting -= 1;
        sender
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(queue) = self.0.take() else { return };
        loop {
            let mut state = lock(&queue);
            let Some(sender) = state.next() else {
                state.running -= 1;
                return;
            };
            drop(state);
            match sender.send(Turn(Some(queue.clone()))) {
                Ok(()) => return,
                // The caller has disconnected: offer the turn to the next one.
                Err(mut turn) => drop(turn.0.take()),
            }
        }
    }
}

fn lock(queue: &Mutex<HashQueue>) -> MutexGuard<'_, HashQueue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, n])
    }

    fn waits(entered: Result<Result<Turn, oneshot::Receiver<Turn>>>) -> oneshot::Receiver<Turn> {
        match entered {
            Ok(Err(receiver)) => receiver,
            Ok(Ok(_)) => panic!("there was a turn"),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn addresses_take_turns_and_share_the_queue() {
        let passwords = Passwords::default();
        let enter = |n| passwords.enter(address(n));
        let running = [(); MAX_RUNNING].map(|()| enter(1).expect("room").ok().expect("a turn"));
        let mut flood: Vec<_> = (0..MAX_QUEUED).map(|_| waits(enter(1))).collect();
        assert!(matches!(enter(1), Err(Error::Unavailable(_))), "the flood has all places");
        let mut owner = waits(enter(2));
        let mut last = flood.pop().expect("the queue was full");
        assert!(last.try_recv().is_err() && last.is_terminated(), "the flood's last made room");
        drop(running);
        assert!(flood[0].try_recv().is_ok(), "who came first");
        let turn = owner.try_recv().expect("the second turn is the other address's");
        assert!(flood[2].try_recv().is_err());
        drop(turn);
    }

    #[test]
    fn disconnected_callers_release_their_turn() {
        let passwords = Passwords::default();
        let enter = || passwords.enter(address(1));
        let running = [(); MAX_RUNNING].map(|()| enter().expect("room").ok().expect("a turn"));
        let gone: Vec<_> = (0..MAX_QUEUED).map(|_| waits(enter())).collect();
        drop(gone);
        let mut left = waits(enter());
        drop(running);
        drop(left.try_recv().expect("its turn has come"));
        assert_eq!(lock(&passwords.0).running, 0);
    }
}
