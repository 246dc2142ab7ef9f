//! Chinwag's transports: REST, the WebSocket, the web pages, and the wire format of both.
//!
//! This crate parses a request, calls a use case of `chinwag-core`, and writes the response; it contains no rules of
//! the chat itself. [`Front`] routes all paths; [`serve()`] is the loop that accepts connections.

mod act_as;
mod admission;
pub mod api;
mod assets;
mod asyncapi;
pub mod auth;
pub mod before_send;
mod cursor;
pub mod error;
pub mod export;
mod extract;
mod features;
mod files;
mod follower;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod guides;
mod health;
mod hex;
pub mod huge_pages;
mod key;
mod logged;
pub mod network;
mod notice;
mod openapi;
mod options;
mod packed;
mod permits;
mod pipeline;
#[cfg(test)]
mod protocol_tables;
pub mod push;
mod rest;
mod router;
mod routes;
mod scopes;
mod serve;
pub mod sessions;
mod shares;
mod state;
mod store_probe;
pub mod trace;
mod unknown;
mod waiting;
pub mod webhook;
pub mod wire;
pub mod work;
pub mod ws;

pub use api::CLIENT_EVENTS;
pub use asyncapi::asyncapi;
pub use before_send::{HookOptions, SendHook};
pub use files::intake::{FileIntake, IntakeError};
pub use key::ServiceKey;
pub use network::acme::{AcmeOptions, AcmeStatus};
pub use network::public_url::PublicUrl;
pub use network::range::Network;
pub use network::tls::TlsAcceptor;
pub use openapi::openapi;
pub use options::{FileOptions, Options, PushOptions, Tls, TraceOptions, TraceParents, WebhookOptions};
pub use router::Front;
pub use routes::{ROUTES, RouteEntry, RouteExample, RouteRules};
pub use serve::serve;
pub use state::ServerState;
pub use ws::{ClientEventEntry, Example, Right};
