//! A typed client of the Chinwag chat server.
//!
//! - [`Rest`] calls the REST API.
//! - [`Session`] and [`Updates`] are a WebSocket that reconnects, resumes where it was and sends each
//!   message once.
//! - [`Socket`] is one bare WebSocket, for programs that do their own reconnecting.
//!
//! ```no_run
//! use chinwag_client::{Rest, Session, Update};
//!
//! # async fn run() -> Result<(), chinwag_client::Error> {
//! let rest = Rest::new("http://127.0.0.1:8000").sign_in("ann", "a long password").await?;
//! let (session, mut updates) = Session::connect(&rest);
//! let group = rest.open_private("bob").await?;
//! session.send(group.id, "hello").await?; // resolves once the message is on the server's disk
//! while let Some(update) = updates.next().await {
//!     if let Update::Event(frame) = update {
//!         println!("{:?}", frame.event);
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Contract of a session
//!
//! - **Order.** Each group's numbered events arrive ascending, each once, over any number of reconnects. If a connection is
//!   lost while missed events arrive, the last of them may come once more, unless it is a new message.
//! - **Loss.** Nothing of a group is skipped silently: either its missed events arrive, or
//!   [`Update::Reset`] says that they cannot.
//! - **Once.** A message sent by [`Session::send`] has a `client_id`, so that repeating it after a lost
//!   connection stores it once.
//! - **Bound.** Requests, events that the program has not read and events held during a resume are
//!   bounded by [`Options`]. A program that reads too slowly misses no event: the session drops what it
//!   cannot hold and resumes from there later.

mod access;
mod api;
mod command;
mod connect;
mod connection;
mod driver;
mod error;
mod event;
mod options;
mod outbox;
mod positions;
mod random;
mod rest;
mod resume;
mod session;
mod socket;

pub use access::{Access, Credential};
pub use api::*;
pub use command::ClientEvent;
pub use connect::{ConnectError, Handshake};
pub use error::{Error, FieldProblem, Refusal};
pub use event::{Frame, ServerEvent};
pub use options::Options;
pub use positions::Positions;
pub use rest::{Response, Rest, encode_segment};
pub use session::{Session, Summary, Update, Updates};
pub use socket::{End, Socket};
pub use {reqwest, tokio_tungstenite::tungstenite, uuid};

/// The example of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// The example of docs/clients.md compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/clients.md")]
struct Guide;
