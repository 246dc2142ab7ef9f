//! The WebSocket: the handshake, the socket's loop, and the events that a client may send.

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
