//! The OpenAPI 3.1 document of the REST API, generated from the handlers.

mod answers;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::network::public_url::PublicUrl;
use crate::openapi::{self};
use crate::rest::answer::bytes;
use crate::routes::{ROUTES, RouteEntry, RouteExample};
use crate::state::ServerState;
#[allow(clippy::wildcard_imports, reason = "the table of routes names every noun")]
use crate::{api::*, rest::*};
use crate::{asyncapi, health};

/// Generates the document from the table of routes.
macro_rules! document {
    ($($list:ident { $($path:literal { $($method:ident $noun:ident::$handler:ident$(: $rules:expr)?;)+ })+ })+) => {
        #[derive(OpenApi)]
        #[openapi(
            info(
                title = "Chinwag",
                description = "The REST API of the chat server Chinwag. Paths work with and without the slash at their end. \
                               Bodies are JSON objects whatever the content type says; refusals are problems (RFC 9457).",
            ),
            paths($($($($noun::$handler,)+)+)+),
            tags(
                (name = "accounts", description = "Accounts, sessions, tokens and tickets."),
                (name = "users", description = "Users and their relations."),
                (name = "groups", description = "Groups and their members."),
                (name = "messages", description = "Messages and a group's history."),
                (name = "files", description = "Files that users upload and attach to messages."),
                (name = "relations", description = "Queries about relations."),
                (name = "service", description = "The server's health, and this document."),
            ),
            security(("service_key" = []), ("user_token" = []), ("cookie" = [])),
            modifiers(&Credentials),
        )]
        struct Document;
    };
}

routes!(document);

/// The security schemes.
struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = |what: &str| {
            let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(what));
            SecurityScheme::Http(scheme.build())
        };
        let components = document.components.get_or_insert_default();
        components
            .add_security_scheme("service_key", bearer("The service's key: everything, in any user's name."));
        components.add_security_scheme(
            "user_token",
            bearer("A user's token, or the host application's JWT: acts as that user only."),
        );
        let cookie = ApiKeyValue::with_description(
            "access",
            "The same token, in the cookie that sign-in sets in browsers: over TLS `__Host-access`.",
        );
        components.add_security_scheme("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    }
}

/// The document as JSON, without a concrete server address.
pub fn openapi() -> String {
    static TEXT: LazyLock<String> = LazyLock::new(|| written(None));
    TEXT.clone()
}

/// The document for a server at `address`.
fn written(address: Option<&PublicUrl>) -> String {
    let mut document = serde_json::to_value(Document::openapi()).expect("the document can be written");
    for payload in REST_PAYLOADS.iter().copied().flatten() {
        document["components"]["schemas"][payload.name] = payload.schema();
    }
    name_problems(&mut document["paths"]);
    add_act_as(&mut document["paths"]);
    add_examples(&mut document["paths"]);
    answers::complete(&mut document);
    loosen(&mut document);
    open_objects(&mut document["components"]["schemas"]);
    if let Some(address) = address {
        document["servers"] = json!([{ "url": address.to_string() }]);
    }
    serde_json::to_string_pretty(&document).expect("the document can be written")
}

/// Adds the parameter `as` to every GET that needs a credential.
fn add_act_as(paths: &mut Value) {
    let parameter = json!({
        "name": "as", "in": "query", "required": false, "schema": {"type": "string"},
        "description": "Services only: respond as to this user.",
    });
    for (path, item) in paths.as_object_mut().into_iter().flatten() {
        let Some(get) = item.get_mut("get").filter(|get| get.get("security").is_none()) else { continue };
        if path.starts_with("/api/") {
            let mut parameters = get["parameters"].as_array().cloned().unwrap_or_default();
            parameters.push(parameter.clone());
            get["parameters"] = parameters.into();
        }
    }
}

/// Adds the examples of the route table, with their expected responses.
fn add_examples(paths: &mut Value) {
    let group = "018f6b7e-8a1c-7cc3-9d55-1f1b2a3c4d5e";
    let ids = RouteExample { group, author: "ann", other: "bob", fresh: "cleo" };
    for RouteEntry { method, path, rules } in ROUTES {
        let operation = &mut paths[path][method];
        let [nobody, stranger, service] = rules.answers;
        operation["x-answers"] = json!({ "nobody": nobody, "stranger": stranger, "service": service });
        let example = (rules.example)(&ids);
        if let Some(content) = operation.pointer_mut("/requestBody/content/application~1json")
            && !example.is_null()
        {
            content["example"] = example;
        }
    }
}

/// The documented query parameters, by path and method.
pub(crate) fn parameters() -> BTreeMap<String, BTreeMap<String, BTreeSet<String>>> {
    let document = serde_json::to_value(Document::openapi()).expect("the document can be written");
    let paths = document["paths"].as_object().into_iter().flatten();
    let by_method = |item: &Value| {
        let methods = item.as_object().into_iter().flatten();
        methods.map(|(method, operation)| (method.to_uppercase(), queries(operation))).collect()
    };
    paths.map(|(path, item)| (path.clone(), by_method(item))).collect()
}

fn queries(operation: &Value) -> BTreeSet<String> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let queries = parameters.filter(|parameter| parameter["in"] == "query");
    queries.filter_map(|parameter| parameter["name"].as_str().map(str::to_owned)).collect()
}

/// Shows this document.
#[utoipa::path(
    get, path = "/api/v1/openapi.json", tag = "service", operation_id = "openapi",
    responses((status = 200, description = "This document.")),
    security(()),
)]
pub(crate) async fn document(State(state): State<Arc<ServerState>>) -> Response {
    let address = state.options.public_url.as_ref();
    let text = state.documents.rest.get_or_init(|| address.map_or_else(openapi, |_| written(address)).into());
    bytes(StatusCode::OK, text.clone())
}

/// Replaces inlined schemas of problems by references.
fn name_problems(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                if key == "application/problem+json" {
                    *value = json!({"schema": {"$ref": "#/components/schemas/Problem"}});
                }
                name_problems(value);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(name_problems),
        _ => {}
    }
}

/// Adjusts what the derive cannot express: keys that only some callers see, and responses to `fields`, which contain
/// only the requested keys.
fn loosen(document: &mut Value) {
    let schemas = &mut document["components"]["schemas"];
    for part in ["Lists", "Marks", "Details"] {
        require_nothing(&mut schemas[part]);
    }
    let objects: [(&str, &[&str]); 4] =
        [("User", &["Details", "Lists"]), ("Group", &["Marks"]), ("Message", &[]), ("FoundMessage", &[])];
    for (name, parts) in objects {
        for (index, part) in parts.iter().enumerate() {
            schemas[name]["allOf"][index] = json!({"$ref": format!("#/components/schemas/{part}")});
        }
        let mut picked = schemas[name].clone();
        require_nothing(&mut picked);
        schemas[format!("{name}Fields")] = picked;
    }
    schemas["FoundMessageFields"]["required"] = json!(["marks"]);
    let rows = ["MessageFields", "Entry"].map(|name| json!({"$ref": format!("#/components/schemas/{name}")}));
    schemas["HistoryRowFields"] = json!({"anyOf": rows});
    let operations = document["paths"].as_object_mut().into_iter().flatten();
    for operation in operations.filter_map(|(_, item)| item.as_object_mut()).flatten().map(|(_, value)| value)
    {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        if parameters.into_iter().any(|parameter| parameter["name"] == "fields") {
            let schema = &mut operation["responses"]["200"]["content"]["application/json"]["schema"];
            let schema = if schema["type"] == "array" { &mut schema["items"] } else { schema };
            let whole = schema["$ref"].as_str().unwrap_or_default();
            schema["$ref"] = format!("{whole}Fields").into();
        }
    }
}

/// Sets `additionalProperties` on objects without listed keys. It is the default, but type generators would take them
/// for empty objects.
fn open_objects(schema: &mut Value) {
    let is_object = match &schema["type"] {
        Value::Array(names) => names.iter().any(|name| name == "object"),
        name => name == "object",
    };
    if is_object && schema.get("properties").is_none() && schema.get("additionalProperties").is_none() {
        schema["additionalProperties"] = true.into();
    }
    match schema {
        Value::Object(parts) => parts.values_mut().for_each(open_objects),
        Value::Array(parts) => parts.iter_mut().for_each(open_objects),
        _ => {}
    }
}

fn require_nothing(schema: &mut Value) {
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("required");
        schema.get_mut("allOf").and_then(Value::as_array_mut).into_iter().flatten().for_each(require_nothing);
    }
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::{Method, Request, header};
    use tower::ServiceExt;

    use super::*;
    use crate::{router, state};

    /// The documented routes as method and path, for example `GET /api/v1/users/`.
    fn documented() -> BTreeSet<String> {
        let document: Value = serde_json::from_str(&openapi()).expect("JSON");
        assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
        let paths = document["paths"].as_object().expect("paths").clone();
        let methods = |(path, item): (String, Value)| {
            let item = item.as_object().expect("an item").clone();
            item.into_iter().map(move |(method, _)| format!("{} {path}", method.to_uppercase()))
        };
        paths.into_iter().flat_map(methods).collect()
    }

    #[tokio::test]
    async fn every_route_is_in_the_document_and_the_document_has_no_other() {
        let mut routed = BTreeSet::new();
        let state = state::tests::state(|_| {});
        for (path, methods) in router::api().into_iter().chain(router::service()) {
            let trace = Request::builder().method(Method::TRACE).body(Body::empty()).expect("a request");
            let refused = methods.with_state(state.clone()).oneshot(trace).await.expect("an answer");
            let allowed = refused.headers()[header::ALLOW].to_str().expect("ASCII");
            // A route with GET also answers HEAD.
            let reads = allowed.split(',').any(|method| method == "GET");
            let allowed = allowed.split(',').filter(|method| !reads || *method != "HEAD");
            routed.extend(allowed.map(|method| format!("{method} {path}")));
        }
        assert_eq!(routed, documented());
    }

    #[tokio::test]
    async fn documents_with_an_address_are_written_once() {
        let address = "https://chat.example".parse().expect("an address");
        let state = state::tests::state(|options| options.public_url = Some(address));
        let read =
            async |response: Response| to_bytes(response.into_body(), usize::MAX).await.expect("bytes");
        let rest = [document(State(state.clone())).await, document(State(state.clone())).await];
        let socket = async || asyncapi::document(State(state.clone())).await;
        for [first, second] in [rest, [socket().await, socket().await]] {
            let (first, second) = (read(first).await, read(second).await);
            assert!(first.as_ptr() == second.as_ptr(), "one text for all");
            assert!(String::from_utf8_lossy(&first).contains("chat.example"));
        }
    }

    #[test]
    fn every_type_is_a_name_or_a_list_of_names() {
        fn check(value: &Value) {
            match value {
                Value::Object(object) => {
                    // A property may be named `type`, and its value is then an object.
                    match object.get("type") {
                        Some(Value::Array(names)) => assert!(names.iter().all(Value::is_string), "{value}"),
                        Some(Value::String(_) | Value::Object(_)) | None => {}
                        Some(_) => panic!("{value}"),
                    }
                    object.values().for_each(check);
                }
                Value::Array(items) => items.iter().for_each(check),
                _ => {}
            }
        }
        check(&serde_json::from_str(&openapi()).expect("JSON"));
    }

    #[test]
    fn objects_of_applications_have_any_keys() {
        let document: Value = serde_json::from_str(&openapi()).expect("JSON");
        for (name, key) in [("NewMessage", "data"), ("Message", "data"), ("Server", "limits")] {
            let property = &document["components"]["schemas"][name]["properties"][key];
            assert_eq!(property["additionalProperties"], true, "{name}.{key}: {property}");
        }
    }

    #[test]
    fn partial_groups_and_all_answers_match_the_document() {
        let document: Value = serde_json::from_str(&openapi()).expect("JSON");
        let list = &document["paths"]["/api/v1/groups/"]["get"]["responses"]["200"];
        let items = &list["content"]["application/json"]["schema"]["items"]["$ref"];
        assert_eq!(items, "#/components/schemas/GroupFields");
        let picked = &document["components"]["schemas"]["GroupFields"]["allOf"];
        assert_eq!((picked[1].get("required"), picked[1]["properties"]["unread"].is_null()), (None, true));
        assert_eq!(picked[0]["$ref"], "#/components/schemas/Marks");
        let user = &document["components"]["schemas"]["User"]["allOf"];
        let user = [&user[0]["$ref"], &user[1]["$ref"]];
        assert_eq!(user, ["#/components/schemas/Details", "#/components/schemas/Lists"]);
        let operations = document["paths"].as_object().expect("paths").values().filter_map(Value::as_object);
        for operation in operations.flat_map(serde_json::Map::values) {
            let answers = operation["responses"].as_object().expect("answers");
            assert!(answers.values().all(|answer| answer["description"].is_string()), "{operation}");
        }
    }

    #[test]
    fn nulls_and_empty_texts_that_are_taken_are_documented() {
        let document: Value = serde_json::from_str(&openapi()).expect("JSON");
        let property =
            |name: &str, key: &str| document["components"]["schemas"][name]["properties"][key].clone();
        for (name, key) in [("ReportPatch", "note"), ("MessagePatch", "body"), ("NewMessage", "author")] {
            assert_eq!(property(name, key)["type"], json!(["string", "null"]), "{name}.{key}");
        }
        assert_eq!(property("UserPatch", "suspended")["oneOf"][1]["type"], "null");
        assert!(property("NewMessage", "author").get("minLength").is_none());
        for (key, form) in [("respond_to", json!({"maxLength": 0})), ("thread", json!({"maxLength": 0}))] {
            assert_eq!(property("NewMessage", key)["anyOf"][1], form, "{key}");
        }
        assert!(
            property("NewSuspension", "until")["anyOf"][1]["pattern"].is_string(),
            "a date without an offset"
        );
    }

    /// Every documented key of a payload is read: a value of the wrong type is refused with the key's name.
    #[tokio::test]
    async fn every_documented_field_of_a_payload_is_read() {
        let document: Value = serde_json::from_str(&openapi()).expect("JSON");
        let state = state::tests::state(|_| {});
        let mut checked = 0;
        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("an item") {
                let schema = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
                let Some(schema) = schema.as_str().and_then(|name| document.pointer(&name[1..])) else {
                    continue;
                };
                let fields =
                    schema["properties"].as_object().expect("fields").keys().collect::<BTreeSet<_>>();
                if fields.contains(&"contact".to_owned()) {
                    continue; // Two payloads in one; tested with its parser.
                }
                if path.starts_with("/hooks/") {
                    continue; // The body is not read without a valid hook.
                }
                let payload: Value = fields.iter().map(|field| ((*field).clone(), json!([{}]))).collect();
                let path = path.replace("{name}", "arlan").replace("{emoji}", ":tada:");
                let path = path.replace("{id}", "018f6b7e-8a1c-7cc3-9d55-1f1b2a3c4d5e");
                let request = Request::builder().method(method.to_uppercase().as_str()).uri(path);
                let request = request.header("host", "localhost");
                let request = request.header("authorization", format!("Bearer {}", state::tests::KEY));
                let request = request.body(Body::from(payload.to_string())).expect("a request");
                let refused = router::Front::new(state.clone()).answer(request).await;
                let body = axum::body::to_bytes(refused.into_body(), 1 << 20).await.expect("a body");
                let problem: Value = serde_json::from_slice(&body).expect("JSON");
                let errors = problem["errors"].as_array().unwrap_or_else(|| panic!("{schema}: {problem}"));
                // The error of a list item has the item's index in its field.
                let refused = errors.iter().filter_map(|error| error["field"].as_str()?.split('[').next());
                let refused: BTreeSet<_> = refused.collect();
                assert!(fields.iter().all(|field| refused.contains(field.as_str())), "{fields:?}: {problem}");
                checked += 1;
            }
        }
        assert_eq!(checked, 37);
    }

    #[test]
    fn every_reference_within_the_document_leads_somewhere() {
        let document: Value = serde_json::from_str(&openapi()).expect("JSON");
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#").skip(1) {
            let pointer = reference.split('"').next().expect("a pointer");
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
    }
}
