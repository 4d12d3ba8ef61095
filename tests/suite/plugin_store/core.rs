//! A plugin that comes with the program, as a package: a pin on it outlives an upgrade of the program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use seqera_tests::sandbox::Sandbox;
use serde_json::Value;

use super::publisher::{World, replaced};

const LIBRARY: &str = "libseqera_plugin_org.so";

/// The bundled `org` without what only debuggers read.
fn stripped(user: &Sandbox, into: &Path) -> (String, PathBuf) {
    let versions = fs::read_dir(user.bundled().join("org")).unwrap();
    let dir = versions.map(|item| item.unwrap().path()).next().unwrap();
    let version = dir.file_name().unwrap().to_str().unwrap().to_owned();
    let library = into.join(LIBRARY);
    let status =
        Command::new("strip").arg("--strip-debug").arg("-o").arg(&library).arg(dir.join(LIBRARY)).status();
    assert!(status.unwrap().success());
    (version, library)
}

/// Puts `org` in this version in the place of the one that came with the program, as the next release does.
fn release(world: &World, library: &Path, version: &str) {
    let bundled = world.user.bundled();
    fs::remove_dir_all(bundled.join("org")).unwrap();
    let (library, into) = (library.display().to_string(), bundled.display().to_string());
    let _laid_out = world.run(&["package", &library, "--into", &into]).success();
    assert!(bundled.join("org").join(version).is_dir());
    let digests = "find . -type f ! -name SHA256SUMS -printf '%P\\n' | sort | xargs sha256sum > SHA256SUMS";
    let status = Command::new("bash").args(["-c", digests]).current_dir(&bundled).status();
    assert!(status.unwrap().success());
}

/// Version, origin and state of `org`.
fn used(world: &World) -> Option<(String, String)> {
    let list: Value = serde_json::from_str(&world.run(&["list", "--json"]).success().stdout).unwrap();
    let rows = list["plugins"].as_array().unwrap();
    let row = rows.iter().find(|row| row["name"] == "org" && row["state"] == "used")?;
    let text = |key: &str| row[key].as_str().unwrap().to_owned();
    Some((text("version"), text("source")))
}

#[test]
fn a_pin_on_it_outlives_an_upgrade_of_the_program() {
    let world = World::of(Sandbox::new().with_own_installation());
    let (first, library) = stripped(&world.user, &world.dir);
    release(&world, &library, &first);
    // It is published too, the very same library.
    let (key, packages) = (world.path("key"), world.path("packages"));
    let library_text = library.display().to_string();
    let _packaged = world.run(&["package", &library_text, "--sign", &key, "--output", &packages]).success();
    let index = world.index(&[]);
    world.trust();
    let pinned = world.run(&["pin", "org", "--source", &index, "--json"]).success();
    let pinned: Value = serde_json::from_str(&pinned.stdout).unwrap();
    assert_eq!((&pinned["pin"]["digest"], &pinned["used"]), (&true.into(), &first.clone().into()));

    // The next release of the program brings another.
    let mut next = first.clone().into_bytes();
    *next.last_mut().unwrap() += 1;
    let next = String::from_utf8(next).unwrap();
    let new = world.dir.join("new").join(LIBRARY);
    fs::create_dir(new.parent().unwrap()).unwrap();
    let bytes = replaced(&fs::read(&library).unwrap(), first.as_bytes(), next.as_bytes());
    fs::write(&new, bytes).unwrap();
    release(&world, &new, &next);
    let run = world.user.seqera("org --help").fails(78, "no installed org is the one that is pinned");
    assert!(run.stderr.contains("seqera plugin install org  (from "), "{run}");

    let installed = world.run(&["install", "org", "--yes"]).success();
    assert!(installed.stderr.ends_with(&format!("org {first} was installed\n")), "{installed}");
    assert_eq!(used(&world), Some((first.clone(), "user".to_owned())));
    let _runs = world.user.seqera("org --help").success();
    // The lock has it, and a machine that has only the lock and the configuration gets it.
    let _locked = world.run(&["lock"]).success();
    fs::remove_dir_all(world.user.plugins()).unwrap();
    let _refused = world.user.seqera("org --help").fails(78, "plugins.lock:4");
    let _synced = world.run(&["sync", "--locked", "--yes"]).success();
    assert_eq!(used(&world), Some((first.clone(), "user".to_owned())));

    // Without the pin the one of the program is used again; the lock lets go of it, too.
    let _unpinned = world.run(&["unpin", "org"]).success();
    let _removed = world.run(&["remove", "org"]).success();
    assert_eq!(used(&world), Some((next.clone(), "bundled".to_owned())));

    // Who pins by hand, and without a digest, is told what is missing.
    let _again = world.run(&["install", "org", "--yes"]).success();
    assert_eq!(used(&world), Some((next, "bundled".to_owned())), "a name alone replaces nothing");
    world.user.configure(&format!("[plugins.org]\nversion = \"={first}\"\n"));
    let hint = format!("seqera plugin pin org@{first} --digest");
    let _told = world.user.seqera("org --help").fails(78, &hint);
    let _done = world.run(&["pin", &format!("org@{first}")]).success();
    assert_eq!(used(&world), Some((first, "user".to_owned())));
    let _runs = world.user.seqera("org --help").success();
}
