//! The files beside the packages: the archive with the static program, the component list, the release notes
//! and the checksums.

use std::fs;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::{dist, made, root, succeed};

#[test]
fn the_archive_has_a_program_that_runs() {
    let (packages, unpacked) = (dist("program"), TempDir::new().expect("a temporary folder"));
    let mut tar = Command::new("tar");
    tar.arg("-xzf").arg(made(packages.path(), ".tar.gz")).arg("-C").arg(unpacked.path());
    tar.arg("--strip-components=1");
    succeed(tar);
    let mut program = Command::new(unpacked.path().join("chinwag"));
    program.arg("--version");
    assert_eq!(succeed(program), format!("chinwag {}\n", env!("CARGO_PKG_VERSION")));
    assert!(unpacked.path().join("LICENSE-MIT").is_file());
}

#[test]
fn the_components_are_those_of_the_program() {
    let packages = dist("sbom");
    let text = fs::read_to_string(made(packages.path(), ".cdx.json")).expect("it was made");
    let document: Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!(
        (document["bomFormat"].as_str(), document["specVersion"].as_str()),
        (Some("CycloneDX"), Some("1.5"))
    );
    let components = document["components"].as_array().expect("components");
    let has = |name: &str| components.iter().any(|component| component["name"] == name);
    assert!(has("libsqlite3-sys") && has("tokio") && has("lit") && has("chinwag-core"));
    assert!(!has("chinwag-testkit") && !has("tokio-tungstenite"), "the tests' own");
    for component in components {
        assert!(component["licenses"][0] != Value::Null && component["version"] != "", "{component}");
    }
}

#[test]
fn documents_and_manifests_name_this_version() {
    for file in ["docs/install.md", "deploy/compose/compose.yaml", "deploy/kubernetes.yaml"] {
        let text = fs::read_to_string(root().join(file)).expect("it is there");
        let lines = text.split("chinwag").skip(1).filter_map(|rest| rest.lines().next());
        let numbers = |line: &str| {
            line.split(|c: char| c != '.' && !c.is_ascii_digit())
                .map(|one| one.trim_matches('.').to_owned())
                .collect::<Vec<_>>()
        };
        let versions: Vec<_> = lines
            .filter_map(|line| numbers(line).into_iter().find(|one| one.split('.').count() == 3))
            .collect();
        assert!(!versions.is_empty(), "{file}");
        for version in versions {
            assert_eq!(version, env!("CARGO_PKG_VERSION"), "{file}");
        }
    }
}

#[test]
fn the_sums_are_those_of_the_files() {
    let packages = dist("sums");
    let mut check = Command::new("sha256sum");
    check.args(["--check", "--strict", "SHA256SUMS"]).current_dir(packages.path());
    assert_eq!(succeed(check), "stripped: OK\n");
}

#[test]
fn the_notes_are_of_the_changelog() {
    let packages = dist("notes");
    let notes = fs::read_to_string(packages.path().join("RELEASE.md")).expect("it was made");
    let changelog = fs::read_to_string(root().join("CHANGELOG.md")).expect("there is one");
    let (_, changes) = notes.split_once("\n\n").expect("a heading");
    assert!(changes.len() > 1000 && changelog.contains(changes.trim()));
}
