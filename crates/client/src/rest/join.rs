//! Open groups and invites.

use serde_json::json;
use uuid::Uuid;

use super::{Rest, encode_segment};
use crate::command::NewInvite;
use crate::error::Error;
use crate::object::{Group, Invite, InvitedGroup, OpenGroup};

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
