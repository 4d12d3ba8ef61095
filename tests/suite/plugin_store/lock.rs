//! `plugins.lock`: written on one machine, followed on another, in force whenever a plugin is chosen.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use seqera_tests::sandbox::{Run, Sandbox};
use serde_json::Value;

use super::file_server::FileServer;
use super::publisher::World;

fn lock_file(user: &Sandbox) -> String {
    fs::read_to_string(user.config().join("plugins.lock")).unwrap_or_default()
}

/// What is locked: name, version and everything else.
fn locked(user: &Sandbox) -> Vec<toml::Table> {
    let lock: toml::Table = toml::from_str(&lock_file(user)).unwrap();
    let rows = lock.get("plugin").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    rows.into_iter().map(|row| row.as_table().unwrap().clone()).collect()
}

fn locked_version(user: &Sandbox) -> Option<String> {
    let row = locked(user).into_iter().find(|row| row["name"].as_str() == Some("hello"))?;
    Some(row["version"].as_str().unwrap().to_owned())
}

fn plugin(user: &Sandbox, line: &str) -> Run {
    user.seqera(&format!("plugin {line}"))
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap()
}

/// Two signed versions in an index that is served, and a user who has installed the first and locked it.
fn world_with_a_lock() -> (World, FileServer) {
    let world = World::new();
    world.trust();
    let _packages = (world.signed("0.3.0"), world.signed("0.4.0"));
    let _index = world.index(&[]);
    let server = FileServer::start(&world.dir.join("packages"));
    configure(&world.user, &server, "");
    let _installed = world.run(&["install", "hello@0.3.0", "--yes"]).success();
    let _locked = world.run(&["lock"]).success();
    (world, server)
}

fn configure(user: &Sandbox, server: &FileServer, more: &str) {
    user.configure(&format!("[indexes]\nacme = \"{}\"\n{more}", server.url));
}

/// Somebody else with the same settings, the same lock and nothing else.
fn colleague(world: &World) -> Sandbox {
    let user = Sandbox::new();
    fs::create_dir_all(user.config()).unwrap();
    for file in ["config.toml", "plugins.lock", "trusted_keys.toml"] {
        fs::copy(world.user.config().join(file), user.config().join(file)).unwrap();
    }
    user
}

/// The versions of `hello` that lie there.
fn versions(user: &Sandbox) -> Vec<String> {
    let listing = fs::read_dir(user.plugins().join("hello"));
    let names = listing.into_iter().flatten().map(|item| item.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

fn count(server: &FileServer, what: &str) -> usize {
    server.requests.lock().unwrap().iter().filter(|request| request.contains(what)).count()
}

#[test]
fn the_lock_has_every_target_and_the_key() {
    let world = World::new();
    world.trust();
    let library = world.library("0.3.0");
    let mut foreign = fs::read(&library).unwrap();
    foreign[18] = 0xB7; // EM_AARCH64
    fs::write(world.path("foreign.so"), &foreign).unwrap();
    fs::write(world.path("lib.dylib"), b"\xCF\xFA\xED\xFE and so on").unwrap();
    fs::write(world.path("hello.dll"), b"MZ and so on").unwrap();
    let others = [
        format!("aarch64-unknown-linux-gnu={}", world.path("foreign.so")),
        format!("aarch64-apple-darwin={}", world.path("lib.dylib")),
        format!("x86_64-pc-windows-msvc={}", world.path("hello.dll")),
    ];
    let (key, out) = (world.path("key"), world.path("packages"));
    let mut line = vec!["package", &library, "--sign", &key, "--output", &out];
    line.extend(others.iter().flat_map(|other| ["--artifact", other]));
    let archive = world.run(&line).success().stdout.trim().to_owned();
    let _installed = world.run(&["install", &archive, "--yes"]).success();

    let dry = world.run(&["lock", "--dry-run", "--json"]).success();
    assert_eq!(json(&dry)["action"], "would-lock");
    assert!(lock_file(&world.user).is_empty());
    let run = world.run(&["lock"]).success();
    assert!(run.stderr.starts_with("hello 0.3.0 is locked now\n"), "{run}");
    let row = &locked(&world.user)[0];
    assert_eq!(row["source"].as_str(), Some(format!("path:{archive}").as_str()));
    assert!(world.run(&["trust", "list"]).success().stdout.starts_with(row["signer"].as_str().unwrap()));
    let digests = row["sha256"].as_table().unwrap();
    let here = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    assert_eq!(digests.len(), 4, "{digests:?}");
    for (target, file) in [
        (here.as_str(), library.as_str()),
        ("aarch64-apple-darwin", &world.path("lib.dylib")),
        ("x86_64-pc-windows-msvc", &world.path("hello.dll")),
    ] {
        assert_eq!(digests[target].as_str(), Some(crate::plugins::sha256(Path::new(file)).as_str()));
    }
    crate::schemas::accepts(&crate::schemas::schema("lock"), &lock_file(&world.user));
    let again = json(&world.run(&["lock", "--json"]).success());
    assert_eq!(again["action"], "unchanged");
    assert_eq!(again["plugins"][0]["targets"].as_array().unwrap().len(), 4);
    world.assert_works("0.3.0");
}

#[test]
fn a_colleague_gets_the_same_and_only_what_is_missing_is_downloaded() {
    let (world, server) = world_with_a_lock();
    let text = lock_file(&world.user);
    let user = colleague(&world);
    let _asked = plugin(&user, "sync --locked").fails(10, "nobody is here to agree");
    let dry = plugin(&user, "sync --locked --yes --dry-run --json").success();
    assert_eq!(json(&dry)["plugins"][0]["action"], "would-install");
    assert_eq!(versions(&user), Vec::<String>::new());
    let run = plugin(&user, "sync --locked --yes").success();
    assert_eq!(run.stderr, "hello 0.3.0 was installed\n");
    assert_eq!(user.seqera("hello you").success().stdout, "Hello, you\n");

    let before = server.requests.lock().unwrap().len();
    let again = plugin(&user, "sync --locked").success();
    assert_eq!(again.stderr, "hello 0.3.0 is there already\n");
    assert_eq!(server.requests.lock().unwrap().len(), before, "nothing was missing");
    assert_eq!(lock_file(&user), text);

    // What was changed on disk is missing.
    let library = user.plugins().join("hello/0.3.0/libseqera_plugin_hello.so");
    fs::write(&library, "x").unwrap();
    let repaired = json(&plugin(&user, "sync --locked --offline --json").success());
    assert_eq!(repaired["plugins"][0]["action"], "installed");
    assert_eq!(user.seqera("hello you").success().stdout, "Hello, you\n");
}

#[test]
fn what_was_installed_once_needs_no_network_again() {
    let (world, server) = world_with_a_lock();
    let user = colleague(&world);
    let run = plugin(&user, "sync --locked --offline --yes").fails(1, "neither installed nor kept");
    assert!(run.stderr.contains(&server.url) && run.stderr.contains("--offline"), "{run}");
    let _synced = plugin(&user, "sync --yes").success();
    fs::remove_dir_all(user.plugins()).unwrap();
    let before = count(&server, "");
    let _again = plugin(&user, "sync --locked --offline --yes").success();
    assert_eq!(count(&server, ""), before);
    assert_eq!(user.seqera("hello you").success().stdout, "Hello, you\n");

    // An archive that was spoiled in the cache is fetched again, where that is allowed.
    fs::remove_dir_all(user.plugins()).unwrap();
    let kept = user.home().join(".cache/seqera/packages");
    let kept = fs::read_dir(kept).unwrap().next().unwrap().unwrap().path();
    fs::write(&kept, "spoiled").unwrap();
    let _refused = plugin(&user, "sync --locked --offline --yes").fails(1, "cannot be unpacked");
    let _fetched = plugin(&user, "sync --locked --yes").success();
    assert_eq!(user.seqera("hello you").success().stdout, "Hello, you\n");
}

#[test]
fn the_lock_is_in_force_at_every_load_and_installation() {
    let (world, _server) = world_with_a_lock();
    let run = world.run(&["install", "hello@0.4.0", "--yes"]).fails(78, "is not the one that is pinned");
    assert!(run.stderr.contains("plugins.lock:4"), "{run}");
    let archive = world.dir.join("packages/hello-0.4.0.tar.gz").display().to_string();
    let run = world.run(&["install", &archive, "--yes"]).fails(78, "seqera plugin upgrade hello");
    assert!(run.stderr.contains("plugins.lock:4"), "{run}");
    world.assert_works("0.3.0");

    // Another library with the same number, and a manifest that fits it.
    let library = world.user.plugins().join("hello/0.3.0/libseqera_plugin_hello.so");
    let old = crate::plugins::sha256(&library);
    let mut other = fs::read(&library).unwrap();
    other.push(0);
    fs::write(&library, &other).unwrap();
    let new = crate::plugins::sha256(&library);
    crate::plugins::edit_manifest(library.parent().unwrap(), |text| text.replace(&old, &new));
    let run = world.user.seqera("hello").fails(78, "plugins.lock:4");
    assert!(run.stderr.contains("seqera plugin sync"), "{run}");
    let doctor = world.user.seqera("doctor");
    assert!(doctor.code == 78 && doctor.stdout.contains("plugins.lock:4"), "{doctor}");
    let _repaired = world.run(&["sync", "--locked", "--offline", "--yes"]).success();
    world.assert_works("0.3.0");
}

#[test]
fn upgrade_moves_the_lock_and_remove_takes_out_of_it() {
    let (world, _server) = world_with_a_lock();
    let dry = world.run(&["upgrade", "hello", "--dry-run"]).success();
    assert!(dry.stderr.contains("0.4.0 would be installed"), "{dry}");
    assert_eq!(locked_version(&world.user).as_deref(), Some("0.3.0"));
    let run = world.run(&["upgrade", "hello"]).success();
    assert_eq!(run.stderr, "hello 0.4.0 was installed; 0.3.0 stays beside it\n");
    assert_eq!(locked_version(&world.user).as_deref(), Some("0.4.0"));
    world.assert_works("0.4.0");
    let synced = world.run(&["sync", "--locked"]).success();
    assert_eq!(synced.stderr, "hello 0.3.0 was removed: it is not locked\nhello 0.4.0 is there already\n");
    assert_eq!(versions(&world.user), ["0.4.0"]);

    let _removed = world.run(&["remove", "hello"]).success();
    assert_eq!(locked(&world.user).len(), 0);
    // What is new is locked at once, for there is a lock.
    let _back = world.run(&["install", "hello@0.3.0", "--yes"]).success();
    assert_eq!(locked_version(&world.user).as_deref(), Some("0.3.0"));
    // Locked and not installed.
    fs::remove_dir_all(world.user.plugins().join("hello")).unwrap();
    let doctor = world.user.seqera("doctor").stdout;
    assert!(doctor.contains("plugin hello 0.3.0: it is locked and not installed"), "{doctor}");
    let kept = world.run(&["lock"]).success();
    assert!(kept.stderr.contains("hello 0.3.0 is locked and not installed"), "{kept}");
    let _gone = world.run(&["remove", "hello"]).success();
    assert_eq!(locked(&world.user).len(), 0);
    let _nothing = world.run(&["remove", "hello"]).fails(1, "is not installed");
}

#[test]
fn signed_stays_signed_by_the_same_key() {
    let (world, _server) = world_with_a_lock();
    // Version 0.5.0 comes without a signature, in an index that has one.
    let _unsigned = world.archive("0.5.0");
    let _index = world.index(&[]);
    let _refused = world.run(&["upgrade", "hello"]).fails(77, "signed stays signed");
    world.assert_works("0.3.0");
    assert_eq!(locked_version(&world.user).as_deref(), Some("0.3.0"));
    let text = lock_file(&world.user);
    let signer = locked(&world.user)[0]["signer"].as_str().unwrap().to_owned();
    let user = colleague(&world);
    fs::write(user.config().join("plugins.lock"), text.replace(&signer, "0123456789ABCDEF")).unwrap();
    let run = plugin(&user, "sync --yes").fails(78, "is not the one that is locked");
    assert!(run.stderr.contains("not with the key 0123456789ABCDEF"), "{run}");
    fs::write(user.config().join("plugins.lock"), &text).unwrap();
    fs::remove_file(user.config().join("trusted_keys.toml")).unwrap();
    let _distrusted = plugin(&user, "sync --yes").fails(77, "is not trusted here");
    assert_eq!(versions(&user), Vec::<String>::new());
}

#[test]
fn a_package_that_was_published_anew_is_not_the_one_that_is_locked() {
    let (world, _server) = world_with_a_lock();
    let user = colleague(&world);
    // The same number and the same library, but another manifest.
    let library = world.library("0.3.0");
    let text = super::publisher::replaced(&fs::read(&library).unwrap(), b"somebody else", b"SOMEBODY else");
    fs::write(&library, text).unwrap();
    let (key, out) = (world.path("key"), world.path("packages"));
    let _anew = world.run(&["package", &library, "--sign", &key, "--output", &out]).success();
    let _index = world.index(&[]);
    let run = plugin(&user, "sync --locked --yes").fails(78, "hello 0.3.0 is not the one that is pinned");
    assert!(run.stderr.contains("plugins.lock:4"), "{run}");
    assert_eq!(versions(&user), Vec::<String>::new());
}

#[test]
fn locked_refuses_when_the_configuration_wants_something_else() {
    let (world, server) = world_with_a_lock();
    let user = colleague(&world);
    let text = lock_file(&user);
    let digest = "a".repeat(64);
    for (pin, says) in [
        ("version = \"^0.4\"\n", "hello 0.3.0 is locked, and version ^0.4 is wanted"),
        (&format!("sha256 = \"{digest}\"\n"), "another sha256 is wanted"),
        ("source = \"https://elsewhere.example/\"\n", "is wanted from https://elsewhere.example/"),
    ] {
        configure(&user, &server, &format!("[plugins.hello]\n{pin}"));
        let run = plugin(&user, "sync --locked --yes").fails(78, says);
        assert!(run.stderr.contains("config.toml:4") && run.stderr.contains("seqera plugin sync"), "{run}");
        assert_eq!((lock_file(&user), versions(&user)), (text.clone(), vec![]));
    }
    configure(&user, &server, "[plugins.howdy]\nsource = \"index:acme\"\n");
    let _new = plugin(&user, "sync --locked --yes").fails(78, "howdy comes from index:acme");
    fs::remove_file(user.config().join("plugins.lock")).unwrap();
    let _none = plugin(&user, "sync --locked --yes").fails(78, "there is no lock to follow");
    // What is switched off is neither wanted nor in the way.
    fs::write(user.config().join("plugins.lock"), &text).unwrap();
    configure(&user, &server, "[plugins.hello]\nenabled = false\n");
    let off = plugin(&user, "sync --locked --yes").success();
    assert_eq!(off.stderr, "hello 0.3.0 is switched off, and left as it is\n");
}

#[test]
fn without_locked_the_lock_follows_the_configuration() {
    let (world, server) = world_with_a_lock();
    let user = colleague(&world);
    let _synced = plugin(&user, "sync --yes").success();
    configure(&user, &server, "[plugins.hello]\nversion = \"^0.4\"\n");
    let dry = json(&plugin(&user, "sync --yes --dry-run --json").success());
    assert_eq!((&dry["action"], &dry["moves_the_lock"]), (&"would-sync".into(), &true.into()));
    assert_eq!(locked_version(&user).as_deref(), Some("0.3.0"));
    let run = plugin(&user, "sync --yes").success();
    let said = "hello 0.3.0 was removed: it is not locked\nhello 0.4.0 was installed\n";
    assert!(
        run.stderr.contains(said) && run.stderr.ends_with("plugins.lock was brought up to date\n"),
        "{run}"
    );
    assert_eq!(
        (locked_version(&user).as_deref(), versions(&user)),
        (Some("0.4.0"), vec!["0.4.0".to_owned()])
    );
    assert_eq!(user.seqera("hello you").success().stdout, "Hello, you\n");
    // Back: the old one is kept on this machine, but which one is best only the index knows.
    configure(&user, &server, "[plugins.hello]\nversion = \"=0.3.0\"\n");
    let _back = plugin(&user, "sync --yes").success();
    assert_eq!(locked_version(&user).as_deref(), Some("0.3.0"));

    // A plugin with a source that nobody has installed: a configuration is enough for a new machine.
    let user = colleague(&world);
    fs::remove_file(user.config().join("plugins.lock")).unwrap();
    configure(&user, &server, "[plugins.hello]\nsource = \"index:acme\"\n");
    let _first = plugin(&user, "sync --yes").success();
    assert_eq!(locked_version(&user).as_deref(), Some("0.4.0"));
    let _locked = plugin(&user, "sync --locked").success();
}

#[test]
fn a_sync_that_dies_leaves_what_ran_running() {
    let (world, server) = world_with_a_lock();
    for step in [
        "fetched",
        "unpacked",
        "admitted",
        "checked",
        "probed",
        "consented",
        "assembled",
        "granted",
        "placed",
        "recorded",
    ] {
        let user = colleague(&world);
        let _synced = plugin(&user, "sync --yes").success();
        configure(&user, &server, "[plugins.hello]\nversion = \"^0.4\"\n");
        let mut command = user.command(["plugin", "sync", "--yes"]);
        command.env("SEQERA_TEST_INSTALL", format!("kill:{step}"));
        let run = user.run(command);
        assert_eq!(run.code, 128 + 9, "{step}: {run}");
        configure(
            &user,
            &server,
            if step == "recorded" { "[plugins.hello]\nversion = \"^0.4\"\n" } else { "" },
        );
        let run = user.seqera("hello you").success();
        assert_eq!(run.stdout, "Hello, you\n", "{step}");
        configure(&user, &server, "[plugins.hello]\nversion = \"^0.4\"\n");
        let _again = plugin(&user, "sync --yes").success();
        assert_eq!(
            (locked_version(&user).as_deref(), versions(&user)),
            (Some("0.4.0"), vec!["0.4.0".to_owned()])
        );
    }
    // An upgrade that died before it could move the lock is finished by the next one.
    let mut command = world.user.command(["plugin", "upgrade", "hello", "--yes"]);
    command.env("SEQERA_TEST_INSTALL", "kill:placed");
    assert_eq!(world.user.run(command).code, 128 + 9);
    world.assert_works("0.3.0");
    let _again = world.run(&["upgrade", "hello"]).success();
    world.assert_works("0.4.0");
}

#[test]
fn one_that_fails_costs_the_others_nothing_and_nothing_is_removed() {
    let (world, _server) = world_with_a_lock();
    let user = colleague(&world);
    let text = lock_file(&user);
    let row = text.split_once("[[plugin]]").unwrap().1;
    let gone = row.replace("\"hello\"", "\"gone\"").replace("index:acme", "path:/nowhere/gone.tar.gz");
    fs::write(user.config().join("plugins.lock"), format!("{text}\n[[plugin]]{gone}")).unwrap();
    // A directory of plugins that the user filled by hand is nobody's to sweep.
    let own = user.plugins().join("own/1.0.0");
    fs::create_dir_all(&own).unwrap();
    let run = plugin(&user, "sync --yes --json").fails(1, "there is no /nowhere/gone.tar.gz");
    assert!(run.stderr.len() < 300, "{run}");
    let rows = json(&run);
    assert_eq!(
        (&rows["plugins"][0]["action"], &rows["plugins"][1]["action"]),
        (&"failed".into(), &"installed".into())
    );
    assert_eq!(user.seqera("hello you").success().stdout, "Hello, you\n");
    assert!(own.is_dir());
}

#[test]
fn a_broken_lock_is_named_and_a_link_to_it_stays_one() {
    let (world, _server) = world_with_a_lock();
    let file = world.user.config().join("plugins.lock");
    let text = lock_file(&world.user);
    fs::write(&file, text.replace("version = \"0.3.0\"", "version = \"one\"")).unwrap();
    for line in ["hello", "plugin lock", "plugin sync", "plugin remove hello", "plugin upgrade hello"] {
        let _named = world.user.seqera(line).fails(3, "plugins.lock:6 is wrong");
    }
    let doctor = world.user.seqera("doctor");
    assert_eq!((doctor.code, doctor.stdout.matches("plugins.lock:6 is wrong").count()), (3, 1), "{doctor}");
    let _unhurt = world.user.seqera("version").success();
    fs::write(&file, text.replace("lock = 1", "lock = 9")).unwrap();
    let _newer = world.user.seqera("hello").fails(3, "a newer seqera is needed");

    let elsewhere = world.user.home().join("dotfiles.lock");
    fs::write(&elsewhere, &text).unwrap();
    fs::remove_file(&file).unwrap();
    symlink(&elsewhere, &file).unwrap();
    let _moved = world.run(&["upgrade", "hello"]).success();
    assert!(file.is_symlink() && fs::read_to_string(&elsewhere).unwrap().contains("0.4.0"));
}

#[test]
fn what_is_being_written_is_not_held_by_the_lock() {
    let (world, _server) = world_with_a_lock();
    let _linked = world.run(&["link", &world.library("0.9.0")]).success();
    let run = world.user.seqera("hello you").success();
    assert_eq!((run.stdout.as_str(), run.stderr.contains("0.9.0")), ("Hello, you\n", true), "{run}");
    let _lock = world.run(&["lock"]).success();
    assert_eq!(locked_version(&world.user).as_deref(), Some("0.3.0"));
}
