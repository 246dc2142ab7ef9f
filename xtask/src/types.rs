//! The types of the clients: `web/chinwag/` matches `web/chinwag.d.ts`, the Python client is typed, and both
//! are consistent in themselves.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// Checks the module with TypeScript's compiler, without output.
pub(crate) fn check(root: &Path) -> Result<()> {
    let status = Command::new("tsc")
        .args(["--project", "xtask/types"])
        .current_dir(root)
        .stdin(Stdio::null())
        .status()
        .context("could not start tsc")?;
    ensure!(status.success(), "the types of web/chinwag.js do not match ({status})");
    Ok(())
}

/// Checks the Python client with mypy, and that its synchronous form is generated from the asynchronous one.
pub(crate) fn check_python(root: &Path) -> Result<()> {
    for (program, args) in [("mypy", ["--cache-dir", "/dev/null"]), ("python3", ["make_sync.py", "--check"])]
    {
        let status = Command::new(program)
            .args(args)
            .current_dir(root.join("clients/python"))
            .stdin(Stdio::null())
            .status()
            .with_context(|| format!("could not start {program}"))?;
        ensure!(status.success(), "the Python client is not as {program} wants it ({status})");
    }
    Ok(())
}
