//! Payloads of clients, parsed into the commands of use cases. A request's body and an event's `data` are the same
//! kind of object, declared once for both transports.
//!
//! A payload is a JSON object in UTF-8, nested at most 128 levels deep, without duplicate keys. Unknown keys are
//! ignored. The errors of all refused keys are returned together.

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
