//! The store on a real PostgreSQL, which the tests start themselves.

mod alike;
mod faults;
mod opening;
mod sending;
mod suite;
mod version;
mod world;
