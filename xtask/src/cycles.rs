//! Cycles of modules: files of one crate that import each other, directly or indirectly.
//!
//! An import is a `use` of `crate`, `super` or a child module, or any path that begins with `crate::`. The
//! module `tests` at the end of a file is ignored, and so is the crate's root, which lists its modules.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{fs, io};

use anyhow::{Context, Result, ensure};

/// The sources of crates in which larger cycles are not allowed.
const SOURCES: &[&str] = &["crates/http/src"];

/// The maximum number of files in a cycle.
const MAX_CYCLE: usize = 2;

/// The texts of a crate's files by module: `wire::input` for `wire/input.rs`.
type Modules = BTreeMap<String, String>;
/// The modules that each module imports.
type Imports = BTreeMap<String, BTreeSet<String>>;

/// Prints the cycles that are too large; fails if there are any.
pub(crate) fn check(root: &Path) -> Result<()> {
    let mut large = 0;
    for source in SOURCES {
        let mut modules = Modules::new();
        read(&root.join(source), "", &mut modules).with_context(|| format!("could not read {source}"))?;
        let cycles = cycles(&imports(&modules));
        println!(
            "{source}: {} of {} modules in cycles",
            cycles.iter().map(Vec::len).sum::<usize>(),
            modules.len()
        );
        for cycle in cycles.iter().filter(|cycle| cycle.len() > MAX_CYCLE) {
            println!("{source}: a cycle of {} modules: {}", cycle.len(), cycle.join(", "));
            large += 1;
        }
    }
    ensure!(
        large == 0,
        "{large} cycles of more than {MAX_CYCLE} modules: move what they share to one below them"
    );
    Ok(())
}

fn read(directory: &Path, prefix: &str, modules: &mut Modules) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let (entry, separator) = (entry?, if prefix.is_empty() { "" } else { "::" });
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_dir() {
            read(&entry.path(), &format!("{prefix}{separator}{name}"), modules)?;
        } else if let Some(name) =
            name.strip_suffix(".rs").filter(|name| !["lib", "main", "tests"].contains(name))
        {
            modules.insert(format!("{prefix}{separator}{name}"), fs::read_to_string(entry.path())?);
        }
    }
    Ok(())
}

fn imports(modules: &Modules) -> Imports {
    let of = |(module, text): (&String, &String)| {
        let paths = paths(&without_tests(text));
        let found = paths.iter().filter_map(|path| resolve(module, path, modules));
        (module.clone(), found.filter(|found| found != module).collect())
    };
    modules.iter().map(of).collect()
}

/// A file's code without comments and without its module of tests.
fn without_tests(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let is_tests = |pair: &[&str]| pair[0] == "#[cfg(test)]" && pair[1].contains("mod tests");
    let end = lines.windows(2).position(is_tests).unwrap_or(lines.len());
    let code = lines[..end].iter().map(|line| line.split("//").next().unwrap_or_default());
    code.collect::<Vec<_>>().join(" ")
}

/// The paths that a text imports, and those that begin with `crate::`.
fn paths(text: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for (at, _) in text.match_indices("use ") {
        let is_word = text[..at].chars().next_back().is_none_or(char::is_whitespace);
        if let Some((tree, _)) = text[at + 4..].split_once(';').filter(|_| is_word) {
            expand("", tree, &mut paths);
        }
    }
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at..];
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').unwrap_or(rest.len());
        paths.push(rest[..end].trim_end_matches(':').to_owned());
    }
    paths
}

/// Expands a `use` tree: `a::{b, c::d}` gives `a::b` and `a::c::d`.
fn expand(prefix: &str, tree: &str, paths: &mut Vec<String>) {
    let tree = tree.trim();
    let Some((before, inner)) = tree.split_once('{') else {
        let path = tree.split_whitespace().next().unwrap_or_default();
        return paths.push(format!("{prefix}{path}"));
    };
    let (prefix, inner) = (format!("{prefix}{}", before.trim()), inner.trim_end().trim_end_matches('}'));
    let (mut depth, mut start) = (0_usize, 0);
    for (at, c) in inner.char_indices().chain([(inner.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                expand(&prefix, &inner[start..at], paths);
                start = (at + 1).min(inner.len());
            }
            _ => {}
        }
    }
}

/// The module of an imported path, if it belongs to the crate.
fn resolve(module: &str, path: &str, modules: &Modules) -> Option<String> {
    let mut base: Vec<&str> = Vec::new();
    let mut parts = path.split("::").peekable();
    match parts.peek().copied() {
        Some("crate") => drop(parts.next()),
        Some("super") => {
            base = module.split("::").collect();
            while parts.next_if_eq(&"super").is_some() {
                base.pop();
            }
        }
        Some("self") => {
            base = module.split("::").collect();
            parts.next();
        }
        // A child module, or another crate.
        Some(first) if modules.contains_key(&format!("{module}::{first}")) => {
            base = module.split("::").collect();
        }
        _ => return None,
    }
    base.extend(parts);
    while !base.is_empty() && !modules.contains_key(&base.join("::")) {
        base.pop();
    }
    (!base.is_empty()).then(|| base.join("::"))
}

/// The cycles: sets of modules that all import each other, directly or indirectly.
fn cycles(imports: &Imports) -> Vec<Vec<String>> {
    let reached: Imports = imports.keys().map(|module| (module.clone(), reach(module, imports))).collect();
    let mut cycles: BTreeSet<Vec<String>> = BTreeSet::new();
    for (module, found) in reached.iter().filter(|(module, found)| found.contains(*module)) {
        let both = found.iter().filter(|other| reached[*other].contains(module));
        cycles.insert(both.cloned().collect());
    }
    cycles.into_iter().collect()
}

/// The modules that a module imports, directly or indirectly.
fn reach(module: &str, imports: &Imports) -> BTreeSet<String> {
    let (mut found, mut next) = (BTreeSet::new(), vec![module]);
    while let Some(module) = next.pop() {
        for import in imports.get(module).into_iter().flatten() {
            if found.insert(import.clone()) {
                next.push(import);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        let modules = files.iter().map(|(module, text)| ((*module).to_owned(), (*text).to_owned()));
        cycles(&imports(&modules.collect()))
    }

    #[test]
    fn cycle_is_found_through_every_kind_of_import() {
        let files = [
            ("a", "use crate::{b::Thing,\n    std};"),
            ("b", "use self::c::Other; // use crate::d::Never;"),
            ("b::c", "use super::super::d::{self, X as Y};"),
            ("d", "fn f() { crate::a::run() }"),
            ("e", "use crate::a;"),
        ];
        assert_eq!(found(&files), [["a", "b", "b::c", "d"].map(String::from).to_vec()]);
    }

    #[test]
    fn tests_other_crates_and_own_items_make_no_cycle() {
        let files = [
            ("a", "use crate::b;\nuse crate::a::Own;\nuse b::x;"),
            ("b", "use chinwag_core::a::X;\n#[cfg(test)]\nmod tests {\n    use crate::a;\n}"),
        ];
        assert_eq!(found(&files), Vec::<Vec<String>>::new());
    }
}
