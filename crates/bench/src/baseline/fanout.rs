//! A bare server of WebSockets: it makes of every message one ready frame and writes that to each
//! receiver of the group. What one read brings goes out in one write.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::ErrorKind;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use base64::Engine;
use memchr::memmem;
use sha1::{Digest, Sha1};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use crate::frame;

const READ: usize = 64 * 1024;
const MAGIC: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; READ]);
}

/// A group: its last number, and who listens.
#[derive(Default)]
struct Room {
    seq: u64,
    members: Vec<Arc<TcpStream>>,
}

type Rooms = Arc<Mutex<HashMap<String, Arc<Mutex<Room>>>>>;

pub(super) async fn serve(listener: TcpListener) -> Result<()> {
    let rooms = Rooms::default();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(socket(stream, rooms.clone()));
    }
}

async fn socket(mut stream: TcpStream, rooms: Rooms) -> Result<()> {
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
    let room = locked(&rooms).entry(group).or_default().clone();
    let stream = Arc::new(stream);
    // A member before it is answered, so that whoever has the answer misses nothing.
    locked(&room).members.push(stream.clone());
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
            locked(&room).members.retain(|member| !Arc::ptr_eq(member, &stream));
            return Ok(());
        };
        if !bodies.is_empty() {
            tell(&room, &bodies).await;
        }
    }
}

/// One write to each receiver; what a receiver does not take is waited for.
async fn tell(room: &Mutex<Room>, bodies: &[Vec<u8>]) {
    let mut frames = Vec::new();
    let mut late = Vec::new();
    {
        let mut room = locked(room);
        for body in bodies {
            room.seq += 1;
            frame::ready(room.seq, body, &mut frames);
        }
        for member in &room.members {
            match member.try_write(&frames) {
                Ok(written) if written == frames.len() => {}
                Ok(written) => late.push((member.clone(), written)),
                Err(why) if why.kind() == ErrorKind::WouldBlock => late.push((member.clone(), 0)),
                // It is gone.
                Err(_) => {}
            }
        }
    }
    for (member, mut written) in late {
        while written < frames.len() && member.writable().await.is_ok() {
            match member.try_write(&frames[written..]) {
                Ok(more) => written += more,
                Err(why) if why.kind() == ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
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
