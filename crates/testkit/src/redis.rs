//! A private Redis server on a free port in a temporary folder. It stops on drop.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tempfile::TempDir;

use crate::wait::Wait;

/// Timeout for the server's start.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// A server without persistence.
#[derive(Debug)]
pub struct Redis {
    address: SocketAddr,
    more: Vec<String>,
    /// Whether it is configured by a file instead of arguments.
    configured: bool,
    folder: TempDir,
    child: Mutex<Option<Child>>,
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Redis {
    /// Starts a server and waits until it answers.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// The same with additional arguments.
    pub fn with(more: &[&str]) -> Self {
        Self::begin(|| owned(more), None)
    }

    /// A cluster of one node without slots.
    pub fn cluster() -> Self {
        let more = || owned(&["--cluster-enabled", "yes", "--cluster-port", &free_port().port().to_string()]);
        Self::begin(more, None)
    }

    /// A sentinel with this configuration.
    pub fn sentinel(configuration: &str) -> Self {
        Self::begin(|| owned(&["--sentinel"]), Some(configuration))
    }

    /// A server that also listens for TLS, with these arguments.
    pub fn tls(more: &[&str]) -> Self {
        Self::begin(|| owned(&[&["--tls-port", &free_port().port().to_string()], more].concat()), None)
    }

    /// Starts a server, and tries other ports if another process has taken the chosen ones.
    fn begin(more: impl Fn() -> Vec<String>, configuration: Option<&str>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        if let Some(text) = configuration {
            std::fs::write(folder.path().join("redis.conf"), text).expect("a file can be written");
        }
        let configured = configuration.is_some();
        let mut redis =
            Self { address: free_port(), more: more(), configured, folder, child: Mutex::new(None) };
        let wait = Wait::begin();
        while !redis.launch() {
            wait.step_blocking(|| "redis-server does not start on any port");
            (redis.address, redis.more) = (free_port(), more());
        }
        redis
    }

    /// The address of its TLS listener.
    pub fn tls_address(&self) -> SocketAddr {
        let port = self.more.get(1).and_then(|port| port.parse().ok()).expect("it was started to speak TLS");
        SocketAddr::new(self.address.ip(), port)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its working folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Kills it.
    pub fn kill(&self) {
        let child = self.child.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut child) = child {
            let _ = (child.kill(), child.wait());
        }
    }

    /// Restarts it empty on the same port, and waits until it answers.
    pub fn start_again(&self) {
        let wait = Wait::begin();
        while !self.launch() {
            wait.step_blocking(|| "redis-server does not start again on its port");
        }
    }

    /// Starts it and waits until it answers. False if it exits first.
    fn launch(&self) -> bool {
        self.kill();
        let mut command = Command::new("redis-server");
        command
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if self.configured {
            command.arg("redis.conf");
        }
        command.args(["--port", &self.address.port().to_string(), "--bind", "127.0.0.1"]);
        if !self.configured {
            command.args(["--save", "", "--appendonly", "no"]);
        }
        command.args(&self.more);
        let child = command.spawn().expect("redis-server is installed");
        *self.child.lock().unwrap_or_else(PoisonError::into_inner) = Some(child);
        let wait = Wait::begin();
        loop {
            let answers = self.ask("PING").is_some();
            if self.has_ended() {
                return false;
            }
            if answers {
                return true;
            }
            wait.step_blocking(|| "redis-server does not answer");
        }
    }

    fn has_ended(&self) -> bool {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        child.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None)))
    }

    /// The number of subscriptions of all clients.
    pub fn subscriptions(&self) -> usize {
        let clients = self.ask("CLIENT LIST").unwrap_or_default();
        let words = clients.split_whitespace().filter_map(|word| word.strip_prefix("sub="));
        words.filter_map(|count| count.parse::<usize>().ok()).sum()
    }

    /// Sends one command. Returns the reply if it is a line or a string.
    pub fn ask(&self, command: &str) -> Option<String> {
        let mut peer = TcpStream::connect(self.address).ok()?;
        peer.set_read_timeout(Some(START_TIMEOUT)).ok()?;
        peer.write_all(format!("{command}\r\n").as_bytes()).ok()?;
        let mut answer = BufReader::new(peer);
        let mut line = String::new();
        answer.read_line(&mut line).ok()?;
        let line = line.trim_end().to_owned();
        if let Some(length) = line.strip_prefix('$') {
            let mut text = vec![0; length.parse().ok()?];
            answer.read_exact(&mut text).ok()?;
            return String::from_utf8(text).ok();
        }
        (!line.is_empty()).then_some(line)
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn free_port() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("a bound listener has an address")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restarted_server_answers_again() {
        let redis = Redis::start();
        assert_eq!(redis.ask("SET a 1").as_deref(), Some("+OK"));
        redis.kill();
        assert_eq!(redis.ask("PING"), None);
        redis.start_again();
        assert_eq!(redis.ask("EXISTS a").as_deref(), Some(":0"), "it keeps nothing");
    }
}
