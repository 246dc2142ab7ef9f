//! Rate limits for users, addresses and names: buckets that refill evenly (GCRA), in memory and on a
//! monotonic clock. The nodes of a cluster exchange their counts with a short delay: see [`Rates::unsent`].

mod table;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use self::table::Table;
use crate::limits::RateLimits;
use crate::{Clock, Error, Result, UserId};

/// The most users with buckets that are not full, and the most other keys.
const KEYS: usize = 256 * 1024;

/// The owner of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    /// A user, over all its sockets and requests.
    User(UserId),
    /// An IPv4 address, or a network of IPv6 addresses.
    Address(IpAddr),
    /// Sign-in attempts for one name from one address. The bytes are a hash of both.
    Attempt([u8; 16]),
    /// Sign-in attempts for one name, from all unknown addresses or from all known browsers. The bytes are a
    /// hash of the name.
    Name([u8; 16]),
}

/// The kind of operation that a bucket counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitKind {
    /// Events, and requests other than GET.
    Events,
    Messages,
    /// Changes to groups, memberships, relations, profiles and statuses.
    Changes,
    /// Private groups opened with non-contacts, and strangers added to groups.
    FirstContacts,
    /// New groups.
    Groups,
    Connects,
    Searches,
    /// Sign-in attempts, by [`Key::Address`].
    SignIns,
    /// New accounts, by [`Key::Address`].
    SignUps,
    /// Sign-in attempts, by [`Key::Attempt`].
    Attempts,
    /// Sign-in attempts for one name, by [`Key::Name`].
    NameAttempts,
    /// Refunds. They are not shared with other nodes.
    GivenBack,
    /// Reports of messages.
    Reports,
    /// Sign-in attempts of known browsers for one name, by [`Key::Name`].
    DeviceAttempts,
}

const KINDS: usize = 14;
/// The most kinds per key.
const SLOTS: usize = 9;
/// How many browsers of one name may use up their attempts at the same time.
const DEVICES_AT_ONCE: u32 = 3;
/// The most user names in one change. A request with more names counts as several changes.
const NAMES_OF_A_CHANGE: usize = 100;

/// The cost of an event or request, charged to the user who sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// Free, because it only reads.
    Nothing,
    Event,
    Message,
    /// A change to a group, a membership, a relation, a profile or a status.
    Change,
    /// A change to a group that names this many users.
    Members(usize),
    /// A new group that names this many users.
    Group(usize),
    Search,
    /// A report of a message.
    Report,
    /// A block. It is counted as an event, but never refused.
    Block,
}

/// The size of a bucket, and the time in which it regains one unit, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Quota {
    burst: u64,
    step: u64,
}

/// An amount to charge to a bucket.
#[derive(Debug, Clone, Copy)]
struct Addition {
    slot: usize,
    quota: Quota,
    count: u32,
}

/// A count of this node that is not shared with other nodes yet.
#[derive(Debug, Clone, Copy)]
pub struct Unsent {
    key: Key,
    kind: LimitKind,
    /// How much the count extends the refill time of the bucket.
    pub taken: Duration,
    /// The longest refill time of a bucket of this kind. Excess is not counted.
    pub most: Duration,
}

/// The limits and their current use.
pub struct Rates {
    clock: Arc<dyn Clock>,
    quotas: [Option<Quota>; KINDS],
    users: Table,
    strangers: Table,
    /// Keys with unsent counts, without duplicates. Empty on a single node.
    unsent: Mutex<Vec<Key>>,
    wake: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl Cost {
    fn kinds(self) -> &'static [LimitKind] {
        match self {
            Self::Nothing => &[],
            Self::Event | Self::Block => &[LimitKind::Events],
            Self::Message => &[LimitKind::Events, LimitKind::Messages],
            Self::Change | Self::Members(_) => &[LimitKind::Events, LimitKind::Changes],
            Self::Search => &[LimitKind::Searches],
            Self::Report => &[LimitKind::Events, LimitKind::Reports],
            Self::Group(_) => &[LimitKind::Events, LimitKind::Changes, LimitKind::Groups],
        }
    }

    /// The number of changes to charge. The store's work grows with the number of names.
    fn changes(self) -> u32 {
        let names = match self {
            Self::Members(names) | Self::Group(names) => names,
            _ => 0,
        };
        u32::try_from(names.div_ceil(NAMES_OF_A_CHANGE)).unwrap_or(u32::MAX).max(1)
    }
}

impl LimitKind {
    const ALL: [Self; KINDS] = [
        Self::Events,
        Self::Messages,
        Self::Changes,
        Self::FirstContacts,
        Self::Groups,
        Self::Connects,
        Self::Searches,
        Self::SignIns,
        Self::SignUps,
        Self::Attempts,
        Self::NameAttempts,
        Self::GivenBack,
        Self::Reports,
        Self::DeviceAttempts,
    ];

    /// The kinds of a user's buckets that are shared between nodes.
    const OF_USERS: [Self; 8] = [
        Self::Events,
        Self::Messages,
        Self::Changes,
        Self::FirstContacts,
        Self::Groups,
        Self::Connects,
        Self::Searches,
        Self::Reports,
    ];

    /// Whether one request may count more than once for this kind.
    fn is_of_several(self) -> bool {
        matches!(self, Self::Changes | Self::FirstContacts | Self::GivenBack)
    }

    /// The index of the kind's bucket among those of its key.
    fn slot(self) -> usize {
        match self {
            Self::Events | Self::SignIns | Self::Attempts | Self::NameAttempts => 0,
            Self::Messages | Self::SignUps | Self::DeviceAttempts => 1,
            Self::Changes => 2,
            Self::FirstContacts => 3,
            Self::Groups => 4,
            Self::Connects => 5,
            Self::GivenBack => 6,
            Self::Searches => 7,
            Self::Reports => 8,
        }
    }

    fn of(key: Key) -> &'static [Self] {
        match key {
            Key::User(_) => &Self::OF_USERS,
            Key::Address(_) => &[Self::SignIns, Self::SignUps],
            Key::Attempt(_) => &[Self::Attempts],
            Key::Name(_) => &[Self::NameAttempts, Self::DeviceAttempts],
        }
    }

    fn quota(self, limits: &RateLimits) -> Option<Quota> {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 60 * MINUTE;
        const DAY: u64 = 24 * HOUR;
        match self {
            Self::Events | Self::GivenBack => Quota::refilled(limits.events_burst, limits.events_per_second),
            Self::Messages => Quota::refilled(limits.messages_burst, limits.messages_per_second),
            Self::Changes => Quota::refilled(limits.changes_burst, limits.changes_per_second),
            Self::FirstContacts => Quota::within(limits.first_contacts_per_day, DAY),
            Self::Groups => Quota::within(limits.groups_per_day, DAY),
            Self::Searches => Quota::refilled(limits.searches_burst, limits.searches_per_second),
            Self::Connects => Quota::refilled(limits.connects_burst, limits.connects_per_second),
            Self::SignIns => Quota::within(limits.attempts_per_address, MINUTE),
            Self::SignUps => Quota::within(limits.signups_per_hour, HOUR),
            Self::Reports => Quota::within(limits.reports_per_hour, HOUR),
            Self::Attempts | Self::NameAttempts => Quota::within(limits.attempts_per_name, MINUTE),
            Self::DeviceAttempts => {
                Quota::within(limits.attempts_per_name.saturating_mul(DEVICES_AT_ONCE), MINUTE)
            }
        }
    }
}

impl Quota {
    const SECOND: u64 = 1_000_000_000;

    /// A bucket of `burst` units that refills at `per_second`. `None` if the limit is disabled.
    fn refilled(burst: u32, per_second: u32) -> Option<Self> {
        (burst > 0 && per_second > 0)
            .then(|| Self { burst: burst.into(), step: Self::SECOND / u64::from(per_second) })
    }

    /// A bucket of `count` units that refills evenly within `seconds`. `None` if the limit is disabled.
    fn within(count: u32, seconds: u64) -> Option<Self> {
        (count > 0).then(|| Self { burst: count.into(), step: seconds * Self::SECOND / u64::from(count) })
    }

    /// The time in which an empty bucket refills completely.
    fn window(self) -> u64 {
        self.burst.saturating_mul(self.step)
    }

    /// The longest refill time, including the counts of other nodes. No request waits longer than the window.
    fn most(self) -> u64 {
        self.window().saturating_mul(2).saturating_sub(self.step)
    }
}

impl Rates {
    /// Creates full buckets.
    pub fn new(limits: &RateLimits, clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            quotas: LimitKind::ALL.map(|kind| kind.quota(limits)),
            users: Table::new(KEYS),
            strangers: Table::new(KEYS),
            unsent: Mutex::default(),
            wake: OnceLock::new(),
        }
    }

    /// Charges a user's request, or refuses it and charges nothing.
    pub fn spend(&self, user: UserId, cost: Cost) -> Result<()> {
        match cost {
            Cost::Nothing => Ok(()),
            Cost::Block => {
                self.add(Key::User(user), cost.kinds(), 1, false);
                Ok(())
            }
            _ => self.take_several(Key::User(user), cost.kinds(), cost.changes()),
        }
    }

    /// Charges one unit of each of these kinds, or refuses and charges nothing.
    pub fn take(&self, key: Key, kinds: &[LimitKind]) -> Result<()> {
        self.take_several(key, kinds, 1)
    }

    /// Like [`take`](Self::take), but charges `several` units for the kinds that allow it, at most a full
    /// bucket.
    pub(crate) fn take_several(&self, key: Key, kinds: &[LimitKind], several: u32) -> Result<()> {
        match self.add(key, kinds, several, true) {
            0 => Ok(()),
            wait => Err(Error::TooMany(Duration::from_nanos(wait))),
        }
    }

    /// Refunds a user's request that its use case refused as one too many. Refunds are rate-limited as well,
    /// because each refused request was work for the store; beyond that limit, the charge stays.
    pub fn give_back(&self, user: UserId, cost: Cost) {
        let (key, several) = (Key::User(user), cost.changes());
        if self.take_several(key, &[LimitKind::GivenBack], several).is_ok() {
            let (asked, count) = self.asked(cost.kinds(), several);
            self.table(key).give_back(key, &asked[..count]);
        }
    }

    /// Refuses if [`take`](Self::take) would refuse now. Charges nothing.
    pub fn check(&self, key: Key, kinds: &[LimitKind]) -> Result<()> {
        let limited = kinds.iter().filter_map(|kind| Some((kind.slot(), self.quotas[*kind as usize]?)));
        match limited.map(|(slot, quota)| self.table(key).wait(key, slot, quota, self.now())).max() {
            None | Some(0) => Ok(()),
            Some(wait) => Err(Error::TooMany(Duration::from_nanos(wait))),
        }
    }

    /// Charges a request and returns 0. If `refuse` is set and there is no room, charges nothing and returns
    /// the wait.
    fn add(&self, key: Key, kinds: &[LimitKind], several: u32, refuse: bool) -> u64 {
        let (asked, count) = self.asked(kinds, several);
        if count == 0 {
            return 0;
        }
        let shared = self.wake.get();
        let added = self.table(key).add(key, &asked[..count], refuse, shared.is_some(), self.now());
        if let (Some(wake), true) = (shared, added.newly_unsent) {
            self.unsent.lock().unwrap_or_else(PoisonError::into_inner).push(key);
            wake();
        }
        added.wait
    }

    /// The amounts for those of these kinds that have a limit, and the number of valid array elements.
    fn asked(&self, kinds: &[LimitKind], several: u32) -> ([Addition; SLOTS], usize) {
        let mut asked = [Addition { slot: 0, quota: Quota { burst: 0, step: 0 }, count: 0 }; SLOTS];
        let mut used = 0;
        for kind in kinds {
            if let Some(quota) = self.quotas[*kind as usize] {
                let burst = u32::try_from(quota.burst).unwrap_or(u32::MAX);
                let count = if kind.is_of_several() { several.min(burst) } else { 1 };
                asked[used] = Addition { slot: kind.slot(), quota, count };
                used += 1;
            }
        }
        (asked, used)
    }

    /// Starts to collect counts for other nodes. `wake` is called when there are unsent counts, and must not
    /// block.
    pub fn share(&self, wake: impl Fn() + Send + Sync + 'static) {
        let _ = self.wake.set(Box::new(wake));
    }

    /// Takes the unsent counts of up to `most` keys. They are considered sent after this call.
    pub fn unsent(&self, most: usize) -> Vec<Unsent> {
        let mut waiting = self.unsent.lock().unwrap_or_else(PoisonError::into_inner);
        let begin = waiting.len().saturating_sub(most);
        let keys = waiting.split_off(begin);
        drop(waiting);
        let mut unsent = Vec::with_capacity(keys.len());
        for key in keys {
            let Some(taken) = self.table(key).send(key) else { continue };
            for kind in LimitKind::of(key) {
                let (Some(quota), count) = (self.quotas[*kind as usize], taken[kind.slot()]) else {
                    continue;
                };
                if count > 0 {
                    let taken = Duration::from_nanos(quota.step.saturating_mul(count.into()));
                    unsent.push(Unsent { key, kind: *kind, taken, most: Duration::from_nanos(quota.most()) });
                }
            }
        }
        unsent
    }

    /// Sets the remaining refill time of a bucket to the total of all nodes.
    pub fn settle(&self, sent: &Unsent, ahead: Duration) {
        let Some(quota) = self.quotas[sent.kind as usize] else { return };
        let ahead = nanos(ahead).min(quota.most());
        self.table(sent.key).settle(sent.key, sent.kind.slot(), quota, self.now().saturating_add(ahead));
    }

    fn table(&self, key: Key) -> &Table {
        if matches!(key, Key::User(_)) { &self.users } else { &self.strangers }
    }

    fn now(&self) -> u64 {
        nanos(self.clock.elapsed())
    }
}

impl Unsent {
    /// The bucket's name, which is the same on every node.
    pub fn name(&self) -> String {
        let hex = |bytes: &[u8]| bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        let kind = self.kind as usize;
        match &self.key {
            Key::User(id) => format!("{kind}:{}", id.0),
            Key::Address(address) => format!("{kind}:{address}"),
            Key::Attempt(hash) | Key::Name(hash) => format!("{kind}:{}", hex(hash)),
        }
    }
}

impl std::fmt::Debug for Rates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rates").field("quotas", &self.quotas).finish_non_exhaustive()
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
