//! The storage of files: removal of objects, and downloads from the bucket itself.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chinwag_core::app::App;
use chinwag_core::app::file_removal::StrayStep;
use chinwag_core::app::follower::Claim;
use chinwag_core::file_store::{
    Attempt, FileKey, FileLister, FileReader, FileStore, FileWriter, PartId, PresignedHeaders,
};
use chinwag_core::store::{Answer, Done, Follower};
use chinwag_core::{Error, FileId, Result};
use chinwag_files::Location;
use chinwag_testkit::app::{Options, TestApp};
use chinwag_testkit::bucket::S3Server;
use chinwag_testkit::client::encoded;
use chinwag_testkit::setup::{group, id};
use reqwest::Method;
use serde_json::{Value, json};

use crate::files::{path, upload};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn storage(app: &TestApp) -> Arc<dyn FileStore> {
    app.state().options.files.as_ref().expect("storage").store.clone()
}

fn file_id(file: &Value) -> FileId {
    id(file).parse().expect("an id")
}

/// One step of the removal of dropped files; `None` if there are none.
async fn remove_dropped(app: &App, bytes: &dyn FileStore) -> Option<Result<usize>> {
    let mut candidate = app.candidate(Follower::DroppedFiles, Duration::from_secs(5));
    let Claim::Mine { lease, .. } = candidate.take().await.expect("an answer") else { return None };
    let removed = app.files_remove(lease, bytes).await;
    candidate.release(lease).await.expect("an answer");
    Some(removed)
}

/// A storage that fails to remove some files.
struct Stubborn {
    store: Arc<dyn FileStore>,
    refused: BTreeSet<FileId>,
}

impl FileStore for Stubborn {
    fn create(&self, key: FileKey) -> Answer<'_, Box<dyn FileWriter>> {
        self.store.create(key)
    }

    fn read(&self, key: FileKey, range: Range<u64>) -> Box<dyn FileReader> {
        self.store.read(key, range)
    }

    fn size(&self, key: FileKey) -> Answer<'_, Option<u64>> {
        self.store.size(key)
    }

    fn parts(&self, id: FileId) -> Answer<'_, Vec<(PartId, u64)>> {
        self.store.parts(id)
    }

    fn remove_except(&self, id: FileId, attempt: Attempt) -> Done<'_> {
        self.store.remove_except(id, attempt)
    }

    fn remove(&self, id: FileId) -> Done<'_> {
        if self.refused.contains(&id) {
            return Box::pin(async { Err(Error::unavailable()) });
        }
        self.store.remove(id)
    }

    fn list(&self) -> Box<dyn FileLister> {
        self.store.list()
    }

    fn presign<'a>(
        &'a self,
        key: FileKey,
        headers: PresignedHeaders<'a>,
        ttl: Duration,
    ) -> Answer<'a, Option<String>> {
        self.store.presign(key, headers, ttl)
    }
}

#[tokio::test]
async fn bytes_of_a_deleted_message_are_removed() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let group = group(&app.service(), &["ann"]).await;
    let file = upload(&ann, "notes.txt", "canary").await.ok(201);
    let message = json!({ "group": group, "attachments": [file["id"]] });
    let message = ann.post("messages/", message).await.ok(201);
    assert_eq!(message["attachments"], json!([file]));
    let (bytes, id) = (storage(&app), file_id(&file));
    assert!(remove_dropped(app.app(), &*bytes).await.is_none(), "nothing is dropped yet");

    ann.delete(&format!("messages/{}/", self::id(&message))).await.ok(200);
    ann.get(&path(&file)).await.ok(404);
    assert_eq!(
        bytes.size(FileKey::Whole(id, Attempt::ONLY)).await.expect("an answer"),
        Some(6),
        "they are removed afterwards"
    );
    let stubborn = Stubborn { store: bytes.clone(), refused: [id].into() };
    let refused = remove_dropped(app.app(), &stubborn).await;
    assert!(matches!(refused, Some(Err(Error::Unavailable(_)))), "it is tried again");
    assert!(matches!(remove_dropped(app.app(), &*bytes).await, Some(Ok(1))));
    assert_eq!(bytes.size(FileKey::Whole(id, Attempt::ONLY)).await.expect("an answer"), None);
    assert!(remove_dropped(app.app(), &*bytes).await.is_none(), "nothing is left to remove");
}

#[tokio::test]
async fn refused_removals_hold_up_no_others() {
    let app = TestApp::start().await;
    let ann = app.user("ann").await;
    let mut files = Vec::new();
    for _ in 0..45 {
        files.push(file_id(&upload(&ann, "a.txt", "text").await.ok(201)));
    }
    files.sort_unstable();
    for id in &files {
        let end = ann.request(Method::DELETE, &format!("files/uploads/{id}"));
        assert_eq!(ann.send(end.header("tus-resumable", "1.0.0")).await.status, 204);
    }
    // More failures than one step has files, and first in order.
    let (refused, others) = files.split_at(25);
    let store = Stubborn { store: storage(&app), refused: refused.iter().copied().collect() };
    let mut attempts = 0;
    while app.app().removal_counts().removed() < others.len() as u64 {
        attempts += 1;
        assert!(attempts < 10, "the others are held up");
        let _ = remove_dropped(app.app(), &store).await;
    }
    for id in others {
        assert_eq!(store.size(FileKey::Whole(*id, Attempt::ONLY)).await.expect("an answer"), None);
    }
    assert!(app.app().removal_counts().refused() >= refused.len() as u64);
    for id in refused {
        assert_eq!(
            store.size(FileKey::Whole(*id, Attempt::ONLY)).await.expect("an answer"),
            Some(4),
            "it is not forgotten"
        );
    }
}

/// A scan of all objects.
async fn remove_strays(app: &TestApp, store: &dyn FileStore) -> Vec<StrayStep> {
    let mut candidate = app.app().candidate(Follower::StrayFiles, Duration::from_secs(5));
    let claim = candidate.take().await.expect("an answer");
    let Claim::Mine { lease, .. } = claim else { panic!("{claim:?}") };
    let (mut lister, mut steps) = (store.list(), Vec::new());
    while steps.last().is_none_or(|step: &StrayStep| !step.is_last) {
        let step = app.app().files_remove_strays(lease, store, &mut *lister).await;
        steps.push(step.expect("a step"));
    }
    candidate.release(lease).await.expect("an answer");
    assert_eq!(candidate.take().await.expect("an answer"), Claim::Idle, "the next round is not due");
    steps
}

fn write_old(path: &Path) {
    fs::write(path, "bytes").expect("it can be written");
    let file = File::options().write(true).open(path).expect("it is there");
    let written = file.metadata().and_then(|about| about.modified()).expect("it has a date");
    file.set_modified(written - 2 * DAY).expect("its date can be set");
}

/// A server with its files in this folder.
async fn app_in(folder: &Path) -> TestApp {
    let location = Location::Folder(folder.into());
    TestApp::with(|options: &mut Options| options.files = Some(location)).await
}

#[tokio::test]
async fn old_objects_without_a_file_are_removed_and_no_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = app_in(folder.path()).await;
    let ann = app.user("ann").await;
    let stored = upload(&ann, "a.txt", "text").await.ok(201);
    let begin = ann.request(Method::POST, "files/uploads/").header("tus-resumable", "1.0.0");
    let begun = ann.send(begin.header("upload-length", 4)).await;
    let id_of_upload = begun.header("location").trim_end_matches('/').rsplit('/').next().expect("an id");
    let part_of = |id: &str| {
        let parts = folder.path().join("uploads").join(id);
        fs::create_dir_all(&parts).expect("a folder");
        parts.join(format!("{:020}-{:016x}", 0, 7))
    };
    // As after a crash between the end of an upload and the removal of its parts.
    let (part, left) = (part_of(id_of_upload), part_of(&id(&stored)));
    let another_attempt = left.with_file_name(format!("whole-{:016x}", 7));
    for object in [&folder.path().join(id(&stored)), &part, &left, &another_attempt] {
        write_old(object);
    }
    let stray = |number: u8| folder.path().join(format!("0b9c4a52-8f0e-4a39-9c84-0a3b7f6d1e{number:02}"));
    write_old(&stray(1));
    fs::write(stray(2), "young").expect("it can be written");
    let steps = remove_strays(&app, &*storage(&app)).await;
    assert_eq!(steps.iter().map(|step| step.removed).sum::<usize>(), 1, "{steps:?}");
    assert!(!stray(1).exists() && stray(2).exists() && part.exists() && !left.exists());
    assert!(!another_attempt.exists());
    assert!(folder.path().join(id(&stored)).exists());
    assert_eq!(app.app().removal_counts().strays(), 1);
}

#[tokio::test]
async fn stray_that_cannot_be_removed_holds_up_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = app_in(folder.path()).await;
    let ann = app.user("ann").await;
    for _ in 0..2 {
        upload(&ann, "a.txt", "text").await.ok(201);
    }
    let strays = ["0b9c4a52-8f0e-4a39-9c84-0a3b7f6d1e01", "0b9c4a52-8f0e-4a39-9c84-0a3b7f6d1e02"];
    for stray in &strays {
        write_old(&folder.path().join(stray));
    }
    let refused = BTreeSet::from([strays[0].parse().expect("an id")]);
    let steps = remove_strays(&app, &Stubborn { store: storage(&app), refused }).await;
    let sum = |count: fn(&StrayStep) -> usize| steps.iter().map(count).sum::<usize>();
    assert_eq!((sum(|step| step.removed), sum(|step| step.refused)), (1, 1), "{steps:?}");
    assert!(folder.path().join(strays[0]).exists() && !folder.path().join(strays[1]).exists());
}

#[tokio::test]
async fn storage_of_another_database_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = app_in(folder.path()).await;
    let ann = app.user("ann").await;
    upload(&ann, "a.txt", "text").await.ok(201);
    let stray = |number: u8| folder.path().join(format!("0b9c4a52-8f0e-4a39-9c84-0a3b7f6d1e{number:02}"));
    (0..3).for_each(|number| write_old(&stray(number)));
    let steps = remove_strays(&app, &*storage(&app)).await;
    assert_eq!(steps.iter().map(|step| (step.removed, step.left)).max(), Some((0, 3)), "{steps:?}");
    assert!((0..3).all(|number| stray(number).exists()));
}

#[tokio::test]
async fn file_is_read_at_the_bucket_under_its_own_name() {
    let bucket = S3Server::start();
    let variables = bucket.variables().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let app = TestApp::with(|options| {
        options.files = Some(Location::parse(&bucket.setting("chat")).expect("a bucket"));
        (options.bucket_variables, options.redirect_files) = (variables, true);
    })
    .await;
    let ann = app.user("ann").await;
    let direct = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    let direct = direct.build().expect("a client");
    for (name, header) in [
        ("día! 100%'s (1)*.pdf", "d%C3%ADa%21%20100%25%27s%20%281%29%2A.pdf"),
        ("🎉.txt", "%F0%9F%8E%89.txt"),
        ("a;b=\"c\" & d+e.txt", "a%3Bb%3D%22c%22%20%26%20d%2Be.txt"),
    ] {
        let file = upload(&ann, &encoded(name), "some text").await.ok(201);
        assert_eq!(file["name"], name);
        let url = ann.url(&format!("files/{}/name", id(&file)));
        let answer = direct.get(&url).bearer_auth(ann.token()).send().await.expect("an answer");
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["cache-control"]),
            (302, &"no-store".parse().unwrap())
        );
        let head = direct.head(&url).bearer_auth(ann.token()).send().await.expect("an answer");
        assert_eq!((head.status().as_u16(), &head.headers()["content-length"]), (200, &"9".parse().unwrap()));
        let location = answer.headers()["location"].to_str().expect("an address").to_owned();
        let url: reqwest::Url = location.parse().expect("an address");
        let said = url.query_pairs().find(|(key, _)| key == "response-content-disposition");
        let said = said.map(|(_, value)| value.into_owned()).unwrap_or_default();
        assert!(said.ends_with(&format!("filename*=UTF-8''{header}")), "{said}");
        let read = direct.get(&location).send().await.expect("an answer");
        let (status, text) = (read.status().as_u16(), read.text().await.expect("a body"));
        assert_eq!((status, &*text), (200, "some text"), "{location}");
    }
    let image = upload(&ann, "a.jpg", crate::files::TURNED).await.ok(201);
    let url = ann.url(&format!("files/{}/name", id(&image)));
    let answer = direct.get(&url).bearer_auth(ann.token()).send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 200, "what is shown in place is served here");
}
