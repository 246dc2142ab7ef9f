//! W15: downloads beside nginx, uploads beside a loop that writes files, and the memory of clients that stop reading.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::time::{ClockId, clock_gettime};
use socket2::{Domain, Socket, Type};

use super::RunSettings;
use super::rest::{ask, drive};
use crate::load::{Load, TIMEOUT};
use crate::subject::Subject;
use crate::table::{Goal, Measurement, Outcome};
use crate::world::{Plan, World};

const MIB: usize = 1 << 20;
const DOWNLOADS: usize = 64;
const UPLOADS: usize = 16;
/// The most uploads of a round, which bounds the space on the disk.
const UPLOADED: u64 = 300;
/// The size of a file that is larger than all socket buffers.
const LARGE: usize = 24 * MIB;
const KIB: f64 = 1024.0;
/// The kernel's receive buffer of each reader.
const READ_BUFFER: usize = 4096;
const SEGMENT: u32 = 1400;
/// Keeps clients that stop reading connected during the measurement, and lifts the limits of one address.
const SETTINGS: [(&str, &str); 3] = [
    ("CHINWAG_HTTP__LIST_TIMEOUT", "10m"),
    ("CHINWAG_HTTP__TRUSTED_PROXIES", "127.0.0.1"),
    ("CHINWAG_FILES__PER_USER", "1125899906842624"),
];

/// A server with files, and a user who reads and writes them.
struct FileStage {
    chinwag: Subject,
    world: World,
    /// The ids of files of 1 MiB, and of a large file.
    files: Vec<String>,
    large: String,
}

pub(super) fn run(settings: &RunSettings) -> Outcome {
    let stage = FileStage::set(settings)?;
    let rows = vec![stage.download(settings)?, stage.upload(settings)?, stage.measure_stalled(settings)?];
    stage.chinwag.stop()?;
    Ok(rows)
}

impl FileStage {
    fn set(settings: &RunSettings) -> Result<Self> {
        let world = World::make(&settings.server, &Plan::crowds(1, 10))?;
        let chinwag = Subject::chinwag_with(&world.program, &SETTINGS)?;
        let mut stage = Self { chinwag, world, files: Vec::new(), large: String::new() };
        for number in 0..settings.size(DOWNLOADS, 4) {
            let id = stage.store(&content(number, MIB))?;
            stage.files.push(id);
        }
        stage.large = stage.store(&content(0, LARGE))?;
        Ok(stage)
    }

    /// Uploads a file, checks that it reads back the same, and returns its id.
    fn store(&self, content: &[u8]) -> Result<String> {
        let (status, text) = ask(&self.chinwag, &self.post(content))?;
        let text = String::from_utf8(text)?;
        ensure!(status == 201, "an upload was answered {status}: {text}");
        let id = text.split('"').nth(3).context("the object of a file begins with its id")?.to_owned();
        let (status, read) = ask(&self.chinwag, &self.get(&id))?;
        ensure!(status == 200 && read == content, "other bytes are served");
        Ok(id)
    }

    fn get(&self, id: &str) -> Vec<u8> {
        get(&self.world.tokens[0], id)
    }

    fn post(&self, content: &[u8]) -> Vec<u8> {
        let head = head(&self.world.tokens[0], "POST", "");
        let head = head + &format!("Content-Length: {}\r\n\r\n", content.len());
        [head.as_bytes(), content].concat()
    }

    /// MiB downloaded per CPU second of the server.
    fn download(&self, settings: &RunSettings) -> Result<Measurement> {
        let folder = self.world.program.data().join("files");
        let nginx = Subject::nginx(self.world.program.folder(), &folder)?;
        let what = "W15: download of 1 MiB, 64 at a time";
        let mut row = Measurement::new(what, "MiB/CPU s", Goal::AtLeast(0.5));
        let mut rates = (0.0, 0.0);
        let connections = settings.size(DOWNLOADS, 4);
        let mut loads = [Load::new()?, Load::new()?];
        for _ in 0..settings.rounds {
            let mut turn = (0..).map(|number| &self.files[number % self.files.len()]);
            let mut make = || self.get(turn.next().map_or("", |id| id));
            let ours = drive(&mut loads[0], &self.chinwag, connections, u64::MAX, &mut make, settings)?;
            let mut turn = (0..).map(|number| &self.files[number % self.files.len()]);
            let mut make = || {
                let id = turn.next().map_or("", |id| id);
                format!("GET /{id} HTTP/1.1\r\nHost: localhost\r\n\r\n").into_bytes()
            };
            let theirs = drive(&mut loads[1], &nginx, connections, u64::MAX, &mut make, settings)?;
            row.pairs.push((ours.0, theirs.0));
            rates = (ours.1, theirs.1);
        }
        row.note = format!("{:.0} beside {:.0} MiB/s of nginx with sendfile", rates.0, rates.1);
        Ok(row)
    }

    /// MiB uploaded per CPU second of the server, beside a loop that writes files to the same disk.
    fn upload(&self, settings: &RunSettings) -> Result<Measurement> {
        let mut row = Measurement::new("W15: upload of 1 MiB", "MiB/CPU s", Goal::AtLeast(0.5));
        let (content, mut rates) = (content(1, MIB), (0.0, 0.0));
        let request = self.post(&content);
        let mut load = Load::new()?;
        let before = self.objects()?;
        let mut sent = 0;
        for _ in 0..settings.rounds {
            let most = if settings.quick { 8 } else { UPLOADED };
            let mut make = || {
                sent += 1;
                request.clone()
            };
            let ours = drive(&mut load, &self.chinwag, UPLOADS, most, &mut make, settings)?;
            let theirs = write_files(self.world.program.folder(), &content, most, settings.stretch)?;
            row.pairs.push((ours.0, theirs.0));
            rates = (ours.1, theirs.1);
        }
        let stored = self.objects()? - before;
        ensure!(stored == sent, "of {sent} uploads {stored} are in the folder");
        row.note = format!("{:.0} beside {:.0} MiB/s of a loop that writes and syncs", rates.0, rates.1);
        Ok(row)
    }

    fn objects(&self) -> Result<usize> {
        Ok(fs::read_dir(self.world.program.data().join("files"))?.count())
    }

    /// The memory of each additional client that stops reading a large file.
    fn measure_stalled(&self, settings: &RunSettings) -> Result<Measurement> {
        let (few, many) = (settings.size(100, 5), settings.size(1000, 20));
        let what = format!("W15: memory of a reader that stops, {many} of them");
        let mut row = Measurement::new(what, "KiB", Goal::AtMost(1.0));
        for _ in 0..settings.rounds {
            let mut readers = Vec::new();
            self.stop_reading(few, &mut readers)?;
            let before = self.settled(settings)?;
            self.stop_reading(many, &mut readers)?;
            let more = (many - few) as f64;
            row.pairs.push(((self.settled(settings)? - before) / more / KIB, 64.0));
        }
        row.note = format!("{:.0} MiB at the most", self.chinwag.peak()? / KIB / KIB);
        Ok(row)
    }

    /// Adds clients, up to `count`, that request the large file and read only its beginning.
    fn stop_reading(&self, count: usize, readers: &mut Vec<TcpStream>) -> Result<()> {
        // A user may read a tenth of the files that are read at the same time; a service has no such bound.
        let request = get(&self.world.program.key(), &self.large);
        while readers.len() < count {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            socket.set_recv_buffer_size(READ_BUFFER)?;
            // With the large segments of the loopback interface the kernel would buffer the whole file.
            socket.set_tcp_mss(SEGMENT)?;
            socket.connect(&self.chinwag.address().into())?;
            let mut stream = TcpStream::from(socket);
            stream.set_read_timeout(Some(TIMEOUT))?;
            stream.write_all(&request)?;
            let mut beginning = [0; 12];
            stream.read_exact(&mut beginning)?;
            ensure!(&beginning == b"HTTP/1.1 200", "{}", String::from_utf8_lossy(&beginning));
            readers.push(stream);
        }
        Ok(())
    }

    /// Waits until the memory no longer changes, and returns it.
    fn settled(&self, settings: &RunSettings) -> Result<f64> {
        let pause = Duration::from_millis(if settings.quick { 50 } else { 500 });
        let (begun, mut before) = (Instant::now(), self.chinwag.resident()?);
        loop {
            std::thread::sleep(pause);
            let now = self.chinwag.resident()?;
            if (now - before).abs() < KIB * KIB || begun.elapsed() > TIMEOUT {
                return Ok(now);
            }
            before = now;
        }
    }
}

fn head(secret: &str, method: &str, path: &str) -> String {
    format!("{method} /api/v1/files/{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {secret}\r\n")
}

fn get(secret: &str, id: &str) -> Vec<u8> {
    (head(secret, "GET", &format!("{id}/name")) + "\r\n").into_bytes()
}

/// Writes and syncs files one after the other. Returns MiB per CPU second of this thread, and MiB per second.
fn write_files(folder: &Path, content: &[u8], most: u64, stretch: Duration) -> Result<(f64, f64)> {
    let folder = folder.join("written");
    fs::create_dir_all(&folder)?;
    let cpu = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
    };
    let (before, begun, mut written) = (cpu(), Instant::now(), 0);
    while written < most && begun.elapsed() < stretch {
        let (staged, path) = (folder.join("staged"), folder.join(written.to_string()));
        let mut file = File::create(&staged)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(staged, path)?;
        File::open(&folder)?.sync_all()?;
        written += 1;
    }
    let (cpu, seconds) = (cpu() - before, begun.elapsed().as_secs_f64());
    fs::remove_dir_all(&folder)?;
    Ok((written as f64 / cpu.max(0.001), written as f64 / seconds))
}

/// Content of no known type in which no two pages are equal.
fn content(number: usize, size: usize) -> Vec<u8> {
    let page = |at: usize| [&at.to_le_bytes()[..], &number.to_le_bytes(), &[0xfd; 4096 - 16]].concat();
    (0..size / 4096).flat_map(page).collect()
}
