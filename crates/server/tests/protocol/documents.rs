//! The OpenAPI document matches the server's answers.

use chinwag_testkit::app::TestApp;
use chinwag_testkit::setup::{group, id, send};
use reqwest::Method;
use serde_json::{Value, json};

use crate::files::{path, upload};

/// The schemas that may apply to a value, with references resolved.
fn parts<'a>(document: &'a Value, schema: &'a Value) -> Vec<&'a Value> {
    if let Some(reference) = schema["$ref"].as_str() {
        return parts(document, document.pointer(&reference[1..]).expect(reference));
    }
    let within = ["allOf", "oneOf", "anyOf"].into_iter().filter_map(|key| schema[key].as_array()).flatten();
    within.flat_map(|part| parts(document, part)).chain([schema]).collect()
}

/// Asserts that the schema lists every key of an answer.
fn check(document: &Value, schema: &Value, value: &Value, at: &str) {
    let parts = parts(document, schema);
    for (key, value) in value.as_object().into_iter().flatten() {
        let named = parts.iter().find_map(|part| part["properties"].get(key));
        match named.or_else(|| parts.iter().find_map(|part| part.get("additionalProperties"))) {
            Some(schema) => check(document, schema, value, &format!("{at}.{key}")),
            None => panic!("{at}.{key} is not in the document"),
        }
    }
    for value in value.as_array().into_iter().flatten() {
        let items = parts.iter().find_map(|part| part.get("items")).expect("the schema of items");
        check(document, items, value, &format!("{at}[]"));
    }
}

#[tokio::test]
async fn keys_of_answers_are_in_the_document() {
    let app = TestApp::start().await;
    let (service, ann, _bob) = (app.service(), app.user("ann").await, app.user("bob").await);
    let document = service.get("openapi.json").await.ok(200);
    let group = group(&service, &["ann", "bob"]).await;
    let message = id(&send(&ann, &group, "hello").await);
    let file = upload(&ann, "a.txt", "text").await.ok(201);
    for (path, asked) in [
        ("users/{name}/", "users/ann/?fields=__all__".to_owned()),
        ("users/", "users/?fields=__all__".into()),
        ("users/{name}/sessions/", "users/ann/sessions/".into()),
        ("groups/", "groups/?fields=__all__".into()),
        ("groups/{id}/", format!("groups/{group}/?fields=__all__")),
        ("groups/{id}/members/", format!("groups/{group}/members/")),
        ("groups/{id}/messages/", format!("groups/{group}/messages/?entries=all")),
        ("messages/{id}/", format!("messages/{message}/")),
        ("files/", "files/".into()),
        ("files/{id}/", format!("files/{}/", id(&file))),
        ("server/", "server/".into()),
        ("sessions/", "sessions/".into()),
    ] {
        let answer = ann.get(&asked).await.ok(200);
        let answered = &document["paths"][format!("/api/v1/{path}")]["get"]["responses"]["200"]["content"];
        check(&document, &answered["application/json"]["schema"], &answer, path);
    }
}

#[tokio::test]
async fn refusals_and_headers_of_answers_are_in_the_document() {
    let app = TestApp::start().await;
    let (service, ann) = (app.service(), app.user("ann").await);
    let document = service.get("openapi.json").await.ok(200);
    let answers =
        |path: &str, method: &str| document["paths"][format!("/api/v1/{path}")][method]["responses"].clone();
    let file = upload(&ann, "a.txt", "text").await.ok(201);
    let far = ann.request(Method::GET, &path(&file)).header("range", "bytes=9-");
    let of_file = answers("files/{id}/{name}", "get");
    let refused = ann.send(far).await;
    assert_eq!((refused.status, refused.header("content-type")), (416, "application/problem+json"));
    assert!(of_file["416"]["content"]["application/problem+json"].is_object(), "{}", of_file["416"]);
    assert!(of_file["200"]["content"]["*/*"].is_object(), "{}", of_file["200"]);
    let secret = json!({ "password": "correct horse battery" });
    service.put("users/ann/password/", secret).await.ok(409);
    assert!(answers("users/{name}/password/", "put")["409"].is_object());
    let page = service.get("users/?limit=1&colour=red").await;
    let of_page = answers("users/", "get");
    for name in ["Link", "Chinwag-Ignored"] {
        assert!(!page.header(name).is_empty() && of_page["200"]["headers"][name].is_object(), "{name}");
    }
    assert!(of_page["429"]["headers"]["Retry-After"].is_object());
    assert_eq!(service.delete("users/ann/").await.ok(200), json!({}));
    assert_eq!(
        answers("users/{name}/", "delete")["200"]["content"]["application/json"]["schema"]["type"],
        "object"
    );
    assert!(answers("events/", "get")["200"]["content"]["text/event-stream"].is_object());
}
