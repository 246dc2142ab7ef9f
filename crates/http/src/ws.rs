//! The WebSocket transport: the handshake, the loop of a socket, and the client events.

mod changes;
pub(crate) mod client_event;
mod dispatch;
pub(crate) mod events;
mod gathered;
mod handshake;
mod more;
mod opening;
mod pace;
mod session;
mod socket;
mod window;

pub use client_event::{ClientEventEntry, Example, Right};
#[cfg(feature = "fuzzing")]
pub(crate) use dispatch::envelope;
pub(crate) use handshake::handshake;
