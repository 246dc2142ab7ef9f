//! Runs cargo and its plugins at the workspace's root.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::needs;

/// Runs `cargo ARGS` with its output on the terminal.
pub(crate) fn run(root: &Path, args: &[&str]) -> Result<()> {
    run_command(command(root, args))
}

/// Like [`run`], with an environment variable.
pub(crate) fn run_with(root: &Path, args: &[&str], (name, value): (&str, &str)) -> Result<()> {
    let mut cargo = command(root, args);
    cargo.env(name, value);
    run_command(cargo)
}

/// The standard output of `cargo ARGS`.
pub(crate) fn output(root: &Path, args: &[&str]) -> Result<String> {
    let mut cargo = command(root, args);
    let output = cargo.stderr(Stdio::inherit()).output().context("could not start cargo")?;
    ensure!(output.status.success(), "`cargo {}` failed ({})", args.join(" "), output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// Builds the documentation of the workspace's own crates; warnings are errors.
pub(crate) fn doc(root: &Path) -> Result<()> {
    let mut cargo = command(root, &["doc", "--workspace", "--no-deps", "--locked"]);
    cargo.env("RUSTDOCFLAGS", "--deny warnings");
    run_command(cargo)
}

/// Compiles the fuzz targets without the fuzzer. They are a workspace of their own.
pub(crate) fn check_fuzz_targets(root: &Path) -> Result<()> {
    let manifest = ["check", "--manifest-path", "fuzz/Cargo.toml", "--target-dir", "target"];
    run(root, &[&manifest[..], &["--no-default-features", "--locked"]].concat())
}

/// Whether `cargo deny` is installed.
pub(crate) fn deny_is_installed() -> bool {
    needs::is_on_path("cargo-deny")
}

/// Checks the dependencies against `deny.toml`.
///
/// The advisory database is only used with `ADVISORIES=1`, because some networks do not allow access to it.
pub(crate) fn deny(root: &Path) -> Result<()> {
    let mut args = vec!["deny", "--locked", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"];
    if std::env::var("ADVISORIES").is_ok_and(|wanted| wanted == "1") {
        args.push("advisories");
    }
    run(root, &args)
}

/// Cargo without the variables that describe this program's own package: build scripts that depend on them
/// would run again whenever `cargo xtask test` and `cargo test` alternate.
pub(crate) fn command(root: &Path, args: &[&str]) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root).args(args).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&*name);
        }
    }
    cargo
}

fn run_command(mut command: Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("could not start {program}"))?;
    let args: Vec<_> = command.get_args().map(|arg| arg.to_string_lossy()).collect();
    ensure!(status.success(), "`cargo {}` failed ({status})", args.join(" "));
    Ok(())
}
