//! What is left alone: no keychain and no file of a credential for what needs none.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::net::UnixListener;
use std::process::Command;

use seqera_tests::emulator::Emulator;
use seqera_tests::sandbox::{Run, Sandbox};
use seqera_tests::secret_service::SecretService;
use serde_json::json;

use crate::emulator;
use crate::session::expired;

/// A bus on which somebody listens who never answers: whoever comes is seen.
fn watched_bus(sandbox: Sandbox) -> (UnixListener, Sandbox) {
    let path = sandbox.root().join("bus");
    let bus = UnixListener::bind(&path).unwrap();
    bus.set_nonblocking(true).unwrap();
    let address = format!("unix:path={}", path.display());
    (bus, sandbox.without("SEQERA_NO_KEYCHAIN").with("DBUS_SESSION_BUS_ADDRESS", address))
}

fn nobody_came(bus: &UnixListener) {
    assert_eq!(bus.accept().map(drop).unwrap_err().kind(), ErrorKind::WouldBlock, "D-Bus was asked");
}

/// An index that says of the session that it is in the keychain.
fn remember_a_keychain(sandbox: &Sandbox, emulator: &Emulator) {
    let index = json!({ "version": 1, "sessions": [{
        "profile": "default", "issuer": emulator.auth_domain, "client_id": "seqera_ai_cli", "audience": "platform",
        "store": "keychain", "access_expires_at": 4_000_000_000_u64, "renewable": true, "generation": 1, "logged_in_at": 1,
    }] });
    fs::write(sandbox.config().join("auth.json"), index.to_string()).unwrap();
}

/// auth b.51 and f.2: what does not need the keychain does not touch it.
#[test]
fn a_file_session_and_a_variable_touch_no_bus() {
    let (emulator, sandbox) = expired();
    let _chosen = sandbox.seqera("org switch 1002").success();
    let (bus, sandbox) = watched_bus(sandbox);
    for line in [
        "org",
        "org list",
        "auth status",
        "auth token --force-refresh",
        "ai --headless hello",
        "--help",
        "logout",
    ] {
        let _run = sandbox.seqera(line).success();
        nobody_came(&bus);
    }
    let (bus, sandbox) = watched_bus(Sandbox::on(&emulator));
    let sandbox = sandbox.with("SEQERA_ACCESS_TOKEN", &emulator.access_token);
    let variable_alone = ["login", "auth status --check", "auth token", "org list", "logout"];
    let beside_a_keychain = [&variable_alone[..4], &["ai --headless hello", "info"]].concat();
    for (in_keychain, lines) in [(false, variable_alone.as_slice()), (true, &beside_a_keychain)] {
        if in_keychain {
            remember_a_keychain(&sandbox, &emulator);
        }
        for line in lines {
            let _run = sandbox.seqera(line).success();
            nobody_came(&bus);
        }
    }
    // The watch can fail: without a variable, the keychain is asked.
    let sandbox = sandbox.without("SEQERA_ACCESS_TOKEN").with("SEQERA_AUTH_CALLBACK_TIMEOUT_MS", 100);
    let _asked = sandbox.seqera("ai --headless hello").fails(9, "(timeout)");
    assert!(bus.accept().is_ok());
    fs::remove_file(sandbox.config().join("auth.json")).unwrap();
    let _timed_out = sandbox.seqera("login --no-browser").fails(8, "");
    assert!(bus.accept().is_ok());
}

/// A command with the calls of the system that it makes; `None` on a machine without strace.
fn traced(sandbox: &Sandbox, line: &str, calls: &str) -> Option<(Run, String)> {
    if !crate::has("strace") {
        assert!(std::env::var("CI").is_err(), "CI has to have strace");
        return None;
    }
    let trace = sandbox.root().join("trace");
    let command = sandbox.command(line.split(' '));
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-s", "200", "-e", &format!("trace={calls}"), "-o"]).arg(&trace);
    strace.arg(command.get_program()).args(command.get_args()).env_clear();
    strace.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let run = sandbox.run(strace);
    Some((run, fs::read_to_string(trace).unwrap()))
}

/// auth b.51: with a variable no credential is opened, nobody is asked for one, and no authority either.
#[test]
fn a_variable_opens_no_credential() {
    let (emulator, sandbox) = expired();
    let (_bus, sandbox) = watched_bus(sandbox);
    let sandbox = sandbox.with("SEQERA_ACCESS_TOKEN", &emulator.access_token);
    for line in ["org list", "auth token", "login", "info", "ai --headless hello"] {
        let Some((run, trace)) = traced(&sandbox, line, "openat,open,connect") else { return };
        let _run = run.success();
        assert!(trace.contains("libseqera") || trace.contains(".so"), "the trace holds something");
        let asked = trace.lines().any(|call| call.contains("AF_UNIX") && call.contains("bus"));
        assert!(!asked, "{line}:\n{trace}");
        // The assistant has to know every secret that it must not show: of files, which ask nobody.
        if !line.starts_with("ai") {
            assert!(!trace.contains("/credentials/"), "{line}:\n{trace}");
        }
    }
    assert!(emulator.requests().iter().all(|entry| !entry.path.starts_with("/api/")), "no OAuth");
}

/// auth f.2: a keychain that cannot be used is asked once by a command, however often its answer is of interest.
#[test]
fn a_keychain_that_refuses_is_asked_once() {
    let Some(bare) = SecretService::bare_bus() else { return };
    let emulator = emulator();
    let sandbox = bare.lend_to(Sandbox::on(&emulator));
    fs::create_dir_all(sandbox.config()).unwrap();
    remember_a_keychain(&sandbox, &emulator);
    for line in ["org list", "ai --headless hello", "auth status", "auth token", "info"] {
        let Some((run, trace)) = traced(&sandbox, line, "connect") else { return };
        assert!(run.code == 9 && (run.stdout + &run.stderr).contains("(no-service)"), "{line}");
        let asked = trace.lines().filter(|call| call.contains("AF_UNIX") && call.contains("dbus")).count();
        assert_eq!(asked, 1, "{line}:\n{trace}");
    }
}
