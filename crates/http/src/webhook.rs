//! Delivery of feed events to webhooks, as signed requests of Standard Webhooks 1.0. A follower sends them, on one
//! node at a time.

pub(crate) mod client;
mod follower;
mod sending;
pub(crate) mod signature;

pub use follower::run;
