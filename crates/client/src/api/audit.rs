//! The audit log.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::Error;
use crate::rest::{Rest, encode_segment};

/// An entry of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Assigned by the server.
    pub id: Uuid,
    pub date: String,
    /// The name of a user, `service`, or `command line`. `None` for a failed sign-in.
    pub actor: Option<String>,
    /// The action, such as `user.suspend`.
    pub action: String,
    /// The name of a user, or the id of a group, webhook, report, message, key or hook.
    pub target: Option<String>,
    /// The address that sent the request.
    pub address: Option<String>,
    /// Further details.
    pub detail: Option<String>,
}

impl Rest {
    /// The newest entries of the audit log, at most 1,000; with a `target`, only those with this target. For
    /// services and admins.
    pub async fn audit(&self, target: Option<&str>) -> Result<Vec<AuditEntry>, Error> {
        let filter = target.map(|target| format!("&target={}", encode_segment(target))).unwrap_or_default();
        self.get(&format!("audit/?limit=1000{filter}")).await
    }
}
