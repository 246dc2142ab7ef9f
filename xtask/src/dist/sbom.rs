//! The software bill of materials as a `CycloneDX` document, from cargo's metadata.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{DistPaths, VERSION, program};
use crate::cargo;

/// Third-party scripts that the page loads: name, version, licence.
const SCRIPTS: &[(&str, &str, &str)] =
    &[("lit", "3.3.3", "BSD-3-Clause"), ("emojibase-data", "17.0.0", "MIT")];

/// Makes `chinwag-VERSION.cdx.json`.
pub(super) fn make(places: &DistPaths) -> Result<PathBuf> {
    let target = program::target();
    let args = ["metadata", "--locked", "--format-version", "1", "--filter-platform", &target];
    let metadata: Value = serde_json::from_str(&cargo::output(&places.root, &args)?)?;
    let made = places.out.join(format!("chinwag-{VERSION}.cdx.json"));
    fs::write(&made, serde_json::to_string_pretty(&document(&metadata)?)?)?;
    Ok(made)
}

fn document(metadata: &Value) -> Result<Value> {
    let packages: BTreeMap<&str, &Value> =
        array(&metadata["packages"]).filter_map(|package| Some((package["id"].as_str()?, package))).collect();
    let edges = edges(metadata);
    let root =
        packages.iter().find(|(_, package)| package["name"] == "chinwag").context("no package chinwag")?.0;
    let mut reached = BTreeSet::new();
    let mut next = vec![*root];
    while let Some(id) = next.pop() {
        if reached.insert(id) {
            next.extend(edges.get(id).into_iter().flatten());
        }
    }
    let mut components: Vec<Value> = reached
        .iter()
        .filter(|id| *id != root)
        .filter_map(|id| packages.get(id))
        .map(|p| component(p))
        .collect();
    components.extend(SCRIPTS.iter().map(script_component));
    let purl = |id: &&str| packages.get(*id).map(|package| reference(package));
    let dependencies: Vec<Value> = reached
        .iter()
        .filter_map(|id| {
            let on: Vec<_> = edges.get(id).into_iter().flatten().filter_map(purl).collect();
            Some(json!({"ref": purl(id)?, "dependsOn": on}))
        })
        .collect();
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": component(packages[root])},
        "components": components,
        "dependencies": dependencies,
    }))
}

/// The build and runtime dependencies of each package, without those of its tests.
fn edges(metadata: &Value) -> BTreeMap<&str, Vec<&str>> {
    let needed = |dependency: &&Value| array(&dependency["dep_kinds"]).any(|kind| kind["kind"] != "dev");
    array(&metadata["resolve"]["nodes"])
        .filter_map(|node| {
            let on = array(&node["deps"]).filter(needed).filter_map(|on| on["pkg"].as_str()).collect();
            Some((node["id"].as_str()?, on))
        })
        .collect()
}

fn component(package: &Value) -> Value {
    let purl = reference(package);
    let kind = if package["name"] == "chinwag" { "application" } else { "library" };
    json!({
        "type": kind, "bom-ref": purl, "name": package["name"], "version": package["version"], "purl": purl,
        "licenses": [{"expression": package["license"].as_str().unwrap_or("NOASSERTION").replace('/', " OR ")}],
    })
}

fn script_component((name, version, licence): &(&str, &str, &str)) -> Value {
    json!({"type": "library", "name": name, "version": version, "purl": format!("pkg:npm/{name}@{version}"), "licenses": [{"license": {"id": licence}}]})
}

fn reference(package: &Value) -> String {
    format!("pkg:cargo/{}@{}", text(&package["name"]), text(&package["version"]))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_what_the_program_needs_and_no_more() {
        let package =
            |name: &str| json!({"id": name, "name": name, "version": "1.0.0", "license": "MIT/Apache-2.0"});
        let on = |name: &str, kind: Value| json!({"pkg": name, "dep_kinds": [{"kind": kind}]});
        let node = |name: &str, deps: Value| json!({"id": name, "deps": deps});
        let packages = ["chinwag", "a", "b", "t", "x"].map(package);
        let metadata = json!({
            "packages": packages,
            "resolve": {"nodes": [
                node("chinwag", json!([on("a", Value::Null), on("t", json!("dev"))])),
                node("a", json!([on("b", json!("build"))])),
                node("b", json!([])), node("t", json!([])), node("x", json!([])),
            ]},
        });
        let document = document(&metadata).unwrap();
        let names: Vec<_> =
            array(&document["components"]).map(|component| text(&component["name"])).collect();
        assert_eq!(names, ["a", "b", "lit", "emojibase-data"]);
        assert_eq!(document["components"][0]["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(document["dependencies"][1], json!({"ref": "pkg:cargo/b@1.0.0", "dependsOn": []}));
        assert_eq!(document["metadata"]["component"]["purl"], "pkg:cargo/chinwag@1.0.0");
    }
}
