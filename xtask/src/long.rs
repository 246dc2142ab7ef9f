//! Checks that take too long for every change: fuzzing of parsers, and REST against its OpenAPI document.
//!
//! Each step returns a one-line summary.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

/// The targets in `fuzz/`.
const TARGETS: [&str; 4] = ["frames", "events", "names", "cursors"];

/// The checks applied to every answer. (Not `negative_data_rejection`, because the server ignores unknown
/// fields.)
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_schema_conformance,response_headers_conformance";

/// Fuzzes every parser of client input, each for `seconds`. Needs nightly and `cargo-fuzz`. The corpus is kept
/// in `target/fuzz` and used again.
pub(crate) fn fuzz(root: &Path, seconds: u32) -> Result<String> {
    for target in TARGETS {
        let corpus = root.join("target/fuzz/corpus").join(target);
        std::fs::create_dir_all(&corpus).context("the corpus needs a folder")?;
        let mut cargo = Command::new("cargo");
        cargo.current_dir(root).args(["+nightly", "fuzz", "run", "--target-dir"]);
        cargo.arg(root.join("target/fuzz/build")).arg(target).arg(corpus);
        cargo.arg("--").arg(format!("-max_total_time={seconds}")).args(["-max_len=4096", "-timeout=10"]);
        outside(&mut cargo);
        run(cargo)
            .with_context(|| format!("the target {target}: cargo install cargo-fuzz, if it is that"))?;
    }
    Ok(format!("{} for {seconds} s each: nothing found", TARGETS.join(", ")))
}

/// Sends valid and invalid requests, generated from the OpenAPI document, to a new server, and checks the
/// answers against the document. Installs Schemathesis from Python's package index into `target`.
pub(crate) fn schemathesis(root: &Path, examples: u32) -> Result<String> {
    let tester = schemathesis_installed(root)?;
    let server = Server::start(root)?;
    let mut st = Command::new(tester);
    st.current_dir(&server.folder).arg("run").arg(format!("{}/api/v1/openapi.json", server.url));
    st.arg("-H").arg(format!("Authorization: Bearer {}", server.key));
    st.args(["--checks", CHECKS, "--max-examples", &examples.to_string(), "--no-color"]);
    run(st)?;
    Ok(format!("{examples} requests or more to every operation: as the document says"))
}

/// The path of Schemathesis, which is installed if necessary.
fn schemathesis_installed(root: &Path) -> Result<PathBuf> {
    let folder = root.join("target/schemathesis");
    let tester = folder.join("bin/st");
    if !tester.is_file() {
        let mut venv = Command::new("python3");
        venv.args(["-m", "venv"]).arg(&folder);
        run(venv)?;
        let mut pip = Command::new(folder.join("bin/pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check", "schemathesis>=4,<5"]);
        run(pip)?;
    }
    Ok(tester)
}

/// The program on a free port with new data. Drop kills it and removes the data.
struct Server {
    child: Child,
    folder: PathBuf,
    url: String,
    key: String,
}

impl Server {
    fn start(root: &Path) -> Result<Self> {
        let program = built(root)?;
        let folder = root.join("target/schemathesis-server");
        if folder.exists() {
            std::fs::remove_dir_all(&folder).context("what a run before left")?;
        }
        std::fs::create_dir_all(&folder).context("the server needs a folder")?;
        let mut serve = Command::new(&program);
        serve.current_dir(&folder).args(["serve", "--data", "data", "--listen", "127.0.0.1:0"]);
        let mut child =
            serve.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("the server starts")?;
        let stdout = child.stdout.take().context("the server's output")?;
        // From here on, `Drop` ends it whatever fails.
        let mut server = Self { child, folder, url: String::new(), key: String::new() };
        let mut lines = BufReader::new(stdout).lines();
        server.url = loop {
            let Some(line) = lines.next() else { bail!("the server ended before it was ready") };
            if let Some(url) = address(&line?) {
                break url;
            }
        };
        // Drain the output: a full pipe would block the server.
        std::thread::spawn(move || lines.for_each(drop));
        let mut key = Command::new(&program);
        let said = key.current_dir(&server.folder).args(["key", "--data", "data"]).output()?;
        ensure!(said.status.success(), "`chinwag key` failed ({})", said.status);
        String::from_utf8(said.stdout)?.trim().clone_into(&mut server.key);
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already, and the next run recreates the folder.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The first `http://host:port` in a line.
fn address(line: &str) -> Option<String> {
    let url = &line[line.find("http://127.0.0.1:")?..];
    let port = url["http://127.0.0.1:".len()..].split(|c: char| !c.is_ascii_digit()).next()?;
    if port.is_empty() { None } else { Some(format!("http://127.0.0.1:{port}")) }
}

/// Builds the program and returns its path.
fn built(root: &Path) -> Result<PathBuf> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root).args(["build", "--locked", "--package", "chinwag"]);
    outside(&mut cargo);
    run(cargo)?;
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| OsString::from("target"));
    Ok(root.join(target).join("debug/chinwag"))
}

/// Removes the variables by which cargo describes this program's package and toolchain.
fn outside(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let told = name.to_string_lossy();
        let of_cargo = told.starts_with("CARGO_PKG_") || told.starts_with("CARGO_MANIFEST_");
        if of_cargo || told == "RUSTUP_TOOLCHAIN" || told == "CARGO" {
            command.env_remove(name);
        }
    }
}

fn run(mut command: Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status =
        command.stdin(Stdio::null()).status().with_context(|| format!("could not start {program}"))?;
    ensure!(status.success(), "`{program}` failed ({status})");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_what_the_server_says() {
        let line = "Chinwag listens on http://127.0.0.1:41234/ now";
        assert_eq!(address(line).as_deref(), Some("http://127.0.0.1:41234"));
        assert_eq!(address("nothing of that kind"), None);
    }
}
