//! The layout keeps its promises: dependencies between crates point one way, and each outside dependency is declared once, with what
//! it is for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// What each crate may use of this workspace outside its tests. A crate that is missing here fails the test.
const LAYERS: &[(&str, &[&str])] = &[
    ("postrider-core", &[]),
    ("postrider-store", &["postrider-core"]),
    ("postrider-shape", &["postrider-core"]),
    ("postrider-egress", &["postrider-core"]),
    ("postrider-engine", &["postrider-core", "postrider-store", "postrider-shape", "postrider-egress"]),
    (
        "postrider-api",
        &["postrider-core", "postrider-store", "postrider-shape", "postrider-egress", "postrider-engine"],
    ),
    ("postrider-assets", &[]),
    (
        "postrider",
        &[
            "postrider-core",
            "postrider-store",
            "postrider-shape",
            "postrider-egress",
            "postrider-engine",
            "postrider-api",
            "postrider-assets",
        ],
    ),
    (
        "postrider-testkit",
        &[
            "postrider-core",
            "postrider-store",
            "postrider-shape",
            "postrider-egress",
            "postrider-engine",
            "postrider-api",
        ],
    ),
    ("postrider-bench", &[]),
    ("postrider-recipes", &[]),
    ("xtask", &[]),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the workspace")
}

fn metadata() -> serde_json::Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline", "--locked"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("metadata is JSON")
}

#[test]
fn dependencies_point_one_way() {
    let layers: BTreeMap<_, _> = LAYERS.iter().copied().collect();
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("packages");
    let names: BTreeSet<_> = packages.iter().filter_map(|p| p["name"].as_str()).collect();
    assert_eq!(names, layers.keys().copied().collect(), "every crate has its place in LAYERS");
    for package in packages {
        let name = package["name"].as_str().expect("a name");
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let target = dependency["name"].as_str().expect("a name");
            if dependency["kind"].is_null() && names.contains(target) {
                assert!(layers[name].contains(&target), "{name} must not depend on {target}");
            }
        }
    }
}

#[test]
fn the_test_kit_is_used_by_tests_alone() {
    for package in metadata()["packages"].as_array().expect("packages") {
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            if dependency["name"] == "postrider-testkit" {
                assert_eq!(dependency["kind"], "dev", "{}", package["name"]);
            }
        }
    }
}

#[test]
fn each_dependency_is_declared_once_with_what_it_is_for() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("the workspace's manifest");
    let (_, section) = manifest.split_once("[workspace.dependencies]\n").expect("the section");
    let section = section.split("\n[").next().expect("the section's lines");
    let mut before = "";
    for line in section.lines() {
        let own = line.starts_with("postrider-");
        if line.contains(" = ") && !line.starts_with('#') && !own {
            assert!(before.starts_with("# "), "`{line}` says what it is for in the line above");
        }
        before = line;
    }
    for package in metadata()["packages"].as_array().expect("packages") {
        if package["name"] == "postrider-recipes" {
            continue; // A folder to be copied, whose manifest stands on its own.
        }
        let path = package["manifest_path"].as_str().expect("a path");
        let text = std::fs::read_to_string(path).expect("a manifest");
        for line in text.lines().skip_while(|l| !l.contains("dependencies]")) {
            let declares = line.contains(" = ") && (line.contains("version") || line.contains(" = \""));
            assert!(!declares || line.contains("workspace"), "{path}: `{line}` is declared in the workspace, not here");
        }
    }
}
