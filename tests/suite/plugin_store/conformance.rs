//! `seqera plugin test`: what good plugins pass, and what it finds in bad ones.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use seqera_tests::sandbox::{Run, Sandbox, copy_tree};
use seqera_tests::stage;
use serde_json::Value;

use super::publisher::World;

const ALL: [&str; 8] = ["library", "panic", "metadata", "services", "help", "usage", "bytes", "pipe"];

fn test(sandbox: &Sandbox, path: &Path) -> Run {
    sandbox.run(sandbox.command(["plugin", "test", path.to_str().unwrap()]))
}

/// Outcome and problems by check.
fn checks(sandbox: &Sandbox, path: &Path) -> (Run, BTreeMap<String, (String, String)>) {
    let run = sandbox.run(sandbox.command(["plugin", "test", path.to_str().unwrap(), "--json"]));
    let json: Value = serde_json::from_str(&run.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let problems = |row: &Value| row["problems"].as_array().unwrap().iter().map(text).collect::<Vec<_>>();
    let rows = json["checks"].as_array().unwrap().iter();
    assert_eq!(json["passed"], run.code == 0);
    (run, rows.map(|row| (text(&row["check"]), (text(&row["outcome"]), problems(row).join("\n")))).collect())
}

/// The only version in `<root>/<name>`.
fn version(parent: &Path) -> PathBuf {
    fs::read_dir(parent).unwrap().next().unwrap().unwrap().path()
}

#[test]
fn every_bundled_plugin_and_example_passes_every_check() {
    let bundled = stage::installation().join("lib/seqera/plugins");
    let sandbox = Sandbox::new();
    let fixtures = ["hello/hello", "credits/credits", "gate/gate", "fixture/fixture"];
    let plugins = ["auth", "org", "ai"].map(|name| bundled.join(name));
    for plugin in plugins.into_iter().chain(fixtures.map(|name| stage::fixtures().join(name))) {
        let run = test(&sandbox, &version(&plugin));
        assert_eq!(run.code, 0, "{}: {run}", plugin.display());
        let names: Vec<_> =
            run.stdout.lines().map(|line| line.split_whitespace().take(2).collect::<Vec<_>>()).collect();
        assert_eq!(names, ALL.map(|name| vec!["ok", name]), "{run}");
    }
    assert!(!sandbox.home().join(".config").exists() && !sandbox.home().join(".local").exists());
}

#[test]
fn each_broken_rule_is_found_where_it_is_broken() {
    let sandbox = Sandbox::new();
    let (run, checks) = checks(&sandbox, &version(&stage::fixtures().join("careless/careless")));
    assert_eq!(run.code, 1);
    for (check, problem) in [
        (
            "services",
            "seqera careless-services --help ended with 78, not with 0: error: the plugin auth is switched off",
        ),
        (
            "help",
            "seqera careless-help --help: cli.json has \"Print another help\", it prints \"Ask your team. careless-help\"",
        ),
        ("usage", "seqera careless-usage --surely-no-such-option ended with 0, not with 2"),
        ("bytes", "--help ended with 70, not with 0 or 2: error: the plugin careless 1.0.0 crashed at"),
        ("pipe", "seqera careless-pipe --help ended with 0, not with 141"),
    ] {
        let (outcome, problems) = &checks[check];
        assert_eq!(outcome, "failed", "{check}");
        assert!(problems.contains(problem), "{check}: {problems}");
        let named = |word: &str| problems.lines().any(|line| line.contains(&format!("seqera {word}")));
        assert!(!named("careful"), "{check}: {problems}");
        for other in ["services", "help", "usage", "bytes", "pipe"].iter().filter(|other| **other != check) {
            // A command that asks for a service first fails in every other check too.
            assert!(*other == "services" || !named(&format!("careless-{other} ")), "{check}: {problems}");
        }
    }
    assert_eq!(checks["metadata"].0, "passed");
}

#[test]
fn what_is_no_plugin_at_all_fails_the_first_check_that_tells() {
    let sandbox = Sandbox::new();
    let raw = |name: &str| stage::fixtures().join(format!("raw/lib{name}.so"));
    let (run, found) = checks(&sandbox, &raw("panic-abort"));
    assert_eq!((run.code, found["library"].0.as_str()), (1, "failed"));
    assert!(found["library"].1.contains("panic = \"unwind\""), "{found:?}");
    assert_eq!(found["metadata"].0, "skipped");
    let package = ["plugin", "package", raw("panic-abort").to_str().unwrap()].map(str::to_owned);
    let _refused =
        sandbox.run(sandbox.command(package)).fails(126, "a panic in it would end the whole process");

    let text = sandbox.root().join("libtext.so");
    fs::write(&text, "no library").unwrap();
    let (run, found) = checks(&sandbox, &text);
    assert_eq!((run.code, found["library"].0.as_str()), (1, "failed"));
    let _nothing = test(&sandbox, &sandbox.root().join("nothing")).fails(2, "there is no plugin at");
}

#[test]
fn a_package_has_to_be_that_of_its_library() {
    let world = World::new();
    let archive = world.archive("0.3.0");
    let _passes = world.run(&["test", &archive]).success();
    let signed = world.signed("0.4.0");
    let (run, found) = checks(&world.user, Path::new(&signed));
    assert_eq!((run.code, found["library"].0.as_str()), (1, "failed"), "nobody trusts the key yet");
    world.trust();
    let _passes = world.run(&["test", &signed]).success();

    let package = world.dir.join("unpacked");
    copy_tree(&stage::fixtures().join("hello/hello/0.3.0"), &package);
    let manifest = fs::read_to_string(package.join("plugin.toml")).unwrap();
    fs::write(package.join("plugin.toml"), manifest.replace("Greet somebody", "Greet nobody")).unwrap();
    let (run, found) = checks(&world.user, &package);
    assert_eq!((run.code, found["metadata"].0.as_str()), (1, "failed"));
    assert!(found["metadata"].1.contains("says something else than its library"), "{found:?}");
}
