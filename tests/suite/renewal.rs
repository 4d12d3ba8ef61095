//! Renewal where it is hard: servers that give no verdict, processes that stop, file systems without locks.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use seqera_tests::emulator::Fault;
use seqera_tests::provider::Provider;
use seqera_tests::sandbox::{Run, Sandbox, finished, signal};
use seqera_tests::secret_service::SecretService;
use serde_json::{Value, json};

use crate::provider::parts;
use crate::session::expired;

const RENEWED: &str = "token:refresh_token:200";

/// The documents in the file store.
pub(crate) fn documents(sandbox: &Sandbox) -> Vec<PathBuf> {
    let items = fs::read_dir(sandbox.config().join("credentials")).into_iter().flatten().flatten();
    items.map(|item| item.path()).filter(|path| path.extension().is_some_and(|end| end == "json")).collect()
}

/// The only one.
pub(crate) fn document(sandbox: &Sandbox) -> Value {
    serde_json::from_str(&fs::read_to_string(&documents(sandbox)[0]).unwrap()).unwrap()
}

/// Makes the stored access token look as if it ended: what a process finds that comes an hour later.
pub(crate) fn expire(sandbox: &Sandbox) {
    change(sandbox, &json!({ "expires_at": 1 }));
}

pub(crate) fn change(sandbox: &Sandbox, fields: &Value) {
    let path = &documents(sandbox)[0];
    let mut document: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    for (name, value) in fields.as_object().unwrap() {
        document[name] = value.clone();
    }
    // As the program does: nobody must see half of it.
    let fresh = path.with_extension("changed");
    fs::write(&fresh, document.to_string()).unwrap();
    fs::set_permissions(&fresh, fs::Permissions::from_mode(0o600)).unwrap();
    fs::rename(&fresh, path).unwrap();
}

pub(crate) fn start(mut command: Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

pub(crate) fn end(child: Child) -> Run {
    let output = child.wait_with_output().unwrap();
    finished(output.status, &output.stdout, &output.stderr)
}

/// auth b.40
#[test]
fn what_is_no_verdict_keeps_the_login() {
    let (_emulator, provider, sandbox) = parts(&[]);
    let _login = sandbox.login().success();
    let stored = document(&sandbox);
    let token = |change: &Value| {
        let mut fault = json!({ "route": "token", "grant": "refresh_token" });
        change.as_object().unwrap().iter().for_each(|(name, value)| fault[name] = value.clone());
        fault
    };
    for (fault, code) in [
        (token(&json!({ "status": 503, "headers": { "retry-after": "60" } })), 5),
        (token(&json!({ "status": 503, "times": 3 })), 5),
        (token(&json!({ "status": 429, "headers": { "retry-after": "3600" } })), 5),
        (token(&json!({ "status": 200, "body": "<html>Welcome to the hotel", "times": 3 })), 5),
        (token(&json!({ "status": 502, "body": "", "times": 3 })), 5),
        (token(&json!({ "action": "drop", "times": 3 })), 5),
        (token(&json!({ "action": "hang" })), 5),
        (token(&json!({ "status": 400, "body": "" })), 6),
        (token(&json!({ "status": 400, "body": { "error": "invalid_client" } })), 3),
        (token(&json!({ "status": 403, "body": { "error": "insufficient_scope" } })), 1),
        (json!({ "route": "discovery", "status": 503 }), 5),
    ] {
        provider.fault(&fault);
        let run = sandbox.seqera("auth token --force-refresh");
        assert_eq!((run.code, run.stdout.as_str()), (code, ""), "{fault}: {run}");
        assert_eq!(document(&sandbox), stored, "{fault}: {run}");
    }
    let _nothing_was_lost = sandbox.seqera("auth token --force-refresh").success();
}

/// auth b.40: a retry that would come after the server asked for it is not made, and one that may is.
#[test]
fn a_server_that_asks_for_a_pause_gets_it() {
    let (_emulator, provider, sandbox) = parts(&[]);
    let _login = sandbox.login().success();
    provider.fault(&json!({
        "route": "token", "grant": "refresh_token", "status": 503, "headers": { "retry-after": "2" },
    }));
    let began = Instant::now();
    let _renewed = sandbox.seqera("auth token --force-refresh").success();
    assert!(began.elapsed() >= Duration::from_secs(2));
    provider.fault(&json!({
        "route": "token", "grant": "refresh_token", "status": 503, "headers": { "retry-after": "600" },
    }));
    let tried = provider.count("fault:token:status");
    let _not_at_once = sandbox.seqera("auth token --force-refresh").fails(5, "You are still signed in");
    assert_eq!(provider.count("fault:token:status"), tried + 1);
}

/// auth f.3: a token that is good for a while is used although it could not be renewed early.
#[test]
fn a_good_token_goes_on_while_the_server_is_away() {
    let (_emulator, provider, sandbox) = parts(&[]);
    let _login = sandbox.login().success();
    let token = document(&sandbox)["access_token"].as_str().unwrap().to_owned();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    change(&sandbox, &json!({ "obtained_at": now - 580, "expires_at": now + 40 }));
    provider.fault(&json!({ "route": "token", "grant": "refresh_token", "status": 503, "times": 3 }));
    let run = sandbox.seqera("auth token").success();
    assert_eq!(run.stdout.trim(), token);
    assert!(run.stderr.contains("could not be renewed yet"), "{run}");
    let renewed = sandbox.seqera("auth token").success();
    assert_ne!(renewed.stdout.trim(), token, "early, and once the server is back");
}

/// auth b.40: nobody there, and a name that nobody knows.
#[test]
fn a_server_that_is_gone_is_no_reason_to_sign_out() {
    let (emulator, sandbox) = expired();
    let stored = document(&sandbox);
    drop(emulator);
    let run = sandbox.seqera("auth token").fails(5, "You are still signed in");
    assert!(run.stderr.contains("cannot reach"), "{run}");
    assert_eq!(document(&sandbox), stored);
    let sandbox = sandbox.with("SEQERA_AUTH_DOMAIN", "https://nobody.invalid/api");
    let run = sandbox.seqera("login --no-browser").fails(5, "cannot reach nobody.invalid");
    assert!(!run.stderr.contains("Open this address"), "{run}");
    assert_eq!(document(&sandbox), stored);
}

/// auth b.38: stopped before it asked, it takes what another process stored meanwhile.
#[test]
fn a_process_that_slept_takes_what_another_stored() {
    let (_emulator, provider, sandbox) = parts(&[]);
    let _login = sandbox.login().success();
    expire(&sandbox);
    let lock = documents(&sandbox)[0].with_extension("lock");
    let held = fs::OpenOptions::new().create(true).truncate(false).write(true).open(&lock).unwrap();
    held.lock().unwrap();
    let sleeper = start(sandbox.command(["auth", "token"]));
    // It has read the old credential and waits for the lock.
    std::thread::sleep(Duration::from_millis(1500));
    signal(sleeper.id(), "STOP");
    drop(held);
    let before = provider.count(RENEWED);
    let other = sandbox.seqera("auth token").success();
    signal(sleeper.id(), "CONT");
    let late = end(sleeper).success();
    assert_eq!(late.stdout, other.stdout);
    assert_eq!(provider.count(RENEWED), before + 1);
    assert_eq!(provider.count("token:refresh_token:400"), 0);
    assert_eq!(document(&sandbox)["access_token"], other.stdout.trim());
}

/// auth b.38, f.3: a refusal that comes late clears only what was refused. What came meanwhile is used, and renewed in its
/// turn when it has ended.
#[test]
fn a_late_refusal_leaves_what_another_process_stored() {
    let (_emulator, provider, sandbox) = parts(&[]);
    let _login = sandbox.login().success();
    let late = json!({
        "route": "token", "grant": "refresh_token", "status": 400, "body": { "error": "invalid_grant" }, "ms": 1200,
    });
    let meanwhile = |fields: Value| {
        expire(&sandbox);
        provider.fault(&late);
        let asks = start(sandbox.command(["auth", "token"]));
        std::thread::sleep(Duration::from_millis(600));
        let generation = document(&sandbox)["generation"].as_u64().unwrap() + 1;
        change(&sandbox, &json!({ "generation": generation }));
        change(&sandbox, &fields);
        let stored = document(&sandbox);
        (end(asks).success(), stored)
    };
    let (run, stored) = meanwhile(json!({ "access_token": "of another", "expires_at": 99_999_999_999_u64 }));
    assert_eq!(run.stdout, "of another\n");
    assert_eq!(document(&sandbox), stored);

    let before = provider.count(RENEWED);
    let (run, _stored) = meanwhile(json!({ "access_token": "of another", "expires_at": 2 }));
    assert_eq!(run.stdout.trim(), document(&sandbox)["access_token"]);
    assert_ne!(run.stdout, "of another\n", "it had ended");
    assert_eq!(provider.count(RENEWED), before + 1);
}

/// auth f.3: what was sent is waited for, however long it took to find out where to.
#[test]
fn a_slow_server_costs_time_and_not_the_login() {
    let (_emulator, provider, sandbox) = parts(&[]);
    let _login = sandbox.login().success();
    expire(&sandbox);
    provider.fault(&json!({ "route": "discovery", "action": "delay", "ms": 7000 }));
    // The server goes on with what it was sent, whether or not somebody still waits for the answer.
    provider.fault(&json!({ "route": "token", "grant": "refresh_token", "action": "delay", "ms": 8300 }));
    let run = sandbox.seqera("auth token");
    assert!(matches!(run.code, 0 | 5), "{run}");
    let _kept = sandbox.seqera("auth token --force-refresh").success();
}

/// auth f.3: a file system that knows no locks, as some clusters have.
#[test]
fn without_locks_a_lease_keeps_renewals_apart() {
    if !crate::has("strace") {
        assert!(std::env::var("CI").is_err(), "CI has to have strace");
        eprintln!("SKIPPED: strace is not here to take locks away");
        return;
    }
    let (_emulator, provider, sandbox) = parts(&[]);
    let _login = sandbox.login().success();
    expire(&sandbox);
    provider.fault(&json!({
        "route": "token", "grant": "refresh_token", "action": "delay", "ms": 500,
    }));
    let before = provider.count(RENEWED);
    let children: Vec<Child> = (0..6).map(|_| start(without_locks(&sandbox, "auth token"))).collect();
    for child in children {
        let _token = end(child).success();
    }
    assert_eq!((provider.count(RENEWED), provider.count("token:refresh_token:400")), (before + 1, 0));
    let leases = fs::read_dir(sandbox.config().join("credentials")).unwrap();
    let left = leases.flatten().filter(|item| item.path().is_dir()).count();
    assert_eq!(left, 0, "a lease is given back");
}

/// A command for which every lock of the system fails with ENOLCK.
fn without_locks(sandbox: &Sandbox, line: &str) -> Command {
    let command = sandbox.command(line.split(' '));
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-e", "trace=flock", "-e", "inject=flock:error=ENOLCK", "-o", "/dev/null"]);
    strace.arg(command.get_program()).args(command.get_args()).env_clear();
    strace.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    strace
}

/// auth b.35
#[test]
fn each_renewal_uses_what_the_one_before_brought() {
    let (_emulator, provider, sandbox) = parts(&[]);
    let _login = sandbox.login().success();
    for _ in 0..3 {
        let _renewed = sandbox.seqera("auth token --force-refresh").success();
    }
    let log = provider.requests("token");
    assert!(log.len() >= 4, "{log:?}");
    for pair in log.windows(2) {
        assert_eq!(pair[1]["refresh_in_sha"], pair[0]["refresh_out_sha"], "{pair:?}");
    }
}

/// auth b.41
#[test]
fn a_session_that_was_ended_elsewhere_is_said_once() {
    let (_emulator, provider, sandbox) = parts(&[]);
    let _login = sandbox.login().success();
    revoke(&provider, document(&sandbox)["refresh_token"].as_str().unwrap());
    let run = sandbox.seqera("auth token --force-refresh").fails(4, "has ended");
    assert_eq!(run.stderr.matches("has ended").count(), 1, "{run}");
    assert!(!run.stderr.contains("Open this address"), "{run}");
    let status = sandbox.seqera("auth status").fails(4, "");
    assert!(status.stdout.contains("the session has ended"), "{status}");
}

fn revoke(provider: &Provider, token: &str) {
    let output = Command::new("curl")
        .args([
            "--silent",
            "--fail",
            "--data",
            "client_id=seqera_ai_cli",
            "--data",
            &format!("token={token}"),
        ])
        .args(["--noproxy", "*", &format!("{}/token/revocation", provider.issuer)])
        .output()
        .unwrap();
    assert!(output.status.success());
}

/// auth f.3: a bearer that allows too little is not renewed: another one would allow no more.
#[test]
fn too_few_rights_cost_no_renewal_and_no_login() {
    let (emulator, sandbox) = expired();
    let _token = sandbox.seqera("auth token").success();
    emulator.forget_requests();
    emulator.fault(Fault {
        challenge: "Bearer error=\"insufficient_scope\", scope=\"billing\"".to_owned(),
        ..Fault::status("organizations", 401)
    });
    let run = sandbox.seqera("org list").fails(1, "your account may not list organizations");
    assert!(run.stderr.contains("You are still signed in"), "{run}");
    assert_eq!(
        (emulator.count("POST", "/api/token"), emulator.count("GET", "/v1/cli/organizations")),
        (0, 1)
    );
    let _works = sandbox.seqera("org list").success();
}

/// auth f.3: a keychain that fails after the server has rotated the token: the place is lost, and not the login.
#[test]
fn a_keychain_that_fails_in_the_middle_costs_the_place_and_not_the_login() {
    for is_demanded in [false, true] {
        let Some(keychain) = SecretService::start() else { return };
        let emulator = crate::emulator();
        let mut sandbox = keychain.lend_to(Sandbox::on(&emulator));
        let _login = sandbox.login().success();
        if is_demanded {
            sandbox = sandbox.with("SEQERA_CREDENTIAL_STORE", "keychain");
        }
        emulator.fault(Fault { ms: 2500, ..Fault::new("token", "delay") }.after());
        let child = start(sandbox.command(["auth", "token", "--force-refresh"]));
        std::thread::sleep(Duration::from_millis(1200));
        keychain.hang();
        let run = end(child).success();
        keychain.go_on();
        assert!(run.stdout.starts_with("at_"), "{run}");
        if is_demanded {
            assert!(run.stderr.contains("the next one needs `seqera login`"), "{run}");
        } else {
            assert!(
                run.stderr.contains(&sandbox.config().display().to_string()),
                "the place is named: {run}"
            );
            let next = sandbox.seqera("auth token").success();
            assert_eq!(next.stdout, run.stdout);
            let _renewed = sandbox.seqera("auth token --force-refresh").success();
            let _logout = sandbox.seqera("logout").success();
            assert_eq!((emulator.live_tokens(), keychain.items()), (0, 0), "no place is forgotten");
        }
    }
}
