//! The protocol below the events: RFC 6455 and HTTP as written by a hostile or careless peer, byte by byte, to
//! a real socket of the server.
//!
//! The cases follow the Autobahn test suite, class by class. That suite expects an echo; this server answers. A
//! text that must arrive is therefore an invalid event whose refusal names it, a ping is answered with its
//! pong, and a binary message with an error. [`case`] describes the expectations in full.

mod bounds;
mod case;
mod closing;
mod flood;
mod fragments;
mod framing;
mod handshakes;
mod peer;
mod pings;
mod refused;
mod unicode;
