//! Progress of an operation of unknown duration.

use std::io::{self, IsTerminal, Write};
use std::time::Instant;

/// Seconds between two lines without a terminal.
const LINE_INTERVAL: u64 = 10;

/// Reports the elapsed time on standard error: on a terminal in one line, rewritten each second; otherwise in a line
/// at the beginning and one every ten seconds.
pub(super) struct Elapsed {
    what: String,
    is_terminal: bool,
    begun: Instant,
    /// The second of the last report, counted from `begun`.
    shown: Option<u64>,
}

impl Elapsed {
    /// Starts the clock.
    pub(super) fn new(what: String) -> Self {
        Self { what, is_terminal: io::stderr().is_terminal(), begun: Instant::now(), shown: None }
    }

    /// Reports the time, if a report is due.
    pub(super) fn show(&mut self) {
        if let Some(text) = self.text(self.begun.elapsed().as_secs()) {
            // Progress is best effort: without standard error the user still sees the final line.
            let _ = write!(io::stderr(), "{text}");
        }
    }

    /// Sets the text of the report, and reports it if a report is due.
    pub(super) fn show_progress(&mut self, what: String) {
        self.what = what;
        self.show();
    }

    /// Erases the progress line from a terminal.
    pub(super) fn erase() {
        if io::stderr().is_terminal() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }

    fn text(&mut self, seconds: u64) -> Option<String> {
        let every = if self.is_terminal { 1 } else { LINE_INTERVAL };
        if self.shown.is_some_and(|shown| seconds < shown + every) {
            return None;
        }
        self.shown = Some(seconds);
        let what = &self.what;
        Some(match (self.is_terminal, seconds) {
            (true, _) => format!("\r\x1b[K{what}: {seconds} s"),
            (false, 0) => format!("{what}\n"),
            (false, _) => format!("{what}: {seconds} s so far\n"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(is_terminal: bool, seconds: &[u64]) -> String {
        let mut elapsed =
            Elapsed { what: "checking".into(), is_terminal, begun: Instant::now(), shown: None };
        seconds.iter().filter_map(|seconds| elapsed.text(*seconds)).collect()
    }

    #[test]
    fn terminal_shows_each_second_in_one_line() {
        let seconds = [0, 0, 1, 1, 3];
        assert_eq!(said(true, &seconds), "\r\x1b[Kchecking: 0 s\r\x1b[Kchecking: 1 s\r\x1b[Kchecking: 3 s");
    }

    #[test]
    fn file_gets_a_line_every_ten_seconds() {
        let seconds = [0, 1, 9, 10, 11, 25, 34, 35];
        let lines = "checking\nchecking: 10 s so far\nchecking: 25 s so far\nchecking: 35 s so far\n";
        assert_eq!(said(false, &seconds), lines);
    }
}
