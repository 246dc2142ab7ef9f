//! The client module `chinwag.js` in real browsers, on pages of another origin, against the real
//! program: killed, cut off, and answering nonsense.
//!
//! Needs `chromium`, which the Debian package of that name brings.

mod element;
mod faults;
mod features;
mod files;
mod joining;
mod late;
mod leaving;
mod mistakes;
mod pins;
mod profiles;
mod rates;
mod reactions;
mod resync;
mod returns;
mod search;
mod sick;
mod threads;
mod tus;
mod windows;
mod world;
