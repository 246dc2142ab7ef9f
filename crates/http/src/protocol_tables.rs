//! Generates tables in `docs/protocol.md` (client events, server events, scopes, features) from their declarations.
//! `UPDATE=1 cargo test -p chinwag-http protocol_tables` rewrites them.

use std::path::PathBuf;

use serde_json::Value;

use crate::api::{CLIENT_EVENTS, REST_PAYLOADS, SERVER_EVENTS};
use crate::features::FEATURES;
use crate::scopes::{PathScopes, SCOPES};
use crate::wire::key::Key;
use crate::wire::server_event::Numbered;

/// The markers before and after a table in the document.
fn marks(of: &str) -> (String, String) {
    let made = "made by UPDATE=1 cargo test -p chinwag-http protocol_tables";
    (format!("<!-- {of}: {made} -->\n"), format!("<!-- end of {of} -->\n"))
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/protocol.md")
}

fn document() -> String {
    std::fs::read_to_string(path()).expect("the document can be read")
}

/// The keys of an event in its row: aliases in brackets, alternatives joined by `or`.
fn keys(keys: &[&Key]) -> String {
    let mut text = String::new();
    let mut one_of_before = false;
    for key in keys.iter().filter(|key| !key.rest_only) {
        let one_of = key.need.is_one_of();
        text.push_str(if text.is_empty() {
            ""
        } else if one_of && one_of_before {
            " or "
        } else {
            ", "
        });
        text.extend(["`", key.name, "`"]);
        if let Some(alias) = key.alias {
            text.extend([" (or `", alias, "`)"]);
        }
        one_of_before = one_of;
    }
    text
}

fn client_events() -> String {
    let mut table = String::from("| you send | data | effect |\n| --- | --- | --- |\n");
    for event in CLIENT_EVENTS {
        table.extend(["| `", event.name, "` | ", &keys(&(event.keys)()), " | ", event.effect, " |\n"]);
    }
    table
}

fn server_events() -> String {
    let mut table =
        String::from("| the server sends | data | `seq` | meaning |\n| --- | --- | --- | --- |\n");
    for event in SERVER_EVENTS {
        let seq = match event.numbered {
            Numbered::Never => "no",
            Numbered::Changed => "if something changed",
            Numbered::Always => "yes",
        };
        let data = data(&(event.data)());
        table.extend(["| `", event.name, "` | ", &data, " | ", seq, " | ", event.about.trim(), " |\n"]);
    }
    table
}

/// The data of an event by its schema: a whole object, or a list of keys.
fn data(schema: &Value) -> String {
    let object = |schema: &Value| Some(schema["$ref"].as_str()?.rsplit('/').next()?.to_owned());
    if let Some(name) = object(schema) {
        return format!("a `{name}`");
    }
    let parts = |all: &Value| all["allOf"].as_array().into_iter().flatten().map(data).collect::<Vec<_>>();
    match schema["type"].as_str() {
        Some("array") => format!("a list: each {}", parts(&schema["items"]).join(" and ")),
        Some("string") => "a group's id, as a plain string".to_owned(),
        _ if schema["allOf"].is_array() => parts(schema).join(" and "),
        _ => keys_of(schema),
    }
}

/// The keys of an object. Optional keys are marked, and alternatives of which at least one is present.
fn keys_of(schema: &Value) -> String {
    let names =
        |list: &Value| list.as_array().into_iter().flatten().map(Value::to_string).collect::<Vec<_>>();
    let required = names(&schema["required"]);
    let either = schema["anyOf"].as_array().into_iter().flatten().flat_map(|one| names(&one["required"]));
    let either: Vec<_> = either.collect();
    let quoted = |name: &String| format!("`{}`", name.trim_matches('"'));
    let mut keys: Vec<_> = required.iter().map(quoted).collect();
    if !either.is_empty() {
        keys.push(either.iter().map(quoted).collect::<Vec<_>>().join(" or "));
    }
    let all = schema["properties"].as_object().into_iter().flat_map(serde_json::Map::keys);
    let optional = all.map(|name| format!("\"{name}\"")).filter(|name| !required.contains(name));
    let optional = optional.filter(|name| !either.contains(name));
    keys.extend(optional.map(|name| format!("{} (may be missing)", quoted(&name))));
    keys.join(", ")
}

/// The table of scopes by route.
fn scopes() -> String {
    let mut table = String::from("| routes | GET, HEAD | other methods |\n| --- | --- | --- |\n");
    for (path, PathScopes(reading, writing)) in SCOPES {
        let path = path.replace("{name}", "<name>");
        let path = path.strip_prefix("/api/v1/").unwrap_or(&path);
        table.extend(["| `", path, "…` | `", reading.as_str(), "` | `", writing.as_str(), "` |\n"]);
    }
    table
}

/// The table of features and their conditions.
fn features() -> String {
    let mut table = String::from("| feature | the server has it if |\n| --- | --- |\n");
    for feature in FEATURES {
        table.extend(["| `", feature.name, "` | ", feature.condition, " |\n"]);
    }
    table
}

#[test]
fn tables_are_as_declared() {
    let tables = [
        ("client events", client_events()),
        ("server events", server_events()),
        ("scopes", scopes()),
        ("features", features()),
    ];
    for (of, table) in tables {
        let (begin, end) = marks(of);
        let text = document();
        let (before, rest) = text.split_once(&begin).expect("the table's begin");
        let (found, after) = rest.split_once(&end).expect("the table's end");
        if std::env::var_os("UPDATE").is_some() {
            let text = [before, &begin, &table, &end, after].concat();
            // Replace the file atomically, since another test reads it.
            let new = path().with_extension("md.new");
            std::fs::write(&new, text).and_then(|()| std::fs::rename(new, path())).expect("the document");
        } else {
            assert_eq!(found, table, "write the table of {of} anew with UPDATE=1");
        }
    }
}

#[test]
fn keys_of_every_request_stand_in_the_protocol() {
    let text = document();
    for payload in REST_PAYLOADS.iter().copied().flatten() {
        for key in (payload.keys)() {
            let named = [format!("`{}`", key.name), format!("`{}:", key.name), format!("\"{}\"", key.name)];
            assert!(
                named.iter().any(|name| text.contains(name.as_str())),
                "{} of {}",
                key.name,
                payload.name
            );
        }
    }
}
