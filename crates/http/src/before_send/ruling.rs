//! Parses the response of the hook.

use chinwag_core::before_send::{Replacement, Ruling};
use chinwag_core::message::Body;
use chinwag_core::profile::Data;
use serde_json::{Map, Value};

/// The maximum length of the reason shown to an author, in characters. The remainder is cut off.
const REASON_CHARS: usize = 500;
/// The reason if the hook gives none.
const REFUSED: &str = "the operator's rules refuse this message";

/// Parses a response. One that is not defined by the protocol, or exceeds the limits of a message, is a failure.
pub(super) fn read(
    bytes: &[u8],
    message_chars: usize,
    has_files: bool,
) -> std::result::Result<Ruling, String> {
    let Ok(Value::Object(mut answer)) = serde_json::from_slice(bytes) else {
        return Err("the answer is not a JSON object".to_owned());
    };
    match (answer.remove("allow"), answer.remove("body")) {
        (Some(Value::Bool(true)), None) => Ok(Ruling::Allow),
        (Some(Value::Bool(false)), None) => Ok(Ruling::Refuse(reason(&answer))),
        (None, Some(Value::String(body))) => {
            replacement(&body, &mut answer, message_chars, has_files).map(Ruling::Replace)
        }
        _ => Err("the answer has neither allow, true or false, nor a body".to_owned()),
    }
}

fn reason(answer: &Map<String, Value>) -> String {
    match answer.get("reason") {
        Some(Value::String(reason)) if !reason.trim().is_empty() => {
            reason.chars().take(REASON_CHARS).collect()
        }
        _ => REFUSED.to_owned(),
    }
}

fn replacement(
    body: &str,
    answer: &mut Map<String, Value>,
    message_chars: usize,
    has_files: bool,
) -> std::result::Result<Replacement, String> {
    let body =
        if has_files { Body::parse_any(body, message_chars) } else { Body::parse(body, message_chars) };
    let data = match answer.remove("data") {
        None => None,
        Some(Value::Null) => Some(None),
        Some(data @ Value::Object(_)) => {
            let data = Data::compact(&data.to_string()).map_err(|why| format!("data {why}"))?;
            Some(Some(data.into_text()))
        }
        Some(_) => return Err("data must be an object or null".to_owned()),
    };
    Ok(Replacement { body: body.map_err(|why| format!("body {why}"))?, data })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ruling(answer: &Value) -> std::result::Result<Ruling, String> {
        read(answer.to_string().as_bytes(), 10, false)
    }

    #[test]
    fn answers_of_the_protocol_are_read() {
        let refused = |why: &str| Ok(Ruling::Refuse(why.to_owned()));
        let replaced = |body: &str, data| {
            let body = Body::parse(body, 10).expect("a body");
            Ok(Ruling::Replace(Replacement { body, data }))
        };
        for (answer, expected) in [
            (json!({ "allow": true }), Ok(Ruling::Allow)),
            (json!({ "allow": true, "note": 1 }), Ok(Ruling::Allow)),
            (json!({ "allow": false }), refused(REFUSED)),
            (json!({ "allow": false, "reason": "rude" }), refused("rude")),
            (json!({ "allow": false, "reason": 7 }), refused(REFUSED)),
            (json!({ "allow": false, "reason": "é".repeat(600) }), refused(&"é".repeat(500))),
            (json!({ "body": "kind" }), replaced("kind", None)),
            (json!({ "body": "kind", "data": null }), replaced("kind", Some(None))),
            (
                json!({ "body": "kind", "data": { "a": 1 } }),
                replaced("kind", Some(Some(r#"{"a":1}"#.into()))),
            ),
        ] {
            assert_eq!(ruling(&answer), expected, "{answer}");
        }
    }

    #[test]
    fn other_answers_are_failures() {
        for answer in [
            json!({}),
            json!([]),
            json!("allow"),
            json!({ "allow": "true" }),
            json!({ "allow": null }),
            json!({ "allow": true, "body": "both" }),
            json!({ "body": 7 }),
            json!({ "body": "" }),
            json!({ "body": " " }),
            json!({ "body": "longer than ten" }),
            json!({ "body": "a", "data": [] }),
            json!({ "body": "a", "data": { "a": "b".repeat(5000) } }),
        ] {
            assert!(ruling(&answer).is_err(), "{answer}");
        }
        assert!(read(b"", 10, false).is_err() && read(b"{", 10, false).is_err());
        assert!(read(br#"{"body": ""}"#, 10, true).is_ok(), "a file needs no caption");
    }
}
