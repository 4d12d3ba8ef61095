//! What was changed after it was installed, by somebody who knows which files go together.

use std::fs;

use serde_json::Value;

use super::publisher::{World, replaced};

const LIBRARY: &str = "libseqera_plugin_hello.so";

/// Puts another library in the place of the installed one, and its digest into the manifest.
fn exchange(world: &World) {
    let place = world.user.plugins().join("hello/0.3.0");
    let other = replaced(&fs::read(place.join(LIBRARY)).unwrap(), b"Hello", b"Pwned");
    fs::write(place.join(LIBRARY), other).unwrap();
    let output = std::process::Command::new("sha256sum").arg(place.join(LIBRARY)).output().unwrap();
    let sha256 = String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned();
    let manifest = fs::read_to_string(place.join("plugin.toml")).unwrap();
    let before = manifest.split(&format!("\"{LIBRARY}\"")).nth(1).unwrap();
    let before = before.split('"').find(|part| part.len() == 64).unwrap();
    fs::write(place.join("plugin.toml"), manifest.replace(before, &sha256)).unwrap();
}

#[test]
fn a_library_that_was_exchanged_together_with_its_manifest_is_neither_opened_nor_locked() {
    for is_signed in [true, false] {
        let world = World::new();
        world.trust();
        let archive = if is_signed { world.signed("0.3.0") } else { world.archive("0.3.0") };
        let _installed = world.run(&["install", &archive, "--yes"]).success();
        world.assert_works("0.3.0");
        exchange(&world);
        if is_signed {
            fs::remove_file(world.user.plugins().join("hello/0.3.0/plugin.toml.minisig")).unwrap();
        }
        let refused = world.user.seqera("hello you").fails(78, "hello 0.3.0 is not what was installed");
        assert!(refused.stderr.contains("its plugin.toml was changed since"), "{refused}");
        assert_eq!(refused.stdout, "");

        let explained = world.run(&["explain", "hello", "--json"]).success().stdout;
        let explained: Value = serde_json::from_str(&explained).unwrap();
        assert_eq!(
            (&explained["decision"], &explained["refusal"]["code"]),
            (&"refused".into(), &78.into()),
            "{explained:#}"
        );
        let text = world.run(&["explain", "hello"]).success().stdout;
        assert!(text.contains("✗ its plugin.toml was changed since  ("), "{text}");

        let _not_locked = world.run(&["lock"]).fails(78, "hello 0.3.0 is not what was installed");
        assert!(!world.user.config().join("plugins.lock").exists());

        // The repair is what the error says; where a key vouches for it, nobody is asked again.
        let mut repair = vec!["install", &archive];
        repair.extend((!is_signed).then_some("--yes"));
        let _repaired = world.run(&repair).success();
        world.assert_works("0.3.0");
        let _locked = world.run(&["lock"]).success();
        let text = world.run(&["explain", "hello"]).success().stdout;
        assert!(text.contains("✓ its plugin.toml is the one that was installed  ("), "{text}");
    }
}

#[test]
fn nothing_is_granted_to_what_was_changed() {
    let emulator = crate::emulator();
    let world = World::of(seqera_tests::sandbox::Sandbox::on(&emulator));
    let fixture = seqera_tests::stage::fixtures().join("credits/credits/1.0.0");
    let _installed = world.run(&["install", fixture.to_str().unwrap(), "--yes"]).success();
    let _revoked = world.run(&["grants", "revoke", "credits"]).success();
    let manifest = world.user.plugins().join("credits/1.0.0/plugin.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, format!("{text}\n")).unwrap();
    let _refused = world.run(&["grants", "allow", "credits"]).fails(78, "is not what was installed");
    assert!(!world.run(&["grants", "list"]).success().stdout.contains("credits"));
}
