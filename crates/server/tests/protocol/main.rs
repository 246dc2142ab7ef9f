//! The wire, through real sockets: every route, every event, every right, and what is refused.

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
mod resume;
mod rights;
mod small_events;
mod sockets;
mod validator;
mod windows;
