//! Plugins that run from where they are built.

use std::fs;
use std::path::Path;

use seqera_tests::sandbox::Run;
use seqera_tests::stage;
use serde_json::Value;

use super::publisher::World;

const LIBRARY: &str = "libseqera_plugin_hello.so";

/// `version name origin state` of every plugin of this name.
fn listed(world: &World, name: &str) -> Vec<String> {
    let json: Value = serde_json::from_str(&world.run(&["list", "--json"]).success().stdout).unwrap();
    let rows = json["plugins"].as_array().unwrap().iter().filter(|row| row["name"] == name);
    let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    rows.map(|row| format!("{} {} {}", text(row, "version"), text(row, "source"), text(row, "state")))
        .collect()
}

/// A crate as cargo leaves it after a build, as far as `link` looks at it.
fn built_crate(world: &World) -> String {
    let dir = world.dir.join("crate");
    fs::create_dir_all(dir.join("src")).unwrap();
    fs::create_dir_all(dir.join("target/debug")).unwrap();
    let manifest = "[package]\nname = \"seqera-plugin-hello\"\nversion = \"0.3.0\"\nedition = \"2024\"\n\
                    [lib]\ncrate-type = [\"cdylib\"]\n[workspace]\n";
    fs::write(dir.join("Cargo.toml"), manifest).unwrap();
    fs::write(dir.join("src/lib.rs"), "").unwrap();
    dir.display().to_string()
}

/// `seqera plugin link PATH` with a cargo that can be found.
fn link(world: &World, path: &str) -> Run {
    let mut command = world.user.command(["plugin", "link", path]);
    let cargo = Path::new(env!("CARGO")).parent().unwrap();
    command.env("PATH", cargo);
    world.user.run(command)
}

#[test]
fn a_linked_plugin_is_what_was_built_last_and_says_so_each_time() {
    let world = World::new();
    let library = world.library("0.3.0");
    let would = world.run(&["link", &library, "--dry-run"]).success();
    assert!(would.stderr.contains("hello 0.3.0 would be linked to"), "{would}");
    let _nothing = world.user.seqera("hello you").fails(127, "there is no command");
    let json = world.run(&["link", &library, "--json"]).success().stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["action"], &json["plugin"]), (&Value::from("linked"), &Value::from("hello")));
    for _ in 0..2 {
        let run = world.user.seqera("hello you").success();
        assert_eq!(run.stdout, "Hello, you\n");
        assert!(run.stderr.contains(&format!("hello 0.3.0 is linked to {library}")), "{run}");
    }
    assert_eq!(listed(&world, "hello"), ["0.3.0 linked used"]);

    fs::copy(world.library("0.4.0"), &library).unwrap();
    let run = world.user.seqera("hello you").success();
    assert!(run.stderr.contains("hello 0.4.0 is linked"), "{run}");
    assert_eq!(listed(&world, "hello"), ["0.4.0 linked used"]);

    let _would = world.run(&["unlink", "hello", "--dry-run"]).success();
    assert_eq!(listed(&world, "hello"), ["0.4.0 linked used"]);
    let _unlinked = world.run(&["unlink", "hello"]).success();
    let _gone = world.user.seqera("hello you").fails(127, "there is no command");
    let _twice = world.run(&["unlink", "hello"]).fails(1, "there is no linked plugin hello");
    assert!(Path::new(&library).exists(), "what was built stays");
}

#[test]
fn a_build_that_is_no_plugin_leaves_the_one_before_and_is_told() {
    let world = World::new();
    let library = world.library("0.3.0");
    let _linked = world.run(&["link", &library]).success();
    fs::write(&library, "half a libr").unwrap();
    let run = world.user.seqera("hello you").success();
    assert!(run.stderr.contains("the linked plugin hello is the one that was built before"), "{run}");
    fs::remove_file(&library).unwrap();
    let run = world.user.seqera("hello you").success();
    assert!(run.stderr.contains("the linked plugin hello is the one that was built before"), "{run}");
}

#[test]
fn a_link_counts_before_what_is_bundled_or_installed_unless_a_pin_says_otherwise() {
    let world = World::new();
    let _installed = world.run(&["install", &world.archive("0.4.0"), "--yes"]).success();
    let _linked = world.run(&["link", &world.library("0.3.0")]).success();
    assert_eq!(listed(&world, "hello"), ["0.3.0 linked used", "0.4.0 user not used"]);
    world.user.configure("[plugins.hello]\nversion = \"=0.4.0\"\n");
    assert_eq!(listed(&world, "hello"), ["0.3.0 linked not used", "0.4.0 user used"]);
    let run = world.user.seqera("hello you").success();
    assert_eq!(run.stderr, "");
    world.user.configure("");
    let _unlinked = world.run(&["unlink", "hello"]).success();
    world.assert_works("0.4.0");

    let bundled = stage::installation().join("lib/seqera/plugins/org");
    let version = fs::read_dir(&bundled).unwrap().next().unwrap().unwrap().path();
    let files = fs::read_dir(version).unwrap().map(|item| item.unwrap().path());
    let library = files.into_iter().find(|path| path.extension().is_some_and(|kind| kind == "so")).unwrap();
    let _linked = world.run(&["link", library.to_str().unwrap()]).success();
    let rows = listed(&world, "org");
    assert!(rows[0].ends_with("linked used") && rows[1].ends_with("bundled not used"), "{rows:?}");
    let _refused = world.run(&["remove", "org"]).fails(1, "is not installed");
}

#[test]
fn a_crate_is_linked_by_its_directory_once_it_was_built() {
    let world = World::new();
    let dir = built_crate(&world);
    let _early = link(&world, &dir).fails(1, "was not built yet");
    fs::copy(world.library("0.3.0"), format!("{dir}/target/debug/{LIBRARY}")).unwrap();
    let _linked = link(&world, &dir).success();
    assert_eq!(listed(&world, "hello"), ["0.3.0 linked used"]);
    fs::create_dir(format!("{dir}/target/release")).unwrap();
    fs::copy(world.library("0.4.0"), format!("{dir}/target/release/{LIBRARY}")).unwrap();
    let _newer = link(&world, &dir).success();
    assert_eq!(listed(&world, "hello"), ["0.4.0 linked used"]);

    let _nothing = link(&world, &world.path("nothing")).fails(2, "there is no plugin at");
    let _no_crate = link(&world, &world.path("")).fails(2, "there is no Cargo.toml in it");
    let manifest = fs::read_to_string(format!("{dir}/Cargo.toml")).unwrap();
    fs::write(format!("{dir}/Cargo.toml"), manifest.replace("cdylib", "rlib")).unwrap();
    let _no_plugin = link(&world, &dir).fails(2, "no library of the crate type");
}
