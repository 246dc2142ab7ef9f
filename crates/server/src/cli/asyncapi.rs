//! `chinwag asyncapi`: the document of the WebSocket, as it is served.

use anyhow::Result;

use super::say;

pub(crate) fn run() -> Result<()> {
    say(chinwag_http::asyncapi().trim_end())
}
