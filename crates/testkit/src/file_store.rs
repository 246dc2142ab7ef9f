//! The conformance suite of file stores: each method of the port, and its promises.
//!
//! `chinwag_testkit::file_store_suite!(open)` makes each case a test, where `open` is an `async fn() -> OpenedFiles` that
//! returns an empty store.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use chinwag_core::file_store::{Attempt, FileKey, FileStore, LISTED_TOGETHER, PartId, PresignedHeaders};
use chinwag_core::{Error, FileId, Result};
use uuid::Uuid;

/// Larger than a part of a multipart upload, and no multiple of a piece.
const LARGE: usize = (11 << 20) + 17;

/// An empty file store, and a guard that lives as long.
pub struct OpenedFiles {
    pub store: Arc<dyn FileStore>,
    pub guard: Box<dyn Any + Send + Sync>,
}

/// Makes each case a test.
#[macro_export]
macro_rules! file_store_suite {
    (@each $open:path: $($case:ident),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                $crate::file_store::$case($open().await).await;
            }
        )+
    };
    ($open:path) => {
        $crate::file_store_suite! {
            @each $open:
            object_is_read_whole_and_in_ranges,
            spans_are_the_bytes_of_the_range,
            large_object_is_written_in_parts,
            unfinished_object_is_not_visible,
            empty_object_has_size_zero,
            missing_object_is_not_found,
            parts_are_listed_by_offset_and_removed,
            everything_of_a_file_is_removed_and_of_no_other,
            objects_of_other_attempts_are_removed_alone,
            every_object_is_listed_once_with_its_size,
            presigned_address_is_made_where_the_storage_has_them,
        }
    };
}

fn id(number: u128) -> FileId {
    FileId(Uuid::from_u128(number))
}

/// Bytes in which no two neighbouring ranges are equal.
fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|at| u8::try_from(at % 251).expect("below 256")).collect()
}

async fn put(files: &OpenedFiles, key: FileKey, mut bytes: &[u8]) {
    let mut writer = files.store.create(key).await.expect("a writer");
    // Long and short pieces, as a network delivers them.
    for size in [100_003, 5, 700, 16 << 10, 3].into_iter().cycle() {
        let piece = bytes.split_off(..size.min(bytes.len())).expect("it is within");
        writer.write(piece.to_vec().into()).await.expect("the bytes are taken");
        if bytes.is_empty() {
            break;
        }
    }
    writer.finish().await.expect("it is finished");
}

/// The size of a small read.
const SLICE: usize = 32 << 10;

async fn get(files: &OpenedFiles, key: FileKey, range: std::ops::Range<u64>) -> Result<Vec<u8>> {
    let (mut reader, mut all) = (files.store.read(key, range), Vec::new());
    // Alternates small and large reads.
    let mut sizes = [SLICE, usize::MAX].into_iter().cycle();
    while let Some(piece) = reader.next(sizes.next().unwrap_or(SLICE)).await? {
        all.extend_from_slice(&piece);
    }
    Ok(all)
}

async fn size(files: &OpenedFiles, key: FileKey) -> Option<u64> {
    files.store.size(key).await.expect("an answer")
}

pub async fn object_is_read_whole_and_in_ranges(files: OpenedFiles) {
    let key = FileKey::Whole(id(1), Attempt::ONLY);
    put(&files, key, b"0123456789").await;
    for (range, expected) in [(0..10, "0123456789"), (0..1, "0"), (3..7, "3456"), (9..10, "9"), (4..4, "")] {
        assert_eq!(get(&files, key, range.clone()).await.expect("bytes"), expected.as_bytes(), "{range:?}");
    }
    put(&files, key, b"another").await;
    assert_eq!(get(&files, key, 0..7).await.expect("bytes"), b"another", "the last writer replaces");
}

pub async fn spans_are_the_bytes_of_the_range(files: OpenedFiles) {
    let (key, written, range) = (FileKey::Whole(id(1), Attempt::ONLY), bytes(LARGE), 5..LARGE - 3);
    put(&files, key, &written).await;
    let mut reader = files.store.read(key, 5..LARGE as u64 - 3);
    let mut read = Vec::new();
    let mut sizes = [SLICE, usize::MAX, 1].into_iter().cycle();
    while let Some(span) = reader.next_span(sizes.next().unwrap_or(SLICE)).await.expect("a span") {
        let mut piece = vec![0; usize::try_from(span.range.end - span.range.start).expect("a size")];
        std::os::unix::fs::FileExt::read_exact_at(&*span.file, &mut piece, span.range.start).expect("bytes");
        read.extend(piece);
    }
    // A bucket has no spans, and is read by bytes.
    while let Some(piece) = reader.next(usize::MAX).await.expect("bytes") {
        read.extend_from_slice(&piece);
    }
    assert!(read == written[range], "other bytes");
    let missing = files.store.read(FileKey::Whole(id(2), Attempt::ONLY), 0..1).next_span(1).await;
    assert!(matches!(missing, Ok(None) | Err(Error::NotFound(_))), "{missing:?}");
}

pub async fn large_object_is_written_in_parts(files: OpenedFiles) {
    let (key, written) = (FileKey::Whole(id(1), Attempt::ONLY), bytes(LARGE));
    put(&files, key, &written).await;
    assert_eq!(size(&files, key).await, Some(LARGE as u64));
    assert!(get(&files, key, 0..LARGE as u64).await.expect("bytes") == written, "other bytes");
    let across = (5 << 20) - 3..(5 << 20) + 4;
    let expected = &written[(5 << 20) - 3..(5 << 20) + 4];
    assert_eq!(get(&files, key, across).await.expect("bytes"), expected);
    // Exactly one part, two parts, and one byte more than a part.
    for size in [1 << 20, 5 << 20, 10 << 20, (5 << 20) + 1] {
        put(&files, key, &written[..size]).await;
        assert!(get(&files, key, 0..size as u64).await.expect("bytes") == written[..size], "{size}");
    }
}

pub async fn unfinished_object_is_not_visible(files: OpenedFiles) {
    let key = FileKey::Whole(id(1), Attempt::ONLY);
    let mut writer = files.store.create(key).await.expect("a writer");
    writer.write(bytes(LARGE).into()).await.expect("the bytes are taken");
    assert_eq!(size(&files, key).await, None);
    drop(writer);
    assert_eq!(size(&files, key).await, None);
    assert!(matches!(get(&files, key, 0..1).await, Err(Error::NotFound(_))));
}

pub async fn empty_object_has_size_zero(files: OpenedFiles) {
    let key = FileKey::Whole(id(1), Attempt::ONLY);
    put(&files, key, b"").await;
    assert_eq!(size(&files, key).await, Some(0));
    assert_eq!(get(&files, key, 0..0).await.expect("nothing"), b"");
}

pub async fn missing_object_is_not_found(files: OpenedFiles) {
    let key = FileKey::Thumbnail(id(1), Attempt::ONLY);
    assert_eq!(size(&files, key).await, None);
    assert!(matches!(get(&files, key, 0..1).await, Err(Error::NotFound(_))));
    assert_eq!(files.store.parts(id(1)).await.expect("a list"), []);
    files.store.remove(id(1)).await.expect("nothing is to be removed");
    files.store.remove_except(id(1), Attempt::ONLY).await.expect("nothing is to be removed");
}

pub async fn parts_are_listed_by_offset_and_removed(files: OpenedFiles) {
    let part = |offset, number| PartId { offset, number };
    for (part, size) in [(part(10, 1), 5), (part(0, 2), 10), (part(0, 1), 7), (part(1 << 40, 1), 1)] {
        put(&files, FileKey::Part(id(1), part), &bytes(size)).await;
    }
    put(&files, FileKey::Whole(id(1), Attempt::ONLY), b"whole").await;
    let listed = files.store.parts(id(1)).await.expect("a list");
    assert_eq!(listed, [(part(0, 1), 7), (part(0, 2), 10), (part(10, 1), 5), (part(1 << 40, 1), 1)]);
    assert_eq!(get(&files, FileKey::Part(id(1), part(10, 1)), 1..3).await.expect("bytes"), [1, 2]);
    files.store.remove_except(id(1), Attempt::ONLY).await.expect("they are removed");
    assert_eq!(files.store.parts(id(1)).await.expect("a list"), []);
    assert_eq!(size(&files, FileKey::Whole(id(1), Attempt::ONLY)).await, Some(5));
}

pub async fn everything_of_a_file_is_removed_and_of_no_other(files: OpenedFiles) {
    let keys = |file: FileId| {
        [
            FileKey::Whole(file, Attempt::ONLY),
            FileKey::Thumbnail(file, Attempt::ONLY),
            FileKey::Part(file, PartId { offset: 0, number: 0 }),
        ]
    };
    for key in keys(id(1)).into_iter().chain(keys(id(2))) {
        put(&files, key, b"bytes").await;
    }
    for _ in 0..2 {
        files.store.remove(id(1)).await.expect("it is removed");
        for key in keys(id(1)) {
            assert_eq!(size(&files, key).await, None, "{key:?}");
        }
    }
    for key in keys(id(2)) {
        assert_eq!(size(&files, key).await, Some(5), "{key:?}");
    }
}

pub async fn objects_of_other_attempts_are_removed_alone(files: OpenedFiles) {
    let of = |attempt| [FileKey::Whole(id(1), attempt), FileKey::Thumbnail(id(1), attempt)];
    let part = FileKey::Part(id(1), PartId { offset: 0, number: 0 });
    let others: Vec<_> = of(Attempt(7)).into_iter().chain(of(Attempt(9))).chain([part]).collect();
    for key in others.iter().copied().chain(of(Attempt(8))) {
        put(&files, key, b"bytes").await;
    }
    for _ in 0..2 {
        files.store.remove_except(id(1), Attempt(8)).await.expect("they are removed");
    }
    for key in of(Attempt(8)) {
        assert_eq!(size(&files, key).await, Some(5), "{key:?}");
    }
    for key in &others {
        assert_eq!(size(&files, *key).await, None, "{key:?}");
    }
    files.store.remove(id(1)).await.expect("it is removed");
    for key in others.into_iter().chain(of(Attempt(8))) {
        assert_eq!(size(&files, key).await, None, "{key:?}");
    }
}

pub async fn every_object_is_listed_once_with_its_size(files: OpenedFiles) {
    let part = FileKey::Part(id(2), PartId { offset: 1 << 40, number: 7 });
    let resumed = FileKey::Whole(id(1), Attempt(u64::MAX));
    let mut expected = vec![
        (resumed, 2),
        (FileKey::Whole(id(1), Attempt::ONLY), 0),
        (FileKey::Thumbnail(id(1), Attempt::ONLY), 3),
        (part, 5),
    ];
    expected.extend((3..40).map(|number| (FileKey::Whole(id(number), Attempt::ONLY), 1)));
    for (key, size) in &expected {
        put(&files, *key, &bytes(*size)).await;
    }
    let mut hidden = files.store.create(FileKey::Whole(id(2), Attempt::ONLY)).await.expect("a writer");
    hidden.write(bytes(LARGE).into()).await.expect("the bytes are taken");
    let (mut lister, mut listed) = (files.store.list(), Vec::new());
    loop {
        let page = lister.next().await.expect("a page");
        assert!(page.len() <= LISTED_TOGETHER);
        if page.is_empty() {
            break;
        }
        assert!(page.iter().all(|object| object.written.micros() > 0));
        listed.extend(page.iter().map(|object| (object.key, usize::try_from(object.size).expect("small"))));
    }
    listed.sort_unstable();
    expected.sort_unstable();
    assert!(listed == expected, "{} and not {} objects", listed.len(), expected.len());
}

pub async fn presigned_address_is_made_where_the_storage_has_them(files: OpenedFiles) {
    let key = FileKey::Whole(id(1), Attempt::ONLY);
    put(&files, key, b"bytes").await;
    let headers = PresignedHeaders {
        content_type: "application/pdf",
        content_disposition: "attachment; filename=\"a b\"",
    };
    let address = files.store.presign(key, headers, Duration::from_secs(60)).await.expect("an answer");
    if let Some(address) = address {
        assert!(address.contains("X-Amz-Signature=") && address.contains("X-Amz-Expires=60"), "{address}");
    }
}
