//! Sending notifications to browsers and phones, as Web Push says (RFC 8030, 8291, 8292). One node at a time sends, as a
//! follower.

pub(crate) mod client;
pub(crate) mod encrypt;
mod follower;
mod online;
mod origins;
mod sending;
mod vapid;

pub use follower::run;
pub use vapid::prepare;
