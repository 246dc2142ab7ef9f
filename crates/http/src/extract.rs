//! Extractors: the parts of a request that handlers take as arguments.

pub(crate) mod caller;
pub(crate) mod path;
pub(crate) mod payload;
pub(crate) mod query;
