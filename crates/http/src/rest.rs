//! The REST transport, one file for each noun: each endpoint with its payload, its handler and its entry in the
//! OpenAPI document. Nouns that fit into one file with their events are in [`api`](crate::api).

pub(crate) mod account;
pub(crate) mod answer;
pub(crate) mod export;
pub(crate) mod feed;
pub(crate) mod file;
pub(crate) mod group;
pub(crate) mod group_settings;
pub(crate) mod join;
pub(crate) mod list;
pub(crate) mod member;
pub(crate) mod message;
pub(crate) mod private;
mod recent;
pub(crate) mod relation;
pub(crate) mod search;
pub(crate) mod server;
pub(crate) mod session;
pub(crate) mod settings;
pub(crate) mod thread;
pub(crate) mod ticket;
pub(crate) mod token;
pub(crate) mod upload;
pub(crate) mod user;
pub(crate) mod user_session;

/// Common imports of the handlers.
pub(crate) mod prelude {
    pub(crate) use std::sync::Arc;

    pub(crate) use axum::extract::State;
    pub(crate) use axum::http::StatusCode;
    pub(crate) use axum::response::Response;

    pub(crate) use super::answer::{Refusals, json, nothing};
    pub(crate) use crate::error::Result;
    pub(crate) use crate::extract::caller::CallerContext;
    pub(crate) use crate::extract::payload::Payload;
    pub(crate) use crate::state::ServerState;
}
