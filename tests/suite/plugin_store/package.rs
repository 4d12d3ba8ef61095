//! Making packages.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::publisher::{World, replaced};

#[test]
fn a_package_holds_everything_and_is_made_the_same_twice() {
    let world = World::new();
    let archive = world.signed("0.3.0");
    assert!(archive.ends_with("hello-0.3.0.tar.gz"), "{archive}");
    let listing = Command::new("tar").arg("tzf").arg(&archive).output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&listing.stdout),
        "plugin.toml\nplugin.toml.minisig\ncli.json\nlibseqera_plugin_hello.so\n"
    );
    let first = fs::read(world.archive("0.3.0")).unwrap();
    assert_eq!(first, fs::read(world.archive("0.3.0")).unwrap());
    // A web server has to be able to read what is published, whoever made it.
    let _index = world.index(&[]);
    let plain = world.path("packages/plain");
    fs::write(&plain, "").unwrap();
    let mode = |path: &str| fs::metadata(path).unwrap().permissions().mode();
    for file in ["hello-0.3.0.tar.gz", "index.json", "index.json.minisig"] {
        assert_eq!(mode(&world.path(&format!("packages/{file}"))), mode(&plain), "{file}");
    }
}

#[test]
fn further_targets_are_in_the_one_manifest() {
    let world = World::new();
    let library = world.library("0.3.0");
    let mut foreign = fs::read(&library).unwrap();
    foreign[18] = 0xB7; // EM_AARCH64
    fs::write(world.path("foreign.so"), &foreign).unwrap();
    fs::write(world.path("lib.dylib"), b"\xCF\xFA\xED\xFE and so on").unwrap();
    let into = world.path("laid-out");
    let arm = format!("aarch64-unknown-linux-gnu={}", world.path("foreign.so"));
    let mac = format!("aarch64-apple-darwin={}", world.path("lib.dylib"));
    let run = world.run(&["package", &library, "--into", &into, "--artifact", &arm, "--artifact", &mac]);
    let dir = run.success().stdout.trim().to_owned();
    let manifest: toml::Table =
        toml::from_str(&fs::read_to_string(format!("{dir}/plugin.toml")).unwrap()).unwrap();
    let artifacts = manifest["artifact"].as_table().unwrap();
    assert_eq!(artifacts.len(), 3);
    assert_eq!(artifacts["aarch64-unknown-linux-gnu"]["file"].as_str(), Some("foreign.so"));
    assert!(artifacts["x86_64-unknown-linux-gnu"]["glibc"].as_str().unwrap().starts_with("2."));
    assert!(artifacts["aarch64-apple-darwin"].get("glibc").is_none());

    let wrong = format!("aarch64-unknown-linux-gnu={library}");
    let run = world.run(&["package", &library, "--into", &into, "--artifact", &wrong]);
    let _refused = run.fails(126, "another processor");
}

#[test]
fn what_is_no_plugin_is_not_packaged() {
    let world = World::new();
    fs::write(world.path("text.so"), "text").unwrap();
    let text = world.path("text.so");
    let _text = world.run(&["package", &text]).fails(126, "cannot be packaged");
    let _missing = world.run(&["package", &world.path("missing.so")]).fails(1, "cannot read");
    let library = fs::read(world.library("0.3.0")).unwrap();
    let broken = world.path("lib.so");
    fs::write(&broken, replaced(&library, b"0.3.0", b"0.3.x")).unwrap();
    let _version = world.run(&["package", &broken]).fails(126, "`0.3.x` is no version");
}

#[test]
fn keys_are_private_never_overwritten_and_read_by_minisign() {
    let world = World::new();
    let mode = fs::metadata(world.path("key")).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let _kept = world.run(&["package", "--new-key", &world.path("key")]).fails(1, "exists");
    let list = world.run(&["trust", "list"]).success();
    assert_eq!(list.stdout, "");
    world.trust();
    let again = world.run(&["trust", "add", &world.path("key.pub"), "--name", "acme"]).success();
    assert!(again.stderr.contains("was trusted already"), "{again}");
    let json = world.run(&["trust", "list", "--json"]).success().stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["keys"][0]["key"].as_str(), Some(world.key().as_str()));
    let id = json["keys"][0]["id"].as_str().unwrap().to_owned();
    let _removed = world.run(&["trust", "remove", &id]).success();
    assert_eq!(world.run(&["trust", "list"]).success().stdout, "");
    let _unknown = world.run(&["trust", "remove", &id]).fails(2, "is not a key that was added");
    let _nonsense = world.run(&["trust", "add", "hello"]).fails(2, "no public key");
}

/// Other tools than ours write times and users into headers of their own.
#[test]
fn an_archive_that_another_tool_packed_is_installed() {
    let world = World::new();
    let archive = world.archive("0.3.0");
    let dir = world.dir.join("unpacked");
    fs::create_dir(&dir).unwrap();
    let out = world.path("posix.tar.gz");
    let names = "plugin.toml cli.json libseqera_plugin_hello.so";
    for line in [format!("tar xzf {archive}"), format!("tar czf {out} --format=posix {names}")] {
        let status = Command::new("sh").args(["-c", &line]).current_dir(&dir).status().unwrap();
        assert!(status.success(), "{line}");
    }
    let _installed = world.run(&["install", &out, "--yes"]).success();
    world.assert_works("0.3.0");
}
