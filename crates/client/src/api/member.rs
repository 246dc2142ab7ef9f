//! Members of a group.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::group::Group;
use crate::error::Error;
use crate::rest::Rest;

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    pub name: String,
    /// `owner`, `admin`, `member` or `restrict`.
    pub role: String,
    /// The date of joining.
    pub since: String,
    /// The number of the last message read, if the user may see it.
    pub read: Option<i64>,
    /// Whether the member has not accepted yet.
    pub pending: bool,
}

/// A user who left a group or was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    pub group: Uuid,
    pub name: String,
}

impl Rest {
    /// The members of a group, ordered by role, then by the date of joining.
    pub async fn members(&self, group: Uuid) -> Result<Vec<Member>, Error> {
        self.get(&format!("groups/{group}/members/")).await
    }

    /// Leaves a group.
    pub async fn leave_group(&self, id: Uuid) -> Result<(), Error> {
        self.post::<Value>(&format!("groups/{id}/quit/"), json!({})).await.map(drop)
    }

    /// Accepts a group to which a stranger has added the user.
    pub async fn accept_group(&self, id: Uuid) -> Result<Group, Error> {
        self.post(&format!("groups/{id}/accept/"), json!({})).await
    }
}
