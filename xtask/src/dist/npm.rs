//! The npm package: the modules of `web/` unchanged, and the components of `clients/npm/`.

use std::fs;
use std::path::PathBuf;

use anyhow::{Result, ensure};

use super::{DistPaths, VERSION, archive};

/// The parts of `web/` that applications import.
const MODULES: &[&str] =
    &["chinwag", "chinwag-chat", "chinwag-chat.js", "chinwag.d.ts", "chinwag.js", "vendor", "words"];
const LICENCES: &[&str] = &["LICENSE-APACHE", "LICENSE-MIT"];
/// The version in the repository's package.json.
const NO_VERSION: &str = r#""version": "0.0.0""#;

/// Makes `chinwag-VERSION.tgz`, like `npm pack`.
pub(super) fn make(places: &DistPaths) -> Result<PathBuf> {
    let stage = places.out.join("npm");
    let package = stage.join("package");
    archive::empty(&stage)?;
    archive::copy(&places.root.join("clients/npm"), &package)?;
    for name in MODULES {
        archive::copy(&places.root.join("web").join(name), &package.join(name))?;
    }
    for name in LICENCES {
        archive::copy(&places.root.join(name), &package.join(name))?;
    }
    let description = package.join("package.json");
    let text = fs::read_to_string(&description)?;
    ensure!(text.contains(NO_VERSION), "package.json has no {NO_VERSION}");
    fs::write(&description, text.replace(NO_VERSION, &format!(r#""version": "{VERSION}""#)))?;
    let made = places.out.join(format!("chinwag-{VERSION}.tgz"));
    archive::pack(&stage, &["package"], &made, true)?;
    Ok(made)
}
