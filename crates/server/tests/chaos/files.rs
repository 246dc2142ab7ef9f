//! Uploads interrupted by `kill -9`: no partial file remains or is served, and a resumable upload continues.

use std::fs;
use std::path::Path;

use chinwag_testkit::client::Client;
use chinwag_testkit::proxy::Proxy;
use chinwag_testkit::wait::{Wait, until};
use futures_util::StreamExt;
use reqwest::Method;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::program;

/// The size of the interrupted upload. A folder writes 1 MiB at a time.
const SENT: usize = 5 << 19;

/// The objects still being written.
fn staged(files: &Path) -> Vec<String> {
    let entries = fs::read_dir(files).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.contains('#')).collect()
}

fn count_complete(files: &Path) -> usize {
    let entries = fs::read_dir(files).into_iter().flatten().flatten();
    entries.filter(|entry| entry.path().is_file()).count()
}

async fn append(user: &Client, path: &str, offset: usize, bytes: &'static str) -> u16 {
    let request = user.request(Method::PATCH, path).header("tus-resumable", "1.0.0");
    let request =
        request.header("upload-offset", offset).header("content-type", "application/offset+octet-stream");
    user.send(request.body(bytes)).await.status
}

#[tokio::test]
async fn killed_uploads_leave_nothing_half_written() {
    let program = program();
    let files = program.data().join("files");
    let running = program.serve();
    let ann = program.service(&running).user("ann").await;
    let begin = ann.request(Method::POST, "files/uploads/").header("tus-resumable", "1.0.0");
    let begun = ann.send(begin.header("upload-length", 10)).await;
    let upload = begun.header("location").to_owned();
    assert_eq!(append(&ann, &upload, 0, "0123").await, 204);

    let mut cut = TcpStream::connect(running.url().trim_start_matches("http://")).await.expect("it listens");
    let head = format!(
        "POST /api/v1/files/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n",
        ann.token(),
        2 * SENT
    );
    cut.write_all(head.as_bytes()).await.expect("the server reads");
    cut.write_all(&vec![b'x'; SENT]).await.expect("the server reads");
    let wait = Wait::begin();
    while staged(&files).is_empty() {
        wait.step(|| "nothing is being written").await;
    }
    running.kill();
    assert_eq!(staged(&files).len(), 1, "the upload was cut");

    let running = program.serve();
    assert_eq!((staged(&files).len(), count_complete(&files)), (0, 0), "half a file is left");
    let ann = Client::new(running.url(), Some(ann.token()), "ann");
    let head = ann.send(ann.request(Method::HEAD, &upload).header("tus-resumable", "1.0.0")).await;
    assert_eq!(head.header("upload-offset"), "4");
    assert_eq!(append(&ann, &upload, 4, "456789").await, 204);
    let file = upload.replace("uploads/", "");
    assert_eq!(ann.get(&format!("{file}name")).await.text, "0123456789");
}

#[tokio::test]
async fn upload_of_100_mib_goes_on_over_ten_cuts() {
    const SIZE: usize = 100 << 20;
    const SHARE: usize = SIZE / 11;
    let program = program();
    let running = program.serve_with(|command| {
        command.env("CHINWAG_FILES__MAX_SIZE", SIZE.to_string());
    });
    let link = Proxy::to(running.url().trim_start_matches("http://").parse().expect("an address")).await;
    let ann = program.service(&running).user("ann").await;
    let ann = Client::new(&format!("http://{}", link.address()), Some(ann.token()), "ann");
    // No two blocks are equal.
    let block = |number: usize| [&number.to_le_bytes()[..], &[7; 4096 - 8]].concat();
    let content: Vec<u8> = (0..SIZE / 4096).flat_map(block).collect();
    let begin = ann.request(Method::POST, "files/uploads/").header("tus-resumable", "1.0.0");
    let begun = ann.send(begin.header("upload-length", SIZE)).await;
    let upload = begun.header("location").to_owned();
    let offset = async || {
        let head = ann.send(ann.request(Method::HEAD, &upload).header("tus-resumable", "1.0.0")).await;
        head.header("upload-offset").parse::<usize>().expect("an offset")
    };
    let part = |at: usize| {
        let request = ann.request(Method::PATCH, &upload).header("tus-resumable", "1.0.0");
        request.header("upload-offset", at).header("content-type", "application/offset+octet-stream")
    };
    let mut at = 0;
    for cut in 1..=10 {
        // The body stalls after its share until the connection is cut.
        let share = futures_util::stream::iter([Ok::<_, std::io::Error>(content[at..at + SHARE].to_vec())]);
        let body = reqwest::Body::wrap_stream(share.chain(futures_util::stream::pending()));
        let passed = link.passed();
        let sending = tokio::spawn(part(at).body(body).send());
        until("a share of the bytes", || link.passed() >= passed + SHARE).await;
        link.cut();
        assert!(sending.await.expect("no panic").is_err(), "cut {cut}");
        link.restore();
        let stored = offset().await;
        assert!((at..=at + SHARE).contains(&stored), "cut {cut}: {stored} after {at}");
        at = stored;
    }
    assert!(at > 0, "nothing was kept");
    assert_eq!(ann.send(part(at).body(content[at..].to_vec())).await.status, 204);
    let file = upload.replace("uploads/", "");
    let read = ann.request(Method::GET, &format!("{file}name")).send().await.expect("an answer");
    let read = read.bytes().await.expect("a body");
    assert_eq!(Sha256::digest(&read), Sha256::digest(&content));
}
