//! Formats the fields of a span as JSON. Each request has a span, whose fields are written when it begins: the
//! formatter of `tracing-subscriber` first builds a map of them, which took a seventh of the time of a small request.

use std::fmt::{self, Debug, Write};

use tracing::field::{Field, Visit};
use tracing::span::Record;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FormatFields, FormattedFields};

#[derive(Debug, Clone, Copy)]
pub(super) struct SpanFields;

impl<'w> FormatFields<'w> for SpanFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut object = Object { writer, begin: "{", result: Ok(()) };
        fields.record(&mut object);
        object.end()
    }

    fn add_fields(&self, current: &'w mut FormattedFields<Self>, fields: &Record<'_>) -> fmt::Result {
        // Drop the closing brace of an object with fields; drop an empty object completely.
        let kept = current.fields.strip_suffix('}').map_or(0, str::len);
        let (kept, begin) = if kept > 1 { (kept, ",") } else { (0, "{") };
        current.fields.truncate(kept);
        let mut object = Object { writer: current.as_writer(), begin, result: Ok(()) };
        fields.record(&mut object);
        object.end()
    }
}

/// A JSON object in progress.
struct Object<'w> {
    writer: Writer<'w>,
    /// The text to write before the next key: `{` or `,`.
    begin: &'static str,
    result: fmt::Result,
}

impl Object<'_> {
    fn end(mut self) -> fmt::Result {
        self.result?;
        if self.begin == "{" {
            self.writer.write_char('{')?;
        }
        self.writer.write_char('}')
    }

    fn put(&mut self, field: &Field, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        if self.result.is_ok() {
            self.result = self.try_put(field.name(), value);
        }
    }

    fn try_put(&mut self, name: &str, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) -> fmt::Result {
        self.writer.write_str(self.begin)?;
        self.begin = ",";
        self.writer.write_char('"')?;
        Escaped(&mut self.writer).write_str(name.strip_prefix("r#").unwrap_or(name))?;
        self.writer.write_str("\":")?;
        value(&mut self.writer)
    }
}

impl Visit for Object<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, |writer| {
            writer.write_char('"')?;
            write!(Escaped(writer), "{value:?}")?;
            writer.write_char('"')
        });
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, |writer| {
            writer.write_char('"')?;
            Escaped(writer).write_str(value)?;
            writer.write_char('"')
        });
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, |writer| write!(writer, "{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, |writer| write!(writer, "{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, |writer| write!(writer, "{value}"));
    }
}

/// Escapes text for a JSON string.
struct Escaped<'a, 'w>(&'a mut Writer<'w>);

impl Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.bytes().position(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
            self.0.write_str(&rest[..at])?;
            write!(self.0, "\\u{:04x}", rest.as_bytes()[at])?;
            rest = &rest[at + 1..];
        }
        self.0.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::registry;

    use super::*;

    /// The JSON text of a span's fields, before and after `add`.
    fn fields_of(span: impl FnOnce() -> tracing::Span, add: impl FnOnce(&tracing::Span)) -> [String; 2] {
        use tracing_subscriber::registry::LookupSpan;
        let layer = tracing_subscriber::fmt::layer().json().fmt_fields(SpanFields).with_writer(std::io::sink);
        let subscriber = registry().with(layer);
        tracing::subscriber::with_default(subscriber, || {
            let span = span();
            let read = || {
                span.with_subscriber(|(id, dispatch)| {
                    let registry =
                        dispatch.downcast_ref::<tracing_subscriber::Registry>().expect("a registry");
                    let data = registry.span(id).expect("the span is open");
                    let extensions = data.extensions();
                    extensions.get::<FormattedFields<SpanFields>>().expect("fields").to_string()
                })
                .expect("the span is enabled")
            };
            let before = read();
            add(&span);
            [before, read()]
        })
    }

    #[test]
    fn fields_are_a_json_object_whatever_is_in_them() {
        let nothing: Option<u8> = None;
        let text = "a\"b\\c\nd\u{1}é";
        let [before, after] = fields_of(
            || tracing::info_span!("request", text, shown = %text, number = -3, big = 7_u64, yes = true, nothing, later = tracing::field::Empty),
            |span| {
                span.record("later", "x");
            },
        );
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        let mut wanted =
            serde_json::json!({ "text": text, "shown": text, "number": -3, "big": 7, "yes": true });
        assert_eq!(read(&before), wanted);
        wanted["later"] = "x".into();
        assert_eq!(read(&after), wanted);
    }

    #[test]
    fn span_without_fields_is_an_empty_object() {
        let [before, after] = fields_of(
            || tracing::info_span!("bare", later = tracing::field::Empty),
            |span| {
                span.record("later", 1);
            },
        );
        assert_eq!((&*before, &*after), ("{}", r#"{"later":1}"#));
    }
}
