//! A plugin has of the sign-in what its manifest asks for and the user granted, and every decision is written down.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use seqera_tests::emulator::Emulator;
use seqera_tests::sandbox::{Run, Sandbox, copy_tree};
use serde_json::Value;

use crate::emulator;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Without the bundled `org`: its package, in the directory that is answered, is one of somebody else.
pub(super) fn with_package_of_org(emulator: &Emulator) -> (Sandbox, PathBuf) {
    let sandbox =
        Sandbox::on(emulator).with_own_installation().with("SEQERA_ACCESS_TOKEN", &emulator.access_token);
    let dir = sandbox.root().join("org");
    fs::rename(sandbox.bundled().join("org"), &dir).unwrap();
    (sandbox, dir.join(VERSION))
}

/// The same, copied into the user's directory by hand: nobody was asked.
fn with_dropped_in_org(emulator: &Emulator) -> (Sandbox, PathBuf) {
    let (sandbox, package) = with_package_of_org(emulator);
    let dir = sandbox.plugins().join("org").join(VERSION);
    copy_tree(&package, &dir);
    (sandbox, dir)
}

pub(super) fn install(sandbox: &Sandbox, package: &std::path::Path) -> Run {
    sandbox.run(sandbox.command(["plugin", "install", &package.display().to_string(), "--yes"]))
}

fn granted(sandbox: &Sandbox) -> Vec<Value> {
    let list = sandbox.seqera("plugin grants list --json").success().stdout;
    let list: Value = serde_json::from_str(&list).unwrap();
    list["grants"].as_array().unwrap().clone()
}

pub(super) fn audit_file(sandbox: &Sandbox) -> PathBuf {
    sandbox.home().join(".local/state/seqera/audit.jsonl")
}

pub(super) fn audit(sandbox: &Sandbox) -> Vec<Value> {
    let text = fs::read_to_string(audit_file(sandbox)).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn installing_grants_what_was_agreed_to_until_it_is_taken_back() {
    let emulator = emulator();
    let (sandbox, package) = with_package_of_org(&emulator);
    let _installed = install(&sandbox, &package).success();
    let grants = granted(&sandbox);
    assert_eq!(
        (grants[0]["plugin"].as_str(), grants[0]["audience"].as_str()),
        (Some("org"), Some("platform"))
    );
    assert!(grants[0]["place"].as_str().unwrap().contains("grants.toml:"), "{grants:?}");
    assert!(sandbox.seqera("org list").success().stdout.contains("Genomics Core"));

    let _taken = sandbox.seqera("plugin grants revoke org").success();
    let before = emulator.requests().len();
    let refused = sandbox.seqera("org list").fails(77, "the plugin org 0.1.0 may not use your sign-in");
    assert!(refused.stderr.contains("seqera plugin grants allow org"), "{refused}");
    assert_eq!(emulator.requests().len(), before, "nothing was sent");
    let _nothing = sandbox.seqera("plugin grants revoke org").fails(1, "org has no grant");
    let bundled = sandbox.seqera("plugin grants revoke auth").fails(1, "auth has no grant");
    assert!(bundled.stderr.contains("it came with seqera"), "{bundled}");

    let allowed = sandbox.seqera("plugin grants allow org").success();
    assert!(allowed.stderr.contains("org 0.1.0 may use your sign-in"), "{allowed}");
    let _works = sandbox.seqera("org list").success();
    // All that is named, or nothing.
    let _one_is_wrong = sandbox.seqera("plugin grants revoke org platform other").fails(1, "for other");
    let _still_works = sandbox.seqera("org list").success();
    let taken = sandbox.seqera("plugin grants revoke org platform --json").success().stdout;
    let taken: Value = serde_json::from_str(&taken).unwrap();
    assert_eq!(taken["revoked"][0]["audience"], "platform");
    let _refused = sandbox.seqera("org list").fails(77, "may not use your sign-in");
    let _allowed = sandbox.seqera("plugin grants allow org").success();
    let _removed = sandbox.seqera("plugin remove org").success();
    assert_eq!(granted(&sandbox), [] as [Value; 0], "grants go with the plugin");
}

#[test]
fn a_plugin_that_was_copied_in_has_no_grant() {
    let emulator = emulator();
    let (sandbox, _dir) = with_dropped_in_org(&emulator);
    let _refused = sandbox.seqera("org list").fails(77, "may not use your sign-in");
    assert_eq!(emulator.requests().len(), 0);
    // Without --yes and without a person the package is not installed, and nothing is granted.
    let (sandbox, package) = with_package_of_org(&emulator);
    let package = package.display().to_string();
    let run = sandbox.run(sandbox.command(["plugin", "install", &package]));
    let _asked = run.fails(10, "sign-in: platform");
    assert_eq!(granted(&sandbox), [] as [Value; 0]);
}

#[test]
fn another_library_under_the_same_name_has_no_grant() {
    let emulator = emulator();
    let (sandbox, dir) = with_dropped_in_org(&emulator);
    let _allowed = sandbox.seqera("plugin grants allow org").success();
    let _works = sandbox.seqera("org list").success();
    let library = fs::read_dir(&dir)
        .unwrap()
        .map(|item| item.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "so"))
        .unwrap();
    let before = sha256(&library);
    let mut bytes = fs::read(&library).unwrap();
    bytes.extend_from_slice(b"another");
    fs::write(&library, bytes).unwrap();
    let manifest = dir.join("plugin.toml");
    let text = fs::read_to_string(&manifest).unwrap().replace(&before, &sha256(&library));
    fs::write(&manifest, text).unwrap();
    let _refused = sandbox.seqera("org list").fails(77, "may not use your sign-in");
}

fn sha256(path: &std::path::Path) -> String {
    let output = std::process::Command::new("sha256sum").arg(path).output().unwrap();
    String::from_utf8_lossy(&output.stdout).split(' ').next().unwrap().to_owned()
}

#[test]
fn each_decision_is_one_line_of_the_audit_and_no_token_is_in_it() {
    let emulator = emulator();
    let (sandbox, _dir) = with_dropped_in_org(&emulator);
    let _refused = sandbox.seqera("org list").fails(77, "");
    let _allowed = sandbox.seqera("plugin grants allow org").success();
    let _list = sandbox.seqera("org list").success();
    let lines = audit(&sandbox);
    let of_org: Vec<(&str, &str, &str)> = lines
        .iter()
        .filter(|line| line["plugin"] == "org" && line["service"].is_string())
        .map(|line| {
            let text = |key: &str| line[key].as_str().unwrap();
            (text("service"), text("name"), text("decision"))
        })
        .collect();
    assert_eq!(of_org[0], ("token-provider", "platform", "denied"));
    assert!(of_org.contains(&("platform-http", "platform", "granted")), "{of_org:?}");
    let http = lines.iter().find(|line| line["plugin"] == "auth").unwrap();
    assert_eq!(http["rule"], "it came with seqera");
    assert!(lines.iter().all(|line| line["time"].as_str().unwrap().ends_with('Z')), "{lines:?}");
    let text = fs::read_to_string(audit_file(&sandbox)).unwrap();
    assert!(!text.contains(&emulator.access_token));
    let mode = fs::metadata(audit_file(&sandbox)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_state_directory_that_cannot_be_written_keeps_nobody_from_working() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator).with("SEQERA_ACCESS_TOKEN", &emulator.access_token);
    fs::create_dir_all(sandbox.home().join(".local")).unwrap();
    fs::write(sandbox.home().join(".local/state"), "a file").unwrap();
    let _list = sandbox.seqera("org list").success();
}

#[test]
fn a_wrong_file_of_grants_names_its_line_and_grants_nothing() {
    let emulator = emulator();
    let (sandbox, _dir) = with_dropped_in_org(&emulator);
    let _allowed = sandbox.seqera("plugin grants allow org").success();
    let path = sandbox.config().join("grants.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("audience", "audiense")).unwrap();
    let _refused = sandbox.seqera("org list").fails(3, "grants.toml:");
    assert_eq!(emulator.requests().len(), 0);
}
