//! W13: the time to delivery for users who chat while another user does the worst that the default limits allow, beside the
//! same without that user.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::RunSettings;
use crate::crowd::Crowd;
use crate::load::TIMEOUT;
use crate::subject::Subject;
use crate::table::{Goal, Measurement, Outcome};
use crate::world::{Plan, World, name};

/// Groups of the users who chat, and users in each.
const GROUPS: usize = 10;
const SIZE: usize = 10;
const NEIGHBOURS: usize = GROUPS * SIZE;
/// Messages per second of all groups, below the limit of 5 for each sender.
const RATE: f64 = 40.0;
/// Periods of load in each measurement, which give its p99 enough messages.
const STRETCHES: u32 = 5;

/// A way to exhaust a server.
#[derive(Debug, Clone, Copy)]
enum Abuse {
    /// Renames each of its groups in turn.
    Rename,
    /// Reconnects in a loop, and reads its summaries.
    Reconnect,
    /// Lists all of its groups with all fields.
    List,
    /// Deletes its account with all messages.
    Erase,
}

impl Abuse {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Rename, "W13: p99 while one renames 1,000 groups"),
        (Self::Reconnect, "W13: p99 while one in 1,000 groups reconnects"),
        (Self::List, "W13: p99 while one lists 1,000 groups"),
        (Self::Erase, "W13: p99 while an account with 10⁶ messages is erased"),
    ];
}

pub(super) fn run(settings: &RunSettings) -> Outcome {
    let groups_of = |user: usize, plan: &Plan| {
        if user < NEIGHBOURS { vec![user / SIZE] } else { (GROUPS..plan.groups).collect() }
    };
    let plan = Plan {
        users: NEIGHBOURS + 1,
        groups: GROUPS + settings.size(1000, 10),
        groups_of,
        messages: settings.size(1000, 20) as u64,
        contacts: 0,
    };
    Abuse::ALL.into_iter().map(|(abuse, what)| measure(settings, &plan, abuse, what)).collect()
}

fn measure(settings: &RunSettings, plan: &Plan, abuse: Abuse, what: &str) -> Result<Measurement> {
    let mut row = Measurement::new(what, "ms", Goal::AtMost(2.0));
    let mut requests = 0;
    for _ in 0..settings.rounds {
        // A new world for each round, because an account can be erased only once.
        let world = World::make(&settings.server, plan)?;
        let subject = Subject::chinwag_with_limits(&world.program)?;
        let mut crowd = Crowd::join_first(&subject, &world, NEIGHBOURS, GROUPS)?;
        let time = settings.stretch * STRETCHES;
        let mut alone = crowd.send_at_rate(RATE, time)?;
        let abuser = Abuser::start(abuse, subject.address(), &world);
        let mut beside = crowd.send_at_rate(RATE, time)?;
        requests += abuser.stop()?;
        row.pairs.push((beside.percentile(0.99) / 1000.0, alone.percentile(0.99) / 1000.0));
        let sent = crowd.sent();
        subject.stop()?;
        world.check(&sent)?;
    }
    row.note = format!("beside the same without; {requests} requests; goal 50 ms, too");
    Ok(row)
}

/// The abusive user, on its own thread.
struct Abuser {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    thread: thread::JoinHandle<Result<()>>,
}

impl Abuser {
    fn start(abuse: Abuse, address: SocketAddr, world: &World) -> Self {
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let groups: Vec<_> = world.groups[GROUPS..].iter().map(ToString::to_string).collect();
        let token = world.tokens[NEIGHBOURS].clone();
        let handshake = world.handshake(NEIGHBOURS);
        let (stopped, count) = (stop.clone(), answered.clone());
        let thread = thread::spawn(move || {
            for turn in 0_usize.. {
                if stopped.load(Ordering::Relaxed) || matches!(abuse, Abuse::Erase) && turn > 0 {
                    break;
                }
                match abuse {
                    Abuse::Rename => {
                        let (group, name) = (&groups[turn % groups.len()], format!("name {turn}"));
                        let path = format!("groups/{group}/");
                        request(address, &token, "PATCH", &path, &format!(r#"{{"name":"{name}"}}"#))?;
                    }
                    Abuse::List => request(address, &token, "GET", "groups/?fields=__all__", "")?,
                    Abuse::Erase => {
                        request(address, &token, "DELETE", &format!("users/{}/", name(NEIGHBOURS)), "")?;
                    }
                    Abuse::Reconnect => reconnect(address, &handshake)?,
                }
                count.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        });
        Self { stop, answered, thread }
    }

    /// Stops the user. Returns the number of answered requests.
    fn stop(self) -> Result<u64> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().ok().context("the abuser panicked")??;
        let answered = self.answered.load(Ordering::Relaxed);
        ensure!(answered > 0, "the abuser was answered nothing");
        Ok(answered)
    }
}

/// Sends one request on a new connection; any status is accepted.
fn request(address: SocketAddr, token: &str, method: &str, path: &str, body: &str) -> Result<()> {
    let mut tcp = TcpStream::connect(address)?;
    tcp.set_read_timeout(Some(TIMEOUT))?;
    let head = format!(
        "{method} /api/v1/{path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    tcp.write_all(head.as_bytes())?;
    let mut answer = Vec::new();
    tcp.read_to_end(&mut answer)?;
    ensure!(answer.starts_with(b"HTTP/1.1 "), "{method} {path} was not answered");
    Ok(())
}

/// Opens a socket, reads until 200 ms pass without data, and drops it.
fn reconnect(address: SocketAddr, handshake: &str) -> Result<()> {
    let mut tcp = TcpStream::connect(address)?;
    tcp.set_read_timeout(Some(Duration::from_millis(200)))?;
    tcp.write_all(handshake.as_bytes())?;
    let mut scratch = vec![0; 256 * 1024];
    while let Ok(1..) = tcp.read(&mut scratch) {}
    Ok(())
}
