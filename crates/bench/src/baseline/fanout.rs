//! A bare WebSocket server. It encodes each message once and writes that frame to every receiver of the group, one write
//! for all messages of one read. With a journal, a message is on the disk first.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use base64::Engine;
use memchr::memmem;
use sha1::{Digest, Sha1};
use socket2::SockRef;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;

use super::journal::{BACKLOG, Journal, JournalEntry};
use crate::frame;

const READ: usize = 64 * 1024;
const MAGIC: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; READ]);
}

/// A group.
pub(super) struct Room {
    /// Its number in the journal.
    pub(super) number: u64,
    log: Mutex<RoomLog>,
}

/// The last sequence number of a group, and its receivers.
#[derive(Default)]
struct RoomLog {
    seq: u64,
    members: Vec<Arc<RoomMember>>,
}

/// A receiver, and the bytes that its socket has not accepted yet.
struct RoomMember {
    stream: TcpStream,
    backlog: Mutex<Vec<u8>>,
}

type Rooms = Arc<Mutex<HashMap<String, Arc<Room>>>>;

impl Room {
    pub(super) fn new(number: u64) -> Self {
        Self { number, log: Mutex::default() }
    }
}

pub(super) async fn serve(listener: TcpListener, journal: Option<&Path>) -> Result<()> {
    let (rooms, journal) = (Rooms::default(), journal.map(Journal::start).transpose()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(socket(stream, rooms.clone(), journal.clone()));
    }
}

async fn socket(mut stream: TcpStream, rooms: Rooms, journal: Option<Journal>) -> Result<()> {
    let mut head = Vec::new();
    while memmem::find(&head, b"\r\n\r\n").is_none() {
        if stream.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let head = std::str::from_utf8(&head)?;
    let between = |start: &str, end: &str| {
        let rest = &head[head.find(start)? + start.len()..];
        Some(rest[..rest.find(end)?].to_owned())
    };
    let group = between("?g=", " ").context("a group")?;
    let key = between("Sec-WebSocket-Key: ", "\r\n").context("a key")?;
    let accept = Sha1::new().chain_update(key).chain_update(MAGIC).finalize();
    let accept = base64::engine::general_purpose::STANDARD.encode(accept);
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    let new = || Arc::new(Room::new(journal.as_ref().map_or(1, Journal::number)));
    let room = locked(&rooms).entry(group).or_insert_with(new).clone();
    let member = Arc::new(RoomMember { stream, backlog: Mutex::default() });
    // Join before the handshake is answered: a client that has the answer misses nothing.
    locked(&room.log).members.push(member.clone());
    let stream = &member.stream;
    stream.writable().await?;
    stream.try_write(answer.as_bytes())?;
    let mut partial = Vec::new();
    loop {
        stream.readable().await?;
        let Some(bodies) = SCRATCH.with_borrow_mut(|scratch| match stream.try_read(scratch) {
            Ok(0) => Ok(None),
            Ok(count) => {
                partial.extend_from_slice(&scratch[..count]);
                Ok(Some(bodies(&mut partial)))
            }
            Err(why) if why.kind() == ErrorKind::WouldBlock => Ok(Some(Vec::new())),
            Err(why) => Err(why),
        })?
        else {
            locked(&room.log).members.retain(|other| !Arc::ptr_eq(other, &member));
            return Ok(());
        };
        match &journal {
            _ if bodies.is_empty() => {}
            None => write_and_wait(&room, &bodies).await,
            Some(journal) if journal.put(JournalEntry { room: room.clone(), bodies }).await => {}
            Some(_) => return Ok(()),
        }
    }
}

/// Writes once to each receiver, and waits until each has accepted all bytes.
async fn write_and_wait(room: &Room, bodies: &[Vec<u8>]) {
    let mut frames = Vec::new();
    let mut late = Vec::new();
    {
        let mut log = locked(&room.log);
        log.put_frames(bodies, &mut frames);
        for member in &log.members {
            match member.stream.try_write(&frames) {
                Ok(written) if written == frames.len() => {}
                Ok(written) => late.push((member.clone(), written)),
                Err(why) if why.kind() == ErrorKind::WouldBlock => late.push((member.clone(), 0)),
                // The receiver has disconnected.
                Err(_) => {}
            }
        }
    }
    for (member, mut written) in late {
        while written < frames.len() && member.stream.writable().await.is_ok() {
            match member.stream.try_write(&frames[written..]) {
                Ok(more) => written += more,
                Err(why) if why.kind() == ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
        }
    }
}

/// The same without a wait: the rest that a receiver does not take is its backlog, which a task of its own writes.
pub(super) fn write_now(room: &Room, bodies: &[Vec<u8>], runtime: &Handle) {
    let mut frames = Vec::new();
    let mut log = locked(&room.log);
    log.put_frames(bodies, &mut frames);
    for member in &log.members {
        let mut backlog = locked(&member.backlog);
        if !backlog.is_empty() {
            if backlog.len() + frames.len() > BACKLOG {
                // Its end is read by its own task.
                let _ = SockRef::from(&member.stream).shutdown(std::net::Shutdown::Both);
            } else {
                backlog.extend_from_slice(&frames);
            }
            continue;
        }
        match member.stream.try_write(&frames) {
            Ok(written) if written == frames.len() => {}
            Ok(written) => wait_to_write(member, &mut backlog, &frames[written..], runtime),
            Err(why) if why.kind() == ErrorKind::WouldBlock => {
                wait_to_write(member, &mut backlog, &frames, runtime);
            }
            // The receiver has disconnected.
            Err(_) => {}
        }
    }
}

/// Begins a backlog.
fn wait_to_write(member: &Arc<RoomMember>, backlog: &mut Vec<u8>, rest: &[u8], runtime: &Handle) {
    backlog.extend_from_slice(rest);
    let member = member.clone();
    runtime.spawn(async move {
        while member.stream.writable().await.is_ok() {
            let mut backlog = locked(&member.backlog);
            match member.stream.try_write(&backlog) {
                Ok(written) => drop(backlog.drain(..written)),
                Err(why) if why.kind() == ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
            if backlog.is_empty() {
                *backlog = Vec::new();
                return;
            }
        }
    });
}

impl RoomLog {
    /// Gives each message its number.
    fn put_frames(&mut self, bodies: &[Vec<u8>], into: &mut Vec<u8>) {
        for body in bodies {
            self.seq += 1;
            frame::ready(self.seq, body, into);
        }
    }
}

/// The bodies of the messages that are whole, which are taken from `partial`.
fn bodies(partial: &mut Vec<u8>) -> Vec<Vec<u8>> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some((opcode, payload, length)) = frame::unmask_first(&mut partial[at..]) {
        if opcode == 1 {
            found.extend(body_in(&partial[at..][payload]).map(<[u8]>::to_vec));
        }
        at += length;
    }
    partial.drain(..at);
    if partial.is_empty() {
        *partial = Vec::new();
    }
    found
}

/// The body in a message as clients send it.
pub(crate) fn body_in(payload: &[u8]) -> Option<&[u8]> {
    let start = memmem::find(payload, b"\"body\":\"")? + 8;
    payload.get(start..start + frame::BODY)
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
