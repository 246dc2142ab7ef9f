//! Replication: each group's position on this node, each socket's position in its groups, and how both
//! move. All of it is pure: no I/O, no locks, no clock. The [dispatcher](crate::dispatcher) and the
//! [queues](crate::queue) drive it.

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
