//! Programs that tests need and Debian does not have. They are installed beside the build.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::cargo;

/// An S3 server over a folder.
const PROGRAM: &str = "s3s-fs";
const VERSION: &str = "0.14.1";

/// Installs the S3 server unless it is present.
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

/// The OpenID Connect provider for the page's tests.
const PROVIDER: &str = "crates/server/tests/web_ui/provider";
const PROVIDER_FILES: [&str; 3] = ["package.json", "package-lock.json", "provider.mjs"];

/// Installs the OpenID Connect provider from its lock file unless it is present.
pub(crate) fn install_provider(root: &Path) -> Result<()> {
    let (from, folder) = (root.join(PROVIDER), target(root).join("tools/provider"));
    let lock = fs::read(from.join("package-lock.json")).context("the provider has no lock file")?;
    fs::create_dir_all(&folder).with_context(|| format!("could not make {}", folder.display()))?;
    // This file is written last.
    let installed = folder.join("installed-lock.json");
    let is_installed = fs::read(&installed).is_ok_and(|found| found == lock);
    for file in PROVIDER_FILES {
        fs::copy(from.join(file), folder.join(file)).with_context(|| format!("could not copy {file}"))?;
    }
    if !is_installed {
        let mut npm = Command::new("npm");
        npm.current_dir(&folder).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
        let status = npm.status().context("could not start npm")?;
        ensure!(status.success(), "`npm ci` in {} failed ({status})", folder.display());
        fs::write(&installed, lock).with_context(|| format!("could not write {}", installed.display()))?;
    }
    println!("oidc-provider");
    Ok(())
}

/// Cargo's target directory.
pub(crate) fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |target| root.join(target))
}

fn is_installed(tools: &Path) -> bool {
    let output = Command::new(tools.join("bin").join(PROGRAM)).arg("--version").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == format!("{PROGRAM} {VERSION}").as_bytes())
}
