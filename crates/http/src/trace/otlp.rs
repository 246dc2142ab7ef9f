//! The OTLP JSON format of spans (opentelemetry-proto 1, `ExportTraceServiceRequest`): ids in hexadecimal, 64-bit
//! numbers as strings.

use serde_json::{Value, json};

use super::span::{AttributeValue, FinishedSpan};

/// The status code of a failed span.
const ERROR: u8 = 2;

/// A request that exports spans. `instance`: the id of this process.
pub(super) fn request(spans: &[FinishedSpan], instance: &str) -> Value {
    let version = env!("CARGO_PKG_VERSION");
    let resource =
        [("service.name", "chinwag"), ("service.version", version), ("service.instance.id", instance)];
    let resource: Vec<_> = resource.map(|(key, text)| attribute(key, &json!({ "stringValue": text }))).into();
    let spans: Vec<_> = spans.iter().map(written).collect();
    json!({ "resourceSpans": [{
        "resource": { "attributes": resource },
        "scopeSpans": [{ "scope": { "name": "chinwag", "version": version }, "spans": spans }],
    }] })
}

/// A request without spans, which checks whether the collector accepts requests.
pub(super) fn probe() -> Value {
    json!({ "resourceSpans": [] })
}

/// The number of rejected spans in a collector's response, and the reason.
pub(super) fn rejected(answer: &[u8]) -> Option<(u64, String)> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let part = answer.get("partialSuccess")?;
    let count = match part.get("rejectedSpans")? {
        Value::String(text) => text.parse().ok()?,
        number => number.as_u64()?,
    };
    let why = part.get("errorMessage").and_then(Value::as_str).unwrap_or("without a reason");
    (count > 0).then(|| (count, why.chars().take(200).collect()))
}

fn written(span: &FinishedSpan) -> Value {
    let FinishedSpan { lineage, name, kind, times, attributes, moments, has_failed } = span;
    let mut written = json!({
        "traceId": lineage.trace.to_string(),
        "spanId": lineage.span.to_string(),
        "name": name,
        "kind": kind,
        "startTimeUnixNano": times.0.to_string(),
        "endTimeUnixNano": times.1.to_string(),
        "attributes": attributes.iter().map(|(key, value)| attribute(key, &of(value))).collect::<Vec<_>>(),
    });
    if let Some(parent) = lineage.parent {
        written["parentSpanId"] = parent.to_string().into();
    }
    if !moments.is_empty() {
        let event = |(name, at): &(&str, u64)| json!({ "name": name, "timeUnixNano": at.to_string() });
        written["events"] = moments.iter().map(event).collect();
    }
    if *has_failed {
        written["status"] = json!({ "code": ERROR });
    }
    written
}

fn attribute(key: &str, value: &Value) -> Value {
    json!({ "key": key, "value": value })
}

fn of(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::Text(text) => json!({ "stringValue": text }),
        AttributeValue::Number(number) => json!({ "intValue": number.to_string() }),
    }
}
