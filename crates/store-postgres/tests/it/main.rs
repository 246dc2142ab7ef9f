//! The store on a real PostgreSQL, which the tests start themselves.

mod alike;
mod faults;
mod index;
mod opening;
mod sending;
mod suite;
mod version;
mod world;
