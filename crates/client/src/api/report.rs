//! Reports of messages.

use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::error::Error;
use crate::rest::Rest;

/// A report of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageReport {
    /// Given by the server.
    pub id: Uuid,
    /// The message.
    pub message: Uuid,
    /// Its group.
    pub group: Uuid,
    /// The author of the message; none once it is deleted.
    pub author: Option<String>,
    /// The user who reports; none once it is deleted.
    pub reporter: Option<String>,
    /// The text of the message as it was reported, for those who handle reports.
    #[serde(default)]
    pub body: Option<String>,
    /// The reason; none once the reporter is deleted.
    pub reason: Option<String>,
    /// `open`, `resolved` or `dismissed`.
    pub state: String,
    /// A note of who handles it.
    #[serde(default)]
    pub note: Option<String>,
    /// The date.
    pub date: String,
}

impl Rest {
    /// Reports a message. Another reason replaces the first.
    pub async fn report_message(&self, message: Uuid, reason: &str) -> Result<MessageReport, Error> {
        self.post(&format!("messages/{message}/reports/"), json!({ "reason": reason })).await
    }

    /// The reports in a state, the newest first. For services and admins.
    pub async fn reports(&self, state: &str) -> Result<Vec<MessageReport>, Error> {
        self.get(&format!("reports/?state={state}")).await
    }

    /// Sets the state of a report. For services and admins.
    pub async fn set_report_state(&self, report: Uuid, state: &str) -> Result<MessageReport, Error> {
        self.patch(&format!("reports/{report}/"), json!({ "state": state })).await
    }
}
