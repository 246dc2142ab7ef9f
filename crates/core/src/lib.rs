//! Chinwag's rules: what a name is, who may do what, and what happens when they do.
//!
//! Nothing here knows of HTTP, sockets, SQL or Redis. Values parse at the edge and are valid
//! ever after; use cases ([`app`]) authorise and write inside one [`store`] transaction and say
//! what happened as [`event::Event`]s, which the store hands to the [`bus`] after its commit.

pub mod app;
pub mod bus;
pub mod clock;
pub mod date;
pub mod error;
pub mod event;
pub mod group;
pub mod id;
pub mod limits;
pub mod message;
pub mod name;
pub mod password;
pub mod permission;
pub mod presence;
pub mod profile;
pub mod rate;
pub mod relation;
pub mod store;
pub mod text;
pub mod token;
pub mod user;

pub use clock::Clock;
pub use date::Date;
pub use error::{Error, Result};
pub use id::{GroupId, HistoryId, MessageId, Seq, SocketId, TaskId, UserId};
pub use name::{GroupName, Name};
