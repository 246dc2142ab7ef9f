//! The Python package: `clients/python/`, built by its own backend, which needs only Python.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, ensure};

use super::{DistPaths, VERSION, archive};

const PARTS: &[&str] = &["README.md", "backend.py", "chinwag", "pyproject.toml"];
/// The package's version in the repository.
const NO_VERSION: &str = r#"__version__ = "0.0.0""#;
const BUILD: &str = "import backend, sys; backend.build_wheel(sys.argv[1]); backend.build_sdist(sys.argv[1])";

/// Makes the wheel and the source archive.
pub(super) fn make(places: &DistPaths) -> Result<PathBuf> {
    let stage = places.out.join("python");
    archive::empty(&stage)?;
    for name in PARTS {
        archive::copy(&places.root.join("clients/python").join(name), &stage.join(name))?;
    }
    let module = stage.join("chinwag/__init__.py");
    let text = fs::read_to_string(&module)?;
    ensure!(text.contains(NO_VERSION), "chinwag/__init__.py has no {NO_VERSION}");
    fs::write(&module, text.replace(NO_VERSION, &format!(r#"__version__ = "{VERSION}""#)))?;
    let mut python = Command::new("python3");
    python.args(["-B", "-c", BUILD]).arg(&places.out).current_dir(&stage);
    archive::run(&mut python)?;
    Ok(places.out.join(format!("chinwag-{VERSION}-py3-none-any.whl")))
}
