//! What a user demands of a plugin by command: pinned, unpinned, switched off and on, and where it comes from.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use serde_json::Value;

use super::publisher::World;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn config(world: &World) -> String {
    fs::read_to_string(world.user.config().join("config.toml")).unwrap_or_default()
}

/// Both versions of `hello` side by side.
fn two_versions() -> World {
    let world = World::new();
    for version in ["0.3.0", "0.4.0"] {
        let _installed = world.run(&["install", &world.archive(version), "--yes"]).success();
    }
    world
}

#[test]
fn a_pin_changes_one_line_of_the_file_and_what_runs() {
    let world = two_versions();
    let mine =
        "# mine\ntheme = \"dark\" # at night\n\n[indexes] # ours\nacme = \"https://plugins.acme.example/\"\n";
    world.user.configure(mine);
    let file = world.user.config().join("config.toml");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    let dry = world.run(&["pin", "hello@0.3.0", "--dry-run", "--json"]).success();
    assert_eq!(json(&dry.stdout)["action"], "would-be-pinned");
    assert_eq!(json(&dry.stdout)["used"], "0.3.0", "it was tried out");
    assert_eq!(config(&world), mine);
    world.assert_works("0.4.0");

    let run = world.run(&["pin", "hello@0.3.0"]).success();
    assert_eq!(run.stderr, format!("hello is pinned now ({})\n", file.display()));
    assert_eq!(config(&world), format!("{mine}\n[plugins.hello]\nversion = \"=0.3.0\"\n"));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    world.assert_works("0.3.0");
    let info = world.run(&["info", "hello"]).success().stdout;
    assert!(info.contains(&format!("pinned: version =0.3.0 ({}:8)\n", file.display())), "{info}");
    let again = world.run(&["pin", "hello@0.3.0", "--json"]).success();
    assert_eq!(json(&again.stdout)["action"], "unchanged");

    let _pinned = world.run(&["install", &world.archive("0.5.0"), "--yes"]).fails(78, "config.toml:8");
    let unpinned = world.run(&["unpin", "hello"]).success();
    assert!(unpinned.stderr.starts_with("hello is unpinned now"), "{unpinned}");
    assert_eq!(config(&world).trim_end(), mine.trim_end());
    world.assert_works("0.4.0");
}

#[test]
fn without_a_version_the_one_in_use_is_pinned_and_its_digest_on_demand() {
    let world = two_versions();
    let run = world.run(&["pin", "hello", "--digest", "--json"]).success();
    assert_eq!(json(&run.stdout)["pin"]["version"], "=0.4.0");
    assert!(config(&world).contains("sha256 = { x86_64") || config(&world).contains("sha256 = { aarch64"));
    world.assert_works("0.4.0");
    // Another library under the same number is not the one that was pinned.
    let library = world.user.plugins().join("hello/0.4.0/libseqera_plugin_hello.so");
    let mut other = fs::read(&library).unwrap();
    other.push(0);
    fs::write(&library, &other).unwrap();
    let _changed = world.user.seqera("hello").fails(78, "was changed on disk");
    let digest = crate::plugins::sha256(&library);
    let old = config(&world).split('"').find(|part| part.len() == 64).unwrap().to_owned();
    crate::plugins::edit_manifest(library.parent().unwrap(), |text| text.replace(&old, &digest));
    let run = world.user.seqera("hello").fails(78, "no installed hello is the one that is pinned");
    assert!(run.stderr.contains("config.toml:3") && run.stderr.contains("seqera plugin pin hello@"), "{run}");
    // A pin on another version takes the digest of this one away.
    let _other = world.run(&["pin", "hello@0.3.0"]).success();
    world.assert_works("0.3.0");
    let _missing = world.run(&["pin", "hello@9.0.0", "--digest"]).fails(1, "whose digest could be pinned");
    let _unknown = world.run(&["pin", "nobody"]).fails(1, "nobody@VERSION");
}

#[test]
fn what_is_pinned_and_cannot_run_is_said_at_once() {
    let world = two_versions();
    let run = world.run(&["pin", "hello@^0.9"]).success();
    assert!(run.stderr.contains("warning: no installed hello is the one that is pinned"), "{run}");
    let _none = world.user.seqera("hello").fails(78, "pinned: version ^0.9");
    let run = world.run(&["pin", "howdy@1.0.0"]).success();
    assert!(run.stderr.contains("no howdy is installed yet"), "{run}");
}

#[test]
fn a_wrong_name_version_or_file_changes_nothing() {
    let world = World::new();
    let _name = world.run(&["pin", "../x@1.0.0"]).fails(2, "not a name for a plugin");
    let _version = world.run(&["pin", "hello@one"]).fails(2, "`one` is no version");
    assert!(!world.user.config().join("config.toml").exists());
    world.user.configure("plugins = 3\n");
    let _table = world.run(&["pin", "hello@1.0.0"]).fails(3, "`plugins` is no table");
    assert_eq!(config(&world), "plugins = 3\n");
    world.user.configure("a = = 1\n");
    for line in
        [&["pin", "hello@1.0.0"][..], &["unpin", "hello"], &["enable", "hello"], &["disable", "hello"]]
    {
        let _broken = world.run(line).fails(3, "config.toml:1:5 is not valid TOML");
    }
    assert_eq!(config(&world), "a = = 1\n");
}

#[test]
fn a_link_to_a_file_kept_elsewhere_stays_one() {
    let world = World::new();
    let kept = world.user.home().join("kept.toml");
    fs::write(&kept, "theme = \"dark\"\n").unwrap();
    fs::create_dir_all(world.user.config()).unwrap();
    let link = world.user.config().join("config.toml");
    symlink(&kept, &link).unwrap();
    let _off = world.run(&["disable", "org"]).success();
    assert!(link.is_symlink());
    assert!(fs::read_to_string(kept).unwrap().ends_with("[plugins.org]\nenabled = false\n"));
}

#[test]
fn many_at_once_lose_nothing() {
    let world = World::new();
    let names: Vec<String> = (0..12).map(|number| format!("plugin-{number}")).collect();
    let mut children: Vec<_> = names
        .iter()
        .map(|name| world.user.command(["plugin", "pin", &format!("{name}@1.0.0")]).spawn().unwrap())
        .collect();
    assert!(children.iter_mut().all(|child| child.wait().unwrap().success()));
    let text = config(&world);
    assert!(names.iter().all(|name| text.contains(&format!("[plugins.{name}]\n"))), "{text}");
}

#[test]
fn what_is_switched_off_is_neither_run_nor_installed_nor_upgraded() {
    let world = World::new();
    let _installed = world.run(&["install", &world.archive("0.3.0"), "--yes"]).success();
    let off = world.run(&["disable", "hello"]).success();
    assert!(off.stderr.starts_with("hello is disabled now"), "{off}");
    for line in ["hello", "hi", "plugin run hello -- you"] {
        let run = world.user.seqera(line).fails(78, "the plugin hello is switched off");
        assert!(
            run.stderr.contains("config.toml:2") && run.stderr.contains("seqera plugin enable hello"),
            "{run}"
        );
    }
    let _not = world.run(&["install", &world.archive("0.4.0"), "--yes"]).fails(78, "is switched off");
    let _others = world.run(&["upgrade", "--all"]).success();
    let list = world.run(&["list"]).success();
    assert!(list.stdout.contains("refused") && list.stderr.contains("is switched off"), "{list}");
    assert!(!world.user.seqera("help").success().stdout.contains("Greet somebody"));
    let dry = world.run(&["enable", "hello", "--dry-run"]).success();
    assert!(dry.stderr.starts_with("hello would be enabled"), "{dry}");
    let on = world.run(&["enable", "hello"]).success();
    assert!(on.stderr.starts_with("hello is enabled now"), "{on}");
    world.assert_works("0.3.0");
    let again = world.run(&["enable", "hello", "--json"]).success();
    assert_eq!(json(&again.stdout)["action"], "unchanged");
}

#[test]
fn a_missing_version_comes_from_the_source_that_is_named() {
    let world = World::new();
    world.trust();
    let (old, _new) = (world.signed("0.3.0"), world.signed("0.4.0"));
    let index = world.index(&[]);
    let pinned = world.run(&["pin", "hello@^0.3", "--source", &index]).success();
    assert!(pinned.stderr.contains("seqera plugin install hello"), "{pinned}");
    let missing = world.user.seqera("hello").fails(127, "the plugin hello is not installed; it comes from ");
    assert!(missing.stderr.contains("seqera plugin install hello"), "{missing}");
    let _installed = world.run(&["install", "hello", "--yes"]).success();
    world.assert_works("0.3.0");
    // One archive is a source, too, for what it holds.
    let _one = world.run(&["pin", "hello@=0.4.0", "--source", &old]).success();
    let run = world.user.seqera("hello").fails(78, "is the one that is pinned");
    assert!(run.stderr.contains(&format!("seqera plugin install hello  (from {old}")), "{run}");
    let _other =
        world.run(&["install", "hello", "--yes", "--force"]).fails(78, "0.3.0 is not the one that is pinned");
    let _wanted = world.run(&["install", "hello@0.4.0"]).fails(78, "holds hello 0.3.0, not hello =0.4.0");
    let _free = world.run(&["pin", "hello@^0", "--source", &old]).success();
    let _same = world.run(&["install", "hello"]).success();
    world.user.configure(&format!("[plugins.howdy]\nsource = \"{old}\"\n"));
    let _name = world.run(&["install", "howdy", "--yes"]).fails(78, "holds hello 0.3.0, not howdy");
}

#[test]
fn a_path_in_a_file_is_seen_from_that_file() {
    let world = World::new();
    let _mine = world.archive("0.3.0");
    let theirs = world.user.home().join("packages");
    seqera_tests::sandbox::copy_tree(&world.dir.join("packages"), &theirs);
    // The directory that somebody works in, here HOME, is not asked.
    world.user.configure("[plugins.hello]\nsource = \"packages/hello-0.3.0.tar.gz\"\n");
    let _not = world.run(&["install", "hello", "--yes"]).fails(3, "config.toml:2 is wrong");
    seqera_tests::sandbox::copy_tree(&theirs, &world.user.config().join("packages"));
    let _installed = world.run(&["install", "hello", "--yes"]).success();
    world.assert_works("0.3.0");
    world.user.configure("[plugins.hello]\nsource = \"acme\"\n");
    let _name = world.run(&["install", "hello", "--yes"]).fails(3, "written index:NAME");
}

#[test]
fn what_nobody_has_is_not_switched_off_and_what_is_no_name_is_not_explained() {
    let world = World::new();
    let run = world.run(&["disable", "nope"]).fails(1, "there is no plugin nope on this machine");
    assert!(run.stderr.contains("[plugins.nope] enabled = false"), "{run}");
    assert_eq!(config(&world), "");
    // What is configured, or was installed once and is locked, is somebody's.
    world.user.configure("[plugins.nope]\nversion = \"1\"\n");
    let _known = world.run(&["disable", "nope"]).success();
    for name in ["NOPE", "../x", ""] {
        let run = world.run(&["explain", name]).fails(2, "is not a name for a plugin");
        assert_eq!(run.stdout, "");
    }
    let unknown = world.run(&["explain", "unknown"]).success();
    assert!(unknown.stdout.starts_with("unknown is not installed\n"), "{unknown}");
}

#[test]
fn where_demands_contradict_each_other_nothing_is_to_be_installed() {
    let world = two_versions();
    world.user.configure("[plugins.hello]\nversion = \">=0.4, <0.4\"\n");
    let run = world
        .user
        .seqera("hello")
        .fails(78, "Nothing meets all of them. One has to go: seqera plugin unpin hello");
    assert!(!run.stderr.contains("plugin install"), "{run}");
    let install =
        world.run(&["install", &world.archive("0.5.0"), "--yes"]).fails(78, "No version meets all of them");
    assert!(!install.stderr.contains("Install the version"), "{install}");
    world.user.configure("[plugins.hello]\nversion = \"=0.5.0\"\n");
    let run = world
        .user
        .seqera("hello")
        .fails(78, "Install the version that is pinned: seqera plugin install hello@");
    assert!(!run.stderr.contains("One has to go"), "{run}");
}
