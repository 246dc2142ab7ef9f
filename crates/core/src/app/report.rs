//! Reports: users report messages that they can read, and admins of the server read and close reports.

use super::actor::require_actor;
use super::feed::report_row;
use super::message::visible_message;
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
    /// The user who reports. Users may omit it.
    pub author: Option<Name>,
    pub message: MessageId,
    pub reason: ReportText,
}

/// Changes a report.
#[derive(Debug, Clone)]
pub struct ChangeReport {
    pub id: ReportId,
    /// The new state. None to keep the current one.
    pub state: Option<ReportState>,
    pub note: FieldUpdate<ReportText>,
}

impl App {
    /// Reports a message. If the same user reports it again, the new reason replaces the old one. Returns the
    /// report, and whether it is new. The note is not shown to the reporter.
    pub async fn report_create(
        &self,
        context: &Context,
        command: MakeReport,
    ) -> Result<(MessageReport, bool)> {
        self.write(Growth::Adds, context, command, create).await
    }

    /// Up to `limit` reports before `before`, newest first; only those in `state`, if given.
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

    /// Changes the state or the note of a report. Closing a report permanently removes the text of the
    /// message.
    pub async fn report_change(&self, context: &Context, command: ChangeReport) -> Result<MessageReport> {
        self.write(Growth::Bounded, context, command, change).await
    }
}

fn create(unit: &mut Unit, command: &MakeReport) -> Result<(MessageReport, bool)> {
    let message = visible_message(unit.tx, unit.caller, command.message)?;
    let reporter = require_actor(unit.tx, unit.caller, command.author.as_ref())?;
    // A service may report only messages that the reporter can read.
    visible_message(unit.tx, Caller::User(reporter.id), command.message)
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

/// Records the change of a report in the feed, if the feed is on. Returns the current report.
fn note(unit: &mut Unit, kind: FeedKind, id: ReportId) -> Result<MessageReport> {
    let now = unit.now();
    let report = unit.tx.report(id)?.ok_or(MISSING)?.shown_at(now);
    if unit.tx.feed_is_on()? {
        unit.tx.feed_insert(&report_row(kind, &report, now))?;
    }
    Ok(report)
}
