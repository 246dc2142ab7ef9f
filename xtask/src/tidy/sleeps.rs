//! The rule that no test waits for a fixed time, which would be too short on a busy machine. Tests wait for a
//! condition with a deadline (`chinwag_testkit::wait`) or run on a paused clock. The rule applies to JavaScript
//! in tests as well: `setTimeout` with a function defined elsewhere, such as a promise's, is a wait.

use super::{Tree, extension};

/// Files and folders with tests that may sleep, with the reason.
const MAY_SLEEP: &[(&str, &str)] = &[
    ("crates/testkit/src/wait.rs", "the wait itself"),
    ("crates/testkit/src/browser.rs", "looks again, with a deadline, while a browser lives"),
    ("crates/testkit/src/trial/reader.rs", "a client's pause before the next server"),
    ("crates/testkit/src/trial/writer.rs", "a load's pace"),
    ("crates/server/tests/chaos/crash.rs", "a fault at a random moment"),
    ("crates/server/tests/chaos/flood.rs", "a load's pace"),
    ("crates/server/tests/cluster/consent.rs", "a call at various moments of a start"),
    ("crates/server/tests/cluster/database.rs", "a load's pace during a fault"),
    ("crates/server/tests/cluster/figures.rs", "the duration of a measurement"),
    ("crates/server/tests/cluster/kills.rs", "a fault at a random moment"),
    ("crates/server/tests/cluster/link.rs", "the duration of a fault"),
    ("crates/server/tests/web_ui/embedding.rs", "looks again, a bounded number of times"),
    ("crates/server/tests/web_ui/eyes.js", "a deadline for the next frame"),
    ("crates/server/tests/web_ui/page.rs", "looks again, with a deadline, at a page"),
    ("crates/store-postgres/tests/it/sending.rs", "a slow job"),
    ("crates/store-sqlite/tests/file.rs", "a job that outlasts its deadline"),
    (
        "crates/hub/src/bus/local.rs",
        "a moment for a thread that must be blocked: without it the test shows less",
    ),
    ("crates/hub/tests/hub/", "helpers of tests on a paused clock"),
    ("crates/hub/tests/cluster/", "helpers of tests on a paused clock, and the delays of links"),
];

/// Returns the fixed waits of tests, and allowances without need.
pub(super) fn problems(tree: &Tree) -> Vec<String> {
    judge(tree, MAY_SLEEP)
}

fn judge(tree: &Tree, may_sleep: &[(&str, &str)]) -> Vec<String> {
    let (mut problems, mut needed) = (Vec::new(), vec![false; may_sleep.len()]);
    for (path, text) in
        tree.iter().filter(|(path, _)| ["rs", "js"].contains(&extension(path)) && !path.contains("/vendor/"))
    {
        let lines = sleeping(path, text.as_deref().unwrap_or_default());
        match may_sleep.iter().position(|(allowed, _)| path.starts_with(allowed)) {
            Some(at) => needed[at] |= !lines.is_empty(),
            None => problems.extend(lines.into_iter().map(|line| {
                format!(
                    "{path}:{line}: a test sleeps: wait for a condition with a deadline (chinwag_testkit::wait), or name the file in MAY_SLEEP"
                )
            })),
        }
    }
    // In a tree without crates, every allowance would be unneeded.
    let unneeded = may_sleep.iter().zip(needed).filter(|(_, needed)| !needed).map(|((path, _), _)| path);
    if tree.keys().any(|path| path.starts_with("crates/")) {
        problems.extend(unneeded.map(|path| format!("{path}: no longer sleeps: take it off MAY_SLEEP")));
    }
    problems
}

/// The numbers of the lines on which a test sleeps.
fn sleeping(path: &str, text: &str) -> Vec<usize> {
    let mut in_tests =
        path.contains("/tests/") || path.ends_with("/tests.rs") || path.contains("testkit/src/");
    let (mut paused, mut before, mut found) = (false, "", Vec::new());
    for (number, line) in (1..).zip(text.lines().map(str::trim)) {
        in_tests |= before == "#[cfg(test)]" && line.starts_with("mod ") && line.ends_with('{');
        if line.starts_with("#[tokio::test") || line == "#[test]" {
            paused = line.contains("start_paused = true");
        }
        if in_tests && !paused && !line.starts_with("//") && (calls_sleep(line) || waits_in_script(line)) {
            found.push(number);
        }
        before = line;
    }
    found
}

/// Whether the line calls the function. A method of the same name does not count.
fn calls_sleep(line: &str) -> bool {
    line.match_indices(concat!("sleep", "(")).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '.') && !line[..at].ends_with("fn ")
    })
}

/// Whether the line has a timer that ends a wait: its function is defined elsewhere.
fn waits_in_script(line: &str) -> bool {
    line.split(concat!("setTime", "out(")).skip(1).any(|after| !after.starts_with('('))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In two parts, so that this file keeps its own rule.
    const CALL: &str = concat!("    sleep", "(SECOND).await;");

    fn found(path: &str, text: &str) -> Vec<usize> {
        sleeping(path, text)
    }

    #[test]
    fn sleep_is_found_in_tests_alone() {
        let test = format!("#[tokio::test]\nasync fn t() {{\n{CALL}\n}}\n");
        assert_eq!(found("crates/a/tests/it/a.rs", &test), [3]);
        assert_eq!(found("crates/a/src/a.rs", &test), [0; 0]);
        assert_eq!(found("crates/a/src/a/tests.rs", &test), [3]);
        let inside = format!("{CALL}\n#[cfg(test)]\nmod tests {{\n{CALL}\n}}\n");
        assert_eq!(found("crates/a/src/a.rs", &inside), [4]);
        let others = ["thread::NAME(STEP);", "queue.NAME(1);", "// NAME(1)", "fn NAME() {}"];
        let others = others.join("\n").replace("NAME", "sleep");
        assert_eq!(found("crates/a/tests/a.rs", &others), [1]);
    }

    #[test]
    fn wait_in_a_script_of_a_test_is_found() {
        let wait = concat!("await new Promise((done) => setTime", "out(done, 300));");
        let answer = concat!("setTime", "out(() => this.close(), 500);");
        let script = format!("{wait}\n{answer}\n");
        assert_eq!(found("crates/a/tests/it/eyes.js", &script), [1]);
        assert_eq!(found("crates/a/tests/it/a.rs", &script), [1]);
        assert_eq!(found("web/a.js", &script), [0; 0]);
    }

    #[test]
    fn sleep_on_a_paused_clock_is_fine() {
        let paused = format!("#[tokio::test(start_paused = true)]\n{CALL}\n#[tokio::test]\n{CALL}\n");
        assert_eq!(found("crates/a/tests/a.rs", &paused), [4]);
    }

    #[test]
    fn allowance_is_needed_or_refused() {
        let path = "crates/a/tests/a.rs".to_owned();
        let tree = Tree::from([(path.clone(), Some(CALL.to_owned()))]);
        assert!(judge(&tree, &[])[0].starts_with("crates/a/tests/a.rs:1: a test sleeps"));
        assert_eq!(judge(&tree, &[("crates/a/tests/", "a pace")]), Vec::<String>::new());
        let tree = Tree::from([(path, Some(String::new()))]);
        assert!(judge(&tree, &[("crates/a/tests/", "a pace")])[0].contains("take it off"));
    }
}
