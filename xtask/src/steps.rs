//! Timed steps of a task, with a summary at the end.

use std::time::{Duration, Instant};

use anyhow::Result;

/// The steps of a task so far.
pub(crate) struct Steps {
    task: &'static str,
    begun: Instant,
    done: Vec<Step>,
}

struct Step {
    name: &'static str,
    outcome: StepOutcome,
}

enum StepOutcome {
    Passed(Duration),
    Failed(Duration),
    Skipped,
}

impl Steps {
    /// A task without steps yet.
    pub(crate) fn new(task: &'static str) -> Self {
        Self { task, begun: Instant::now(), done: Vec::new() }
    }

    /// Runs a step, and prints its result and duration; returns whether it passed.
    pub(crate) fn run(&mut self, name: &'static str, work: impl FnOnce() -> Result<()>) -> bool {
        println!("==> {name}");
        let begun = Instant::now();
        let result = work();
        let took = begun.elapsed();
        let outcome = match &result {
            Ok(()) => {
                println!("<== {name}: passed in {}", human(took));
                StepOutcome::Passed(took)
            }
            Err(error) => {
                println!("<== {name}: FAILED after {}: {error:#}", human(took));
                StepOutcome::Failed(took)
            }
        };
        self.done.push(Step { name, outcome });
        result.is_ok()
    }

    /// Records a step that could not run, and the reason.
    pub(crate) fn skip(&mut self, name: &'static str, why: &str) {
        println!("<== {name}: skipped: {why}");
        self.done.push(Step { name, outcome: StepOutcome::Skipped });
    }

    /// Prints the summary; returns whether every step passed. A skipped step counts as passed.
    pub(crate) fn finish(self) -> bool {
        let (passed, summary) = summary(&self.done);
        let verdict = if passed { "passed" } else { "FAILED" };
        println!("cargo xtask {}: {verdict} in {} ({summary})", self.task, human(self.begun.elapsed()));
        passed
    }
}

fn summary(done: &[Step]) -> (bool, String) {
    let mut passed = true;
    let mut parts = Vec::with_capacity(done.len());
    for Step { name, outcome } in done {
        parts.push(match outcome {
            StepOutcome::Passed(took) => format!("{name} {}", human(*took)),
            StepOutcome::Skipped => format!("{name} skipped"),
            StepOutcome::Failed(took) => {
                passed = false;
                format!("{name} FAILED after {}", human(*took))
            }
        });
    }
    (passed, parts.join(", "))
}

/// A duration for display.
pub(crate) fn human(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 60.. => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn a_failed_step_fails_the_task_and_is_named() {
        let mut steps = Steps::new("check");
        assert!(steps.run("one", || Ok(())));
        assert!(!steps.run("two", || bail!("broken")));
        let (passed, summary) = summary(&steps.done);
        assert!(!passed);
        assert!(summary.contains("two FAILED"), "{summary}");
        assert!(!steps.finish());
    }

    #[test]
    fn a_skipped_step_does_not_fail_the_task() {
        let mut steps = Steps::new("check");
        steps.skip("one", "there is no need");
        assert!(steps.finish());
    }

    #[test]
    fn times_read_like_times() {
        assert_eq!(human(Duration::from_millis(1234)), "1.2 s");
        assert_eq!(human(Duration::from_secs(125)), "2 min 5 s");
    }
}
