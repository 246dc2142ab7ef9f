//! Sending the events of the feed to webhooks: signed requests, as Standard Webhooks 1.0 says. One node at a time sends, as a
//! follower.

pub(crate) mod client;
mod follower;
mod sending;
pub(crate) mod signature;

pub use follower::run;
