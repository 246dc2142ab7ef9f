//! Compares the performance of a revision with that of the working tree: builds both, and runs each one's bench
//! program against its own server, alternately.

mod figures;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::{Context, Result, bail, ensure};
use figures::Comparison;

use crate::cargo;
use crate::steps::human;

pub(crate) const HELP: &str = "\
Compares the speed of a revision with that of the working tree.

Usage: cargo xtask bench --compare REV [WORKLOAD]... [--rounds N] [--seconds S]

  REV           a commit, a tag or a branch whose bench has these workloads
  WORKLOAD      a workload of bench that counts messages: crowd, groups, sends (these three by default), nodes
  --rounds N    rounds, in each of which both are measured once (5)
  --seconds S   the duration of one period of load (3)

Both are release builds; the programs of REV stay in target/compare/. Each is measured by its own bench
program. The table has the medians of all rounds, and the median and range of their ratios. A run of one workload that
takes longer than ten minutes is ended, and its round is left out. CPU seconds per message can be compared while the
machine has other work; messages per second cannot.
";

const WORKLOADS: [&str; 3] = ["crowd", "groups", "sends"];
const ROUNDS: u32 = 5;
/// The timeout for one workload of one program.
const RUN_TIMEOUT: Duration = Duration::from_secs(600);
const POLL: Duration = Duration::from_millis(100);
const PROGRAMS: [&str; 2] = ["chinwag", "bench"];

/// The arguments of a comparison.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CompareArgs {
    rev: String,
    workloads: Vec<String>,
    rounds: u32,
    /// As text, because only bench parses it.
    seconds: Option<String>,
}

/// The programs of a revision, and its name in the table.
struct BuiltRevision {
    name: String,
    folder: PathBuf,
}

/// Parses the arguments after `bench`.
pub(crate) fn parse(words: &[&str]) -> Result<CompareArgs, String> {
    let mut args = CompareArgs { rev: String::new(), workloads: Vec::new(), rounds: ROUNDS, seconds: None };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().copied().ok_or_else(|| format!("`{word}` needs a value"));
        match *word {
            "--compare" => value()?.clone_into(&mut args.rev),
            "--seconds" => args.seconds = Some(positive(value()?)?.to_owned()),
            "--rounds" => {
                let rounds = value()?;
                args.rounds = rounds
                    .parse()
                    .ok()
                    .filter(|rounds| (1..=100).contains(rounds))
                    .ok_or_else(|| format!("`{rounds}` is no number of rounds from 1 to 100"))?;
            }
            option if option.starts_with('-') => return Err(format!("bench has no option `{option}`")),
            workload => args.workloads.push(workload.to_owned()),
        }
    }
    if args.rev.is_empty() || args.rev.starts_with('-') {
        return Err(
            "bench needs `--compare REV`; `cargo run --release -p bench` measures one tree".to_owned()
        );
    }
    if args.workloads.is_empty() {
        args.workloads = WORKLOADS.map(str::to_owned).to_vec();
    }
    Ok(args)
}

fn positive(text: &str) -> Result<&str, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number <= 60.0 => Ok(text),
        _ => Err(format!("`{text}` is not a number of seconds up to 60")),
    }
}

/// Builds both sides, measures them, and prints the table.
pub(crate) fn run(root: &Path, args: &CompareArgs) -> Result<()> {
    let both = [build_rev(root, &args.rev)?, build_present(root)?];
    let mut comparison = Comparison::new([both[0].name.clone(), both[1].name.clone()]);
    for round in 0..args.rounds {
        for workload in &args.workloads {
            // Alternate which side is first.
            let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
            let mut rows = [Vec::new(), Vec::new()];
            for side in order {
                let begun = Instant::now();
                print!("round {} of {}: {workload}, {}: ", round + 1, args.rounds, both[side].name);
                std::io::stdout().flush()?;
                match both[side].measure(workload, args.seconds.as_deref()) {
                    Ok(measured) => rows[side] = measured,
                    Err(why) => println!("left out: {why:#}"),
                }
                println!("{}", human(begun.elapsed()));
            }
            comparison.add(&rows);
        }
    }
    ensure!(!comparison.is_empty(), "no workload was measured on both sides");
    print!("\n{}", comparison.table());
    Ok(())
}

/// Builds the programs of a revision, unless they exist from an earlier run.
fn build_rev(root: &Path, rev: &str) -> Result<BuiltRevision> {
    let commit = git(root, &["rev-parse", "--verify", "--quiet", "--short=12", &format!("{rev}^{{commit}}")])
        .with_context(|| format!("there is no commit `{rev}`"))?;
    let folder = root.join("target/compare").join(&commit);
    let built = BuiltRevision { name: commit.clone(), folder };
    if !PROGRAMS.iter().all(|program| built.folder.join(program).is_file()) {
        let tree = built.folder.join("tree");
        if !tree.is_dir() {
            git(root, &["worktree", "add", "--quiet", "--detach", "--force", path(&tree)?, &commit])?;
        }
        built.build(&tree, &built.folder.join("target"))?;
    }
    Ok(built)
}

/// Builds the programs of the working tree. They are copied, so that the tree may change during the run.
fn build_present(root: &Path) -> Result<BuiltRevision> {
    let built = BuiltRevision { name: "present".to_owned(), folder: root.join("target/compare/present") };
    built.build(root, &root.join("target"))?;
    Ok(built)
}

impl BuiltRevision {
    fn build(&self, tree: &Path, target: &Path) -> Result<()> {
        fs::create_dir_all(&self.folder)?;
        for program in PROGRAMS {
            println!("building {program} of {} …", self.name);
            // Build one package at a time, so that features requested by one do not affect the other.
            let args = ["build", "--quiet", "--release", "--locked", "--package", program];
            cargo::run_with(tree, &args, ("CARGO_TARGET_DIR", path(target)?))?;
            // A running program cannot be overwritten, but replaced.
            let copy = self.folder.join(format!("{program}.new"));
            fs::copy(target.join("release").join(program), &copy)?;
            fs::rename(copy, self.folder.join(program))?;
        }
        Ok(())
    }

    /// Runs a workload once and returns the rows of its table.
    fn measure(&self, workload: &str, seconds: Option<&str>) -> Result<Vec<figures::Row>> {
        let out = self.folder.join("table.md");
        let mut command = Command::new(self.folder.join("bench"));
        command.args([workload, "--rounds", "1"]).arg("--server").arg(self.folder.join("chinwag"));
        command.arg("--out").arg(&out).stdin(Stdio::null()).stdout(Stdio::null());
        command.args(seconds.iter().flat_map(|seconds| ["--seconds", *seconds]));
        if out.exists() {
            fs::remove_file(&out)?;
        }
        let status = run_within(command, RUN_TIMEOUT)?;
        let table = fs::read_to_string(&out).with_context(|| format!("bench ended with {status}"))?;
        figures::read(&table)
    }
}

/// Runs a command; after the timeout, kills it and all its descendants.
fn run_within(mut command: Command, within: Duration) -> Result<ExitStatus> {
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn().context("could not start bench")?;
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if begun.elapsed() > within {
            end(&mut child)?;
            bail!("it did not end within {}", human(within));
        }
        thread::sleep(POLL);
    }
}

/// Kills a child and its process group.
fn end(child: &mut Child) -> Result<()> {
    let group = format!("-{}", child.id());
    let killed = Command::new("kill").args(["-KILL", "--", &group]).status()?;
    ensure!(killed.success(), "could not end bench ({killed})");
    child.wait()?;
    Ok(())
}

fn git(root: &Path, args: &[&str]) -> Result<String> {
    let output = Command::new("git").current_dir(root).args(args).stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "`git {}` failed ({})", args.join(" "), output.status);
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn path(path: &Path) -> Result<&str> {
    path.to_str().context("the path of the repository is not UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparison_needs_a_revision() {
        assert!(parse(&["crowd"]).unwrap_err().contains("--compare REV"));
        assert!(parse(&["--compare"]).unwrap_err().contains("needs a value"));
        assert!(parse(&["--compare", "v1", "--round", "3"]).unwrap_err().contains("`--round`"));
        assert!(parse(&["--compare", "v1", "--rounds", "0"]).unwrap_err().contains("`0`"));
        let all = parse(&["--compare", "v1"]).unwrap();
        assert_eq!((all.workloads.len(), all.rounds), (3, ROUNDS));
        let some = parse(&["sends", "--compare", "v1", "--rounds", "3", "--seconds", "0.5"]).unwrap();
        assert_eq!((some.workloads, some.rounds), (vec!["sends".to_owned()], 3));
        assert_eq!(some.seconds.as_deref(), Some("0.5"));
    }

    #[test]
    fn command_that_goes_on_is_ended_with_its_children() {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 600 & wait"]);
        let begun = Instant::now();
        let refused = run_within(command, Duration::ZERO).unwrap_err();
        assert!(refused.to_string().contains("did not end"), "{refused}");
        assert!(begun.elapsed() < Duration::from_secs(300));
    }
}
