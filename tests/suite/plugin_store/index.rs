//! Signed indexes: a directory, a web server, names, upgrades, rollbacks, revocations.

use std::fs;
use std::process::Command;

use seqera_tests::sandbox::copy_tree;
use serde_json::Value;

use super::file_server::FileServer;
use super::publisher::{World, replaced};

#[test]
fn an_index_in_a_directory_installs_by_name_and_upgrades() {
    let world = World::new();
    let _package = world.signed("0.3.0");
    let index = world.index(&[]);
    let _untrusted =
        world.run(&["install", "hello", "--index", &index, "--yes"]).fails(77, "not trusted here");
    world.trust();
    let _installed = world.run(&["install", "hello", "--index", &index, "--yes"]).success();
    world.assert_works("0.3.0");
    let same = world.run(&["upgrade", "hello"]).success();
    assert_eq!(same.stderr, "hello 0.3.0 is the newest that may be installed\n");
    let _newer = (world.signed("0.4.0"), world.index(&[]));
    // By the same signer, asking for nothing more: nobody is asked again.
    let up = world.run(&["upgrade", "--all", "--json"]).success();
    let up: Value = serde_json::from_str(&up.stdout).unwrap();
    assert_eq!(
        (up["plugins"][0]["action"].as_str(), up["plugins"][0]["before"].as_str()),
        (Some("installed"), Some("0.3.0"))
    );
    world.assert_works("0.4.0");
    let _exact = world.run(&["install", "hello@0.3.0", "--index", &index]).success();
    let missing = world.run(&["install", "hello@9.9.9", "--index", &index]).fails(1, "it has 0.3.0, 0.4.0");
    assert!(missing.stderr.contains("may be installed"), "{missing}");
}

#[test]
fn names_come_from_the_indexes_of_the_configuration() {
    let world = World::new();
    world.trust();
    let _package = world.signed("0.3.0");
    let index = world.index(&[]);
    let none = world.run(&["install", "hello"]).fails(1, "no index is configured");
    assert!(none.stderr.contains("seqera config set indexes.NAME ADDRESS"), "{none}");
    let server = FileServer::start(&world.dir.join("packages"));
    world.user.configure(&format!("[indexes]\nacme = \"{}\"\n", server.url));
    let _installed = world.run(&["install", "hello@^0.3", "--yes"]).success();
    world.assert_works("0.3.0");
    let info: Value =
        serde_json::from_str(&world.run(&["info", "hello", "--json"]).success().stdout).unwrap();
    assert_eq!(info["versions"][0]["receipt"]["source"], "index:acme");
    let _unknown = world.run(&["install", "howdy"]).fails(1, "no index has a plugin `howdy`");
    // Two indexes with one plugin: whoever offers the higher version would win, so nobody does.
    let mirror = world.dir.join("mirror");
    copy_tree(index.as_ref(), &mirror);
    world.user.configure(&format!(
        "[indexes]\nacme = \"{}\"\nother = \"{}\"\n",
        server.url,
        mirror.display()
    ));
    let _two = world.run(&["install", "hello"]).fails(3, "is in two indexes");
    let _said = world.run(&["install", "hello", "--index", "other"]).success();
}

#[test]
fn an_upgrade_honours_pins_and_the_configured_source() {
    let world = World::new();
    world.trust();
    let (_old, _new) = (world.signed("0.3.0"), world.signed("0.4.0"));
    let index = world.index(&[]);
    world.user.configure(&format!("[plugins.hello]\nversion = \"^0.3\"\nsource = \"{index}\"\n"));
    let _pinned = world.run(&["install", "hello", "--yes"]).success();
    world.assert_works("0.3.0");
    let same = world.run(&["upgrade", "hello"]).success();
    assert!(same.stderr.contains("0.3.0 is the newest that may be installed"), "{same}");
    world.user.configure(&format!("[plugins.hello]\nsource = \"{index}\"\n"));
    let dry = world.run(&["upgrade", "hello", "--dry-run"]).success();
    assert!(dry.stderr.contains("hello 0.4.0 would be installed"), "{dry}");
    world.assert_works("0.3.0");
    let _up = world.run(&["upgrade", "hello"]).success();
    world.assert_works("0.4.0");
}

#[test]
fn one_that_cannot_be_upgraded_costs_the_others_nothing() {
    let world = World::new();
    world.trust();
    let _old = world.signed("0.3.0");
    let index = world.index(&[]);
    world.user.configure(&format!("[indexes]\nacme = \"{index}\"\n[commands]\nhi = \"hello\"\n"));
    let _hello = world.run(&["install", "hello", "--yes"]).success();
    // Another plugin, from an archive that is gone, and whose name comes first.
    let renamed = replaced(&fs::read(world.library("0.3.0")).unwrap(), b"hello0.3.0", b"greet0.3.0");
    let library = world.path("libseqera_plugin_greet.so");
    fs::write(&library, renamed).unwrap();
    let archive = world.run(&["package", &library, "--output", &world.path("greet")]).success().stdout;
    let _greet = world.run(&["install", archive.trim(), "--yes"]).success();
    fs::remove_file(archive.trim()).unwrap();
    let _newer = (world.signed("0.4.0"), world.index(&[]));
    let run = world.run(&["upgrade", "--all", "--json"]).fails(1, "there is no ");
    let rows: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let actions: Vec<&str> =
        rows["plugins"].as_array().unwrap().iter().map(|row| row["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["failed", "installed"], "{run}");
    world.assert_works("0.4.0");
    assert_eq!(world.user.seqera("greet you").success().stdout, "Hello, you\n");
}

#[test]
fn signed_stays_signed() {
    let world = World::new();
    world.trust();
    let _signed = world.run(&["install", &world.signed("0.3.0"), "--yes"]).success();
    let run = world.run(&["install", &world.archive("0.4.0"), "--yes"]).fails(77, "signed stays signed");
    assert!(run.stderr.contains("seqera plugin remove hello"), "{run}");
    world.assert_works("0.3.0");
    let _removed = world.run(&["remove", "hello"]).success();
    let _now = world.run(&["install", &world.archive("0.4.0"), "--yes"]).success();
}

#[test]
fn an_older_or_forged_index_is_refused() {
    let world = World::new();
    world.trust();
    let _package = world.signed("0.3.0");
    let index = world.index(&[]);
    let old = world.dir.join("old");
    copy_tree(index.as_ref(), &old);
    let _newer = (world.signed("0.4.0"), world.index(&[]));
    let _seen = world.run(&["install", "hello", "--index", &index, "--yes"]).success();
    let old = old.display().to_string();
    let run =
        world.run(&["install", "hello@0.3.0", "--index", &old, "--yes"]).fails(78, "is not the newest one");
    assert!(run.stderr.contains("serial 1, and 2 was seen before"), "{run}");

    let path = world.dir.join("packages/index.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"serial\": 2", "\"serial\": 3")).unwrap();
    let _forged = world.run(&["install", "hello", "--index", &index]).fails(78, "signed something else");
    fs::write(&path, &text).unwrap();
    fs::remove_file(world.dir.join("packages/index.json.minisig")).unwrap();
    let _unsigned = world.run(&["install", "hello", "--index", &index]).fails(77, "is not signed");
    world.assert_works("0.4.0");
}

#[test]
fn an_archive_is_the_one_that_the_index_names() {
    let world = World::new();
    world.trust();
    let (one, other) = (world.signed("0.3.0"), world.signed("0.4.0"));
    let index = world.index(&[]);
    fs::copy(&one, &other).unwrap();
    let run = world.run(&["install", "hello", "--index", &index, "--yes"]);
    let run = run.fails(78, "is not the archive that the index names");
    assert!(run.stderr.contains("It was not unpacked."), "{run}");
    // A pipe that nobody writes into is no archive.
    fs::remove_file(&other).unwrap();
    assert!(Command::new("mkfifo").arg(&other).status().unwrap().success());
    let mut command = world.user.beside("timeout".as_ref());
    command.arg("30").arg(world.user.program());
    command.args(["plugin", "install", "hello", "--index", &index, "--yes"]);
    let _no_file = world.user.run(command).fails(1, "it is not a regular file");
}

#[test]
fn what_an_index_revokes_is_refused_from_everywhere() {
    let world = World::new();
    world.trust();
    let archive = world.signed("0.3.0");
    let _newer = world.signed("0.4.0");
    let _installed = world.run(&["install", &archive, "--yes"]).success();
    let sum = Command::new("sha256sum").arg(world.library("0.3.0")).output().unwrap();
    let digest = String::from_utf8_lossy(&sum.stdout).split(' ').next().unwrap().to_owned();
    let index = world.index(&["--revoke-digest", &digest]);
    let _seen = world.run(&["install", "hello", "--index", &index, "--yes"]).success();
    world.assert_works("0.4.0");
    let _verify = world.run(&["verify", "hello"]).fails(77, "was withdrawn");
    let _old = world.run(&["remove", "hello@0.3.0"]).success();
    let _refused = world.run(&["install", &archive, "--yes"]).fails(77, "was withdrawn");
    world.assert_works("0.4.0");
}
