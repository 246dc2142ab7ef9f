//! Exports spans to the collector.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use futures_util::FutureExt;
use futures_util::future::Shared;
use metrics::counter;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use serde_json::Value;
use tokio::time::sleep;

use super::otlp;
use super::span::FinishedSpan;
use super::tracer::{SPANS, Tracer};
use crate::network::outbound::{OutboundClient, read_some};
use crate::options::TraceOptions;

/// The timeout of one request to the collector.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The longest pause accepted from a collector.
const LONGEST_ASKED: Duration = Duration::from_secs(600);
/// The attempts for one batch. After that its spans are dropped.
const ATTEMPTS: u32 = 3;

type Stopped = Shared<Pin<Box<dyn Future<Output = ()> + Send>>>;

/// The outcome of one request.
enum Delivery {
    /// Accepted, possibly except for a number of spans, with the reason.
    Taken(Option<(u64, String)>),
    /// Retry later, possibly after the pause that the collector requests.
    Later(Option<Duration>, String),
    /// Rejected; a retry would not help.
    Refused(String),
}

struct Exporter {
    tracer: Arc<Tracer>,
    client: OutboundClient,
    /// The id of this process (`service.instance.id`).
    instance: String,
    stopped: Stopped,
    /// The backoff before the next attempt; `None` while the collector accepts spans.
    pause: Option<Duration>,
    /// Whether the reason of the current failure was logged.
    is_logged: bool,
}

/// Exports spans until `stopped`, then the remaining ones, with one attempt for each batch. The caller bounds that
/// time.
///
/// If the collector is unreachable or overloaded, retries after a backoff of up to a minute, or the pause that it
/// requests. Meanwhile spans wait in a bounded queue; spans that do not fit are dropped and counted.
pub async fn run(tracer: Option<Arc<Tracer>>, stopped: impl Future<Output = ()> + Send + 'static) {
    let Some(tracer) = tracer else { return };
    let stopped = (Box::pin(stopped) as Pin<Box<dyn Future<Output = ()> + Send>>).shared();
    let instance = tracer.clock.uuid().to_string();
    let mut exporter = Exporter {
        client: client(),
        instance,
        stopped: stopped.clone(),
        pause: None,
        is_logged: false,
        tracer,
    };
    loop {
        tokio::select! {
            () = exporter.tracer.is_full.notified() => {}
            () = sleep(exporter.tracer.options.gather) => {}
            () = stopped.clone() => {}
        }
        while let Some(batch) = exporter.tracer.take() {
            exporter.send(&batch).await;
        }
        if exporter.is_stopped() {
            return;
        }
    }
}

/// Checks whether the collector accepts spans. The error is the reason why not.
pub async fn check(options: &TraceOptions) -> Result<(), String> {
    match post(&client(), options, &otlp::probe()).await {
        Delivery::Taken(_) => Ok(()),
        Delivery::Later(_, why) | Delivery::Refused(why) => Err(why),
    }
}

impl Exporter {
    async fn send(&mut self, batch: &[FinishedSpan]) {
        let request = otlp::request(batch, &self.instance);
        for attempt in 1..=ATTEMPTS {
            if let Some(pause) = self.pause {
                tokio::select! {
                    () = sleep(pause) => {}
                    () = self.stopped.clone() => {}
                }
            }
            match post(&self.client, &self.tracer.options, &request).await {
                Delivery::Taken(rejected) => return self.taken(batch.len() as u64, rejected),
                Delivery::Refused(why) => {
                    self.log_failure(&why);
                    break;
                }
                Delivery::Later(asked, why) => {
                    self.log_failure(&why);
                    let next =
                        self.pause.map_or(self.tracer.options.pause, |pause| (pause * 2).min(LONGEST_PAUSE));
                    self.pause = Some(asked.map_or(next, |asked| asked.min(LONGEST_ASKED)));
                }
            }
            if attempt == ATTEMPTS || self.is_stopped() {
                break;
            }
        }
        counter!(SPANS, "result" => "failed").increment(batch.len() as u64);
    }

    fn taken(&mut self, spans: u64, rejected: Option<(u64, String)>) {
        self.pause = None;
        if let Some((count, why)) = rejected {
            let count = count.min(spans);
            counter!(SPANS, "result" => "failed").increment(count);
            counter!(SPANS, "result" => "sent").increment(spans - count);
            return self.log_failure(&why);
        }
        counter!(SPANS, "result" => "sent").increment(spans);
        if self.is_logged {
            self.is_logged = false;
            tracing::info!("the collector takes spans again");
        }
    }

    /// Logs why the collector does not accept spans, once until it accepts them again.
    fn log_failure(&mut self, why: &str) {
        if !self.is_logged {
            self.is_logged = true;
            tracing::warn!(why, "the collector does not take spans (traces.otlp)");
        }
    }

    fn is_stopped(&self) -> bool {
        self.stopped.clone().now_or_never().is_some()
    }
}

/// Private addresses are allowed, since the operator has configured the URL.
fn client() -> OutboundClient {
    OutboundClient::new(true, REQUEST_TIMEOUT, "traces.otlp")
}

async fn post(client: &OutboundClient, options: &TraceOptions, request: &Value) -> Delivery {
    let request = match client.post(options.url.clone()) {
        Ok(builder) => {
            builder.header(CONTENT_TYPE, "application/json").body(Bytes::from(request.to_string()))
        }
        Err(why) => return Delivery::Refused(why),
    };
    let response = match request.send().await {
        Ok(response) => response,
        Err(why) => return Delivery::Later(None, client.reason(&why)),
    };
    let status = response.status();
    let asked = pause_of(response.headers());
    // Read only the beginning, since a response may be endless.
    let answer = read_some(response).await;
    match status.as_u16() {
        200..=299 => Delivery::Taken(otlp::rejected(&answer)),
        429 | 502..=504 => Delivery::Later(asked, format!("the answer is {status}")),
        _ => Delivery::Refused(format!("the answer is {status}")),
    }
}

/// The pause that a collector requests, in seconds. A date is ignored.
fn pause_of(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
