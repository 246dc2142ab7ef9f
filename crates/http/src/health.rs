//! Liveness, readiness and metrics of the server.

use std::sync::{Arc, LazyLock, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chinwag_core::app::App;
use chinwag_core::authority::Govern;
use chinwag_core::scope::Scope;
use metrics::{Counter, Histogram, counter, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::auth::Identified;
use crate::error::{Body, Result};
use crate::extract::caller::CallerContext;
use crate::files::figures::IMAGE_SECONDS;
use crate::network::peer::Peer;
use crate::rest::answer::{json, nothing};
use crate::state::ServerState;

const REQUESTS: &str = "chinwag_http_requests_total";
const SECONDS: &str = "chinwag_http_request_seconds";
/// The timeout for the total size of the files from the store.
const USAGE_WITHIN: Duration = Duration::from_secs(1);
/// The timeout for a commit of the readiness probe.
const READY_WITHIN: Duration = Duration::from_secs(2);
/// The reasons why the server is not ready.
const REASONS: [&str; 4] = ["draining", "disk", "store", "bus"];
/// The methods that are counted separately.
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS", "PUT", "other"];
/// The upper bounds of the histogram buckets for durations, in seconds.
const BOUNDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The metrics of this process. The histograms have fixed buckets: others would grow until the next scrape.
static FIGURES: LazyLock<PrometheusHandle> = LazyLock::new(|| {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full(SECONDS.to_owned()), BOUNDS)
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Full(IMAGE_SECONDS.to_owned()), BOUNDS))
        .expect("there are bounds");
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_err() {
        tracing::warn!("figures are recorded elsewhere in this process: /metrics has none");
    }
    handle
});

/// The reason for not being ready.
#[derive(Serialize, ToSchema)]
pub(crate) struct Unready {
    /// `unready`
    status: &'static str,
    /// `draining`, `store`, `bus` or `disk`.
    why: &'static str,
}

/// Succeeds as long as the process is running.
#[utoipa::path(
    get, path = "/healthz", tag = "service", operation_id = "healthz",
    responses((status = 200, description = "The process is running.")),
    security(()),
)]
pub(crate) async fn healthz() -> Response {
    nothing()
}

/// Reports whether the server accepts requests.
///
/// It does not while its store, or the bus to the other nodes, is unreachable, and while it shuts down.
#[utoipa::path(
    get, path = "/readyz", tag = "service", operation_id = "readyz",
    responses(
        (status = 200, description = "The server is ready."),
        (status = 503, description = "The server is not ready, with the reason.", body = Unready),
    ),
    security(()),
)]
pub(crate) async fn readyz(State(state): State<Arc<ServerState>>) -> Response {
    match reason(&state).await {
        Some(why) => json(StatusCode::SERVICE_UNAVAILABLE, &Unready { status: "unready", why }),
        None => nothing(),
    }
}

/// The reason why the server is not ready, if it is not.
async fn reason(state: &ServerState) -> Option<&'static str> {
    if state.is_draining() {
        Some("draining")
    } else if state.app.is_full() {
        Some("disk")
    } else if !state.store_probe.is_ready(|| commit(state.app.clone())).await {
        Some("store")
    } else if state.hub.link() == Some(false) {
        Some("bus")
    } else {
        None
    }
}

/// The commit of a readiness probe.
async fn commit(app: App) -> chinwag_core::Result<()> {
    app.ready().await
}

/// Returns the metrics in the format of Prometheus.
///
/// A server that terminates TLS itself, without a proxy, answers only requests from its own machine, service keys,
/// and admins.
#[utoipa::path(
    get, path = "/metrics", tag = "service", operation_id = "metrics",
    responses(
        (status = 200, description = "The figures.", body = String, content_type = "text/plain"),
        (
            status = 401, body = Body<'static>, content_type = "application/problem+json",
            description = "The server has TLS of its own, the caller is on another machine, and shows no credential.",
        ),
        (
            status = 403, body = Body<'static>, content_type = "application/problem+json",
            description = "The same, and the caller is neither a service nor an admin.",
        ),
    ),
    security((), ("service_key" = []), ("user_token" = [])),
)]
pub(crate) async fn metrics(State(state): State<Arc<ServerState>>, mut parts: Parts) -> Result<Response> {
    if state.options.tls_acceptor.is_some() {
        require_insider(&state, &mut parts).await?;
    }
    upkeep();
    let counts = state.hub.counts();
    gauge!("chinwag_sockets").set(whole(counts.sockets));
    gauge!("chinwag_users_connected").set(whole(counts.users));
    gauge!("chinwag_groups_served").set(whole(counts.groups));
    gauge!("chinwag_frames_queued").set(whole(counts.queued_frames));
    gauge!("chinwag_frames_queued_bytes").set(whole(counts.queued_bytes));
    counter!("chinwag_events_total").absolute(counts.events);
    counter!("chinwag_deliveries_total").absolute(counts.deliveries);
    counter!("chinwag_sockets_too_slow_total").absolute(counts.too_slow);
    counter!("chinwag_sockets_resync_required_total").absolute(counts.resyncs);
    counter!("chinwag_gaps_total").absolute(counts.gaps);
    counter!("chinwag_healed_total").absolute(counts.healed);
    if let Some(link) = counts.link {
        gauge!("chinwag_nodes").set(whole(counts.nodes + 1));
        gauge!("chinwag_bus_up").set(if state.hub.link() == Some(true) { 1.0 } else { 0.0 });
        counter!("chinwag_hints_published_total").absolute(link.published);
        counter!("chinwag_hints_dropped_total").absolute(link.dropped);
        counter!("chinwag_hints_received_total").absolute(link.received);
        counter!("chinwag_hints_overrun_total").absolute(link.overrun);
        counter!("chinwag_hints_forged_total").absolute(link.forged);
        counter!("chinwag_hints_repeated_total").absolute(link.repeated);
    }
    let reason = timeout(READY_WITHIN, reason(&state)).await.unwrap_or(Some("store"));
    for why in REASONS {
        gauge!("chinwag_unready", "why" => why).set(if reason == Some(why) { 1.0 } else { 0.0 });
    }
    gauge!("chinwag_tasks_failing").set(whole(state.app.failing_tasks()));
    gauge!("chinwag_http_requests_under_way").set(whole(state.admission.requests_under_way()));
    gauge!("chinwag_http_answers_waiting_bytes").set(whole(state.admission.answers.bytes()));
    if let Some(acceptor) = &state.options.tls_acceptor {
        #[expect(clippy::cast_precision_loss, reason = "a figure")]
        let expires = acceptor.expires().map_or(0.0, |date| date.micros() as f64 / 1e6);
        gauge!("chinwag_tls_certificate_expires_seconds").set(expires);
    }
    if state.files().is_ok() {
        file_figures(&state).await;
    }
    if let Some(bytes) = resident() {
        gauge!("process_resident_memory_bytes").set(bytes);
    }
    let text = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, text)], FIGURES.render()).into_response())
}

/// Refuses callers from other machines, except services and admins, whose page shows the metrics.
async fn require_insider(state: &Arc<ServerState>, parts: &mut Parts) -> Result<()> {
    if Peer::address_of(parts, &state.options).is_loopback() {
        return Ok(());
    }
    if let Identified::Key(_, scopes) = state.auth.identify(parts).await?
        && scopes.has(Scope::Read)
    {
        return Ok(());
    }
    let CallerContext(context) = CallerContext::from_request_parts(parts, state).await?;
    Ok(state.app.govern(&context, Govern::SeeSettings).await?)
}

/// Updates the metrics of files. While the store is slow, the total size keeps its old value.
async fn file_figures(state: &ServerState) {
    let removals = state.app.removal_counts();
    counter!("chinwag_file_removals_total", "result" => "removed").absolute(removals.removed());
    counter!("chinwag_file_removals_total", "result" => "refused").absolute(removals.refused());
    counter!("chinwag_file_removals_total", "result" => "stray").absolute(removals.strays());
    if let Ok(Ok(bytes)) = timeout(USAGE_WITHIN, state.app.file_usage()).await {
        #[expect(clippy::cast_precision_loss, reason = "a figure")]
        let bytes = bytes as f64;
        gauge!("chinwag_files_stored_bytes").set(bytes);
    }
}

/// The metrics of one route: durations by method, counts by method and status. Handles of metrics are cached.
/// Requests without a route share one instance, since their paths are arbitrary.
pub(crate) struct Figures {
    route: &'static str,
    methods: [OnceLock<OfMethod>; METHODS.len()],
}

struct OfMethod {
    seconds: Histogram,
    answered: RwLock<Vec<(StatusCode, Counter)>>,
}

impl Figures {
    pub(crate) fn new(route: &'static str) -> Self {
        LazyLock::force(&FIGURES);
        Self { route, methods: Default::default() }
    }

    pub(crate) fn route(&self) -> &'static str {
        self.route
    }

    /// Counts an answered request.
    pub(crate) fn count(&self, method: &Method, status: StatusCode, took: Duration) {
        let last = METHODS.len() - 1;
        let method = METHODS.iter().position(|known| *known == method.as_str()).unwrap_or(last);
        let figures = self.methods[method].get_or_init(|| OfMethod {
            seconds: histogram!(SECONDS, "method" => METHODS[method], "route" => self.route),
            answered: RwLock::default(),
        });
        figures.seconds.record(took.as_secs_f64());
        let known = figures.answered.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, counter)) = known.iter().find(|(known, _)| *known == status) {
            return counter.increment(1);
        }
        drop(known);
        let labels = [
            ("method", METHODS[method].to_owned()),
            ("route", self.route.to_owned()),
            ("status", status.as_str().to_owned()),
        ];
        let counter = counter!(REQUESTS, &labels);
        counter.increment(1);
        // Two threads may push the same status; both handles refer to the same counter.
        figures.answered.write().unwrap_or_else(PoisonError::into_inner).push((status, counter));
    }
}

/// Folds recorded samples into the histograms. Must be called regularly, so that samples do not accumulate.
pub(crate) fn upkeep() {
    FIGURES.run_upkeep();
}

/// The resident memory of the process in bytes, if the system reports it.
fn resident() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u32 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(f64::from(kib) * 1024.0)
}

/// A count as a gauge value, saturated at `u32::MAX`.
fn whole(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
