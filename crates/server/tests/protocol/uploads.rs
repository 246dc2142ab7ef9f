//! Resumable uploads with tus 1.0 over real sockets.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chinwag_core::app::file::CompleteFile;
use chinwag_core::file_store::{Attempt, FileKey};
use chinwag_testkit::app::TestApp;
use chinwag_testkit::client::{Answer, Client};
use chinwag_testkit::wait::Wait;
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

fn tus(user: &Client, method: Method, path: &str) -> RequestBuilder {
    user.request(method, path).header("tus-resumable", "1.0.0")
}

/// Begins an upload and returns its path.
async fn begin(user: &Client, length: usize) -> String {
    let metadata = format!("filename {},filetype eA==", STANDARD.encode("día.txt"));
    let request = tus(user, Method::POST, "files/uploads/");
    let begun = user.send(request.header("upload-length", length).header("upload-metadata", metadata)).await;
    assert_eq!((begun.status, begun.header("tus-resumable")), (201, "1.0.0"), "{}", begun.text);
    begun.header("location").to_owned()
}

async fn append(user: &Client, path: &str, offset: usize, bytes: &'static [u8]) -> Answer {
    let request = tus(user, Method::PATCH, path).header("upload-offset", offset);
    user.send(request.header("content-type", "application/offset+octet-stream").body(bytes)).await
}

async fn head(user: &Client, path: &str) -> Answer {
    user.send(tus(user, Method::HEAD, path)).await
}

/// The path of the file that results from an upload.
fn file_of(path: &str) -> String {
    path.replace("uploads/", "")
}

#[tokio::test]
async fn upload_goes_on_in_parts_and_becomes_a_file() {
    let mut app = TestApp::start().await;
    let ann = app.user("ann").await;
    let path = begin(&ann, 10).await;
    let empty = head(&ann, &path).await;
    assert_eq!(
        (empty.status, empty.header("upload-offset"), empty.header("upload-length")),
        (200, "0", "10")
    );
    assert_eq!(empty.header("cache-control"), "no-store");
    let appended = append(&ann, &path, 0, b"0123").await;
    assert_eq!((appended.status, appended.header("upload-offset")), (204, "4"));
    assert_eq!(append(&ann, &path, 0, b"0123").await.status, 409, "another offset");
    assert_eq!(ann.get(&file_of(&path)).await.status, 404, "it is not complete");
    app.restart().await;
    assert_eq!(head(&ann, &path).await.header("upload-offset"), "4");
    assert_eq!(append(&ann, &path, 4, b"456789").await.header("upload-offset"), "10");
    let file = ann.get(&file_of(&path)).await.ok(200);
    assert_eq!(
        (&file["name"], &file["size"], &file["type"]),
        (&json!("día.txt"), &json!(10), &json!("text/plain"))
    );
    assert_eq!(ann.get(&format!("{}a", file_of(&path))).await.text, "0123456789");
    let complete = head(&ann, &path).await;
    assert_eq!((complete.status, complete.header("upload-offset")), (200, "10"));
    let left = std::fs::read_dir(app.files().join("uploads").join(file["id"].as_str().expect("an id")));
    assert_eq!(left.expect("a folder").count(), 1, "parts are left");
}

#[tokio::test]
async fn upload_without_bytes_is_complete_at_once() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let path = begin(&ann, 0).await;
    let file = ann.get(&file_of(&path)).await.ok(200);
    assert_eq!(file["size"], 0);
    assert_eq!(head(&ann, &path).await.header("upload-offset"), "0");
}

#[tokio::test]
async fn body_past_the_length_is_refused() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let path = begin(&ann, 4).await;
    assert_eq!(append(&ann, &path, 0, b"01234").await.status, 413);
    assert_eq!(head(&ann, &path).await.header("upload-offset"), "0");
    assert_eq!(append(&ann, &path, 0, b"0123").await.status, 204);
}

#[tokio::test]
async fn wrong_checksum_stores_nothing() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let path = begin(&ann, 5).await;
    let with = async |checksum: &str| {
        let request = tus(&ann, Method::PATCH, &path).header("upload-offset", 0);
        let request = request.header("content-type", "application/offset+octet-stream");
        ann.send(request.header("upload-checksum", checksum).body("hello")).await.status
    };
    assert_eq!(with("sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA=").await, 460);
    assert_eq!(with("crc32 AAAAAA==").await, 400);
    assert_eq!(head(&ann, &path).await.header("upload-offset"), "0");
    assert_eq!(with("sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00=").await, 204);
}

#[tokio::test]
async fn ended_upload_gives_its_quota_back() {
    let app = TestApp::with(|options| options.limits.files.per_user = 100).await;
    let ann = app.user("ann").await;
    let path = begin(&ann, 100).await;
    let more = tus(&ann, Method::POST, "files/uploads/").header("upload-length", 1);
    let refused = ann.send(more).await;
    assert!(refused.status == 413 && refused.text.contains("files.per_user"), "{}", refused.text);
    append(&ann, &path, 0, b"0123").await;
    assert_eq!(ann.send(tus(&ann, Method::DELETE, &path)).await.status, 204);
    assert_eq!(head(&ann, &path).await.status, 404);
    begin(&ann, 100).await;
}

#[tokio::test]
async fn later_request_ends_one_that_hangs() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let path = begin(&ann, 10).await;
    let request = format!(
        "PATCH {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nTus-Resumable: 1.0.0\r\n\
         Upload-Offset: 0\r\nContent-Type: application/offset+octet-stream\r\nContent-Length: 10\r\n\r\n0123",
        ann.token()
    );
    let (wait, mut hanging) = (Wait::begin(), Vec::new());
    // An attempt that is ended before its bytes have arrived is repeated.
    while head(&ann, &path).await.header("upload-offset") != "4" {
        let mut stream =
            TcpStream::connect(app.url().trim_start_matches("http://")).await.expect("it listens");
        stream.write_all(request.as_bytes()).await.expect("the server reads");
        hanging.push(stream);
        wait.step(|| "its bytes were not kept").await;
    }
    // A stalled request may still deliver bytes, and end this one.
    let wait = Wait::begin();
    while append(&ann, &path, 4, b"456789").await.status != 204 {
        if head(&ann, &path).await.header("upload-offset") == "10" {
            break;
        }
        wait.step(|| "the upload was not completed").await;
    }
    assert_eq!(ann.get(&format!("{}a", file_of(&path))).await.text, "0123456789");
}

#[tokio::test]
async fn file_is_served_as_its_first_attempt_wrote_it() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let path = begin(&ann, 4).await;
    let id = path.trim_end_matches('/').rsplit('/').next().expect("an id").parse().expect("an id");
    let store = app.state().options.files.as_ref().expect("storage").store.clone();
    // Two nodes complete the upload at the same time.
    for (attempt, bytes) in [(7, "good"), (8, "evil")] {
        let attempt = Attempt(attempt);
        let mut writer = store.create(FileKey::Whole(id, attempt)).await.expect("a writer");
        writer.write(bytes.into()).await.expect("the bytes are taken");
        writer.finish().await.expect("it is finished");
        let media_type = "text/plain".into();
        let (dimensions, thumbnail, thumbnail_size) = (None, None, 0);
        let complete =
            CompleteFile { id, attempt, media_type, size: 4, dimensions, thumbnail, thumbnail_size };
        let file = app.app().file_complete(complete).await.expect("a file");
        assert_eq!(file.attempt, Attempt(7));
    }
    assert_eq!(ann.get(&format!("{}a", file_of(&path))).await.text, "good");
}

#[tokio::test]
async fn stranger_finds_no_upload() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let path = begin(&ann, 4).await;
    assert_eq!(head(&bob, &path).await.status, 404);
    assert_eq!(append(&bob, &path, 0, b"0123").await.status, 404);
    assert_eq!(bob.send(tus(&bob, Method::DELETE, &path)).await.status, 404);
    assert_eq!(append(&ann, &path, 0, b"0123").await.status, 204);
}

#[tokio::test]
async fn version_and_lengths_are_demanded() {
    let app = TestApp::with(|options| options.limits.files.max_size = 1000).await;
    let ann = app.user("ann").await;
    let bare = ann.send(ann.request(Method::POST, "files/uploads/").header("upload-length", 4)).await;
    assert_eq!((bare.status, bare.header("tus-version")), (412, "1.0.0"));
    assert_eq!(ann.send(tus(&ann, Method::POST, "files/uploads/")).await.status, 400);
    let large = ann.send(tus(&ann, Method::POST, "files/uploads/").header("upload-length", 1001)).await;
    assert!(large.status == 413 && large.text.contains("files.max_size"), "{}", large.text);
    let options = app.nobody().send(app.nobody().request(Method::OPTIONS, "files/uploads/")).await;
    assert_eq!((options.status, options.header("tus-max-size")), (204, "1000"));
    assert_eq!(options.header("tus-extension"), "creation,termination,checksum");
}

#[tokio::test]
async fn page_of_another_origin_reads_what_tus_needs() {
    let app = TestApp::with(|options| {
        options.http.origins = vec!["https://app.example".into()];
        options.http.public_url = Some("https://chat.example".parse().expect("an address"));
    })
    .await;
    let ann = app.user("ann").await;
    let origin = "https://app.example";
    let preflight = app.nobody().request(Method::OPTIONS, "files/uploads/");
    let preflight = preflight.header("origin", origin).header("access-control-request-method", "PATCH");
    let allowed = app.nobody().send(preflight).await;
    for method in ["PATCH", "HEAD", "DELETE"] {
        assert!(allowed.header("access-control-allow-methods").contains(method), "{method}");
    }
    for header in ["Tus-Resumable", "Upload-Length", "Upload-Offset", "Upload-Metadata", "Upload-Checksum"] {
        assert!(allowed.header("access-control-allow-headers").contains(header), "{header}");
    }
    let request = tus(&ann, Method::POST, "files/uploads/").header("upload-length", 4);
    let begun = ann.send(request.header("origin", origin)).await;
    assert!(begun.header("location").starts_with("https://chat.example/api/v1/files/uploads/"));
    for header in ["Location", "Upload-Offset", "Upload-Length", "Tus-Resumable", "Tus-Max-Size"] {
        assert!(begun.header("access-control-expose-headers").contains(header), "{header}");
    }
}
