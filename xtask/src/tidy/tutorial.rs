//! The tutorial "Add a feature" in `CONTRIBUTING.md`: its list of files is short, and all of them exist.

use std::fs;
use std::path::Path;

/// The maximum number of files that the example may touch, including new ones.
const FILES_MAX: usize = 30;
const NEW_MAX: usize = 10;

/// The files in the tutorial's table, and whether each is new.
fn files(text: &str) -> Vec<(&str, bool)> {
    let tutorial = text.split_once("## Add a feature\n").map_or("", |(_, rest)| rest);
    let table = tutorial.lines().skip_while(|line| !line.starts_with("| layer |")).skip(2);
    let rows = table.take_while(|line| line.starts_with('|'));
    let cells = rows.filter_map(|row| row.split(" | ").nth(1));
    cells.flat_map(|cell| cell.split(", ")).map(file).collect()
}

/// A file in the table: in backticks, followed by `(new)` if it is new.
fn file(text: &str) -> (&str, bool) {
    let path = text.trim().trim_start_matches('`');
    path.split_once('`').map_or((path, false), |(path, rest)| (path, rest.contains("(new)")))
}

#[test]
fn files_of_a_table_are_read_with_their_marks() {
    let text = "## Add a feature\n\n| layer | file | change |\n| --- | --- | --- |\n\
        | rule | `a.rs` (new) | a `b.rs` |\n| | `c.rs`, `d.md` | it |\n\n| to add | do |\n";
    assert_eq!(files(text), [("a.rs", true), ("c.rs", false), ("d.md", false)]);
}

#[test]
fn a_feature_touches_few_files_and_all_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = fs::read_to_string(root.join("CONTRIBUTING.md")).unwrap();
    let files = files(&text);
    let new = files.iter().filter(|(_, new)| *new).count();
    assert!(
        files.len() > 20 && files.len() <= FILES_MAX && new <= NEW_MAX,
        "{} files, {new} new",
        files.len()
    );
    for (file, _) in files {
        assert!(root.join(file).exists(), "{file}");
    }
}
