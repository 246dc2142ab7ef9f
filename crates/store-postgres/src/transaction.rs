//! A transaction on one connection, as the files of the nouns use it.

use std::cell::Cell;
use std::collections::BTreeSet;

use chinwag_core::name::NameCase;
use chinwag_core::{Error, GroupId, Result};
use tokio_postgres::Row;

use crate::fault::{Failure, FailureKind};
use crate::lanes::Lanes;
use crate::link::{Link, Params};

/// The transaction of one job. After a failed statement, the server accepts no further ones.
pub(crate) struct Transaction<'l, 'c> {
    link: &'l Link,
    /// The statement that begins the transaction. The first statement is sent together with it.
    begin: Cell<Option<&'static str>>,
    pub(crate) name_case: NameCase,
    changed: bool,
    outwaits: bool,
    failure: Cell<Option<FailureKind>>,
    claims: Option<Claims<'c>>,
}

/// The groups on whose logs only this job writes on this node.
pub(crate) struct Claims<'c> {
    lanes: &'c Lanes,
    groups: BTreeSet<GroupId>,
    /// A group that the caller has claimed and will release itself.
    lent: Option<GroupId>,
    /// Set when the job asks too late for a claim that it must have before it begins.
    missed: Option<GroupId>,
}

impl<'l, 'c> Transaction<'l, 'c> {
    /// A read-only transaction on one snapshot.
    pub(crate) fn reading(link: &'l Link) -> Self {
        Self::new(link, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", None)
    }

    /// A serializable transaction.
    pub(crate) fn writing(link: &'l Link, claims: Claims<'c>) -> Self {
        Self::new(link, "BEGIN ISOLATION LEVEL SERIALIZABLE", Some(claims))
    }

    /// A serializable transaction that waits in a fair queue until no transaction changes a group, and blocks
    /// such changes until it ends. Its snapshot is taken after that.
    pub(crate) fn alone(link: &'l Link, claims: Claims<'c>) -> Self {
        const BEGIN: &str = "BEGIN ISOLATION LEVEL SERIALIZABLE; LOCK TABLE groups IN EXCLUSIVE MODE";
        Self::new(link, BEGIN, Some(claims))
    }

    fn new(link: &'l Link, begin: &'static str, claims: Option<Claims<'c>>) -> Self {
        let (begin, failure) = (Cell::new(Some(begin)), Cell::new(None));
        Self { link, begin, name_case: link.name_case, changed: false, outwaits: false, failure, claims }
    }

    /// The kind of the failure that ended the transaction, even if the job has ignored the error.
    pub(crate) fn failure(&self) -> Option<FailureKind> {
        self.failure.get()
    }

    /// Whether the job has changed anything.
    pub(crate) fn has_changed(&self) -> bool {
        self.changed
    }

    /// Delays the job's answer until messages that were decided before its commit are committed.
    pub(crate) fn outwait_messages(&mut self) {
        self.outwaits = true;
    }

    /// Whether the answer waits for messages.
    pub(crate) fn outwaits(&self) -> bool {
        self.outwaits
    }

    /// Whether the transaction has begun on the server.
    pub(crate) fn has_begun(&self) -> bool {
        self.begin.get().is_none()
    }

    /// The claims of the job.
    pub(crate) fn into_claims(self) -> Option<Claims<'c>> {
        self.claims
    }

    /// The first row, if any.
    pub(crate) fn one<T>(
        &self,
        sql: &'static str,
        params: Params<'_>,
        read: impl FnOnce(&Row) -> Result<T, tokio_postgres::Error>,
    ) -> Result<Option<T>> {
        let rows = self.query(sql, params).map_err(|why| self.fault(&why))?;
        rows.first().map(read).transpose().map_err(|why| self.fault(&why.into()))
    }

    /// All rows.
    pub(crate) fn all<T>(
        &self,
        sql: &'static str,
        params: Params<'_>,
        read: impl FnMut(&Row) -> Result<T, tokio_postgres::Error>,
    ) -> Result<Vec<T>> {
        let rows = self.query(sql, params).map_err(|why| self.fault(&why))?;
        rows.iter().map(read).collect::<Result<_, _>>().map_err(|why| self.fault(&why.into()))
    }

    /// Changes rows, and returns their number.
    pub(crate) fn change(&mut self, sql: &'static str, params: Params<'_>) -> Result<usize> {
        self.try_change(sql, params).map_err(|why| why.error())
    }

    /// Like [`change`](Self::change), but returns the server's own error for a refused change.
    pub(crate) fn try_change(&mut self, sql: &'static str, params: Params<'_>) -> Result<usize, Failure> {
        self.begin_alone()?;
        let count = self.with_link(sql, |link, begin| link.execute(begin, sql, params))?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }

    /// Changes a row and returns the values of its `RETURNING` clause, if there was such a row.
    pub(crate) fn change_one<T>(
        &mut self,
        sql: &'static str,
        params: Params<'_>,
        read: impl FnOnce(&Row) -> Result<T, tokio_postgres::Error>,
    ) -> Result<Option<T>> {
        self.begin_alone().map_err(|why| why.error())?;
        self.one(sql, params, read)
    }

    /// Ensures that no other job of this node assigns numbers of the group's log until this one's events are
    /// published, so that events are published in log order.
    pub(crate) fn claim(&mut self, group: GroupId) -> Result<()> {
        if self.claims.as_mut().is_none_or(|claims| claims.take(group)) {
            return Ok(());
        }
        self.failure.set(Some(FailureKind::Retry));
        Err(Error::unavailable())
    }

    /// Sends `BEGIN` before a first statement that writes. In the same batch, the write would commit on its own if only
    /// `BEGIN` fails.
    fn begin_alone(&mut self) -> Result<(), Failure> {
        self.changed = true;
        let Some(begin) = self.begin.take() else { return Ok(()) };
        self.link.batch(begin).inspect_err(|why| self.note(why))
    }

    fn query(&self, sql: &'static str, params: Params<'_>) -> Result<Vec<Row>, Failure> {
        self.with_link(sql, |link, begin| link.query(begin, sql, params))
    }

    fn with_link<T>(
        &self,
        #[cfg_attr(not(test), expect(unused_variables, reason = "tests look at the plan"))] sql: &'static str,
        ask: impl FnOnce(&Link, Option<&str>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let begin = self.begin.take();
        #[cfg(test)]
        crate::plan::check(self.link, begin, sql);
        #[cfg(test)]
        let begin = None;
        ask(self.link, begin).inspect_err(|why| self.note(why))
    }

    fn fault(&self, why: &Failure) -> Error {
        self.note(why);
        why.error()
    }

    /// Only the first failure counts; the others follow from it.
    fn note(&self, why: &Failure) {
        if self.failure.get().is_none() {
            self.failure.set(Some(why.kind()));
        }
    }
}

impl<'c> Claims<'c> {
    /// No claims yet.
    pub(crate) fn new(lanes: &'c Lanes) -> Self {
        Self { lanes, groups: BTreeSet::new(), lent: None, missed: None }
    }

    /// No claims yet except on a group that the caller has claimed and keeps.
    pub(crate) fn lent(lanes: &'c Lanes, group: GroupId) -> Self {
        let mut claims = Self::new(lanes);
        claims.lent = Some(group);
        claims
    }

    /// Claims `group` if it is free. Otherwise the job must be run again and claim the group first: a job
    /// must not wait for a claim while it holds locks on the server.
    fn take(&mut self, group: GroupId) -> bool {
        if self.lent == Some(group) {
            return true;
        }
        let taken = self.groups.contains(&group) || self.lanes.try_claim(group);
        if taken {
            self.groups.insert(group);
        } else {
            self.missed = Some(group);
        }
        taken
    }

    /// The claims for another attempt: the same, plus the one that was missed. Groups are always claimed in
    /// ascending order, which prevents deadlocks.
    pub(crate) fn again(mut self) -> Result<Self> {
        let Some(missed) = self.missed.take() else { return Ok(self) };
        let mut wanted = std::mem::take(&mut self.groups);
        self.lanes.release(&wanted);
        wanted.insert(missed);
        for group in wanted {
            if !self.lanes.claim(group) {
                return Err(Error::unavailable());
            }
            self.groups.insert(group);
        }
        Ok(self)
    }
}

impl Drop for Claims<'_> {
    fn drop(&mut self) {
        self.lanes.release(&self.groups);
    }
}

/// Converts a limit for PostgreSQL.
pub(crate) fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
