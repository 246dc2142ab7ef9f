//! Runs the trials of `crates/server/tests/chaos/` (one node) and `tests/cluster/` (several nodes) many times
//! each, and prints a table of their reports.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::steps::Steps;
use crate::{cargo, needs};

/// The trials by folder and file.
const TRIALS: &[(&str, &[&str])] = &[
    (
        "chaos",
        &[
            "crash",
            "disk",
            "end",
            "erase",
            "once",
            "clock",
            "slow",
            "flood",
            "hosts",
            "strangers",
            "attachments",
            "before_send",
            "push",
            "webhooks",
            "retention",
        ],
    ),
    (
        "cluster",
        &[
            "order",
            "kills",
            "rolling",
            "removal",
            "ends",
            "first",
            "commit",
            "database",
            "link",
            "hints",
            "dead",
            "versions",
            "blocks",
            "consent",
            "push",
            "webhooks",
            "returns",
            "followers",
        ],
    ),
];

const TESTS: &[&str] = &["test", "--package", "chinwag", "--locked"];

/// Every trial: its folder and its name.
fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    TRIALS.iter().flat_map(|(folder, names)| names.iter().map(move |name| (*folder, *name)))
}

/// The names of all trials.
pub(crate) fn names() -> Vec<&'static str> {
    all().map(|(_, name)| name).collect()
}

/// A row of the table.
struct TrialRow {
    trial: &'static str,
    how_often: String,
    took: Duration,
    seen: String,
}

/// Runs all trials or a single one, in order; returns whether all passed. A failure does not stop the others.
pub(crate) fn run(root: &Path, only: Option<&str>) -> bool {
    let mut steps = Steps::new("trials");
    let ready = steps.run("programs", needs::require_programs)
        && steps.run("build", || {
            let tests = TRIALS.iter().flat_map(|(folder, _)| ["--test", *folder]);
            let tests: Vec<&str> = tests.collect();
            cargo::run(root, &[TESTS, &tests, &["--no-run"]].concat())
        });
    if !ready {
        return steps.finish();
    }
    let mut rows = Vec::new();
    for (folder, trial) in all().filter(|(_, name)| only.is_none_or(|only| only == *name)) {
        let (begun, mut reports) = (Instant::now(), Vec::new());
        let passed = steps.run(trial, || {
            let passed = watch(command(root, folder, trial), &mut reports)?;
            ensure!(passed, "its test failed");
            ensure!(!reports.is_empty(), "it printed no report");
            Ok(())
        });
        if !passed {
            reports.push(("?".to_owned(), "FAILED".to_owned()));
        }
        // The tests of a file run one after the other: this is the time of all of them.
        let took = begun.elapsed();
        rows.extend(reports.into_iter().map(|(how_often, seen)| TrialRow { trial, how_often, took, seen }));
    }
    print!("\n{}\n", table(&rows));
    steps.finish()
}

/// Cargo with the tests of one trial in long mode.
fn command(root: &Path, folder: &str, trial: &str) -> Command {
    let tests = format!("{trial}::");
    let args = [TESTS, &["--test", folder, &tests, "--", "--nocapture", "--test-threads", "1"]].concat();
    let mut cargo = cargo::command(root, &args);
    cargo.env("TRIALS", "long").stdout(Stdio::piped());
    cargo
}

/// Prints a command's output as it arrives, and collects the reports of trials; returns whether it succeeded.
fn watch(mut command: Command, reports: &mut Vec<(String, String)>) -> Result<bool> {
    let mut child = command.spawn().context("could not start cargo")?;
    let stdout = child.stdout.take().context("its output was piped")?;
    for line in BufReader::new(stdout).lines() {
        let line = line.context("could not read what cargo says")?;
        println!("{line}");
        reports.extend(report(&line));
    }
    Ok(child.wait().context("could not wait for cargo")?.success())
}

/// Parses a line `trial: NAME | HOW OFTEN | SEEN` into the last two.
fn report(line: &str) -> Option<(String, String)> {
    let mut parts = line.strip_prefix("trial: ")?.splitn(3, " | ").skip(1).map(str::to_owned);
    Some((parts.next()?, parts.next()?))
}

fn table(rows: &[TrialRow]) -> String {
    let head = ["trial", "how often", "took", "what was seen"].map(str::to_owned);
    let took = |row: &TrialRow| format!("{:.1} s", row.took.as_secs_f64());
    let cells = |row: &TrialRow| [row.trial.to_owned(), row.how_often.clone(), took(row), row.seen.clone()];
    let lines: Vec<[String; 4]> = std::iter::once(head).chain(rows.iter().map(cells)).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths = [0, 1, 2, 3].map(width);
    let mut table = String::new();
    for line in &lines {
        let cells: Vec<_> = line.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        table.push_str(cells.join("  ").trim_end());
        table.push('\n');
    }
    table
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_trials_line_is_its_report_and_no_other_line_is() {
        let found = report("trial: crash | 5 kills | 9 sent; 0 lost");
        assert_eq!(found, Some(("5 kills".to_owned(), "9 sent; 0 lost".to_owned())));
        assert_eq!(report("test crash::kill ... ok"), None);
        assert_eq!(report("trial: crash"), None);
    }

    #[test]
    fn columns_stand_under_each_other() {
        let row = |trial, seen: &str| TrialRow {
            trial,
            how_often: "2 times".to_owned(),
            seen: seen.to_owned(),
            took: Duration::from_millis(1500),
        };
        let table = table(&[row("crash", "0 lost"), row("end", "all exit 0, all 1012")]);
        let columns: Vec<_> = table.lines().map(|line| line.rfind("  ")).collect();
        assert!(table.starts_with("trial  how often"), "{table}");
        assert_eq!(columns, [columns[0]; 3], "{table}");
    }

    #[test]
    fn every_trial_has_its_file_and_is_named_by_its_guarantee() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let guarantees = fs::read_to_string(root.join("docs/guarantees.md")).unwrap();
        for (folder, name) in all() {
            let file = root.join("crates/server/tests").join(folder).join(name).with_extension("rs");
            assert!(file.is_file(), "{name}");
            assert!(guarantees.contains(&format!("trial `{name}`")), "{name}");
        }
    }

    #[test]
    fn every_test_that_reports_is_a_trial() {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/server/tests");
        for (folder, names) in TRIALS {
            for entry in fs::read_dir(tests.join(folder)).unwrap() {
                let path = entry.unwrap().path();
                let code = fs::read_to_string(&path).unwrap();
                // An ignored test is a measurement.
                let is_trial = code.contains("report(") && !code.contains("#[ignore");
                let name = path.file_stem().unwrap().to_str().unwrap();
                assert!(
                    !is_trial || names.contains(&name),
                    "`cargo xtask trials` leaves out {folder}/{name}"
                );
            }
        }
    }

    #[test]
    fn every_test_that_the_guarantees_name_is_there() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let guarantees = fs::read_to_string(root.join("docs/guarantees.md")).unwrap();
        let mut code = String::new();
        read_code(&root.join("crates"), &mut code);
        // Every second part is in backticks.
        let named = guarantees.split('`').skip(1).step_by(2);
        let tests: Vec<_> = named.filter(|name| name.matches('_').count() >= 3).collect();
        assert!(tests.len() > 20, "{tests:?}");
        for name in tests {
            assert!(code.contains(&format!("fn {name}(")), "there is no test `{name}`");
        }
    }

    fn read_code(directory: &Path, code: &mut String) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read_code(&path, code);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                code.push_str(&fs::read_to_string(&path).unwrap());
            }
        }
    }
}
