//! Keys: those with a password, and those that are trusted no more.

use std::fs;
use std::io::Write;

use minisign::KeyPair;
use seqera_tests::sandbox::Run;

use super::publisher::World;
use crate::terminal::Terminal;

const PASSWORD: &str = "correct horse";

/// A key as minisign makes it, with a password; answers its file.
fn encrypted_key(world: &World) -> String {
    let pair = KeyPair::generate_encrypted_keypair(Some(PASSWORD.to_owned())).unwrap();
    let secret = pair.sk.to_box(None).unwrap().into_string();
    fs::write(world.path("minisign.key"), secret).unwrap();
    fs::write(world.path("minisign.pub"), pair.pk.to_box().unwrap().into_string()).unwrap();
    world.path("minisign.key")
}

fn package(world: &World, key: &str, password: Option<&str>) -> Run {
    let library = world.library("0.3.0");
    let out = world.path("packages");
    let arguments = ["plugin", "package", &library, "--sign", key, "--output", &out];
    let mut command = world.user.command(arguments);
    if let Some(password) = password {
        command.env("SEQERA_SIGNING_PASSWORD", password);
    }
    world.user.run(command)
}

#[test]
fn a_key_with_a_password_signs_for_whoever_knows_it() {
    let world = World::new();
    let key = encrypted_key(&world);
    let nobody = package(&world, &key, None).fails(1, "nobody is here to type it");
    assert!(nobody.stderr.contains("SEQERA_SIGNING_PASSWORD"), "{nobody}");
    let wrong = package(&world, &key, Some("wrong")).fails(1, "cannot sign with");
    assert!(wrong.stderr.to_lowercase().contains("password"), "{wrong}");
    assert!(!world.dir.join("packages/hello-0.3.0.tar.gz").exists());
    let archive = package(&world, &key, Some(PASSWORD)).success().stdout;
    let _trusted = world.run(&["trust", "add", &world.path("minisign.pub")]).success();
    let _installed = world.run(&["install", archive.trim(), "--yes"]).success();
    let verified = world.run(&["verify", "hello"]).success();
    assert!(verified.stdout.contains("signed with"), "{verified}");
}

#[test]
fn a_password_is_typed_unseen() {
    let world = World::new();
    let key = encrypted_key(&world);
    let library = world.library("0.3.0");
    let out = world.path("packages");
    let arguments = ["plugin", "package", &library, "--sign", &key, "--output", &out];
    let mut terminal = Terminal::run(&world.user, &arguments);
    terminal.wait_for("assword: ");
    terminal.keys.write_all(format!("{PASSWORD}\n").as_bytes()).unwrap();
    terminal.wait_for("hello-0.3.0.tar.gz");
    assert!(!terminal.seen().contains(PASSWORD));
    assert_eq!(terminal.end(), 0);
}

#[test]
fn keys_that_are_added_at_the_same_time_are_all_trusted() {
    let world = World::new();
    let keys: Vec<String> = (0..8)
        .map(|number| {
            let file = world.path(&format!("key-{number}"));
            world.run(&["package", "--new-key", &file]).success().stdout.trim().to_owned()
        })
        .collect();
    let adding: Vec<_> =
        keys.iter().map(|key| world.user.command(["plugin", "trust", "add", key]).spawn().unwrap()).collect();
    for mut child in adding {
        assert!(child.wait().unwrap().success());
    }
    let list = world.run(&["trust", "list"]).success().stdout;
    assert!(keys.iter().all(|key| list.contains(key)), "{list}");
}

#[test]
fn what_a_distrusted_key_signed_stays_and_nothing_new_of_it_comes() {
    let world = World::new();
    world.trust();
    let _signed = world.run(&["install", &world.signed("0.3.0"), "--yes"]).success();
    let _newer = world.signed("0.4.0");
    let index = world.index(&[]);
    world
        .user
        .configure(&format!("[indexes]\nacme = \"{index}\"\n[plugins.hello]\nsource = \"index:acme\"\n"));
    let _distrusted = world.run(&["trust", "remove", &world.key()]).success();
    // It was agreed to when it was installed, and its digest has not changed since.
    world.assert_works("0.3.0");
    let said = world.run(&["verify", "hello"]).fails(77, "is not trusted here");
    assert!(said.stdout.starts_with("WRONG   hello 0.3.0"), "{said}");
    let _index = world.run(&["upgrade", "hello"]).fails(77, "not trusted here");
    let _archive = world.run(&["install", &world.signed("0.4.0"), "--yes"]).fails(77, "not trusted here");
    world.assert_works("0.3.0");
}

#[test]
fn a_key_that_is_taken_for_the_other_one_is_known_and_never_shown() {
    let world = World::new();
    let encrypted = encrypted_key(&world);
    for (file, public) in [(world.path("key"), "key.pub"), (encrypted, "minisign.pub")] {
        let secret = fs::read_to_string(&file).unwrap().lines().nth(1).unwrap().to_owned();
        let by_file = world.run(&["trust", "add", &file]).fails(2, "it is a secret key");
        let hint = format!("seqera plugin trust add {}\n", world.path(public));
        assert!(by_file.stderr.contains(&hint), "{by_file}");
        let by_text = world.run(&["trust", "add", &secret]).fails(2, "it is a secret key");
        let no_key = world.run(&["trust", "add", &secret[..60]]).fails(2, "it is no public key");
        for run in [by_file, by_text, no_key] {
            assert!(!run.stderr.contains(&secret[..8]) && run.stdout.is_empty(), "{run}");
        }
        let path = world.user.config().join("trusted_keys.toml");
        fs::create_dir_all(world.user.config()).unwrap();
        fs::write(&path, format!("[[key]]\nkey = \"{secret}\"\n")).unwrap();
        let listed = world.run(&["trust", "list"]).fails(3, "it is a secret key");
        assert!(!listed.stderr.contains(&secret[..8]), "{listed}");
        fs::remove_file(&path).unwrap();
    }
    let _no_file = world.run(&["trust", "add", "nowhere.pub"]).fails(2, "There is no file of that name");
    let _packed = world.signed("0.3.0");
    let (packages, public) = (world.path("packages"), world.path("key.pub"));
    let library = world.library("0.3.0");
    for line in [
        vec!["index", packages.as_str(), "--sign", &public, "--name", "acme"],
        vec!["package", &library, "--sign", &public, "--output", &packages],
    ] {
        let run = world.run(&line).fails(1, "it is a public key, and only the secret one signs");
        assert!(run.stderr.contains(&format!("lies beside it: {}\n", world.path("key"))), "{run}");
    }
}
