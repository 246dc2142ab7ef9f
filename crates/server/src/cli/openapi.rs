//! `chinwag openapi`: the document of the REST API, as it is served.

use anyhow::{Context, Result};

use super::say;

pub(crate) fn run() -> Result<()> {
    let document = serde_json::to_string_pretty(&chinwag_http::openapi()).context("the document is not JSON")?;
    say(&document)
}
