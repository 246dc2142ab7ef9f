//! Compares the table of settings in docs/operations.md with the binary: every key is listed, its default is
//! accepted, and its bounds are those that `chinwag check` reports.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use chinwag_testkit::process::{Program, finish, keep_limits};

const OPERATIONS: &str = include_str!("../../../../docs/operations.md");

/// A row of the table.
#[derive(Debug)]
struct Row<'a> {
    default: &'a str,
    bounds: &'a str,
}

/// The table's rows by key.
fn rows() -> BTreeMap<&'static str, Row<'static>> {
    let table = OPERATIONS.lines().skip_while(|line| !line.starts_with("| key |")).skip(2);
    let row = |line: &'static str| {
        let cells: Vec<_> = line.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        (cells[1], Row { default: cells[2], bounds: cells[3] })
    };
    table.take_while(|line| line.starts_with('|')).map(row).collect()
}

/// The output of `chinwag check` for a configuration file.
fn check(file: &str) -> String {
    let program = Program::new(crate::BINARY);
    fs::write(program.folder().join("chinwag.toml"), file).expect("a file");
    let mut command = program.command(&["check"]);
    keep_limits(&mut command);
    finish(command, "").stdout
}

#[test]
fn every_setting_of_the_table_takes_its_default() {
    let mut file = String::new();
    for (key, row) in rows().iter().filter(|(_, row)| row.default != "unset") {
        // The default port may be in use.
        let default = if *key == "listen" { "\"127.0.0.1:0\"" } else { row.default };
        writeln!(file, "{key} = {default}").expect("a String");
    }
    let said = check(&file);
    assert!(said.starts_with("ok       the configuration\n") && !said.contains("problem"), "{said}{file}");
}

#[test]
fn every_bound_of_the_table_is_the_reported_one() {
    let rows = rows();
    let mut file = String::new();
    for (key, row) in rows.iter().filter(|(_, row)| row.bounds.contains(" to ") && !row.bounds.contains('`'))
    {
        let numbers: Vec<u64> = row.bounds.split(' ').flat_map(str::parse).collect();
        let out_of_bounds = match numbers[..] {
            [0, most] => (most + 1).to_string(),
            [_, ..] => "0".into(),
            [] => "\"99999d\"".to_owned(),
        };
        writeln!(file, "{key} = {out_of_bounds}").expect("a String");
    }
    let said = check(&file);
    let mut told = 0;
    for line in said.lines() {
        let Some((key, bounds)) =
            line.strip_prefix("problem  ").and_then(|line| line.split_once(" must be "))
        else {
            continue;
        };
        let Some((bounds, _)) = bounds.rsplit_once(", not ") else { continue };
        let bounds = bounds.trim_start_matches("between ").replace(" and ", " to ");
        assert_eq!(rows[key].bounds, bounds, "{key}");
        told += 1;
    }
    assert_eq!(told, file.lines().count(), "{said}");
}

/// The keys in the code: each section is a file, each setting a field.
#[test]
fn every_setting_is_in_the_table_and_no_other() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut known = Vec::new();
    fields(&fs::read_to_string(source.join("config.rs")).expect("the configuration"), "", &mut known);
    let mut sections = Vec::new();
    files(&source.join("config"), "", &mut sections);
    for section in &sections {
        let path = source.join(format!("config/{}.rs", section.replace('.', "/")));
        fields(&fs::read_to_string(path).expect("a section"), &format!("{section}."), &mut known);
    }
    known.retain(|key| !sections.contains(key));
    let rows = rows();
    let undocumented: Vec<_> = known.iter().filter(|key| !rows.contains_key(key.as_str())).collect();
    let unknown: Vec<_> = rows.keys().filter(|key| !known.iter().any(|known| known == *key)).collect();
    assert!(
        undocumented.is_empty() && unknown.is_empty(),
        "not in the table: {undocumented:?}; gone: {unknown:?}"
    );
}

/// Collects the sections from a folder of settings: each is a file, with a folder for its subsections.
fn files(folder: &Path, within: &str, sections: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("sections") {
        let path = entry.expect("a file").path();
        let section = format!("{within}{}", path.file_stem().expect("a name").to_string_lossy());
        if path.is_dir() {
            files(&path, &format!("{section}."), sections);
        } else {
            sections.push(section);
        }
    }
}

/// Collects the fields of the struct in a settings file.
fn fields(text: &str, section: &str, known: &mut Vec<String>) {
    let structure = text.split("#[serde(default)]\npub(crate) struct").nth(1);
    let lines = structure.into_iter().flat_map(|text| text.lines().take_while(|line| *line != "}"));
    for line in lines {
        if let Some((field, _)) = line.strip_prefix("    pub(crate) ").and_then(|line| line.split_once(':')) {
            known.push(format!("{section}{field}"));
        }
    }
}
