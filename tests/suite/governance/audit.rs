//! What was decided about the sign-in, and what became of plugins, is written down.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use seqera_tests::sandbox::Sandbox;
use serde_json::Value;

use super::grants::{audit, audit_file, install, with_package_of_org};
use crate::emulator;
use crate::plugin_store::publisher::World;

fn events(sandbox: &Sandbox) -> Vec<String> {
    audit(sandbox).iter().map(|line| line["event"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_becomes_of_a_plugin_is_written_down() {
    let world = World::new();
    world.trust();
    let (first, second) = (world.signed("0.3.0"), world.signed("0.4.0"));
    let key = world.run(&["trust", "list"]).success().stdout.split(' ').next().unwrap().to_owned();
    let _only_looked_at = world.run(&["install", &first, "--yes", "--dry-run"]).success();
    assert_eq!(events(&world.user), [] as [String; 0]);

    let _installed = world.run(&["install", &first, "--yes"]).success();
    let _again = world.run(&["install", &first, "--yes"]).success();
    let _upgraded = world.run(&["install", &second, "--yes"]).success();
    let unsigned = world.archive("0.5.0");
    let _refused = world.run(&["install", &unsigned, "--yes"]).fails(77, "is not signed");
    let library = world.user.plugins().join("hello/0.4.0/libseqera_plugin_hello.so");
    let mut bytes = fs::read(&library).unwrap();
    bytes.push(0);
    fs::write(&library, bytes).unwrap();
    let _not_opened = world.user.seqera("hello").fails(78, "changed on disk");
    let _verified = world.user.seqera("plugin verify").fails(78, "");
    let _removed = world.run(&["remove", "hello"]).success();

    let expected = ["installed", "upgraded", "refused", "check-failed", "check-failed", "removed", "removed"];
    assert_eq!(events(&world.user), expected);
    let lines = audit(&world.user);
    let text = |line: usize, key: &str| lines[line][key].as_str().unwrap_or_default().to_owned();
    assert_eq!(
        (text(0, "plugin"), text(0, "version"), text(0, "signer")),
        ("hello".into(), "0.3.0".into(), key)
    );
    assert_eq!((text(1, "before"), text(1, "version")), ("0.3.0".into(), "0.4.0".into()));
    assert_eq!(text(1, "source"), format!("path:{second}"));
    assert!(text(2, "problem").contains("is not signed"), "{lines:?}");
    assert_eq!(text(3, "version"), "0.4.0");
    assert_ne!(lines[3]["pid"], lines[4]["pid"]);
}

#[test]
fn what_is_granted_and_taken_back_is_written_down() {
    let emulator = emulator();
    let (sandbox, package) = with_package_of_org(&emulator);
    let _installed = install(&sandbox, &package).success();
    let _taken = sandbox.seqera("plugin grants revoke org platform").success();
    let _refused = sandbox.seqera("org list").fails(77, "");
    let _allowed = sandbox.seqera("plugin grants allow org").success();
    let _removed = sandbox.seqera("plugin remove org").success();
    let lines: Vec<Value> = audit(&sandbox).into_iter().filter(|line| line["plugin"] == "org").collect();
    let events: Vec<&str> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(
        events,
        ["granted", "installed", "revoked", "withheld", "granted", "revoked", "removed"],
        "{lines:?}"
    );
    assert_eq!(lines[0]["name"], "platform");
    assert_eq!(lines[0]["sha256"], lines[1]["sha256"], "nobody signed it: the grant is that library's");
    assert_eq!(lines[3]["rule"], "you did not grant it");
}

#[test]
fn what_is_lent_is_one_line_in_a_process_however_many_run_at_once() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator).with("SEQERA_ACCESS_TOKEN", &emulator.access_token);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| sandbox.seqera("org list").success());
        }
    });
    let lines = audit(&sandbox);
    let asked: BTreeSet<String> = lines
        .iter()
        .map(|line| {
            let text = |key: &str| line[key].as_str().unwrap().to_owned();
            assert_eq!((text("event"), text("decision")), ("lent".into(), "granted".into()));
            format!("{} {} {} {}", line["pid"], text("plugin"), text("service"), text("name"))
        })
        .collect();
    assert_eq!(asked.len(), lines.len(), "{lines:?}");
    let processes: BTreeSet<u64> = lines.iter().map(|line| line["pid"].as_u64().unwrap()).collect();
    assert_eq!(processes.len(), 8);
    let text = fs::read_to_string(audit_file(&sandbox)).unwrap();
    assert!(!text.contains(&emulator.access_token));
    assert_eq!(fs::metadata(audit_file(&sandbox)).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn doctor_says_where_it_lies_and_that_it_cannot_be_written() {
    let sandbox = Sandbox::new();
    let report = sandbox.seqera("doctor --report").stdout;
    assert!(
        report.contains("ok       audit: ") && report.contains("~/.local/state/seqera/audit.jsonl"),
        "{report}"
    );
    fs::create_dir_all(audit_file(&sandbox)).unwrap();
    let report = sandbox.seqera("doctor --report").stdout;
    assert!(report.contains("warning  audit: ") && report.contains("cannot be written"), "{report}");
}
