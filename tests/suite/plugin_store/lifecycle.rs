//! The whole life of a team's plugin: built apart, packaged, signed, installed from a signed index, pinned, upgraded,
//! tampered with, removed.

use std::fs;
use std::path::{Path, PathBuf};

use seqera_tests::emulator::Emulator;
use seqera_tests::sandbox::Sandbox;
use seqera_tests::stage;
use serde_json::Value;

use super::apart;
use super::publisher::{World, replaced};
use crate::emulator;

/// Two versions of `credits`, in a signed index that the user has named.
fn published(emulator: &Emulator) -> World {
    let user = Sandbox::on(emulator).with("SEQERA_ACCESS_TOKEN", &emulator.access_token);
    let world = World::of(user);
    let first = stage::fixtures().join("credits/credits/1.0.0/libacme_credits.so");
    let next = apart::next_credits(&world.dir.join("next"), "1.1.0");
    let (packages, key) = (world.path("packages"), world.path("key"));
    for library in [first, next] {
        let library = library.display().to_string();
        let _packaged = world.run(&["package", &library, "--sign", &key, "--output", &packages]).success();
    }
    let index = world.index(&[]);
    world.trust();
    configure(&world, &index, "");
    world
}

fn configure(world: &World, index: &str, pin: &str) {
    world.user.configure(&format!("[indexes]\nacme = \"{index}\"\n{pin}"));
}

fn installed_library(world: &World, version: &str) -> PathBuf {
    let dir = world.user.plugins().join("credits").join(version);
    let mut files = fs::read_dir(dir).unwrap().map(|item| item.unwrap().path());
    files.find(|path| path.extension().is_some_and(|extension| extension == "so")).unwrap()
}

fn shows(world: &World, text: &str) {
    assert_eq!(world.user.seqera("credits --organization 1002").success().stdout, format!("{text}\n"));
}

#[test]
fn from_the_publisher_to_the_last_day() {
    let emulator = emulator();
    let world = published(&emulator);
    let index = world.path("packages");

    let _asked = world.run(&["install", "credits@1.0.0"]).fails(10, "sign-in: platform");
    let _installed = world.run(&["install", "credits@1.0.0", "--yes"]).success();
    shows(&world, "18.5 of 20 credits left");
    let verified = world.run(&["verify", "credits"]).success();
    assert!(verified.stdout.starts_with("ok      credits 1.0.0 (signed with "), "{verified}");

    // A pin holds, whatever is asked for.
    let sum = digest(&installed_library(&world, "1.0.0"));
    configure(&world, &index, &format!("[plugins.credits]\nversion = \"=1.0.0\"\nsha256 = \"{sum}\"\n"));
    let same = world.run(&["upgrade", "credits"]).success();
    assert_eq!(same.stderr, "credits 1.0.0 is the newest that may be installed\n");
    let refused =
        world.run(&["install", "credits@1.1.0", "--yes"]).fails(78, "is not the one that is pinned");
    assert!(refused.stderr.contains("config.toml:4"), "{refused}");
    shows(&world, "18.5 of 20 credits left");

    // Without it the newer one comes, from the same signer, so that nobody is asked again; both stay.
    configure(&world, &index, "");
    let json = world.run(&["upgrade", "--all", "--json"]).success().stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    let row = &json["plugins"][0];
    assert_eq!(
        ["action", "before", "plugin_version"].map(|key| row[key].as_str().unwrap()),
        ["installed", "1.0.0", "1.1.0"]
    );
    shows(&world, "18.5 of 20 credits are left");
    // Back to the first one by a pin alone.
    configure(&world, &index, &format!("[plugins.credits]\nsha256 = \"{sum}\"\n"));
    shows(&world, "18.5 of 20 credits left");
    configure(&world, &index, "");

    // Something else in its place is not opened: this library would hang.
    let library = installed_library(&world, "1.1.0");
    let good = fs::read(&library).unwrap();
    fs::copy(stage::fixtures().join("raw/libhangs-at-load.so"), &library).unwrap();
    let run = world.user.seqera("credits").fails(78, "was changed");
    assert!(run.stderr.contains("credits 1.1.0"), "{run}");
    let _found = world.run(&["verify", "credits"]).fails(78, "is not the one that was packaged");
    assert_eq!(world.user.seqera("org --help").code, 0, "the others go on working");
    // The repair is what the error says: to install it again, and nobody is asked again.
    assert!(run.stderr.contains("Install the plugin, or seqera, again."), "{run}");
    let repaired = world.run(&["install", "credits@1.1.0"]).success();
    assert_eq!(repaired.stderr, "credits 1.1.0 was installed\n");
    assert_eq!(fs::read(&library).unwrap(), good);
    shows(&world, "18.5 of 20 credits are left");
    let mut flipped = good;
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    fs::write(&library, flipped).unwrap();
    let _flipped = world.user.seqera("credits").fails(78, "was changed");

    let _removed = world.run(&["remove", "credits"]).success();
    let _gone = world.user.seqera("credits").fails(127, "there is no command `credits`");
    assert!(!world.user.plugins().join("credits").exists());
}

#[test]
fn a_version_that_asks_for_more_has_to_be_agreed_to_anew() {
    let emulator = emulator();
    let world = published(&emulator);
    let _installed = world.run(&["install", "credits@1.0.0", "--yes"]).success();
    let _as_before = world.run(&["upgrade", "credits"]).success();
    // The next one, of the same publisher, wants a sign-in of another kind.
    let library = fs::read(installed_library(&world, "1.1.0")).unwrap();
    let library = replaced(&replaced(&library, b"1.1.0", b"1.2.0"), b"platform", b"elseform");
    let path = world.path("libacme_credits.so");
    fs::write(&path, library).unwrap();
    let (packages, key) = (world.path("packages"), world.path("key"));
    let _packaged = world.run(&["package", &path, "--sign", &key, "--output", &packages]).success();
    let _index = world.index(&[]);
    let run = world.run(&["upgrade", "credits"]).fails(10, "nobody is here to agree");
    assert!(run.stderr.contains("sign-in: elseform"), "{run}");
    shows(&world, "18.5 of 20 credits are left");
    let _agreed = world.run(&["upgrade", "credits", "--yes"]).success();
    assert!(world.run(&["grants", "list"]).success().stdout.contains("elseform"));
}

fn digest(path: &Path) -> String {
    let output = std::process::Command::new("sha256sum").arg(path).output().unwrap();
    String::from_utf8_lossy(&output.stdout).split(' ').next().unwrap().to_owned()
}
