//! Files on two nodes, over a folder that both reach.

use chinwag_testkit::client::Client;
use chinwag_testkit::setup::id;
use reqwest::Method;

use crate::cluster::Cluster;

/// A quota with room for one upload.
const PER_USER: u64 = 45_000;
const SIZE: usize = 42_000;

/// Two nodes on one storage.
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

async fn append(user: &Client, upload: &str, offset: u64, bytes: &'static str) -> u16 {
    let request = user.request(Method::PATCH, upload).header("tus-resumable", "1.0.0");
    let request = request.header("upload-offset", offset).body(bytes);
    user.send(request.header("content-type", "application/offset+octet-stream")).await.status
}

async fn upload_goes_on_at_the_other_node(cluster: &Cluster) {
    let ann = &cluster.users("ann", 1).await[0];
    let (one, other) = (cluster.nodes[0].as_user(ann), cluster.nodes[1].as_user(ann));
    // Begun together, on both nodes and in both ways: one has room.
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
