//! The AsyncAPI 3.0 document of the WebSocket, generated from the declarations of events.
//!
//! The document describes the server, which *receives* client events. Objects that the REST API returns as well have
//! their schemas from the same types as in the OpenAPI document.

mod table;

use std::sync::{Arc, LazyLock};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chinwag_core::limits::LATEST;
use serde_json::{Map, Value, json};
use utoipa::{PartialSchema, ToSchema};

use crate::api::{CLIENT_EVENTS, SERVER_EVENTS};
use crate::error::Refused;
use crate::network::public_url::PublicUrl;
use crate::rest::answer::bytes;
use crate::state::ServerState;
use crate::wire::entry::{Entry, EntryChange};
use crate::wire::key::{Transport, schema};
use crate::wire::message::{Latest, Message};
use crate::wire::object::{Group, Lists, Marks, Me};
use crate::wire::server_event::{Numbered, ServerEventEntry, object};
use crate::ws::ClientEventEntry;
use table::{CLOSES, ERROR_EVENTS, ErrorEvent};

const ABOUT: &str = "The WebSocket of the chat server Chinwag. Frames are texts, each one JSON object. A \
    client's frame may carry a `ref`, any text of at most 64 characters: its own copy of the answer, or the \
    error, carries the same. An event that its group's log has numbered carries the number as `seq` beside \
    `type`; a socket is sent a group's events in ascending order. Unknown keys are ignored.";

const CHANNEL: &str = "A handshake is refused as an HTTP answer: 400, 401, 403, 421, 426, 429 or 503. `Origin`, if it \
    is sent, must be this host's or one in `http.origins`. A socket is first sent `group.summary`, \
    `contact.summary`, and a `status.update` for each contact who is not disconnected. What cannot be done \
    is answered by an error, and the socket stays open. The server pings every 25 s.\n\nClose codes:\n";

/// The document as JSON, without a concrete server address.
pub fn asyncapi() -> String {
    static TEXT: LazyLock<String> =
        LazyLock::new(|| serde_json::to_string_pretty(&whole()).expect("the document can be written"));
    TEXT.clone()
}

/// The document for a server at `address`.
fn written(address: &PublicUrl) -> String {
    let mut document = whole();
    let server = if address.tls() { "tls" } else { "plain" };
    let mut known = document["servers"][server].take();
    known["host"] = address.authority().into();
    known["pathname"] = format!("{}/", address.base()).into();
    known.as_object_mut().map(|server| server.remove("variables"));
    document["servers"] = json!({ server: known });
    document["channels"]["chat"]["servers"] = json!([{ "$ref": format!("#/servers/{server}") }]);
    serde_json::to_string_pretty(&document).expect("the document can be written")
}

/// Shows the WebSocket's document (AsyncAPI 3.0).
#[utoipa::path(
    get, path = "/api/v1/asyncapi.json", tag = "service", operation_id = "asyncapi",
    responses((status = 200, description = "The document of the WebSocket.")),
    security(()),
)]
pub(crate) async fn document(State(state): State<Arc<ServerState>>) -> Response {
    let address = state.options.public_url.as_ref();
    let text = state.documents.socket.get_or_init(|| address.map_or_else(asyncapi, written).into());
    bytes(StatusCode::OK, text.clone())
}

fn whole() -> Value {
    let security = ["user_token", "cookie", "subprotocol", "ticket"];
    let security = security.map(|name| json!({"$ref": format!("#/components/securitySchemes/{name}")}));
    let server = |protocol: &str, description: &str| {
        json!({
            "host": "{host}",
            "protocol": protocol,
            "description": description,
            "variables": {"host": {"default": "localhost:8000", "description": "The host, and the port."}},
            "security": security,
        })
    };
    let closes: Vec<_> = CLOSES.iter().map(|(code, why)| format!("- {code}: {why}")).collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {"title": "Chinwag", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT},
        "defaultContentType": "application/json",
        "servers": {
            "plain": server("ws", "Without TLS."),
            "tls": server("wss", "With TLS: the server's own, or a proxy's in front of it."),
        },
        "channels": {"chat": {
            "address": "/chat/",
            "description": format!("{CHANNEL}{}", closes.join("\n")),
            "messages": messages(),
            "bindings": {"ws": {
                "method": "GET",
                "query": {"type": "object", "properties": {
                    "ticket": {"type": "string"},
                    "groups": {"type": "integer", "minimum": 0, "maximum": 2000},
                    "messages": {"type": "integer", "minimum": 0, "maximum": LATEST},
                }},
                "bindingVersion": "0.1.0",
            }},
        }},
        "operations": operations(),
        "components": {
            "schemas": schemas(),
            "securitySchemes": credentials(),
            "correlationIds": {"ref": {
                "description": "The client's reference for its request.",
                "location": "$message.payload#/ref",
            }},
        },
    })
}

/// One message for each event and direction, named `client.<event>` or `server.<event>`.
fn messages() -> Map<String, Value> {
    let received = CLIENT_EVENTS.iter().map(|event| {
        let data = schema((event.keys)(), Transport::Event);
        let payload = frame(event.name, &data);
        (format!("client.{}", event.name), message(event.name, event.about, &payload))
    });
    let sent = SERVER_EVENTS.iter().map(|event| (format!("server.{}", event.name), sent(event)));
    let failed = ERROR_EVENTS.iter().map(|row| (format!("server.{}", row.event), failed(row)));
    received.chain(sent).chain(failed).collect()
}

fn sent(event: &ServerEventEntry) -> Value {
    let mut payload = frame(event.name, &(event.data)());
    if event.numbered != Numbered::Never {
        let about = "The number that the group's log gave the event.";
        payload["properties"]["seq"] =
            json!({"type": "integer", "format": "int64", "minimum": 1, "description": about});
    }
    if event.numbered == Numbered::Always {
        payload["required"] = json!(["type", "data", "seq"]);
    }
    (event.beside)(&mut payload);
    message(event.name, event.about.trim(), &payload)
}

fn failed(row: &ErrorEvent) -> Value {
    let data = json!({
        "type": "object",
        "required": ["detail"],
        "properties": {
            "detail": {"type": "string", "description": "A human-readable description of the error."},
            "errors": {"type": "array", "items": object("Refused"), "description": "The refused keys."},
            "retry_after": {
                "type": "integer",
                "minimum": 1,
                "description": "With 429: the seconds to wait before another attempt.",
            },
        },
    });
    let mut payload = frame(row.event, &data);
    payload["required"] = json!(["type", "data", "code"]);
    payload["properties"]["code"] =
        json!({"type": "integer", "enum": row.codes, "description": "As over HTTP."});
    message(row.event, row.about, &payload)
}

fn message(event: &str, about: &str, payload: &Value) -> Value {
    json!({
        "name": event,
        "title": event,
        "summary": about,
        "correlationId": {"$ref": "#/components/correlationIds/ref"},
        "payload": payload,
    })
}

/// The envelope of a frame.
fn frame(event: &str, data: &Value) -> Value {
    json!({
        "type": "object",
        "required": ["type", "data"],
        "properties": {
            "type": {"type": "string", "const": event},
            "data": data,
            "ref": {"type": "string", "maxLength": 64},
        },
    })
}

/// `receive.<event>` for each client event, with its replies, and `send` for all server events.
fn operations() -> Map<String, Value> {
    let channel = json!({"$ref": "#/channels/chat"});
    let message = |key: &str| json!({"$ref": format!("#/channels/chat/messages/{key}")});
    let server = |event: &&str| message(&format!("server.{event}"));
    let failed = || ERROR_EVENTS.iter().map(|row| row.event);
    let receive = |event: &ClientEventEntry| {
        let (name, about) = (event.name, event.about);
        let answers: Vec<_> = event.answers.iter().copied().chain(failed()).collect();
        let operation = json!({
            "action": "receive",
            "summary": about,
            "channel": channel,
            "messages": [message(&format!("client.{name}"))],
            "reply": {"channel": channel, "messages": answers.iter().map(server).collect::<Value>()},
        });
        (format!("receive.{name}"), operation)
    };
    let sent: Vec<_> = SERVER_EVENTS.iter().map(|event| event.name).chain(failed()).collect();
    let send = json!({
        "action": "send",
        "summary": "The events that the server sends.",
        "channel": channel,
        "messages": sent.iter().map(server).collect::<Value>(),
    });
    CLIENT_EVENTS.iter().map(receive).chain([("send".to_owned(), send)]).collect()
}

/// Schemas of objects that REST returns as well. A group has its marks only in the summary and in the response to a
/// resume, and its head only where the whole group is sent.
fn schemas() -> Value {
    let written =
        |schema| serde_json::to_value::<utoipa::openapi::RefOr<_>>(schema).expect("a schema can be written");
    let mut group: Value = written(Group::schema());
    let own = group["allOf"].as_array_mut().and_then(Vec::pop).expect("the marks, and a group's own keys");
    let mut change = own.clone();
    if let Some(required) = change["required"].as_array_mut() {
        required.retain(|key| key != "head" && key != "pins");
    }
    let marks = written(Marks::schema());
    for (key, schema) in marks["properties"].as_object().into_iter().flatten() {
        change["properties"][key] = schema.clone();
    }
    let mut schemas = json!({
        "Message": written(Message::schema()),
        "Latest": written(Latest::schema()),
        "Group": own,
        "GroupChange": change,
        "Entry": written(Entry::schema()),
        "EntryChange": written(EntryChange::schema()),
        "Marks": marks,
        "Me": written(Me::schema()),
        "Lists": written(Lists::schema()),
        "Refused": written(Refused::schema()),
    });
    let mut within_messages = Vec::new();
    Message::schemas(&mut within_messages);
    for (name, schema) in within_messages {
        schemas[name] = written(schema);
    }
    schemas
}

fn credentials() -> Value {
    json!({
        "user_token": {
            "type": "http",
            "scheme": "bearer",
            "description": "A user's token, or the host application's JWT. The service key is no user, and \
                            opens no socket.",
        },
        "cookie": {
            "type": "httpApiKey",
            "name": "access",
            "in": "cookie",
            "description": "The same token, in the cookie that sign-in sets in browsers.",
        },
        "subprotocol": {
            "type": "httpApiKey",
            "name": "Sec-WebSocket-Protocol",
            "in": "header",
            "description": "`chinwag, bearer.<token>`, for browsers on another origin. `chinwag` is \
                            chosen.",
        },
        "ticket": {
            "type": "httpApiKey",
            "name": "ticket",
            "in": "query",
            "description": "A ticket from `POST /api/v1/tickets/`, valid once, for 30 s.",
        },
    })
}

#[cfg(test)]
mod tests;
