//! Runs cargo and its plugins at the workspace's root.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::needs;

/// Runs `cargo ARGS`, its output shown as it comes.
pub(crate) fn run(root: &Path, args: &[&str]) -> Result<()> {
    run_command(command(root, args))
}

/// The same, with a variable in its environment.
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

/// Builds the documentation of the workspace's own crates; a warning is an error.
pub(crate) fn doc(root: &Path) -> Result<()> {
    let mut cargo = command(root, &["doc", "--workspace", "--no-deps", "--locked"]);
    cargo.env("RUSTDOCFLAGS", "--deny warnings");
    run_command(cargo)
}

/// Whether `cargo deny` is there to be run.
pub(crate) fn deny_is_installed() -> bool {
    needs::is_on_path("cargo-deny")
}

/// Judges the dependencies by `deny.toml`.
///
/// The advisory database is asked only when `ADVISORIES` is `1`: it lives on a host that
/// not every network lets through.
pub(crate) fn deny(root: &Path) -> Result<()> {
    let mut args = vec!["deny", "--locked", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"];
    if std::env::var("ADVISORIES").is_ok_and(|wanted| wanted == "1") {
        args.push("advisories");
    }
    run(root, &args)
}

/// Cargo, without what it told this program about its own package: build scripts that watch those
/// variables would run again each time `cargo xtask test` and `cargo test` take turns.
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
