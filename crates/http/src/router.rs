//! The router: all paths, and the checks that each request passes on its way to a handler.

use std::any::Any;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, Route, get};
use futures_util::FutureExt;
use tower::layer::layer_fn;
use tower::{ServiceExt, service_fn};
use tracing::Instrument;
use uuid::Uuid;

use crate::error::{self, Problem};
use crate::health::Figures;
use crate::logged;
use crate::network::client_stream::OverTls;
use crate::network::peer::{forwarded_host, trusts};
use crate::network::{hosts, origins};
use crate::routes::RouteDemands;
use crate::state::ServerState;
use crate::unknown::{self, DocumentedParameters};
#[allow(clippy::wildcard_imports, reason = "the table of routes names every noun")]
use crate::{api::*, rest::*};
use crate::{assets, asyncapi, guides, health, openapi, pipeline, trace, ws};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Pages may run their own scripts and connect to their own host, and nothing else.
const CONTENT_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data: https:; \
     media-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// HSTS: browsers use only TLS for this host, for half a year from each response.
const HTTPS_ALONE: HeaderValue = HeaderValue::from_static("max-age=15552000");

/// Response headers that pages of other origins may read.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Link, Retry-After, X-Request-Id, Chinwag-Ignored, Chinwag-Indexing, Location, ETag, Accept-Ranges, Content-Range, \
     Content-Disposition, Tus-Resumable, Tus-Version, Tus-Extension, Tus-Max-Size, Tus-Checksum-Algorithm, \
     Upload-Offset, Upload-Length, Upload-Metadata",
);
/// Methods that such pages may use.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
/// Headers that such pages may send.
const ALLOWED: HeaderValue = HeaderValue::from_static(
    "Authorization, Content-Type, X-Request-Id, Range, If-Range, If-None-Match, Tus-Resumable, Upload-Length, \
     Upload-Offset, Upload-Metadata, Upload-Checksum",
);

/// Probes of the server's state. Monitoring calls them without the server's host name.
const PROBES: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

type Endpoint = MethodRouter<Arc<ServerState>>;

/// Generates functions with the endpoints of the route table.
macro_rules! endpoints {
    ($($list:ident { $($path:literal { $($method:ident $noun:ident::$handler:ident$(: $rules:expr)?;)+ })+ })+) => {
        $(pub(crate) fn $list() -> Vec<(&'static str, Endpoint)> {
            vec![$(($path, Endpoint::new()$(.$method($noun::$handler))+)),+]
        })+
    };
}

routes!(endpoints);

/// The WebSocket and the web pages.
fn pages() -> Vec<(&'static str, Endpoint)> {
    vec![
        ("/chat/", get(ws::handshake)),
        ("/admin/", get(assets::admin)),
        ("/docs/", get(guides::first)),
        ("/docs/sections.json", get(guides::sections)),
        ("/docs/api/", get(assets::reference)),
        ("/docs/plots/{name}", get(guides::plot)),
        ("/docs/{name}/", get(guides::guide)),
        ("/assets/{*path}", get(assets::asset)),
        ("/chinwag.js", get(assets::module)),
        ("/worker.js", get(assets::module)),
        ("/manifest.webmanifest", get(assets::module)),
        ("/chinwag.d.ts", get(assets::module)),
        ("/chinwag/{*path}", get(assets::module)),
        ("/chinwag-chat.js", get(assets::element)),
        ("/bundle/{name}", get(assets::bundle)),
        ("/chinwag-chat/{*path}", get(assets::module)),
        ("/words/{*path}", get(assets::module)),
        ("/vendor/{*path}", get(assets::module)),
        ("/", get(assets::index)),
    ]
}

/// The router, with the checks before it and the headers added after it.
pub struct Front {
    state: Arc<ServerState>,
    routes: Router,
    unrouted: Arc<Figures>,
}

impl Front {
    pub fn new(state: Arc<ServerState>) -> Self {
        let unrouted = Arc::new(Figures::new("none"));
        let counted = unrouted.clone();
        let routes = with_paths(Router::new(), api(), &state, true);
        let routes = with_paths(routes, service(), &state, false);
        let routes = with_paths(routes, pages(), &state, false).fallback(async move |method: Method| {
            let response = Problem::no_path().into_response();
            counted.count(&method, response.status(), Duration::ZERO);
            response
        });
        Self { routes: routes.with_state(state.clone()), state, unrouted }
    }

    /// Answers a request. Handlers get the client's address from [`ConnectInfo`]`<SocketAddr>`, which
    /// [`serve`](crate::serve()) inserts into each request.
    ///
    /// Assigns an id to the request, and a span for its log entries. Secrets are removed from the logged path.
    pub async fn answer(&self, mut request: Request) -> Response {
        let started = Instant::now();
        let id = request_id(request.headers()).unwrap_or_else(|| {
            let mut text = Uuid::encode_buffer();
            let text = self.state.app.clock().uuid().as_hyphenated().encode_lower(&mut text);
            HeaderValue::from_str(text).expect("a UUID is ASCII")
        });
        let admitted = self.admit(&mut request);
        let span = tracing::info_span!(
            "request",
            id = id.to_str().unwrap_or_default(),
            method = %request.method(),
            path = %logged::path(request.uri()),
            trace = tracing::field::Empty,
            peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| tracing::field::display(info.0)),
        );
        let answered = async {
            let mut response = self.with_headers(request, admitted).await;
            tracing::debug!(status = response.status().as_u16(), took = ?started.elapsed(), "answered");
            response.headers_mut().insert(REQUEST_ID, id);
            response
        };
        answered.instrument(span).await
    }

    /// Checks the host and the transfer encoding of a request, and strips the base path.
    fn admit(&self, request: &mut Request) -> Result<(), Problem> {
        let options = &self.state.options;
        let below = to_one_path(request, options.base());
        // Probes may use any host name, or none.
        if PROBES.contains(&request.uri().path()) {
            return Ok(());
        }
        let near = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let headers = request.headers();
        let host =
            hosts::named(headers, request.uri()).map_err(|why| Problem::new(StatusCode::BAD_REQUEST, why))?;
        let host = forwarded_host(headers, near, options).unwrap_or(host);
        if !hosts::is_served(host, options) {
            return Err(self.misdirected(host));
        }
        if near.is_some_and(|near| !trusts(options, near))
            && headers.contains_key("x-forwarded-for")
            && self.state.is_due(&self.state.notices.proxy)
        {
            tracing::warn!(
                peer = near.map(tracing::field::display),
                "X-Forwarded-For is ignored, and every client counts as this peer: if it is your proxy, name its \
                 address in http.trusted_proxies"
            );
        }
        let mut codings = headers.get_all(header::TRANSFER_ENCODING).into_iter();
        if codings.any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"chunked")) {
            let why = "no Transfer-Encoding except chunked is supported: send the body unencoded";
            return Err(Problem::new(StatusCode::NOT_IMPLEMENTED, why));
        }
        if below || options.base().is_empty() { Ok(()) } else { Err(Problem::not_below(options.base())) }
    }

    fn misdirected(&self, host: &str) -> Problem {
        let host: String = host.chars().take(100).collect();
        if self.state.is_due(&self.state.notices.host) {
            tracing::warn!(
                host,
                "a request to a host that is not served was refused: if browsers or services call this server so, \
                 name it in http.hosts, or set http.public_url"
            );
        }
        let why =
            format!("the host {host:?} is not served: http.hosts and http.public_url name the served hosts");
        Problem::new(StatusCode::MISDIRECTED_REQUEST, why)
    }

    /// Answers CORS preflights, and adds security headers to every response.
    async fn with_headers(&self, request: Request, admitted: Result<(), Problem>) -> Response {
        let is_over_tls = request.extensions().get::<OverTls>().is_some() && has_default_port(&request);
        let origin = origins::configured(request.headers(), &self.state.options);
        let preflight = request.method() == Method::OPTIONS
            && origin.is_some()
            && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        let mut response = match admitted {
            Err(problem) => {
                self.unrouted.count(request.method(), problem.status, Duration::ZERO);
                problem.into_response()
            }
            Ok(()) if preflight => StatusCode::NO_CONTENT.into_response(),
            Ok(()) => self.routed(request).await,
        };
        let headers = response.headers_mut();
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        if is_over_tls {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, HTTPS_ALONE);
        }
        // Files set a stricter policy of their own.
        headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(CONTENT_POLICY);
        if !self.state.options.origins.is_empty() {
            headers.append(header::VARY, HeaderValue::from_static("Origin"));
        }
        if let Some(origin) = origin {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
            if preflight {
                headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
                headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED);
                headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
            }
        }
        response
    }

    /// Confines a panic of a handler to its request.
    async fn routed(&self, request: Request) -> Response {
        let routed = AssertUnwindSafe(self.routes.clone().oneshot(request)).catch_unwind().await;
        routed.map_or_else(|panic| panicked(&*panic), |Ok(response)| response)
    }
}

/// A path of the API, whose requests pass the [`pipeline`].
struct ApiPath {
    state: Arc<ServerState>,
    parameters: DocumentedParameters,
    demands: RouteDemands,
}

/// Adds paths, each with its metrics. Requests to `bounded` ones pass the [`pipeline`].
fn with_paths(
    router: Router<Arc<ServerState>>,
    paths: Vec<(&'static str, Endpoint)>,
    state: &Arc<ServerState>,
    bounded: bool,
) -> Router<Arc<ServerState>> {
    paths.into_iter().fold(router, |router, (path, methods)| {
        let api = bounded.then(|| {
            let (parameters, demands) = (DocumentedParameters::at(path), RouteDemands::at(path));
            Arc::new(ApiPath { state: state.clone(), parameters, demands })
        });
        let path = without_slash(path);
        let figures = Arc::new(Figures::new(path));
        let counted = layer_fn(move |route: Route| {
            let (figures, api) = (figures.clone(), api.clone());
            service_fn(move |request| counted(figures.clone(), api.clone(), route.clone(), request))
        });
        router.route(path, methods.fallback(no_method).layer(counted))
    })
}

async fn no_method() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "this path does not support this method: see the Allow header",
    )
}

async fn counted(
    figures: Arc<Figures>,
    api: Option<Arc<ApiPath>>,
    route: Route,
    request: Request,
) -> Result<Response, Infallible> {
    let (method, started) = (request.method().clone(), Instant::now());
    let response = match api {
        Some(api) => {
            let ApiPath { state, parameters, demands } = &*api;
            let answer = |request| pipeline::answer(state, figures.route(), demands, route, request);
            let tracer = state.tracer.as_ref();
            let span = tracer.and_then(|tracer| tracer.request(figures.route(), &request, &state.options));
            trace::answered(span, unknown::named(state, parameters, request, answer)).await
        }
        None => route.oneshot(request).await?,
    };
    figures.count(&method, response.status(), started.elapsed());
    Ok(response)
}

/// Removes a trailing slash: `/users/` and `/users` are the same route. Not from `/metrics/`, so that a proxy can
/// block the metrics by one exact path.
fn without_slash(path: &str) -> &str {
    match path.strip_suffix('/') {
        Some("" | "/metrics") | None => path,
        Some(rest) => rest,
    }
}

/// Strips the base path and a trailing slash from a request. Returns whether the path was below the base, which is
/// not required of probes.
fn to_one_path(request: &mut Request, base: &str) -> bool {
    let (path, query) = (request.uri().path(), request.uri().query());
    let (rest, below) = match path.strip_prefix(base) {
        Some("") => ("/", true),
        Some(rest) if rest.starts_with('/') => (rest, true),
        _ => (path, false),
    };
    let rest = without_slash(rest);
    if rest.len() != path.len() {
        let text = query.map_or_else(|| rest.to_owned(), |query| format!("{rest}?{query}"));
        let mut parts = request.uri().clone().into_parts();
        parts.path_and_query = PathAndQuery::try_from(text).ok();
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    below
}

/// Whether the request's host has no port. HSTS applies to all ports of a host, and others may have no TLS.
fn has_default_port(request: &Request) -> bool {
    hosts::named(request.headers(), request.uri()).is_ok_and(|host| !host.contains(':'))
}

/// The caller's `X-Request-Id`, if it is safe for the log.
fn request_id(headers: &HeaderMap) -> Option<HeaderValue> {
    let id = headers.get(REQUEST_ID)?;
    let sane = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    ((1..=64).contains(&id.len()) && id.as_bytes().iter().all(sane)).then(|| id.clone())
}

fn panicked(panic: &(dyn Any + Send)) -> Response {
    tracing::error!(why = error::panicked(panic), "a handler panicked");
    Problem::fault().into_response()
}

#[cfg(test)]
mod tests;
