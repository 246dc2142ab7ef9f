//! W9: REST requests per CPU second of the server, beside hyper answering the same bytes.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use memchr::memmem;

use super::RunSettings;
use crate::baseline::http;
use crate::frame;
use crate::load::{ArrivalKind, Load, TIMEOUT};
use crate::subject::Subject;
use crate::table::{Goal, Measurement, Outcome};
use crate::world::{Plan, World, name};

const CONNECTIONS: usize = 32;
const MESSAGES: u64 = 1000;

/// A kind of request.
struct RequestKind {
    what: &'static str,
    least: f64,
    path: String,
    /// Whether the request posts a message.
    posts: bool,
}

pub(super) fn run(settings: &RunSettings) -> Outcome {
    let plan = Plan { messages: MESSAGES, ..Plan::crowds(1, 10) };
    let world = World::make(&settings.server, &plan)?;
    let chinwag = Subject::chinwag(&world.program)?;
    let (token, group) = (&world.tokens[0], world.groups[0]);
    let read = |what, least, path| RequestKind { what, least, path, posts: false };
    let kinds = [
        read("W9: GET a user", 0.60, format!("/api/v1/users/{}/?fields=name+status", name(0))),
        read("W9: GET a group", 0.25, format!("/api/v1/groups/{group}/?fields=__all__")),
        read("W9: GET a page of history", 0.30, format!("/api/v1/groups/{group}/messages/")),
        RequestKind {
            what: "W9: POST a message",
            least: 0.35,
            path: "/api/v1/messages/".into(),
            posts: true,
        },
    ];
    let mut answers = Vec::new();
    let mut sent = 0;
    for kind in &kinds {
        let request = kind.request(token, &group.to_string(), &mut sent);
        let (status, content) = ask(&chinwag, &request)?;
        let content = String::from_utf8(content)?;
        ensure!(status == 200 || status == 201, "{} was answered {status}: {content}", kind.path);
        http::put(&kind.path, status, &content, &mut answers);
    }
    let file = world.program.folder().join("answers");
    std::fs::write(&file, answers)?;
    let bare = Subject::bare(&["http", file.to_str().context("the path is text")?])?;
    let mut rows = Vec::new();
    for kind in &kinds {
        let mut row = Measurement::new(kind.what, "requests/CPU s", Goal::AtLeast(kind.least));
        let mut rates = (0.0, 0.0);
        let mut loads = [Load::new()?, Load::new()?];
        for _ in 0..settings.rounds {
            let mut make = || kind.request(token, &group.to_string(), &mut sent);
            let ours = drive(&mut loads[0], &chinwag, CONNECTIONS, u64::MAX, &mut make, settings)?;
            let mut nobody = 0;
            let mut make = || kind.request(token, &group.to_string(), &mut nobody);
            let theirs = drive(&mut loads[1], &bare, CONNECTIONS, u64::MAX, &mut make, settings)?;
            row.pairs.push((ours.0, theirs.0));
            rates = (ours.1, theirs.1);
        }
        row.note = format!("{:.0} beside {:.0} requests/s", rates.0, rates.1);
        rows.push(row);
    }
    chinwag.stop()?;
    world.check_count(sent)?;
    Ok(rows)
}

impl RequestKind {
    fn request(&self, token: &str, group: &str, sent: &mut u64) -> Vec<u8> {
        let (path, host) = (&self.path, "Host: localhost\r\nAuthorization: Bearer");
        if !self.posts {
            return format!("GET {path} HTTP/1.1\r\n{host} {token}\r\n\r\n").into_bytes();
        }
        *sent += 1;
        let content = format!(r#"{{"group":"{group}","body":"{}"}}"#, frame::body(*sent, 0));
        let length = content.len();
        let head = format!("POST {path} HTTP/1.1\r\n{host} {token}\r\nContent-Type: application/json");
        format!("{head}\r\nContent-Length: {length}\r\n\r\n{content}").into_bytes()
    }
}

/// Sends one request and waits for the complete answer.
pub(super) fn ask(subject: &Subject, request: &[u8]) -> Result<(u16, Vec<u8>)> {
    let mut tcp = TcpStream::connect(subject.address())?;
    tcp.set_read_timeout(Some(TIMEOUT))?;
    let line = memmem::find(request, b"\r\n").context("a line")?;
    tcp.write_all(&[&request[..line], b"\r\nConnection: close", &request[line..]].concat())?;
    let mut answer = Vec::new();
    tcp.read_to_end(&mut answer)?;
    let end = memmem::find(&answer, b"\r\n\r\n").context("a whole answer")?;
    let content = answer.split_off(end + 4);
    let status = std::str::from_utf8(answer.get(9..12).context("a status")?)?;
    Ok((status.parse()?, content))
}

/// Keeps every connection busy with one request at a time, up to a total. Returns requests per CPU second of the server, and
/// requests per second.
pub(super) fn drive(
    load: &mut Load,
    subject: &Subject,
    connections: usize,
    most: u64,
    make: &mut dyn FnMut() -> Vec<u8>,
    settings: &RunSettings,
) -> Result<(f64, f64)> {
    let sockets = (0..connections).map(|_| load.join_rest(subject.address())).collect::<Result<Vec<_>>>()?;
    let (before, begun, mut arrivals) = (subject.cpu()?, Instant::now(), Vec::new());
    let (mut asked, mut answered) = (0_u64, 0_u64);
    for socket in &sockets {
        load.out(*socket).extend(make());
        load.flush(*socket)?;
        asked += 1;
    }
    let mut last = Instant::now();
    while answered < asked {
        load.turn(Duration::from_millis(50), &mut arrivals)?;
        for arrival in arrivals.drain(..) {
            let ArrivalKind::Answer(status) = arrival.what else { continue };
            ensure!(status == 200 || status == 201, "a request was answered {status}");
            (last, answered) = (Instant::now(), answered + 1);
            if asked < most && begun.elapsed() < settings.stretch {
                load.out(arrival.socket).extend(make());
                load.flush(arrival.socket)?;
                asked += 1;
            }
        }
        ensure!(last.elapsed() < TIMEOUT, "no answer came for {TIMEOUT:?}");
    }
    let (cpu, seconds) = (subject.cpu()? - before, begun.elapsed().as_secs_f64());
    Ok((answered as f64 / cpu.max(0.01), answered as f64 / seconds))
}
