//! W11: a user with many groups connects, with a full summary, a window, or a resume of what has changed; beside the same
//! with 100 groups.

use std::io::{Read, Write};
use std::net::TcpStream;

use anyhow::{Context, Result, ensure};
use memchr::memmem;

use super::{RunSettings, grouped};
use crate::frame;
use crate::subject::Subject;
use crate::table::{Goal, Measurement, Outcome};
use crate::world::{Plan, World};

const MESSAGES: u64 = 25;
/// Users who connect one after the other, each a member of all groups.
const USERS: usize = 50;
/// Groups whose last message a user has missed.
const CHANGED: usize = 10;
const FEW: usize = 100;

/// A request of a connecting user: the whole summary, a window of it, or a resume.
#[derive(Clone, Copy)]
pub(super) struct ConnectMode {
    name: &'static str,
    query: &'static str,
    /// The `groups` parameter.
    groups: usize,
    resumes: bool,
    /// The goals for bytes and CPU, as multiples of the same with 100 groups.
    goals: (Goal, Goal),
}

const MODES: [ConnectMode; 3] = [
    ConnectMode {
        name: "all",
        query: "",
        groups: usize::MAX,
        resumes: false,
        goals: (Goal::None, Goal::None),
    },
    ConnectMode::WINDOW,
    ConnectMode {
        name: "groups=0, ten resumed, all since",
        query: "?groups=0",
        groups: 0,
        resumes: true,
        goals: (Goal::AtMost(1.25), Goal::AtMost(4.0)),
    },
];

impl ConnectMode {
    /// The 50 newest groups, as the page connects.
    pub(super) const WINDOW: Self = Self {
        name: "groups=50&messages=1",
        query: "?groups=50&messages=1",
        groups: 50,
        resumes: false,
        goals: (Goal::AtMost(1.25), Goal::AtMost(4.0)),
    };
}

pub(super) fn run(settings: &RunSettings) -> Outcome {
    let sizes = if settings.quick { vec![20] } else { vec![1000, 2000] };
    let few = World::make(&settings.server, &plan(settings.size(FEW, CHANGED)))?;
    let mut rows = Vec::new();
    for size in sizes {
        let many = World::make(&settings.server, &plan(size))?;
        for mode in MODES {
            let name = |unit| format!("W11: {}, {} groups, {unit}", mode.name, grouped(size));
            let mut bytes = Measurement::new(name("bytes"), "KiB", mode.goals.0);
            let mut cpu = Measurement::new(name("CPU"), "ms", mode.goals.1);
            for _ in 0..settings.rounds {
                let (ours, base) = (connect_all(&many, mode)?, connect_all(&few, mode)?);
                bytes.pairs.push((ours.0, base.0));
                cpu.pairs.push((ours.1, base.1));
            }
            rows.extend([bytes, cpu]);
        }
    }
    Ok(rows)
}

fn plan(groups: usize) -> Plan {
    let groups_of = |_: usize, plan: &Plan| (0..plan.groups).collect();
    Plan { users: USERS, groups, groups_of, messages: MESSAGES, contacts: 0 }
}

/// Connects every user once to a newly started server. Returns KiB and milliseconds of server CPU per connect until it is
/// ready. `summary.more`, the count of unread messages in the other groups, is awaited and not counted.
pub(super) fn connect_all(world: &World, mode: ConnectMode) -> Result<(f64, f64)> {
    let since = if mode.resumes { points(world)? } else { Vec::new() };
    let subject = Subject::chinwag(&world.program)?;
    let (mut cpu, mut bytes) = (0.0, 0);
    let mut sockets = Vec::with_capacity(world.users.len());
    for user in 0..world.users.len() {
        // All threads sleep now, so that their CPU counters are up to date.
        let before = subject.cpu_exact()?;
        let (mut socket, read) = ready(&subject, world, user, mode, since.get(user))?;
        cpu += subject.cpu_stopped()? - before;
        bytes += read.len();
        if world.groups_of[user].len() > mode.groups {
            read_to(&mut socket, read, b"\"type\":\"summary.more\"")?;
        }
        sockets.push(socket);
    }
    drop(sockets);
    subject.stop()?;
    let users = world.users.len() as f64;
    Ok((bytes as f64 / 1024.0 / users, cpu * 1000.0 / users))
}

/// The `since` of each user, from an earlier run of the server.
fn points(world: &World) -> Result<Vec<String>> {
    let subject = Subject::chinwag(&world.program)?;
    let mut points = Vec::new();
    for user in 0..world.users.len() {
        let resume = r#"{"type":"sync.resume","data":{"groups":{}}}"#;
        let (_, came) = ask(&subject, world, user, "?groups=0", Some(resume), b"\"}}")?;
        let at = memmem::find(&came, b"\"since\":\"").context("a point")? + br#""since":""#.len();
        let text = came[at..].split(|byte| *byte == b'"').next().context("its end")?;
        points.push(String::from_utf8(text.to_vec())?);
    }
    subject.stop()?;
    Ok(points)
}

/// Connects one user. Returns its connection, and the bytes sent to it until it was ready. A user who resumes has missed one
/// message in each of ten groups.
fn ready(
    subject: &Subject,
    world: &World,
    user: usize,
    mode: ConnectMode,
    since: Option<&String>,
) -> Result<(TcpStream, Vec<u8>)> {
    let Some(since) = since else {
        return ask(subject, world, user, mode.query, None, b"\"type\":\"contact.summary\"");
    };
    let groups: Vec<_> =
        world.groups.iter().take(CHANGED).map(|id| format!("\"{id}\":{}", MESSAGES - 1)).collect();
    let data = format!(r#"{{"groups":{{{}}},"all":true,"since":"{since}"}}"#, groups.join(","));
    let resume = format!(r#"{{"type":"sync.resume","data":{data}}}"#);
    ask(subject, world, user, mode.query, Some(&resume), b"\"type\":\"sync.done\"")
}

/// Connects a user, sends a frame, and reads until `end`.
fn ask(
    subject: &Subject,
    world: &World,
    user: usize,
    query: &str,
    frame: Option<&str>,
    end: &[u8],
) -> Result<(TcpStream, Vec<u8>)> {
    let mut socket = TcpStream::connect(subject.address())?;
    let handshake = world.handshake(user);
    let (_, rest) = handshake.split_once(" HTTP/1.1").context("a request line")?;
    let mut asked = format!("GET /chat/{query} HTTP/1.1{rest}").into_bytes();
    if let Some(frame) = frame {
        frame::put_text(frame.as_bytes(), &mut asked);
    }
    socket.write_all(&asked)?;
    let came = read_to(&mut socket, Vec::new(), end)?;
    Ok((socket, came))
}

/// Reads until `end`. Returns everything read, appended to `came`.
fn read_to(socket: &mut TcpStream, mut came: Vec<u8>, end: &[u8]) -> Result<Vec<u8>> {
    let (mut buffer, mut from) = (vec![0; 64 * 1024], 0);
    while memmem::find(&came[from..], end).is_none() {
        from = came.len().saturating_sub(end.len());
        let read = socket.read(&mut buffer)?;
        ensure!(read > 0, "the server has ended the connection");
        came.extend_from_slice(&buffer[..read]);
    }
    Ok(came)
}
