//! What is measured: a server in a process of its own, the real one or a bare one, and what it has
//! cost so far, as `/proc` says.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use chinwag_testkit::process::{Program, Running};

/// A server that runs. Dropped, it is killed.
pub(crate) struct Subject {
    process: Process,
    address: SocketAddr,
}

enum Process {
    Chinwag(Box<Running>),
    Bare(Bare),
}

/// Killed when it is dropped.
struct Bare(Child);

impl Subject {
    /// The real server, on the data in the program's folder.
    pub(crate) fn chinwag(program: &Program) -> Result<Self> {
        let running = program.serve();
        let address = running.url().trim_start_matches("http://").parse()?;
        Ok(Self { process: Process::Chinwag(Box::new(running)), address })
    }

    /// A bare server: this program again, as `bench baseline <name>`.
    pub(crate) fn bare(args: &[&str]) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("baseline")
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("the bare server does not start")?;
        let mut line = String::new();
        let stdout = child.stdout.take().context("it was piped")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let address = line.trim().parse().with_context(|| format!("the bare server said {line:?}"))?;
        Ok(Self { process: Process::Bare(Bare(child)), address })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn is_bare(&self) -> bool {
        matches!(self.process, Process::Bare(_))
    }

    /// CPU seconds that it has taken, its own and the kernel's for it.
    pub(crate) fn cpu(&self) -> Result<f64> {
        cpu(self.pid())
    }

    /// Bytes of memory that it holds.
    pub(crate) fn resident(&self) -> Result<f64> {
        self.status("VmRSS:")
    }

    /// The most that it has held.
    pub(crate) fn peak(&self) -> Result<f64> {
        self.status("VmHWM:")
    }

    /// Ends it in due form.
    pub(crate) fn stop(self) -> Result<()> {
        if let Process::Chinwag(running) = self.process {
            let output = running.stop();
            ensure!(output.code == Some(0), "the server ended with {:?}: {}", output.code, output.stderr);
        }
        Ok(())
    }

    fn status(&self, key: &str) -> Result<f64> {
        kibibytes(&fs::read_to_string(format!("/proc/{}/status", self.pid()))?, key)
    }

    fn pid(&self) -> u32 {
        match &self.process {
            Process::Chinwag(running) => running.pid(),
            Process::Bare(Bare(child)) => child.id(),
        }
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// CPU seconds of a process.
pub(crate) fn cpu(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = stat.rsplit_once(") ").context("stat has a name in brackets")?;
    let ticks: Vec<u64> = fields.split(' ').skip(11).take(2).flat_map(str::parse).collect();
    ensure!(ticks.len() == 2, "stat has user and system time");
    Ok(ticks.iter().sum::<u64>() as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// Bytes that the kernel keeps in small objects, sockets among them.
pub(crate) fn kernel_objects() -> Result<f64> {
    kibibytes(&fs::read_to_string("/proc/meminfo")?, "Slab:")
}

fn kibibytes(text: &str, key: &str) -> Result<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key)).with_context(|| format!("no {key}"))?;
    let number: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(number as f64 * 1024.0)
}

/// The real server's binary: the one named, or that beside this program. With `build` it is brought
/// up to date first, in this program's own profile.
pub(crate) fn binary(named: Option<&Path>, build: bool) -> Result<PathBuf> {
    if let Some(path) = named {
        return Ok(path.canonicalize()?);
    }
    let beside = std::env::current_exe()?.with_file_name("chinwag");
    if build || !beside.exists() {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(["build", "--quiet", "--package", "chinwag"]);
        if !cfg!(debug_assertions) {
            command.arg("--release");
        }
        ensure!(command.status()?.success(), "the server could not be built");
    }
    ensure!(beside.exists(), "there is no {}: name the server's binary with --server", beside.display());
    Ok(beside)
}
