//! Malformed requests, each answered with a sentence that names the problem; and unknown keys.

use chinwag_testkit::app::{SERVICE_KEY, TestApp};
use chinwag_testkit::client::Answer;
use reqwest::Method;
use serde_json::json;

use crate::edge::raw;

async fn post(app: &TestApp, headers: &[(&str, &str)], body: &str) -> Answer {
    let service = app.service();
    let mut request = service.request(Method::POST, "users/").body(body.to_owned());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    service.send(request).await
}

fn assert_problem(answer: &Answer, status: u16, detail: &str) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert!(answer.json["detail"].as_str().is_some_and(|text| text.contains(detail)), "{}", answer.text);
}

#[tokio::test]
async fn bodies_in_another_coding_are_refused() {
    let app = TestApp::start().await;
    for coding in ["gzip", "br", "zstd", "x-foo", "identity, gzip"] {
        let refused = post(&app, &[("content-encoding", coding)], r#"{"name": "ann"}"#).await;
        assert_problem(&refused, 415, "Content-Encoding");
        assert_eq!(refused.header("accept-encoding"), "identity");
    }
    post(&app, &[("content-encoding", "identity")], r#"{"name": "ann"}"#).await.ok(201);
    let chunked = |coding: &str, name: &str| {
        let body = format!("{{\"name\": \"{name}\"}}");
        format!(
            "POST /api/v1/users/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {SERVICE_KEY}\r\n\
             Transfer-Encoding: {coding}\r\nConnection: close\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
            body.len()
        )
    };
    for coding in ["gzip, chunked", "identity, chunked", "chunked, chunked"] {
        let (status, said) = raw(&app, &chunked(coding, "eve")).await;
        assert!([400, 501].contains(&status), "{coding}: {said}");
        app.service().get("users/eve/").await.ok(404);
    }
    assert_eq!(raw(&app, &chunked("gzip, chunked", "eve")).await.0, 501);
    assert_eq!(raw(&app, &chunked("Chunked", "bob")).await.0, 201);
}

#[tokio::test]
async fn bodies_that_are_no_object_are_named() {
    let app = TestApp::start().await;
    let nested = format!("{{\"name\": {}", "[".repeat(200));
    for (kind, body, detail) in [
        ("application/json", "\u{feff}{\"name\": \"ann\"}", "byte order mark"),
        ("application/x-www-form-urlencoded", "name=ann", "HTML form"),
        ("application/x-www-form-urlencoded; charset=UTF-8", "name=ann&x=1", "HTML form"),
        ("multipart/form-data; boundary=x", "--x\r\n", "HTML form"),
        ("application/json", "name=ann", "begins with 'n'"),
        ("application/json", "<name>", "begins with '<'"),
        ("application/json", "[]", "begins with '['"),
        ("application/json", "null", "begins with 'n'"),
        ("application/json", "", "is empty"),
        ("application/json", "{\"name\": ", "JSON: it ends too early, at line 1, column 9"),
        ("application/json", "{\"name\": ann}", "JSON: see line 1, column 10"),
        ("application/json", "{\"name\": \"\\ud800\"}", "JSON: see line 1, column"),
        ("application/json", &nested, "is nested too deeply at line 1, column"),
    ] {
        assert_problem(&post(&app, &[("content-type", kind)], body).await, 400, detail);
    }
    let form = [("content-type", "application/x-www-form-urlencoded")];
    post(&app, &form, r#"{"name": "ann"}"#).await.ok(201);
}

#[tokio::test]
async fn events_that_are_no_object_are_named() {
    let app = TestApp::start().await;
    let mut socket = app.user("ann").await.ws().await;
    for (text, detail) in [
        ("[]", "begins with '['"),
        ("null", "begins with 'n'"),
        ("7", "begins with '7'"),
        ("", "is empty"),
        ("\u{feff}{}", "byte order mark"),
        ("[{\"type\": \"message.text\"}]", "begins with '['"),
    ] {
        socket.send_text(text).await;
        let refused = socket.expect("error.decode").await;
        let said = refused["data"]["detail"].as_str().expect("a sentence");
        assert!(refused["code"] == 400 && said.contains(detail), "{text}: {refused}");
    }
}

#[tokio::test]
async fn handshakes_out_of_form_are_problems() {
    let app = TestApp::start().await;
    let shake = |change: &dyn Fn(&str) -> String| {
        change(
            "GET /chat/ HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
        )
    };
    let version = shake(&|text| text.replace("Version: 13", "Version: 8"));
    let key = shake(&|text| text.replace("AAAAAAAAAAAAAAAAAAAAAA==", "short"));
    let plain = shake(&|text| text.replace("Upgrade: websocket\r\n", ""));
    for (request, status, detail) in [
        (version, 426, "Sec-WebSocket-Version must be 13"),
        (key, 400, "Sec-WebSocket-Key must be"),
        (plain, 426, "the address of the WebSocket"),
        (shake(&str::to_owned), 401, "a credential is required"),
    ] {
        let (found, said) = raw(&app, &request).await;
        assert_eq!(found, status, "{said}");
        assert!(said.contains("application/problem+json") && said.contains(detail), "{said}");
    }
    for path in ["/assets/%ff", "/docs/%ff", "/docs/plots/%ff"] {
        assert_problem(&app.nobody().get(path).await, 404, "nothing at this path");
    }
    assert_problem(&app.service().get("users/%ff/").await, 404, "user");
}

#[tokio::test]
async fn unknown_keys_are_named_in_the_order_sent() {
    let app = TestApp::with(|options| options.http.origins = vec!["https://app.example".into()]).await;
    let service = app.service();
    let request =
        service.request(Method::POST, "users/?search=x&a,b=1").header("origin", "https://app.example");
    let body = r#"{"zeta": 1, "name": "ann", "display name": "Ann", "é": null}"#;
    let made = service.send(request.body(body)).await;
    assert_eq!(
        (made.status, made.header("chinwag-ignored")),
        (201, "search,a%2Cb,zeta,display%20name,%C3%A9")
    );
    assert!(made.header("access-control-expose-headers").contains("Chinwag-Ignored"));
    service.user("bob").await;
    let contact = json!({ "contact": { "name": "bob", "operation": "contact", "mood": 1 }, "more": 1 });
    assert_eq!(service.patch("users/ann/", contact).await.header("chinwag-ignored"), "contact.mood,more");
    for known in ["users/?limit=1&fields=name", "users/ann/?fields=__all__", "groups/?limit=2&cursor="] {
        assert_eq!(service.get(known).await.header("chinwag-ignored"), "", "{known}");
    }
    let refused = service.get("users/?limit=0&nick=1").await;
    assert_eq!((refused.status, refused.header("chinwag-ignored")), (400, "nick"));
}

#[tokio::test]
async fn strict_servers_refuse_unknown_keys() {
    let app = TestApp::with(|options| options.http.strict = true).await;
    let service = app.service();
    let refused = service.post("users/", json!({ "name": "ann", "metadata": {}, "search": 1 })).await;
    let errors = refused.clone().ok(400)["errors"].clone();
    assert_eq!(
        (&errors[0]["field"], &errors[1]["field"]),
        (&json!("metadata"), &json!("search")),
        "{errors}"
    );
    service.get("users/ann/").await.ok(404);
    service.post("users/", json!({ "name": "ann" })).await.ok(201);
    let refused = service.delete("users/ann/?search=x").await;
    assert_problem(&refused, 400, "search is not known");
    service.get("users/ann/").await.ok(200);
    let forged = app.nobody().bearing("forged").delete("users/ann/?search=x").await;
    assert_eq!(forged.status, 401, "a bad credential comes first");
}
