//! The package for Debian and its derivatives: the static program, its unit and its settings.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::{DistPaths, VERSION, archive, program};

/// Files of `deploy/debian/` with their destinations and modes.
const FILES: &[(&str, &str, u32)] = &[
    ("chinwag.service", "usr/lib/systemd/system/chinwag.service", 0o644),
    ("chinwag.toml", "etc/chinwag/chinwag.toml", 0o644),
    ("copyright", "usr/share/doc/chinwag/copyright", 0o644),
    ("conffiles", "DEBIAN/conffiles", 0o644),
    ("postinst", "DEBIAN/postinst", 0o755),
    ("prerm", "DEBIAN/prerm", 0o755),
    ("postrm", "DEBIAN/postrm", 0o755),
];

/// Makes `chinwag_VERSION_ARCHITECTURE.deb`.
pub(super) fn make(places: &DistPaths) -> Result<PathBuf> {
    let stage = places.out.join("deb");
    archive::empty(&stage)?;
    let source = places.root.join("deploy/debian");
    for (name, to, mode) in FILES {
        place(&source.join(name), &stage.join(to), *mode)?;
    }
    place(&program::path(places)?, &stage.join("usr/bin/chinwag"), 0o755)?;
    place(&places.root.join("CHANGELOG.md"), &stage.join("usr/share/doc/chinwag/changelog.md"), 0o644)?;
    let size = size_and_open(&stage)?.div_ceil(1024);
    let control = fs::read_to_string(source.join("control"))?
        .replace("VERSION", VERSION)
        .replace("ARCHITECTURE", program::architecture())
        .replace("SIZE", &size.to_string());
    fs::write(stage.join("DEBIAN/control"), control)?;
    let made = places.out.join(format!("chinwag_{VERSION}_{}.deb", program::architecture()));
    let mut build = Command::new("dpkg-deb");
    build
        .args(["--root-owner-group", "-Zgzip", "--build"])
        .arg(&stage)
        .arg(&made)
        .env("SOURCE_DATE_EPOCH", "0");
    archive::run(&mut build)?;
    Ok(made)
}

fn place(from: &Path, to: &Path, mode: u32) -> Result<()> {
    fs::create_dir_all(to.parent().unwrap_or(to))?;
    archive::copy(from, to)?;
    Ok(fs::set_permissions(to, fs::Permissions::from_mode(mode))?)
}

/// The total size of a folder's files. Makes its subfolders readable for everyone.
fn size_and_open(folder: &Path) -> Result<u64> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    let mut size = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        size += if path.is_dir() { size_and_open(&path)? } else { path.metadata()?.len() };
    }
    Ok(size)
}
