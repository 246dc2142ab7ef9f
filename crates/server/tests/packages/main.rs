//! The packages for adopters as `cargo xtask dist` makes them: each is installed into an empty folder and used
//! with the real program.

mod debian;
mod deploy;
mod image;
mod npm;
mod python;
mod release;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use chinwag_testkit::process::finish;
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_chinwag");

/// The workspace's folder.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Makes a package from the program under test in a temporary folder.
fn dist(package: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root()).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        // Build scripts that depend on these variables would run again.
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&*name);
        }
    }
    cargo.args(["run", "--quiet", "--locked", "--package", "xtask", "--", "dist", package, "--out"]);
    cargo.arg(folder.path()).arg("--binary").arg(stripped(&folder.path().join("stripped")));
    succeed(cargo);
    folder
}

/// Writes the program under test without debug symbols, which are most of it.
fn stripped(to: &Path) -> &Path {
    let mut strip = Command::new("strip");
    strip.arg("-o").arg(to).arg(BINARY);
    succeed(strip);
    to
}

/// The only file in a folder with this ending.
fn made(folder: &Path, ending: &str) -> PathBuf {
    let files = folder.read_dir().expect("the folder is there").map(|entry| entry.expect("a file").path());
    let found: Vec<_> = files.filter(|path| path.to_string_lossy().ends_with(ending)).collect();
    let [only] = &found[..] else { panic!("one file that ends with {ending}: {found:?}") };
    only.clone()
}

/// Runs a program that must succeed; returns its standard output.
fn succeed(command: Command) -> String {
    let shown = format!("{command:?}");
    let output = finish(command, "");
    assert_eq!(output.code, Some(0), "{shown}: {}{}", output.stdout, output.stderr);
    output.stdout
}

/// The code blocks of a language in a document, in order.
fn blocks(document: &str, language: &str) -> Vec<String> {
    let begin = format!("```{language}\n");
    let rest = document.split(&begin).skip(1);
    rest.map(|rest| rest.split("```").next().unwrap_or_default().to_owned()).collect()
}
