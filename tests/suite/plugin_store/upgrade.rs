//! `seqera plugin upgrade` and `sync` where there is nothing to do, or nothing that could be done.

use serde_json::Value;

use super::publisher::World;

#[test]
fn an_upgrade_is_no_success_where_nothing_may_run() {
    let world = World::new();
    let archive = world.archive("0.3.0");
    let _installed = world.run(&["install", &archive, "--yes"]).success();
    let same = world.run(&["upgrade", "hello"]).success();
    assert_eq!(same.stderr, "hello 0.3.0 is the newest that may be installed\n");
    world.user.configure("[plugins.hello]\nversion = \"=9.9.9\"\n");
    let _refused = world.user.seqera("hello").fails(78, "is the one that is pinned");
    let refused = world.run(&["upgrade", "hello"]).fails(78, "is the one that is pinned");
    assert!(refused.stderr.contains("config.toml:2"), "{refused}");
    let all = world.run(&["upgrade", "--all", "--json"]).fails(78, "is the one that is pinned");
    let json: Value = serde_json::from_str(&all.stdout).unwrap();
    assert_eq!(json["plugins"][0]["action"], "failed");
}

#[test]
fn a_version_is_not_what_an_upgrade_takes() {
    let world = World::new();
    let _installed = world.run(&["install", &world.archive("0.3.0"), "--yes"]).success();
    let run = world.run(&["upgrade", "hello@9"]).fails(2, "`hello@9` is not a name for a plugin");
    for said in ["seqera plugin install hello@9", "seqera plugin pin hello@VERSION"] {
        assert!(run.stderr.contains(said), "{run}");
    }
    let _no_name = world.run(&["upgrade", "../hello"]).fails(2, "`../hello` is not a name for a plugin");
    let _nobody = world.run(&["upgrade", "nope"]).fails(1, "nope is not installed");
}

#[test]
fn where_there_is_nothing_to_do_that_is_said() {
    let world = World::new();
    let run = world.run(&["upgrade", "--all"]).success();
    assert!(run.stderr.contains("There is nothing to upgrade"), "{run}");
    let _first = world.run(&["sync"]).success();
    let run = world.run(&["sync"]).success();
    assert!(run.stderr.contains("There is nothing to do"), "{run}");
    let json = world.run(&["upgrade", "--all", "--json"]).success();
    assert_eq!((json.stderr.as_str(), json.stdout.contains("\"plugins\": []")), ("", true), "{json}");
}
