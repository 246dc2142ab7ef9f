//! Reads the tables of the original service, a Django application, for an import.
//!
//! All reads are in one read-only transaction and see one snapshot, so the service may keep running. Rows are
//! read with cursors in pages, which bounds the memory.

mod rows;

use std::collections::VecDeque;
use std::time::Duration;

use chinwag_core::Date;
use chinwag_core::app::import::{SourceGroup, SourceMark, SourceMessage, SourceRelations, SourceUser};
use chinwag_store_sql::transfer::Fault;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::address::Target;
use crate::fault::Failure;
use crate::link::Link;
use crate::open::{OpenError, Options};

/// Rows per page.
const PAGE: usize = 1000;
/// Statement timeout. Messages are sorted in one statement.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(24 * 3600);
/// Use the server's default planner settings, because tables are read completely. Allow long pauses between
/// pages.
const SESSION: &str = "RESET ALL; SET idle_in_transaction_session_timeout = 0; SET jit = off;
    SET client_min_messages = warning; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// The database of an original service.
pub struct DjangoSource {
    link: Link,
    name: String,
}

/// The number of objects of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub users: u64,
    /// Pairs of users between whom there is a relation.
    pub relations: u64,
    pub groups: u64,
    /// Pairs of a group and a member.
    pub memberships: u64,
    pub messages: u64,
    pub marks: u64,
}

/// Pages of one kind of object. Only one kind can be read at a time.
pub struct Pages<'s, T> {
    source: &'s DjangoSource,
    read: fn(&Row) -> Result<T, tokio_postgres::Error>,
}

pub struct GroupPages<'s> {
    rows: Pages<'s, (Uuid, String, Option<rows::Member>)>,
    waiting: VecDeque<SourceGroup>,
    ended: bool,
}

/// Opens the database at `url`. Blocks.
pub fn source(url: &str) -> Result<DjangoSource, OpenError> {
    let options = Options { statement: STATEMENT_TIMEOUT, ..Options::default() };
    let target = Target::parse(url, &options)?;
    let link = Link::open_any(&target).map_err(|why| why.into_open_error(&target))?;
    let source = DjangoSource { link, name: target.database() };
    let failed = |why: Failure| OpenError::Other { at: target.at(), why: source.fault(&why).to_string() };
    source.link.batch(SESSION).map_err(failed)?;
    Ok(source)
}

impl DjangoSource {
    pub fn counts(&self) -> Result<Counts, Fault> {
        let rows = self.link.wait(self.link.client().query(rows::COUNTS, &[]));
        let rows = rows.map_err(|why| self.fault(&why))?;
        let count =
            |at| rows.first().and_then(|row| row.try_get::<_, i64>(at).ok()).unwrap_or(0).unsigned_abs();
        Ok(Counts {
            users: count(0),
            relations: count(1),
            groups: count(2),
            memberships: count(3),
            messages: count(4),
            marks: count(5),
        })
    }

    /// The number of messages before a date.
    pub fn messages_before(&self, date: Date) -> Result<u64, Fault> {
        self.count(rows::MESSAGES_BEFORE, date.micros())
    }

    /// The number of messages whose bodies exceed a number of characters.
    pub fn messages_longer_than(&self, characters: usize) -> Result<u64, Fault> {
        self.count(rows::MESSAGES_LONGER_THAN, i64::try_from(characters).unwrap_or(i64::MAX))
    }

    /// All users, ordered by id.
    pub fn users(&self) -> Result<Pages<'_, SourceUser>, Fault> {
        self.open(rows::USERS, rows::user)
    }

    /// All relations, one entry per pair of users.
    pub fn relations(&self) -> Result<Pages<'_, SourceRelations>, Fault> {
        self.open(rows::RELATIONS, rows::relations)
    }

    /// All groups with their members, ordered by id.
    pub fn groups(&self) -> Result<GroupPages<'_>, Fault> {
        let rows = self.open(rows::GROUPS, rows::group)?;
        Ok(GroupPages { rows, waiting: VecDeque::new(), ended: false })
    }

    /// All messages. Those of a group are ordered by date, then by id. Private groups of the same two users
    /// count as one group.
    pub fn messages(&self) -> Result<Pages<'_, SourceMessage>, Fault> {
        self.open(rows::MESSAGES, rows::message)
    }

    /// The ids of all messages, in no particular order.
    pub fn message_ids(&self) -> Result<Pages<'_, Uuid>, Fault> {
        self.open("SELECT id FROM chat_message", |row| row.try_get(0))
    }

    /// All read marks.
    pub fn marks(&self) -> Result<Pages<'_, SourceMark>, Fault> {
        self.open(rows::MARKS, rows::mark)
    }

    fn count(&self, sql: &str, bound: i64) -> Result<u64, Fault> {
        let rows = self.link.wait(self.link.client().query(sql, &[&bound]));
        let rows = rows.map_err(|why| self.fault(&why))?;
        Ok(rows.first().and_then(|row| row.try_get::<_, i64>(0).ok()).unwrap_or(0).unsigned_abs())
    }

    fn open<T>(
        &self,
        sql: &str,
        read: fn(&Row) -> Result<T, tokio_postgres::Error>,
    ) -> Result<Pages<'_, T>, Fault> {
        let declare = format!("CLOSE ALL; DECLARE pages NO SCROLL CURSOR FOR {sql}");
        self.link.batch(&declare).map_err(|why| self.fault(&why))?;
        Ok(Pages { source: self, read })
    }

    fn fault(&self, why: &Failure) -> Fault {
        let name = &self.name;
        let missing = why.code().is_some_and(|code| ["42P01", "42703"].contains(&code.code()));
        if missing {
            return format!("the database {name} does not have the tables of the original service ({why}): name its own database, and its schema if need be with ?options=-csearch_path%3D…").into();
        }
        if why.code().is_some_and(|code| code.code() == "42501") {
            return format!(
                "the tables of the database {name} may not be read ({why}): grant SELECT on them"
            )
            .into();
        }
        format!(
            "the database {name} cannot be read ({why}): run this again, and it continues where it stopped"
        )
        .into()
    }
}

impl<T> Pages<'_, T> {
    /// The next page. Empty after the last one.
    pub fn next_page(&mut self) -> Result<Vec<T>, Fault> {
        let link = &self.source.link;
        let fetch = format!("FETCH {PAGE} FROM pages");
        let rows = link.wait(link.client().query(&fetch, &[])).map_err(|why| self.source.fault(&why))?;
        let read = rows.iter().map(self.read).collect::<Result<_, _>>();
        read.map_err(|why| self.source.fault(&why.into()))
    }
}

impl GroupPages<'_> {
    /// The next page, which contains only complete groups. Empty after the last one.
    pub fn next_page(&mut self) -> Result<Vec<SourceGroup>, Fault> {
        while !self.ended && self.waiting.len() < 2 {
            let rows = self.rows.next_page()?;
            self.ended = rows.is_empty();
            for (id, name, member) in rows {
                if self.waiting.back().is_none_or(|group| group.id != id) {
                    self.waiting.push_back(SourceGroup { id, name, ..SourceGroup::default() });
                }
                if let (Some(group), Some(member)) = (self.waiting.back_mut(), member) {
                    group.members.push(member);
                }
            }
        }
        // More members of the last group may follow.
        let whole = self.waiting.len() - usize::from(!self.ended);
        Ok(self.waiting.drain(..whole).collect())
    }
}
