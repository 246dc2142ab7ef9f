//! The protocol over real sockets: every route, event, right and refusal.

mod admission;
mod bad_input;
mod blocks;
mod consent;
mod directory;
mod edge;
mod events;
mod histories;
mod limits;
mod names;
mod original;
mod parsing;
mod recorded;
mod resume;
mod rights;
mod rust_client;
mod small_events;
mod sockets;
mod validator;
mod windows;
