//! `[log]`: the level and format of the server's log.

use serde::{Deserialize, Serialize};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

use super::Problems;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Log {
    /// The format of log entries, which are one line each.
    pub(crate) format: Format,
    /// `error`, `warn`, `info`, `debug` or `trace`, or directives such as `info,chinwag_hub=debug`.
    pub(crate) level: String,
}

/// The format of log entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// `Human` on a terminal, else `Json`.
    Auto,
    /// Plain text for people.
    Human,
    /// One JSON object per line.
    Json,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: Format::Auto, level: "info".into() }
    }
}

impl Log {
    /// The filter. A level without a target applies to the server's own crates. Libraries log from `warn` on, since
    /// their lower levels may contain user data.
    pub(crate) fn filter(&self) -> Option<EnvFilter> {
        let level = self.level.trim();
        let alone =
            ["error", "warn", "info", "debug", "trace"].contains(&level.to_ascii_lowercase().as_str());
        let directives = if alone { format!("warn,chinwag={level}") } else { level.to_owned() };
        EnvFilter::try_new(directives)
            .ok()
            .filter(|_| !level.is_empty() && level.split(',').all(is_directive))
    }

    pub(super) fn check(&self, problems: &mut Problems) {
        if self.filter().is_none() {
            let level = &self.level;
            problems.add(format!("log.level must be error, warn, info, debug or trace, not {level:?}"));
        }
    }
}

/// Whether this is a directive with a level, or a target of Chinwag. `EnvFilter` takes any other word for a target,
/// and would then log that target alone.
fn is_directive(text: &str) -> bool {
    let text = text.trim();
    // The empty text would parse as a level.
    let is_level = !text.is_empty() && text.parse::<LevelFilter>().is_ok();
    is_level || text.contains('=') || text.starts_with("chinwag")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn level_that_is_misspelled_is_no_level() {
        let takes = |level: &str| Log { level: level.into(), ..Log::default() }.filter().is_some();
        for level in
            ["info", "DEBUG", "off", "info,chinwag_hub=debug", "warn, chinwag_http", "hyper=trace,error"]
        {
            assert!(takes(level), "{level}");
        }
        for level in ["", "inof", "info,debgu", "chatty=loud", ","] {
            assert!(!takes(level), "{level}");
        }
    }
}
