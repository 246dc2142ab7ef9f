//! A report as sent to clients.

use chinwag_core::report::MessageReport;
use chinwag_core::{Date, Name};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::text::text;

/// A report of a message.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Report)]
#[expect(clippy::option_option, reason = "a key that is left out differs from one that is null")]
pub struct ShownReport<'a> {
    /// The id.
    id: Uuid,
    /// The message.
    message: Uuid,
    /// Its group.
    group: Uuid,
    /// The author of the message; null once it is deleted.
    #[schema(required = true)]
    author: Option<&'a str>,
    /// The user who reports; null once it is deleted.
    #[schema(required = true)]
    reporter: Option<&'a str>,
    /// The text of the message as it was reported; null once the report was closed, the author is deleted or 30 days have
    /// passed. Not in events, nor in the answer to the reporter.
    #[schema(value_type = Option<String>, required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Option<&'a str>>,
    /// The reason; null once the reporter is deleted.
    #[schema(required = true)]
    reason: Option<&'a str>,
    /// `open`, `resolved` or `dismissed`.
    state: &'static str,
    /// A note of who handles it.
    #[schema(value_type = Option<String>, required = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<Option<&'a str>>,
    /// The date, in UTC.
    #[schema(value_type = String, format = DateTime)]
    #[serde(serialize_with = "text")]
    date: Date,
}

impl<'a> ShownReport<'a> {
    /// The report as the service and admins see it.
    pub fn whole(report: &'a MessageReport) -> Self {
        Self { body: Some(report.body.as_deref()), ..Self::of_event(report) }
    }

    /// The report without the text of the message.
    pub fn of_event(report: &'a MessageReport) -> Self {
        Self { note: Some(report.note.as_deref()), ..Self::own(report) }
    }

    /// The report as its reporter sees it.
    pub fn own(report: &'a MessageReport) -> Self {
        Self {
            id: report.id.0,
            message: report.message.0,
            group: report.group.0,
            author: report.author.as_ref().map(Name::as_str),
            reporter: report.reporter.as_ref().map(Name::as_str),
            body: None,
            reason: report.reason.as_deref(),
            state: report.state.as_str(),
            note: None,
            date: report.date,
        }
    }
}
