//! Network rules: the addresses, hosts and origins that requests come from, and the connections themselves.

pub(crate) mod client_stream;
pub(crate) mod file_stream;
mod handshakes;
pub(crate) mod hosts;
pub mod origins;
pub(crate) mod outbound;
pub(crate) mod peer;
pub(crate) mod public_address;
pub mod public_url;
pub mod range;
pub mod tls;
pub(crate) mod tls_stream;
pub(crate) mod write_timeout;
