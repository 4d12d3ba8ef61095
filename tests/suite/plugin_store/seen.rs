//! What is remembered of indexes: how new they were, what they withdrew, and whose word counts.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use seqera_tests::sandbox::{Run, Sandbox, Watchdog, copy_tree, finished};
use serde_json::Value;

use super::publisher::World;

/// The id of a key that the user trusts.
fn id(world: &World, key: &str) -> String {
    let text = fs::read_to_string(world.dir.join(format!("{key}.pub"))).unwrap();
    let listed = world.run(&["trust", "list"]).success().stdout;
    let line = listed.lines().find(|line| line.ends_with(text.lines().last().unwrap())).unwrap();
    line.split(' ').next().unwrap().to_owned()
}

fn trust(world: &World, key: &str) {
    let _trusted = world.run(&["trust", "add", &world.path(&format!("{key}.pub"))]).success();
}

/// Another publisher, whom the user trusts, with an index of his own, and what he withdraws.
fn other_index(world: &World, key: &str, more: &[&str]) -> String {
    let (packages, path) = (world.path(key), world.path(&format!("{key}.key")));
    if !Path::new(&path).exists() {
        fs::create_dir(&packages).unwrap();
        let _key = world.run(&["package", "--new-key", &path]).success();
        trust(world, &format!("{key}.key"));
    }
    let _published =
        world.run(&[&["index", &packages, "--sign", &path, "--name", key], more].concat()).success();
    packages
}

fn digest(path: impl AsRef<Path>) -> String {
    let output = Command::new("sha256sum").arg(path.as_ref()).output().unwrap();
    String::from_utf8_lossy(&output.stdout).split(' ').next().unwrap().to_owned()
}

/// Has the user see an index that has nothing for him.
fn seen(world: &World, index: &str) {
    let _nothing = world.run(&["install", "nothing", "--index", index]).fails(1, "has no nothing");
}

#[test]
fn what_was_withdrawn_runs_no_more() {
    let world = World::new();
    world.trust();
    let (_old, _new) = (world.signed("0.3.0"), world.signed("0.4.0"));
    let index = world.index(&[]);
    let _both = world.run(&["install", "hello@0.3.0", "--index", &index, "--yes"]).success();
    let _both = world.run(&["install", "hello", "--index", &index]).success();
    world.assert_works("0.4.0");
    let _withdrawn = world.index(&["--revoke-digest", &digest(world.library("0.4.0"))]);
    seen(&world, &index);
    // The one before counts again.
    world.assert_works("0.3.0");
    let manifest = digest(world.user.plugins().join("hello/0.3.0/plugin.toml"));
    let _withdrawn = world.index(&["--revoke-digest", &manifest.to_uppercase()]);
    seen(&world, &index);
    let run = world.user.seqera("hello you").fails(77, "hello 0.3.0 was withdrawn");
    for said in [&format!("its digest {manifest} is revoked, says the index acme"), "plugin upgrade hello"] {
        assert!(run.stderr.contains(said), "{said}: {run}");
    }
    assert!(!world.user.seqera("help").success().stdout.contains("Greet"));
    let explained = world.run(&["explain", "hello", "--json"]).success();
    let json: Value = serde_json::from_str(&explained.stdout).unwrap();
    assert_eq!((&json["decision"], &json["refusal"]["code"]), (&"refused".into(), &77.into()), "{explained}");
    let rules = json["versions"][0]["rules"].as_array().unwrap();
    let says = |rule: &Value| rule["met"] == false && rule["rule"].as_str().unwrap().contains("is revoked");
    assert!(rules.iter().any(says), "{explained}");
    let _verified = world.run(&["verify", "hello"]).fails(77, "hello 0.3.0 was withdrawn");
    let _listed = world.run(&["list"]).success();
    // What is there already and may not run is no success.
    let _same = world.run(&["install", "hello@0.3.0", "--index", &index]).fails(77, "was withdrawn");
    // Others work, and the next version puts an end to it.
    let _org = world.user.seqera("org --help").success();
    let _next = (world.signed("0.5.0"), world.index(&[]));
    let _up = world.run(&["install", "hello", "--index", &index]).success();
    world.assert_works("0.5.0");
}

#[test]
fn a_key_that_is_revoked_signs_no_index_any_more() {
    let world = World::new();
    world.trust();
    let archive = world.signed("0.3.0");
    let _installed = world.run(&["install", &archive, "--yes"]).success();
    let index = world.index(&["--revoke-key", &id(&world, "key").to_lowercase()]);
    seen(&world, &index);
    let run = world.user.seqera("hello").fails(77, "hello 0.3.0 was withdrawn");
    assert!(run.stderr.contains(&format!("the key {} is revoked", id(&world, "key"))), "{run}");
    // Whoever has the key now may not go on with it.
    let _next = (world.signed("0.4.0"), world.index(&[]));
    let run = world.run(&["install", "hello", "--index", &index, "--yes"]);
    let run = run.fails(77, "the signature of the index");
    assert!(run.stderr.contains("is revoked, says the index acme"), "{run}");
    let _archive = world.run(&["install", &archive, "--yes"]).fails(77, "hello 0.3.0 was withdrawn");
}

#[test]
fn nobody_withdraws_what_another_signed() {
    let world = World::new();
    world.trust();
    let archive = world.signed("0.3.0");
    let _installed = world.run(&["install", &archive, "--yes"]).success();
    let (key, library) = (id(&world, "key"), digest(world.library("0.3.0")));
    let other = other_index(&world, "other", &["--revoke-key", &key, "--revoke-digest", &library]);
    seen(&world, &other);
    world.assert_works("0.3.0");
    let _verified = world.run(&["verify", "hello"]).success();
    let index = world.index(&[]);
    let _same = world.run(&["install", "hello", "--index", &index, "--yes"]).success();
    let _removed = world.run(&["remove", "hello"]).success();
    let _again = world.run(&["install", &archive, "--yes"]).success();
    // What nobody signed has nobody else to withdraw it.
    let _removed = world.run(&["remove", "hello"]).success();
    let _unsigned = world.run(&["install", &world.archive("0.3.0"), "--yes"]).fails(77, "was withdrawn");
    let _another = world.run(&["install", &world.archive("0.6.0"), "--yes"]).success();
    world.assert_works("0.6.0");
}

#[test]
fn a_key_of_the_policy_withdraws_what_anybody_signed() {
    let Some(user) = Sandbox::new().with_admin() else { return };
    let world = World::of(user);
    world.trust();
    let _installed = world.run(&["install", &world.signed("0.3.0"), "--yes"]).success();
    let other = other_index(&world, "other", &["--revoke-digest", &digest(world.library("0.3.0"))]);
    seen(&world, &other);
    world.assert_works("0.3.0");
    let keys: Vec<String> = ["key", "other.key"]
        .iter()
        .map(|key| fs::read_to_string(world.dir.join(format!("{key}.pub"))).unwrap())
        .map(|text| format!("\"{}\"", text.lines().last().unwrap()))
        .collect();
    let rules = format!("policy = 1\n[allow]\nkeys = [{}]\n", keys.join(", "));
    world.user.etc().write("policy.toml", &rules);
    let run = world.user.seqera("hello").fails(77, "hello 0.3.0 was withdrawn");
    assert!(run.stderr.contains("says the index other"), "{run}");
}

#[test]
fn an_older_index_is_refused_whoever_signed_it_and_wherever_plugins_lie() {
    let world = World::new();
    world.trust();
    let _package = world.signed("0.3.0");
    let index = world.index(&[]);
    let old = world.dir.join("old");
    copy_tree(index.as_ref(), &old);
    // The publisher takes another key for the same index.
    let _key = world.run(&["package", "--new-key", &world.path("next")]).success();
    trust(&world, "next");
    let _published = world.run(&["index", &index, "--sign", &world.path("next")]).success();
    seen(&world, &index);
    copy_tree(&old, index.as_ref());
    let older = |world: &World| {
        let run = world.run(&["install", "hello", "--index", &index, "--yes"]);
        let run = run.fails(78, "is not the newest one");
        assert!(run.stderr.contains("serial 1, and 2 was seen before"), "{run}");
    };
    older(&world);
    let elsewhere = world.path("elsewhere");
    let world = World { user: world.user.with("SEQERA_PLUGINS_DIR", &elsewhere), dir: world.dir };
    older(&world);
    let world = World { user: world.user.without("SEQERA_PLUGINS_DIR"), dir: world.dir };
    let world = World { user: world.user.with("XDG_DATA_HOME", &elsewhere), dir: world.dir };
    older(&world);
}

/// Runs a command that may hang.
fn ending(sandbox: &Sandbox, line: &str) -> Run {
    let mut command = sandbox.command(line.split(' '));
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let child = command.spawn().unwrap();
    let watchdog = Watchdog::new(child.id(), std::time::Duration::from_secs(30));
    let output = child.wait_with_output().unwrap();
    watchdog.stop();
    finished(output.status, &output.stdout, &output.stderr)
}

#[test]
fn what_was_seen_is_not_forgotten_because_it_cannot_be_read() {
    let world = World::new();
    world.trust();
    let archive = world.signed("0.3.0");
    let _installed = world.run(&["install", &archive, "--yes"]).success();
    let index = world.index(&["--revoke-digest", &digest(world.library("0.3.0"))]);
    seen(&world, &index);
    let file = world.user.config().join("seen_indexes.json");
    let good = fs::read_to_string(&file).unwrap();
    type Spoil = fn(&Path, &str);
    let ways: [Spoil; 4] = [
        |file, _| fs::write(file, "garbage").unwrap(),
        |file, good| fs::write(file, &good[..good.len() / 2]).unwrap(),
        |file, good| fs::write(file, good.replace("\"seen\": 1", "\"seen\": 2")).unwrap(),
        |file, _| {
            fs::remove_file(file).unwrap();
            assert!(Command::new("mkfifo").arg(file).status().unwrap().success());
        },
    ];
    for spoil in ways {
        spoil(&file, &good);
        let run = ending(&world.user, "hello").fails(3, "seen_indexes.json is wrong");
        assert!(run.stderr.contains("hint: Bring it back from a backup."), "{run}");
        let _refused = ending(&world.user, &format!("plugin install {archive} --yes")).fails(3, "is wrong");
        let _refused =
            ending(&world.user, &format!("plugin install hello --index {index}")).fails(3, "is wrong");
        let _others = ending(&world.user, "org --help").success();
        let _help = ending(&world.user, "help").success();
        fs::remove_file(&file).unwrap();
        fs::write(&file, &good).unwrap();
        let _withdrawn = world.user.seqera("hello").fails(77, "was withdrawn");
    }
    // Without it nothing was seen.
    fs::remove_file(&file).unwrap();
    world.assert_works("0.3.0");
}

/// A command line of somebody for whom permissions count, which for root they do not.
fn bound(sandbox: &Sandbox, arguments: &[&str]) -> Run {
    let mut command = sandbox.command(arguments);
    if fs::metadata(sandbox.root()).unwrap().uid() == 0 {
        command = sandbox.beside(Path::new("setpriv"));
        command.args(["--bounding-set=-dac_override,-dac_read_search", "--"]).arg(sandbox.program());
        command.args(arguments);
    }
    sandbox.run(command)
}

#[test]
fn what_was_seen_is_for_everybody_to_read() {
    let world = World::new();
    world.trust();
    let _package = world.signed("0.3.0");
    let index = world.index(&[]);
    let _installed = world.run(&["install", "hello", "--index", &index, "--yes"]).success();
    let file = world.user.config().join("seen_indexes.json");
    let mode = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o444, 0o444);
    mode(0o000);
    let run = bound(&world.user, &["hello"]).fails(3, "seen_indexes.json cannot be read");
    assert!(run.stderr.contains(&format!("hint: Its owner makes it readable: chmod a+r {}", file.display())));
    assert!(!run.stderr.contains("backup"), "{run}");
    mode(0o644);
    let _works = bound(&world.user, &["hello"]).success();
}

#[test]
fn a_configuration_that_may_not_be_written_is_no_reason_to_install_nothing() {
    let world = World::new();
    world.trust();
    let _package = world.signed("0.3.0");
    let index = world.index(&[]);
    let config = world.user.config();
    let mode = |mode| fs::set_permissions(&config, fs::Permissions::from_mode(mode)).unwrap();
    mode(0o555);
    let run = bound(&world.user, &["plugin", "install", "hello", "--index", &index, "--yes"]).success();
    let file = config.join("seen_indexes.json");
    let said = format!("what the index acme says is not remembered in {}", file.display());
    assert!(run.stderr.contains(&said) && run.stderr.contains("hello 0.3.0 was installed"), "{run}");
    assert!(!file.exists());
    world.assert_works("0.3.0");
    // What was seen before counts there too.
    mode(0o755);
    copy_tree(index.as_ref(), &world.dir.join("old"));
    seen(&world, &world.index(&["--revoke-digest", &digest(world.library("0.3.0"))]));
    mode(0o555);
    let old = world.path("old");
    let run = bound(&world.user, &["plugin", "install", "hello", "--index", &old]);
    let _refused = run.fails(78, "is not the newest one");
    mode(0o755);
}

#[test]
fn an_index_that_should_have_been_renewed_is_warned_of() {
    let world = World::new();
    world.trust();
    let _package = world.signed("0.3.0");
    let index = world.index(&["--valid-days", "2"]);
    let fresh = world.run(&["install", "hello", "--index", &index, "--yes"]).success();
    assert_eq!(fresh.stderr, "hello 0.3.0 was installed\n");
    let _late = world.index(&["--valid-days", "0"]);
    let late = world.run(&["install", "hello", "--index", &index]).success();
    assert!(late.stderr.contains("was to be renewed by 20") && late.stderr.contains("already"), "{late}");
    // Without the promise nobody waits.
    let _again = world.index(&[]);
    let again = world.run(&["install", "hello", "--index", &index]).success();
    assert_eq!(again.stderr, "hello 0.3.0 is installed already\n");
}

#[test]
fn what_is_withdrawn_is_a_digest_or_the_id_of_a_key() {
    let world = World::new();
    let _package = world.signed("0.3.0");
    let index = world.index(&[]);
    let key = world.path("key");
    for (flag, value, says) in [
        ("--revoke-digest", "nonsense", "64 hexadecimal digits"),
        ("--revoke-digest", &"a".repeat(63), "64 hexadecimal digits"),
        ("--revoke-digest", &"é".repeat(32), "64 hexadecimal digits"),
        ("--revoke-key", "zz", "16 hexadecimal digits"),
        ("--revoke-key", &"0".repeat(17), "16 hexadecimal digits"),
    ] {
        let _refused = world.run(&["index", &index, "--sign", &key, flag, value]).fails(2, says);
    }
    let text = fs::read_to_string(world.dir.join("packages/index.json")).unwrap();
    assert!(text.contains("\"serial\": 1"), "{text}");
}
