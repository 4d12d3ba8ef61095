//! The life of an installed plugin.

use std::fs;

use seqera_tests::sandbox::copy_tree;
use serde_json::Value;

use super::file_server::FileServer;
use super::publisher::World;

#[test]
fn an_archive_is_installed_run_described_verified_and_removed() {
    let world = World::new();
    let archive = world.archive("0.3.0");
    let run = world.run(&["install", &archive, "--yes"]).success();
    assert_eq!(run.stderr, "hello 0.3.0 was installed\n");
    world.assert_works("0.3.0");
    let info = world.run(&["info", "hello"]).success().stdout;
    assert!(info.contains("hello 0.3.0  (used)") && info.contains("hello or hi"), "{info}");
    let info: Value =
        serde_json::from_str(&world.run(&["info", "hello", "--json"]).success().stdout).unwrap();
    assert_eq!(info["versions"][0]["receipt"]["source"], format!("path:{archive}"));
    let verify = world.run(&["verify", "hello"]).success();
    assert_eq!(verify.stdout, "ok      hello 0.3.0 (not signed)\n");
    let all = world.run(&["verify"]).success();
    assert!(all.stdout.contains("(bundled)"), "{all}");

    let again = world.run(&["install", &archive]).success();
    assert_eq!(again.stderr, "hello 0.3.0 is installed already\n");

    let dry = world.run(&["remove", "hello", "--dry-run"]).success();
    assert_eq!(dry.stderr, "hello 0.3.0 would be removed\n");
    world.assert_works("0.3.0");
    let removed = world.run(&["remove", "hello", "--json"]).success();
    assert!(removed.stdout.contains("\"removed\""), "{removed}");
    let _gone = world.user.seqera("hello").fails(127, "there is no command");
    assert!(!world.user.plugins().join("hello").exists());
    let _twice = world.run(&["remove", "hello"]).fails(1, "is not installed");
    let _bundled = world.run(&["remove", "org"]).fails(1, "It came with seqera");
}

#[test]
fn nothing_is_installed_without_consent_and_nothing_with_dry_run() {
    let world = World::new();
    let archive = world.archive("0.3.0");
    let run = world.run(&["install", &archive]).fails(10, "nobody is here to agree");
    for said in ["not signed: nobody vouches for it", "commands: hello", "say --yes", "somebody else"] {
        assert!(run.stderr.contains(said), "{run}");
    }
    let dry = world.run(&["install", &archive, "--dry-run", "--json"]).success();
    assert!(dry.stdout.contains("\"would-install\"") && dry.stderr.contains("commands: hello"), "{dry}");
    let _gone = world.user.seqera("hello").fails(127, "there is no command");
    assert!(!world.user.plugins().join("hello").exists());
}

#[test]
fn an_unpacked_package_is_installed_with_nothing_but_what_its_manifest_names() {
    let world = World::new();
    let into = world.path("unpacked");
    let dir = world.run(&["package", &world.library("0.3.0"), "--into", &into]).success().stdout;
    let dir = dir.trim();
    fs::write(format!("{dir}/receipt.toml"), "receipt = 1\n").unwrap();
    fs::write(format!("{dir}/more.txt"), "more").unwrap();
    let _installed = world.run(&["install", dir, "--yes"]).success();
    world.assert_works("0.3.0");
    let place = world.user.plugins().join("hello/0.3.0");
    let mut names: Vec<String> =
        fs::read_dir(&place).unwrap().map(|item| item.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["cli.json", "libseqera_plugin_hello.so", "plugin.toml", "receipt.toml"]);
    let receipt = fs::read_to_string(place.join("receipt.toml")).unwrap();
    assert!(receipt.contains(dir), "the receipt is ours: {receipt}");
}

#[test]
fn versions_stand_side_by_side_and_a_pin_chooses() {
    let world = World::new();
    let _first = world.run(&["install", &world.archive("0.3.0"), "--yes"]).success();
    let second = world.run(&["install", &world.archive("0.4.0"), "--yes"]).success();
    assert_eq!(second.stderr, "hello 0.4.0 was installed; 0.3.0 stays beside it\n");
    world.assert_works("0.4.0");
    world.user.configure("[plugins.hello]\nversion = \"=0.3.0\"\n");
    world.assert_works("0.3.0");
    let pinned = world.run(&["install", &world.archive("0.5.0"), "--yes"]);
    let _pinned = pinned.fails(78, "config.toml:2");
    world.user.configure("");
    let _one = world.run(&["remove", "hello@0.4.0"]).success();
    world.assert_works("0.3.0");
    let _unknown = world.run(&["remove", "hello@9.9.9"]).fails(1, "installed is 0.3.0");
}

#[test]
fn the_same_version_with_other_content_needs_force() {
    let world = World::new();
    let _first = world.run(&["install", &world.archive("0.3.0"), "--yes"]).success();
    let signed = world.signed("0.3.0");
    world.trust();
    let library = world.library("0.3.0");
    let mut other = fs::read(&library).unwrap();
    other.push(0);
    fs::write(&library, other).unwrap();
    let archive = world.run(&["package", &library, "--output", &world.path("other")]).success().stdout;
    let _refused = world.run(&["install", archive.trim(), "--yes"]).fails(1, "with other content");
    world.assert_works("0.3.0");
    let _replaced = world.run(&["install", archive.trim(), "--yes", "--force"]).success();
    world.assert_works("0.3.0");
    drop(signed);
}

#[test]
fn a_second_plugin_with_the_same_command_is_refused_and_both_are_named() {
    let world = World::new();
    let _first = world.run(&["install", &world.archive("0.3.0"), "--yes"]).success();
    // The same library under another name.
    let library = world.library("0.3.0");
    let renamed = super::publisher::replaced(&fs::read(&library).unwrap(), b"hello0.3.0", b"howdy0.3.0");
    fs::write(&library, renamed).unwrap();
    let out = world.path("howdy");
    let archive = world.run(&["package", &library, "--output", &out]).success().stdout;
    let archive = archive.trim();
    assert!(archive.ends_with("howdy-0.3.0.tar.gz"), "{archive}");
    let run = world.run(&["install", archive, "--yes"]).fails(3, "both have the command `hi`");
    assert!(run.stderr.contains("howdy 0.3.0") && run.stderr.contains("hello 0.3.0"), "{run}");
    world.user.configure("[commands]\nhi = \"hello\"\n");
    let _named = world.run(&["install", archive, "--yes"]).success();
    assert_eq!(world.user.seqera("howdy you").success().stdout, "Hello, you\n");
    assert_eq!(world.user.seqera("hi you").success().stdout, "Hello, you\n");
}

#[test]
fn a_word_of_a_bundled_plugin_is_refused() {
    let world = World::new();
    let fixture = seqera_tests::stage::fixtures().join("hello/hello/0.3.0");
    let dir = world.dir.join("org-like");
    copy_tree(&fixture, &dir);
    let manifest = fs::read_to_string(dir.join("plugin.toml")).unwrap();
    fs::write(dir.join("plugin.toml"), manifest.replace("aliases = [\"hi\"]", "aliases = [\"login\"]"))
        .unwrap();
    let run = world.run(&["install", &dir.display().to_string(), "--yes"]);
    let run = run.fails(3, "both have the command `login`");
    assert!(run.stderr.contains("auth"), "{run}");
}

#[test]
fn an_address_is_downloaded_and_its_status_comes_before_everything() {
    let world = World::new();
    let _archive = world.archive("0.3.0");
    let server = FileServer::start(&world.dir.join("packages"));
    let missing = world.run(&["install", &format!("{}no.tar.gz", server.url), "--yes"]);
    let missing = missing.fails(6, "the server answered 404");
    assert!(!missing.stderr.contains("sha256") && !missing.stderr.contains("unpacked"), "{missing}");
    let moved = format!("{}moved/hello-0.3.0.tar.gz", server.url);
    let _installed = world.run(&["install", &moved, "--yes"]).success();
    world.assert_works("0.3.0");
    let seen = server.requests.lock().unwrap().join("").to_lowercase();
    assert!(seen.contains("user-agent: seqera/") && !seen.contains("authorization"), "{seen}");
    let _insecure =
        world.run(&["install", "http://plugins.example/x.tar.gz", "--yes"]).fails(2, "https only");
    let closed = world.run(&["install", "http://127.0.0.1:1/x.tar.gz", "--yes"]);
    let _closed = closed.fails(5, "127.0.0.1:1");
}
