//! The API's document (OpenAPI 3.1), made from the handlers themselves.

use axum::http::StatusCode;
use axum::response::Response;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::rest::answer::bytes;
use crate::rest::{account, group, message, relation, session, ticket, token, user};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Chinwag",
        description = "The REST door of the chat server Chinwag. Paths work with and without the slash at their end. \
                       Bodies are JSON objects whatever the content type says; refusals are problems (RFC 9457).",
    ),
    paths(
        account::create,
        session::create, session::get, session::delete,
        ticket::create,
        user::create, user::list, user::get, user::update, user::delete,
        token::create,
        group::create, group::list, group::get, group::update, group::delete,
        message::history,
        message::create, message::list, message::get, message::update, message::delete,
        relation::blocked,
    ),
    tags(
        (name = "accounts", description = "Accounts, sessions, tokens and tickets: who may call as whom."),
        (name = "users", description = "Users and their relations."),
        (name = "groups", description = "Groups and who is in them."),
        (name = "messages", description = "Messages and a group's history."),
        (name = "relations", description = "Questions about relations."),
    ),
    security(("service_key" = []), ("user_token" = []), ("cookie" = [])),
    modifiers(&Credentials),
)]
struct Document;

/// The ways to show who is calling.
struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = |what: &str| {
            let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(what));
            SecurityScheme::Http(scheme.build())
        };
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("service_key", bearer("The service's key: everything, in any user's name."));
        components.add_security_scheme("user_token", bearer("A user's token: acts as that user only."));
        let cookie = ApiKeyValue::with_description("access", "The same token, as signing in sets it in browsers.");
        components.add_security_scheme("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    }
}

/// The document, as JSON.
pub fn openapi() -> String {
    Document::openapi().to_pretty_json().expect("the document can be written")
}

/// `GET /api/v1/openapi.json`
pub(crate) async fn document() -> Response {
    bytes(StatusCode::OK, openapi().into_bytes())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use axum::body::Body;
    use axum::http::{Method, Request, header};
    use serde_json::Value;
    use tower::ServiceExt;

    use super::*;
    use crate::{doors, router};

    /// What is documented: path and method, e.g. `GET /api/v1/users/`.
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
        let doors = doors::tests::doors(|_| {});
        for (path, methods) in router::api() {
            let trace = Request::builder().method(Method::TRACE).body(Body::empty()).expect("a request");
            let refused = methods.with_state(doors.clone()).oneshot(trace).await.expect("an answer");
            let allowed = refused.headers()[header::ALLOW].to_str().expect("ASCII");
            let allowed = allowed.split(',').filter(|method| *method != "HEAD");
            routed.extend(allowed.map(|method| format!("{method} {path}")));
        }
        assert_eq!(routed, documented());
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
