//! Links in Markdown to another file or a heading of this repository, and paths in its inline code.

use std::collections::{BTreeMap, BTreeSet};

use super::{Tree, extension};

/// The folders with which a path in inline code begins. A path inside a crate may leave out `crates/`.
const FOLDERS: &[&str] = &["clients/", "crates/", "deploy/", "docs/", "fuzz/", "web/", "xtask/"];

/// Returns the broken links of the document at `path`, and the paths in it that lead to no file. Links to other
/// sites are not checked.
pub(super) fn broken(path: &str, text: &str, tree: &Tree) -> Vec<String> {
    let mut broken = Vec::new();
    for (number, line) in unfenced(text) {
        let prose: String = line.split('`').step_by(2).collect();
        for target in targets(&prose) {
            if let Err(why) = resolve(path, target, tree) {
                broken.push(format!("{path}:{number}: the link to `{target}` {why}"));
            }
        }
        for code in line.split('`').skip(1).step_by(2).filter(|code| is_path(code)) {
            if !exists(code, tree) && !exists(&format!("crates/{code}"), tree) {
                broken.push(format!("{path}:{number}: the path `{code}` leads to no file"));
            }
        }
    }
    broken
}

/// The numbered lines outside of fenced code.
fn unfenced(text: &str) -> Vec<(usize, &str)> {
    let mut fenced = false;
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let fence = line.trim_start();
        if fence.starts_with("```") || fence.starts_with("~~~") {
            fenced = !fenced;
        } else if !fenced {
            lines.push((number, line));
        }
    }
    lines
}

/// Whether inline code is the path of one file or folder of the repository.
fn is_path(code: &str) -> bool {
    let is_below = ["/src/", "/tests/"].iter().any(|folder| code.contains(folder))
        || FOLDERS.iter().any(|folder| code.starts_with(folder));
    is_below && code.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c))
}

/// Whether the repository has this file or folder.
fn exists(path: &str, tree: &Tree) -> bool {
    let path = path.trim_end_matches('/');
    let inside = if path.is_empty() { String::new() } else { format!("{path}/") };
    tree.contains_key(path) || tree.keys().any(|file| file.starts_with(&inside))
}

/// The link targets in a line: `[text](target "title")`, or `[name]: target` alone on a line.
fn targets(line: &str) -> Vec<&str> {
    let definition = line.trim_start().strip_prefix('[').and_then(|rest| rest.split_once("]: "));
    let inline = line.match_indices("](").filter_map(|(at, open)| line[at + open.len()..].split_once(')'));
    definition
        .map(|(_, target)| target)
        .into_iter()
        .chain(inline.map(|(target, _)| target))
        .filter_map(|target| target.split_whitespace().next())
        .map(|target| target.trim_start_matches('<').trim_end_matches('>'))
        .collect()
}

fn resolve(from: &str, target: &str, tree: &Tree) -> Result<(), &'static str> {
    if target.contains("://") || target.starts_with("mailto:") {
        return Ok(());
    }
    let (file, heading) = target.split_once('#').unwrap_or((target, ""));
    let path =
        if file.is_empty() { from.to_owned() } else { join(from, file).ok_or("leaves the repository")? };
    if !exists(&path, tree) {
        return Err("leads to no file");
    }
    match tree.get(&path) {
        Some(Some(text))
            if extension(&path) == "md" && !heading.is_empty() && !anchors(text).contains(heading) =>
        {
            Err("leads to no heading")
        }
        _ => Ok(()),
    }
}

/// Resolves `file` relative to the document `from`; a leading `/` is the root.
fn join(from: &str, file: &str) -> Option<String> {
    let mut parts: Vec<&str> = if file.starts_with('/') { vec![] } else { from.split('/').collect() };
    parts.pop();
    for part in file.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// The anchors that Markdown hosts generate for a document's headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut seen = BTreeMap::<String, usize>::new();
    let mut anchors = BTreeSet::new();
    let mut fenced = false;
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        let title = line.trim_start_matches('#');
        if fenced || title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let slug = slug(title.trim());
        let times = seen.entry(slug.clone()).or_default();
        anchors.insert(if *times == 0 { slug } else { format!("{slug}-{times}") });
        *times += 1;
    }
    anchors
}

fn slug(title: &str) -> String {
    let kept = title.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let files = [
            ("docs/guide.md", text),
            ("docs/other.md", "# Other\n## The `chinwag` command, in short\n## Twice\n## Twice\n"),
            ("README.md", "# Top\n"),
            ("crates/core/src/id.rs", ""),
        ];
        let tree = files.map(|(path, text)| (path.to_owned(), Some(text.to_owned()))).into();
        broken("docs/guide.md", text, &tree)
    }

    #[test]
    fn links_to_files_directories_headings_and_other_sites_pass() {
        for target in [
            "other.md",
            "./other.md",
            "../README.md",
            "/README.md",
            "../docs",
            "..",
            "other.md#the-chinwag-command-in-short",
            "other.md#twice-1",
            "other.md \"a title\"",
            "https://example.org/nowhere.md",
            "mailto:ann@example.org",
        ] {
            assert_eq!(found(&format!("See [this]({target}).")), Vec::<String>::new());
            assert_eq!(found(&format!("[this]: {target}")), Vec::<String>::new());
        }
        assert!(found("# Here\n[up](#here)").is_empty());
    }

    #[test]
    fn links_to_nothing_are_found_with_their_line() {
        for target in ["gone.md", "../other.md", "../../x.md", "other.md#gone", "#gone", "other.md#twice-2"] {
            let found = found(&format!("\n[good](other.md) and [bad]({target})"));
            assert_eq!(found.len(), 1, "{target}: {found:?}");
            assert!(found[0].starts_with("docs/guide.md:2: "), "{found:?}");
        }
        assert_eq!(found("[bad]: gone.md").len(), 1);
    }

    #[test]
    fn code_is_not_a_link() {
        assert_eq!(found("`[x](gone.md)` and\n```\n[x](gone.md)\n```\n"), Vec::<String>::new());
    }

    #[test]
    fn paths_in_code_lead_to_files() {
        for path in
            ["crates/core/src/id.rs", "core/src/id.rs", "docs/", "crates/<noun>/src/a.rs", "src/", "a/b.rs"]
        {
            assert_eq!(found(&format!("see `{path}`")), Vec::<String>::new());
        }
        for path in ["crates/core/src/gone.rs", "core/src/gone.rs", "core/tests/", "docs/gone.md", "web/"] {
            let found = found(&format!("\nsee `{path}`"));
            assert_eq!(found, [format!("docs/guide.md:2: the path `{path}` leads to no file")]);
        }
    }
}
