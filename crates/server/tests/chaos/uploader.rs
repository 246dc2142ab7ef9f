//! A user who uploads, sends, deletes and reads files at random and records each answer. After a crash, the
//! server must serve what was acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chinwag_testkit::client::Client;
use chinwag_testkit::setup::id;
use chinwag_testkit::trial::random;
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const IMAGE: &[u8] = include_bytes!("../protocol/files/turned.jpg");
/// The maximum number of 4 KiB blocks in a file. A folder writes 1 MiB at a time.
const BLOCKS: usize = 400;

/// The kind of the request that the crash interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cut {
    Upload,
    Image,
    Part,
    LastPart,
    Send,
    Delete,
}

impl Cut {
    /// All kinds. A trial must interrupt each at least once.
    pub(crate) const ALL: [Self; 6] =
        [Self::Upload, Self::Image, Self::Part, Self::LastPart, Self::Send, Self::Delete];
}

/// A file as the server must serve it.
#[derive(Debug, Clone)]
struct Expected {
    id: String,
    hash: [u8; 32],
}

/// A request that the crash interrupted, to be completed after the restart.
#[derive(Debug)]
enum Unfinished {
    Upload {
        is_image: bool,
    },
    /// An upload in parts, with the number of bytes known to be stored.
    Parts {
        upload: String,
        content: Vec<u8>,
        stored: usize,
        is_last: bool,
    },
    Send {
        client_id: String,
        files: Vec<Expected>,
    },
    Delete {
        path: String,
        files: Vec<Expected>,
    },
}

pub(crate) struct Uploader {
    user: Client,
    group: String,
    /// The hash of the stored image.
    image: [u8; 32],
    free: Vec<Expected>,
    messages: Vec<(String, Vec<Expected>)>,
    gone: Vec<Expected>,
    unfinished: Option<Unfinished>,
    made: usize,
    done: Arc<AtomicUsize>,
}

impl Uploader {
    pub(crate) async fn new(user: Client, group: &str, done: Arc<AtomicUsize>) -> Self {
        let stored = user.send(user.request(Method::POST, "files/").body(IMAGE)).await.ok(201);
        let read = user.request(Method::GET, &format!("files/{}/name", id(&stored)));
        let read = answer(read).await.expect("the server is there");
        let image = Sha256::digest(&read.body).into();
        let free = vec![Expected { id: id(&stored), hash: image }];
        let group = group.to_owned();
        Self { user, group, image, free, messages: vec![], gone: vec![], unfinished: None, made: 0, done }
    }

    /// Works until the server dies.
    pub(crate) async fn run(mut self, url: String) -> Self {
        self.connect_to(&url);
        while self.step().await.is_some() {
            self.done.fetch_add(1, Ordering::Relaxed);
        }
        self
    }

    /// Completes the interrupted request, and reads every file.
    pub(crate) async fn settle(&mut self, url: &str) {
        self.connect_to(url);
        self.complete_unfinished().await.expect("the server is there");
        let held: Vec<_> =
            self.free.iter().chain(self.messages.iter().flat_map(|(_, files)| files)).collect();
        for file in held {
            assert_eq!(self.read(file).await.expect("the server is there"), 200, "{file:?}");
        }
        for file in &self.gone {
            assert_eq!(self.read(file).await.expect("the server is there"), 404, "{file:?}");
        }
    }

    pub(crate) fn cut(&self) -> Option<Cut> {
        Some(match self.unfinished.as_ref()? {
            Unfinished::Upload { is_image: true } => Cut::Image,
            Unfinished::Upload { .. } => Cut::Upload,
            Unfinished::Parts { is_last: true, .. } => Cut::LastPart,
            Unfinished::Parts { .. } => Cut::Part,
            Unfinished::Send { .. } => Cut::Send,
            Unfinished::Delete { .. } => Cut::Delete,
        })
    }

    /// The undeleted messages with the ids of their files.
    pub(crate) fn messages(&self) -> impl Iterator<Item = (String, Vec<String>)> {
        let ids = |files: &[Expected]| files.iter().map(|file| file.id.clone()).collect();
        self.messages.iter().map(move |(message, files)| (message.clone(), ids(files)))
    }

    fn connect_to(&mut self, url: &str) {
        self.user = Client::new(url, Some(self.user.token()), self.user.name());
    }

    /// One request, or `None` if the server died; `unfinished` is then the interrupted request.
    async fn step(&mut self) -> Option<()> {
        if self.unfinished.is_some() {
            return self.complete_unfinished().await;
        }
        match random(10) {
            1 => self.upload(false).await,
            2 | 3 => self.upload(true).await,
            4 | 5 => self.begin_parts().await,
            6..=8 if !self.free.is_empty() => {
                let count = random(self.free.len().min(3));
                let files = self.free.split_off(self.free.len() - count);
                self.made += 1;
                let client_id = format!("{} {}", self.user.name(), self.made);
                self.unfinished = Some(Unfinished::Send { client_id, files });
                self.complete_unfinished().await
            }
            9 if !self.messages.is_empty() => {
                let (message, files) = self.messages.swap_remove(random(self.messages.len()) - 1);
                self.unfinished = Some(Unfinished::Delete { path: format!("messages/{message}/"), files });
                self.complete_unfinished().await
            }
            10 if !self.free.is_empty() => {
                let file = self.free.swap_remove(random(self.free.len()) - 1);
                let path = format!("files/uploads/{}/", file.id);
                self.unfinished = Some(Unfinished::Delete { path, files: vec![file] });
                self.complete_unfinished().await
            }
            _ => self.read_one().await,
        }
    }

    async fn complete_unfinished(&mut self) -> Option<()> {
        match &self.unfinished {
            // The id of the upload is unknown.
            None | Some(Unfinished::Upload { .. }) => self.unfinished = None,
            Some(Unfinished::Parts { .. }) => self.continue_upload().await?,
            Some(Unfinished::Send { client_id, files }) => {
                let ids: Vec<_> = files.iter().map(|file| &file.id).collect();
                let message = json!({ "group": self.group, "client_id": client_id, "attachments": ids });
                let sent = answer(self.user.request(Method::POST, "messages/").json(&message)).await?.ok(201);
                let found: Vec<_> = sent["attachments"].as_array().expect("a list").iter().map(id).collect();
                assert!(found.iter().eq(ids), "{sent}");
                let Some(Unfinished::Send { files, .. }) = self.unfinished.take() else {
                    unreachable!("it was there")
                };
                self.messages.push((id(&sent), files));
            }
            Some(Unfinished::Delete { path, .. }) => {
                let request = self.user.request(Method::DELETE, path).header("tus-resumable", "1.0.0");
                let deleted = answer(request).await?;
                // The interrupted attempt may have succeeded.
                assert!([200, 204, 404].contains(&deleted.status), "{}", deleted.status);
                let Some(Unfinished::Delete { files, .. }) = self.unfinished.take() else {
                    unreachable!("it was there")
                };
                self.gone.extend(files);
            }
        }
        Some(())
    }

    async fn upload(&mut self, is_image: bool) -> Option<()> {
        let content = if is_image { IMAGE.to_vec() } else { self.content() };
        let hash = if is_image { self.image } else { Sha256::digest(&content).into() };
        self.unfinished = Some(Unfinished::Upload { is_image });
        let stored = answer(self.user.request(Method::POST, "files/").body(content)).await?.ok(201);
        self.unfinished = None;
        self.free.push(Expected { id: id(&stored), hash });
        Some(())
    }

    async fn begin_parts(&mut self) -> Option<()> {
        let content = self.content();
        let begin = self.user.request(Method::POST, "files/uploads/").header("tus-resumable", "1.0.0");
        let begun = answer(begin.header("upload-length", content.len())).await?;
        assert_eq!(begun.status, 201);
        let upload = begun.header("location").trim_start_matches("/api/v1/").to_owned();
        self.unfinished = Some(Unfinished::Parts { upload, content, stored: 0, is_last: false });
        self.continue_upload().await
    }

    /// Sends the remainder of an upload in two parts.
    async fn continue_upload(&mut self) -> Option<()> {
        let Some(Unfinished::Parts { upload, content, stored, is_last }) = &mut self.unfinished else {
            return Some(());
        };
        let file = upload.trim_end_matches('/').rsplit('/').next().expect("an id").to_owned();
        let expected = Expected { id: file, hash: Sha256::digest(&*content).into() };
        let head = self.user.request(Method::HEAD, upload).header("tus-resumable", "1.0.0");
        let head = answer(head).await?;
        assert_eq!(head.status, 200);
        let mut offset: usize = head.header("upload-offset").parse().expect("an offset");
        assert!((*stored..=content.len()).contains(&offset), "{offset} of {stored} stored bytes are there");
        *stored = offset;
        while offset < content.len() {
            // The file must not exist before the last part.
            assert_eq!(read(&self.user, &expected).await?, 404, "half a file is served");
            let most = if offset == 0 { content.len() / 2 } else { content.len() };
            *is_last = most == content.len();
            let request = self.user.request(Method::PATCH, upload).header("tus-resumable", "1.0.0");
            let request = request.header("content-type", "application/offset+octet-stream");
            let request = request.header("upload-offset", offset).body(content[offset..most].to_vec());
            assert_eq!(answer(request).await?.status, 204);
            offset = most;
            *stored = offset;
        }
        assert_eq!(read(&self.user, &expected).await?, 200);
        self.unfinished = None;
        self.free.push(expected);
        Some(())
    }

    /// Reads a random file of its own, or a deleted one.
    async fn read_one(&self) -> Option<()> {
        let (_, files) = self.messages.get(random(self.messages.len() + 1) - 1).cloned().unwrap_or_default();
        for file in self.free.iter().take(1).chain(&files) {
            assert_eq!(self.read(file).await?, 200, "{file:?}");
        }
        if let Some(file) = self.gone.last() {
            assert_eq!(self.read(file).await?, 404, "{file:?}");
        }
        Some(())
    }

    async fn read(&self, file: &Expected) -> Option<u16> {
        read(&self.user, file).await
    }

    /// The content of a new file, in which no two blocks are equal.
    fn content(&mut self) -> Vec<u8> {
        self.made += 1;
        let fill = self.made.to_le_bytes()[0];
        let block = |number: usize| [&number.to_le_bytes()[..], &[fill; 4096 - 8]].concat();
        (0..random(BLOCKS)).flat_map(block).collect()
    }
}

/// Reads a file, checks that its content is complete, and returns the status.
async fn read(user: &Client, file: &Expected) -> Option<u16> {
    let read = answer(user.request(Method::GET, &format!("files/{}/name", file.id))).await?;
    if read.status == 200 {
        assert_eq!(<[u8; 32]>::from(Sha256::digest(&read.body)), file.hash, "{file:?}: other bytes");
    }
    Some(read.status)
}

/// An answer with its complete body.
struct WholeAnswer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl WholeAnswer {
    fn ok(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        serde_json::from_slice(&self.body).expect("JSON")
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// Sends a request and reads the complete answer; `None` if the server died.
async fn answer(request: RequestBuilder) -> Option<WholeAnswer> {
    let response = request.send().await.ok()?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.bytes().await.ok()?.to_vec();
    Some(WholeAnswer { status, headers, body })
}
