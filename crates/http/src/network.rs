//! Network rules: the addresses, hosts and origins that requests come from.

pub(crate) mod file_stream;
pub(crate) mod hosts;
pub mod origins;
pub(crate) mod outbound;
pub(crate) mod peer;
pub(crate) mod public_address;
pub mod public_url;
pub mod range;
pub(crate) mod write_timeout;
