//! Files, and the totals of their sizes.

use std::collections::{BTreeMap, BTreeSet};

use chinwag_core::file::{FILE_TTL, FileName, Reservation, StoredFile};
use chinwag_core::store::encoding::Stored;
use chinwag_core::store::{FileRow, FileState};
use chinwag_core::{Date, FileId, GroupId, Result, Seq, UserId, stored_number};
use uuid::Uuid;

use crate::sql::params;
use crate::transfer::table;
use crate::{Columns, Keys, Sql, Text, gone, limit};

crate::implement! {
    ($) impl_files: Files by file
    read {
        file(id: FileId) -> Option<FileRow>;
        files_after(after: Option<FileId>, limit: usize) -> Vec<FileRow>;
        file_usage(owner: Option<UserId>) -> u64;
        files_are_due(now: Date) -> bool;
        files_dropped(now: Date, limit: usize) -> Vec<FileId>;
        files_unknown(ids: &[FileId]) -> Vec<FileId>;
        file_count(owner: UserId) -> u64;
        avatars_of_groups(owner: UserId, limit: usize) -> Vec<(FileId, GroupId)>;
    }
    write {
        file_reserve(reservation: &Reservation) -> ();
        file_extend(id: FileId, expires: Date) -> ();
        file_complete(file: &StoredFile, counted: u64, expires: Date) -> ();
        files_attach(files: &[StoredFile], group: GroupId, message: Seq) -> ();
        file_show(id: FileId, group: Option<GroupId>) -> ();
        file_drop(id: FileId) -> ();
        files_drop_of_messages(group: GroupId, messages: &[Seq]) -> ();
        files_drop_of_group(group: GroupId, limit: usize) -> usize;
        files_drop_of_user(user: UserId, limit: usize) -> usize;
        files_expire(now: Date, limit: usize) -> ();
        files_postpone(ids: &[FileId], until: Date) -> ();
        files_forget(ids: &[FileId]) -> ();
    }
}

table! {
    FILES: "files" by (id: Id)
    owner_id: Number, state: Short, size: Number, due: Number, group_id: Id, message_seq: Number, name: Text,
    detail: Bytes,
}

table! {
    FILE_USAGE: "file_usage" by (user_id: Number)
    bytes: Number, files: Number,
}

/// The id under which the total of all files is stored. No user has it.
const ALL: UserId = UserId(0);

/// A query of files that are not dropped. Each comes with the group of the message that carries it, if the
/// message still exists, or the group whose avatar it is.
macro_rules! files {
    ($rest:literal) => {
        Text::two(files!(@ sqlite $rest), files!(@ postgres $rest))
    };
    (@ $db:ident $rest:literal) => {
        concat!(
            "SELECT f.id, f.owner_id, f.state, f.size, f.due, f.name, f.detail, CASE WHEN f.state = ",
            stored_number!(FileState::Avatar),
            " THEN f.group_id ELSE ",
            files!(carrier $db),
            " END FROM files f WHERE f.state <> ",
            stored_number!(FileState::Dropped),
            " AND ",
            $rest
        )
    };
    (carrier sqlite) => {
        concat!(
            "(SELECT m.group_id FROM messages m WHERE m.group_id = f.group_id AND m.seq = f.message_seq
                AND m.body IS NOT NULL AND NOT ",
            gone!(sqlite "m.author_id"),
            ")"
        )
    };
    (carrier postgres) => {
        concat!(
            "(SELECT CASE WHEN m.body IS NOT NULL AND NOT ",
            gone!(postgres "m.author_id"),
            " THEN m.group_id END FROM messages m WHERE m.group_id = f.group_id AND m.seq = f.message_seq OFFSET 0)"
        )
    };
}

fn read(row: &dyn Columns) -> Result<FileRow> {
    Ok(FileRow {
        id: row.get(0)?,
        owner: row.get(1)?,
        state: row.stored(2)?,
        size: size(row.get(3)?),
        expires: row.maybe(4)?,
        name: FileName::cleaned(row.text(5)?.unwrap_or_default()),
        file: row.bytes(6)?.and_then(StoredFile::from_stored),
        group: row.maybe(7)?,
    })
}

/// Converts a size from its column. Never negative.
fn size(bytes: i64) -> u64 {
    u64::try_from(bytes).unwrap_or(0)
}

/// Converts a size for its column.
fn bytes(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

pub fn file(sql: &impl Sql, id: FileId) -> Result<Option<FileRow>> {
    const FIND: Text = files!("f.id = $1");
    sql.one(FIND, params![id], read)
}

pub fn files_after(sql: &impl Sql, after: Option<FileId>, most: usize) -> Result<Vec<FileRow>> {
    const PAGE: Text = files!("f.id > $1 ORDER BY f.id LIMIT $2");
    let after = after.map_or(Uuid::nil(), |id| id.0);
    sql.all(PAGE, params![after, limit(most)], read)
}

/// An owner's files after the given one.
pub(crate) fn of_owner(
    sql: &impl Sql,
    owner: UserId,
    after: Option<FileId>,
    most: usize,
) -> Result<Vec<FileRow>> {
    const PAGE: Text = files!("f.owner_id = $1 AND f.id > $2 ORDER BY f.id LIMIT $3");
    let after = after.map_or(Uuid::nil(), |id| id.0);
    sql.all(PAGE, params![owner, after, limit(most)], read)
}

pub fn file_usage(sql: &impl Sql, owner: Option<UserId>) -> Result<u64> {
    const FIND: Text = Text::same("SELECT bytes FROM file_usage WHERE user_id = $1");
    Ok(sql.one(FIND, params![owner.unwrap_or(ALL)], |row| row.get(0))?.map_or(0, size))
}

pub fn file_count(sql: &impl Sql, owner: UserId) -> Result<u64> {
    const FIND: Text = Text::same("SELECT files FROM file_usage WHERE user_id = $1");
    Ok(sql.one(FIND, params![owner], |row| row.get(0))?.map_or(0, size))
}

/// Adds bytes and files to the totals of a user and of all users.
fn count(sql: &mut impl Sql, owner: UserId, bytes: i64, files: i64) -> Result<()> {
    const COUNT: Text = Text::same(
        "INSERT INTO file_usage (user_id, bytes, files) VALUES ($1, $2, $3)
        ON CONFLICT (user_id) DO UPDATE
        SET bytes = file_usage.bytes + excluded.bytes, files = file_usage.files + excluded.files",
    );
    if (bytes, files) == (0, 0) {
        return Ok(());
    }
    sql.change(COUNT, params![owner, bytes, files])?;
    sql.change(COUNT, params![ALL, bytes, files]).map(drop)
}

pub fn file_reserve(sql: &mut impl Sql, reservation: &Reservation) -> Result<()> {
    const INSERT: Text = Text::same(
        "INSERT INTO files (id, owner_id, state, size, due, name) VALUES ($1, $2, $3, $4, $5, $6)",
    );
    let Reservation { id, owner, name, size, expires } = reservation;
    let (state, size) = (FileState::Reserved.number(), bytes(*size));
    sql.change(INSERT, params![*id, *owner, state, size, *expires, name.as_str()])?;
    count(sql, *owner, size, 1)
}

pub fn file_extend(sql: &mut impl Sql, id: FileId, expires: Date) -> Result<()> {
    const EXTEND: Text = Text::same(concat!(
        "UPDATE files SET due = $1 WHERE id = $2 AND state < ",
        stored_number!(FileState::Attached)
    ));
    sql.change(EXTEND, params![expires, id]).map(drop)
}

pub fn file_complete(sql: &mut impl Sql, file: &StoredFile, counted: u64, expires: Date) -> Result<()> {
    const FIND: Text = Text::same(concat!(
        "SELECT owner_id, size FROM files WHERE id = $1 AND state = ",
        stored_number!(FileState::Reserved)
    ));
    const COMPLETE: Text =
        Text::same("UPDATE files SET state = $1, size = $2, due = $3, name = $4, detail = $5 WHERE id = $6");
    let read = |row: &dyn Columns| Ok((row.get::<UserId>(0)?, row.get::<i64>(1)?));
    let Some((owner, reserved)) = sql.one(FIND, params![file.id], read)? else { return Ok(()) };
    let (state, size, detail) = (FileState::Stored.number(), bytes(counted), file.stored());
    let row = params![state, size, expires, file.name.as_str(), detail.as_slice(), file.id];
    sql.change(COMPLETE, row)?;
    count(sql, owner, size - reserved, 0)
}

pub fn files_attach(sql: &mut impl Sql, files: &[StoredFile], group: GroupId, message: Seq) -> Result<()> {
    const ATTACH: Text = Text::same(concat!(
        "UPDATE files SET state = ",
        stored_number!(FileState::Attached),
        ", due = NULL, group_id = $1, message_seq = $2, detail = $3 WHERE id = $4 AND state = ",
        stored_number!(FileState::Stored)
    ));
    files.iter().try_for_each(|file| {
        let detail = file.stored();
        sql.change(ATTACH, params![group, message, detail.as_slice(), file.id]).map(drop)
    })
}

/// The message number in the row of a group's avatar. No message has it.
const NO_MESSAGE: Seq = Seq(0);

pub fn file_show(sql: &mut impl Sql, id: FileId, group: Option<GroupId>) -> Result<()> {
    const SHOW: Text = Text::same(concat!(
        "UPDATE files SET state = ",
        stored_number!(FileState::Avatar),
        ", due = NULL, group_id = $1, message_seq = $2 WHERE id = $3 AND state = ",
        stored_number!(FileState::Stored)
    ));
    sql.change(SHOW, params![group, group.map(|_| NO_MESSAGE), id]).map(drop)
}

pub fn avatars_of_groups(sql: &impl Sql, owner: UserId, most: usize) -> Result<Vec<(FileId, GroupId)>> {
    const LIST: Text = Text::same(concat!(
        "SELECT id, group_id FROM files WHERE owner_id = $1 AND state = ",
        stored_number!(FileState::Avatar),
        " AND group_id IS NOT NULL LIMIT $2"
    ));
    sql.all(LIST, params![owner, limit(most)], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// The id, owner and size of a file to drop.
type Droppable = (FileId, UserId, i64);

/// A query of files to drop.
macro_rules! droppable {
    ($rest:literal) => {
        concat!(
            "SELECT id, owner_id, size FROM files WHERE state <> ",
            stored_number!(FileState::Dropped),
            " AND ",
            $rest
        )
    };
}

fn read_droppable(row: &dyn Columns) -> Result<Droppable> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
}

/// Drops files: erases their names immediately, and no longer counts their sizes.
fn drop_all(sql: &mut impl Sql, files: &[Droppable]) -> Result<()> {
    macro_rules! drop {
        ($condition:literal) => {
            concat!(
                "UPDATE files SET state = ",
                stored_number!(FileState::Dropped),
                ", due = 0, group_id = NULL, message_seq = NULL, name = '', detail = NULL WHERE ",
                $condition
            )
        };
    }
    const DROP: Text = Text::two(drop!("id = $1"), drop!("id = ANY($1)"));
    if files.is_empty() {
        return Ok(());
    }
    sql.note_erasure();
    let keys = Keys::Ids(files.iter().map(|(id, ..)| id.0).collect());
    sql.change_each(DROP, &keys, params![])?;
    let mut sums: BTreeMap<UserId, (i64, i64)> = BTreeMap::new();
    for (_, owner, size) in files {
        let (bytes, files) = sums.entry(*owner).or_default();
        *bytes += size;
        *files += 1;
    }
    sums.into_iter().try_for_each(|(owner, (bytes, files))| count(sql, owner, -bytes, -files))
}

pub fn file_drop(sql: &mut impl Sql, id: FileId) -> Result<()> {
    const FIND: Text = Text::same(droppable!("id = $1"));
    let found = sql.one(FIND, params![id], read_droppable)?;
    drop_all(sql, found.as_slice())
}

pub fn files_drop_of_messages(sql: &mut impl Sql, group: GroupId, messages: &[Seq]) -> Result<()> {
    const ANY: Text = Text::same(
        "SELECT 1 FROM files WHERE group_id = $1 AND message_seq >= $2 AND message_seq <= $3 LIMIT 1",
    );
    const FIND: Text = Text::two(
        droppable!("message_seq = $1 AND group_id = $2"),
        droppable!("message_seq = ANY($1) AND group_id = $2"),
    );
    // Usually none of the messages has a file. One statement checks that.
    let (Some(&first), Some(&last)) = (messages.iter().min(), messages.iter().max()) else { return Ok(()) };
    if sql.one(ANY, params![group, first, last], |_| Ok(()))?.is_none() {
        return Ok(());
    }
    let keys = Keys::Ints(messages.iter().map(|seq| seq.0).collect());
    let found = sql.each(FIND, &keys, params![group], read_droppable)?;
    drop_all(sql, &found)
}

pub fn files_drop_of_group(sql: &mut impl Sql, group: GroupId, most: usize) -> Result<usize> {
    const FIND: Text = Text::same(droppable!("group_id = $1 LIMIT $2"));
    let found = sql.all(FIND, params![group, limit(most)], read_droppable)?;
    drop_all(sql, &found)?;
    Ok(found.len())
}

pub fn files_drop_of_user(sql: &mut impl Sql, user: UserId, most: usize) -> Result<usize> {
    const FIND: Text = Text::same(droppable!("owner_id = $1 LIMIT $2"));
    const FORGET: Text = Text::same("DELETE FROM file_usage WHERE user_id = $1");
    let found = sql.all(FIND, params![user, limit(most)], read_droppable)?;
    drop_all(sql, &found)?;
    if found.len() < most {
        sql.change(FORGET, params![user])?;
    }
    Ok(found.len())
}

pub fn files_are_due(sql: &impl Sql, now: Date) -> Result<bool> {
    const ANY: Text = Text::same("SELECT 1 FROM files WHERE due <= $1 LIMIT 1");
    Ok(sql.one(ANY, params![now], |_| Ok(()))?.is_some() || !far_dropped(sql, now, 1)?.is_empty())
}

pub fn files_expire(sql: &mut impl Sql, now: Date, most: usize) -> Result<()> {
    const FIND: Text = Text::same(droppable!("due > 0 AND due <= $1 ORDER BY due LIMIT $2"));
    let found = sql.all(FIND, params![now, limit(most)], read_droppable)?;
    drop_all(sql, &found)
}

pub fn files_dropped(sql: &impl Sql, now: Date, most: usize) -> Result<Vec<FileId>> {
    const LIST: Text = Text::same(concat!(
        "SELECT id FROM files WHERE due <= $1 AND state = ",
        stored_number!(FileState::Dropped),
        " ORDER BY due, id LIMIT $2"
    ));
    let mut dropped = sql.all(LIST, params![now, limit(most)], |row| row.get(0))?;
    if dropped.len() < most {
        dropped.extend(far_dropped(sql, now, most - dropped.len())?);
    }
    Ok(dropped)
}

/// Dropped files that a clock which was ahead has postponed. No file that is not dropped is due so late, so
/// the range is usually empty.
fn far_dropped(sql: &impl Sql, now: Date, most: usize) -> Result<Vec<FileId>> {
    const FAR: Text = Text::same(concat!(
        "SELECT id FROM files WHERE due > $1 AND state = ",
        stored_number!(FileState::Dropped),
        " ORDER BY due, id LIMIT $2"
    ));
    sql.all(FAR, params![now.plus(FILE_TTL), limit(most)], |row| row.get(0))
}

pub fn files_postpone(sql: &mut impl Sql, ids: &[FileId], until: Date) -> Result<()> {
    const POSTPONE: Text = Text::same(concat!(
        "UPDATE files SET due = $1 WHERE id = $2 AND state = ",
        stored_number!(FileState::Dropped)
    ));
    ids.iter().try_for_each(|id| sql.change(POSTPONE, params![until, *id]).map(drop))
}

pub fn files_unknown(sql: &impl Sql, ids: &[FileId]) -> Result<Vec<FileId>> {
    const KNOWN: Text =
        Text::two("SELECT id FROM files WHERE id = $1", "SELECT id FROM files WHERE id = ANY($1)");
    let keys = Keys::Ids(ids.iter().map(|id| id.0).collect());
    let known: BTreeSet<FileId> = sql.each(KNOWN, &keys, params![], |row| row.get(0))?.into_iter().collect();
    Ok(ids.iter().copied().filter(|id| !known.contains(id)).collect())
}

pub fn files_forget(sql: &mut impl Sql, ids: &[FileId]) -> Result<()> {
    macro_rules! forget {
        ($condition:literal) => {
            concat!(
                "DELETE FROM files WHERE state = ",
                stored_number!(FileState::Dropped),
                " AND ",
                $condition
            )
        };
    }
    const FORGET: Text = Text::two(forget!("id = $1"), forget!("id = ANY($1)"));
    sql.change_each(FORGET, &Keys::Ids(ids.iter().map(|id| id.0).collect()), params![])
}
