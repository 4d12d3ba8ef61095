//! Every command that changes something can say what it would change, and every one can speak JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::publisher::World;

/// Every file below a directory with its content, but for caches and locks.
fn everything(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut left = vec![root.to_owned()];
    while let Some(dir) = left.pop() {
        for item in fs::read_dir(&dir).into_iter().flatten() {
            let path = item.unwrap().path();
            let is_noted = ![".cache", ".lock", ".config.lock"].iter().any(|name| path.ends_with(name));
            if path.is_dir() && is_noted {
                left.push(path);
            } else if is_noted {
                found.insert(path.display().to_string(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn with_dry_run_nothing_changes_and_json_says_what_would() {
    let world = World::new();
    world.trust();
    let (_old, newer) = (world.signed("0.3.0"), world.signed("0.4.0"));
    let index = world.index(&[]);
    world.user.configure(&format!("[indexes]\nacme = \"{index}\"\n"));
    let _installed = world.run(&["install", "hello@0.3.0", "--yes"]).success();
    let library = world.library("0.5.0");
    let _linked = world.run(&["link", &library]).success();
    let (key, out) = (world.path("key"), world.path("out"));
    fs::create_dir(&out).unwrap();
    let id = world.run(&["trust", "list"]).success().stdout.split(' ').next().unwrap().to_owned();
    let other = World::new().key();

    let before = everything(world.user.root());
    for (line, action) in [
        (vec!["install", newer.as_str()], "would-install"),
        (vec!["upgrade", "hello"], "would-install"),
        (vec!["remove", "hello"], "would-remove"),
        (vec!["lock"], "would-lock"),
        (vec!["sync"], "would-sync"),
        (vec!["pin", "hello@0.3.0"], "would-be-pinned"),
        (vec!["disable", "hello"], "would-be-disabled"),
        (vec!["link", &library], "would-link"),
        (vec!["unlink", "hello"], "would-unlink"),
        (vec!["new", "greet", "--sdk", "0.1"], "would-create"),
        (vec!["trust", "add", &other], "would-add"),
        (vec!["trust", "remove", &id], "would-remove"),
        (vec!["package", &library, "--sign", &key, "--output", &out], "would-package"),
        (vec!["package", &library, "--into", &out], "would-package"),
        (vec!["index", &index, "--sign", &key], "would-publish"),
    ] {
        let run = world.run(&[line.as_slice(), &["--dry-run", "--json"]].concat());
        let run = run.success();
        let json: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!((&json["version"], &json["action"]), (&1.into(), &action.into()), "{line:?}: {run}");
        let for_people = world.run(&[line.as_slice(), &["--dry-run"]].concat()).success();
        assert!(
            for_people.stdout.is_empty() && for_people.stderr.contains("would"),
            "{line:?}: {for_people}"
        );
        let after = everything(world.user.root());
        let changed: Vec<_> =
            after.iter().filter(|(path, bytes)| before.get(*path) != Some(*bytes)).collect();
        assert_eq!(
            changed.iter().map(|(path, _)| *path).collect::<Vec<_>>(),
            Vec::<&String>::new(),
            "{line:?}"
        );
        assert_eq!(after.len(), before.len(), "{line:?}");
    }
    let _all = world.run(&["upgrade", "--all", "--dry-run"]).success();
    assert_eq!(everything(world.user.root()), before);
}

/// A command that is added later has the two options too.
#[test]
fn every_command_has_the_two_options() {
    let world = World::new();
    let help = world.run(&["--help"]).success().stdout;
    let commands = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let names: Vec<&str> = commands.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.len() > 10, "{names:?}");
    let reads = ["list", "info", "verify", "test", "explain", "grants", "help"];
    for name in names {
        // Its output is the plugin's; the words of these two are checked above.
        if ["run", "help", "trust", "grants"].contains(&name) {
            continue;
        }
        let help = world.run(&[name, "--help"]).success().stdout;
        assert!(help.contains("--json"), "{name} has no --json");
        assert!(reads.contains(&name) || help.contains("--dry-run"), "{name} has no --dry-run");
    }
}

/// Everything below a directory, directories too, but for the cache.
fn every_trace(root: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut left = vec![root.to_owned()];
    while let Some(dir) = left.pop() {
        for path in fs::read_dir(&dir).into_iter().flatten().map(|item| item.unwrap().path()) {
            if !path.ends_with(".cache") {
                found.insert(path.display().to_string());
                left.push(path);
            }
        }
    }
    found
}

#[test]
fn where_nothing_is_yet_a_trial_leaves_no_trace() {
    let publisher = World::new();
    let archive = publisher.signed("0.3.0");
    let index = publisher.index(&[]);
    let library = publisher.library("0.3.0");
    let world = World::new();
    let key = publisher.key();
    let _trusted = world.run(&["trust", "add", &key]).success();
    let before = every_trace(&world.user.home());
    for (line, code) in [
        (vec!["install", archive.as_str()], 0),
        (vec!["install", "hello", "--index", &index], 0),
        (vec!["install", "hello"], 1),
        (vec!["upgrade", "--all"], 0),
        (vec!["remove", "hello"], 1),
        (vec!["lock"], 0),
        (vec!["sync"], 0),
        (vec!["link", &library], 0),
        (vec!["unlink", "hello"], 1),
        (vec!["new", "greet", "--sdk", "0.1"], 0),
        (vec!["trust", "add", &key], 0),
        (vec!["package", &library], 0),
    ] {
        let run = world.run(&[line.as_slice(), &["--dry-run"]].concat());
        assert_eq!(run.code, code, "{line:?}: {run}");
        let after = every_trace(&world.user.home());
        assert_eq!(after.difference(&before).collect::<Vec<_>>(), Vec::<&String>::new(), "{line:?}");
    }
    // An older index may come after one that was only tried out.
    let _newer = publisher.index(&[]);
    let _tried = world.run(&["install", "hello", "--index", &index, "--dry-run"]).success();
    assert!(!world.user.config().join("seen_indexes.json").exists());
}
