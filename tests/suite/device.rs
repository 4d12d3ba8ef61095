//! Sign-in with a code on another device (RFC 8628), against the certified provider and the emulator.

use std::time::{Duration, Instant};

use seqera_tests::browser::visit;
use seqera_tests::emulator::{Emulator, Fault, Options};
use seqera_tests::provider::Provider;
use seqera_tests::sandbox::{Login, Sandbox, signal};
use serde_json::json;

use crate::emulator;

const POLLS: &str = "token:device_code";

/// An emulator whose codes may be polled for every second.
fn quick() -> Emulator {
    Emulator::start(Options { device_interval: 1, ..Options::default() }).unwrap()
}

fn parts(settings: &[(&str, &str)]) -> (Emulator, Provider, Sandbox) {
    let emulator = emulator();
    let provider = Provider::start(settings);
    let sandbox = Sandbox::on(&emulator).with("SEQERA_AUTH_DOMAIN", &provider.issuer);
    (emulator, provider, sandbox)
}

/// A sign-in that shows its code, and the code.
fn begin(sandbox: &Sandbox) -> (Login, String) {
    let mut login = sandbox.begin("login --device");
    let line = login.line_with("enter the code: ");
    let code = line.rsplit(' ').next().unwrap().to_owned();
    (login, code)
}

/// Decides at the emulator, as a person on another device.
fn decide(emulator: &Emulator, sandbox: &Sandbox, code: &str, who: &str) -> String {
    let page = format!("{}/device?user_code={code}&login_hint={who}", emulator.auth_domain);
    visit(&page, &sandbox.root().join("another-device")).unwrap()
}

fn nothing_is_stored(sandbox: &Sandbox) {
    assert!(!sandbox.config().join("auth.json").exists(), "something was stored");
    let _nobody = sandbox.seqera("auth token").fails(4, "you are not signed in");
}

/// When the provider was polled, and answered, in milliseconds.
fn polls_at(provider: &Provider) -> Vec<i64> {
    let requests = provider.requests("token");
    let polls = requests.iter().filter(|entry| entry["grant"] == "device_code");
    polls.map(|entry| entry["at"].as_i64().unwrap()).collect()
}

/// When the emulator was polled, in milliseconds.
fn polls(emulator: &Emulator) -> Vec<u128> {
    let requests = emulator.requests();
    requests.iter().filter(|entry| entry.path == "/api/token").map(|entry| entry.at_ms).collect()
}

/// auth b.44: address, code, what is approved, where, and a word against being tricked.
#[test]
fn the_person_sees_what_is_approved_and_where() {
    let emulator = quick();
    let sandbox = Sandbox::on(&emulator);
    let (mut login, code) = begin(&sandbox);
    assert_eq!(login.url, format!("{}/device", emulator.auth_domain));
    assert!(code.len() == 9 && code.contains('-'), "{code}");
    let complete = login.line_with("has the code in it");
    assert!(complete.ends_with(&format!("user_code={code}")), "{complete}");
    let what = login.line_with("It lets the Seqera CLI on ");
    let host = emulator.backend.trim_start_matches("http://");
    assert!(what.contains(&format!("use your account at {host}")), "{what}");
    assert!(what.contains("Never enter a code that somebody sent you"), "{what}");
    assert_eq!(decide(&emulator, &sandbox, &code, "bob"), "200");
    let run = login.finish().success();
    assert!(run.stderr.contains("[Login] ✓ Organization set: Bob & Sons"), "{run}");
    assert!(run.stdout.is_empty(), "{run}");
    let request =
        emulator.requests().into_iter().find(|entry| entry.path == "/api/device_authorization").unwrap();
    for (name, value) in [
        ("client_id", "seqera_ai_cli"),
        ("audience", "platform"),
        ("scope", "openid profile email offline_access"),
    ] {
        assert_eq!(request.body[name], value);
    }
    let _renewable = sandbox.seqera("auth token --force-refresh").success();
}

/// auth b.44: a whole session with a provider that nobody of us wrote.
#[test]
fn a_whole_session_with_the_certified_provider() {
    let (_emulator, provider, sandbox) = parts(&[]);
    let (login, code) = begin(&sandbox);
    assert_eq!(provider.decide(&code, "confirm"), "200");
    let run = login.finish().success();
    assert!(run.stderr.contains("[Login] ✓ Authentication successful!"), "{run}");
    let _renewable = sandbox.seqera("auth token --force-refresh").success();
    let request = provider.requests("device_authorization").remove(0);
    assert_eq!((&request["audience"], &request["client_secret_sent"]), (&"platform".into(), &false.into()));
    let _logout = sandbox.seqera("logout").success();
    assert!(provider.count("revocation") >= 1);
}

/// auth b.44: the device way is for those who ask, and for those who have no browser; the others are not asked to type
/// codes.
#[test]
fn it_is_chosen_only_where_no_browser_can_work() {
    let emulator = quick();
    let sandbox = Sandbox::on(&emulator);
    for (name, value, why) in [
        ("SSH_CONNECTION", "10.0.0.1 5 10.0.0.2 22", "this is an SSH session"),
        ("CODESPACES", "true", "this is a remote workspace"),
        ("container", "podman", "this is a container"),
    ] {
        let sandbox = Sandbox::on(&emulator).with(name, value);
        let mut login = sandbox.begin("login");
        assert!(login.said().contains(why), "{}", login.said());
        let line = login.line_with("enter the code: ");
        assert_eq!(decide(&emulator, &sandbox, line.rsplit(' ').next().unwrap(), "alice"), "200");
        let _run = login.finish().success();
    }
    let login = sandbox.begin_login();
    assert!(!login.said().contains("code:") && login.url.contains("response_type=code"), "{}", login.said());
    signal(login.id(), "INT");
    let _stopped = login.finish().fails(130, "");
}

/// auth b.45: no faster than the interval that the server names.
#[test]
fn it_polls_no_faster_than_the_server_allows() {
    let emulator = Emulator::start(Options { device_interval: 2, ..Options::default() }).unwrap();
    let sandbox = Sandbox::on(&emulator);
    let (login, code) = begin(&sandbox);
    std::thread::sleep(Duration::from_millis(4500));
    assert_eq!(decide(&emulator, &sandbox, &code, "alice"), "200");
    let _run = login.finish().success();
    let begun =
        emulator.requests().iter().find(|entry| entry.path == "/api/device_authorization").unwrap().at_ms;
    let polls = polls(&emulator);
    assert!(polls.len() == 3, "{begun}: {polls:?}");
    let mut last = begun;
    for poll in polls {
        assert!(poll - last >= 1950, "{last} to {poll}");
        last = poll;
    }
}

/// auth b.45: five seconds where the server names no interval.
#[test]
fn without_an_interval_it_is_five_seconds() {
    let (_emulator, provider, sandbox) = parts(&[("DEVICE_INTERVAL", "0")]);
    let (login, code) = begin(&sandbox);
    assert_eq!(provider.decide(&code, "confirm"), "200");
    let _run = login.finish().success();
    let begun = provider.requests("device_authorization")[0]["at"].as_i64().unwrap();
    let polls = polls_at(&provider);
    assert_eq!(polls.len(), 1, "{polls:?}");
    assert!(polls[0] - begun >= 4950, "{begun}: {polls:?}");
}

/// auth b.45: `slow_down` adds five seconds, for good.
#[test]
fn it_slows_down_for_good_when_it_is_told_to() {
    let (_emulator, provider, sandbox) = parts(&[("DEVICE_INTERVAL", "1")]);
    provider.fault(&json!({
        "route": "token", "grant": "device_code", "phase": "before", "action": "status", "status": 400,
        "body": { "error": "slow_down" }, "times": 1,
    }));
    let (login, code) = begin(&sandbox);
    // The second poll, six seconds after the first, still finds nobody; the third keeps the distance.
    std::thread::sleep(Duration::from_secs(8));
    assert_eq!(provider.decide(&code, "confirm"), "200");
    let _run = login.finish().success();
    let times = polls_at(&provider);
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 5950), "{times:?}");
    assert!(!times.is_empty() && provider.count("token:device_code:slow_down") == 0, "{times:?}");
}

/// auth b.45: a server that cannot be reached for a moment costs nothing.
#[test]
fn a_server_that_fails_for_a_moment_is_asked_again() {
    let emulator = quick();
    let sandbox = Sandbox::on(&emulator);
    emulator.fault(Fault::new("token", "drop"));
    emulator.fault(Fault::status("token", 503));
    let (login, code) = begin(&sandbox);
    assert_eq!(decide(&emulator, &sandbox, &code, "alice"), "200");
    let _run = login.finish().success();
    let polls = polls(&emulator);
    assert_eq!(polls.len(), 3, "{polls:?}");
    assert!(polls[1] - polls[0] >= 1950 && polls[2] - polls[1] >= 3950, "it backs off: {polls:?}");
}

/// auth b.45: it stops when the code ends.
#[test]
fn a_code_that_nobody_enters_is_8() {
    let emulator =
        Emulator::start(Options { device_interval: 1, ttl_device: 2, ..Options::default() }).unwrap();
    let (_backend, provider, at_provider) = parts(&[("TTL_DEVICE", "2")]);
    for sandbox in [Sandbox::on(&emulator), at_provider] {
        let started = Instant::now();
        let run = sandbox.seqera("login --device").fails(8, "the code ended before anybody entered it");
        assert!(run.stderr.contains("seqera login --device"), "{run}");
        assert!(started.elapsed() < Duration::from_secs(10));
        nothing_is_stored(&sandbox);
    }
    assert!(provider.count(POLLS) >= 1);
}

/// auth b.45: declined is final, and so is a code that the server does not know any more.
#[test]
fn a_refusal_is_final() {
    let emulator = quick();
    let sandbox = Sandbox::on(&emulator);
    let (login, code) = begin(&sandbox);
    assert_eq!(decide(&emulator, &sandbox, &code, "deny"), "200");
    let _declined = login.finish().fails(4, "sign-in was declined");
    nothing_is_stored(&sandbox);

    let (_backend, provider, sandbox) = parts(&[]);
    let (login, code) = begin(&sandbox);
    provider.decide(&code, "abort");
    let _declined = login.finish().fails(4, "sign-in was declined");
    nothing_is_stored(&sandbox);

    provider.fault(&json!({
        "route": "token", "grant": "device_code", "phase": "before", "action": "status", "status": 400,
        "body": { "error": "invalid_grant" }, "times": 1,
    }));
    let run = sandbox.seqera("login --device").fails(4, "does not know this sign-in any more");
    assert!(run.stderr.contains("Nothing was stored"), "{run}");
    nothing_is_stored(&sandbox);

    let sandbox = Sandbox::on(&emulator);
    let ended = json!({ "error": "expired_token" }).to_string();
    emulator.fault(Fault { body: ended, ..Fault::status("token", 400) });
    let _ended = sandbox.seqera("login --device").fails(8, "the code ended before anybody entered it");
    nothing_is_stored(&sandbox);
}

/// auth b.46
#[test]
fn interrupted_while_it_polls_it_is_130_and_nothing_is_stored() {
    let emulator = quick();
    let sandbox = Sandbox::on(&emulator);
    let (login, code) = begin(&sandbox);
    while emulator.count("POST", "/api/token") == 0 {
        std::thread::sleep(Duration::from_millis(20));
    }
    let started = Instant::now();
    signal(login.id(), "INT");
    let _stopped = login.finish().fails(130, "nothing was changed");
    assert!(started.elapsed() < Duration::from_secs(3));
    nothing_is_stored(&sandbox);
    assert_eq!(decide(&emulator, &sandbox, &code, "alice"), "200");
    assert_eq!(emulator.live_tokens(), 0, "nobody fetches it any more");
}

/// auth f.6: a server that does not offer it says so with the other ways.
#[test]
fn a_server_without_it_is_said_and_another_way_shown() {
    let (_emulator, provider, sandbox) = parts(&[]);
    provider.tamper(&json!({ "discovery": { "device_authorization_endpoint": null } }));
    let run = sandbox.seqera("login --device").fails(6, "does not offer device sign-in");
    assert!(
        run.stderr.contains("seqera login --no-browser") && run.stderr.contains("SEQERA_ACCESS_TOKEN"),
        "{run}"
    );
    // Where no browser can work and no code can be had, the address is shown with the way to get back here.
    let sandbox = sandbox.with("SSH_CONNECTION", "10.0.0.1 5 10.0.0.2 22").with("USER", "alice");
    let mut login = sandbox.begin("login");
    let hint = login.line_with("ssh -L ");
    let port = login.parameter("redirect_uri").replace("http://127.0.0.1:", "").replace("/callback", "");
    assert!(hint.contains(&format!("ssh -L {port}:127.0.0.1:{port} alice@")), "{hint}");
    assert_eq!(login.visit(), "200");
    let _run = login.finish().success();
}

/// auth f.5: text of a server is no steering of the terminal, and its addresses are not in the clear.
#[test]
fn what_the_server_says_is_not_trusted() {
    let emulator = quick();
    let sandbox = Sandbox::on(&emulator);
    let answer = |uri: &str| {
        json!({ "device_code": "d", "user_code": "A\u{1b}[2JB", "verification_uri": uri, "expires_in": 1 })
            .to_string()
    };
    emulator.fault(Fault { body: answer("https://a.example/device"), ..Fault::status("device", 200) });
    let run = sandbox.seqera("login --device").fails(8, "");
    assert!(!run.stderr.contains('\u{1b}'), "{run}");
    emulator.fault(Fault { body: answer("http://a.example/device"), ..Fault::status("device", 200) });
    let _refused = sandbox.seqera("login --device").fails(7, "would have you sign in in the clear");
    emulator.fault(Fault { body: answer("javascript:alert(1)"), ..Fault::status("device", 200) });
    let _refused = sandbox.seqera("login --device").fails(7, "would have you sign in in the clear");
    emulator.fault(Fault::status("device", 503));
    let _later = sandbox.seqera("login --device").fails(5, "cannot answer now");
    nothing_is_stored(&sandbox);
}

/// auth b.45: no number of a server makes it wait longer than the code lives.
#[test]
fn a_number_without_end_is_no_wait_without_end() {
    let emulator = quick();
    let sandbox = Sandbox::on(&emulator);
    for (interval, life) in [(i64::MAX, 1), (i64::MIN, 1), (i64::MAX, 0)] {
        let body = json!({
            "device_code": "d", "user_code": "A", "verification_uri": "https://a.example/device",
            "interval": interval, "expires_in": life,
        });
        emulator.fault(Fault { body: body.to_string(), ..Fault::status("device", 200) });
        let started = Instant::now();
        let run = sandbox.begin("login --device").finish();
        let _ended = run.fails(8, "the code ended before anybody entered it");
        assert!(started.elapsed() < Duration::from_secs(10), "{interval} {life}");
    }
    nothing_is_stored(&sandbox);
}
