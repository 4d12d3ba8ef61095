//! `seqera doctor`: each thing that is wrong has its line, and a machine where nothing is wrong has none.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use seqera_tests::sandbox::{Run, Sandbox};
use serde_json::Value;

use crate::plugin_store::publisher::World;
use crate::plugins::{edit_manifest, library};
use crate::{emulator, has};

fn findings(run: &Run) -> Vec<(String, String, String)> {
    let json: Value = serde_json::from_str(&run.stdout).unwrap();
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let rows = json["findings"].as_array().unwrap().iter();
    rows.map(|row| (text(row, "level"), text(row, "subject"), text(row, "text"))).collect()
}

#[track_caller]
fn assert_finds(run: &Run, level: &str, subject: &str, says: &str) {
    let found =
        findings(run).iter().any(|row| row.0 == level && row.1.contains(subject) && row.2.contains(says));
    assert!(found, "no {level} about {subject} that says {says}:\n{run}");
}

#[test]
fn nothing_is_wrong_with_a_machine_that_works() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let before = sandbox.seqera("doctor").success();
    assert!(
        before.stdout.contains("warning  credential store: ") && before.stdout.contains("[seqera login]"),
        "{before}"
    );
    let _signed_in = sandbox.login().success();
    let run = sandbox.seqera("doctor").success();
    assert!(run.stdout.lines().all(|line| line.starts_with("ok ")), "{run}");
    for part in ["config: ", "plugin auth ", "credential store: ", "sign-in server: ", "backend: "] {
        assert!(run.stdout.contains(part), "{part} is missing:\n{run}");
    }
}

#[test]
fn a_pin_with_a_slip_of_the_pen_is_found() {
    let sandbox = Sandbox::new();
    sandbox.configure("[plugins.org]\nenabled = true\nverison = \"=1.2.0\"\n");
    let run = sandbox.seqera("doctor --json");
    assert_finds(&run, "warning", "config", "[plugins.org] says `verison`, which means nothing");
    assert!(run.stdout.contains("config.toml:3") && run.stdout.contains("version, sha256"), "{run}");
}

#[test]
fn what_is_wrong_with_a_plugin_is_said_and_the_others_are_looked_at_all_the_same() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let dir = sandbox.install("hello");
    fs::create_dir_all(sandbox.plugins().join("empty/1.0.0")).unwrap();
    let file = library(&dir);
    let mut bytes = fs::read(&file).unwrap();
    bytes[100] ^= 1;
    fs::write(&file, bytes).unwrap();
    let run = sandbox.seqera("doctor --json");
    assert_finds(&run, "problem", "plugin hello 0.3.0", "is not the one that was packaged");
    assert_finds(&run, "problem", "empty/1.0.0", "there is no plugin.toml");
    assert_finds(&run, "ok", "plugin org", "whole, and used");
    assert_eq!(run.code, 126, "the code of the first problem: {run}");
    fs::remove_dir_all(sandbox.plugins().join("empty")).unwrap();
    let text = sandbox.seqera("doctor");
    assert_eq!(text.code, 78, "{text}");
    edit_manifest(&dir, |text| text.replace("aliases = [\"hi\"]", "aliases = [\"login\"]"));
    let stolen = sandbox.seqera("login --help").success();
    assert!(stolen.stdout.contains("browser"), "the bundled plugin keeps its word: {stolen}");
}

#[test]
fn a_second_claim_to_a_word_and_a_pin_that_nobody_meets_are_problems() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let dir = sandbox.install("hello");
    let other = sandbox.plugins().join("howdy/0.3.0");
    seqera_tests::sandbox::copy_tree(&dir, &other);
    edit_manifest(&other, |text| text.replacen("name = \"hello\"", "name = \"howdy\"", 1));
    let run = sandbox.seqera("doctor --json");
    assert_finds(&run, "problem", "command hi", "is a command of 2 plugins");
    assert_eq!(run.code, 3, "{run}");
    sandbox
        .configure("[commands]\nhi = \"hello\"\nhello = \"hello\"\n\n[plugins.org]\nversion = \"=9.9.9\"\n");
    let run = sandbox.seqera("doctor --json");
    assert_finds(&run, "problem", "plugin org", "config.toml:6");
    assert!(!findings(&run).iter().any(|row| row.1.starts_with("command hi")), "{run}");
    sandbox.configure("[commands]\nhi = \"hello\"\nhello = \"hello\"\n\n[plugins.org]\nenabled = false\n");
    let off = sandbox.seqera("doctor --json").success();
    assert_finds(&off, "warning", "plugin org", "is switched off");
}

#[test]
fn the_configuration_is_read_as_it_is() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    sandbox.configure("a = = 1\n");
    let run = sandbox.seqera("doctor --json");
    assert_finds(&run, "problem", "config", "config.toml:1:5 is not valid TOML");
    assert_finds(&run, "ok", "plugin org", "whole");
    assert_eq!(run.code, 3, "{run}");
    sandbox.configure("aproval_mode = \"basic\"\n[plugins.org]\nversion = \"one\"\n");
    let run = sandbox.seqera("doctor").fails(3, "");
    assert!(
        run.stdout.contains("`aproval_mode` is no setting of seqera")
            && run.stdout.contains("is `approval_mode` meant?"),
        "{run}"
    );
    assert!(run.stdout.contains("`one` is no version requirement"), "{run}");
    sandbox.configure("theme = \"dark\"\n");
    let file = sandbox.config().join("config.toml");
    fs::set_permissions(file, fs::Permissions::from_mode(0o666)).unwrap();
    let _open = sandbox.seqera("doctor").fails(77, "");
}

#[test]
fn a_network_that_is_not_there_is_named_in_one_line() {
    let sandbox = Sandbox::new()
        .with("SEQERA_AI_BACKEND_URL", "http://me:hidden@127.0.0.1:1")
        .with("SEQERA_AUTH_DOMAIN", "http://127.0.0.1:1");
    let run = sandbox.seqera("doctor").fails(5, "");
    let lines: Vec<&str> = run.stdout.lines().filter(|line| line.starts_with("problem")).collect();
    assert_eq!(lines.len(), 2, "{run}");
    assert!(lines[0].contains("sign-in server: ") && lines[1].contains("backend: "), "{run}");
    assert!(!run.stdout.contains("hidden"), "{run}");
}

#[test]
fn the_host_opens_no_library_and_the_report_has_no_secret() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator).with("SEQERA_PLUGIN_NOTE", "a-secret-value");
    let _signed_in = sandbox.login().success();
    let token = sandbox.seqera("auth token").success().stdout;
    let run = sandbox.seqera("doctor --report").success();
    assert!(run.stdout.starts_with("seqera ") && run.stdout.contains("SEQERA_PLUGIN_NOTE"), "{run}");
    let home = sandbox.home().display().to_string();
    for secret in ["a-secret-value", token.trim(), &home] {
        assert!(!run.stdout.contains(secret), "{secret} is in the report:\n{run}");
    }
    if !has("strace") {
        return;
    }
    let trace = sandbox.root().join("trace");
    let program = sandbox.command(["doctor"]);
    let mut traced = std::process::Command::new("strace");
    traced.args(["-e", "trace=mmap,openat", "-o"]).arg(&trace).arg(program.get_program()).arg("doctor");
    traced.env_clear().envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let _run = sandbox.run(traced).success();
    let text = fs::read_to_string(trace).unwrap();
    // Without -f the children are not seen: this process reads libraries, and maps none of them as code.
    let plugins: Vec<&str> = text.lines().filter(|line| line.contains("libseqera_plugin_")).collect();
    assert!(!plugins.is_empty(), "it looked at the files");
    let mapped = text.lines().skip_while(|line| !line.contains("libseqera_plugin_"));
    assert!(!mapped.into_iter().any(|line| line.starts_with("mmap(")
        && line.contains("PROT_EXEC")
        && !line.contains("MAP_ANONYMOUS")));
}

#[test]
fn a_file_about_trust_that_is_broken_is_a_line_of_its_own() {
    let emulator = emulator();
    let world = World::of(Sandbox::on(&emulator));
    world.trust();
    let _installed = world.run(&["install", &world.signed("0.3.0"), "--yes"]).success();
    let keys = world.user.config().join("trusted_keys.toml");
    let good = fs::read(&keys).unwrap();
    fs::write(&keys, "[[key]]\nkey = \"nonsense\"\n").unwrap();
    let run = world.user.seqera("doctor --json").fails(3, "");
    assert_finds(&run, "problem", "trusted keys", "trusted_keys.toml is wrong");
    assert_finds(&run, "warning", "plugin hello 0.3.0 (user)", "nobody knows whose signature counts");
    for part in ["plugin org ", "backend"] {
        assert_finds(&run, "ok", part, "");
    }
    fs::write(&keys, good).unwrap();
    fs::write(world.user.config().join("grants.toml"), "grants = what\n").unwrap();
    let run = world.user.seqera("doctor --json").fails(3, "");
    assert_finds(&run, "problem", "grants", "grants.toml");
    assert_finds(&run, "ok", "plugin hello 0.3.0 (user)", "whole, and used");
    assert_finds(&run, "ok", "backend", "");
    fs::remove_file(world.user.config().join("grants.toml")).unwrap();
    fs::write(world.user.config().join("seen_indexes.json"), "nonsense").unwrap();
    let run = world.user.seqera("doctor --json").fails(3, "");
    assert_finds(&run, "problem", "plugins", "seen_indexes.json is wrong");
}

#[test]
fn a_link_to_what_is_gone_or_no_plugin_any_more_is_a_warning() {
    let emulator = emulator();
    let world = World::of(Sandbox::on(&emulator));
    let library = world.library("0.3.0");
    let _linked = world.run(&["link", &library]).success();
    let subject = "plugin hello 0.3.0 (linked)";
    assert_finds(&world.user.seqera("doctor --json"), "ok", subject, "whole, and used");
    fs::write(&library, "half a libr").unwrap();
    assert_finds(&world.user.seqera("doctor --json"), "warning", subject, "was built again, and is not used");
    fs::remove_file(&library).unwrap();
    let run = world.user.seqera("doctor --json");
    assert_finds(&run, "warning", subject, "which it is linked to, is gone");
    assert!(run.stdout.contains("seqera plugin unlink hello"), "{run}");
}

/// The first hint is what is to be done, word for word.
#[test]
fn what_repairs_a_plugin_is_said_and_repairs_it() {
    let world = World::new();
    world.trust();
    let archive = world.signed("0.3.0");
    let index = world.index(&[]);
    let place = world.user.plugins().join("hello/0.3.0");
    let library = place.join("libseqera_plugin_hello.so");
    world.user.configure(&format!("[indexes]\nacme = \"{index}\"\n"));
    let in_order = || world.run(&["verify", "hello"]).code == 0;
    for (install, lock, repair) in [
        (vec!["install", archive.as_str()], false, format!("seqera plugin install {archive}")),
        (vec!["install", "hello"], false, "seqera plugin install hello@0.3.0 --index acme".to_owned()),
        (vec!["install", "hello", "--index", &index], true, "seqera plugin sync".to_owned()),
    ] {
        let _removed = world.run(&["remove", "hello"]);
        let _installed = world.run(&[install.as_slice(), &["--yes"]].concat()).success();
        if lock {
            let _locked = world.run(&["lock"]).success();
        }
        fs::write(&library, "something else").unwrap();
        let verified = world.run(&["verify", "hello"]).fails(78, &format!("hint: {repair}\n"));
        assert!(!verified.stderr.contains("It was not opened"), "{verified}");
        let doctor = world.user.seqera("doctor");
        assert!(doctor.stdout.contains(&format!("[{repair}]\n")), "{doctor}");
        let words = repair.split(' ').skip(2).chain(["--yes"]).collect::<Vec<_>>();
        let _repaired = world.run(&words).success();
        assert!(in_order(), "{repair}");
    }
    let json = world.user.seqera("plugin verify nope").fails(1, "nope is not installed");
    assert!(json.stderr.contains("hint: `seqera plugin list` shows what is."), "{json}");
}
