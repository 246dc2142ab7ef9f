//! The JSON payload of a push notification.

use chinwag_core::Name;
use chinwag_core::feed::NotifiedUser;
use chinwag_core::push::PushPayload;
use serde::Serialize;
use uuid::Uuid;

/// The payload. Parts that the operator withholds are omitted.
#[derive(Serialize)]
struct PushData<'a> {
    group: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    message: Uuid,
    seq: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unread: Option<u32>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    cut: bool,
}

impl<'a> From<&'a PushPayload> for PushData<'a> {
    fn from(payload: &'a PushPayload) -> Self {
        let PushPayload { group, message, seq, title, author, body, unread, cut } = payload;
        Self {
            group: group.0,
            title: title.as_deref(),
            message: message.0,
            seq: seq.0,
            author: author.as_ref().map(Name::as_str),
            body: body.as_deref(),
            unread: Some(*unread),
            cut: *cut,
        }
    }
}

/// The serialized payload, before encryption.
pub(crate) fn payload_bytes(payload: &PushPayload) -> Vec<u8> {
    // The payload contains only texts and numbers, so serialization does not fail.
    serde_json::to_vec(&PushData::from(payload)).unwrap_or_default()
}

/// The data of a `notify` event.
#[derive(Serialize)]
pub(super) struct NotifyData<'a> {
    users: Vec<NotifyUser<'a>>,
    #[serde(flatten)]
    payload: PushData<'a>,
}

#[derive(Serialize)]
struct NotifyUser<'a> {
    user: &'a str,
    reason: &'static str,
    unread: u32,
}

impl<'a> NotifyData<'a> {
    pub(super) fn new(users: &'a [NotifiedUser], payload: &'a PushPayload) -> Self {
        let shown = |user: &'a NotifiedUser| NotifyUser {
            user: user.name.as_str(),
            reason: user.reason.as_str(),
            unread: user.unread,
        };
        let users = users.iter().map(shown).collect();
        Self { users, payload: PushData { unread: None, ..PushData::from(payload) } }
    }
}
