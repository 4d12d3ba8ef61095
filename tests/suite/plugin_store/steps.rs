//! An installation that is killed, or fails, after each of its steps: what was there before goes on working, and the
//! next attempt succeeds.

use std::fs;

use super::publisher::World;

pub(super) const STEPS: &[&str] = &[
    "locked",
    "fetched",
    "unpacked",
    "admitted",
    "checked",
    "probed",
    "consented",
    "assembled",
    "granted",
    "placed",
];
const KILLED: i32 = 128 + 9;

/// Tries to install with the test's wish set.
fn attempt(world: &World, wish: &str, arguments: &[&str]) -> seqera_tests::sandbox::Run {
    let mut command = world.user.command(std::iter::once("plugin").chain(arguments.iter().copied()));
    command.env("SEQERA_TEST_INSTALL", wish);
    world.user.run(command)
}

fn assert_clean(world: &World) {
    let left: Vec<String> = fs::read_dir(world.user.plugins())
        .unwrap()
        .map(|item| item.unwrap().file_name().into_string().unwrap())
        .filter(|name| !["hello", ".lock", ".staging", ".trash"].contains(&name.as_str()))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    for corner in [".staging", ".trash"] {
        let corner = world.user.plugins().join(corner);
        assert!(!corner.exists() || fs::read_dir(&corner).unwrap().next().is_none(), "{}", corner.display());
    }
}

#[test]
fn an_upgrade_that_dies_leaves_the_old_version_working() {
    let world = World::new();
    let (old, new) = (world.archive("0.3.0"), world.archive("0.4.0"));
    for how in ["kill", "fail"] {
        for step in STEPS {
            let _removed = world.run(&["remove", "hello"]);
            let _old = world.run(&["install", &old, "--yes"]).success();
            let run = attempt(&world, &format!("{how}:{step}"), &["install", &new, "--yes"]);
            assert_eq!(run.code, if how == "kill" { KILLED } else { 1 }, "{how} {step}: {run}");
            world.assert_works(if *step == "placed" { "0.4.0" } else { "0.3.0" });
            let _verified = world.run(&["verify", "hello"]).success();
            let _again = world.run(&["install", &new, "--yes"]).success();
            world.assert_works("0.4.0");
            assert_clean(&world);
        }
    }
}

#[test]
fn a_replacement_that_dies_leaves_one_whole_version() {
    let world = World::new();
    let old = world.archive("0.3.0");
    let library = world.library("0.3.0");
    let mut other = fs::read(&library).unwrap();
    other.push(0);
    fs::write(&library, other).unwrap();
    let new = world.run(&["package", &library, "--output", &world.path("other")]).success().stdout;
    for step in STEPS {
        let _removed = world.run(&["remove", "hello"]);
        let _old = world.run(&["install", &old, "--yes"]).success();
        let run = attempt(&world, &format!("kill:{step}"), &["install", new.trim(), "--yes", "--force"]);
        assert_eq!(run.code, KILLED, "{step}: {run}");
        world.assert_works("0.3.0");
        let _verified = world.run(&["verify", "hello"]).success();
    }
}

#[test]
fn a_first_installation_that_dies_leaves_nothing() {
    let world = World::new();
    let archive = world.archive("0.3.0");
    for step in &STEPS[..STEPS.len() - 1] {
        let run = attempt(&world, &format!("kill:{step}"), &["install", &archive, "--yes"]);
        assert_eq!(run.code, KILLED, "{step}: {run}");
        let _gone = world.user.seqera("hello").fails(127, "there is no command");
        let list = world.run(&["list"]).success();
        assert_eq!(list.stderr, "", "nothing broken is reported");
    }
    let _works = world.run(&["install", &archive, "--yes"]).success();
    world.assert_works("0.3.0");
    assert_clean(&world);
}

/// Not after a step of ours, but whenever the signal comes.
#[test]
fn one_that_is_killed_at_any_moment_leaves_a_version_that_works() {
    let world = World::new();
    let (old, new) = (world.archive("0.3.0"), world.archive("0.4.0"));
    let _old = world.run(&["install", &old, "--yes"]).success();
    let started = std::time::Instant::now();
    let _new = world.run(&["install", &new, "--yes"]).success();
    let whole = started.elapsed();
    let mut killed = 0;
    for part in 0..24_u32 {
        let _removed = world.run(&["remove", "hello@0.4.0"]);
        let mut child = world.user.command(["plugin", "install", &new, "--yes"]).spawn().unwrap();
        std::thread::sleep(whole * part / 24);
        child.kill().unwrap();
        killed += usize::from(child.wait().unwrap().code().is_none());
        let version = world.used_version().unwrap();
        assert!(["0.3.0", "0.4.0"].contains(&version.as_str()), "{version}");
        world.assert_works(&version);
        let _whole = world.run(&["verify", "hello"]).success();
    }
    assert!(killed > 5, "only {killed} were ended by the signal");
    let _again = world.run(&["install", &new, "--yes"]).success();
    world.assert_works("0.4.0");
    assert_clean(&world);
}

#[test]
fn many_at_once_take_turns() {
    let world = World::new();
    let archives = [world.archive("0.3.0"), world.archive("0.4.0"), world.archive("0.5.0")];
    let children: Vec<_> = archives
        .iter()
        .cycle()
        .take(6)
        .map(|archive| {
            let mut command = world.user.command(["plugin", "install", archive, "--yes"]);
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    world.assert_works("0.5.0");
    let _verified = world.run(&["verify", "hello"]).success();
    assert_clean(&world);
}
