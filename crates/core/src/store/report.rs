//! Reports of messages in the store.

use crate::report::{MessageReport, NewReport, ReportState};
use crate::{Date, MessageId, ReportId, Result, UserId};

/// Reports, in a transaction.
///
/// **Order.** Ids ascend in the order of creation. **Bound.** One report per user and message. A call reads
/// or changes at most `limit` rows.
pub trait Reports {
    /// A report. It has no body if the author is deleted, even if the body is not erased yet.
    fn report(&self, id: ReportId) -> Result<Option<MessageReport>>;

    /// The id of a user's report of a message.
    fn report_by(&self, message: MessageId, reporter: UserId) -> Result<Option<ReportId>>;

    /// Whether a message has a report.
    fn is_reported(&self, message: MessageId) -> Result<bool>;

    /// Up to `limit` reports before `before`, newest first; only those in `state`, if given.
    fn reports_page(
        &self,
        state: Option<ReportState>,
        before: Option<ReportId>,
        limit: usize,
    ) -> Result<Vec<MessageReport>>;

    /// Up to `limit` reports by a user after `after`, oldest first.
    fn reports_written(
        &self,
        reporter: UserId,
        after: Option<ReportId>,
        limit: usize,
    ) -> Result<Vec<MessageReport>>;

    /// Stores a new report, in the state open.
    fn report_insert(&mut self, report: &NewReport) -> Result<()>;

    /// Replaces the reason of a report.
    fn report_reason_set(&mut self, id: ReportId, reason: &str) -> Result<()>;

    /// Sets the state and the note of a report. Closing a report erases its body.
    fn report_state_set(&mut self, id: ReportId, state: ReportState, note: Option<&str>) -> Result<()>;

    /// Erases the bodies of reports of a user's messages, and the reasons of the reports that the user made,
    /// each in at most `limit` reports. Returns the greater of the two numbers.
    fn reports_forget(&mut self, user: UserId, limit: usize) -> Result<usize>;

    /// Erases the bodies of at most `limit` reports older than `before`. Returns their number.
    fn reports_expire(&mut self, before: Date, limit: usize) -> Result<usize>;

    /// Deletes closed reports older than `before`, at most `limit` of each state. Returns their number.
    fn reports_purge(&mut self, before: Date, limit: usize) -> Result<usize>;
}
