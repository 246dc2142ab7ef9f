//! The wire's own types: what is serialised to clients and parsed from them. serde lives here
//! and nowhere else.

pub mod events;
pub mod fields;
pub mod frame;
pub mod input;
pub mod key;
pub mod object;
pub mod outgoing;
pub mod server_event;
pub mod summary;
