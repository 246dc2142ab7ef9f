//! Files over real sockets: uploads, downloads, rights, and content that is never served.

use std::time::Duration;

use chinwag_core::file::FileLimits;
use chinwag_testkit::app::{Options, TestApp};
use chinwag_testkit::client::{Answer, Client};
use chinwag_testkit::wait::{Wait, until};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// An image of 300 × 200 pixels with EXIF metadata: a rotation, a location, and a private description.
pub(crate) const TURNED: &[u8] = include_bytes!("files/turned.jpg");
const CANARY: &[u8] = b"canary-of-metadata";

pub(crate) async fn upload(user: &Client, name: &str, bytes: impl Into<reqwest::Body>) -> Answer {
    let path = format!("files/?name={name}");
    user.send(user.request(Method::POST, &path).body(bytes)).await
}

pub(crate) fn path(file: &Value) -> String {
    format!("files/{}/any.name", file["id"].as_str().expect("an id"))
}

async fn bytes(user: &Client, path: &str) -> Vec<u8> {
    let response = user.request(Method::GET, path).send().await.expect("an answer");
    assert_eq!(response.status(), 200, "{path}");
    response.bytes().await.expect("a body").to_vec()
}

fn limited(change: impl FnOnce(&mut FileLimits)) -> impl FnOnce(&mut Options) {
    |options| change(&mut options.limits.files)
}

#[tokio::test]
async fn file_is_read_as_it_was_uploaded() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let file = upload(&ann, "notes.txt", "some text").await.ok(201);
    assert_eq!(
        file,
        json!({
            "id": file["id"], "name": "notes.txt", "type": "text/plain", "size": 9,
            "width": null, "height": null, "thumbnail": null, "alt": null,
        })
    );
    let id = file["id"].as_str().expect("an id");
    assert_eq!(ann.get(&format!("files/{id}/")).await.ok(200), file);
    let read = ann.get(&path(&file)).await;
    assert_eq!((read.status, &*read.text), (200, "some text"));
    for (header, value) in [
        ("content-type", "text/plain; charset=utf-8"),
        ("content-length", "9"),
        ("content-disposition", "attachment; filename=\"notes.txt\"; filename*=UTF-8''notes.txt"),
        ("cache-control", "private, max-age=3600, immutable"),
        ("content-security-policy", "sandbox; default-src 'none'"),
        ("x-content-type-options", "nosniff"),
        ("accept-ranges", "bytes"),
    ] {
        assert_eq!(read.header(header), value, "{header}");
    }
    let part = ann.request(Method::HEAD, &path(&file)).header("range", "bytes=0-1");
    let part = ann.send(part).await;
    assert_eq!((part.status, part.header("content-range")), (200, ""), "a range is asked for by GET alone");
    let head = ann.send(ann.request(Method::HEAD, &path(&file))).await;
    assert_eq!((head.status, &*head.text, head.header("content-length")), (200, "", "9"));
}

#[tokio::test]
async fn names_lose_their_path_and_their_tricks() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    for (sent, stored) in [
        ("C:%5Cphotos%5Cd%C3%ADa.jpg", "día.jpg"),
        ("..%2F..%2Fetc%2Fpasswd", "passwd"),
        ("exe%E2%80%AEgpj.exe", "exegpj.exe"),
        ("a%0D%0AX-Evil:%201", "aX-Evil: 1"),
        ("..", "file"),
        ("", "file"),
    ] {
        let file = upload(&ann, sent, "x").await.ok(201);
        assert_eq!(file["name"], stored, "{sent}");
        let read = ann.get(&path(&file)).await;
        assert!(!read.headers.contains_key("x-evil") && read.status == 200, "{sent}");
    }
    let long = format!("{}.png", "a".repeat(300));
    let file = upload(&ann, &long, "x").await.ok(201);
    let name = file["name"].as_str().expect("a name");
    assert!(name.len() == 255 && name.ends_with("a.png"), "{name}");
}

#[tokio::test]
async fn empty_file_is_a_file() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let file = upload(&ann, "empty", "").await.ok(201);
    assert_eq!(file["size"], 0);
    let read = ann.get(&path(&file)).await;
    assert_eq!((read.status, &*read.text), (200, ""));
    let past = ann.send(ann.request(Method::GET, &path(&file)).header("range", "bytes=0-")).await;
    assert_eq!((past.status, past.header("content-range")), (416, "bytes */0"));
}

#[tokio::test]
async fn ranges_are_parts_of_the_file() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let file = upload(&ann, "digits", "0123456789").await.ok(201);
    let etag = ann.get(&path(&file)).await.header("etag").to_owned();
    assert!(etag.starts_with('"'), "{etag}");
    for (range, condition, status, text) in [
        ("bytes=0-1", None, 206, "01"),
        ("bytes=-1", None, 206, "9"),
        ("bytes=3-", Some(&*etag), 206, "3456789"),
        ("bytes=3-", Some("\"other\""), 200, "0123456789"),
        ("bytes=3-", Some(&*format!("W/{etag}")), 200, "0123456789"),
        ("bytes=5-2", None, 200, "0123456789"),
        ("bytes=0-1,4-5", None, 200, "0123456789"),
    ] {
        let request = ann.request(Method::GET, &path(&file)).header("range", range);
        let request = condition.into_iter().fold(request, |request, tag| request.header("if-range", tag));
        let read = ann.send(request).await;
        assert_eq!((read.status, &*read.text), (status, text), "{range} {condition:?}");
        assert_eq!(read.header("content-length"), text.len().to_string());
    }
    let past = ann.send(ann.request(Method::GET, &path(&file)).header("range", "bytes=10-")).await;
    assert_eq!((past.status, past.header("content-range")), (416, "bytes */10"));
    let known = ann.send(ann.request(Method::GET, &path(&file)).header("if-none-match", &etag)).await;
    assert_eq!((known.status, &*known.text), (304, ""));
}

#[tokio::test]
async fn photo_loses_its_metadata_and_is_turned_upright() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    assert!(TURNED.windows(CANARY.len()).any(|window| window == CANARY), "the sample has metadata");
    let file = upload(&ann, "photo.jpg", TURNED).await.ok(201);
    assert_eq!(
        (&file["type"], &file["width"], &file["height"]),
        (&json!("image/jpeg"), &json!(200), &json!(300))
    );
    let stored = bytes(&ann, &path(&file)).await;
    assert_eq!(file["size"], stored.len());
    assert!(!stored.windows(4).any(|window| window == b"Exif"), "its metadata are there");
    assert!(!stored.windows(CANARY.len()).any(|window| window == CANARY), "its metadata are there");
    let thumbnail = &file["thumbnail"];
    assert_eq!((&thumbnail["width"], &thumbnail["height"]), (&json!(200), &json!(300)));
    let picture = ann.get(thumbnail["url"].as_str().expect("an address")).await;
    assert_eq!((picture.status, picture.header("content-type")), (200, "image/webp"));
    assert!(picture.header("content-disposition").starts_with("inline"));
    let small: usize = picture.header("content-length").parse().expect("a size");
    let counted = app.service().get("users/ann/?fields=files").await.ok(200);
    assert_eq!(counted["files"]["size"], stored.len() + small, "the thumbnail counts too");
    assert!(ann.get(&path(&file)).await.header("content-disposition").starts_with("inline"));
}

#[tokio::test]
async fn hostile_content_is_never_shown_in_place() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let html = "<!doctype html><script>alert(1)</script>";
    let svg = "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>";
    let mut polyglot = b"GIF89a/*".to_vec();
    polyglot.extend(b"\x01\x00\x01\x00*/=1;alert(1)");
    let mut broken = b"\x89PNG\r\n\x1a\n".to_vec();
    broken.extend([0; 64]);
    let mut script = TURNED[..200].to_vec();
    script.extend(html.as_bytes());
    for (name, content, found) in [
        ("page.html", html.as_bytes().to_vec(), "text/plain"),
        ("picture.svg", svg.as_bytes().to_vec(), "text/plain"),
        ("picture.gif", polyglot, "application/octet-stream"),
        ("picture.png", broken, "application/octet-stream"),
        ("picture.jpg", script, "application/octet-stream"),
        ("program", b"\x7fELF\x02\x01\x01\0".to_vec(), "application/octet-stream"),
    ] {
        let claimed = ann.request(Method::POST, &format!("files/?name={name}"));
        let file = ann.send(claimed.header("content-type", "image/png").body(content)).await.ok(201);
        let read = ann.get(&path(&file)).await;
        assert!(read.header("content-disposition").starts_with("attachment"), "{name}: {file}");
        assert_eq!(file["thumbnail"], Value::Null, "{name}");
        if found != "application/octet-stream" {
            assert_eq!(file["type"], found, "{name}");
        }
    }
}

#[tokio::test]
async fn stranger_learns_nothing_of_a_file() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let file = upload(&ann, "photo.jpg", TURNED).await.ok(201);
    let id = file["id"].as_str().expect("an id");
    let thumbnail = file["thumbnail"]["url"].as_str().expect("an address");
    let missing = "00000000-0000-4000-8000-000000000000";
    for path in [&*format!("files/{id}/"), &*format!("files/{id}/photo.jpg"), thumbnail] {
        let (there, not) = (bob.get(path).await, bob.get(&path.replace(id, missing)).await);
        assert_eq!((there.status, there.json), (404, not.json), "{path}");
        assert_eq!(app.nobody().get(path).await.status, 401, "{path}");
        assert_eq!(ann.get(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn service_names_the_uploader() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let refused = upload(&app.service(), "a.txt", "x").await;
    assert_eq!((refused.status, &refused.json["errors"][0]["field"]), (400, &json!("author")));
    let file = upload(&app.service(), "a.txt&author=ann", "x").await.ok(201);
    assert_eq!(ann.get(&path(&file)).await.status, 200);
}

#[tokio::test]
async fn file_over_the_limit_is_refused_before_it_is_stored() {
    let app = TestApp::with(limited(|files| files.max_size = 1000)).await;
    let ann = app.user("ann").await;
    upload(&ann, "fits", vec![b'x'; 1000]).await.ok(201);
    let refused = upload(&ann, "large", vec![b'x'; 1001]).await;
    assert!(refused.status == 413 && refused.text.contains("files.max_size"), "{}", refused.text);
    // Without a Content-Length, the limit applies to the received bytes.
    let pieces = futures_util::stream::iter((0..11).map(|_| Ok::<_, std::io::Error>(vec![b'x'; 100])));
    let refused = upload(&ann, "chunked", reqwest::Body::wrap_stream(pieces)).await;
    assert!(refused.status == 413 && refused.text.contains("files.max_size"), "{}", refused.text);
    let pieces = futures_util::stream::iter((0..10).map(|_| Ok::<_, std::io::Error>(vec![b'x'; 100])));
    let file = upload(&ann, "chunked", reqwest::Body::wrap_stream(pieces)).await.ok(201);
    assert_eq!(file["size"], 1000);
}

#[tokio::test]
async fn type_that_is_not_allowed_is_415() {
    let app = TestApp::with(limited(|files| files.types = Some(vec!["image/*".into()]))).await;
    let ann = app.user("ann").await;
    upload(&ann, "photo.jpg", TURNED).await.ok(201);
    let refused = upload(&ann, "photo.jpg", "text that claims to be a picture").await;
    assert!(refused.status == 415 && refused.text.contains("files.types"), "{}", refused.text);
}

#[tokio::test]
async fn failed_uploads_return_their_quota() {
    let app = TestApp::with(limited(|files| {
        files.per_user = 1000;
        files.types = Some(vec!["text/plain".into()]);
    }))
    .await;
    let ann = app.user("ann").await;
    for _ in 0..3 {
        assert_eq!(upload(&ann, "binary", vec![0; 800]).await.status, 415);
    }
    upload(&ann, "fits", vec![b'x'; 800]).await.ok(201);
    let refused = upload(&ann, "more", vec![b'x'; 201]).await;
    assert!(refused.status == 413 && refused.text.contains("files.per_user"), "{}", refused.text);
    upload(&ann, "rest", vec![b'x'; 200]).await.ok(201);
}

/// Sends the head of an upload and part of its body, and keeps the connection open.
async fn half(app: &TestApp, user: &Client, length: usize, sent: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(app.url().trim_start_matches("http://")).await.expect("it listens");
    let head = format!(
        "POST /api/v1/files/?name=half HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
         Content-Length: {length}\r\n\r\n",
        user.token()
    );
    stream.write_all(head.as_bytes()).await.expect("the server reads");
    stream.write_all(sent).await.expect("the server reads");
    stream
}

#[tokio::test]
async fn cut_upload_gives_its_quota_back_and_leaves_nothing() {
    // The folder writes 1 MiB at a time: choose a size at which some of it is written.
    const QUOTA: usize = 4 << 20;
    let app = TestApp::with(limited(|files| files.per_user = QUOTA as u64)).await;
    let ann = app.user("ann").await;
    let stream = half(&app, &ann, QUOTA, &vec![b'x'; QUOTA / 2]).await;
    let staged = || {
        let entries = std::fs::read_dir(app.files()).into_iter().flatten().flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.filter(|name| name.contains('#')).collect::<Vec<_>>()
    };
    until("the first part", || !staged().is_empty()).await;
    // Its length was reserved at the beginning.
    let refused = upload(&ann, "second", "x").await;
    assert!(refused.status == 413 && refused.text.contains("files.per_user"), "{}", refused.text);
    drop(stream);
    let wait = Wait::begin();
    while !app.app().files_after(None, 1).await.expect("files").is_empty() {
        wait.step(|| "its quota is not given back").await;
    }
    // The part is removed in the background.
    until("the removal of the part", || staged().is_empty()).await;
    upload(&ann, "third", vec![b'x'; QUOTA]).await.ok(201);
}

#[tokio::test]
async fn stalled_upload_is_408() {
    let app = TestApp::with(|options| options.http.body_timeout = Duration::from_millis(200)).await;
    let ann = app.user("ann").await;
    let mut stream = half(&app, &ann, 900, &[b'x'; 500]).await;
    let mut said = vec![0; 12];
    stream.read_exact(&mut said).await.expect("an answer");
    assert_eq!(said, b"HTTP/1.1 408");
}

#[tokio::test]
async fn refused_upload_is_answered_whatever_its_length() {
    let app = TestApp::start().await;
    let head = "POST /api/v1/files/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer none\r\n";
    // More than the buffers of a connection hold; and a client that asks before it sends.
    for (rest, length, sent) in
        [("", 32 << 20, 32 << 20), ("", 1_u64 << 30, 32 << 20), ("Expect: 100-continue\r\n", 32 << 20, 0)]
    {
        let address = app.url().trim_start_matches("http://").to_owned();
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        let head = format!("{head}{rest}Content-Length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.expect("the server reads");
        stream.write_all(&vec![b'x'; sent]).await.expect("the server reads the rest");
        let mut said = vec![0; 12];
        stream.read_exact(&mut said).await.expect("an answer");
        assert_eq!(String::from_utf8_lossy(&said), "HTTP/1.1 401", "{rest}");
    }
}

#[tokio::test]
async fn ticket_reads_files_and_nothing_else() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let file = upload(&ann, "photo.jpg", TURNED).await.ok(201);
    let ticket = ann.post("tickets/", json!({ "for": "files" })).await.ok(201);
    let ticket = ticket["ticket"].as_str().expect("a ticket");
    let secret = ticket.strip_prefix("cw_files_").expect("its kind");
    assert!(secret.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{ticket}");
    let thumbnail = file["thumbnail"]["url"].as_str().expect("an address");
    for path in [&path(&file), thumbnail] {
        for _ in 0..2 {
            assert_eq!(app.nobody().get(&format!("{path}?ticket={ticket}")).await.status, 200, "{path}");
        }
    }
    let id = file["id"].as_str().expect("an id");
    assert_eq!(app.nobody().get(&format!("files/{id}/?ticket={ticket}")).await.status, 401);
    assert_eq!(app.nobody().get(&format!("users/?ticket={ticket}")).await.status, 401);
    assert_eq!(app.nobody().bearing(ticket).get("users/").await.status, 401);
    assert!(app.nobody().try_ws(&format!("/chat/?ticket={ticket}"), &[]).await.is_err());
    let other = bob.post("tickets/", json!({ "for": "files" })).await.ok(201);
    let other = other["ticket"].as_str().expect("a ticket");
    assert_eq!(app.nobody().get(&format!("{}?ticket={other}", path(&file))).await.status, 404);
    let forged = format!("{}A", &ticket[..ticket.len() - 1]);
    assert_eq!(app.nobody().get(&format!("{}?ticket={forged}x", path(&file))).await.status, 401);
    assert_eq!(ann.post("tickets/", json!({ "for": "sockets" })).await.status, 400);
    // The ticket ends with the token that requested it.
    app.service().delete("users/ann/tokens/").await.ok(200);
    assert_eq!(app.nobody().get(&format!("{}?ticket={ticket}", path(&file))).await.status, 401);
}

#[tokio::test]
async fn client_that_stops_reading_a_file_is_cut_off() {
    let app = TestApp::with(|options| options.http.list_timeout = Duration::from_millis(500)).await;
    let ann = app.user("ann").await;
    // More data than the kernel's buffers of a connection hold.
    let file = upload(&ann, "large", vec![b'x'; 20 << 20]).await.ok(201);
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    let address = app.url().trim_start_matches("http://").parse().expect("an address");
    let mut client = socket.connect(address).await.expect("it listens");
    let head = format!(
        "GET /api/v1/{} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\r\n",
        path(&file),
        ann.token()
    );
    client.write_all(head.as_bytes()).await.expect("the server reads");
    let mut beginning = [0; 12];
    client.read_exact(&mut beginning).await.expect("an answer");
    assert_eq!(&beginning, b"HTTP/1.1 200");
    let wait = Wait::begin();
    while client.take_error().expect("a state").is_none() {
        wait.step(|| "the connection stands").await;
    }
    assert_eq!(bytes(&ann, &path(&file)).await.len(), 20 << 20, "one who reads is served");
}

/// Bytes in which neighbouring ranges differ.
fn pattern(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at % 251).to_le_bytes()[0]).collect()
}

#[tokio::test]
async fn pipelined_reads_are_answered_in_order() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let (large, small) = (pattern((5 << 20) + 17), pattern(100));
    let file = path(&upload(&ann, "large", large.clone()).await.ok(201));
    let other = path(&upload(&ann, "small", small.clone()).await.ok(201));
    let address = app.url().trim_start_matches("http://").to_owned();
    let mut client = TcpStream::connect(&address).await.expect("it listens");
    let get = |path: &str, more: &str| {
        let token = ann.token();
        format!(
            "GET /api/v1/{path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n{more}\r\n"
        )
    };
    let requests = [
        get(&file, ""),
        get(&other, ""),
        get(&file, "Range: bytes=3-2000000\r\n"),
        get(&other, "Range: bytes=99-\r\n"),
        get(&file, "Connection: close\r\n"),
    ];
    client.write_all(requests.concat().as_bytes()).await.expect("the server reads");
    let mut read = Vec::new();
    client.read_to_end(&mut read).await.expect("all answers");
    let mut read = &read[..];
    for expected in [&*large, &*small, &large[3..=2_000_000], &small[99..], &*large] {
        let end = read.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
        assert!(read.starts_with(b"HTTP/1.1 20"), "{}", String::from_utf8_lossy(&read[..end]));
        let body = &read[end..end + expected.len()];
        assert!(body == expected, "other bytes of {}", expected.len());
        read = &read[end + expected.len()..];
    }
    assert!(read.is_empty(), "{} bytes more", read.len());
}

#[tokio::test]
async fn files_that_are_off_are_404_and_say_so() {
    let app = TestApp::with(|options| options.files = None).await;
    let ann = app.user("ann").await;
    let refused = upload(&ann, "a.txt", "x").await;
    assert!(refused.status == 404 && refused.text.contains("files.store"), "{}", refused.text);
    let id = "00000000-0000-4000-8000-000000000000";
    for path in [format!("files/{id}/"), format!("files/{id}/a"), format!("files/{id}/thumbnail/image.webp")]
    {
        let refused = ann.get(&path).await;
        assert!(refused.status == 404 && refused.text.contains("files.store"), "{path}: {}", refused.text);
    }
    let server = app.nobody().get("server/").await.ok(200);
    assert_eq!(server["files"], Value::Null);
    assert!(!server["features"].as_array().expect("a list").contains(&json!("files")));
}

#[tokio::test]
async fn server_says_what_files_it_takes() {
    let app = TestApp::with(limited(|files| files.types = Some(vec!["image/*".into()]))).await;
    let server = app.nobody().get("server/").await.ok(200);
    let expected = json!({ "max_size": 25 << 20, "per_user": 1 << 30, "types": ["image/*"] });
    assert_eq!(server["files"], expected);
    assert!(server["features"].as_array().expect("a list").contains(&json!("files")));
}

#[tokio::test]
async fn file_survives_a_restart() {
    let mut app = TestApp::start().await;
    let ann = app.user("ann").await;
    let content = vec![b'x'; 3 << 20];
    let file = upload(&ann, "large", content.clone()).await.ok(201);
    app.restart().await;
    assert!(bytes(&ann, &path(&file)).await == content, "other bytes");
}
