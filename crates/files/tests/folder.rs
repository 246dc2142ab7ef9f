//! Files in a folder: the conformance suite, and the behaviour specific to folders.

use std::fs;
use std::sync::Arc;

use bytes::Bytes;
use chinwag_core::file_store::{Attempt, FileKey, FileStore, LISTED_TOGETHER};
use chinwag_core::{Error, FileId};
use chinwag_files::{Location, Options, Storage};
use chinwag_testkit::file_store::OpenedFiles;
use tempfile::TempDir;
use uuid::Uuid;

chinwag_testkit::file_store_suite!(open);

async fn open() -> OpenedFiles {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Arc::new(storage(&folder, 0));
    OpenedFiles { store, guard: Box::new(folder) }
}

fn storage(folder: &TempDir, min_free: u64) -> Storage {
    let options = Options { min_free, ..Options::new(folder.path().into(), vec![]) };
    Storage::open(&Location::Data, &options).expect("a storage")
}

#[tokio::test]
async fn files_are_for_the_servers_user_alone() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().expect("a folder");
    storage(&folder, 0);
    let mode = fs::metadata(folder.path().join("files")).expect("it is made").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[tokio::test]
async fn disk_below_its_minimum_of_free_space_takes_no_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = FileKey::Whole("0b9c4a52-8f0e-4a39-9c84-0a3b7f6d1e25".parse().expect("an id"), Attempt::ONLY);
    let refused = storage(&folder, u64::MAX).create(key).await.err();
    assert!(matches!(refused, Some(Error::Full)), "{refused:?}");
    let store = storage(&folder, 0);
    let mut writer = store.create(key).await.expect("a writer");
    writer.write(Bytes::from_static(b"bytes")).await.expect("they are taken");
    writer.finish().await.expect("it is finished");
    // Reads and deletions need no free space.
    let store = storage(&folder, u64::MAX);
    assert_eq!(store.size(key).await.expect("an answer"), Some(5));
    store.remove(key.file()).await.expect("it is removed");
}

#[tokio::test]
async fn folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("files"), "in the way").expect("a file");
    let options = Options::new(folder.path().into(), vec![]);
    let why = Storage::open(&Location::Data, &options).err().expect("refused").to_string();
    assert!(why.starts_with("files.store: the folder ") && why.contains("/files "), "{why}");
}

#[tokio::test]
async fn many_objects_are_listed_in_pages() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = storage(&folder, 0);
    let count = LISTED_TOGETHER + 7;
    for number in 0..count {
        let id = FileId(Uuid::from_u128(number as u128));
        fs::write(folder.path().join("files").join(id.to_string()), "x").expect("a file");
    }
    let (mut lister, mut pages) = (store.list(), Vec::new());
    loop {
        let page = lister.next().await.expect("a page");
        if page.is_empty() {
            break;
        }
        pages.push(page.len());
    }
    assert_eq!(pages, [LISTED_TOGETHER, 7]);
}

#[tokio::test]
async fn folder_of_another_program_is_not_scanned() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = storage(&folder, 0);
    let files = folder.path().join("files");
    let id = FileId(Uuid::from_u128(1));
    fs::write(files.join(id.to_string()), "x").expect("a file");
    for other in ["lost+found", "uploads/lost+found"] {
        fs::create_dir_all(files.join(other)).expect("a folder");
        // A symbolic link to the parent, so that a recursive listing would not end.
        std::os::unix::fs::symlink("..", files.join(other).join("up")).expect("a link");
    }
    fs::write(files.join("uploads/other"), "x").expect("a file");
    let listed = store.list().next().await.expect("a page");
    assert_eq!(listed.iter().map(|object| object.key.file()).collect::<Vec<_>>(), [id]);
}
