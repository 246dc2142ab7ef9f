//! The order of questions: those of one user in one lane are asked one after the other.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Context;
use std::time::Duration;

use chinwag_core::before_send::{QUESTIONS_OF_USER, QuestionLane, QuestionTurn};
use chinwag_core::store::Answer;
use chinwag_core::{Error, Result, UserId};
use futures_util::task::noop_waker_ref;
use metrics::gauge;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// The wait for the permit of a lane.
type TurnWait = Pin<Box<dyn Future<Output = std::result::Result<OwnedSemaphorePermit, AcquireError>> + Send>>;

/// The current turns, by user.
#[derive(Default, Clone)]
pub(super) struct Turns(Arc<Mutex<HashMap<UserId, UserTurns>>>);

/// The turns of one user: their number, and its lanes with turns.
#[derive(Default)]
struct UserTurns {
    count: usize,
    lanes: HashMap<QuestionLane, UserLane>,
}

struct UserLane {
    count: usize,
    /// One permit, which is granted in the order of the requests.
    order: Arc<Semaphore>,
}

/// A turn in a lane. It ends on drop.
pub(super) struct HookTurn {
    turns: Turns,
    user: UserId,
    lane: QuestionLane,
    waiting: Option<TurnWait>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Turns {
    /// Queues for the next turn. Its position in the order is fixed when this returns.
    pub(super) fn take(&self, user: UserId, lane: QuestionLane) -> Result<HookTurn> {
        let mut all = self.lock();
        let of_user = all.entry(user).or_default();
        if of_user.count >= QUESTIONS_OF_USER {
            return Err(Error::TooMany(Duration::from_secs(1)));
        }
        of_user.count += 1;
        let new = || UserLane { count: 0, order: Arc::new(Semaphore::new(1)) };
        let of_lane = of_user.lanes.entry(lane).or_insert_with(new);
        of_lane.count += 1;
        let mut waiting: TurnWait = Box::pin(of_lane.order.clone().acquire_owned());
        // The first poll enters the semaphore's queue.
        let permit = match waiting.as_mut().poll(&mut Context::from_waker(noop_waker_ref())) {
            std::task::Poll::Ready(permit) => permit.ok(),
            std::task::Poll::Pending => None,
        };
        let waiting = if permit.is_some() { None } else { Some(waiting) };
        gauge!("chinwag_hook_waiting").increment(1.0);
        Ok(HookTurn { turns: self.clone(), user, lane, waiting, permit })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, UserTurns>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl QuestionTurn for HookTurn {
    fn wait(&mut self) -> Answer<'_, ()> {
        Box::pin(async move {
            if let Some(waiting) = self.waiting.as_mut() {
                self.permit = Some(waiting.await.map_err(Error::internal)?);
                self.waiting = None;
            }
            Ok(())
        })
    }
}

impl Drop for HookTurn {
    fn drop(&mut self) {
        // Leaves the queue, or passes the permit to the next turn.
        self.waiting = None;
        self.permit = None;
        gauge!("chinwag_hook_waiting").decrement(1.0);
        let mut all = self.turns.lock();
        let Entry::Occupied(mut of_user) = all.entry(self.user) else { return };
        let turns = of_user.get_mut();
        turns.count -= 1;
        if let Entry::Occupied(mut of_lane) = turns.lanes.entry(self.lane) {
            of_lane.get_mut().count -= 1;
            if of_lane.get().count == 0 {
                of_lane.remove();
            }
        }
        if turns.count == 0 {
            of_user.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use chinwag_core::GroupId;
    use futures_util::FutureExt;
    use uuid::Uuid;

    use super::*;

    const ANN: UserId = UserId(1);

    fn lane(number: u128) -> QuestionLane {
        QuestionLane::Group(GroupId(Uuid::from_u128(number)))
    }

    fn is_granted(turn: &mut HookTurn) -> bool {
        turn.wait().now_or_never().is_some()
    }

    #[test]
    fn turns_of_a_lane_come_in_their_order() {
        let turns = Turns::default();
        let take = |lane| turns.take(ANN, lane).expect("a turn");
        let (mut first, mut second, mut third) = (take(lane(1)), take(lane(1)), take(lane(1)));
        let mut other = take(lane(2));
        let mut others = turns.take(UserId(2), lane(1)).expect("a turn");
        assert!(is_granted(&mut first) && is_granted(&mut other) && is_granted(&mut others));
        assert!(!is_granted(&mut third) && !is_granted(&mut second), "asked in another order");
        drop(first);
        assert!(!is_granted(&mut third) && is_granted(&mut second));
        drop(second);
        assert!(is_granted(&mut third));
    }

    #[test]
    fn an_abandoned_turn_keeps_later_turns_waiting() {
        let turns = Turns::default();
        let take = || turns.take(ANN, lane(1)).expect("a turn");
        let (first, second, mut third) = (take(), take(), take());
        drop(second);
        assert!(!is_granted(&mut third), "the first is under way");
        drop(first);
        assert!(is_granted(&mut third));
    }

    #[test]
    fn user_has_a_bound_over_all_lanes() {
        let turns = Turns::default();
        let mut taken: Vec<_> =
            (0..QUESTIONS_OF_USER as u128).map(|at| turns.take(ANN, lane(at % 3))).collect();
        assert!(taken.iter().all(Result::is_ok));
        assert!(matches!(turns.take(ANN, lane(9)), Err(Error::TooMany(_))));
        assert!(turns.take(UserId(2), lane(1)).is_ok());
        taken.pop();
        assert!(turns.take(ANN, lane(9)).is_ok());
        taken.clear();
        assert!(turns.lock().is_empty(), "nothing is kept");
    }
}
