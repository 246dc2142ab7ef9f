//! The WebSocket door: the handshake, the socket's loop, and what a client may say.

mod events;
mod handshake;
mod more;
mod opening;
mod pace;
mod resume;
mod session;
mod socket;
mod window;

pub use events::EVENTS;
pub(crate) use handshake::handshake;
#[cfg(feature = "fuzzing")]
pub(crate) use session::envelope;
