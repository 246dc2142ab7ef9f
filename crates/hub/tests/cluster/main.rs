//! Several hubs on one store: over a real Redis in real time, and over a fake link that loses, repeats and
//! reorders hints on request.

#[path = "../hub/harness.rs"]
#[allow(dead_code, reason = "the tests of a hub alone use the rest")]
mod harness;

mod askers;
mod away;
mod catch_up;
mod fake_link;
mod forms;
mod heal;
mod histories;
mod history_log;
mod nodes;
mod presence;
mod rates;
mod refused;
mod replay;
mod resync;
mod together;
