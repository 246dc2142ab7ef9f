//! `chinwag openapi`: prints the OpenAPI document of the REST API, the same that the server serves.

use anyhow::Result;

use super::say;

pub(crate) fn run() -> Result<()> {
    say(chinwag_http::openapi().trim_end())
}
