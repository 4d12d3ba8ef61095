//! What holds the house together: the arrow of dependencies, the one crate that names abi_stable, the
//! size of things.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Crate name to the crates it depends on, tests and build scripts apart.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(workspace())
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
    metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| {
            let normal = package["dependencies"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|dependency| dependency["kind"].is_null());
            (name(package), normal.map(name).collect())
        })
        .collect()
}

#[test]
fn the_arrow_points_one_way() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("seqera", &["seqera-plugin-abi"][..]),
        ("seqera-plugin-abi", &[]),
        ("seqera-plugin-api", &["seqera-plugin-abi"]),
        ("seqera-plugin-auth", &["seqera-plugin-api"]),
        ("seqera-plugin-org", &["seqera-plugin-api"]),
        ("seqera-fixture-bare", &["seqera-plugin-abi"]),
        ("seqera-fixture-skew-consumer", &["seqera-plugin-abi"]),
        ("seqera-fixture-skew-provider", &["seqera-plugin-abi"]),
        ("seqera-ai-approval", &[]),
        ("seqera-plugin-ai", &["seqera-ai-approval", "seqera-plugin-api"]),
        ("seqera-fixture-careless", &["seqera-plugin-api"]),
        ("seqera-fixture-fault", &["seqera-plugin-api"]),
        ("seqera-fixture-fixture", &["seqera-plugin-api"]),
        ("seqera-fixture-panics-at-load", &["seqera-plugin-abi"]),
        ("seqera-tests", &[]),
        ("seqera-fuzz", &["seqera", "seqera-ai-approval"]),
        ("xtask", &[]),
    ]);
    let dependencies = dependencies();
    let ours: Vec<&String> = dependencies.keys().collect();
    assert_eq!(ours.len(), allowed.len(), "a crate is not listed here: {ours:?}");
    for (name, all) in &dependencies {
        let inside: Vec<&str> =
            all.iter().filter(|other| dependencies.contains_key(*other)).map(String::as_str).collect();
        assert_eq!(inside, allowed[name.as_str()], "{name}");
        let names_it = all.iter().any(|other| other == "abi_stable");
        assert_eq!(names_it, name == "seqera-plugin-abi", "{name}");
    }
}

#[test]
fn the_host_names_no_plugin() {
    for file in sources("host/src") {
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for name in ["\"auth\"", "\"org\"", "\"ai\""] {
                assert!(!line.contains(name), "{}: {line}", file.display());
            }
        }
    }
}

#[test]
fn everything_is_printed_through_a_door() {
    let is_test = |file: &PathBuf| file.components().any(|part| part.as_os_str() == "tests");
    let product = ["host/src", "plugins", "plugin-api/src"].iter().flat_map(|dir| sources(dir));
    for file in product.filter(|file| !is_test(file)) {
        let text = fs::read_to_string(&file).unwrap();
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let prints =
                ["println!(", "eprintln!(", " print!(", "dbg!("].iter().any(|door| line.contains(door));
            assert!(!prints, "{}: {line}", file.display());
        }
    }
}

#[test]
fn unsafe_code_has_two_addresses() {
    let addresses = ["plugin-api/abi/src", "host/src/library.rs"].map(|path| workspace().join(path));
    for file in
        ["host", "plugins", "plugin-api", "xtask/src", "tests/src"].iter().flat_map(|dir| sources(dir))
    {
        if addresses.iter().any(|address| file.starts_with(address)) {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        assert!(!text.contains("unsafe {") && !text.contains("unsafe fn"), "{}", file.display());
    }
}

#[test]
fn files_stay_small_and_the_reference_plugin_smallest() {
    let lines = |file: &PathBuf| fs::read_to_string(file).unwrap().lines().count();
    for file in
        ["host", "plugins", "plugin-api", "xtask/src", "tests/src"].iter().flat_map(|dir| sources(dir))
    {
        assert!(lines(&file) <= 600, "{} has {} lines", file.display(), lines(&file));
    }
    let org: usize = sources("plugins/org").iter().map(lines).sum();
    assert!(org < 600, "plugins/org has {org} lines");
}

#[test]
fn nothing_leans_on_a_place_outside() {
    let output = Command::new("git")
        .args([
            "grep",
            "-InE",
            r"\.\./shared|(^|[^A-Za-z])/(wor[k]|roo[t])/",
            "--",
            ".",
            ":!Cargo.lock",
            ":!.ci",
            ":!tests/suite/architecture.rs",
        ])
        .current_dir(workspace())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
}

fn sources(dir: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left = vec![workspace().join(dir)];
    while let Some(dir) = left.pop() {
        for item in fs::read_dir(&dir).unwrap() {
            let path = item.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found
}
