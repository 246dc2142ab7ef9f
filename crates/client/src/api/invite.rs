//! Open groups and invites.

use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::group::Group;
use crate::error::Error;
use crate::rest::{Rest, encode_segment};

/// An open group, as a user who is not a member sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenGroup {
    /// Assigned by the server.
    pub id: Uuid,
    #[serde(flatten)]
    pub shown: InvitedGroup,
}

/// The part of a group that is visible to users who may join it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitedGroup {
    pub name: String,
    pub description: Option<String>,
    /// The address of the picture. For an uploaded image, a path on the server.
    pub avatar: Option<String>,
    /// The number of members of all roles.
    pub members_count: u64,
}

/// A code with which anyone can join a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invite {
    pub code: String,
    /// When it expires.
    pub expires: String,
    /// The number of users who can still join with it. `None` for any number.
    pub uses: Option<u32>,
}

/// An invite to create.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct NewInvite {
    /// The number of users who can join with it, 1 to 10,000. `None` for any number.
    pub uses: Option<u32>,
    /// Its lifetime in seconds. The default is 7 days.
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
    /// The open groups whose names start with `prefix`, ignoring case, accents and width.
    pub async fn open_groups(&self, prefix: &str) -> Result<Vec<OpenGroup>, Error> {
        self.get(&format!("groups/?open=true&q={}", encode_segment(prefix))).await
    }

    /// Joins an open group.
    pub async fn join_group(&self, id: Uuid) -> Result<Group, Error> {
        self.post(&format!("groups/{id}/join/"), json!({})).await
    }

    /// Creates a code with which anyone can join a group.
    pub async fn create_invite(&self, group: Uuid, invite: &NewInvite) -> Result<Invite, Error> {
        self.post(&format!("groups/{group}/invites/"), invite).await
    }

    /// The valid invites of a group, newest first.
    pub async fn invites(&self, group: Uuid) -> Result<Vec<Invite>, Error> {
        self.get(&format!("groups/{group}/invites/")).await
    }

    /// Deletes an invite of a group.
    pub async fn end_invite(&self, group: Uuid, code: &str) -> Result<(), Error> {
        self.delete(&format!("groups/{group}/invites/{}/", encode_segment(code))).await
    }

    /// The group of an invite's code.
    pub async fn invited_group(&self, code: &str) -> Result<InvitedGroup, Error> {
        self.get(&format!("invites/{}/", encode_segment(code))).await
    }

    /// Joins the group of an invite's code.
    pub async fn use_invite(&self, code: &str) -> Result<Group, Error> {
        self.post(&format!("invites/{}/", encode_segment(code)), json!({})).await
    }
}
