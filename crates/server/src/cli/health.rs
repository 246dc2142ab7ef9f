//! `chinwag health`: whether the server of these settings answers. Containers have no other program to look.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::say;
use super::settings::Settings;

/// The time for each step: connecting, asking, and each part of the answer.
const STEP_WITHIN: Duration = Duration::from_secs(5);
/// The part of the answer that is read.
const ANSWER_MOST: u64 = 4096;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    settings: Settings,
    /// Ask whether it is ready: whether commits reach the disk, and it is not about to stop
    #[arg(long)]
    ready: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let listen = args.settings.load()?.listen;
    let path = if args.ready { "/readyz" } else { "/healthz" };
    let answer = ask(&listen, path).with_context(|| format!("no answer from the server at {listen}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let Some(status) = head.split(' ').nth(1) else { bail!("what answers at {listen} is not HTTP") };
    ensure!(status == "200", "{path} answers {status}: {}", body.trim());
    say(body.trim())
}

/// The beginning of the answer to a GET.
fn ask(listen: &str, path: &str) -> Result<String> {
    let addresses = listen.to_socket_addrs().context("the address is unknown")?;
    let address = near(addresses.into_iter().next().context("the name has no address")?);
    let mut stream = TcpStream::connect_timeout(&address, STEP_WITHIN)?;
    stream.set_read_timeout(Some(STEP_WITHIN))?;
    stream.set_write_timeout(Some(STEP_WITHIN))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(ANSWER_MOST).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// The address at which this machine reaches a server that listens on all.
fn near(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}
