//! `chinwag asyncapi`: prints the AsyncAPI document of the WebSocket, the same that the server serves.

use anyhow::Result;

use super::say;

pub(crate) fn run() -> Result<()> {
    say(chinwag_http::asyncapi().trim_end())
}
