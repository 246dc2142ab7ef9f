//! Replication: the position of each group on this node, the position of each socket in its groups, and the
//! rules that advance both. Everything here is pure: no I/O, no locks, no clock. The
//! [dispatcher](crate::dispatcher) and the [queues](crate::queue) drive it.

pub(crate) mod buffer;
pub(crate) mod cursor;
pub(crate) mod effect;
#[cfg(test)]
mod explore;
pub(crate) mod fault;
pub(crate) mod fetch;
pub(crate) mod group;
pub(crate) mod invitations;
pub(crate) mod snapshot;
#[cfg(test)]
mod tests;
