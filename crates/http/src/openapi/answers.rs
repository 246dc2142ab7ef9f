//! Parts of requests and responses that the derive cannot describe: optional bodies, headers, and bodies of responses
//! without a schema of their own.

use serde_json::{Value, json};

/// Payloads that may be omitted.
const OPTIONAL: [&str; 3] = ["InName", "NewInvite", "NewTicket"];

/// Completes every operation of the document.
pub(super) fn complete(document: &mut Value) {
    document["components"]["headers"] = json!({
        "Link": {
            "description": "The next page, as `<address>; rel=\"next\"`, if there is one.",
            "schema": {"type": "string"},
        },
        "Retry-After": {
            "description": "The seconds to wait before another attempt.",
            "schema": {"type": "integer", "minimum": 1},
        },
        "Chinwag-Ignored": {
            "description": "The unknown keys and query parameters, percent-encoded, separated by commas.",
            "schema": {"type": "string"},
        },
    });
    for item in document["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut()) {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            if let Some(body) = operation.get_mut("requestBody") {
                complete_request(body);
            }
            complete_answers(method, operation);
        }
    }
}

fn complete_request(body: &mut Value) {
    let schema = &body["content"]["application/json"]["schema"]["$ref"];
    let name = schema.as_str().and_then(|schema| schema.rsplit('/').next());
    if name.is_some_and(|name| OPTIONAL.contains(&name)) {
        body["required"] = false.into();
    }
    describe_bytes(body);
}

/// Declares a binary body as such; the derive describes it as an array of numbers.
fn describe_bytes(body: &mut Value) {
    let content = body.get_mut("content").and_then(Value::as_object_mut).into_iter().flatten();
    for (_, part) in content.filter(|(kind, _)| *kind != "application/json") {
        if part["schema"]["type"] == "array" {
            part["schema"] = json!({});
        }
    }
}

fn complete_answers(method: &str, operation: &mut Value) {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let is_paged = parameters.into_iter().any(|parameter| parameter["name"] == "limit");
    for (status, answer) in operation["responses"].as_object_mut().into_iter().flatten() {
        let status: u16 = status.parse().unwrap_or_default();
        if answer.get("content").is_none() {
            if status == 200 && method != "head" {
                answer["content"] = json!({"application/json": {"schema": {"type": "object"}}});
            } else if status >= 400 {
                let problem = json!({"schema": {"$ref": "#/components/schemas/Problem"}});
                answer["content"] = json!({"application/problem+json": problem});
            }
        }
        describe_bytes(answer);
        let is_list = answer["content"]["application/json"]["schema"]["type"] == "array";
        let names = [
            (status == 200 && is_paged && is_list, "Link"),
            (status == 429 || status == 503, "Retry-After"),
            ((200..300).contains(&status), "Chinwag-Ignored"),
        ];
        for (_, name) in names.into_iter().filter(|(has, _)| *has) {
            answer["headers"][name] = json!({"$ref": format!("#/components/headers/{name}")});
        }
    }
}
