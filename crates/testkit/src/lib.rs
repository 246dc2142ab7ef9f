//! Tools of several crates' tests: conformance suites that every implementation of a port must
//! pass, and the recorders they look into. Nothing here is part of the server.

#[cfg(feature = "app")]
pub mod app;
#[cfg(feature = "app")]
pub mod browser;
#[cfg(feature = "bucket")]
pub mod bucket;
pub mod bus;
#[cfg(feature = "app")]
pub mod client;
pub mod clock;
pub mod fault;
pub mod file_store;
#[cfg(feature = "app")]
pub mod jwt;
#[cfg(feature = "app")]
pub mod nginx;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "app")]
pub mod process;
#[cfg(feature = "net")]
pub mod proxy;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(feature = "app")]
pub mod setup;
pub mod store;
#[cfg(feature = "app")]
pub mod trial;
pub mod wait;
#[cfg(feature = "app")]
pub mod webhook;
#[cfg(feature = "app")]
pub mod ws;
