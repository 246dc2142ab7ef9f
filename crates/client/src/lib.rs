//! A typed client of the Chinwag chat server.
//!
//! - [`Rest`] calls the REST API.
//! - [`Session`] and [`Updates`] are the two halves of a WebSocket that reconnects, resumes where it stopped,
//!   and sends each message exactly once.
//! - [`Socket`] is a plain WebSocket, for programs that reconnect by themselves.
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
//! - **Order.** Each group's numbered events arrive in ascending order, each once, over any number of
//!   reconnects. If a connection is lost while missed events arrive, the last of them may arrive again,
//!   unless it is a new message.
//! - **Loss.** No event of a group is skipped silently: either the missed events arrive, or [`Update::Reset`]
//!   reports that they cannot.
//! - **Once.** A message sent by [`Session::send`] has a `client_id`, so that repeating it after a lost
//!   connection stores it once.
//! - **Bound.** [`Options`] bounds the requests, the unread events and the events held during a resume. A
//!   program that reads too slowly misses no event: the session drops the events that it cannot hold, and
//!   later resumes from there.

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

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// Compiles the example of docs/clients.md.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/clients.md")]
struct Guide;
