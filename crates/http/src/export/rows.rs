//! The lines of an export, one JSON object each.

use chinwag_core::app::export::{ExportedDevice, ExportedMembership, ExportedUser};
use chinwag_core::file::StoredFile;
use chinwag_core::message::Message;
use chinwag_core::report::MessageReport;
use chinwag_core::store::WrittenReaction;
use chinwag_core::{Date, GroupId, Name};
use reqwest::Url;
use serde_json::{Value, json};

use crate::wire::entry::role;
use crate::wire::file::File;

/// The user's profile.
pub(super) fn profile(exported: &ExportedUser) -> Value {
    let ExportedUser { user, details, settings, identities, standing, .. } = exported;
    json!({
        "name": user.name.as_str(),
        "display_name": details.display_name,
        "avatar": details.avatar,
        "kind": details.kind.as_str(),
        "origin": details.origin.as_str(),
        "data": details.data.as_deref().map(parsed),
        "created": details.created.to_string(),
        "last_seen": details.last_seen.map(text),
        "identities": identities.iter().map(|identity| json!({
            "issuer": identity.issuer(), "subject": identity.subject(),
        })).collect::<Vec<_>>(),
        "settings": {
            "added_by": settings.added_by.as_str(),
            "write_first": settings.write_first.as_str(),
            "hide_last_seen": settings.hide_last_seen,
            "hide_reads": settings.hide_reads,
        },
        "admin": standing.admin,
        // Also an expired suspension, since it is stored.
        "suspended": standing.suspension.as_ref().map(|suspension| json!({
            "until": suspension.until.to_string(), "reason": suspension.reason,
        })),
    })
}

pub(super) fn relations(exported: &ExportedUser) -> Vec<Value> {
    let relations = &exported.relations;
    let of = |names: &[Name], relation: &str| -> Vec<Value> {
        names.iter().map(|name| json!({ "name": name.as_str(), "relation": relation })).collect()
    };
    [
        of(&relations.contacts, "contact"),
        of(&relations.blockeds, "blocked"),
        of(&relations.invitations, "invited"),
        of(&relations.invited_by, "invited_by"),
    ]
    .concat()
}

pub(super) fn sessions(exported: &ExportedUser) -> Vec<Value> {
    let sessions = exported.sessions.iter().map(|session| {
        json!({
            "id": session.id().0,
            "created": session.created.map(text),
            "last_used": session.last_used.map(text),
            "expires": session.expires.to_string(),
            "agent": session.client.agent(),
            "address": session.client.address,
        })
    });
    sessions.collect()
}

/// The push subscriptions of the user. Only the origin of an endpoint is shown, since its full URL would let others
/// send to it.
pub(super) fn devices(exported: &ExportedUser) -> Vec<Value> {
    let devices = exported.devices.iter();
    let device = |device: &ExportedDevice| {
        let endpoint = Url::parse(&device.endpoint).ok();
        let service = endpoint.as_ref().and_then(Url::host_str);
        json!({ "service": service, "created": text(device.created), "sent": text(device.sent) })
    };
    devices.map(device).collect()
}

/// A membership of the user. The group's name is left out, since others chose it.
pub(super) fn membership(membership: &ExportedMembership) -> Value {
    let settings = &membership.settings;
    json!({
        "group": membership.group.0,
        "role": role(membership.role),
        "since": membership.since.to_string(),
        "pending": membership.pending,
        "last_read": membership.last_read.map(|(_, date)| text(date)),
        "last_read_seq": membership.last_read.map(|(seq, _)| seq.0),
        "notify": settings.notify.as_str(),
        "muted_until": settings.muted_until.map(text),
        "hidden": settings.hidden,
        "pinned": settings.pinned,
        "marked_unread": settings.marked_unread,
    })
}

/// A message of the user, without what other users have added to it.
pub(super) fn message(message: &Message) -> Value {
    json!({
        "id": message.id.0,
        "group": message.group.0,
        "seq": message.seq.0,
        "date": message.date.to_string(),
        "edited": message.edited.map(text),
        "body": message.body,
        "respond_to": message.respond_to.map(|id| id.0),
        "thread": message.thread.map(|root| root.id.0),
        "mentions": message.detail.mentions.texts().collect::<Vec<_>>(),
        "attachments": message.detail.attachments.iter().map(File::from).collect::<Vec<_>>(),
        "data": message.detail.data.as_deref().map(parsed),
    })
}

pub(super) fn reaction(group: GroupId, reaction: &WrittenReaction) -> Value {
    json!({
        "group": group.0,
        "message": reaction.message.0,
        "emoji": reaction.emoji.as_str(),
        "date": reaction.date.to_string(),
    })
}

/// A report by the user, without the text of the message, which another user wrote.
pub(super) fn report(report: &MessageReport) -> Value {
    json!({
        "id": report.id.0,
        "message": report.message.0,
        "group": report.group.0,
        "reason": report.reason,
        "state": report.state.as_str(),
        "date": report.date.to_string(),
    })
}

/// A file of the user, with its path in the ZIP.
pub(super) fn file(file: &StoredFile, path: &str) -> Value {
    let mut shown = json!(File::from(file));
    shown["path"] = path.into();
    shown
}

fn text(date: Date) -> String {
    date.to_string()
}

/// Parses stored JSON, which was validated when it was stored.
fn parsed(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}
