//! The table of roles: every action in a group, and the roles that may perform it.

use reqwest::Method;
use serde_json::{Value, json};

use super::Cell;

pub(super) type Rest = fn(&Cell) -> (Method, String, Value);
pub(super) type Said = fn(&Cell) -> (&'static str, Value);

/// An action on either transport, and whether owner, admin, member and restrict may perform it.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) rest: Option<Rest>,
    pub(super) event: Option<Said>,
    pub(super) allowed: [bool; 4],
}

const ALL: [bool; 4] = [true, true, true, true];
const WRITERS: [bool; 4] = [true, true, true, false];
const KEEPERS: [bool; 4] = [true, true, false, false];
const OWNER: [bool; 4] = [true, false, false, false];
const NOBODY: [bool; 4] = [false; 4];

/// A change of the group, with the same payload on both transports.
macro_rules! change {
    ($name:literal, $allowed:expr, $body:tt) => {
        Row {
            name: $name,
            rest: Some(|cell| (Method::PATCH, format!("groups/{}/", cell.group), json!($body))),
            event: Some(|cell| {
                let mut body = json!($body);
                body["id"] = cell.group.as_str().into();
                ("group.update", body)
            }),
            allowed: $allowed,
        }
    };
}

macro_rules! delete_of {
    ($name:literal, $author:literal, $allowed:expr) => {
        Row {
            name: $name,
            rest: Some(|cell| (Method::DELETE, format!("messages/{}/", cell.message_of($author)), Value::Null)),
            event: Some(|cell| ("message.delete", json!({ "id": cell.message_of($author) }))),
            allowed: $allowed,
        }
    };
}

#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn rows() -> Vec<Row> {
    vec![
        Row {
            name: "see the group",
            rest: Some(|cell| (Method::GET, format!("groups/{}/?fields=__all__", cell.group), Value::Null)),
            event: None,
            allowed: ALL,
        },
        Row {
            name: "see the members",
            rest: Some(|cell| (Method::GET, format!("groups/{}/members/", cell.group), Value::Null)),
            event: None,
            allowed: ALL,
        },
        Row {
            name: "read the history",
            rest: Some(|cell| (Method::GET, format!("groups/{}/messages/", cell.group), Value::Null)),
            event: Some(|cell| ("message.fetch", json!({ "group": cell.group }))),
            allowed: ALL,
        },
        Row {
            name: "see a message",
            rest: Some(|cell| {
                (Method::GET, format!("messages/{}/", cell.message_of("member2")), Value::Null)
            }),
            event: None,
            allowed: ALL,
        },
        Row {
            name: "see the pins",
            rest: Some(|cell| (Method::GET, format!("groups/{}/pins/", cell.group), Value::Null)),
            event: None,
            allowed: ALL,
        },
        Row {
            name: "see a thread",
            rest: Some(|cell| (Method::GET, about(cell, "thread/"), Value::Null)),
            event: None,
            allowed: ALL,
        },
        Row {
            name: "see the reactions",
            rest: Some(|cell| (Method::GET, about(cell, "reactions/"), Value::Null)),
            event: None,
            allowed: ALL,
        },
        Row {
            name: "see the invites",
            rest: Some(|cell| (Method::GET, format!("groups/{}/invites/", cell.group), Value::Null)),
            event: None,
            allowed: KEEPERS,
        },
        Row {
            name: "mark as read",
            rest: Some(|cell| {
                let path = format!("groups/{}/read/", cell.group);
                (Method::POST, path, cell.author(json!({ "seq": 2 })))
            }),
            event: Some(|cell| ("message.read", json!({ "group": cell.group, "seq": 2 }))),
            allowed: ALL,
        },
        Row {
            name: "accept",
            rest: Some(|cell| {
                (Method::POST, format!("groups/{}/accept/", cell.group), cell.author(json!({})))
            }),
            event: Some(|cell| ("group.accept", json!({ "group": cell.group }))),
            allowed: ALL,
        },
        Row {
            name: "quit",
            rest: Some(|cell| (Method::POST, format!("groups/{}/quit/", cell.group), cell.author(json!({})))),
            event: Some(|cell| ("group.quit", json!({ "group": cell.group }))),
            allowed: ALL,
        },
        Row {
            name: "join",
            rest: Some(|cell| (Method::POST, format!("groups/{}/join/", cell.group), cell.author(json!({})))),
            event: None,
            allowed: ALL,
        },
        Row {
            name: "change one's own settings",
            rest: Some(|cell| {
                let path = format!("groups/{}/me/", cell.group);
                (Method::PATCH, path, cell.author(json!({ "notify": "none" })))
            }),
            event: None,
            allowed: ALL,
        },
        Row {
            name: "report a message",
            rest: Some(|cell| {
                (Method::POST, about(cell, "reports/"), cell.author(json!({ "reason": "rude" })))
            }),
            event: None,
            allowed: ALL,
        },
        Row {
            name: "send",
            rest: Some(|cell| {
                let body = json!({ "group": cell.group, "body": "hello" });
                (Method::POST, "messages/".into(), cell.author(body))
            }),
            event: Some(|cell| ("message.text", json!({ "group": cell.group, "body": "hello" }))),
            allowed: WRITERS,
        },
        Row {
            name: "reply",
            rest: Some(|cell| {
                let body =
                    json!({ "group": cell.group, "body": "yes", "respond_to": cell.message_of("owner") });
                (Method::POST, "messages/".into(), cell.author(body))
            }),
            event: Some(|cell| {
                (
                    "message.text",
                    json!({ "to": cell.group, "body": "yes", "respond_to": cell.message_of("owner") }),
                )
            }),
            allowed: WRITERS,
        },
        Row {
            name: "reply in a thread",
            rest: Some(|cell| {
                let body = json!({ "group": cell.group, "body": "yes", "thread": cell.message_of("owner") });
                (Method::POST, "messages/".into(), cell.author(body))
            }),
            event: Some(|cell| {
                let root = cell.message_of("owner");
                ("message.text", json!({ "group": cell.group, "body": "yes", "thread": root }))
            }),
            allowed: WRITERS,
        },
        Row {
            name: "mention everyone",
            rest: Some(|cell| {
                let body = json!({ "group": cell.group, "body": "look", "mentions": ["@all"] });
                (Method::POST, "messages/".into(), cell.author(body))
            }),
            event: None,
            allowed: KEEPERS,
        },
        Row {
            name: "add a reaction",
            rest: Some(|cell| (Method::PUT, about(cell, "reactions/:a:/"), cell.author(json!({})))),
            event: Some(|cell| {
                ("message.react", json!({ "id": cell.message_of("member2"), "emoji": ":a:", "on": true }))
            }),
            allowed: WRITERS,
        },
        Row {
            name: "edit one's own message",
            rest: Some(|cell| {
                (Method::PATCH, format!("messages/{}/", cell.own()), json!({ "body": "better" }))
            }),
            event: Some(|cell| ("message.update", json!({ "id": cell.own(), "body": "better" }))),
            allowed: WRITERS,
        },
        Row {
            name: "delete one's own message",
            rest: Some(|cell| (Method::DELETE, format!("messages/{}/", cell.own()), Value::Null)),
            event: Some(|cell| ("message.delete", json!({ "id": cell.own() }))),
            allowed: WRITERS,
        },
        Row {
            name: "edit another's message",
            rest: Some(|cell| {
                (
                    Method::PATCH,
                    format!("messages/{}/", cell.message_of("member2")),
                    json!({ "body": "mine" }),
                )
            }),
            event: Some(|cell| {
                ("message.update", json!({ "id": cell.message_of("member2"), "body": "mine" }))
            }),
            allowed: NOBODY,
        },
        Row {
            name: "pin a message",
            rest: Some(|cell| {
                let path = format!("messages/{}/pin/", cell.message_of("member2"));
                (Method::PUT, path, cell.author(json!({})))
            }),
            event: Some(|cell| ("message.pin", json!({ "id": cell.message_of("member2"), "on": true }))),
            allowed: KEEPERS,
        },
        delete_of!("delete an admin's message", "warden2", OWNER),
        delete_of!("delete a member's message", "member2", KEEPERS),
        delete_of!("delete a restrict's message", "restrict2", KEEPERS),
        change!("rename", KEEPERS, { "name": "another name" }),
        change!("describe", KEEPERS, { "description": "another", "data": { "a": 1 }, "open": true, "keep": 5 }),
        change!("add a member", KEEPERS, { "members": ["newcomer"] }),
        change!("add a restrict", KEEPERS, { "restricts": ["newcomer"] }),
        change!("add an admin", KEEPERS, { "admins": ["newcomer"] }),
        change!("restrict a member", KEEPERS, { "restricts": ["member2"] }),
        change!("free a restrict", KEEPERS, { "members": ["restrict2"] }),
        change!("promote a member to admin", KEEPERS, { "admins": ["member2"] }),
        change!("demote an admin", OWNER, { "members": ["warden2"] }),
        change!("restrict an admin", OWNER, { "restricts": ["warden2"] }),
        change!("remove an admin", OWNER, { "remove": ["warden2"] }),
        change!("remove a member", KEEPERS, { "remove": ["member2"] }),
        change!("remove a restrict", KEEPERS, { "remove": ["restrict2"] }),
        change!("remove a member by a ban", KEEPERS, { "ban": ["member2"] }),
        change!("remove an admin by a ban", OWNER, { "ban": ["warden2"] }),
        change!("ban an outsider", KEEPERS, { "ban": ["outsider"] }),
        Row {
            name: "make an invite",
            rest: Some(|cell| {
                (Method::POST, format!("groups/{}/invites/", cell.group), cell.author(json!({})))
            }),
            event: None,
            allowed: KEEPERS,
        },
        change!("hand over", OWNER, { "owner": ["member2"] }),
        change!("demote the owner", NOBODY, { "members": ["owner"] }),
        change!("remove the owner", NOBODY, { "remove": ["owner"] }),
        Row {
            name: "delete the group",
            rest: Some(|cell| (Method::DELETE, format!("groups/{}/", cell.group), Value::Null)),
            event: Some(|cell| ("group.delete", json!({ "group": cell.group }))),
            allowed: OWNER,
        },
    ]
}

/// A path below a message of a member.
fn about(cell: &Cell, part: &str) -> String {
    format!("messages/{}/{part}", cell.message_of("member2"))
}
