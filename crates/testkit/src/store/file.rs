//! Files: their rows, and the sums of their sizes.
#![allow(missing_docs, reason = "a case's name is its sentence")]

use std::slice::from_ref;
use std::sync::Arc;

use chinwag_core::app::file::ReserveFile;
use chinwag_core::app::{App, Context};
use chinwag_core::clock::SystemClock;
use chinwag_core::file::{
    AltText, Dimensions, FILE_TTL, FileLimits, FileName, Reservation, StoredFile, StoredThumbnail,
};
use chinwag_core::file_store::Attempt;
use chinwag_core::limits::Limits;
use chinwag_core::store::{FileRow, FileState, NewMessage, Task};
use chinwag_core::user::Caller;
use chinwag_core::{Error, FileId, GroupId, UserId};
use tokio::task::JoinSet;

use super::{Fixture, date, name, uuid};

/// A reservation until the second 50.
async fn reserve(f: &Fixture, owner: UserId, size: u64) -> FileId {
    let id = FileId(uuid(f.number()));
    let reservation = Reservation { id, owner, name: FileName::cleaned("é.png"), size, expires: date(50) };
    f.write(move |tx| tx.file_reserve(&reservation)).await;
    id
}

/// A complete file until the second 60.
async fn complete(f: &Fixture, owner: UserId, size: u64) -> StoredFile {
    let id = reserve(f, owner, 100).await;
    let thumbnail = StoredThumbnail { dimensions: Dimensions { width: 5, height: 4 }, hash: "aGk=".into() };
    let file = StoredFile {
        id,
        attempt: Attempt::ONLY,
        name: FileName::cleaned("é.png"),
        media_type: "image/png".into(),
        size,
        dimensions: Some(Dimensions { width: 50, height: 40 }),
        thumbnail: Some(thumbnail),
        alt: None,
    };
    let kept = file.clone();
    f.write(move |tx| tx.file_complete(&kept, size, date(60))).await;
    file
}

/// A message that carries a new file of its author.
async fn attached(f: &Fixture, group: GroupId, author: UserId) -> (NewMessage, FileId) {
    let file = complete(f, author, 10).await;
    let message = f.send(group, author).await;
    let (id, seq) = (file.id, message.seq);
    f.write(move |tx| tx.files_attach(from_ref(&file), group, seq)).await;
    (message, id)
}

async fn row(f: &Fixture, id: FileId) -> Option<FileRow> {
    f.read(move |tx| tx.file(id)).await
}

/// The sums of a user and of all.
async fn usage(f: &Fixture, owner: UserId) -> (u64, u64) {
    f.read(move |tx| Ok((tx.file_usage(Some(owner))?, tx.file_usage(None)?))).await
}

async fn dropped(f: &Fixture) -> Vec<FileId> {
    f.read(|tx| tx.files_dropped(date(0), 100)).await
}

pub async fn a_file_is_reserved_then_complete_then_attached(f: Fixture) {
    let ann = f.user("ann").await;
    let group = f.group(&[ann]).await;
    let id = reserve(&f, ann, 100).await;
    let reserved = FileRow {
        id,
        owner: ann,
        state: FileState::Reserved,
        name: FileName::cleaned("é.png"),
        size: 100,
        expires: Some(date(50)),
        file: None,
        group: None,
    };
    assert_eq!(row(&f, id).await.as_ref(), Some(&reserved));
    f.write(move |tx| tx.file_extend(id, date(55))).await;
    assert_eq!(row(&f, id).await, Some(FileRow { expires: Some(date(55)), ..reserved.clone() }));

    let file = complete(&f, ann, 120).await;
    let stored = FileRow {
        id: file.id,
        state: FileState::Stored,
        size: 120,
        expires: Some(date(60)),
        file: Some(file.clone()),
        ..reserved
    };
    assert_eq!(row(&f, file.id).await.as_ref(), Some(&stored));

    let alt = AltText::parse("A beach").expect("a text");
    let described = StoredFile { alt, ..complete(&f, ann, 10).await };
    let (seq, attached_id, kept) = (f.send(group, ann).await.seq, described.id, described.clone());
    f.write(move |tx| tx.files_attach(from_ref(&kept), group, seq)).await;
    let found = row(&f, attached_id).await.expect("it stands");
    assert_eq!((found.state, found.expires, found.group), (FileState::Attached, None, Some(group)));
    assert_eq!(found.file, Some(described), "its alternative text is kept");
    f.write(move |tx| tx.file_extend(attached_id, date(55))).await;
    assert_eq!(row(&f, attached_id).await.and_then(|row| row.expires), None, "it no longer expires");
    f.write(move |tx| tx.message_erase(group, seq)).await;
    assert_eq!(row(&f, attached_id).await.and_then(|row| row.group), None, "no message carries it");

    let mut ids = [id, file.id, attached_id];
    ids.sort_unstable();
    let page = |after, limit| f.read(move |tx| tx.files_after(after, limit));
    let listed = |rows: Vec<FileRow>| rows.into_iter().map(|row| row.id).collect::<Vec<_>>();
    assert_eq!(listed(page(None, 2).await), ids[..2]);
    assert_eq!(listed(page(Some(ids[1]), 2).await), ids[2..]);
}

pub async fn sizes_are_summed_for_each_user_and_for_all(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    assert_eq!(usage(&f, ann).await, (0, 0));
    let one = reserve(&f, ann, 70).await;
    reserve(&f, bob, 5).await;
    assert_eq!(usage(&f, ann).await, (70, 75));
    let two = complete(&f, ann, 30).await.id;
    assert_eq!(usage(&f, ann).await, (100, 105), "what was reserved and not used is given back");
    f.write(move |tx| tx.file_drop(one)).await;
    f.write(move |tx| tx.file_drop(one)).await;
    assert_eq!(usage(&f, ann).await, (30, 35), "once");
    let id = reserve(&f, ann, 4).await;
    let thumbnailed = StoredFile { id, ..complete(&f, ann, 0).await };
    f.write(move |tx| tx.file_complete(&thumbnailed, 9, date(60))).await;
    assert_eq!(usage(&f, ann).await, (39, 44), "more than the file has");
    f.write(move |tx| tx.file_drop(id)).await;
    f.write(move |tx| tx.file_drop(two)).await;
    assert_eq!((usage(&f, ann).await, usage(&f, bob).await), ((0, 5), (5, 5)));
}

pub async fn a_quota_holds_for_reservations_that_come_together(f: Fixture) {
    f.user("ann").await;
    let files = FileLimits { per_user: 100, ..FileLimits::default() };
    let limits = Limits { files, ..Limits::default() };
    let app = App::new(f.store.clone(), Arc::new(SystemClock::default()), limits);
    let mut asking = JoinSet::new();
    for _ in 0..8 {
        let app = app.clone();
        asking.spawn(async move {
            let (author, name) = (Some(name("ann")), FileName::cleaned("a"));
            let command = ReserveFile { author, name, size: 42, resumable: true };
            app.file_reserve(&Context::new(Caller::Service), command).await
        });
    }
    let mut reserved = 0;
    while let Some(outcome) = asking.join_next().await {
        match outcome.expect("no panic") {
            Ok(_) => reserved += 1,
            Err(Error::TooLarge(why)) => assert!(why.contains("files.per_user"), "{why}"),
            Err(why) => panic!("{why}"),
        }
    }
    assert_eq!(reserved, 2);
}

pub async fn the_number_of_a_users_files_is_bounded(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let count = |user| f.read(move |tx| tx.file_count(user));
    assert_eq!(count(ann).await, 0);
    let one = reserve(&f, ann, 0).await;
    complete(&f, ann, 0).await;
    reserve(&f, bob, 9).await;
    assert_eq!((count(ann).await, count(bob).await), (2, 1));
    f.write(move |tx| tx.file_drop(one)).await;
    f.write(move |tx| tx.file_drop(one)).await;
    assert_eq!(count(ann).await, 1, "once");
    let files = FileLimits { per_user_count: 2, ..FileLimits::default() };
    let limits = Limits { files, ..Limits::default() };
    let app = App::new(f.store.clone(), Arc::new(SystemClock::default()), limits);
    let reserve = async || {
        let (author, name) = (Some(name("ann")), FileName::cleaned("a"));
        let command = ReserveFile { author, name, size: 0, resumable: true };
        app.file_reserve(&Context::new(Caller::Service), command).await
    };
    reserve().await.expect("it is the second one");
    let refused = reserve().await;
    assert!(
        matches!(&refused, Err(Error::TooLarge(why)) if why.contains("files.per_user_count")),
        "{refused:?}"
    );
    f.write(move |tx| tx.files_drop_of_user(ann, 9)).await;
    assert_eq!(count(ann).await, 0);
}

pub async fn refused_removals_wait_behind_others(f: Fixture) {
    let ann = f.user("ann").await;
    let mut ids = [reserve(&f, ann, 1).await, reserve(&f, ann, 1).await, reserve(&f, ann, 1).await];
    ids.sort_unstable();
    f.write(move |tx| ids.iter().try_for_each(|id| tx.file_drop(*id))).await;
    let due = |second, limit| f.read(move |tx| tx.files_dropped(date(second), limit));
    let [first, second, third] = ids;
    assert_eq!(due(0, 2).await, [first, second]);
    f.write(move |tx| tx.files_postpone(&[first], date(20))).await;
    f.write(move |tx| tx.files_postpone(&[second], date(10))).await;
    assert_eq!(due(9, 9).await, [third]);
    assert_eq!(due(20, 9).await, [third, second, first], "those that wait longest are first");
    f.write(|tx| tx.files_expire(date(99), 9)).await;
    assert_eq!(due(9, 9).await, [third], "a dropped file does not expire again");
    let stands = reserve(&f, ann, 1).await;
    f.write(move |tx| tx.files_postpone(&[stands], date(1))).await;
    assert_eq!(row(&f, stands).await.and_then(|row| row.expires), Some(date(50)));
    f.write(move |tx| tx.files_forget(&[first, second, third])).await;
    assert_eq!(due(99, 9).await, []);
}

pub async fn a_removal_postponed_by_a_clock_set_back_is_due(f: Fixture) {
    let ann = f.user("ann").await;
    let id = reserve(&f, ann, 1).await;
    f.write(move |tx| tx.file_drop(id)).await;
    let until = date(5).plus(FILE_TTL);
    f.write(move |tx| tx.files_postpone(&[id], until)).await;
    let due = async |second| {
        let now = date(second);
        (f.read(move |tx| tx.files_are_due(now)).await, f.read(move |tx| tx.files_dropped(now, 9)).await)
    };
    assert_eq!(due(5).await, (false, vec![]), "no file lives longer");
    assert_eq!(due(4).await, (true, vec![id]));
}

pub async fn ids_without_a_row_are_unknown(f: Fixture) {
    let ann = f.user("ann").await;
    let (stands, dropped) = (reserve(&f, ann, 1).await, reserve(&f, ann, 1).await);
    f.write(move |tx| tx.file_drop(dropped)).await;
    let never = FileId(uuid(f.number()));
    let unknown = |ids: Vec<FileId>| f.read(move |tx| tx.files_unknown(&ids));
    assert_eq!(unknown(vec![stands, never, dropped]).await, [never]);
    assert_eq!(unknown(vec![]).await, []);
    f.write(move |tx| tx.files_forget(&[dropped])).await;
    assert_eq!(unknown(vec![dropped]).await, [dropped]);
}

pub async fn files_end_with_their_messages_group_and_user(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let (one, other) = (f.group(&[ann, bob]).await, f.group(&[ann]).await);
    let (first, first_file) = attached(&f, one, ann).await;
    let (second, second_file) = attached(&f, one, bob).await;
    let (third, third_file) = attached(&f, one, ann).await;
    let (_, elsewhere) = attached(&f, other, ann).await;
    let unused = complete(&f, ann, 10).await.id;

    let seqs = [first.seq, third.seq];
    f.write(move |tx| tx.files_drop_of_messages(one, &seqs)).await;
    for id in [first_file, third_file] {
        assert_eq!(row(&f, id).await, None);
        assert!(dropped(&f).await.contains(&id));
    }
    assert_eq!(row(&f, second_file).await.map(|row| row.state), Some(FileState::Attached));
    f.write(move |tx| tx.files_drop_of_messages(one, &[second.seq.next()])).await;
    assert_eq!(f.write(move |tx| tx.files_drop_of_group(one, 9)).await, 1);
    assert_eq!(f.write(move |tx| tx.files_drop_of_group(one, 9)).await, 0);
    assert_eq!((row(&f, second_file).await, usage(&f, bob).await), (None, (0, 20)));

    assert_eq!(f.write(move |tx| tx.files_drop_of_user(ann, 1)).await, 1);
    assert_eq!(f.write(move |tx| tx.files_drop_of_user(ann, 9)).await, 1);
    assert_eq!((row(&f, elsewhere).await, row(&f, unused).await), (None, None));
    assert_eq!((usage(&f, ann).await, dropped(&f).await.len()), ((0, 0), 5));
}

pub async fn files_of_a_deleted_user_are_attached_to_no_message(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let group = f.group(&[ann, bob]).await;
    let (_, id) = attached(&f, group, ann).await;
    let task = f.task();
    f.write(move |tx| tx.user_delete(ann, task)).await;
    assert_eq!(f.next_task().await, Some((task, Task::EraseUser(ann))));
    assert_eq!(row(&f, id).await.and_then(|row| row.group), None, "before any step of the task");
}

pub async fn expired_files_are_dropped_and_gone_ones_forgotten(f: Fixture) {
    let ann = f.user("ann").await;
    let group = f.group(&[ann]).await;
    let reserved = reserve(&f, ann, 10).await;
    let stored = complete(&f, ann, 10).await.id;
    let (_, kept) = attached(&f, group, ann).await;
    let due = |second| f.read(move |tx| tx.files_are_due(date(second)));
    assert_eq!((due(49).await, due(50).await), (false, true));
    f.write(|tx| tx.files_expire(date(50), 9)).await;
    assert_eq!(dropped(&f).await, [reserved]);
    f.write(|tx| tx.files_expire(date(99), 9)).await;
    let mut both = [reserved, stored];
    both.sort_unstable();
    assert_eq!((dropped(&f).await, due(0).await), (both.to_vec(), true));
    f.write(move |tx| tx.files_forget(&[reserved, kept])).await;
    assert_eq!(dropped(&f).await, [stored]);
    f.write(move |tx| tx.files_forget(&[stored])).await;
    assert_eq!((dropped(&f).await, due(99).await), (vec![], false));
    assert_eq!(row(&f, kept).await.map(|row| row.state), Some(FileState::Attached));
}

pub async fn avatars_stay_until_their_user_or_group_ends(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let group = f.group(&[ann, bob]).await;
    let unattached = complete(&f, ann, 10).await;
    let own = unattached.id;
    let (shown, other) = (complete(&f, ann, 20).await.id, complete(&f, bob, 40).await.id);
    let reserved = reserve(&f, ann, 5).await;
    f.write(move |tx| tx.file_show(own, None)).await;
    for id in [shown, other, reserved] {
        f.write(move |tx| tx.file_show(id, Some(group))).await;
    }
    let found = row(&f, own).await.expect("it stands");
    assert_eq!((found.state, found.expires, found.group), (FileState::Avatar, None, None));
    let found = row(&f, shown).await.expect("it stands");
    assert_eq!((found.state, found.expires, found.group), (FileState::Avatar, None, Some(group)));
    assert_eq!(row(&f, reserved).await.map(|row| row.state), Some(FileState::Reserved), "it is not complete");
    f.write(|tx| tx.files_expire(date(99), 9)).await;
    assert_eq!((dropped(&f).await, usage(&f, ann).await), (vec![reserved], (30, 70)));
    assert_eq!(f.read(move |tx| tx.avatars_of_groups(ann, 9)).await, [(shown, group)]);
    let message = f.send(group, ann).await.seq;
    f.write(move |tx| tx.files_drop_of_messages(group, &[message])).await;
    f.write(move |tx| tx.files_attach(from_ref(&unattached), group, message)).await;
    assert_eq!(row(&f, own).await.map(|row| row.state), Some(FileState::Avatar), "it is no attachment");

    f.write(move |tx| tx.file_drop(own)).await;
    assert_eq!((row(&f, own).await, usage(&f, ann).await), (None, (20, 60)));
    assert_eq!(f.write(move |tx| tx.files_drop_of_user(bob, 9)).await, 1);
    assert_eq!(f.write(move |tx| tx.files_drop_of_group(group, 9)).await, 1);
    assert_eq!(f.read(move |tx| tx.avatars_of_groups(ann, 9)).await, []);
    assert_eq!(usage(&f, ann).await, (0, 0));
}

pub async fn files_of_an_owner_are_paged_without_dropped_ones(f: Fixture) {
    let (ann, bob) = (f.user("ann").await, f.user("bob").await);
    let mut own = Vec::new();
    for _ in 0..3 {
        own.push(complete(&f, ann, 10).await.id);
        complete(&f, bob, 10).await;
    }
    own.sort();
    let written = async |after, limit| {
        let found = f.read(move |tx| tx.files_written(ann, after, limit)).await;
        found.into_iter().map(|file| file.id).collect::<Vec<_>>()
    };
    assert_eq!(written(None, 10).await, own);
    assert_eq!(written(Some(own[0]), 1).await, own[1..2]);
    f.write(|tx| tx.files_expire(date(61), 100)).await;
    assert!(written(None, 10).await.is_empty());
}
