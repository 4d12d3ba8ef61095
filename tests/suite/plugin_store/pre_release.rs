//! Pre-releases come, and run, only when somebody names them.

use seqera_tests::sandbox::Sandbox;
use seqera_tests::stage;

use super::apart;
use super::publisher::World;
use crate::emulator;

#[test]
fn a_pre_release_has_to_be_named() {
    let emulator = emulator();
    let user = Sandbox::on(&emulator).with("SEQERA_ACCESS_TOKEN", &emulator.access_token);
    let world = World::of(user);
    world.trust();
    let first = stage::fixtures().join("credits/credits/1.0.0/libacme_credits.so");
    let next = apart::next_credits(&world.dir.join("next"), "1.1.0-rc.1");
    let (packages, key) = (world.path("packages"), world.path("key"));
    for library in [first, next] {
        let library = library.display().to_string();
        let _packaged = world.run(&["package", &library, "--sign", &key, "--output", &packages]).success();
    }
    let index = world.index(&[]);
    let shown = || world.user.seqera("credits").success().stdout;

    let _newest = world.run(&["install", "credits", "--index", &index, "--yes"]).success();
    assert!(shown().ends_with("credits left\n"));
    let same = world.run(&["upgrade", "credits"]).success();
    assert_eq!(same.stderr, "credits 1.0.0 is the newest that may be installed\n");
    let _no_range = world.run(&["install", "credits@>1.0", "--index", &index]).fails(1, "has to be named");

    let named = world.run(&["install", "credits@1.1.0-rc.1", "--index", &index]).success();
    assert!(named.stderr.contains("credits 1.0.0 (user) is the one that runs"), "{named}");
    assert!(shown().ends_with("credits left\n"));
    world.user.configure("[plugins.credits]\nversion = \"=1.1.0-rc.1\"\n");
    assert!(shown().ends_with("credits are left\n"));

    // Alone and unnamed it is as if it were not there, and why is explained.
    world.user.configure("");
    let _removed = world.run(&["remove", "credits@1.0.0"]).success();
    let _nobody = world.user.seqera("credits").fails(127, "there is no command `credits`");
    let explained = world.run(&["explain", "credits"]).success().stdout;
    assert!(explained.starts_with("credits may not run\n"), "{explained}");
    assert!(explained.contains("✗ a pre-release runs only when a pin names it  (built in)"), "{explained}");
}
