//! `chinwag openapi`: the document of the REST API, as it is served.

use anyhow::Result;

use super::say;

pub(crate) fn run() -> Result<()> {
    say(chinwag_http::openapi().trim_end())
}
