//! The pages that are part of the program: the web client, the API's documentation, and the modules
//! that other origins' pages import.

use axum::extract::{Path, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::error::Problem;

#[derive(RustEmbed)]
#[folder = "../../web"]
struct Web;

/// `GET /`: the web client.
pub(crate) async fn index(request: Request) -> Response {
    file("index.html", request.headers())
}

/// `GET /docs/`: the API's documentation.
pub(crate) async fn docs(request: Request) -> Response {
    file("docs/index.html", request.headers())
}

/// `GET /assets/…`: what the pages are made of.
pub(crate) async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
    for_any_page(file(&path, &headers))
}

/// `GET /chinwag.js` and what it imports, under the names that stand in other people's pages.
pub(crate) async fn module(request: Request) -> Response {
    for_any_page(file(request.uri().path().trim_start_matches('/'), request.headers()))
}

/// Lets pages of any origin load a file. It is the same for everybody; whose pages may call the
/// API is another matter.
fn for_any_page(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    response
}

/// A file, or the word that the caller has it already. Names do not change with their content,
/// so browsers ask each time, and are answered 304 while nothing has changed.
fn file(path: &str, headers: &HeaderMap) -> Response {
    let Some(file) = Web::get(path) else { return Problem::no_path().into_response() };
    let tag = tag(&file);
    let held = headers.get_all(header::IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
    let mut held = held.flat_map(|value| value.split(',')).map(|item| item.trim().trim_start_matches("W/"));
    let unchanged = held.any(|item| item == tag || item == "*");
    let caching = [
        (header::ETAG, HeaderValue::try_from(tag).expect("base 64 is ASCII")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    if unchanged {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    let kind = HeaderValue::from_static(content_type(path));
    (caching, [(header::CONTENT_TYPE, kind)], file.data.into_owned()).into_response()
}

fn tag(file: &EmbeddedFile) -> String {
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(&file.metadata.sha256_hash()[..12]))
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/vnd.microsoft.icon",
        Some("json") => "application/json",
        Some("txt" | "md" | "ts") => "text/plain; charset=utf-8",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_served_with_its_type_and_again_only_when_it_has_changed() {
        let first = file("index.html", &HeaderMap::new());
        assert_eq!(first.status(), StatusCode::OK);
        assert_eq!(first.headers()["content-type"], "text/html; charset=utf-8");
        assert_eq!(first.headers()["cache-control"], "no-cache");
        let tag = first.headers()["etag"].clone();
        let again =
            |value: HeaderValue| file("index.html", &HeaderMap::from_iter([(header::IF_NONE_MATCH, value)]));
        assert_eq!(again(tag.clone()).status(), StatusCode::NOT_MODIFIED);
        let weak = format!("\"x\", W/{}", tag.to_str().unwrap());
        assert_eq!(again(weak.try_into().unwrap()).status(), StatusCode::NOT_MODIFIED);
        assert_eq!(again(HeaderValue::from_static("\"x\"")).status(), StatusCode::OK);
    }

    #[test]
    fn nothing_outside_is_served() {
        for path in ["../Cargo.toml", "/etc/passwd", "..%2fCargo.toml", "docs", "", "nothing.js"] {
            assert_eq!(file(path, &HeaderMap::new()).status(), StatusCode::NOT_FOUND, "{path}");
        }
    }
}
