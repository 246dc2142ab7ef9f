//! The programs that tests need and that Debian does not have. They are installed beside the build.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::cargo;

/// A server of S3 over a folder.
const PROGRAM: &str = "s3s-fs";
const VERSION: &str = "0.14.1";

/// Installs the server of S3, unless it is there.
pub(crate) fn install(root: &Path) -> Result<()> {
    let tools = target(root).join("tools");
    if is_installed(&tools) {
        println!("{PROGRAM} {VERSION}");
        return Ok(());
    }
    let build = tools.join("build");
    let (into, at) = (tools.to_string_lossy(), build.to_string_lossy());
    let args = ["install", PROGRAM, "--version", VERSION, "--locked", "--debug", "--features", "binary"];
    cargo::run(root, &[&args[..], &["--root", &into, "--target-dir", &at]].concat())?;
    fs::remove_dir_all(&build).with_context(|| format!("could not remove {}", build.display()))
}

/// Where cargo builds.
pub(crate) fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |target| root.join(target))
}

fn is_installed(tools: &Path) -> bool {
    let output = Command::new(tools.join("bin").join(PROGRAM)).arg("--version").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == format!("{PROGRAM} {VERSION}").as_bytes())
}
