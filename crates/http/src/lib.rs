//! Chinwag's doors: REST, the WebSocket, the pages, and what they say on the wire.
//!
//! A request is parsed here, carried out by a use case of `chinwag-core`, and answered here; no
//! rule lives in between. [`Front`] is every path there is, [`serve()`] the loop that accepts
//! connections for it.

mod admission;
mod assets;
mod asyncapi;
pub mod auth;
mod doors;
pub mod error;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod health;
mod notice;
mod openapi;
mod places;
mod rest;
mod router;
mod serve;
mod unknown;
pub mod wire;
pub mod work;
pub mod ws;

pub use asyncapi::asyncapi;
pub use auth::{Network, PublicUrl, ServiceKey};
pub use doors::{Doors, Options, Tls};
pub use openapi::openapi;
pub use router::Front;
pub use serve::serve;
pub use ws::EVENTS;
