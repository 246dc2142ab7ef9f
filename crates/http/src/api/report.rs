//! Reports of messages: the payloads, and the routes `messages/<id>/reports/` and `reports/`.

use chinwag_core::app::report::{ChangeReport, MakeReport};
use chinwag_core::app::{App, Context};
use chinwag_core::limits::REPORT_CHARS;
use chinwag_core::profile::FieldUpdate;
use chinwag_core::report::{MessageReport, ReportState, ReportText};
use chinwag_core::{Error, MessageId, Name, ReportId};
use serde_json::{Value as Schema, json};

use crate::extract::path::ById;
use crate::extract::query::Query;
use crate::rest::list::{self, ListSource, Rows};
use crate::rest::prelude::*;
use crate::wire::input::fields::Fields;
use crate::wire::input::payload::{KeyValue, RestPayload, payload};
use crate::wire::key::Need;
use crate::wire::report::ShownReport;

pub(crate) const REST: &[RestPayload] = &[NewReport::REST, ReportPatch::REST];

payload! {
    /// A report of a message.
    pub struct NewReport {
        /// The user who reports. A user's own name may be left out.
        author [rest_only()]: Option<Name>,
        /// The reason: 1 to 1,000 characters.
        reason: ReportText,
    }
}

payload! {
    /// Changes of a report.
    pub struct ReportPatch {
        /// `open`, `resolved` or `dismissed`. The report's copy of the message's text is deleted when the report is
        /// closed.
        state [one_of()]: Option<ReportState>,
        /// A note of 1 to 1,000 characters, or null for none.
        note [one_of_or_null()]: FieldUpdate<ReportText>,
    }
}

fn schema_of_text() -> Schema {
    json!({"type": "string", "minLength": 1, "maxLength": REPORT_CHARS})
}

fn state_of(text: &str) -> std::result::Result<ReportState, &'static str> {
    ReportState::parse(text).ok_or("must be open, resolved or dismissed")
}

impl KeyValue for ReportText {
    const NEED: Need = Need::Required;

    fn schema() -> Schema {
        schema_of_text()
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        let text = fields.text(key)?;
        fields.parsed(key, Self::parse(&text))
    }
}

impl KeyValue for FieldUpdate<ReportText> {
    const NEED: Need = Need::Optional;

    fn schema() -> Schema {
        schema_of_text()
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        Some(fields.text_update(key, ReportText::parse))
    }
}

impl KeyValue for Option<ReportState> {
    const NEED: Need = Need::NotNull;

    fn schema() -> Schema {
        json!({"type": "string", "enum": ReportState::ALL.map(ReportState::as_str)})
    }

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        let text = fields.filled_text(key);
        Some(text.and_then(|text| fields.parsed(key, state_of(&text))))
    }
}

/// Reports a message that the caller may read.
///
/// A second report by the same user replaces the reason of the first.
#[utoipa::path(
    post, path = "/api/v1/messages/{id}/reports/", tag = "messages", operation_id = "report_create",
    params(("id" = Uuid, Path, description = "The message's id.")),
    request_body = NewReport,
    responses(
        (status = 200, description = "The report with its new reason.", body = ShownReport<'static>),
        (status = 201, description = "The new report.", body = ShownReport<'static>),
        Refusals,
    ),
)]
pub(crate) async fn create(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(message): ById<MessageId>,
    payload: Payload,
) -> Result<Response> {
    let make = |NewReport { author, reason }: NewReport| MakeReport { author, message, reason };
    let command = payload.fields()?.command(|new, _| Some(make(new)))?;
    let (report, is_new) = state.app.report_create(&context, command).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(json(status, &ShownReport::own(&report)))
}

/// Lists reports, newest first.
///
/// For services and admins.
#[utoipa::path(
    get, path = "/api/v1/reports/", tag = "service", operation_id = "report_list",
    params(
        ("state" = Option<String>, Query, description = "Only reports in this state: `open`, `resolved` or `dismissed`."),
        list::ListPages,
    ),
    responses((status = 200, description = "The reports.", body = Vec<ShownReport<'static>>), Refusals),
)]
pub(crate) async fn list(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    query: Query,
) -> Result<Response> {
    let of = query.state()?.map(state_of).transpose().map_err(|why| Error::field("state", why))?;
    let source = ReportList { app: state.app.clone(), context, state: of };
    Ok(list::answer(&state, source, query).await?)
}

/// Changes the state of a report, or its note.
///
/// For services and admins.
#[utoipa::path(
    patch, path = "/api/v1/reports/{id}/", tag = "service", operation_id = "report_update",
    params(("id" = Uuid, Path, description = "The report's id.")),
    request_body = ReportPatch,
    responses((status = 200, description = "The current report.", body = ShownReport<'static>), Refusals),
)]
pub(crate) async fn update(
    State(state): State<Arc<ServerState>>,
    CallerContext(context): CallerContext,
    ById(id): ById<ReportId>,
    payload: Payload,
) -> Result<Response> {
    let change = |ReportPatch { state, note }: ReportPatch| ChangeReport { id, state, note };
    let command = payload.fields()?.command(|patch, _| Some(change(patch)))?;
    let report = state.app.report_change(&context, command).await?;
    Ok(json(StatusCode::OK, &ShownReport::whole(&report)))
}

/// The source of a list of reports. `state`: only those in this state.
struct ReportList {
    app: App,
    context: Context,
    state: Option<ReportState>,
}

impl ListSource for ReportList {
    const NAME: &str = "reports";
    const PART: usize = 200;
    type Place = ReportId;

    async fn rows(
        &self,
        after: Option<ReportId>,
        limit: usize,
    ) -> std::result::Result<Rows<ReportId>, Error> {
        let page = self.app.reports(&self.context, self.state, after, limit).await?;
        let row = |report: &MessageReport| {
            let json = serde_json::to_vec(&ShownReport::whole(report)).map_err(Error::internal)?;
            Ok((report.id, Some(json)))
        };
        page.iter().map(row).collect()
    }
}
