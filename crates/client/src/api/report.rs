//! Reports of messages.

use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::error::Error;
use crate::rest::Rest;

/// A report of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageReport {
    /// Assigned by the server.
    pub id: Uuid,
    pub message: Uuid,
    pub group: Uuid,
    /// The author of the message. `None` if deleted.
    pub author: Option<String>,
    /// The user who sent the report. `None` if deleted.
    pub reporter: Option<String>,
    /// The text of the message when it was reported. Only for those who handle reports.
    #[serde(default)]
    pub body: Option<String>,
    /// The reason. `None` if the reporter is deleted.
    pub reason: Option<String>,
    /// `open`, `resolved` or `dismissed`.
    pub state: String,
    /// A note of those who handle the report.
    #[serde(default)]
    pub note: Option<String>,
    pub date: String,
}

impl Rest {
    /// Reports a message. A second report replaces the reason of the first.
    pub async fn report_message(&self, message: Uuid, reason: &str) -> Result<MessageReport, Error> {
        self.post(&format!("messages/{message}/reports/"), json!({ "reason": reason })).await
    }

    /// The reports in a state, newest first. For services and admins.
    pub async fn reports(&self, state: &str) -> Result<Vec<MessageReport>, Error> {
        self.get(&format!("reports/?state={state}")).await
    }

    /// Sets the state of a report. For services and admins.
    pub async fn set_report_state(&self, report: Uuid, state: &str) -> Result<MessageReport, Error> {
        self.patch(&format!("reports/{report}/"), json!({ "state": state })).await
    }
}
