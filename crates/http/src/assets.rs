//! Web pages and scripts in the binary: the web client, the admin page, the API reference, and the modules that pages
//! of other origins import.

mod bare;
mod bundle;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::SystemTime;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use brotli::enc::BrotliEncoderParams;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;

use crate::error::Problem;
use crate::packed;
use crate::state::ServerState;

/// A file as it is sent by a server below the path `base`. Pages refer to files by absolute paths, which work whether
/// or not the page's own URL ends with a slash; `base` is put before them.
fn sent(path: &str, base: &str) -> Option<Bytes> {
    if content_type(path).starts_with("text/html") {
        let page = packed::text(&web(path))?;
        return Some(hashed(page).replace("=\"/", &format!("=\"{base}/")).into());
    }
    if path.starts_with("chinwag/") {
        return Some(bare::bare(&packed::text(&web(path))?).into());
    }
    packed::file(&web(path))
}

/// The path of a page's file in the repository.
fn web(path: &str) -> String {
    format!("web/{path}")
}

/// `GET /`: the web client.
pub(crate) async fn index(State(state): State<Arc<ServerState>>, headers: HeaderMap) -> Response {
    file("index.html", &headers, state.options.base()).await
}

/// `GET /docs/api/`: the API reference.
pub(crate) async fn reference(State(state): State<Arc<ServerState>>, headers: HeaderMap) -> Response {
    file("docs/api.html", &headers, state.options.base()).await
}

/// `GET /admin/`: the admin page.
pub(crate) async fn admin(State(state): State<Arc<ServerState>>, headers: HeaderMap) -> Response {
    file("admin/index.html", &headers, state.options.base()).await
}

/// `GET /assets/…`: files of the pages. Their names contain no characters that need percent-encoding, so the path is
/// not decoded.
pub(crate) async fn asset(State(state): State<Arc<ServerState>>, request: Request) -> Response {
    let (head, _) = request.into_parts();
    let path = head.uri.path().trim_start_matches("/assets/");
    for_any_page(file(path, &head.headers, state.options.base()).await)
}

/// The files whose names contain a hash of their content.
const BUNDLED: [&str; 3] = ["page.js", "page.css", "chinwag-chat.js"];

/// A file whose name contains a hash of its content, so that browsers may cache it forever.
struct Bundled {
    /// For example `page.Zm9vYmFy.js`.
    name: String,
    data: Bytes,
    /// In a debug build, the time of the newest change of the sources.
    changed: Option<SystemTime>,
}

/// The bundled file of a plain name. A debug build bundles again when a source has changed.
fn bundled(plain: &str) -> Option<Arc<Bundled>> {
    static MADE: LazyLock<Mutex<HashMap<String, Arc<Bundled>>>> = LazyLock::new(Mutex::default);
    let plain = BUNDLED.into_iter().find(|name| *name == plain)?;
    let changed = packed::newest_change("web");
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(made) = made.get(plain).filter(|made| made.changed == changed) {
        return Some(made.clone());
    }
    let read = |path: &str| {
        let text = packed::text(&web(path))?;
        Some(if content_type(path).starts_with("text/javascript") { bare::bare(&text) } else { text })
    };
    let text = if content_type(plain).starts_with("text/javascript") {
        bundle::bundle(plain, &read).expect("our own modules have one form")
    } else {
        read(plain)?
    };
    let hash = URL_SAFE_NO_PAD.encode(&Sha256::digest(&text)[..12]);
    let (stem, kind) = plain.rsplit_once('.').expect("each has a kind");
    let file = Arc::new(Bundled { name: format!("{stem}.{hash}.{kind}"), data: text.into(), changed });
    made.insert(plain.to_owned(), file.clone());
    Some(file)
}

/// A page with the hashed names of bundled files in place of the plain ones.
fn hashed(page: String) -> String {
    BUNDLED.iter().fold(page, |page, plain| {
        let name = format!("=\"/bundle/{plain}\"");
        if !page.contains(&name) {
            return page;
        }
        let file = bundled(plain).expect("it is in the list");
        page.replace(&name, &format!("=\"/bundle/{}\"", file.name))
    })
}

/// `GET /bundle/…`: a bundled file, cached forever under its current name. Under an outdated name the current content
/// is returned, for a page that a node of another version has sent.
pub(crate) async fn bundle(request: Request) -> Response {
    let asked = request.uri().path().trim_start_matches("/bundle/");
    let plain = match asked.split('.').collect::<Vec<_>>()[..] {
        [stem, kind] | [stem, _, kind] => format!("{stem}.{kind}"),
        _ => return Problem::no_path().into_response(),
    };
    let Some(file) = bundled(&plain) else { return Problem::no_path().into_response() };
    let kept = if asked == file.name { "public, max-age=31536000, immutable" } else { "no-cache" };
    let caching = [
        (header::CACHE_CONTROL, HeaderValue::from_static(kept)),
        (header::VARY, HeaderValue::from_static("Accept-Encoding")),
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type(&plain))),
    ];
    if !takes_brotli(request.headers()) {
        return for_any_page((caching, file.data.clone()).into_response());
    }
    let coding = [(header::CONTENT_ENCODING, HeaderValue::from_static("br"))];
    for_any_page((caching, coding, compressed(&file.name, || file.data.clone()).await).into_response())
}

/// `GET /chinwag-chat.js`: the stable name of the custom element's module. It re-exports the bundle.
pub(crate) async fn element(request: Request) -> Response {
    let file = bundled("chinwag-chat.js").expect("it is in the list");
    let text = format!("export * from \"./bundle/{}\";\n", file.name);
    let caching = [
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type(request.uri().path()))),
    ];
    for_any_page((caching, text).into_response())
}

/// `GET /chinwag.js` and its imports, under stable names for pages of other sites.
pub(crate) async fn module(request: Request) -> Response {
    let (head, _) = request.into_parts();
    for_any_page(file(head.uri.path().trim_start_matches('/'), &head.headers, "").await)
}

/// Allows pages of any origin to load a file, which is the same for everyone. The origins that may call the API are
/// configured separately.
fn for_any_page(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    response
}

/// A file with an `ETag`, or 304 if the client has it. These names do not depend on the content, so browsers
/// revalidate each time.
async fn file(path: &str, headers: &HeaderMap, base: &str) -> Response {
    match sent(path, base) {
        Some(file) => answer(&file, content_type(path), headers, base).await,
        None => Problem::no_path().into_response(),
    }
}

/// A page with absolute links, served below `base`.
pub(crate) async fn page(html: &str, headers: &HeaderMap, base: &str) -> Response {
    let html = html.replace("=\"/", &format!("=\"{base}/"));
    answer(html.as_bytes(), content_type(".html"), headers, base).await
}

pub(crate) async fn json(text: &str, headers: &HeaderMap) -> Response {
    answer(text.as_bytes(), content_type(".json"), headers, "").await
}

pub(crate) async fn svg(data: &[u8], headers: &HeaderMap) -> Response {
    answer(data, content_type(".svg"), headers, "").await
}

/// Sends content that is constant while the server runs, or 304 if the client has it.
async fn answer(data: &[u8], kind: &'static str, headers: &HeaderMap, base: &str) -> Response {
    let small = is_text(kind) && takes_brotli(headers);
    let tag = tag(data, small, base);
    let mut held = listed(headers, header::IF_NONE_MATCH).map(|item| item.trim_start_matches("W/"));
    let unchanged = held.any(|item| item == tag || item == "*");
    let caching = [
        (header::ETAG, HeaderValue::try_from(&tag).expect("base 64 is ASCII")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::VARY, HeaderValue::from_static("Accept-Encoding")),
    ];
    if unchanged {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static(kind))];
    if small {
        let coding = [(header::CONTENT_ENCODING, HeaderValue::from_static("br"))];
        let data = compressed(&tag, || Bytes::copy_from_slice(data)).await;
        return (caching, kind, coding, data).into_response();
    }
    (caching, kind, data.to_owned()).into_response()
}

/// The quality of Brotli, up to 11. The highest takes seconds in a debug build, again in each test process, and from
/// 7 on the encoder allocates many megabytes per file.
const QUALITY: i32 = if cfg!(debug_assertions) { 5 } else { 11 };

/// A file compressed with Brotli. Each is compressed once, on first request, on a blocking thread; the number of
/// files bounds the number of threads.
async fn compressed(tag: &str, data: impl FnOnce() -> Bytes) -> Bytes {
    static MADE: LazyLock<Mutex<HashMap<String, Arc<OnceCell<Bytes>>>>> = LazyLock::new(Mutex::default);
    let place = {
        let mut all = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(tag.to_owned()).or_default().clone()
    };
    if let Some(made) = place.get() {
        return made.clone();
    }
    let data = data();
    // Compress in a task of its own: it continues if the first caller disconnects, and all others wait for it.
    let making = tokio::spawn(async move {
        let make =
            || async { spawn_blocking(move || brotli(&data)).await.expect("our own files are compressed") };
        place.get_or_init(make).await.clone()
    });
    making.await.expect("our own files are compressed")
}

fn brotli(mut data: &[u8]) -> Bytes {
    let mut bytes = Vec::new();
    // A window as large as the file: the default of 4 MiB would allocate 32 MiB of tables for each file.
    let window = i32::try_from((data.len() + 16).next_power_of_two().trailing_zeros()).unwrap_or(i32::MAX);
    let params = BrotliEncoderParams {
        quality: QUALITY,
        lgwin: window.clamp(10, 22),
        size_hint: data.len(),
        ..Default::default()
    };
    brotli::BrotliCompress(&mut data, &mut bytes, &params).expect("memory is written to");
    bytes.into()
}

fn takes_brotli(headers: &HeaderMap) -> bool {
    listed(headers, header::ACCEPT_ENCODING).any(|item| {
        let (coding, quality) = item.split_once(';').unwrap_or((item, ""));
        let refused = quality.trim().strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0));
        coding.trim() == "br" && !refused
    })
}

/// The items of a header whose value is a comma-separated list.
fn listed(headers: &HeaderMap, name: header::HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

/// The `ETag`. It differs by encoding, as caches need it, and by base.
fn tag(data: &[u8], small: bool, base: &str) -> String {
    let hash = URL_SAFE_NO_PAD.encode(&Sha256::digest(data)[..12]);
    let base = base.replace('/', "-");
    format!("\"{hash}{base}{}\"", if small { "-br" } else { "" })
}

fn is_text(content_type: &str) -> bool {
    content_type.starts_with("text/")
        || matches!(content_type, "image/svg+xml" | "application/json" | "application/manifest+json")
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
        Some("webmanifest") => "application/manifest+json",
        Some("txt" | "md" | "ts") => "text/plain; charset=utf-8",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_page_has_its_type_and_is_sent_again_only_if_changed() {
        let first = file("index.html", &HeaderMap::new(), "").await;
        assert_eq!(first.status(), StatusCode::OK);
        assert_eq!(first.headers()["content-type"], "text/html; charset=utf-8");
        assert_eq!(first.headers()["cache-control"], "no-cache");
        let tag = first.headers()["etag"].clone();
        let again = async |value: HeaderValue| {
            file("index.html", &HeaderMap::from_iter([(header::IF_NONE_MATCH, value)]), "").await.status()
        };
        assert_eq!(again(tag.clone()).await, StatusCode::NOT_MODIFIED);
        let weak = format!("\"x\", W/{}", tag.to_str().unwrap());
        assert_eq!(again(weak.try_into().unwrap()).await, StatusCode::NOT_MODIFIED);
        assert_eq!(again(HeaderValue::from_static("\"x\"")).await, StatusCode::OK);
    }

    #[tokio::test]
    async fn text_files_are_sent_in_brotli_to_clients_that_accept_it() {
        let ask = |value| HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))]);
        let plain = file("index.html", &ask("gzip, br;q=0"), "").await;
        assert!(!plain.headers().contains_key("content-encoding"));
        for _ in 0..2 {
            let small = file("index.html", &ask("gzip;q=0.5, br"), "").await;
            assert_eq!(small.headers()["content-encoding"], "br");
            assert_eq!(small.headers()["vary"], "Accept-Encoding");
            assert_ne!(small.headers()["etag"], plain.headers()["etag"]);
            let bytes = axum::body::to_bytes(small.into_body(), 1 << 20).await.unwrap();
            let mut read = Vec::new();
            brotli::BrotliDecompress(&mut &*bytes, &mut read).unwrap();
            assert_eq!(read, sent("index.html", "").unwrap());
        }
    }

    #[tokio::test]
    async fn nothing_outside_is_served() {
        for path in ["../Cargo.toml", "/etc/passwd", "..%2fCargo.toml", "docs", "", "nothing.js"] {
            assert_eq!(file(path, &HeaderMap::new(), "").await.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }
}
