//! Reports: a user reports a message that it may read; admins of the server read and close reports.

use super::actor::someone;
use super::feed::report_row;
use super::message::seen;
use super::suspension::govern;
use super::{App, Context, Growth, Unit};
use crate::audit::AuditAction;
use crate::authority::Govern;
use crate::feed::FeedKind;
use crate::profile::FieldUpdate;
use crate::report::{MessageReport, NewReport, ReportState, ReportText};
use crate::user::Caller;
use crate::{Error, MessageId, Name, ReportId, Result};

const MISSING: Error = Error::NotFound("report");

/// Reports a message.
#[derive(Debug, Clone)]
pub struct MakeReport {
    /// The user who reports. A user may omit its own name.
    pub author: Option<Name>,
    pub message: MessageId,
    pub reason: ReportText,
}

/// Changes a report.
#[derive(Debug, Clone)]
pub struct ChangeReport {
    pub id: ReportId,
    /// The state; none: as it is.
    pub state: Option<ReportState>,
    pub note: FieldUpdate<ReportText>,
}

impl App {
    /// Reports a message; a second time the same user replaces its reason. Returns the report, and whether it is new. The
    /// reporter does not see the note.
    pub async fn report_create(
        &self,
        context: &Context,
        command: MakeReport,
    ) -> Result<(MessageReport, bool)> {
        self.write(Growth::Adds, context, command, create).await
    }

    /// Up to `limit` reports, of one state or of all, those before `before`, the newest first.
    pub async fn reports(
        &self,
        context: &Context,
        state: Option<ReportState>,
        before: Option<ReportId>,
        limit: usize,
    ) -> Result<Vec<MessageReport>> {
        let now = self.clock().now();
        self.read(context, (state, before, limit, now), |tx, caller, (state, before, limit, now)| {
            govern(tx, caller, Govern::HandleReports)?;
            let page = tx.reports_page(*state, *before, *limit)?;
            Ok(page.into_iter().map(|report| report.shown_at(*now)).collect())
        })
        .await
    }

    /// Changes the state or the note of a report. One that is closed loses the text of its message for good.
    pub async fn report_change(&self, context: &Context, command: ChangeReport) -> Result<MessageReport> {
        self.write(Growth::Bounded, context, command, change).await
    }
}

fn create(unit: &mut Unit, command: &MakeReport) -> Result<(MessageReport, bool)> {
    let message = seen(unit.tx, unit.caller, command.message)?;
    let reporter = someone(unit.tx, unit.caller, command.author.as_ref())?;
    // The service reports for a user what that user may read.
    seen(unit.tx, Caller::User(reporter.id), command.message)
        .map_err(|_| Error::forbidden("the user may not read this message"))?;
    let reason = command.reason.clone().into_text();
    let (id, is_new) = if let Some(id) = unit.tx.report_by(message.id, reporter.id)? {
        unit.tx.report_reason_set(id, &reason)?;
        unit.audit_with(AuditAction::ReportCreate, id, "another reason")?;
        (id, false)
    } else {
        let id = ReportId::new(&*unit.rules.clock);
        let (group, author, body) = (message.group, message.author, message.body.clone());
        let (reporter, date) = (reporter.id, unit.now());
        let report = NewReport { id, message: message.id, group, author, reporter, body, reason, date };
        unit.tx.report_insert(&report)?;
        unit.audit(AuditAction::ReportCreate, id)?;
        (id, true)
    };
    let kind = if is_new { FeedKind::ReportCreate } else { FeedKind::ReportUpdate };
    note(unit, kind, id).map(|report| (report, is_new))
}

fn change(unit: &mut Unit, command: &ChangeReport) -> Result<MessageReport> {
    govern(unit.tx, unit.caller, Govern::HandleReports)?;
    let before = unit.tx.report(command.id)?.ok_or(MISSING)?;
    let state = command.state.unwrap_or(before.state);
    let written = command.note.clone().map(ReportText::into_text).after(before.note.clone());
    if state == before.state && written == before.note {
        return Ok(before.shown_at(unit.now()));
    }
    unit.tx.report_state_set(command.id, state, written.as_deref())?;
    unit.audit_with(AuditAction::ReportUpdate, command.id, state.as_str())?;
    note(unit, FeedKind::ReportUpdate, command.id)
}

/// Notes the change of a report in the feed, if that is on. Returns the report as it stands.
fn note(unit: &mut Unit, kind: FeedKind, id: ReportId) -> Result<MessageReport> {
    let now = unit.now();
    let report = unit.tx.report(id)?.ok_or(MISSING)?.shown_at(now);
    if unit.tx.feed_is_on()? {
        unit.tx.feed_insert(&report_row(kind, &report, now))?;
    }
    Ok(report)
}
