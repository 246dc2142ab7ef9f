//! Networking: connections, and the rules about addresses, hosts and origins.

pub mod acme;
pub(crate) mod client_stream;
pub(crate) mod file_stream;
mod handshakes;
pub(crate) mod hosts;
pub(crate) mod lingering_body;
pub mod origins;
pub(crate) mod outbound;
pub(crate) mod outside;
pub(crate) mod peer;
pub(crate) mod public_address;
pub mod public_url;
pub mod range;
pub mod tls;
mod tls_files;
mod tls_keys;
pub(crate) mod tls_stream;
pub(crate) mod write_timeout;
