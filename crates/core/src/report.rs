//! Reports of messages, which admins of the server handle.

use std::sync::Arc;

use crate::limits::REPORT_CHARS;
use crate::text::trimmed;
use crate::{Date, GroupId, MessageId, Name, ReportId, UserId};

/// How long the text of a reported message is kept: 30 days.
pub const REPORTED_TEXT: std::time::Duration = std::time::Duration::from_secs(30 * 24 * 3600);

/// How long a closed report is kept: one year after its creation.
pub const CLOSED_REPORTS: std::time::Duration = std::time::Duration::from_secs(365 * 24 * 3600);

/// The state of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportState {
    Open,
    /// Closed after action was taken.
    Resolved,
    /// Closed because no action was needed.
    Dismissed,
}

impl ReportState {
    pub const ALL: [Self; 3] = [Self::Open, Self::Resolved, Self::Dismissed];

    /// The wire form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Resolved => "resolved",
            Self::Dismissed => "dismissed",
        }
    }

    /// Parses the wire form.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// A report of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageReport {
    pub id: ReportId,
    pub message: MessageId,
    pub group: GroupId,
    /// The author of the message. None if deleted.
    pub author: Option<Name>,
    /// The user who reported the message. None if deleted.
    pub reporter: Option<Name>,
    /// The text at the time of the report. None if the report is closed, the author is deleted, or 30 days
    /// have passed.
    pub body: Option<Arc<str>>,
    /// None if the reporter is deleted.
    pub reason: Option<Arc<str>>,
    pub state: ReportState,
    /// A note by the person who handles the report.
    pub note: Option<Arc<str>>,
    pub date: Date,
}

impl MessageReport {
    /// The report as shown at `now`, without its text if that is too old.
    #[must_use]
    pub(crate) fn shown_at(mut self, now: Date) -> Self {
        if self.date.plus(REPORTED_TEXT) <= now {
            self.body = None;
        }
        self
    }
}

/// A report to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReport {
    pub id: ReportId,
    pub message: MessageId,
    pub group: GroupId,
    pub author: UserId,
    pub reporter: UserId,
    pub body: Arc<str>,
    pub reason: Arc<str>,
    pub date: Date,
}

/// The text of a reason or a note: 1 to 1,000 characters, trimmed, at least one of them visible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportText(Arc<str>);

impl ReportText {
    /// Parses a text. The error completes a sentence that begins with the field's name.
    pub fn parse(text: &str) -> Result<Self, String> {
        trimmed(text, REPORT_CHARS, "must contain a visible character").map(Self)
    }

    pub fn into_text(self) -> Arc<str> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_visible_and_bounded() {
        assert_eq!(ReportText::parse(" spam\n").map(ReportText::into_text), Ok("spam".into()));
        assert!(ReportText::parse(&"é".repeat(1000)).is_ok());
        for text in ["", " \n", "\u{200b}", &"é".repeat(1001)] {
            assert!(ReportText::parse(text).is_err(), "{text:?}");
        }
    }
}
