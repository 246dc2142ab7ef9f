//! Files on two nodes that share a folder or a bucket.

use std::net::SocketAddr;
use std::path::Path;
use std::{fs, io};

use chinwag_testkit::bucket::S3Server;
use chinwag_testkit::client::Client;
use chinwag_testkit::proxy::Proxy;
use chinwag_testkit::setup::{self, id};
use chinwag_testkit::wait::Wait;
use futures_util::stream;
use reqwest::{Body, Method};
use serde_json::json;
use tokio::sync::mpsc;

use crate::cluster::Cluster;

/// A quota with space for one upload.
const PER_USER: u64 = 45_000;
const SIZE: usize = 42_000;

/// Two nodes that share a file storage.
async fn two_nodes(variables: &[(&'static str, String)]) -> Cluster {
    let mut cluster = Cluster::of(0).await;
    for _ in 0..2 {
        let mut node = cluster.node(&[]).await;
        node.set("CHINWAG_FILES__PER_USER", PER_USER.to_string());
        for (name, value) in variables {
            node.set(name, value.clone());
        }
        node.start();
        cluster.nodes.push(node);
    }
    cluster
}

async fn begin(user: &Client, length: usize) -> (u16, String) {
    let request = user.request(Method::POST, "files/uploads/").header("tus-resumable", "1.0.0");
    let answer = user.send(request.header("upload-length", length)).await;
    (answer.status, answer.header("location").to_owned())
}

async fn append(user: &Client, upload: &str, offset: u64, bytes: impl Into<Body>) -> u16 {
    let request = user.request(Method::PATCH, upload).header("tus-resumable", "1.0.0");
    let request = request.header("upload-offset", offset).body(bytes);
    user.send(request.header("content-type", "application/offset+octet-stream")).await.status
}

async fn upload_goes_on_at_the_other_node(cluster: &Cluster) {
    let ann = &cluster.users("ann", 1).await[0];
    let (one, other) = (cluster.nodes[0].as_user(ann), cluster.nodes[1].as_user(ann));
    // Begin three uploads concurrently, on both nodes and in both ways; the quota allows one.
    let plain = one.request(Method::POST, "files/?name=b").body(vec![b'p'; SIZE]);
    let (first, second, third) = tokio::join!(begin(&one, SIZE), begin(&other, SIZE), one.send(plain));
    let statuses = [first.0, second.0, third.status];
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 413).count(), 2, "{statuses:?}");
    if third.status == 201 {
        let path = format!("files/uploads/{}", id(&third.ok(201)));
        let ended = other.request(Method::DELETE, &path).header("tus-resumable", "1.0.0");
        assert_eq!(other.send(ended).await.status, 204);
    } else {
        let upload = if first.0 == 201 { first.1 } else { second.1 };
        let ended = other.request(Method::DELETE, &upload).header("tus-resumable", "1.0.0");
        assert_eq!(other.send(ended).await.status, 204, "its bytes are given back");
    }
    let (status, upload) = begin(&one, 10).await;
    assert_eq!(status, 201);
    assert_eq!(append(&one, &upload, 0, "01234").await, 204);
    let head = other.request(Method::HEAD, &upload).header("tus-resumable", "1.0.0");
    assert_eq!(other.send(head).await.header("upload-offset"), "5");
    assert_eq!(append(&other, &upload, 5, "56789").await, 204);
    let file = upload.replace("uploads/", "");
    for node in [&one, &other] {
        assert_eq!(node.get(&format!("{file}name")).await.text, "0123456789");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upload_goes_on_at_another_node_over_a_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let location = format!("file://{}", folder.path().display());
    let cluster = two_nodes(&[("CHINWAG_FILES__STORE", location)]).await;
    upload_goes_on_at_the_other_node(&cluster).await;
}

/// The content of every file in a folder and its subfolders.
fn contents(folder: &Path) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .flat_map(|entry| {
            let is_folder = entry.file_type().is_ok_and(|found| found.is_dir());
            if is_folder { contents(&entry.path()) } else { fs::read(entry.path()).into_iter().collect() }
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_that_hangs_elsewhere_leaves_a_complete_file() {
    // A folder writes 1 MiB at a time, and buffers the last bytes until the end.
    const WRITTEN: usize = 1 << 20;
    const LONG: usize = WRITTEN + 2;
    let folder = tempfile::tempdir().expect("a folder");
    let location = format!("file://{}", folder.path().display());
    let quota = ("CHINWAG_FILES__PER_USER", (10 * LONG).to_string());
    let cluster = two_nodes(&[("CHINWAG_FILES__STORE", location), quota]).await;
    let ann = &cluster.users("ann", 1).await[0];
    let group = setup::group(&cluster.nodes[0].service(), &[ann.name()]).await;
    let (one, other) = (cluster.nodes[0].as_user(ann), cluster.nodes[1].as_user(ann));
    for is_deleted in [false, true] {
        let (_, upload) = begin(&one, LONG).await;
        let (rest, arriving) = mpsc::unbounded_channel();
        let piece = |bytes: Vec<u8>| rest.send(bytes).expect("it is read");
        let arriving = stream::unfold(arriving, async |mut arriving: mpsc::UnboundedReceiver<Vec<u8>>| {
            Some((Ok::<_, io::Error>(arriving.recv().await?), arriving))
        });
        piece(vec![b'a'; LONG - 1]);
        let request = one.request(Method::PATCH, &upload).header("tus-resumable", "1.0.0");
        let request =
            request.header("content-type", "application/offset+octet-stream").header("upload-offset", 0);
        let hanging = tokio::spawn(request.body(Body::wrap_stream(arriving)).send());
        let wait = Wait::begin();
        while !contents(folder.path()).contains(&vec![b'a'; WRITTEN]) {
            wait.step(|| "its bytes do not arrive").await;
        }
        assert_eq!(append(&other, &upload, 0, vec![b'b'; LONG]).await, 204);
        let file = upload.replace("uploads/", "");
        let id = file.trim_end_matches('/').rsplit('/').next().expect("an id");
        let message = json!({ "group": group, "attachments": [id] });
        let message = other.post("messages/", message).await.ok(201);
        if is_deleted {
            other.delete(&format!("messages/{}/", self::id(&message))).await.ok(200);
            let wait = Wait::begin();
            while contents(folder.path()).contains(&vec![b'b'; LONG]) {
                wait.step(|| "its bytes stay").await;
            }
        }
        piece(vec![b'a']);
        drop(rest);
        let status = hanging.await.expect("no panic").expect("an answer").status();
        assert_eq!(status, if is_deleted { 404 } else { 409 });
        let expected = if is_deleted { vec![] } else { vec![vec![b'b'; LONG]] };
        assert!(contents(folder.path()) == expected, "other bytes are stored");
        if !is_deleted {
            assert!(one.get(&format!("{file}a")).await.text == "b".repeat(LONG), "other bytes are read");
            other.delete(&format!("messages/{}/", self::id(&message))).await.ok(200);
            let wait = Wait::begin();
            while !contents(folder.path()).is_empty() {
                wait.step(|| "its bytes stay").await;
            }
        }
    }
}

/// Two nodes on a bucket at this address.
async fn two_nodes_on(bucket: &S3Server, address: SocketAddr) -> Cluster {
    let mut variables = bucket.variables_at(address);
    variables.push(("CHINWAG_FILES__STORE", bucket.setting("chat")));
    two_nodes(&variables).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upload_goes_on_at_another_node_over_a_bucket() {
    let bucket = S3Server::start();
    let cluster = two_nodes_on(&bucket, bucket.address()).await;
    upload_goes_on_at_the_other_node(&cluster).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleted_message_takes_its_bytes_from_the_bucket() {
    let bucket = S3Server::start();
    let cluster = two_nodes_on(&bucket, bucket.address()).await;
    let ann = &cluster.users("ann", 1).await[0];
    let group = setup::group(&cluster.nodes[0].service(), &[ann.name()]).await;
    let (one, other) = (cluster.nodes[0].as_user(ann), cluster.nodes[1].as_user(ann));
    let upload = one.request(Method::POST, "files/?name=a.txt").body("some text");
    let file = one.send(upload).await.ok(201);
    let message = json!({ "group": group, "attachments": [id(&file)] });
    let message = other.post("messages/", message).await.ok(201);
    let keys = bucket.keys();
    assert!(keys.len() == 1 && keys[0].starts_with("chat/"), "{keys:?}");
    other.delete(&format!("messages/{}/", id(&message))).await.ok(200);
    let wait = Wait::begin();
    while !bucket.keys().is_empty() {
        wait.step(|| format!("still there: {:?}", bucket.keys())).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unreachable_or_silent_bucket_affects_only_files() {
    let bucket = S3Server::start();
    let proxy = Proxy::to(bucket.address()).await;
    let cluster = two_nodes_on(&bucket, proxy.address()).await;
    let ann = &cluster.users("ann", 1).await[0];
    let group = setup::group(&cluster.nodes[0].service(), &[ann.name()]).await;
    let (one, other) = (cluster.nodes[0].as_user(ann), cluster.nodes[1].as_user(ann));
    let upload = |name: &str| one.request(Method::POST, &format!("files/?name={name}")).body("some text");
    let file = one.send(upload("a.txt")).await.ok(201);
    one.post("messages/", json!({ "group": group, "attachments": [id(&file)] })).await.ok(201);
    let path = format!("files/{}/a.txt", id(&file));
    for fault in [Proxy::cut, Proxy::stall] {
        fault(&proxy);
        let send = async {
            for number in 0..5 {
                setup::send(&one, &group, number).await;
            }
        };
        let (read, stored, ()) = tokio::join!(other.get(&path), one.send(upload("b.txt")), send);
        for answer in [read, stored] {
            assert_eq!(answer.status, 503, "{}", answer.text);
            assert!(answer.header("retry-after").parse::<u64>().is_ok(), "{:?}", answer.headers);
        }
        proxy.restore();
        let wait = Wait::begin();
        loop {
            let read = other.get(&path).await;
            if read.status == 200 {
                assert_eq!(read.text, "some text");
                break;
            }
            wait.step(|| format!("{}: {}", read.status, read.text)).await;
        }
    }
    assert_eq!(setup::history(&one, &group).await.len(), 11, "every text was stored");
}
