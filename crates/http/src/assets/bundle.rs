//! Bundles a module and all of its imports into one file, so that a page needs few requests. Relies on the style of
//! the project's modules: an import or export begins a line and ends on it, only declarations are exported, exported
//! values never change, and imports are not cyclic.

use std::collections::HashMap;
use std::fmt::Write;

/// The path from the folder of bundles to the root.
const ROOT: &str = "../";

/// The bundle of a module. `read` returns the text of a file by its path.
///
/// # Errors
/// The reason, if a module has another form or imports itself.
pub(super) fn bundle(entry: &str, read: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut made = Bundle { read, numbers: HashMap::new(), text: String::new() };
    let last = made.add(entry)?;
    let exported = exports_of(&read(entry).unwrap_or_default())?;
    for (name, _) in exported.iter().filter(|(name, _)| name != "default") {
        let _ = writeln!(made.text, "export const {name} = m{last}.{name};");
    }
    Ok(made.text)
}

struct Bundle<'a> {
    read: &'a dyn Fn(&str) -> Option<String>,
    /// The numbers of the modules in the text; `None` while a module is being added.
    numbers: HashMap<String, Option<usize>>,
    text: String,
}

impl Bundle<'_> {
    /// Adds a module after its imports, as a function that returns its exports.
    fn add(&mut self, path: &str) -> Result<usize, String> {
        match self.numbers.get(path) {
            Some(Some(number)) => return Ok(*number),
            Some(None) => return Err(format!("{path} imports itself")),
            None => {}
        }
        self.numbers.insert(path.to_owned(), None);
        let source = (self.read)(path).ok_or_else(|| format!("there is no {path}"))?;
        let exported = exports_of(&source)?;
        let mut body = String::new();
        for line in source.lines() {
            let line = self.line(path, line)?;
            body.push_str(&line);
            body.push('\n');
        }
        let number = self.numbers.values().flatten().count();
        let returned = exported.iter().map(|(name, local)| format!("{name}: {local}")).collect::<Vec<_>>();
        let _ = writeln!(
            self.text,
            "const m{number} = (() => {{\n{}\nreturn {{ {} }};\n}})();",
            body.trim(),
            returned.join(", ")
        );
        self.numbers.insert(path.to_owned(), Some(number));
        Ok(number)
    }

    fn line(&mut self, path: &str, line: &str) -> Result<String, String> {
        if let Some(import) = line.strip_prefix("import ") {
            let (names, from) = sides(import).ok_or_else(|| format!("{path}: {line}"))?;
            let number = self.add(&resolved(path, from))?;
            return Ok(names.map_or_else(String::new, |names| imported(names, number)));
        }
        if let Some(exported) = line.strip_prefix("export { ") {
            let Some((names, from)) = exported.split_once(" } from ") else { return Ok(String::new()) };
            let from = resolved(path, from.trim_end_matches(';').trim_matches('"'));
            let number = self.add(&from)?;
            return Ok(format!("const {{ {} }} = m{number};", reexported(names)));
        }
        let line = line.strip_prefix("export default ").map_or_else(
            || line.strip_prefix("export ").unwrap_or(line).to_owned(),
            |value| format!("const module_default = {value}"),
        );
        // Minified modules end with their export statement.
        let line = line.split_once(";export{").map_or(line.as_str(), |(before, _)| before).to_owned();
        let line = line.replace("import.meta.url", &format!("new URL(\"{ROOT}{path}\", import.meta.url)"));
        let Some((before, rest)) = line.split_once("import(\"") else { return Ok(line) };
        let (to, after) = rest.split_once('"').ok_or_else(|| format!("{path}: {line}"))?;
        Ok(format!("{before}import(\"{ROOT}{}\"{after}", resolved(path, to)))
    }
}

/// Splits an import into names and path: `a, { b as c } from "./d.js";` or `"./d.js";`.
fn sides(import: &str) -> Option<(Option<&str>, &str)> {
    let import = import.strip_suffix(';')?;
    let (names, from) =
        import.split_once(" from ").map_or((None, import), |(names, from)| (Some(names), from));
    Some((names, from.strip_prefix('"')?.strip_suffix('"')?))
}

/// The declaration that replaces an import of these names.
fn imported(names: &str, number: usize) -> String {
    if let Some(all) = names.strip_prefix("* as ") {
        return format!("const {all} = m{number};");
    }
    let (first, listed) = match names.split_once('{') {
        Some((first, listed)) => (first.trim().trim_end_matches(','), listed.trim_end_matches('}').trim()),
        None => (names, ""),
    };
    let listed = listed.replace(" as ", ": ");
    let first = if first.is_empty() { String::new() } else { format!("default: {first}, ") };
    format!("const {{ {first}{listed} }} = m{number};")
}

/// The local names of `A, B as default`, without repeats: each is declared once before it is returned.
fn reexported(names: &str) -> String {
    let mut own: Vec<_> = names.split(", ").map(|name| name.split(" as ").next().unwrap_or(name)).collect();
    own.dedup();
    own.join(", ")
}

/// The exports of a module: the exported name and the local name.
fn exports_of(source: &str) -> Result<Vec<(String, String)>, String> {
    let mut found = Vec::new();
    for line in source.lines() {
        let listed = line.strip_prefix("export { ").and_then(|rest| rest.split_once(" }"));
        let minified = line.rsplit_once(";export{").and_then(|(_, rest)| rest.split_once('}'));
        if let Some((names, _)) = listed.or(minified) {
            for name in names.split(',') {
                let name = name.trim();
                let (local, name) = name.split_once(" as ").unwrap_or((name, name));
                found.push((name.to_owned(), local.to_owned()));
            }
        } else if line.starts_with("export default ") {
            found.push(("default".to_owned(), "module_default".to_owned()));
        } else if let Some(declared) = line.strip_prefix("export ") {
            let declared = declared.trim_start_matches("async ");
            let name = declared.split([' ', '(', '=']).nth(1).unwrap_or_default();
            let kind = declared.split(' ').next().unwrap_or_default();
            if !["class", "function", "const"].contains(&kind) || name.is_empty() {
                return Err(format!("another form of export: {line}"));
            }
            found.push((name.to_owned(), name.to_owned()));
        }
    }
    Ok(found)
}

/// Resolves an import's path against the importing module's, from the root.
fn resolved(from: &str, to: &str) -> String {
    let mut parts: Vec<_> = from.split('/').collect();
    parts.pop();
    for part in to.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(files: &[(&str, &str)]) -> Result<String, String> {
        let read =
            |path: &str| files.iter().find(|(name, _)| *name == path).map(|(_, text)| (*text).to_owned());
        bundle(files[0].0, &read)
    }

    #[test]
    fn modules_become_functions_in_the_order_of_their_imports() {
        let text = made(&[
            ("page.js", "import \"./a/one.js\";\nimport d, { two as too } from \"./a/two.js\";\nexport class Page {}\n"),
            ("a/one.js", "import * as all from \"./two.js\";\nall.two();\nimport(\"../words/fr.js\");\n"),
            ("a/two.js", "export default 1;\nexport async function two() {}\nconst here = import.meta.url;\n"),
        ])
        .unwrap();
        assert_eq!(
            text,
            "const m0 = (() => {\nconst module_default = 1;\nasync function two() {}\n\
             const here = new URL(\"../a/two.js\", import.meta.url);\nreturn { default: module_default, two: two };\n})();\n\
             const m1 = (() => {\nconst all = m0;\nall.two();\nimport(\"../words/fr.js\");\nreturn {  };\n})();\n\
             const m2 = (() => {\n\nconst { default: d, two: too } = m0;\nclass Page {}\nreturn { Page: Page };\n})();\n\
             export const Page = m2.Page;\n"
                .replace("{\n\nconst { default", "{\nconst { default")
        );
    }

    #[test]
    fn other_forms_are_errors() {
        let circle = made(&[("a.js", "import \"./b.js\";\n"), ("b.js", "import \"./a.js\";\n")]);
        assert_eq!(circle.unwrap_err(), "a.js imports itself");
        assert!(made(&[("a.js", "import \"./none.js\";\n")]).unwrap_err().contains("none.js"));
        assert!(made(&[("a.js", "export let a = 1;\n")]).is_err());
    }
}
