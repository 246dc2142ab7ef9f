//! The Python package, unpacked like pip does: its own tests and the examples of its README, with the real
//! program.

use std::fmt::Write as _;
use std::process::Command;

use chinwag_testkit::process::{Program, Running};
use tempfile::TempDir;

use crate::{BINARY, blocks, dist, made, root, succeed};

/// Separates the output of two examples.
const MARK: &str = "=== the next example ===";

/// The folder with the package, and a server with the feed.
struct Installed {
    folder: TempDir,
    program: Program,
    server: Running,
}

impl Installed {
    fn start() -> Self {
        let packages = dist("python");
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let mut unpack = Command::new("python3");
        unpack.args(["-m", "zipfile", "-e"]).arg(made(packages.path(), ".whl")).arg(folder.path());
        succeed(unpack);
        let program = Program::new(BINARY);
        let server = program.serve_with(|serve| {
            serve.env("CHINWAG_EVENTS__ENABLED", "true").env("CHINWAG_WEBHOOKS__PRIVATE", "true");
            serve.env("CHINWAG_FILES__MAX_SIZE", "8000000");
        });
        Self { folder, program, server }
    }

    /// Python with the package, isolated from the repository.
    fn python(&self) -> Command {
        let mut python = Command::new("python3");
        python.args(["-B", "-W", "error"]).current_dir(self.folder.path());
        python.env("PYTHONPATH", self.folder.path()).env("PYTHONUTF8", "1");
        python.env("CHINWAG_URL", self.server.url()).env("CHINWAG_KEY", self.program.key());
        python
    }
}

#[test]
fn the_python_client_passes_its_own_tests() {
    let installed = Installed::start();
    for module in ["test_units.py", "test_server.py"] {
        let mut python = installed.python();
        python.arg(root().join("clients/python/tests").join(module));
        succeed(python);
    }
}

#[test]
fn the_examples_of_the_python_readme_work() {
    let installed = Installed::start();
    let readme = std::fs::read_to_string(root().join("clients/python/README.md")).expect("it has a README");
    let readme = readme.replace("https://chat.example", installed.server.url());
    let mut script = format!("key = {:?}\n", installed.program.key());
    for example in blocks(&readme, "python") {
        write!(script, "{example}\nprint({MARK:?})\n").expect("a String");
    }
    let mut python = installed.python();
    python.arg("-c").arg(&script);
    let printed = succeed(python);
    let printed: Vec<_> = printed.split(&format!("{MARK}\n")).filter(|text| !text.is_empty()).collect();
    assert_eq!(printed, blocks(&readme, "text"));
}

#[test]
fn both_archives_have_the_version_of_the_workspace() {
    let packages = dist("python");
    let version = env!("CARGO_PKG_VERSION");
    let mut list = Command::new("python3");
    list.args(["-m", "zipfile", "-l"]).arg(made(packages.path(), ".whl"));
    let listed = succeed(list);
    for name in ["chinwag/py.typed", "chinwag/client.py", &format!("chinwag-{version}.dist-info/METADATA")] {
        assert!(listed.contains(name), "{name} in {listed}");
    }
    let mut tar = Command::new("tar");
    tar.arg("-xOzf").arg(made(packages.path(), ".tar.gz")).arg(format!("chinwag-{version}/PKG-INFO"));
    assert!(succeed(tar).contains(&format!("\nVersion: {version}\n")));
}
