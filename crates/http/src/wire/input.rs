//! Payloads as clients send them, read into the commands of the use cases. A request's body and an
//! event's `data` are the same kind of object, declared once for both transports.
//!
//! A payload is a JSON object in UTF-8, at most 128 levels deep, without duplicate keys. Unknown keys
//! are ignored. All refused keys of a payload are answered together.

pub mod account;
pub(crate) mod fields;
pub mod group;
mod ignored;
pub mod json;
pub mod message;
pub mod payload;
pub mod relation;
pub mod user;
pub mod value;

pub use fields::Fields;
pub use ignored::Ignored;
pub use json::not_an_object;
pub use payload::{Payload, RestPayload};

#[cfg(test)]
mod tests;
