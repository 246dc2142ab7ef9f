//! Members who were online when a message arrived. They are notified if they go offline without reading it.
//!
//! **Bound.** Users are watched for [`WATCHED_FOR`] after a message. At most [`WATCHED`] pairs of user and
//! message group are kept, those who went offline included; beyond that the oldest are dropped. **Loss.** The state
//! is in memory, so when the node stops its users are no longer watched.

use std::collections::VecDeque;
use std::time::Duration;

use chinwag_core::UserId;
use chinwag_core::app::push::OnlineMembers;
use tokio::time::Instant;

/// How long a user is watched. It is longer than a silent socket counts as online.
const WATCHED_FOR: Duration = Duration::from_secs(180);
/// The maximum number of watched users, counted once per group of messages.
const WATCHED: usize = 100_000;
/// The bounds of the polling interval.
const MIN_POLL_INTERVAL: Duration = Duration::from_secs(1);
const MAX_POLL_INTERVAL: Duration = Duration::from_secs(10);

/// The watched users, and those who went offline.
pub(super) struct OnlineUsers {
    watched: VecDeque<(Instant, OnlineMembers)>,
    count: usize,
    /// Users who went offline. They stay here until they are notified.
    gone: VecDeque<OnlineMembers>,
    check_at: Instant,
}

impl OnlineUsers {
    pub(super) fn new() -> Self {
        Self { watched: VecDeque::new(), count: 0, gone: VecDeque::new(), check_at: Instant::now() }
    }

    /// Watches users from now on.
    pub(super) fn watch(&mut self, members: Vec<OnlineMembers>) {
        let until = Instant::now() + WATCHED_FOR;
        for members in members {
            self.count += members.users.len();
            self.watched.push_back((until, members));
        }
        while self.count > WATCHED {
            self.drop_oldest();
        }
    }

    /// Checks who has gone offline, unless the last check was less than about `every` ago.
    pub(super) fn check_offline(&mut self, every: Duration, online: impl Fn(&[UserId]) -> Vec<bool>) {
        let now = Instant::now();
        if now < self.check_at {
            return;
        }
        self.check_at = now + every.clamp(MIN_POLL_INTERVAL, MAX_POLL_INTERVAL);
        while self.watched.front().is_some_and(|(until, _)| *until <= now) {
            self.drop_oldest();
        }
        for (_, members) in &mut self.watched {
            let mut online = online(&members.users).into_iter();
            let (present, gone): (Vec<_>, Vec<_>) =
                members.users.drain(..).partition(|_| online.next().unwrap_or(false));
            members.users = present;
            if !gone.is_empty() {
                self.gone.push_back(OnlineMembers { users: gone, ..members.clone() });
            }
        }
        self.watched.retain(|(_, members)| !members.users.is_empty());
    }

    /// Takes the next users who went offline. [`put_back`](Self::put_back) returns them after a failure.
    pub(super) fn take_gone(&mut self) -> Option<OnlineMembers> {
        let members = self.gone.pop_front()?;
        self.count -= members.users.len();
        Some(members)
    }

    /// Puts users behind the others who went offline, so that a failure that repeats holds up none of them.
    pub(super) fn put_back(&mut self, members: OnlineMembers) {
        self.count += members.users.len();
        self.gone.push_back(members);
    }

    fn drop_oldest(&mut self) {
        let watched = self.watched.pop_front().map(|(_, members)| members);
        let oldest = watched.or_else(|| self.gone.pop_front());
        self.count -= oldest.map_or(0, |members| members.users.len());
    }
}

#[cfg(test)]
mod tests {
    use chinwag_core::GroupId;
    use uuid::Uuid;

    use super::*;

    fn members(users: impl IntoIterator<Item = i64>) -> OnlineMembers {
        let users = users.into_iter().map(UserId).collect();
        OnlineMembers { group: GroupId(Uuid::nil()), messages: vec![], users }
    }

    /// Checks while one user is offline.
    fn check(online: &mut OnlineUsers, gone: i64) -> Vec<OnlineMembers> {
        online.check_offline(Duration::ZERO, |users| users.iter().map(|user| user.0 != gone).collect());
        std::iter::from_fn(|| online.take_gone()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn user_who_goes_within_the_time_is_found_once() {
        let mut online = OnlineUsers::new();
        online.watch(vec![members([1, 2])]);
        assert_eq!(check(&mut online, 2), [members([2])]);
        tokio::time::advance(WATCHED_FOR / 2).await;
        assert_eq!(check(&mut online, 2), []);
        tokio::time::advance(WATCHED_FOR).await;
        assert_eq!(check(&mut online, 1), [], "long after the message");
        assert!(online.watched.is_empty() && online.count == 0);
    }

    #[tokio::test(start_paused = true)]
    async fn beyond_the_bound_the_oldest_go() {
        let mut online = OnlineUsers::new();
        let many = i64::try_from(WATCHED).expect("small");
        online.watch(vec![members([1]), members(2..=many), members([many + 1])]);
        assert_eq!(online.count, WATCHED);
        assert_eq!(check(&mut online, 1), []);
    }
}
