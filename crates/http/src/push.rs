//! Push notifications to browsers and phones by Web Push (RFC 8030, 8291, 8292). A follower sends them, on one node
//! at a time.

mod authorizations;
pub(crate) mod client;
pub(crate) mod encrypt;
mod follower;
mod online;
mod sending;
mod slots;
mod vapid;

pub use follower::run;
pub use vapid::prepare;
