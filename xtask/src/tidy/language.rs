//! Rules of language: replaced identifiers, and comments and documents that begin with a noun clause.
//!
//! The replaced identifiers are in the last column of the glossary's table.

use std::collections::BTreeSet;

use super::{Tree, extension};

const GLOSSARY: &str = "docs/glossary.md";

/// First words of a clause used as a subject.
const CLAUSES: &[&str] = &["What", "Who", "Whom", "Whose", "Which", "Whoever", "Whatever"];

/// Returns the violations.
pub(super) fn problems(tree: &Tree) -> Vec<String> {
    let replaced = tree.get(GLOSSARY).and_then(Option::as_deref).map(replaced).unwrap_or_default();
    let files = tree.iter().filter_map(|(path, text)| Some((path, text.as_deref()?)));
    files
        .flat_map(|(path, text)| match extension(path) {
            "rs" => code(path, text, &replaced),
            "md" => prose(path, text),
            _ => Vec::new(),
        })
        .collect()
}

/// The identifiers in the last column of the glossary's table.
fn replaced(glossary: &str) -> BTreeSet<&str> {
    let rows = glossary.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let columns = rows.filter_map(|row| row.rsplit_once(" | ").map(|(_, column)| column));
    let words = columns.flat_map(|column| column.split('`').skip(1).step_by(2));
    words.filter(|word| word.starts_with(char::is_uppercase)).collect()
}

fn code(path: &str, text: &str, replaced: &BTreeSet<&str>) -> Vec<String> {
    let mut breaches = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let trimmed = line.trim_start();
        let comment = trimmed.strip_prefix("/// ").or_else(|| trimmed.strip_prefix("//! "));
        if comment.is_some_and(is_clause) {
            breaches.push(format!("{path}:{number}: begin with the subject, not with a clause"));
        }
        let words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
        for word in words.filter(|word| replaced.contains(word)) {
            breaches.push(format!("{path}:{number}: `{word}` is replaced: see {GLOSSARY}"));
        }
    }
    breaches
}

fn prose(path: &str, text: &str) -> Vec<String> {
    let mut fenced = false;
    let mut breaches = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        fenced ^= line.starts_with("```");
        let sentence = line.strip_prefix("- ").or_else(|| line.strip_prefix("| ")).unwrap_or(line);
        if !fenced && is_clause(sentence) {
            breaches.push(format!("{path}:{number}: begin with the subject, not with a clause"));
        }
    }
    breaches
}

/// Whether a line begins with a noun clause, and is not a question.
fn is_clause(line: &str) -> bool {
    let first = line.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    CLAUSES.contains(&first) && !line.contains('?')
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "| term | meaning | instead of |\n| --- | --- | --- |\n| cat | an animal | beast, `Beast` |\n\
        | dog | the `Pet` of a house | – |\n";

    fn breaches(path: &str, text: &str) -> usize {
        let files = [(GLOSSARY, TABLE), (path, text)];
        let tree = files.map(|(path, text)| (path.to_owned(), Some(text.to_owned()))).into();
        problems(&tree).len()
    }

    #[test]
    fn clauses_are_refused_in_comments_and_documents() {
        assert_eq!(breaches("a.rs", "    /// Who it is.\n//! What lives here.\n"), 2);
        assert_eq!(breaches("a.md", "What it does.\n- Who asks\n| Whose | it is |\n"), 3);
        for text in
            ["/// The caller.", "/// Who is it?", "// Whatever.", "let what = 1;", "/// Whole numbers."]
        {
            assert_eq!(breaches("a.rs", text), 0, "{text}");
        }
        assert_eq!(breaches("a.md", "```\nWhat is this\n```\nWhat next?\n"), 0);
    }

    #[test]
    fn replaced_identifiers_are_refused_as_whole_words() {
        assert_eq!(breaches("a.rs", "struct Beast(Pet);\nlet x: Vec<Beast>;"), 2);
        assert_eq!(breaches("a.rs", "struct BeastOfBurden; // beast"), 0);
    }
}
