//! The files beside the packages: the release notes and the checksums.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::{DistPaths, VERSION, image};

/// Makes `RELEASE.md`, the changelog's section about this version.
pub(super) fn notes(places: &DistPaths) -> Result<PathBuf> {
    let changelog = fs::read_to_string(places.root.join("CHANGELOG.md"))?;
    let part = part(&changelog, VERSION).context("CHANGELOG.md has neither this version nor Unreleased")?;
    let made = places.out.join("RELEASE.md");
    fs::write(&made, format!("# Chinwag {VERSION}\n\n{part}\n"))?;
    Ok(made)
}

/// Makes `SHA256SUMS` for `sha256sum --check`.
pub(super) fn sums(places: &DistPaths) -> Result<PathBuf> {
    let made = places.out.join("SHA256SUMS");
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(&places.out)? {
        files.push(entry?.path());
    }
    files.sort();
    let mut text = String::new();
    for file in files.iter().filter(|file| file.is_file() && **file != made) {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        if is_current(&name) {
            writeln!(text, "{}  {name}", image::hex(&fs::read(file)?))?;
        }
    }
    fs::write(&made, text)?;
    Ok(made)
}

/// Whether a file is not a package of another version, which an earlier release has left in the folder.
fn is_current(name: &str) -> bool {
    !name.starts_with("chinwag") || name.contains(VERSION)
}

/// The changelog's section about a version, or the unreleased section.
fn part<'a>(changelog: &'a str, version: &str) -> Option<&'a str> {
    let after = |heading: &str| changelog.split_once(heading)?.1.split_once('\n').map(|(_, rest)| rest);
    let rest = after(&format!("\n## [{version}]")).or_else(|| after("\n## [Unreleased]"))?;
    Some(rest.split("\n## ").next()?.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_of_other_versions_have_no_sums() {
        assert!(is_current(&format!("chinwag_{VERSION}_amd64.deb")) && is_current("RELEASE.md"));
        assert!(!is_current("chinwag_0.0.9_amd64.deb"));
    }

    #[test]
    fn notes_are_the_part_of_the_version() {
        let changelog = "# Changelog\n\n## [Unreleased]\n\n- new\n\n## [0.2.0] - 2026-01-01\n\n- old\n\n## [0.1.0]\n\n- first\n";
        assert_eq!(part(changelog, "0.2.0"), Some("- old"));
        assert_eq!(part(changelog, "0.1.0"), Some("- first"));
        assert_eq!(part(changelog, "0.3.0"), Some("- new"));
        assert_eq!(part("# Changelog\n", "0.1.0"), None);
    }
}
