//! The client module `chinwag.js` in real browsers, on pages of another origin, against the real
//! program: killed, cut off, and answering nonsense.
//!
//! Needs `chromium` and `chromedriver`, which the Debian packages `chromium` and `chromium-driver`
//! bring.

mod browser;
mod faults;
mod features;
mod rates;
mod resync;
mod sick;
mod world;
