//! Reports of messages, as a store keeps them.

use crate::report::{MessageReport, NewReport, ReportState};
use crate::{Date, MessageId, ReportId, Result, UserId};

/// Reports, in a transaction.
///
/// **Order.** Ids ascend in the order of making. **Bound.** One of each user and message; a call reads or changes at most as many
/// as it is asked for.
pub trait Reports {
    /// A report. Of a deleted author it has no body, whatever is left of that.
    fn report(&self, id: ReportId) -> Result<Option<MessageReport>>;

    /// The report of a message by a user.
    fn report_by(&self, message: MessageId, reporter: UserId) -> Result<Option<ReportId>>;

    /// Whether there is a report of a message.
    fn is_reported(&self, message: MessageId) -> Result<bool>;

    /// Up to `limit` reports, of one state or of all, those before `before`, the newest first.
    fn reports_page(
        &self,
        state: Option<ReportState>,
        before: Option<ReportId>,
        limit: usize,
    ) -> Result<Vec<MessageReport>>;

    /// Up to `limit` reports by a user, those after `after`, the oldest first.
    fn reports_written(
        &self,
        reporter: UserId,
        after: Option<ReportId>,
        limit: usize,
    ) -> Result<Vec<MessageReport>>;

    /// Keeps an open report.
    fn report_insert(&mut self, report: &NewReport) -> Result<()>;

    /// Replaces the reason of a report.
    fn report_reason_set(&mut self, id: ReportId, reason: &str) -> Result<()>;

    /// Sets the state and the note of a report. One that is closed loses its body.
    fn report_state_set(&mut self, id: ReportId, state: ReportState, note: Option<&str>) -> Result<()>;

    /// Erases the bodies of reports of a user's messages, and the reasons that it gave, of at most `limit` reports each. Returns
    /// the greater number.
    fn reports_forget(&mut self, user: UserId, limit: usize) -> Result<usize>;

    /// Erases the bodies of reports from before a date, of at most `limit` reports. Returns their number.
    fn reports_expire(&mut self, before: Date, limit: usize) -> Result<usize>;

    /// Deletes closed reports from before a date, at most `limit` of each state. Returns their number.
    fn reports_purge(&mut self, before: Date, limit: usize) -> Result<usize>;
}
