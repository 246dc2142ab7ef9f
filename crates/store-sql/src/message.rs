//! Messages, clustered by group and number. If the databases need different texts for the same plan, a macro
//! contains both.

use std::collections::{BTreeSet, HashMap};

use chinwag_core::message::{Body, ClientId, Message, MessageDetail};
use chinwag_core::send::digest;
use chinwag_core::store::{Located, MessageToErase, NewMessage, Page, PriorMessage, PriorThread};
use chinwag_core::thread::{Replies, ThreadRoot};
use chinwag_core::{Date, Error, GroupId, MessageId, Name, Result, Seq, UserId};

pub use crate::erased::erased_seq_raise;
use crate::message_date::{begin, last_before};
use crate::sql::params;
use crate::thread::fill_replies;
use crate::transfer::{erase, table};
use crate::{Columns, Conflict, Keys, Sql, Text, limit};

table! {
    MESSAGES: "messages" by (group_id: Id, seq: Number)
    author_id: Number, date: Number, id: Id, respond_to: Number, edited: Number, thread: Number,
    changed: Number, client_id: Text, body_hash: Bytes, detail: Bytes, body: Text,
}

/// Erases the first rows of a group.
pub(crate) const ERASE_MESSAGES: Text = erase!("messages", "seq");

crate::implement! {
    ($) impl_messages: Messages by message
    read {
        message(id: MessageId) -> Option<Message>;
        messages_by_id(group: Option<GroupId>, ids: &[MessageId]) -> Vec<Message>;
        message_prior(group: GroupId, author: UserId, client_id: &ClientId) -> Option<PriorMessage>;
        messages(group: GroupId, page: &Page) -> Vec<Message>;
        message_at_seq(group: GroupId, seq: Seq) -> Option<(Seq, Date)>;
        message_at_date(group: GroupId, date: Date) -> Option<(Seq, Date)>;
        messages_by(group: GroupId, author: UserId, most: usize) -> Vec<MessageToErase>;
        messages_located(ids: &[MessageId]) -> Vec<Located>;
    }
    write {
        message_insert(message: &NewMessage) -> ();
        message_change(group: GroupId, seq: Seq, by: Seq) -> ();
        message_digest_set(group: GroupId, seq: Seq, digest: &[u8; 32]) -> ();
        message_edit(group: GroupId, seq: Seq, body: &Body, edited: Date) -> ();
        message_detail_set(group: GroupId, seq: Seq, detail: &MessageDetail) -> ();
        erased_seq_raise(group: GroupId) -> ();
    }
}

/// The unique constraints of messages.
pub const CONFLICTS: &[Conflict] = &[
    Conflict { sqlite: "messages.id", postgres: "messages_by_id", error: "another message has this id" },
    Conflict {
        sqlite: "messages.client_id",
        postgres: "messages_by_client_id",
        error: "this client_id was used before for another message",
    },
];

/// Whether the author in this column is being erased, so that its messages no longer count, erased or not. On
/// SQLite, each statement first checks once whether any user is being erased, since usually none is. On
/// PostgreSQL, `OFFSET 0` keeps the planner from reading all tasks.
#[macro_export]
macro_rules! gone {
    (sqlite $author:literal) => {
        concat!(
            "(EXISTS (SELECT 1 FROM tasks t WHERE t.kind = ",
            $crate::stored_number!(TaskKind::EraseUser),
            " AND t.user_id > 0) AND EXISTS (SELECT 1 FROM tasks t WHERE t.kind = ",
            $crate::stored_number!(TaskKind::EraseUser),
            " AND t.user_id = ",
            $author,
            "))"
        )
    };
    (postgres $author:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM tasks t WHERE t.kind = ",
            $crate::stored_number!(TaskKind::EraseUser),
            " AND t.user_id = ",
            $author,
            " OFFSET 0)"
        )
    };
}

/// The id of the answered message, `r` of `answered_join!`, if it is not erased.
#[macro_export]
macro_rules! answered {
    (sqlite) => {
        "r.id"
    };
    (postgres) => {
        concat!(
            "CASE WHEN r.body IS NOT NULL AND NOT ",
            $crate::gone!(postgres "r.author_id"),
            " THEN r.id END"
        )
    };
}

/// Joins a message `m` with the message that it answers, `r`. On PostgreSQL, the check that `r` is not erased
/// is not part of the join condition: the planner would then choose an index of such messages, in which the
/// number is not a key.
#[macro_export]
macro_rules! answered_join {
    (sqlite) => {
        concat!(
            " LEFT JOIN messages r ON r.group_id = m.group_id AND r.seq = m.respond_to AND r.body IS NOT NULL
                AND NOT ",
            $crate::gone!(sqlite "r.author_id"),
            " "
        )
    };
    (postgres) => {
        " LEFT JOIN messages r ON r.group_id = m.group_id AND r.seq = m.respond_to "
    };
}

/// The id of the root of a message's thread, `top` of `root_join!`, if it is not erased.
#[macro_export]
macro_rules! root {
    (sqlite) => {
        "top.id"
    };
    (postgres) => {
        concat!(
            "CASE WHEN top.body IS NOT NULL AND NOT ",
            $crate::gone!(postgres "top.author_id"),
            " THEN top.id END"
        )
    };
}

/// Joins a message `m` with the root of its thread, `top`, in the same way as `answered_join!`.
#[macro_export]
macro_rules! root_join {
    (sqlite) => {
        concat!(
            " LEFT JOIN messages top ON top.group_id = m.group_id AND top.seq = m.thread AND top.body IS NOT NULL
                AND NOT ",
            $crate::gone!(sqlite "top.author_id"),
            " "
        )
    };
    (postgres) => {
        " LEFT JOIN messages top ON top.group_id = m.group_id AND top.seq = m.thread "
    };
}

/// The columns that [`read`] reads, for a message `m`, its author `u`, the answered message `r`, and the root
/// of its thread, `top`.
#[macro_export]
macro_rules! message_columns {
    ($db:ident) => {
        concat!(
            "m.group_id, m.seq, m.id, m.author_id, u.name, m.date, m.body, ",
            $crate::answered!($db),
            ", m.edited, m.client_id, m.changed, m.detail, m.thread, ",
            $crate::root!($db)
        )
    };
}

/// The index of the first column after those of `message_columns!`.
pub const AFTER_MESSAGE: usize = 14;

/// The joins of a message `m`. On SQLite they are cross joins, so that none is executed before `m`.
#[macro_export]
macro_rules! message_joins {
    (sqlite) => {
        concat!(
            " CROSS JOIN users u ON u.id = m.author_id",
            $crate::answered_join!(sqlite),
            $crate::root_join!(sqlite)
        )
    };
    (postgres) => {
        concat!(
            " JOIN users u ON u.id = m.author_id",
            $crate::answered_join!(postgres),
            $crate::root_join!(postgres)
        )
    };
}

/// Reads a message from `message_columns!`. It must be [completed](complete): its users still lack names, and
/// the `replies` of a root with replies are empty.
pub fn read(row: &dyn Columns) -> Result<Message> {
    let thread: Option<Seq> = row.maybe(12)?;
    let root = thread.zip(row.maybe(13)?).map(|(seq, id)| ThreadRoot { id, seq });
    let no_replies = || Replies { count: 0, last: Date::from_micros(0), names: Vec::new() };
    let (detail, reactions) = row.bytes(11)?.map(MessageDetail::read).unwrap_or_default();
    Ok(Message {
        group: row.get(0)?,
        seq: row.get(1)?,
        id: row.get(2)?,
        author: row.get(3)?,
        author_name: row.get(4)?,
        date: row.get(5)?,
        body: row.get(6)?,
        respond_to: row.maybe(7)?,
        edited: row.maybe(8)?,
        client_id: row.text(9)?.map(ClientId::stored),
        changed: row.maybe(10)?,
        reactions,
        thread: root,
        replies: (thread == Some(Seq(0))).then(no_replies),
        root: None,
        detail,
    })
}

/// Completes messages after they were read: adds the names of users, and the replies to roots. Needs one
/// statement for each, or none if there is nothing to add.
pub fn complete<'m>(sql: &impl Sql, messages: impl IntoIterator<Item = &'m mut Message>) -> Result<()> {
    const NAMES: Text = Text::two(
        "SELECT id, name FROM users WHERE id = $1",
        "SELECT id, name FROM users WHERE id = ANY($1)",
    );
    let is_unfinished =
        |message: &&mut Message| message.replies.is_some() || message.named_users().next().is_some();
    let mut messages: Vec<_> = messages.into_iter().filter(is_unfinished).collect();
    fill_replies(sql, &mut messages)?;
    let mut naming: Vec<_> =
        messages.into_iter().filter(|message| message.named_users().next().is_some()).collect();
    if naming.is_empty() {
        return Ok(());
    }
    let users: BTreeSet<_> =
        naming.iter().flat_map(|message| message.named_users()).map(|user| user.0).collect();
    let keys = Keys::Ints(users.into_iter().collect());
    let names = sql.each(NAMES, &keys, params![], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let names: HashMap<UserId, Name> = names.into_iter().collect();
    for message in &mut naming {
        message.name_users(|user| names.get(&user).cloned());
    }
    Ok(())
}

/// A query of messages that are not erased.
macro_rules! messages_where {
    ($rest:literal) => {
        Text::two(messages_where!(@ sqlite $rest), messages_where!(@ postgres $rest))
    };
    (@ $db:ident $rest:expr) => {
        concat!(
            "SELECT ",
            message_columns!($db),
            " FROM messages m",
            message_joins!($db),
            "WHERE m.body IS NOT NULL AND ",
            $rest
        )
    };
}

pub fn message(sql: &impl Sql, id: MessageId) -> Result<Option<Message>> {
    const FIND: Text = messages_where!("m.id = $1");
    let mut message = sql.one(FIND, params![id], read)?;
    complete(sql, &mut message)?;
    Ok(message)
}

pub fn messages_by_id(sql: &impl Sql, group: Option<GroupId>, ids: &[MessageId]) -> Result<Vec<Message>> {
    const FIND: Text =
        Text::two(messages_where!(@ sqlite "m.id = $1"), messages_where!(@ postgres "m.id = ANY($1)"));
    const OF_GROUP: Text = Text::two(
        messages_where!(@ sqlite "m.id = $1 AND m.group_id = $2"),
        messages_where!(@ postgres "m.id = ANY($1) AND m.group_id = $2"),
    );
    let keys = Keys::Ids(ids.iter().map(|id| id.0).collect());
    let mut messages = match group {
        Some(group) => sql.each(OF_GROUP, &keys, params![group], read)?,
        None => sql.each(FIND, &keys, params![], read)?,
    };
    complete(sql, &mut messages)?;
    Ok(messages)
}

pub fn message_prior(
    sql: &impl Sql,
    group: GroupId,
    author: UserId,
    client_id: &ClientId,
) -> Result<Option<PriorMessage>> {
    macro_rules! prior {
        ($db:ident) => {
            concat!(
                "SELECT m.id, m.seq, m.date, m.body_hash, ",
                answered!($db),
                ", top.id, top.seq, top.body IS NOT NULL AND NOT ",
                gone!($db "top.author_id"),
                " FROM messages m",
                answered_join!($db),
                " LEFT JOIN messages top ON top.group_id = m.group_id AND top.seq = m.thread WHERE m.group_id = $1 AND m.author_id = $2 AND m.client_id = $3"
            )
        };
    }
    const FIND: Text = Text::two(prior!(sqlite), prior!(postgres));
    sql.one(FIND, params![group, author, client_id.as_str()], |row| {
        let hash = row.bytes(3)?.map(|hash| hash.try_into().map_err(Error::internal)).transpose()?;
        Ok(PriorMessage {
            id: row.get(0)?,
            seq: row.get(1)?,
            date: row.get(2)?,
            body_hash: hash,
            respond_to: row.maybe(4)?,
            thread: prior_thread(row)?,
        })
    })
}

/// Reads the thread of a prior message from its own columns, whether or not the root is erased.
fn prior_thread(row: &dyn Columns) -> Result<Option<PriorThread>> {
    let Some((id, seq)) = row.maybe(5)?.zip(row.maybe(6)?) else { return Ok(None) };
    Ok(Some(PriorThread { root: ThreadRoot { id, seq }, stands: row.get(7)? }))
}

pub fn messages(sql: &impl Sql, group: GroupId, page: &Page) -> Result<Vec<Message>> {
    // Both limits are inclusive.
    const BACK: Text = messages_where!(
        "m.group_id = $1 AND m.seq <= $2 AND m.seq > (SELECT erased_seq FROM groups WHERE id = $1)
        ORDER BY m.seq DESC LIMIT $3"
    );
    macro_rules! on {
        ($db:ident $greatest:literal) => {
            messages_where!(@ $db concat!("m.group_id = $1 AND m.seq >= ", $greatest,
                "($2, (SELECT erased_seq + 1 FROM groups WHERE id = $1)) ORDER BY m.seq LIMIT $3"))
        };
    }
    const ON: Text = Text::two(on!(sqlite "max"), on!(postgres "greatest"));
    let (is_back, from) = begin(sql, group, page.edge)?;
    let Some(from) = from else { return Ok(Vec::new()) };
    let text = if is_back { BACK } else { ON };
    let mut messages = sql.all(text, params![group, from, limit(page.limit)], read)?;
    complete(sql, &mut messages)?;
    Ok(messages)
}

/// An author's messages in a group, after a number.
pub(crate) fn of_author(
    sql: &impl Sql,
    group: GroupId,
    author: UserId,
    after: Seq,
    most: usize,
) -> Result<Vec<Message>> {
    const PAGE: Text =
        messages_where!("m.group_id = $1 AND m.author_id = $2 AND m.seq > $3 ORDER BY m.seq LIMIT $4");
    let mut messages = sql.all(PAGE, params![group, author, after, limit(most)], read)?;
    complete(sql, &mut messages)?;
    Ok(messages)
}

pub fn message_at_seq(sql: &impl Sql, group: GroupId, seq: Seq) -> Result<Option<(Seq, Date)>> {
    macro_rules! find {
        ($db:ident) => {
            concat!(
                "SELECT x.seq, x.date FROM messages x WHERE x.body IS NOT NULL AND NOT ",
                gone!($db "x.author_id"),
                " AND x.group_id = $1 AND x.seq <= $2 AND x.seq > (SELECT erased_seq FROM groups WHERE id = $1)
                ORDER BY x.seq DESC LIMIT 1"
            )
        };
    }
    const FIND: Text = Text::two(find!(sqlite), find!(postgres));
    sql.one(FIND, params![group, seq], |row| Ok((row.get(0)?, row.get(1)?)))
}

pub fn message_at_date(sql: &impl Sql, group: GroupId, date: Date) -> Result<Option<(Seq, Date)>> {
    last_before(sql, group, date.micros().saturating_add(1))
}

pub fn messages_by(
    sql: &impl Sql,
    group: GroupId,
    author: UserId,
    most: usize,
) -> Result<Vec<MessageToErase>> {
    macro_rules! by {
        ($from:literal) => {
            concat!(
                "SELECT seq, id, nullif(thread, 0) FROM ",
                $from,
                " WHERE group_id = $1 AND author_id = $2 AND body IS NOT NULL ORDER BY seq LIMIT $3"
            )
        };
    }
    const FIND: Text = Text::two(by!("messages INDEXED BY messages_by_author"), by!("messages"));
    sql.all(FIND, params![group, author, limit(most)], read_written)
}

/// Reads a message from three columns: its number, its id, and the id of its thread's root.
pub(crate) fn read_written(row: &dyn Columns) -> Result<MessageToErase> {
    Ok(MessageToErase { seq: row.get(0)?, id: row.get(1)?, thread: row.maybe(2)? })
}

pub fn messages_located(sql: &impl Sql, ids: &[MessageId]) -> Result<Vec<Located>> {
    const LOCATE: Text = Text::two(
        "SELECT id, group_id, seq FROM messages WHERE id = $1",
        "SELECT id, group_id, seq FROM messages WHERE id = ANY($1)",
    );
    let keys = Keys::Ids(ids.iter().map(|id| id.0).collect());
    sql.each(LOCATE, &keys, params![], |row| {
        Ok(Located { id: row.get(0)?, group: row.get(1)?, seq: row.get(2)? })
    })
}

pub fn message_insert(sql: &mut impl Sql, message: &NewMessage) -> Result<()> {
    const INSERT: Text = Text::same(
        "INSERT INTO messages
        (group_id, seq, author_id, date, id, respond_to, thread, client_id, body_hash, detail, body)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    );
    const ROOT: Text = Text::same(
        "UPDATE messages SET thread = 0 WHERE group_id = $1 AND seq = $2 AND thread IS DISTINCT FROM 0",
    );
    let NewMessage { id, group, seq, author, date, body, respond_to, thread, client_id, detail } = message;
    let client_id = client_id.as_ref().map(ClientId::as_str);
    // The hash is only compared for retries, which need a client_id.
    let hash = client_id.map(|_| digest(body, detail));
    let (hash, detail) = (hash.as_ref().map(<[u8; 32]>::as_slice), detail.stored());
    let body = body.as_str();
    let row = params![
        *group,
        *seq,
        *author,
        *date,
        *id,
        *respond_to,
        *thread,
        client_id,
        hash,
        detail.as_deref(),
        body
    ];
    sql.insert(INSERT, row, CONFLICTS)?;
    match thread {
        Some(root) => sql.change(ROOT, params![*group, *root]).map(drop),
        None => Ok(()),
    }
}

pub fn message_change(sql: &mut impl Sql, group: GroupId, seq: Seq, by: Seq) -> Result<()> {
    const CHANGE: Text = Text::same("UPDATE messages SET changed = $1 WHERE group_id = $2 AND seq = $3");
    sql.change(CHANGE, params![by, group, seq]).map(drop)
}

pub fn message_digest_set(sql: &mut impl Sql, group: GroupId, seq: Seq, digest: &[u8; 32]) -> Result<()> {
    const SET: Text = Text::same("UPDATE messages SET body_hash = $1 WHERE group_id = $2 AND seq = $3");
    sql.change(SET, params![digest.as_slice(), group, seq]).map(drop)
}

pub fn message_edit(sql: &mut impl Sql, group: GroupId, seq: Seq, body: &Body, edited: Date) -> Result<()> {
    const EDIT: Text = Text::same(
        "UPDATE messages SET body = $1, edited = $2 WHERE group_id = $3 AND seq = $4 AND body IS NOT NULL",
    );
    sql.note_erasure();
    sql.index_change(group, seq, Some(body.as_str()))?;
    sql.change(EDIT, params![body.as_str(), edited, group, seq]).map(drop)
}

pub fn message_detail_set(
    sql: &mut impl Sql,
    group: GroupId,
    seq: Seq,
    detail: &MessageDetail,
) -> Result<()> {
    sql.note_erasure();
    change_detail(sql, group, seq, None, |column| detail.replace_in(column))
}

/// Changes the `detail` of a message that is not erased, and records the number of the change, if it has one.
pub(crate) fn change_detail(
    sql: &mut impl Sql,
    group: GroupId,
    seq: Seq,
    by: Option<Seq>,
    change: impl FnOnce(&[u8]) -> Option<Vec<u8>>,
) -> Result<()> {
    const READ: Text =
        Text::same("SELECT detail FROM messages WHERE group_id = $1 AND seq = $2 AND body IS NOT NULL");
    const KEEP: Text = Text::same(
        "UPDATE messages SET detail = $1, changed = coalesce($2, changed) WHERE group_id = $3 AND seq = $4",
    );
    let read = |row: &dyn Columns| Ok(row.bytes(0)?.unwrap_or_default().to_vec());
    let Some(column) = sql.one(READ, params![group, seq], read)? else { return Ok(()) };
    let column = change(&column);
    sql.change(KEEP, params![column.as_deref(), by, group, seq]).map(drop)
}
