//! Entries of the audit log for failed sign-ins. So that a flood of them does not fill the disk, their number per
//! hour is bounded; each entry counts the failures since the last one.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::request::Parts;
use chinwag_core::app::audit::FailedSignIn;
use chinwag_core::{Error, Name, Result};

use super::Auth;
use crate::network::peer::Peer;
use crate::permits::network;

/// The maximum number of entries per hour for one kind of failure: of a node, and of one address.
const PER_HOUR: usize = 200;
const PER_ADDRESS: usize = 20;
const HOUR: Duration = Duration::from_secs(3600);

/// The kind of a sign-in. Each kind has its own bound, so that a flood of one kind does not hide failures of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SignInKind {
    /// By password.
    Password,
    /// Through the OpenID Connect provider.
    Provider,
    /// By a key of the service or of a bot.
    Key,
    /// A WebSocket handshake, by token, ticket, JWT or validator.
    Socket,
}

/// The failures of the last hour, by kind.
#[derive(Default)]
pub(super) struct Failures(Mutex<[FailureWindow; 4]>);

/// The recorded failures of one kind, oldest first, at most [`PER_HOUR`].
#[derive(Debug, Default)]
struct FailureWindow {
    noted: VecDeque<(Duration, IpAddr)>,
    /// The failures since the newest entry that were not recorded.
    more: u64,
}

impl Auth {
    /// Returns the outcome of a sign-in, and records it if the credential was refused. A refusal by a rate limit or
    /// under load is not recorded, since the credential was not checked.
    pub(super) async fn noted<T>(
        &self,
        (kind, name): (SignInKind, Option<Name>),
        parts: &Parts,
        outcome: Result<T>,
    ) -> Result<T> {
        if let Err(error @ (Error::Unauthenticated(_) | Error::Forbidden(_))) = &outcome {
            self.note_failure((kind, name), parts, error.to_string()).await;
        }
        outcome
    }

    /// Records a failed sign-in. If that fails, it is counted in the next entry.
    pub(super) async fn note_failure(
        &self,
        (kind, name): (SignInKind, Option<Name>),
        parts: &Parts,
        reason: String,
    ) {
        let (address, now) = (Peer::address_of(parts, &self.options), self.app.clock().elapsed());
        let taken = self.failures.with(kind, |window| window.take(now, network(address)));
        let Some(more) = taken else { return };
        if let Err(error) = self.app.audit_failure(FailedSignIn { name, address, reason, more }).await {
            self.failures.with(kind, |window| window.more += more + 1);
            tracing::warn!(%error, "a failed sign-in is missing in the audit log");
        }
    }
}

impl Failures {
    fn with<T>(&self, kind: SignInKind, change: impl FnOnce(&mut FailureWindow) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner)[kind as usize])
    }
}

impl FailureWindow {
    /// Takes one of the hour's entries. Returns the number of unrecorded failures before it, or `None` if no entry is
    /// left.
    fn take(&mut self, now: Duration, from: IpAddr) -> Option<u64> {
        while self.noted.front().is_some_and(|(date, _)| now.saturating_sub(*date) >= HOUR) {
            self.noted.pop_front();
        }
        let of_address = self.noted.iter().filter(|(_, address)| *address == from).count();
        if self.noted.len() >= PER_HOUR || of_address >= PER_ADDRESS {
            self.more += 1;
            return None;
        }
        self.noted.push_back((now, from));
        Some(std::mem::take(&mut self.more))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, n])
    }

    /// The number of entries for 10,000 failures from these addresses in turn.
    fn noted(window: &mut FailureWindow, now: Duration, addresses: u8) -> usize {
        let from: Vec<_> = (0..addresses).map(address).collect();
        (0..10_000).filter(|n| window.take(now, from[n % from.len()]).is_some()).count()
    }

    #[test]
    fn flood_has_few_entries_and_a_count() {
        let mut window = FailureWindow::default();
        assert_eq!(noted(&mut window, HOUR, 1), 20);
        assert_eq!(window.take(HOUR, address(9)), Some(9980), "another address");
        assert_eq!(window.take(HOUR, address(9)), Some(0));
    }

    #[test]
    fn flood_from_many_addresses_has_few_entries_an_hour() {
        let mut window = FailureWindow::default();
        assert_eq!(noted(&mut window, HOUR, 250), PER_HOUR);
        assert_eq!(noted(&mut window, Duration::from_secs(7199), 250), 0);
        assert_eq!(noted(&mut window, HOUR * 2, 250), PER_HOUR);
        assert_eq!(window.noted.len(), PER_HOUR);
    }
}
