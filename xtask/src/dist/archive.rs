//! Folders and reproducible archives of them.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Creates a folder, or empties it.
pub(super) fn empty(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("could not remove {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("could not make {}", folder.display()))
}

/// Transfers a file, or a folder with its content.
pub(super) fn copy(from: &Path, to: &Path) -> Result<()> {
    if from.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    fs::copy(from, to).with_context(|| format!("could not copy {}", from.display()))?;
    Ok(())
}

/// Packs `names` of a folder with `tar`, optionally compressed. The result is reproducible: sorted names, no
/// owner, no dates.
pub(super) fn pack(folder: &Path, names: &[&str], into: &Path, compress: bool) -> Result<()> {
    let mut tar = Command::new("tar");
    tar.args([
        "--sort=name",
        "--mtime=@0",
        "--owner=0",
        "--group=0",
        "--numeric-owner",
        "--mode=u+rw,go+rX,go-w",
        "--format=ustar",
    ]);
    if compress {
        tar.arg("--use-compress-program=gzip -n");
    }
    tar.arg("--directory").arg(folder).arg("--create").arg("--file").arg(into).args(names);
    run(&mut tar)
}

/// Runs a program, which must succeed.
pub(super) fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("could not start {program}"))?;
    ensure!(status.success(), "{program} failed ({status})");
    Ok(())
}
