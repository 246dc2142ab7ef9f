//! Files in a bucket: the conformance suite on a real S3 server, and buckets that are unavailable, slow, or
//! refuse requests.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use chinwag_core::Error;
use chinwag_core::file_store::{Attempt, FileKey, FileStore};
use chinwag_files::{Location, Options, Storage};
use chinwag_testkit::bucket::S3Server;
use chinwag_testkit::file_store::OpenedFiles;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

chinwag_testkit::file_store_suite!(open);

async fn open() -> OpenedFiles {
    let bucket = S3Server::start();
    let folder = tempfile::tempdir().expect("a folder");
    let location = Location::Bucket { bucket: bucket.name().into(), prefix: "a/prefix".into() };
    let variables = bucket.variables().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let options = Options::new(folder.path().into(), variables);
    let store = Arc::new(Storage::open(&location, &options).expect("a storage"));
    OpenedFiles { store, guard: Box::new((bucket, folder)) }
}

fn bucket_at(endpoint: &str) -> Storage {
    let variables = [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_REGION", "nowhere-1"),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let options =
        Options { request: Duration::from_millis(200), ..Options::new("/nowhere".into(), variables) };
    let location = Location::Bucket { bucket: "bucket".into(), prefix: String::new() };
    Storage::open(&location, &options).expect("nothing is asked yet")
}

fn key() -> FileKey {
    FileKey::Whole("0b9c4a52-8f0e-4a39-9c84-0a3b7f6d1e25".parse().expect("an id"), Attempt::ONLY)
}

/// Every operation fails on a failing bucket.
async fn all_are_unavailable(store: Storage) {
    let is_away = |error: Option<Error>| assert!(matches!(error, Some(Error::Unavailable(_))), "{error:?}");
    let mut writer = store.create(key()).await.expect("nothing is sent yet");
    writer.write(vec![0; 100].into()).await.expect("nothing is sent yet");
    is_away(writer.finish().await.err());
    let mut writer = store.create(key()).await.expect("nothing is sent yet");
    is_away(writer.write(vec![0; 6 << 20].into()).await.err());
    is_away(store.read(key(), 0..1).next(1).await.err());
    is_away(store.size(key()).await.err());
    is_away(store.parts(key().file()).await.err());
    is_away(store.remove(key().file()).await.err());
}

#[tokio::test]
async fn bucket_that_is_away_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    all_are_unavailable(bucket_at(&format!("http://{address}"))).await;
}

#[tokio::test]
async fn bucket_that_does_not_answer_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let accepting = async {
        let mut held = Vec::new();
        loop {
            held.push(listener.accept().await);
        }
    };
    tokio::select! {
        () = all_are_unavailable(bucket_at(&format!("http://{address}"))) => {}
        () = accepting => {}
    }
}

#[tokio::test]
async fn bucket_that_refuses_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let refusing = async {
        loop {
            let (mut stream, _) = listener.accept().await?;
            tokio::spawn(async move {
                let mut request = vec![0; 64 << 10];
                if stream.read(&mut request).await? == 0 {
                    return Ok(());
                }
                let refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                stream.write_all(refusal).await?;
                // Read the remainder of the request, so that the answer arrives.
                while stream.read(&mut request).await? > 0 {}
                Ok::<_, io::Error>(())
            });
        }
    };
    let refused: io::Result<()> = tokio::select! {
        () = all_are_unavailable(bucket_at(&format!("http://{address}"))) => Ok(()),
        ended = refusing => ended,
    };
    refused.expect("it listens");
}
