//! The suite is complete: it lists every case, and has a case for every method of a port.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The Rust files of a folder below this crate, by name.
fn files(folder: &str) -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let paths = fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").path());
    let paths = paths.filter(|path| path.extension().is_some_and(|end| end == "rs"));
    let name = |path: &Path| path.file_stem().expect("a name").to_string_lossy().into_owned();
    paths.map(|path| (name(&path), fs::read_to_string(&path).expect("a text"))).collect()
}

/// The names between `before` and `after`, at most one per line.
fn names<'t>(text: &'t str, before: &str, after: char) -> Vec<&'t str> {
    text.lines().filter_map(|line| line.strip_prefix(before)?.split(after).next()).collect()
}

#[test]
fn every_case_is_in_the_suite() {
    let (_, listed) = include_str!("../store.rs").split_once("@ $open;").expect("the list");
    let (listed, _) = listed.split_once("(@").expect("its end");
    for (noun, source) in files("src/store") {
        let written = names(&source, "pub async fn ", '(');
        // Functions for other tests take a reference.
        let written: Vec<_> =
            written.into_iter().filter(|name| source.contains(&format!("{name}(f: Fixture)"))).collect();
        let (_, cases) = listed.split_once(&format!(" {noun} {{")).unwrap_or_default();
        let listed: Vec<_> = cases.split('}').next().unwrap_or_default().split_whitespace().collect();
        for case in &written {
            assert!(listed.contains(case), "the suite forgets {noun}::{case}");
        }
        assert_eq!(listed, written, "the cases of {noun}, in their order");
    }
}

#[test]
fn every_method_of_a_port_is_called_by_a_case() {
    let core = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src/store.rs"));
    let core = core.expect("the port");
    let (_, ports) = core.split_once("pub trait Tx:").expect("the ports of a transaction");
    let ports: BTreeSet<_> = ports.split('{').next().unwrap_or_default().split('+').map(str::trim).collect();
    let cases: String = files("src/store").into_values().collect();
    for source in files("../core/src/store").values() {
        for part in source.split("\npub trait ").skip(1) {
            let (port, rest) = part.split_once(" {\n").expect("a trait");
            let (methods, _) = rest.split_once("\n}").expect("its end");
            for method in names(methods, "    fn ", '(').into_iter().filter(|_| ports.contains(port)) {
                let is_called = cases.contains(&format!(".{method}("));
                assert!(is_called, "no case of the suite calls {port}::{method}");
            }
        }
    }
}
