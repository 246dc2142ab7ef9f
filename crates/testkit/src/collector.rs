//! A trace collector: a real HTTP server that decodes spans with OpenTelemetry's published types.

use std::collections::BTreeMap;
use std::fmt::Write;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;

use crate::webhook::{HookReceiver, Received, Reply};

/// A collector. It stops on drop.
pub struct Collector {
    receiver: HookReceiver,
}

/// A received span.
#[derive(Debug, Clone)]
pub struct CollectedSpan {
    /// The ids in hexadecimal; empty without a parent.
    pub trace: String,
    pub id: String,
    pub parent: String,
    pub name: String,
    /// The kind's number in the specification.
    pub kind: i32,
    /// Start and end in nanoseconds since 1970.
    pub times: (u64, u64),
    pub attributes: BTreeMap<String, String>,
    /// Its events in order: name, and nanoseconds since 1970.
    pub moments: Vec<(String, u64)>,
    /// Whether its status is an error.
    pub has_failed: bool,
}

impl Collector {
    /// A collector that accepts all requests.
    pub async fn start() -> Self {
        Self::answering(|_| Reply::Status(200)).await
    }

    /// A collector with custom answers.
    pub async fn answering(answer: impl Fn(&Received) -> Reply + Send + 'static) -> Self {
        Self { receiver: HookReceiver::answering(answer).await }
    }

    /// The address for traces.
    pub fn url(&self) -> String {
        format!("{}/v1/traces", self.receiver.url())
    }

    /// The received requests and their answers.
    pub fn receiver(&self) -> &HookReceiver {
        &self.receiver
    }

    /// The spans received so far, in order.
    pub fn spans(&self) -> Vec<CollectedSpan> {
        self.receiver.received().iter().flat_map(spans_of).collect()
    }

    /// Waits for a span of this name, and returns all spans received.
    pub async fn until(&self, name: &str) -> Vec<CollectedSpan> {
        let is_there =
            |received: &[Received]| received.iter().flat_map(spans_of).any(|span| span.name == name);
        self.receiver.until(name, is_there).await.iter().flat_map(spans_of).collect()
    }
}

/// The spans of a request. Panics if a standard collector would refuse it.
pub fn spans_of(request: &Received) -> Vec<CollectedSpan> {
    assert_eq!(request.header("content-type"), "application/json");
    let request: ExportTraceServiceRequest =
        serde_json::from_slice(&request.body).expect("a request as the specification has it");
    let mut spans = Vec::new();
    for resource in request.resource_spans {
        let named = texts(&resource.resource.expect("a resource").attributes);
        assert_eq!(named.get("service.name").map(String::as_str), Some("chinwag"), "{named:?}");
        assert!(named.contains_key("service.instance.id"), "{named:?}");
        spans.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans).map(collected));
    }
    spans
}

fn collected(span: Span) -> CollectedSpan {
    assert_eq!((span.trace_id.len(), span.span_id.len()), (16, 8), "{span:?}");
    CollectedSpan {
        trace: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        name: span.name,
        kind: span.kind,
        times: (span.start_time_unix_nano, span.end_time_unix_nano),
        attributes: texts(&span.attributes),
        moments: span.events.into_iter().map(|event| (event.name, event.time_unix_nano)).collect(),
        has_failed: span.status.is_some_and(|status| status.code == 2),
    }
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |pair: &KeyValue| match pair.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("{} has the value {other:?}", pair.key),
    };
    attributes.iter().map(|pair| (pair.key.clone(), text(pair))).collect()
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a String takes it");
    }
    text
}
