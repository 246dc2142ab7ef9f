//! The program as a single static file, which needs only the kernel.

use std::env::consts::ARCH;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::{DistPaths, VERSION, archive};
use crate::{cargo, tools};

/// The target triple.
pub(super) fn target() -> String {
    format!("{ARCH}-unknown-linux-musl")
}

/// The architecture as named by Debian and container images.
pub(super) fn architecture() -> &'static str {
    match ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// The path of the given program, or of a static one, which is built.
pub(super) fn path(places: &DistPaths) -> Result<PathBuf> {
    if let Some(binary) = &places.binary {
        return fs::canonicalize(binary).with_context(|| format!("there is no {}", binary.display()));
    }
    let target = target();
    let has_target =
        Command::new("rustc").args(["--print", "target-libdir", "--target", &target]).output()?;
    let libraries = PathBuf::from(String::from_utf8(has_target.stdout)?.trim());
    if !libraries.is_dir() {
        archive::run(Command::new("rustup").args(["target", "add", &target]))?;
    }
    cargo::run(
        &places.root,
        &["build", "--release", "--locked", "--package", "chinwag", "--target", &target],
    )?;
    let built = tools::target(&places.root).join(&target).join("release/chinwag");
    ensure!(is_static(&built)?, "{} needs libraries of the machine", built.display());
    Ok(built)
}

/// Makes `chinwag-VERSION-TARGET.tar.gz` with the licences and example settings.
pub(super) fn make(places: &DistPaths) -> Result<PathBuf> {
    let name = format!("chinwag-{VERSION}-{}", target());
    let stage = places.out.join("program");
    archive::empty(&stage)?;
    let folder = stage.join(&name);
    fs::create_dir(&folder)?;
    fs::copy(path(places)?, folder.join("chinwag"))?;
    for file in ["LICENSE-APACHE", "LICENSE-MIT", "CHANGELOG.md", "SECURITY.md"] {
        archive::copy(&places.root.join(file), &folder.join(file))?;
    }
    for file in ["chinwag.service", "chinwag.toml"] {
        archive::copy(&places.root.join("deploy/debian").join(file), &folder.join(file))?;
    }
    let made = places.out.join(format!("{name}.tar.gz"));
    archive::pack(&stage, &[&name], &made, true)?;
    Ok(made)
}

/// Whether the program has no dynamic loader.
fn is_static(binary: &Path) -> Result<bool> {
    let bytes = fs::read(binary)?;
    Ok(!bytes.windows(10).any(|part| part == b"/ld-linux-" || part == b"/ld-musl-x" || part == b"/ld-musl-a"))
}
