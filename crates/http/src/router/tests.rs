//! Tests of the checks that every request passes.

use axum::body::{Body, to_bytes};
use axum::http::Response;
use serde_json::Value;

use super::*;
use crate::options::Options;
use crate::state::tests::{KEY, state};

async fn ask(
    state: &Arc<ServerState>,
    request: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Response<Body> {
    let (method, path) = request.split_once(' ').expect("a method and a path");
    let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body.into()).expect("a request");
    Front::new(state.clone()).answer(request).await
}

async fn json(response: Response<Body>) -> Value {
    let body = to_bytes(response.into_body(), 1 << 20).await.expect("a body");
    serde_json::from_slice(&body).expect("JSON")
}

const BEARER: (&str, &str) = ("authorization", "Bearer 0123456789abcdef");

#[tokio::test]
async fn a_path_with_and_without_its_slash_is_one() {
    let state = state(|_| {});
    assert_eq!(BEARER.1, format!("Bearer {KEY}"));
    for path in [
        "/api/v1/users/",
        "/api/v1/users",
        "/api/v1/users?fields=name",
        "/healthz",
        "/healthz/",
        "/",
        "/docs",
    ] {
        let status = ask(&state, &format!("GET {path}"), &[BEARER], "").await.status();
        assert_eq!(status, StatusCode::OK, "{path}");
    }
    let made = ask(&state, "POST /api/v1/users", &[BEARER], r#"{"name":"arlan"}"#).await;
    assert_eq!(made.status(), StatusCode::CREATED);
    for path in ["/api/v1/users//", "//api/v1/users", "/api/v1/", "/api/v1/nothing/", "/%2e%2e/"] {
        let refused = ask(&state, &format!("GET {path}"), &[BEARER], "").await;
        assert_eq!(refused.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(refused.headers()["content-type"], "application/problem+json", "{path}");
    }
}

#[tokio::test]
async fn wrong_method_lists_the_allowed_ones() {
    let refused = ask(&state(|_| {}), "PUT /api/v1/users/", &[BEARER], "").await;
    assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
    let allow = refused.headers()["allow"].to_str().unwrap().to_owned();
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
    assert_eq!(json(refused).await["status"], 405);
}

#[tokio::test]
async fn a_request_keeps_a_sane_id_and_is_given_one_otherwise() {
    let state = state(|_| {});
    let answered = async |id: &str| {
        let response = ask(&state, "GET /healthz", &[("x-request-id", id)], "").await;
        response.headers()["x-request-id"].to_str().unwrap().to_owned()
    };
    assert_eq!(answered("abc-1.2_3").await, "abc-1.2_3");
    for bad in ["", "a b", "a\"b", &"x".repeat(65)] {
        assert_eq!(answered(bad).await.len(), 36, "{bad}");
    }
}

#[tokio::test]
async fn every_answer_says_what_browsers_are_to_heed() {
    let state = state(|_| {});
    for path in ["/", "/api/v1/users/", "/nothing"] {
        let response = ask(&state, &format!("GET {path}"), &[], "").await;
        assert_eq!(response.headers()["x-content-type-options"], "nosniff", "{path}");
        assert!(
            response.headers()["content-security-policy"].to_str().unwrap().contains("default-src 'none'")
        );
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_with_or_without_length() {
    let state = state(|options| options.max_body = 100);
    let long = format!(r#"{{"name":"{}"}}"#, "x".repeat(200));
    let told = ask(&state, "POST /api/v1/users/", &[BEARER], long.clone()).await;
    assert_eq!(told.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let pieces = futures_util::stream::iter([Ok::<_, std::io::Error>(long.clone()), Ok(long)]);
    let untold = ask(&state, "POST /api/v1/users/", &[BEARER], Body::from_stream(pieces)).await;
    assert_eq!(untold.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let state = state(|options| options.body_timeout = std::time::Duration::from_millis(20));
    let never = Body::from_stream(futures_util::stream::pending::<Result<String, std::io::Error>>());
    let refused = ask(&state, "POST /api/v1/accounts/", &[], never).await;
    assert_eq!(refused.status(), StatusCode::REQUEST_TIMEOUT);
}

#[tokio::test]
async fn an_overloaded_server_refuses_requests_but_not_health_checks() {
    let state = state(|options| options.requests = 0);
    let refused = ask(&state, "GET /api/v1/users/", &[BEARER], "").await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(ask(&state, "GET /healthz", &[], "").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_panic_is_a_fault_that_says_nothing() {
    let response = panicked(&"the secret is 42".to_owned());
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!json(response).await.to_string().contains("42"));
}

#[tokio::test]
async fn metrics_have_one_path_alone() {
    let state = state(|_| {});
    for path in ["/metrics/", "/metrics//", "//metrics", "/%6detrics", "/Metrics"] {
        let answer = ask(&state, &format!("GET {path}"), &[], "").await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_server_about_to_end_is_not_ready() {
    let state = state(|_| {});
    assert_eq!(ask(&state, "GET /readyz", &[], "").await.status(), StatusCode::OK);
    state.drain();
    let unready = ask(&state, "GET /readyz", &[], "").await;
    assert_eq!(unready.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(json(unready).await["why"], "draining");
    assert_eq!(ask(&state, "GET /healthz", &[], "").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn pages_of_configured_origins_may_call_with_a_token() {
    let state = state(|options: &mut Options| options.origins = vec!["https://app.example".into()]);
    let asks = [("origin", "https://app.example"), ("access-control-request-method", "PATCH")];
    let preflight = ask(&state, "OPTIONS /api/v1/users/arlan/", &asks, "").await;
    assert_eq!(preflight.status(), StatusCode::NO_CONTENT);
    assert_eq!(preflight.headers()["access-control-allow-origin"], "https://app.example");
    assert!(preflight.headers()["access-control-allow-headers"].to_str().unwrap().contains("Authorization"));
    assert!(!preflight.headers().contains_key("access-control-allow-credentials"));
    let called = ask(&state, "GET /api/v1/users/", &[BEARER, asks[0]], "").await;
    assert_eq!(called.headers()["access-control-allow-origin"], "https://app.example");
    let foreign = [("origin", "https://evil.example"), ("access-control-request-method", "PATCH")];
    let refused = ask(&state, "OPTIONS /api/v1/users/arlan/", &foreign, "").await;
    assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert!(!refused.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn metrics_are_labelled_by_route() {
    let state = state(|_| {});
    ask(&state, "GET /api/v1/users/somebody/", &[BEARER], "").await;
    ask(&state, "GET /somewhere/else/", &[], "").await;
    let body =
        to_bytes(ask(&state, "GET /metrics", &[], "").await.into_body(), 1 << 20).await.expect("a body");
    let text = String::from_utf8(body.to_vec()).expect("UTF-8");
    let line = |needle: &str| {
        text.lines().any(|line| line.starts_with("chinwag_http_requests_total") && line.contains(needle))
    };
    assert!(line(r#"route="/api/v1/users/{name}""#), "{text}");
    assert!(line(r#"route="none""#), "{text}");
    assert!(!text.contains("somebody") && !text.contains("somewhere"), "{text}");
    assert!(text.contains("chinwag_sockets 0") && text.contains("process_resident_memory_bytes"), "{text}");
}
