//! Client events of nouns that are too long for one file in `api`.

pub(crate) mod contact;
pub(crate) mod group;
pub(crate) mod message;
pub(crate) mod status;
pub(crate) mod sync;
pub(crate) mod typing;
