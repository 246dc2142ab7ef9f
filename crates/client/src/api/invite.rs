//! Open groups and invites.

use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::group::Group;
use crate::error::Error;
use crate::rest::{Rest, encode_segment};

/// A group that anyone may join, as users see it who are not in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenGroup {
    /// Given by the server.
    pub id: Uuid,
    /// The rest.
    #[serde(flatten)]
    pub shown: InvitedGroup,
}

/// A group, as it is shown to somebody who may join it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitedGroup {
    /// The name.
    pub name: String,
    /// The description.
    pub description: Option<String>,
    /// The address of a picture; of an uploaded image its path on the server.
    pub avatar: Option<String>,
    /// The number of users in it.
    pub members_count: u64,
}

/// A code with which anyone joins a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invite {
    /// The code.
    pub code: String,
    /// Until when it is good.
    pub expires: String,
    /// The number of users who may still join with it; none for any number.
    pub uses: Option<u32>,
}

/// An invite to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct NewInvite {
    /// The number of users who may join with it, 1 to 10,000; none for any number.
    pub uses: Option<u32>,
    /// The seconds that it lasts; 7 days if it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u64>,
}

impl Default for NewInvite {
    /// For one user, and for 7 days.
    fn default() -> Self {
        Self { uses: Some(1), ttl: None }
    }
}

impl Rest {
    /// The groups that anyone may join and whose names begin so, in any spelling.
    pub async fn open_groups(&self, prefix: &str) -> Result<Vec<OpenGroup>, Error> {
        self.get(&format!("groups/?open=true&q={}", encode_segment(prefix))).await
    }

    /// Joins an open group.
    pub async fn join_group(&self, id: Uuid) -> Result<Group, Error> {
        self.post(&format!("groups/{id}/join/"), json!({})).await
    }

    /// Makes a code with which anyone joins a group.
    pub async fn create_invite(&self, group: Uuid, invite: &NewInvite) -> Result<Invite, Error> {
        self.post(&format!("groups/{group}/invites/"), invite).await
    }

    /// The invites of a group that are good, the newest first.
    pub async fn invites(&self, group: Uuid) -> Result<Vec<Invite>, Error> {
        self.get(&format!("groups/{group}/invites/")).await
    }

    /// Ends an invite of a group.
    pub async fn end_invite(&self, group: Uuid, code: &str) -> Result<(), Error> {
        self.delete(&format!("groups/{group}/invites/{}/", encode_segment(code))).await
    }

    /// The group to which a code leads.
    pub async fn invited_group(&self, code: &str) -> Result<InvitedGroup, Error> {
        self.get(&format!("invites/{}/", encode_segment(code))).await
    }

    /// Joins a group with a code.
    pub async fn use_invite(&self, code: &str) -> Result<Group, Error> {
        self.post(&format!("invites/{}/", encode_segment(code)), json!({})).await
    }
}
