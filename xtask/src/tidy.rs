//! Rules of the tree that no compiler checks: forbidden text, the length of files, links between the
//! repository's own documents, the language of comments and documents, and the waits of tests.
//!
//! Clippy checks the length and style of functions.

mod language;
mod links;
mod sleeps;
#[cfg(test)]
mod tutorial;

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use anyhow::{Context, Result, ensure};

/// Every file of the repository by its path from the root (`/` between the parts), with its text
/// unless it is binary.
type Tree = BTreeMap<String, Option<String>>;

/// Directories that are not the repository's, wherever they stand.
const NOT_OURS: &[&str] = &[".git", "target", "chinwag-data", "node_modules"];

/// Files written by tools.
const GENERATED: &[&str] = &["Cargo.lock"];

const LINES_MAX: usize = 500;

/// Code that may be longer than [`LINES_MAX`], with the reason.
const MAY_BE_LONG: &[(&str, &str)] = &[];

/// File types with a bound on their lines.
const CODE: &[&str] = &["css", "html", "js", "rs", "sh", "sql"];

/// The first directory of paths that exist only on somebody's machine. (Without their slashes, so
/// that this file keeps its own rule.)
const MACHINE_DIRECTORIES: &[&str] = &["home", "root", "tmp", "work", "Users"];

/// Macros that stand for code still to be written. Clippy sees them only in what is compiled.
const UNWRITTEN: &[&str] = &["todo", "unimplemented"];

/// Prints every breach under `root`; an error when there is one.
pub(crate) fn check(root: &Path) -> Result<()> {
    let mut tree = Tree::new();
    read(root, "", &mut tree).context("could not read the repository")?;
    let problems = problems(&tree, MAY_BE_LONG);
    for problem in &problems {
        println!("{problem}");
    }
    ensure!(problems.is_empty(), "{} to mend", problems.len());
    Ok(())
}

fn read(directory: &Path, prefix: &str, tree: &mut Tree) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let (path, kind) = (format!("{prefix}{name}"), entry.file_type()?);
        if kind.is_file() {
            tree.insert(path, String::from_utf8(fs::read(entry.path())?).ok());
        } else if kind.is_dir() && !NOT_OURS.contains(&name.as_str()) {
            read(&entry.path(), &format!("{path}/"), tree)?;
        }
    }
    Ok(())
}

fn problems(tree: &Tree, may_be_long: &[(&str, &str)]) -> Vec<String> {
    let mut problems = Vec::new();
    for (path, text) in tree {
        let Some(text) = text.as_deref().filter(|_| !GENERATED.contains(&path.as_str())) else { continue };
        for (number, line) in (1..).zip(text.lines()) {
            if let Some(found) = machine_path(line) {
                problems.push(format!("{path}:{number}: `{found}` is a path of somebody's machine"));
            }
            if let Some(found) = unwritten(path, line) {
                problems.push(format!("{path}:{number}: `{found}` is code still to be written"));
            }
        }
        problems.extend(length(path, text, may_be_long));
        if extension(path) == "md" {
            problems.extend(links::broken(path, text, tree));
        }
    }
    problems.extend(language::problems(tree));
    problems.extend(sleeps::problems(tree));
    for (path, _) in may_be_long.iter().filter(|(path, _)| !tree.contains_key(*path)) {
        problems.push(format!("{path}: is gone: take it off MAY_BE_LONG"));
    }
    problems
}

fn length(path: &str, text: &str, may_be_long: &[(&str, &str)]) -> Option<String> {
    let lines = text.lines().count();
    let allowed = may_be_long.iter().any(|(long, _)| *long == path);
    match (CODE.contains(&extension(path)) && lines > LINES_MAX, allowed) {
        (true, false) => {
            Some(format!("{path}: {lines} lines, more than {LINES_MAX}: split it by what it does"))
        }
        (false, true) => Some(format!("{path}: no longer too long: take it off MAY_BE_LONG")),
        (true, true) | (false, false) => None,
    }
}

fn extension(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// A machine's directory where a path begins: `x/home/` in a URL or a longer path is none.
fn machine_path(line: &str) -> Option<String> {
    MACHINE_DIRECTORIES.iter().find_map(|directory| {
        let start = format!("/{directory}/");
        let found = line.match_indices(&start).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            before.is_none_or(|c| !c.is_alphanumeric() && !"/._-~*}>".contains(c))
        });
        found.then_some(start)
    })
}

fn unwritten(path: &str, line: &str) -> Option<String> {
    let call = |name: &&str| format!("{name}!");
    UNWRITTEN.iter().map(call).find(|call| extension(path) == "rs" && line.contains(call.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        problems(&Tree::from([(path.to_owned(), Some(text.to_owned()))]), &[])
    }

    #[test]
    fn a_path_of_a_machine_is_found_where_it_begins() {
        for directory in MACHINE_DIRECTORIES {
            let text = format!("fine\nopen(\"/{directory}/ann/data\")\n");
            let found = found("src/a.rs", &text);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].starts_with("src/a.rs:2: "), "{found:?}");
        }
    }

    #[test]
    fn the_same_word_inside_a_longer_path_is_fine() {
        for (before, directory) in
            [("https:/", "home"), ("/srv", "tmp"), (".", "work"), ("$HOME", "tmp"), ("{base}", "root")]
        {
            assert_eq!(found("a.md", &format!("{before}/{directory}/x")), Vec::<String>::new());
        }
    }

    #[test]
    fn code_still_to_be_written_is_found_in_rust_only() {
        for name in UNWRITTEN {
            let text = format!("    {name}!()");
            assert_eq!(found("a.rs", &text).len(), 1);
            assert_eq!(found("a.md", &text).len(), 0);
        }
    }

    #[test]
    fn code_longer_than_the_bound_is_found_unless_allowed() {
        let text = "x\n".repeat(LINES_MAX + 1);
        assert_eq!(found("web/a.js", &text).len(), 1);
        assert_eq!(found("docs/a.md", &text).len(), 0);
        assert_eq!(found("web/a.js", &"x\n".repeat(LINES_MAX)).len(), 0);

        let tree = Tree::from([("web/a.js".to_owned(), Some(text))]);
        assert_eq!(problems(&tree, &[("web/a.js", "one table")]), Vec::<String>::new());
    }

    #[test]
    fn an_allowance_nobody_needs_is_found() {
        let tree = Tree::from([("a.rs".to_owned(), Some("short".to_owned()))]);
        assert!(problems(&tree, &[("a.rs", "once long")])[0].contains("no longer too long"));
        assert!(problems(&tree, &[("gone.rs", "once long")])[0].contains("is gone"));
    }

    #[test]
    fn what_tools_write_and_what_is_binary_is_left_alone() {
        assert_eq!(found("Cargo.lock", &format!("/{}/x", "home")).len(), 0);
        assert_eq!(problems(&Tree::from([("a.png".to_owned(), None)]), &[]).len(), 0);
    }
}
