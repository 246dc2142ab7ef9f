//! The server's log. Each entry is one line on standard error, plain text on a terminal and JSON otherwise.

mod span_fields;

use std::io::{self, IsTerminal, Write};

use anyhow::{Context, Result};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt, registry};

use self::span_fields::SpanFields;
use crate::config::{Format, Log};

/// Starts the log of this process. A panic is logged like any other entry.
pub(crate) fn start(log: &Log) -> Result<()> {
    let terminal = io::stderr().is_terminal();
    let human = match log.format {
        Format::Auto => terminal,
        Format::Human => true,
        Format::Json => false,
    };
    let layer = fmt::layer().with_writer(Lines).log_internal_errors(false);
    let layer = if human {
        let colours = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        layer.with_ansi(colours).boxed()
    } else {
        layer.json().flatten_event(true).with_span_list(false).fmt_fields(SpanFields).boxed()
    };
    let filter = log.filter().context("log.level is no filter")?;
    registry().with(filter).with(layer).try_init().context("the log was started twice")?;
    std::panic::set_hook(Box::new(|panic| {
        let at = panic.location().map(ToString::to_string).unwrap_or_default();
        let with = panic.payload();
        let text = with.downcast_ref::<&str>().copied().or(with.downcast_ref::<String>().map(String::as_str));
        let why = text.unwrap_or("with no text");
        tracing::error!(at, why, "a task panicked");
    }));
    Ok(())
}

/// A writer to standard error that makes each entry one line.
#[derive(Debug, Clone, Copy)]
struct Lines;

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        *self
    }
}

impl Write for Lines {
    /// Writes an entry. The formatter passes a whole entry with its newline.
    fn write(&mut self, entry: &[u8]) -> io::Result<usize> {
        io::stderr().lock().write_all(&one_line(entry))?;
        Ok(entry.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The entry with its inner newlines escaped, so that no user's text can forge an entry.
fn one_line(entry: &[u8]) -> Vec<u8> {
    let text = entry.strip_suffix(b"\n").unwrap_or(entry);
    let mut line = Vec::with_capacity(entry.len());
    for byte in text {
        match byte {
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            _ => line.push(*byte),
        }
    }
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_one_line_whatever_is_in_it() {
        assert_eq!(one_line(b"plain\n"), b"plain\n");
        assert_eq!(one_line(b"two\nlines\r\n"), b"two\\nlines\\r\n");
    }
}
