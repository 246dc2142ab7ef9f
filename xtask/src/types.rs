//! The client module's types: that `web/chinwag/` is what `web/chinwag.d.ts` says, and sound in itself.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// Has TypeScript's compiler read the module. It makes nothing of it.
pub(crate) fn check(root: &Path) -> Result<()> {
    let status = Command::new("tsc")
        .args(["--project", "xtask/types"])
        .current_dir(root)
        .stdin(Stdio::null())
        .status()
        .context("could not start tsc")?;
    ensure!(status.success(), "the types of web/chinwag.js do not fit ({status})");
    Ok(())
}
