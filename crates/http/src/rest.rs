//! The REST transport, one file for each noun: each endpoint with its payload, its handler and its entry in
//! the API's document.

pub(crate) mod account;
pub(crate) mod answer;
pub(crate) mod group;
pub(crate) mod list;
pub(crate) mod message;
pub(crate) mod private;
pub(crate) mod relation;
pub(crate) mod server;
pub(crate) mod session;
pub(crate) mod ticket;
pub(crate) mod token;
pub(crate) mod user;

/// Common imports of the handlers.
mod prelude {
    pub(super) use std::sync::Arc;

    pub(super) use axum::extract::State;
    pub(super) use axum::http::StatusCode;
    pub(super) use axum::response::Response;

    pub(super) use super::answer::{Refusals, json, nothing};
    pub(super) use crate::error::Result;
    pub(super) use crate::extract::caller::CallerContext;
    pub(super) use crate::extract::payload::Payload;
    pub(super) use crate::state::ServerState;
}
