//! The measured server: Chinwag, a bare server or several nodes, each in its own process, and its CPU time and memory from
//! `/proc`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chinwag_testkit::nginx::Nginx;
use chinwag_testkit::process::{Program, Running, keep_limits};
use rustix::process::{Pid, Signal, kill_process};

use crate::shared::Shared;
use crate::world::block_on;

/// A running server. Drop kills it.
pub(crate) struct Subject {
    process: Process,
    /// The address of each node.
    addresses: Vec<SocketAddr>,
}

enum Process {
    /// Nodes, and the folders of those that have their own.
    Chinwag(Vec<Running>, Vec<Program>),
    Bare(Bare),
    Nginx(Nginx),
}

/// A child process that drop kills.
struct Bare(Child);

/// Lifts the limits of one address: all load comes from this machine.
const ONE_MACHINE: [(&str, &str); 2] =
    [("CHINWAG_HTTP__CONNECTIONS_PER_ADDRESS", "1000000"), ("CHINWAG_WS__SOCKETS_PER_ADDRESS", "1000000")];

/// Turns the search index off; W14 measures its cost.
pub(crate) const WITHOUT_INDEX: [(&str, &str); 1] = [("CHINWAG_SEARCH__ENABLED", "false")];

const KIB: f64 = 1024.0;

/// The time within which all threads of a process stop or continue.
const STOPS: Duration = Duration::from_millis(2);

impl Subject {
    /// Chinwag with the data in the program's folder.
    pub(crate) fn chinwag(program: &Program) -> Result<Self> {
        let running = program.serve_with(|command| {
            command.envs(ONE_MACHINE);
        });
        Self::of(vec![running], Vec::new())
    }

    /// The same with further settings.
    pub(crate) fn chinwag_with(program: &Program, settings: &[(&str, &str)]) -> Result<Self> {
        let running = program.serve_with(|command| {
            command.envs(ONE_MACHINE).envs(settings.iter().copied());
        });
        Self::of(vec![running], Vec::new())
    }

    /// nginx, serving the files of a folder. Its configuration is in `place`.
    pub(crate) fn nginx(place: &Path, files: &Path) -> Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let server = format!(
            "sendfile on; keepalive_requests 1000000000;
            server {{ listen {address}; root {}; }}",
            files.display()
        );
        let nginx = block_on(Nginx::start(place, &server, address.port()))?;
        Ok(Self { process: Process::Nginx(nginx), addresses: vec![address] })
    }

    /// The same with the default limits, which other workloads lift.
    pub(crate) fn chinwag_with_limits(program: &Program) -> Result<Self> {
        Self::of(vec![program.serve_with(keep_limits)], Vec::new())
    }

    /// `count` nodes with shared services, without the search index.
    pub(crate) fn nodes(binary: &Path, shared: &Shared, count: usize) -> Result<Self> {
        Self::nodes_with(binary, shared, count, &WITHOUT_INDEX)
    }

    /// The same with these settings.
    pub(crate) fn nodes_with(
        binary: &Path,
        shared: &Shared,
        count: usize,
        settings: &[(&str, &str)],
    ) -> Result<Self> {
        let programs: Vec<_> = (0..count).map(|_| Program::new(binary)).collect();
        let start = |program: &Program| {
            program.serve_with(|command| {
                command.envs(ONE_MACHINE).envs(settings.iter().copied()).envs(shared.settings());
            })
        };
        Self::of(programs.iter().map(start).collect(), programs)
    }

    fn of(nodes: Vec<Running>, programs: Vec<Program>) -> Result<Self> {
        let address = |node: &Running| node.url().trim_start_matches("http://").parse();
        let addresses = nodes.iter().map(address).collect::<Result<_, _>>()?;
        Ok(Self { process: Process::Chinwag(nodes, programs), addresses })
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
        Ok(Self { process: Process::Bare(Bare(child)), addresses: vec![address] })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address_for(0)
    }

    /// The node address for a client; clients are spread in turn.
    pub(crate) fn address_for(&self, turn: usize) -> SocketAddr {
        self.addresses[turn % self.addresses.len()]
    }

    /// The URL of each node.
    pub(crate) fn urls(&self) -> Vec<String> {
        self.addresses.iter().map(|address| format!("http://{address}")).collect()
    }

    pub(crate) fn is_bare(&self) -> bool {
        matches!(self.process, Process::Bare(_))
    }

    /// User and system CPU seconds of all nodes.
    pub(crate) fn cpu(&self) -> Result<f64> {
        self.pids().into_iter().map(cpu).sum()
    }

    /// The same for running threads, with a resolution of nanoseconds.
    pub(crate) fn cpu_exact(&self) -> Result<f64> {
        self.pids().into_iter().map(cpu_exact_of).sum()
    }

    /// The same while the process is stopped, because the counter of a running thread lags.
    pub(crate) fn cpu_stopped(&self) -> Result<f64> {
        let pids = self.pids().into_iter().map(|pid| {
            let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
            pid.context("a process has a number")
        });
        let pids = pids.collect::<Result<Vec<_>>>()?;
        for pid in &pids {
            kill_process(*pid, Signal::STOP)?;
        }
        // The threads stop one after the other.
        std::thread::sleep(STOPS);
        let cpu = self.cpu_exact();
        for pid in &pids {
            kill_process(*pid, Signal::CONT)?;
        }
        // Continuing costs each thread some time, which must not count for the measurement.
        std::thread::sleep(STOPS);
        cpu
    }

    /// Resident memory in bytes.
    pub(crate) fn resident(&self) -> Result<f64> {
        self.sum_of("VmRSS:")
    }

    /// Peak resident memory in bytes.
    pub(crate) fn peak(&self) -> Result<f64> {
        self.sum_of("VmHWM:")
    }

    /// Shuts the server down and waits.
    pub(crate) fn stop(self) -> Result<()> {
        let Process::Chinwag(nodes, _folders) = self.process else { return Ok(()) };
        for running in nodes {
            let output = running.stop();
            ensure!(output.code == Some(0), "the server ended with {:?}: {}", output.code, output.stderr);
        }
        Ok(())
    }

    /// The sum of a memory value in `/proc/PID/status` over all nodes, in bytes.
    fn sum_of(&self, key: &str) -> Result<f64> {
        self.pids().into_iter().map(|pid| Ok(status(pid, key)? * KIB)).sum()
    }

    /// The process ids of all nodes.
    pub(crate) fn pids(&self) -> Vec<u32> {
        match &self.process {
            Process::Chinwag(nodes, _) => nodes.iter().map(Running::pid).collect(),
            Process::Bare(Bare(child)) => vec![child.id()],
            Process::Nginx(nginx) => vec![nginx.pid()],
        }
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // The process may have ended already.
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

/// CPU seconds of the running threads of a process, with a resolution of nanoseconds.
pub(crate) fn cpu_exact_of(pid: u32) -> Result<f64> {
    let mut nanos = 0_u64;
    // The process or a thread may end meanwhile.
    for task in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten() {
        let Ok(stat) = fs::read_to_string(task?.path().join("schedstat")) else { continue };
        nanos += stat.split(' ').next().context("schedstat begins with the time")?.parse::<u64>()?;
    }
    Ok(nanos as f64 / 1e9)
}

/// The running child processes of a process.
pub(crate) fn children(parent: u32) -> Result<Vec<u32>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Ok(pid) = entry?.file_name().to_string_lossy().parse::<u32>() else { continue };
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        let after_name = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
        if after_name.split(' ').nth(1).and_then(|field| field.parse().ok()) == Some(parent) {
            found.push(pid);
        }
    }
    Ok(found)
}

/// A value of `/proc/PID/status`; memory is in KiB.
pub(crate) fn status(pid: u32, key: &str) -> Result<f64> {
    number_at(&fs::read_to_string(format!("/proc/{pid}/status"))?, key)
}

/// The kernel's slab memory in bytes, which includes sockets.
pub(crate) fn kernel_objects() -> Result<f64> {
    Ok(number_at(&fs::read_to_string("/proc/meminfo")?, "Slab:")? * KIB)
}

fn number_at(text: &str, key: &str) -> Result<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key)).with_context(|| format!("no {key}"))?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// The server's binary: the named one, or the one beside this program. `build` builds it first, in this program's profile.
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
