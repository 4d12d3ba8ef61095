//! A plugin whose next version another publisher signed.

use std::fs;

use seqera_tests::sandbox::Sandbox;

use super::publisher::World;
use crate::terminal::Terminal;

/// The public key in a file of the publisher.
fn public(world: &World, key: &str) -> String {
    let text = fs::read_to_string(world.dir.join(format!("{key}.pub"))).unwrap();
    text.lines().last().unwrap().to_owned()
}

/// A user with `hello` 0.3.0 of one publisher; 0.4.0 of another one is in the same index, which is answered.
fn handed_over(user: Sandbox) -> (World, String) {
    let world = World::of(user);
    world.trust();
    let _first = world.signed("0.3.0");
    let index = world.index(&[]);
    let _installed = world.run(&["install", "hello", "--index", &index, "--yes"]).success();
    let _key = world.run(&["package", "--new-key", &world.path("other")]).success();
    let _trusted = world.run(&["trust", "add", &public(&world, "other")]).success();
    package(&world, "0.4.0", "other");
    let _published = world.index(&[]);
    (world, index)
}

fn package(world: &World, version: &str, key: &str) {
    let (library, out, key) = (world.library(version), world.path("packages"), world.path(key));
    let _packaged = world.run(&["package", &library, "--output", &out, "--sign", &key]).success();
}

#[test]
fn another_publisher_is_agreed_to_by_name_and_not_by_yes() {
    let (world, index) = handed_over(Sandbox::new());
    let id = world.run(&["trust", "list"]).success().stdout.split(' ').next().unwrap().to_owned();
    let before = format!("before: signed with the key {id}: ANOTHER publisher");
    let dry = world.run(&["upgrade", "hello", "--dry-run"]).success();
    assert!(dry.stderr.contains(&before), "{dry}");
    let _nobody = world.run(&["upgrade", "hello"]).fails(10, &before);
    for line in [
        vec!["upgrade", "hello", "--yes"],
        vec!["upgrade", "--all", "--yes"],
        vec!["install", "hello", "--index", &index, "--yes"],
    ] {
        let run = world.run(&line).fails(10, "comes from another publisher than what is installed");
        assert!(run.stderr.contains(&format!("and what is installed with {id}")), "{run}");
        world.assert_works("0.3.0");
    }
    let mut terminal = Terminal::run(&world.user, &["plugin", "upgrade", "hello"]);
    terminal.wait_for(&before);
    terminal.wait_for("Install it? [y/N] ");
    terminal.type_line("n");
    assert_eq!(terminal.end(), 10);
    let _agreed = world.run(&["install", "hello", "--index", &index, "--yes", "--force"]).success();
    world.assert_works("0.4.0");
    // From then on he is known.
    package(&world, "0.5.0", "other");
    let _published = world.index(&[]);
    let _up = world.run(&["upgrade", "hello"]).success();
    world.assert_works("0.5.0");
}

#[test]
fn a_lock_that_names_the_publisher_has_agreed() {
    let (world, index) = handed_over(Sandbox::new());
    let _agreed = world.run(&["install", "hello", "--index", &index, "--yes", "--force"]).success();
    let _locked = world.run(&["lock"]).success();
    fs::remove_dir_all(world.user.plugins().join("hello/0.4.0")).unwrap();
    let _as_locked = world.run(&["sync", "--yes"]).success();
    world.assert_works("0.4.0");
}

#[test]
fn a_policy_that_names_the_publisher_has_agreed() {
    let Some(user) = Sandbox::new().with_admin() else { return };
    let (world, _index) = handed_over(user);
    let keys = ["key", "other"].map(|key| format!("\"{}\"", public(&world, key))).join(", ");
    world.user.etc().write("policy.toml", &format!("policy = 1\n[allow]\nkeys = [{keys}]\n"));
    let _up = world.run(&["upgrade", "hello", "--yes"]).success();
    world.assert_works("0.4.0");
}
