//! An S3 bucket for a test: a real S3 server over a temporary folder. It stops on drop.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::{env, fs, thread};

use tempfile::TempDir;

const NAME: &str = "files";
const ACCESS_KEY: &str = "test-access-key";
const SECRET_KEY: &str = "test-secret-key";
const PROGRAM: &str = "s3s-fs";

/// An S3 server with one empty bucket.
#[derive(Debug)]
pub struct S3Server {
    address: SocketAddr,
    folder: TempDir,
    child: Child,
}

impl Drop for S3Server {
    fn drop(&mut self) {
        let _ = (self.child.kill(), self.child.wait());
    }
}

impl S3Server {
    /// Starts a server and waits until it answers.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        fs::create_dir(folder.path().join(NAME)).expect("a folder can be made");
        let mut command = Command::new(program());
        command.args(["--host", "127.0.0.1", "--port", "0"]);
        command.args(["--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY]).arg(folder.path());
        command.env("RUST_LOG", "info").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command
            .spawn()
            .unwrap_or_else(|why| panic!("{PROGRAM} does not start ({why}): cargo xtask test installs it"));
        let mut lines = BufReader::new(child.stdout.take().expect("it was piped")).lines();
        let address = lines.by_ref().map_while(Result::ok).find_map(|line| address(&line));
        let address = address.expect("the server says where it listens");
        // Drain the output: a full pipe would block the server.
        thread::spawn(move || lines.for_each(drop));
        Self { address, folder, child }
    }

    /// The address on which it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The environment variables with which clients reach it.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        self.variables_at(self.address)
    }

    /// The same for clients that reach it at another address.
    pub fn variables_at(&self, address: SocketAddr) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", format!("http://{address}")),
            ("AWS_REGION", "nowhere-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
        ]
    }

    /// The bucket's name.
    pub fn name(&self) -> &'static str {
        NAME
    }

    /// The value of `files.store` for keys that begin with a prefix.
    pub fn setting(&self, prefix: &str) -> String {
        format!("s3://{NAME}/{prefix}")
    }

    /// The keys of all objects in ascending order.
    pub fn keys(&self) -> Vec<String> {
        let root = self.folder.path().join(NAME);
        let mut keys = Vec::new();
        gather(&root, &root, &mut keys);
        keys.sort_unstable();
        keys
    }
}

/// The server's program: from `target/tools`, where `cargo xtask test` installs it, or from the `PATH`.
fn program() -> PathBuf {
    let test = env::current_exe().expect("a test is a program");
    // target/debug/deps/test
    let installed = test.ancestors().nth(3).map(|target| target.join("tools/bin").join(PROGRAM));
    installed.filter(|program| program.is_file()).unwrap_or_else(|| PROGRAM.into())
}

/// The address in a line of the server's log.
fn address(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("http://")?;
    rest[..rest.find(|c: char| !c.is_ascii_digit() && !".:".contains(c)).unwrap_or(rest.len())].parse().ok()
}

fn gather(root: &Path, folder: &Path, keys: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        // The server keeps metadata in hidden files.
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if path.is_dir() {
            gather(root, &path, keys);
        } else if let Ok(key) = path.strip_prefix(root) {
            keys.push(key.to_string_lossy().into_owned());
        }
    }
}
