//! Removals, upgrades and synchronisations that are killed (SIGKILL): nothing is half there, the lock lets go of nothing
//! that is, no grant outlives its plugin, and to say it again does the rest.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use seqera_tests::sandbox::Run;
use seqera_tests::stage;

use super::publisher::World;

const KILLED: i32 = 128 + 9;

/// `seqera plugin ARGUMENTS`, killed behind a step.
fn killed(world: &World, step: &str, arguments: &[&str]) -> Run {
    let mut command = world.user.command(std::iter::once("plugin").chain(arguments.iter().copied()));
    command.env("SEQERA_TEST_INSTALL", format!("kill:{step}"));
    let run = world.user.run(command);
    assert_eq!(run.code, KILLED, "{step}: {run}");
    run
}

fn lock_file(world: &World) -> String {
    fs::read_to_string(world.user.config().join("plugins.lock")).unwrap_or_default()
}

fn locked_version(world: &World) -> Option<String> {
    let text = lock_file(world);
    let line = text.lines().find(|line| line.starts_with("version = "))?;
    Some(line.split('"').nth(1)?.to_owned())
}

/// The versions of `hello` that lie in their places.
fn versions(world: &World) -> Vec<String> {
    let listing = fs::read_dir(world.user.plugins().join("hello")).into_iter().flatten();
    let mut names: Vec<String> =
        listing.map(|item| item.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_removal_that_dies_is_finished_by_the_next() {
    let world = World::new();
    let fixture = stage::fixtures().join("credits/credits/1.0.0").display().to_string();
    let place = world.user.plugins().join("credits");
    for step in ["locked", "revoked", "trashed", "takenaway", "forgotten"] {
        let _installed = world.run(&["install", &fixture, "--yes"]).success();
        let _locked = world.run(&["lock"]).success();
        let _killed = killed(&world, step, &["remove", "credits"]);
        // It is whole, and still what is locked; or it is gone, and its grants too.
        if place.join("1.0.0").exists() {
            let _whole = world.run(&["verify", "credits"]).success();
            let _runs = world.user.seqera("credits --help").success();
            assert!(lock_file(&world).contains("credits"), "{step}");
        } else {
            assert!(!world.run(&["grants", "list"]).success().stdout.contains("credits"), "{step}");
            let _gone = world.user.seqera("credits --help").fails(127, "there is no command");
        }
        let _others = world.user.seqera("org --help").success();
        let again = world.run(&["remove", "credits"]);
        assert!(again.code == 0 || step == "forgotten", "{step}: {again}");
        assert!(!place.exists(), "{step}");
        assert!(!lock_file(&world).contains("credits"), "{step}");
        assert!(!world.run(&["grants", "list"]).success().stdout.contains("credits"), "{step}");
        let _nothing_left = world.run(&["remove", "credits"]).fails(1, "credits is not installed");
        fs::remove_file(world.user.config().join("plugins.lock")).unwrap();
    }
}

#[test]
fn a_removal_that_died_costs_other_empty_directories_nothing() {
    let world = World::new();
    let own = ["mine", "projects"].map(|name| world.user.plugins().join(name));
    own.iter().for_each(|dir| fs::create_dir_all(dir).unwrap());
    let _installed = world.run(&["install", &world.archive("0.3.0"), "--yes"]).success();
    assert!(own.iter().all(|dir| dir.is_dir()), "after an installation");
    let _killed = killed(&world, "trashed", &["remove", "hello"]);
    let _finished = world.run(&["remove", "hello"]).fails(1, "hello is not installed");
    assert!(!world.user.plugins().join("hello").exists());
    assert!(own.iter().all(|dir| dir.is_dir()), "after a removal");
}

#[test]
fn removing_one_version_that_dies_is_finished_by_the_next() {
    let world = World::new();
    let (old, new) = (world.archive("0.3.0"), world.archive("0.4.0"));
    for step in ["locked", "trashed", "takenaway", "forgotten"] {
        let _old = world.run(&["install", &old, "--yes"]).success();
        let _new = world.run(&["install", &new, "--yes"]).success();
        let _locked = world.run(&["lock"]).success();
        assert_eq!(locked_version(&world).as_deref(), Some("0.4.0"));
        let _killed = killed(&world, step, &["remove", "hello@0.4.0"]);
        let again = world.run(&["remove", "hello@0.4.0"]);
        assert!(again.code == 0 || step == "forgotten", "{step}: {again}");
        world.assert_works("0.3.0");
        assert_eq!(versions(&world), ["0.3.0"]);
        assert_ne!(locked_version(&world).as_deref(), Some("0.4.0"));
        fs::remove_file(world.user.config().join("plugins.lock")).unwrap();
    }
}

#[test]
fn an_upgrade_that_dies_keeps_to_the_lock_until_it_is_finished() {
    let world = World::new();
    let old = world.signed("0.3.0");
    let _new = world.signed("0.4.0");
    world.trust();
    let index = world.index(&[]);
    world
        .user
        .configure(&format!("[indexes]\nacme = \"{index}\"\n[plugins.hello]\nsource = \"index:acme\"\n"));
    for step in super::steps::STEPS.iter().copied().chain(["recorded"]) {
        let _removed = world.run(&["remove", "hello"]);
        let _old = world.run(&["install", &old, "--yes"]).success();
        let _locked = world.run(&["lock"]).success();
        let _killed = killed(&world, step, &["upgrade", "hello"]);
        world.assert_works(if step == "recorded" { "0.4.0" } else { "0.3.0" });
        let _whole = world.run(&["verify", "hello"]).success();
        let _again = world.run(&["upgrade", "hello"]).success();
        world.assert_works("0.4.0");
        assert_eq!(locked_version(&world).as_deref(), Some("0.4.0"), "{step}");
    }
}

#[test]
fn a_sweep_that_dies_is_finished_by_the_next() {
    let world = World::new();
    let archives = [world.archive("0.3.0"), world.archive("0.4.0"), world.archive("0.5.0")];
    let fixture = stage::fixtures().join("credits/credits/1.0.0").display().to_string();
    for archive in &archives[..2] {
        let _installed = world.run(&["install", archive, "--yes"]).success();
    }
    let _new = world.run(&["install", &archives[2], "--yes"]).success();
    let _locked = world.run(&["lock"]).success();
    let lock = lock_file(&world);
    for step in ["revoked", "trashed", "takenaway"] {
        for archive in &archives[..2] {
            let _again = world.run(&["install", archive, "--yes"]);
        }
        // It is locked when it is installed; that is taken back.
        let _more = world.run(&["install", &fixture, "--yes"]).success();
        fs::write(world.user.config().join("plugins.lock"), &lock).unwrap();
        let _killed = killed(&world, step, &["sync"]);
        world.assert_works("0.5.0");
        let _again = world.run(&["sync"]).success();
        world.assert_works("0.5.0");
        assert_eq!(versions(&world), ["0.5.0"], "{step}");
        assert!(!world.run(&["grants", "list"]).success().stdout.contains("credits"), "{step}");
        assert_eq!(lock_file(&world), lock);
        assert!(!world.user.plugins().join("credits").exists(), "{step}");
    }
}

/// Not after a step of ours, but whenever the signal comes.
#[test]
fn a_removal_that_is_killed_at_any_moment_leaves_all_or_nothing() {
    const PARTS: u32 = 24;
    let world = World::new();
    let archive = world.archive("0.3.0");
    let _installed = world.run(&["install", &archive, "--yes"]).success();
    let started = std::time::Instant::now();
    let _removed = world.run(&["remove", "hello"]).success();
    let whole = started.elapsed();
    let place = world.user.plugins().join("hello/0.3.0");
    let is_there = |place: &Path| place.join("plugin.toml").exists();
    let (mut killed, mut kept) = (0, 0);
    for part in 0..PARTS {
        let _installed = world.run(&["install", &archive, "--yes"]).success();
        let mut command = world.user.command(["plugin", "remove", "hello"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(whole * part / PARTS);
        child.kill().unwrap();
        killed += u32::from(child.wait().unwrap().code().is_none());
        if is_there(&place) {
            kept += 1;
            world.assert_works("0.3.0");
            let _whole = world.run(&["verify", "hello"]).success();
        } else {
            let _gone = world.user.seqera("hello").fails(127, "there is no command");
            assert_eq!(world.run(&["list"]).success().stderr, "", "nothing broken is reported");
        }
    }
    assert!(
        killed > 5 && kept > 0,
        "{killed} were ended by the signal, {kept} of them before it was removed"
    );
}
