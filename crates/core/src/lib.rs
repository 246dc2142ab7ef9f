//! The domain rules of Chinwag: values, rights and use cases.
//!
//! This crate is independent of HTTP, sockets, SQL and Redis. Values are parsed at the edge and are valid from
//! then on. Use cases ([`app`]) check rights and write inside one [`store`] transaction, and describe the change
//! as [`event::Event`]s. The store publishes these to the [`bus`] after its commit.

mod actor;
pub mod app;
pub mod audit;
pub mod authority;
pub mod before_send;
pub mod bot;
pub mod bus;
pub mod clock;
pub mod confusable;
pub mod context;
pub mod date;
pub mod entry;
pub mod error;
pub mod event;
pub mod feed;
pub mod file;
pub mod file_store;
pub mod group;
pub mod group_details;
pub mod group_settings;
pub mod id;
pub mod invite;
pub mod limits;
pub mod log;
pub mod mention;
pub mod message;
pub mod name;
pub mod oidc;
pub mod password;
pub mod path;
pub mod permission;
pub mod pin;
pub mod presence;
pub mod profile;
pub mod push;
pub mod rate;
pub mod reaction;
pub mod relation;
pub mod report;
pub mod scope;
pub mod search;
pub mod send;
pub mod session;
pub mod slack_parts;
pub mod slack_text;
pub mod store;
pub mod suspension;
pub mod text;
pub mod thread;
pub mod token;
pub mod user;
pub mod webhook;

pub use clock::Clock;
pub use date::Date;
pub use error::{Error, Result};
pub use id::{
    AuditId, BotKeyId, FileId, GroupId, HistoryId, HolderId, HookId, KeyId, MessageId, PushId, ReportId, Seq,
    SessionId, SocketId, TaskId, UserId, WebhookId,
};
pub use name::{GroupName, Name};
