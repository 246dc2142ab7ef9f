//! The table of client events in `docs/protocol.md`, made from their declarations. `UPDATE=1 cargo test
//! -p chinwag-http protocol_tables` writes it anew.

use std::path::PathBuf;

use crate::wire::input::REST_PAYLOADS;
use crate::wire::key::{Key, Need};
use crate::ws::CLIENT_EVENTS;

const BEGIN: &str = "<!-- client events: made by UPDATE=1 cargo test -p chinwag-http protocol_tables -->\n";
const END: &str = "<!-- end of client events -->\n";

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/protocol.md")
}

fn document() -> String {
    std::fs::read_to_string(path()).expect("the document can be read")
}

/// The keys of an event as its row names them: aliases in brackets, one of several with `or`.
fn keys(keys: &[&Key]) -> String {
    let mut text = String::new();
    let mut one_of_before = false;
    for key in keys.iter().filter(|key| !key.rest_only) {
        let one_of = key.need == Need::OneOf;
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

fn table() -> String {
    let mut table = String::from("| you send | data | effect |\n| --- | --- | --- |\n");
    for event in CLIENT_EVENTS {
        table.extend(["| `", event.name, "` | ", &keys(&(event.keys)()), " | ", event.effect, " |\n"]);
    }
    table
}

#[test]
fn table_of_client_events_is_as_declared() {
    let text = document();
    let (before, rest) = text.split_once(BEGIN).expect("the table's begin");
    let (found, after) = rest.split_once(END).expect("the table's end");
    if std::env::var_os("UPDATE").is_some() {
        let text = [before, BEGIN, &table(), END, after].concat();
        return std::fs::write(path(), text).expect("the document can be written");
    }
    assert_eq!(found, table(), "write the table anew with UPDATE=1");
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
