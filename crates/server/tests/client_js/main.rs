//! The client module `chinwag.js` in real browsers, on pages of another origin, against the real
//! program: killed, cut off, and answering nonsense.
//!
//! Needs `chromium`, which the Debian package of that name brings.

mod faults;
mod features;
mod rates;
mod resync;
mod sick;
mod world;
