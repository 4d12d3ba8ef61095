//! Signing out: at the server, on this machine, and what is said when one of them cannot be reached.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use seqera_tests::emulator::{Emulator, Fault, Options};
use seqera_tests::provider::Provider;
use seqera_tests::sandbox::{Run, Sandbox, finished, signal};
use seqera_tests::secret_service::SecretService;
use serde_json::{Value, json};

use crate::emulator;

fn signed_in() -> (Emulator, Sandbox) {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let _login = sandbox.login().success();
    emulator.forget_requests();
    (emulator, sandbox)
}

fn at_provider(settings: &[(&str, &str)]) -> (Emulator, Provider, Sandbox) {
    let emulator = emulator();
    let provider = Provider::start(settings);
    let sandbox = Sandbox::on(&emulator).with("SEQERA_AUTH_DOMAIN", &provider.issuer);
    let _login = sandbox.login().success();
    (emulator, provider, sandbox)
}

fn documents(directory: &Path) -> Vec<String> {
    let Ok(items) = fs::read_dir(directory) else { return Vec::new() };
    let names = items.map(|item| item.unwrap().file_name().to_string_lossy().into_owned());
    names.filter(|name| !name.ends_with(".lock")).collect()
}

fn stored(sandbox: &Sandbox) -> Value {
    let dir = sandbox.config().join("credentials");
    let name = documents(&dir).pop().expect("a credential");
    serde_json::from_str(&fs::read_to_string(dir.join(name)).unwrap()).unwrap()
}

/// Nothing of a session is left on this machine.
fn nothing_is_left(sandbox: &Sandbox) {
    assert_eq!(documents(&sandbox.config().join("credentials")), Vec::<String>::new());
    let index = fs::read_to_string(sandbox.config().join("auth.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&index).unwrap()["sessions"], json!([]));
    let _nobody = sandbox.seqera("auth token").fails(4, "you are not signed in");
}

fn sha256(text: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The status that an address answers to a form.
fn post(url: &str, form: &[(&str, &str)]) -> String {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--config", "-", url]);
    curl.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = curl.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for (name, value) in form {
        writeln!(stdin, "data-urlencode = \"{name}={value}\"").unwrap();
    }
    drop(stdin);
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

/// auth b.47: the refresh token first, as what it is, in a body; afterwards the server honours neither token.
#[test]
fn the_server_ends_what_logout_says_it_ends() {
    let (_emulator, provider, sandbox) = at_provider(&[]);
    let credential = stored(&sandbox);
    let run = sandbox.seqera("logout").success();
    assert_eq!(run.stderr, format!("[Logout] ✓ Signed out of {}\n", provider.issuer));
    let told = provider.requests("revocation");
    let hints: Vec<&Value> = told.iter().map(|entry| &entry["token_type_hint"]).collect();
    assert_eq!(hints, ["refresh_token", "access_token"]);
    let refresh_token = credential["refresh_token"].as_str().unwrap();
    let digest = sha256(refresh_token);
    let sha = told[0]["token_sha"].as_str().unwrap();
    assert!(!sha.is_empty() && digest.starts_with(sha), "the token that was stored: {sha}");
    assert_eq!((&told[0]["client_secret_sent"], &told[0]["authorization"]), (&false.into(), &Value::Null));
    let form =
        [("grant_type", "refresh_token"), ("client_id", "seqera_ai_cli"), ("refresh_token", refresh_token)];
    assert_eq!(post(&format!("{}/token", provider.issuer), &form), "400", "it cannot be renewed any more");
    let access_token = credential["access_token"].as_str().unwrap();
    assert_eq!(post(&format!("{}/me", provider.issuer), &[("access_token", access_token)]), "401");
    nothing_is_left(&sandbox);
}

/// auth b.47: nothing of a token stands in an address.
#[test]
fn tokens_are_in_the_body_and_never_in_the_address() {
    let (emulator, sandbox) = signed_in();
    let _logout = sandbox.seqera("logout").success();
    let told: Vec<_> = emulator.requests().into_iter().filter(|entry| entry.path == "/api/revoke").collect();
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|entry| entry.method == "POST" && entry.query.is_empty()));
    assert!(told.iter().all(|entry| entry.body["token"].as_str().unwrap().starts_with("sha256:")));
    assert_eq!(emulator.live_tokens(), 0);
}

/// auth b.47: an access token that has ended needs no telling.
#[test]
fn an_ended_access_token_is_not_revoked() {
    let (emulator, sandbox) = crate::session::expired();
    let _logout = sandbox.seqera("logout").success();
    assert_eq!(emulator.count("POST", "/api/revoke"), 1);
    assert_eq!(emulator.live_tokens(), 0);
}

/// auth b.48: whatever the server does, what is here goes, soon; and what stays valid there is said.
#[test]
fn what_is_here_goes_whatever_the_server_does() {
    for (arguments, code) in [("logout", 0), ("logout --require-revoke", 5)] {
        for fault in [
            Fault::status("revocation", 503).times(3),
            Fault::new("revocation", "drop").times(3),
            Fault::new("revocation", "hang").times(3),
            Fault::new("discovery", "hang"),
        ] {
            let (emulator, sandbox) = signed_in();
            let name = format!("{arguments}: {} {}", fault.route, fault.action);
            emulator.fault(fault);
            let started = Instant::now();
            let run = sandbox.seqera(arguments);
            assert!(started.elapsed() < Duration::from_secs(9), "{name}: {:?}", started.elapsed());
            assert_eq!(run.code, code, "{name}: {run}");
            assert!(run.stderr.contains("✓ Signed out here"), "{name}: {run}");
            assert!(run.stderr.contains("could not be told"), "{name}: {run}");
            assert!(run.stderr.contains("stays valid there until it ends by itself"), "{name}: {run}");
            nothing_is_left(&sandbox);
        }
    }
}

/// auth b.48: a server that is gone.
#[test]
fn a_server_that_is_gone_keeps_nobody_signed_in_here() {
    let (emulator, sandbox) = signed_in();
    drop(emulator);
    let run = sandbox.seqera("logout").success();
    assert!(run.stderr.contains("could not be told") && run.stderr.contains("refused"), "{run}");
    nothing_is_left(&sandbox);
}

/// auth b.48: an impatient person is not left half signed out.
#[test]
fn interrupted_while_the_server_is_told_what_is_here_goes_all_the_same() {
    let (emulator, sandbox) = signed_in();
    emulator.fault(Fault::new("revocation", "hang").times(3));
    let child = sandbox
        .command(["logout"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    while emulator.count("GET", "/api/.well-known/openid-configuration") == 0 {
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(200));
    signal(child.id(), "INT");
    let output = child.wait_with_output().unwrap();
    let run = finished(output.status, &output.stdout, &output.stderr).fails(130, "Signed out here");
    assert!(!run.stderr.contains("nothing was changed"), "{run}");
    nothing_is_left(&sandbox);
}

/// auth b.48: a process that holds the credential and does not come to an end keeps nobody signed in.
#[test]
fn another_process_that_hangs_keeps_nobody_signed_in_here() {
    let (emulator, sandbox) = signed_in();
    let dir = sandbox.config().join("credentials");
    let lock = dir.join(documents(&dir).pop().unwrap()).with_extension("lock");
    let held = fs::OpenOptions::new().create(true).truncate(false).write(true).open(lock).unwrap();
    held.lock().unwrap();
    let started = Instant::now();
    let run = sandbox.seqera("logout").success();
    assert!(run.stderr.contains("✓ Signed out of"), "{run}");
    assert!(started.elapsed() < Duration::from_secs(9), "{:?}", started.elapsed());
    drop(held);
    nothing_is_left(&sandbox);
    assert_eq!(emulator.live_tokens(), 0);
}

/// auth b.48: and what such a process gets in the end is no new session.
#[test]
fn a_renewal_under_way_does_not_sign_in_again() {
    let (emulator, sandbox) = signed_in();
    emulator.fault(Fault { ms: 8000, ..Fault::new("token", "delay") }.after());
    let renewal = crate::renewal::start(sandbox.command(["auth", "token", "--force-refresh"]));
    while emulator.count("GET", "/api/.well-known/openid-configuration") == 0 {
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(500));
    emulator.fault(Fault::status("revocation", 503).times(2));
    let run = sandbox.seqera("logout").success();
    assert!(run.stderr.contains("✓ Signed out here") && emulator.live_tokens() > 0, "{run}");
    let late = crate::renewal::end(renewal).fails(4, "you are not signed in");
    assert_eq!(late.stdout, "");
    nothing_is_left(&sandbox);
    assert_eq!(emulator.live_tokens(), 0, "nobody has a use for what came late");
}

/// auth b.49: a token that the server does not know is ended, and one that it cannot end is no failure.
#[test]
fn what_is_ended_already_is_a_success() {
    let (emulator, sandbox) = signed_in();
    emulator.revoke_all();
    let run = sandbox.seqera("logout --require-revoke").success();
    assert!(run.stderr.contains("✓ Signed out of"), "{run}");
    let again = sandbox.seqera("logout").success();
    assert_eq!(again.stderr, "[Logout] You are not signed in.\n");

    let (emulator, sandbox) = signed_in();
    let body = json!({ "error": "unsupported_token_type" }).to_string();
    emulator.fault(Fault { body, ..Fault::status("revocation", 400).times(2) });
    let _run = sandbox.seqera("logout --require-revoke").success();
    nothing_is_left(&sandbox);
}

/// auth b.49: a server without revocation is said, with what that means.
#[test]
fn a_server_that_cannot_be_told_is_said() {
    for (arguments, code) in [("logout", 0), ("logout --require-revoke", 6)] {
        let (_emulator, provider, sandbox) = at_provider(&[]);
        provider.tamper(&json!({ "discovery": { "revocation_endpoint": null } }));
        let run = sandbox.seqera(arguments);
        assert_eq!(run.code, code, "{run}");
        assert!(run.stderr.contains("does not let sessions be ended from here"), "{run}");
        assert!(run.stderr.contains("its access token ends in"), "{run}");
        nothing_is_left(&sandbox);
    }
}

/// auth b.50: the old session is ended when the new one is on disk, and not before.
#[test]
fn a_new_sign_in_ends_the_old_session_when_its_successor_is_stored() {
    let (_emulator, provider, sandbox) = at_provider(&[]);
    let first = stored(&sandbox);
    provider.fault(&json!({ "route": "revocation", "phase": "before", "action": "hang", "times": 1 }));
    let login = sandbox.begin_login();
    let jar = sandbox.root().join("second-jar");
    let url = login.url.clone();
    let browser = std::thread::spawn(move || seqera_tests::browser::visit(&url, &jar).unwrap());
    let given_up = Instant::now() + Duration::from_secs(20);
    while provider.count("fault:revocation:hang") == 0 {
        assert!(Instant::now() < given_up, "nobody told the server of the old session");
        std::thread::sleep(Duration::from_millis(20));
    }
    let second = stored(&sandbox);
    assert_ne!(
        second["generation"], first["generation"],
        "the old session is ended before its successor is stored"
    );
    signal(login.id(), "KILL");
    let _killed = login.finish();
    let _status = browser.join().unwrap();
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    let _works = sandbox.seqera("auth token --force-refresh").success();

    // And one that comes to its end tells the server of the session before.
    let before = stored(&sandbox);
    let _again = sandbox.login().success();
    let digest = sha256(before["refresh_token"].as_str().unwrap());
    let told = provider.requests("revocation");
    let is_told = |entry: &Value| entry["token_sha"].as_str().is_some_and(|sha| digest.starts_with(sha));
    assert!(told.iter().any(is_told), "{told:?}");
    let _works = sandbox.seqera("auth token --force-refresh").success();
}

/// auth b.50: a sign-in that comes to nothing leaves the session before as it was.
#[test]
fn a_new_sign_in_that_fails_leaves_the_old_session() {
    let (emulator, sandbox) = signed_in();
    let before = stored(&sandbox);
    let login = sandbox.begin_login();
    assert_eq!(login.visit_as("deny"), "400");
    let _declined = login.finish().fails(4, "declined");
    assert_eq!(stored(&sandbox), before);
    assert_eq!(emulator.count("POST", "/api/revoke"), 0);
    let _works = sandbox.seqera("org list").success();
}

/// auth b.51: a variable is said; the token in it is the person's and is never revoked.
#[test]
fn a_variable_is_said_everywhere_and_never_revoked() {
    let (emulator, sandbox) = signed_in();
    let sandbox = sandbox.with("SEQERA_TOKEN", &emulator.access_token);
    let login = sandbox.seqera("login").success();
    assert!(login.stderr.contains("SEQERA_TOKEN is set: its token is used"), "{login}");
    let status = sandbox.seqera("auth status").success();
    assert!(status.stdout.contains("Token: env:SEQERA_TOKEN"), "{status}");
    let json: Value = serde_json::from_str(&sandbox.seqera("auth status --json").success().stdout).unwrap();
    let sources: Vec<&Value> =
        json["profiles"].as_array().unwrap().iter().map(|row| &row["source"]).collect();
    assert_eq!(sources[0], "env:SEQERA_TOKEN");
    assert!(sources.len() == 2 && sources[1].as_str().unwrap().starts_with("file:"), "{sources:?}");
    let token = sandbox.seqera("auth token").success();
    assert!(token.stderr.contains("This is the token in SEQERA_TOKEN"), "{token}");
    let logout = sandbox.seqera("logout").success();
    assert!(logout.stderr.contains("SEQERA_TOKEN is still set and signs you in"), "{logout}");
    nothing_is_left(&sandbox.without("SEQERA_TOKEN"));
    let told = emulator.requests().into_iter().filter(|entry| entry.path == "/api/revoke");
    let variable = format!("sha256:{}", &sha256(&emulator.access_token)[..16]);
    assert!(told.map(|entry| entry.body["token"].clone()).all(|token| token != variable.as_str()));
}

/// auth b.51: a sign-in for later, although a variable is in charge now.
#[test]
fn signing_in_beside_a_variable_has_to_be_asked_for() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator).with("TOWER_ACCESS_TOKEN", &emulator.access_token);
    let login = sandbox.begin("login --no-browser --force");
    assert!(login.said().contains("TOWER_ACCESS_TOKEN is set and is used instead of your login"));
    assert_eq!(login.visit_as("bob"), "200");
    let _run = login.finish().success();
    let status = sandbox.seqera("auth status").success().stdout;
    assert!(status.contains("Token: env:TOWER_ACCESS_TOKEN") && status.contains("(not in use)"), "{status}");
    let bob = sandbox.without("TOWER_ACCESS_TOKEN").seqera("auth status").success().stdout;
    assert!(bob.contains("Account: Bob"), "{bob}");
}

/// auth f.6: a variable that is refused is not silently replaced by the login that is there.
#[test]
fn a_variable_that_is_refused_names_the_login_that_was_not_used() {
    let (_emulator, sandbox) = signed_in();
    let sandbox = sandbox.with("SEQERA_ACCESS_TOKEN", "no-good");
    let run = sandbox.seqera("auth status --check").fails(4, "rejected the token in SEQERA_ACCESS_TOKEN");
    assert!(run.stderr.contains("your login as Alice Example, which was not used"), "{run}");
    let json: Value =
        serde_json::from_str(&sandbox.seqera("auth status --json --check").fails(4, "").stdout).unwrap();
    assert_eq!(json["profiles"][0]["problem"]["kind"], "EnvTokenRejected", "{json}");
}

/// `--all`: every authority and every profile, each whatever becomes of the others.
#[test]
fn all_means_every_authority_and_profile() {
    let gone = emulator();
    let here = Emulator::start(Options::default()).unwrap();
    let mut sandbox = Sandbox::on(&gone);
    let _at_the_one_that_goes = sandbox.login().success();
    for profile in ["default", "work"] {
        sandbox = sandbox
            .with("SEQERA_AUTH_DOMAIN", &here.auth_domain)
            .with("SEQERA_AI_BACKEND_URL", &here.backend)
            .with("SEQERA_PROFILE", profile);
        let _login = sandbox.login().success();
    }
    assert_eq!(here.live_tokens(), 4);
    drop(gone);
    let _usage = sandbox.seqera("logout --all --profile work").fails(2, "cannot be used with");
    let run = sandbox.seqera("logout --all --require-revoke").fails(5, "could not be told");
    assert_eq!(run.stderr.matches("✓ Signed out of").count(), 2, "{run}");
    assert_eq!(run.stderr.matches("✓ Signed out here").count(), 1, "{run}");
    assert!(run.stderr.contains("(profile work)"), "{run}");
    assert_eq!(here.live_tokens(), 0);
    nothing_is_left(&sandbox);
    let again = sandbox.seqera("logout --all").success();
    assert_eq!(again.stderr, "[Logout] You are not signed in.\n");
}

/// A personal access token is the person's: it is removed here, and nobody claims that it has ended.
#[test]
fn a_personal_access_token_is_removed_and_not_ended() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let _login = sandbox.seqera_with_input("login --with-token", &emulator.access_token).success();
    emulator.forget_requests();
    let run = sandbox.seqera("logout").success();
    assert!(run.stderr.contains("a personal access token is ended by hand"), "{run}");
    assert!(run.stderr.contains(&format!("Delete it at {}/tokens", emulator.backend)), "{run}");
    assert!(!run.stderr.contains("✓ Signed out of"), "{run}");
    assert_eq!(emulator.requests().len(), 0);
    nothing_is_left(&sandbox);
}

/// auth f.6: whether a personal access token is good the Platform knows; the authority never heard of it.
#[test]
fn a_personal_access_token_is_checked_where_it_was_made() {
    let emulator = emulator();
    let provider = Provider::start(&[]);
    let sandbox = Sandbox::on(&emulator).with("SEQERA_AUTH_DOMAIN", &provider.issuer);
    let _login = sandbox.seqera_with_input("login --with-token", &emulator.access_token).success();
    let status = sandbox.seqera("auth status --check").success();
    assert!(status.stdout.contains("State: a personal access token"), "{status}");
    emulator.fault(Fault::status("user-info", 401));
    let _refused = sandbox.seqera("auth status --check").fails(4, "");
    assert_eq!(provider.count("userinfo"), 0);
}

/// What cannot be read cannot be revoked; it goes all the same, with the copy that was put aside.
#[test]
fn a_credential_that_makes_no_sense_goes_too() {
    let (_emulator, sandbox) = signed_in();
    let dir = sandbox.config().join("credentials");
    let file = dir.join(documents(&dir).pop().unwrap());
    fs::write(&file, "{ half a refresh token").unwrap();
    let _put_aside = sandbox.seqera("auth token").fails(9, "it was kept as");
    assert_eq!(documents(&dir).len(), 1);
    let _run: Run = sandbox.seqera("logout").success();
    nothing_is_left(&sandbox);
}

/// auth f.6: a keychain that is locked keeps what it has, and nobody claims otherwise.
#[test]
fn a_locked_keychain_is_not_called_signed_out() {
    let Some(keychain) = SecretService::start() else { return };
    let emulator = emulator();
    let sandbox = keychain.lend_to(Sandbox::on(&emulator));
    let _login = sandbox.login().success();
    keychain.lock();
    let run = sandbox.seqera("logout").fails(9, "(locked)");
    assert!(!run.stderr.contains('✓'), "{run}");
    let status = sandbox.seqera("auth status --json").fails(9, "");
    assert!(status.stdout.contains("\"store_problem\": \"locked\""), "it is still known: {status}");
}

/// auth b.50: servers bind what one browser was given together; ending the session before must not end its successor.
#[test]
fn signing_in_again_in_the_same_browser_leaves_a_session_that_works() {
    let (_emulator, provider, sandbox) = at_provider(&[]);
    for round in 0..2 {
        let _again = sandbox.login().success();
        let run = sandbox.seqera("auth token --force-refresh");
        assert_eq!(run.code, 0, "{round}: {run}\n{:?}", provider.stats()["counters"]);
    }
}

/// auth b.50: what is true of a browser is true of a code on another device.
#[test]
fn signing_in_again_with_a_code_leaves_a_session_that_works() {
    let (_emulator, provider, sandbox) = at_provider(&[]);
    let mut login = sandbox.begin("login --device");
    let first = login.line_with("enter the code: ");
    assert_eq!(provider.decide(first.rsplit(' ').next().unwrap(), "confirm"), "200");
    let _run = login.finish().success();
    let _works = sandbox.seqera("auth token --force-refresh").success();
}
