//! The protocol under the events: RFC 6455 and HTTP as a hostile or careless peer writes them,
//! byte by byte, to the server's own socket.
//!
//! The cases are those of the Autobahn test suite, class by class. That suite has its server echo;
//! this one answers. So a text that must arrive is an event that is refused, and the refusal names
//! it; a ping is answered by its pong, a binary message by an error. What every case comes to is
//! told in full by [`case`].

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
