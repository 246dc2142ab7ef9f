//! The behaviour of the file: opening, refusing, sharing and closing it, and group commit.

use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use chinwag_core::app::App;
use chinwag_core::app::follower::Claim;
use chinwag_core::clock::SystemClock;
use chinwag_core::feed::{FeedKind, FeedRow};
use chinwag_core::limits::Limits;
use chinwag_core::message::Body;
use chinwag_core::permission::Role;
use chinwag_core::send::Kept;
use chinwag_core::store::{Follower, NewMessage, Store, Tx};
use chinwag_core::{Date, Error, GroupId, MessageId, Name, Result, Seq};
use chinwag_store_sqlite::{OpenError, Options, SqliteStore};
use chinwag_testkit::bus::Recorder;
use chinwag_testkit::store::numbered_event;
use rusqlite::Connection;
use tempfile::TempDir;
use uuid::Uuid;

const GROUP: GroupId = GroupId(Uuid::from_u128(7));

struct File {
    folder: TempDir,
    bus: Arc<Recorder>,
}

impl File {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), bus: Arc::default() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("chinwag.db")
    }

    fn open(&self, options: Options) -> Arc<dyn Store> {
        Arc::new(SqliteStore::open(&self.path(), options, self.bus.clone()).expect("a store"))
    }

    /// A store with an empty group, without any event.
    async fn with_group(&self, options: Options) -> Arc<dyn Store> {
        let store = self.open(options);
        store.write(|tx, _| tx.group_insert(GROUP, "group", None)).await.expect("a group");
        store
    }
}

async fn take(store: &Arc<dyn Store>) -> Result<Seq> {
    store
        .write(|tx, events| {
            let seq = tx.seq_take(GROUP, 1)?;
            events.push(numbered_event(GROUP, seq));
            Ok(seq)
        })
        .await
}

async fn head(store: &Arc<dyn Store>) -> i64 {
    store.read(|tx| tx.group(GROUP)).await.expect("a read").expect("the group").head.0
}

/// Queues a job that blocks the writer until the returned sender is dropped.
async fn hold(store: &Arc<dyn Store>) -> mpsc::Sender<()> {
    let (go, may_go) = mpsc::channel::<()>();
    let (begun, has_begun) = mpsc::channel();
    let may_go = std::sync::Mutex::new(may_go);
    let store = store.clone();
    tokio::spawn(async move {
        let job = move |_: &mut dyn Tx, _: &mut Vec<_>| {
            begun.send(()).expect("somebody waits");
            // Returns when the sender is dropped.
            let _ = may_go.lock().expect("no panic").recv();
            Ok(())
        };
        store.write(job).await
    });
    tokio::task::spawn_blocking(move || has_begun.recv()).await.expect("no panic").expect("it begins");
    go
}

fn refusal(path: &Path) -> OpenError {
    let opened = SqliteStore::open(path, Options::default(), Arc::<Recorder>::default());
    opened.err().expect("it is refused")
}

#[tokio::test(flavor = "multi_thread")]
async fn data_is_kept_across_restarts() {
    let file = File::new();
    let store = file.open(Options::default());
    let message = store
        .write(|tx, _| {
            let ann = tx.user_insert(&Name::stored("ann"), false, Date::from_micros(1))?.expect("free").id;
            tx.group_insert(GROUP, "group", None)?;
            tx.member_set(GROUP, ann, Role::Owner, Date::from_micros(2))?;
            let (id, date) = (MessageId(Uuid::from_u128(9)), Date::from_micros(3));
            let kept = Kept { id, date, seq: tx.seq_take(GROUP, 1)? };
            let message = NewMessage::new(GROUP, kept, ann, Body::parse("hello", 9).expect("a body"));
            tx.message_insert(&message)?;
            Ok(message)
        })
        .await
        .expect("it is kept");
    let before = store.read(|tx| tx.view(GROUP)).await.expect("a view");
    drop(store);
    let store = file.open(Options::default());
    let after = store.read(|tx| tx.view(GROUP)).await.expect("a view");
    assert_eq!(before, after);
    assert_eq!(after.expect("a view").messages[0].id, message.id);
    assert_eq!(take(&store).await.expect("a number"), Seq(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_store_drains_its_queue_and_its_journal() {
    let file = File::new();
    let store = file.with_group(Options::default()).await;
    let go = hold(&store).await;
    for _ in 0..50 {
        drop(store.submit_write(Box::new(|tx, _| tx.seq_take(GROUP, 1).map(drop))));
    }
    drop(go);
    // The job that blocks the writer holds a reference until it is answered.
    while Arc::strong_count(&store) > 1 {
        tokio::task::yield_now().await;
    }
    drop(store);
    let left: Vec<_> =
        file.folder.path().read_dir().expect("a folder").flatten().map(|e| e.file_name()).collect();
    assert_eq!(left, ["chinwag.db"]);
    assert_eq!(head(&file.open(Options::default())).await, 50);
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_as_it_is() {
    let file = File::new();
    let text = "not a database. ".repeat(100);
    std::fs::write(file.path(), &text).expect("a file");
    let why = refusal(&file.path());
    assert!(matches!(why, OpenError::NotADatabase { .. }), "{why:?}");
    assert_eq!(why.to_string(), format!("the file {} is not a database", file.path().display()));
    assert_eq!(std::fs::read_to_string(file.path()).expect("a file"), text);
}

#[test]
fn a_database_of_another_program_is_refused_and_left_as_it_is() {
    for make in ["CREATE TABLE users (id)", "PRAGMA application_id = 1", "PRAGMA user_version = 1"] {
        let file = File::new();
        Connection::open(file.path()).and_then(|conn| conn.execute_batch(make)).expect("a database");
        let before = std::fs::read(file.path()).expect("a file");
        let why = refusal(&file.path());
        assert!(matches!(why, OpenError::Foreign { .. }), "{make}: {why:?}");
        assert!(why.to_string().ends_with("chinwag.db belongs to another program"), "{why}");
        assert_eq!(std::fs::read(file.path()).expect("a file"), before);
    }
}

#[test]
fn a_database_of_a_newer_version_is_refused() {
    let file = File::new();
    drop(file.open(Options::default()));
    Connection::open(file.path())
        .and_then(|conn| conn.execute_batch("PRAGMA user_version = 99"))
        .expect("a database");
    let why = refusal(&file.path());
    assert!(matches!(why, OpenError::Newer { found: 99, .. }), "{why:?}");
    assert!(
        why.to_string().contains("was written by a newer chinwag (its schema is 99, this one knows "),
        "{why}"
    );
}

#[test]
fn reason_is_reported_if_no_file_can_be_created() {
    let file = File::new();
    let why = refusal(&file.folder.path().join("missing/chinwag.db"));
    assert!(matches!(why, OpenError::Create { .. }), "{why:?}");
    assert!(why.to_string().contains("missing/chinwag.db cannot be made: No such file"), "{why}");
    refusal(file.folder.path());
}

#[cfg(unix)]
#[test]
fn the_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let file = File::new();
    let store = file.open(Options::default());
    for entry in file.folder.path().read_dir().expect("a folder").flatten() {
        let mode = entry.metadata().expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.file_name());
    }
    drop(store);
}

#[test]
fn many_concurrent_opens_share_a_new_file() {
    let file = File::new();
    let openers: Vec<_> = (0..8)
        .map(|_| {
            let path = file.path();
            std::thread::spawn(move || {
                SqliteStore::open(&path, Options::default(), Arc::<Recorder>::default())
            })
        })
        .collect();
    for opener in openers {
        opener.join().expect("no panic").expect("a store");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_queue_while_another_runs_share_one_commit() {
    let file = File::new();
    let store = file.with_group(Options { batch: 64, ..Options::default() }).await;
    let go = hold(&store).await;
    let jobs: Vec<_> = (0..128)
        .map(|_| {
            store.submit_write(Box::new(|tx, events| {
                events.push(numbered_event(GROUP, tx.seq_take(GROUP, 1)?));
                Ok(())
            }))
        })
        .collect();
    drop(go);
    for job in jobs {
        job.await.expect("it commits");
    }
    let batches: Vec<_> = file.bus.batches().iter().map(Vec::len).collect();
    assert_eq!(batches, [64, 64]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_takes_long_is_committed_before_the_next_begins() {
    let file = File::new();
    let store = file.with_group(Options::default()).await;
    let go = hold(&store).await;
    let long = store.submit_write(Box::new(|_, _| {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(200) {
            std::hint::spin_loop();
        }
        Ok(())
    }));
    let (end, has_ended) = mpsc::channel();
    let has_ended = std::sync::Mutex::new(has_ended);
    let next = store.submit_write(Box::new(move |_, _| {
        let ended = has_ended.lock().expect("no panic").recv_timeout(Duration::from_secs(10));
        ended.map_err(|_| Error::NotFound("message"))
    }));
    drop(go);
    long.await.expect("it commits");
    end.send(()).expect("the next one waits");
    next.await.expect("it began after the commit");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_rerun_for_an_undone_job_is_published_once() {
    let file = File::new();
    let store = file.with_group(Options::default()).await;
    let go = hold(&store).await;
    let jobs: Vec<_> = [true, false, true]
        .map(|stays| {
            store.submit_write(Box::new(move |tx, events| {
                events.push(numbered_event(GROUP, tx.seq_take(GROUP, 1)?));
                if stays { Ok(()) } else { Err(Error::NotFound("message")) }
            }))
        })
        .into();
    drop(go);
    let mut outcomes = Vec::new();
    for job in jobs {
        outcomes.push(job.await.is_ok());
    }
    assert_eq!(outcomes, [true, false, true]);
    assert_eq!(file.bus.batches(), [[numbered_event(GROUP, Seq(1)), numbered_event(GROUP, Seq(2))]]);
    assert_eq!(head(&store).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_after_a_while_and_changes_nothing() {
    let file = File::new();
    let patience = Duration::from_millis(50);
    let store = file.with_group(Options { queue: 2, patience, ..Options::default() }).await;
    let go = hold(&store).await;
    let queued: Vec<_> =
        (0..2).map(|_| store.submit_write(Box::new(|tx, _| tx.seq_take(GROUP, 1).map(drop)))).collect();
    let refused = take(&store).await;
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    assert!(matches!(store.ready().await, Err(Error::Unavailable(_))));
    assert_eq!(head(&store).await, 0, "readers do not wait for the writer");
    drop(go);
    for job in queued {
        job.await.expect("it commits");
    }
    assert_eq!(take(&store).await.expect("there is a place"), Seq(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_job_never_runs_and_a_begun_write_is_unknown() {
    let file = File::new();
    let deadline = Duration::from_secs(1);
    let store = file.with_group(Options { deadline, readers: 1, ..Options::default() }).await;
    let (begun, has_begun) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    let may_go = std::sync::Mutex::new(may_go);
    let under_way = store.write(move |tx, events| {
        let seq = tx.seq_take(GROUP, 1)?;
        events.push(numbered_event(GROUP, seq));
        // The receiver is gone if this is a second run. The wait ends when the sender is dropped.
        let _ = begun.send(());
        let _ = may_go.lock().expect("no panic").recv();
        Ok(seq)
    });
    let waits = async {
        tokio::task::spawn_blocking(move || has_begun.recv()).await.expect("no panic").expect("it begins");
        tokio::join!(take(&store), take(&store))
    };
    let (under_way, waited) = tokio::join!(under_way, waits);
    assert!(matches!(under_way, Err(Error::Unknown)), "{under_way:?}");
    for waited in [waited.0, waited.1] {
        assert!(matches!(waited, Err(Error::Unavailable(_))), "{waited:?}");
    }
    drop(go);
    assert_eq!(take(&store).await.expect("the store goes on"), Seq(2), "of the three the one that had begun");
    assert_eq!(file.bus.events(), [numbered_event(GROUP, Seq(1)), numbered_event(GROUP, Seq(2))]);
    // One reads on its caller's thread, the other on a reader thread.
    let slow = || {
        let store = store.clone();
        tokio::spawn(async move {
            store
                .read(move |_| {
                    std::thread::sleep(deadline * 3);
                    Ok(())
                })
                .await
        })
    };
    let (one, other) = (slow(), slow());
    let slow = [one.await.expect("no panic"), other.await.expect("no panic")];
    assert!(slow.iter().any(Result::is_ok), "{slow:?}");
    let refused = slow.iter().any(|slow| matches!(slow, Err(Error::Unavailable(_))));
    assert!(refused, "a read changes nothing: {slow:?}");
    assert_eq!(head(&store).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_behind_a_long_one_of_its_batch_never_runs_late() {
    let file = File::new();
    let store = file.with_group(Options { deadline: Duration::from_secs(1), ..Options::default() }).await;
    let go = hold(&store).await;
    let (release, released) = mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    let long = store.submit_write(Box::new(move |_, _| {
        // Ends when the sender is dropped.
        let _ = released.lock().expect("no panic").recv();
        Ok(())
    }));
    let behind = store.submit_write(Box::new(|tx, _| tx.seq_take(GROUP, 1).map(drop)));
    drop(go);
    let (long, behind) = tokio::join!(long, behind);
    assert!(matches!(long, Err(Error::Unknown)), "{long:?}");
    assert!(matches!(behind, Err(Error::Unavailable(_))), "{behind:?}");
    drop(release);
    assert_eq!(take(&store).await.expect("the store goes on"), Seq(1), "the one behind has not run");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_write_one_file_in_turn() {
    let file = File::new();
    let stores = [file.with_group(Options::default()).await, file.open(Options::default())];
    let writers: Vec<_> = (0..8)
        .map(|number: usize| {
            let store = stores[number % 2].clone();
            tokio::spawn(async move {
                for _ in 0..10 {
                    take(&store).await.expect("each waits for the other");
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.expect("no panic");
    }
    assert_eq!((head(&stores[0]).await, head(&stores[1]).await), (80, 80));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_another_holds_for_too_long_is_unavailable() {
    let file = File::new();
    let store = file.with_group(Options { busy: Duration::from_millis(50), ..Options::default() }).await;
    let other = Connection::open(file.path()).expect("a database");
    other.execute_batch("BEGIN IMMEDIATE").expect("a lock");
    let refused = take(&store).await;
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    assert!(matches!(store.ready().await, Err(Error::Unavailable(_))));
    other.execute_batch("ROLLBACK").expect("no lock");
    store.ready().await.expect("it is ready");
    assert_eq!(take(&store).await.expect("it is free"), Seq(1));
    assert_eq!(file.bus.events().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_commit_refuses_its_batch_and_publishes_nothing() {
    let file = File::new();
    drop(file.with_group(Options::default()).await);
    // The group's third number violates a deferred constraint, which is checked at the commit.
    Connection::open(file.path())
        .and_then(|conn| {
            conn.execute_batch(
                "CREATE TABLE fault (id INTEGER PRIMARY KEY, of INTEGER REFERENCES fault (id) DEFERRABLE INITIALLY DEFERRED);
                CREATE TRIGGER fault AFTER UPDATE ON groups WHEN NEW.last_seq = 3 BEGIN INSERT INTO fault VALUES (1, 2);
                END",
            )
        })
        .expect("a trigger");
    let store = file.open(Options::default());
    take(&store).await.expect("a number");
    let go = hold(&store).await;
    let jobs: Vec<_> = (0..3)
        .map(|_| {
            store.submit_write(Box::new(|tx, events| {
                events.push(numbered_event(GROUP, tx.seq_take(GROUP, 1)?));
                Ok(())
            }))
        })
        .collect();
    drop(go);
    for job in jobs {
        assert!(job.await.is_err());
    }
    assert_eq!(head(&store).await, 1);
    assert_eq!(file.bus.events(), [numbered_event(GROUP, Seq(1))]);
    assert_eq!(take(&store).await.expect("the next batch commits"), Seq(2));
}

#[tokio::test]
async fn event_of_a_newer_version_ends_by_its_own_date() {
    let file = File::new();
    let store = file.open(Options::default());
    let app = App::new(store.clone(), Arc::new(SystemClock::default()), Limits::default());
    let row = FeedRow::new(FeedKind::UserUpdate, app.clock().now());
    store
        .write(move |tx, _| {
            tx.feed_switch(true)?;
            tx.feed_insert(&row)?;
            tx.feed_insert(&row)
        })
        .await
        .expect("two events");
    let change = |sql: &str| {
        let conn = Connection::open(file.path()).expect("a connection");
        conn.execute_batch(&format!("UPDATE events SET {sql} WHERE id = (SELECT max(id) FROM events)"))
    };
    change("kind = 999").expect("an unknown kind");
    let mut candidate = app.candidate(Follower::EventFeed, Duration::ZERO);
    let Ok(Claim::Mine { lease, .. }) = candidate.take().await else { panic!("it has work") };
    for kept in [2, 0] {
        while app.feed_trim(lease).await.expect("a step") > 0 {}
        assert_eq!(store.read(|tx| tx.feed_page(0, 10)).await.expect("a page").len(), kept);
        change("date = 0").expect("an old date");
    }
}
