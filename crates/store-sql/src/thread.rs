//! Threads. The column `thread` of a reply is the number of its root. In the root itself it is 0 once it has
//! had a reply. So a page of messages shows which of them may have replies, and these are then read with the
//! index of replies.

use std::collections::{BTreeSet, HashMap};

use chinwag_core::message::Message;
use chinwag_core::store::{Edge, OutsidePart, Page};
use chinwag_core::thread::{REPLIES_COUNTED, Replies, RootState, SHOWN_REPLIERS, ThreadRoot};
use chinwag_core::{Date, GroupId, MessageId, Name, Result, Seq};

use crate::message::{complete, read};
use crate::message_date::begin;
use crate::sql::params;
use crate::{Columns, Keys, Sql, Text, gone, limit, message_columns, message_joins};

crate::implement! {
    ($) impl_threads: Threads by thread
    read {
        thread_messages(group: GroupId, root: Seq, page: &Page) -> Vec<Message>;
        messages_outside(group: GroupId, page: &Page, within: usize) -> OutsidePart;
        roots(group: GroupId, roots: &[Seq]) -> Vec<RootState>;
    }
    write {}
}

/// A query of messages that are not erased, from `m` and with a condition.
macro_rules! page {
    ($db:ident, $from:literal, $rest:expr) => {
        concat!(
            "SELECT ",
            message_columns!($db),
            " FROM ",
            $from,
            message_joins!($db),
            "WHERE m.body IS NOT NULL AND ",
            $rest
        )
    };
}

macro_rules! inside {
    ($rest:literal) => {
        Text::two(
            page!(sqlite, "messages m INDEXED BY messages_by_thread", $rest),
            page!(postgres, "messages m", $rest),
        )
    };
}

/// The condition that a message `m` is not a reply to an existing root, `top` of `message_joins!`.
macro_rules! outside {
    ($begin:literal, $end:literal) => {
        Text::two(
            page!(sqlite, "messages m", concat!($begin, " AND top.id IS NULL ", $end)),
            page!(
                postgres,
                "messages m",
                concat!($begin, " AND NOT (top.body IS NOT NULL AND NOT ", gone!(postgres "top.author_id"), ") ", $end)
            ),
        )
    };
}

pub fn thread_messages(sql: &impl Sql, group: GroupId, root: Seq, page: &Page) -> Result<Vec<Message>> {
    const BACK: Text =
        inside!("m.group_id = $1 AND m.thread = $2 AND m.seq <= $3 ORDER BY m.seq DESC LIMIT $4");
    const ON: Text = inside!("m.group_id = $1 AND m.thread = $2 AND m.seq >= $3 ORDER BY m.seq LIMIT $4");
    let (is_back, from) = begin(sql, group, page.edge)?;
    let Some(from) = from else { return Ok(Vec::new()) };
    let text = if is_back { BACK } else { ON };
    let mut messages = sql.all(text, params![group, root, from, limit(page.limit)], read)?;
    complete(sql, &mut messages)?;
    Ok(messages)
}

pub fn messages_outside(sql: &impl Sql, group: GroupId, page: &Page, within: usize) -> Result<OutsidePart> {
    const ENDS: Text = Text::same("SELECT erased_seq + 1, last_seq FROM groups WHERE id = $1");
    const BACK: Text =
        outside!("m.group_id = $1 AND m.seq >= $2 AND m.seq <= $3", "ORDER BY m.seq DESC LIMIT $4");
    const ON: Text = outside!("m.group_id = $1 AND m.seq >= $2 AND m.seq <= $3", "ORDER BY m.seq LIMIT $4");
    let nothing = OutsidePart { messages: Vec::new(), next: None };
    let ends = |row: &dyn Columns| Ok((row.get::<i64>(0)?, row.get::<i64>(1)?));
    let Some((first, last)) = sql.one(ENDS, params![group], ends)? else { return Ok(nothing) };
    let (is_back, from) = begin(sql, group, page.edge)?;
    let Some(from) = from else { return Ok(nothing) };
    let others = limit(within).saturating_sub(1);
    let (text, low, high) = if is_back {
        let high = from.min(last);
        (BACK, high.saturating_sub(others).max(first), high)
    } else {
        let low = from.max(first);
        (ON, low, low.saturating_add(others))
    };
    let mut messages = sql.all(text, params![group, low, high, limit(page.limit)], read)?;
    complete(sql, &mut messages)?;
    let rest = if is_back {
        (low > first).then_some(Edge::BeforeSeq(Seq(low)))
    } else {
        (high < last).then_some(Edge::AfterSeq(Seq(high)))
    };
    let next = rest.filter(|_| messages.len() < page.limit);
    Ok(OutsidePart { messages, next })
}

pub fn roots(sql: &impl Sql, group: GroupId, roots: &[Seq]) -> Result<Vec<RootState>> {
    // The check that it is not erased is outside, because the index of such messages does not have the number
    // as its key.
    macro_rules! find {
        ($db:ident, $key:literal) => {
            concat!(
                "SELECT part.id, part.seq FROM (SELECT id, seq, author_id, body IS NOT NULL AS stands FROM messages WHERE seq ",
                $key,
                " AND group_id = $2 LIMIT 1000) part WHERE part.stands AND NOT ",
                gone!($db "part.author_id")
            )
        };
    }
    const FIND: Text = Text::two(find!(sqlite, "= $1"), find!(postgres, "= ANY($1)"));
    let keys = Keys::Ints(roots.iter().map(|seq| seq.0).collect());
    let found =
        sql.each(FIND, &keys, params![group], |row| Ok(ThreadRoot { id: row.get(0)?, seq: row.get(1)? }))?;
    let replies = replies(sql, found.iter().map(|root| root.id))?;
    Ok(found.into_iter().map(|root| RootState { root, replies: replies.get(&root.id).cloned() }).collect())
}

/// Adds the replies to those messages whose rows show that they may have some, with one statement for all. A
/// part of a log may contain a message several times.
pub(crate) fn fill_replies(sql: &impl Sql, messages: &mut [&mut Message]) -> Result<()> {
    let roots = || messages.iter().filter(|message| message.replies.is_some());
    if roots().next().is_none() {
        return Ok(());
    }
    let found = replies(sql, roots().map(|message| message.id))?;
    for message in messages {
        message.replies = found.get(&message.id).cloned();
    }
    Ok(())
}

/// The authors of the replies to roots, by the roots' ids: the newest first, each with the date of its newest
/// reply and the total number of replies. At most `$2` replies of each root are counted, and at most `$3`
/// authors named.
pub const REPLIES: Text = Text::two(
    concat!(
        "SELECT part.id, u.name, part.date, part.total FROM (
            SELECT near.id, near.seq, near.author_id, near.date, count(*) OVER () AS total,
                row_number() OVER (PARTITION BY near.author_id ORDER BY near.seq DESC) AS nth
            FROM (SELECT r.id, x.seq, x.author_id, x.date FROM messages r
                CROSS JOIN messages x INDEXED BY messages_by_thread ON x.group_id = r.group_id AND x.thread = r.seq
                WHERE r.id = $1 AND x.body IS NOT NULL AND NOT ",
        gone!(sqlite "x.author_id"),
        " ORDER BY x.seq DESC LIMIT $2) near
        ) part CROSS JOIN users u ON u.id = part.author_id
        WHERE part.nth = 1 ORDER BY part.seq DESC LIMIT $3"
    ),
    concat!(
        "SELECT f.id, f.name, f.date, f.total FROM unnest($1::uuid[]) o (id)
        CROSS JOIN LATERAL (SELECT group_id, seq FROM messages WHERE id = o.id OFFSET 0) r
        CROSS JOIN LATERAL (
            SELECT o.id, u.name, k.date, k.total, k.seq FROM (
                SELECT n.*, count(*) OVER () AS total,
                    row_number() OVER (PARTITION BY n.author_id ORDER BY n.seq DESC) AS nth
                FROM (SELECT x.seq, x.author_id, x.date FROM messages x
                    WHERE x.group_id = r.group_id AND x.thread = r.seq AND x.body IS NOT NULL AND NOT ",
        gone!(postgres "x.author_id"),
        " ORDER BY x.seq DESC LIMIT $2) n
            ) k JOIN users u ON u.id = k.author_id
            WHERE k.nth = 1 ORDER BY k.seq DESC LIMIT $3
        ) f ORDER BY f.seq DESC"
    ),
);

/// The replies to these messages, by message id.
fn replies(sql: &impl Sql, roots: impl Iterator<Item = MessageId>) -> Result<HashMap<MessageId, Replies>> {
    let roots: BTreeSet<_> = roots.map(|id| id.0).collect();
    let keys = Keys::Ids(roots.into_iter().collect());
    let bounds = params![i64::from(REPLIES_COUNTED), limit(SHOWN_REPLIERS)];
    let read = |row: &dyn Columns| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
    Ok(by_root(sql.each(REPLIES, &keys, bounds, read)?))
}

/// Collects the replies from rows of [`REPLIES`].
pub fn by_root(rows: Vec<(MessageId, Name, Date, i64)>) -> HashMap<MessageId, Replies> {
    let mut found = HashMap::new();
    for (root, name, last, count) in rows {
        let count = u32::try_from(count).unwrap_or(REPLIES_COUNTED);
        found.entry(root).or_insert_with(|| Replies { count, last, names: Vec::new() }).names.push(name);
    }
    found
}
