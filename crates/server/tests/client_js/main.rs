//! The client module `chinwag.js` in a real browser, on pages of another origin, with the real program as the
//! server: killed, disconnected, or replaced by one that answers nonsense.
//!
//! Needs `chromium`, from the Debian package of that name.

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
