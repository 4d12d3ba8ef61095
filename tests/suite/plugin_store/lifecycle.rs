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
    published_for(user(emulator))
}

fn user(emulator: &Emulator) -> Sandbox {
    Sandbox::on(emulator).with("SEQERA_ACCESS_TOKEN", &emulator.access_token)
}

fn published_for(user: Sandbox) -> World {
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

/// What `plugin explain` decides about `credits`, and the rules of which it says that they are (not) met.
fn explained(world: &World, is_met: bool) -> (String, String) {
    let json = world.run(&["explain", "credits", "--json"]).success().stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    let versions = json["versions"].as_array().unwrap().iter().map(|version| &version["rules"]);
    let rules = versions.chain([&json["rules"]]).flat_map(|rules| rules.as_array().unwrap());
    let rules = rules
        .filter(|rule| rule["met"] == is_met)
        .map(|rule| format!("{} {}\n", rule["rule"], rule["place"]));
    (json["decision"].as_str().unwrap().to_owned(), rules.collect::<String>() + &json["notes"].to_string())
}

#[track_caller]
fn explains(world: &World, decision: &str, is_met: bool, says: &[&str]) {
    let (decided, rules) = explained(world, is_met);
    assert_eq!(decided, decision, "{rules}");
    for said in says {
        assert!(rules.contains(said), "{said}:\n{rules}");
    }
}

#[test]
fn from_the_publisher_to_the_last_day_under_a_policy() {
    let emulator = emulator();
    let Some(user) = user(&emulator).with_admin() else { return };
    let world = published_for(user);
    let policy = |pin: &str| {
        let (key, index) = (world.key(), world.path("packages"));
        let rules = format!(
            "policy = 1\n[allow]\nrequire = \"signed\"\nkeys = [\"{key}\"]\nsources = [\"index:acme\"]\n\
             [indexes]\nacme = \"{index}\"\n[plugins.credits]\nversion = \"{pin}\"\nreason = \"reviewed\"\n"
        );
        world.user.etc().write("policy.toml", &rules);
    };
    policy("=1.0.0");
    explains(&world, "not-installed", true, &["version =1.0.0 (/etc/seqera/policy.toml:9)"]);
    let _refused = world.run(&["install", "credits@1.1.0", "--yes"]).fails(78, "/etc/seqera/policy.toml:9");
    let _installed = world.run(&["install", "credits", "--yes"]).success();
    shows(&world, "18.5 of 20 credits left");
    let pinned = "\"version =1.0.0\" \"/etc/seqera/policy.toml:9\"";
    let signed = "\"/etc/seqera/policy.toml:3\"";
    explains(&world, "used", true, &[pinned, signed, "\"/etc/seqera/policy.toml:5\""]);

    // The admin moves on: until the user follows nothing runs, and then the other one does.
    let same = world.run(&["upgrade", "credits"]).success();
    assert_eq!(same.stderr, "credits 1.0.0 is the newest that may be installed\n");
    policy("=1.1.0");
    let refused = world.user.seqera("credits").fails(78, "/etc/seqera/policy.toml:9");
    assert!(refused.stderr.contains("your admin says: reviewed"), "{refused}");
    explains(&world, "refused", false, &["\"version =1.1.0\" \"/etc/seqera/policy.toml:9\""]);
    let _upgraded = world.run(&["upgrade", "credits"]).success();
    shows(&world, "18.5 of 20 credits are left");
    explains(&world, "used", false, &["\"version =1.1.0\" \"/etc/seqera/policy.toml:9\""]);

    // This library would hang, were it opened.
    let library = installed_library(&world, "1.1.0");
    fs::copy(stage::fixtures().join("raw/libhangs-at-load.so"), &library).unwrap();
    let _not_opened = world.user.seqera("credits").fails(78, "was changed on disk");
    explains(&world, "refused", false, &["its library has sha256", "1.1.0/plugin.toml"]);
    let manifest = library.with_file_name("plugin.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    let sum = text.split('"').find(|part| part.len() == 64).unwrap();
    fs::write(&manifest, text.replace(sum, &digest(&library))).unwrap();
    let _not_signed = world.user.seqera("credits").fails(77, "/etc/seqera/policy.toml:3");
    explains(&world, "refused", false, &["it has to be signed", signed]);

    let _removed = world.run(&["remove", "credits"]).success();
    let _gone = world.user.seqera("credits").fails(127, "there is no command `credits`");
    explains(&world, "not-installed", true, &["version =1.1.0 (/etc/seqera/policy.toml:9)"]);
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
