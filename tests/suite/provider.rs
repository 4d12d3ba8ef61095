//! Sign-in, renewal and sign-out against a certified OpenID provider: what emulator and client cannot have got wrong
//! together.

use std::process::Stdio;
use std::time::Duration;

use seqera_tests::emulator::Emulator;
use seqera_tests::provider::Provider;
use seqera_tests::sandbox::{Sandbox, finished};
use serde_json::json;

use crate::emulator;
use crate::renewal::document;

const RENEWED: &str = "token:refresh_token:200";

/// A backend that nobody signs in to, and a provider that nobody of us wrote.
pub(crate) fn parts(settings: &[(&str, &str)]) -> (Emulator, Provider, Sandbox) {
    let emulator = emulator();
    let provider = Provider::start(settings);
    let sandbox = Sandbox::on(&emulator).with("SEQERA_AUTH_DOMAIN", &provider.issuer);
    (emulator, provider, sandbox)
}

#[test]
fn a_whole_session() {
    let (_emulator, provider, sandbox) = parts(&[]);
    let run = sandbox.login().success();
    assert!(run.stderr.contains("[Login] ✓ Authentication successful!"), "{run}");
    let stats = provider.stats();
    let log = stats["log"].as_array().unwrap();
    let request = log.iter().find(|entry| entry["route"] == "auth").unwrap();
    assert_eq!(request["code_challenge_method"], "S256", "{request}");
    assert_eq!(request["code_challenge_len"], 43, "{request}");
    assert!(
        request["state_len"].as_u64().unwrap() >= 22 && request["nonce_len"].as_u64().unwrap() >= 22,
        "{request}"
    );
    let exchange = log.iter().find(|entry| entry["route"] == "token").unwrap();
    assert_eq!(exchange["client_secret_sent"], false, "{exchange}");
    assert!(exchange["authorization"].is_null(), "{exchange}");

    let first = sandbox.seqera("auth token").success().stdout;
    // The backend here knows no token of this provider, so that signing in costs a renewal of its own.
    let renewals = provider.count(RENEWED);
    assert_eq!(first, sandbox.seqera("auth token").success().stdout);
    assert_eq!(provider.count(RENEWED), renewals, "the access token is kept");
    let renewed = sandbox.seqera("auth token --force-refresh").success().stdout;
    assert_ne!(first, renewed);
    let _again = sandbox.seqera("auth token --force-refresh").success();
    assert_eq!(provider.count(RENEWED), renewals + 2, "rotation is followed");

    let _logout = sandbox.seqera("logout").success();
    assert_eq!(provider.count("revocation"), 2, "{}", provider.stats()["counters"]);
    let _gone = sandbox.seqera("auth token").fails(4, "you are not signed in");
}

#[test]
fn many_processes_one_renewal() {
    let (_emulator, provider, sandbox) = parts(&[("TTL_ACCESS", "2")]);
    let _login = sandbox.login().success();
    let renewals = provider.count(RENEWED);
    std::thread::sleep(Duration::from_millis(2100));
    provider.configure(&json!({ "ttl": { "access": 60 } }));
    provider.fault(&json!({
        "route": "token", "grant": "refresh_token", "phase": "before", "action": "delay", "ms": 500,
    }));
    let children: Vec<_> = (0..8)
        .map(|_| {
            sandbox.command(["auth", "token"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        let _run = finished(output.status, &output.stdout, &output.stderr).success();
    }
    assert_eq!(provider.count(RENEWED), renewals + 1);
    assert_eq!(provider.count("token:refresh_token:400"), 0);
    let _works = sandbox.seqera("auth token --force-refresh").success();
}

#[test]
fn a_forged_callback_does_not_reach_the_token_endpoint() {
    let (_emulator, provider, sandbox) = parts(&[]);
    provider.tamper(&json!({ "callback": { "state": "forged" } }));
    let login = sandbox.begin_login();
    assert_eq!(login.visit(), "400");
    assert_eq!(provider.count("token:authorization_code:200"), 0);
    seqera_tests::sandbox::signal(login.id(), "INT");
    let _stopped = login.finish().fails(130, "nothing was changed");
}

#[test]
fn another_issuer_is_refused() {
    let (_emulator, provider, sandbox) = parts(&[]);
    provider.tamper(&json!({ "callback": { "iss": "https://evil.example" } }));
    let login = sandbox.begin_login();
    login.visit();
    let _refused = login.finish().fails(7, "the answer did not come from the authority");
    provider.tamper(&json!({ "callback": { "iss": null } }));
    let login = sandbox.begin_login();
    login.visit();
    let _refused = login.finish().fails(7, "the answer did not come from the authority");
    assert_eq!(provider.count("token:authorization_code:200"), 0);

    let (_emulator, provider, sandbox) = parts(&[]);
    provider.tamper(&json!({ "discovery": { "issuer": "https://evil.example" } }));
    let run = sandbox.seqera("login --no-browser").fails(7, "says that it is another authority");
    assert!(run.stderr.contains("https://evil.example") && run.stderr.contains(&provider.issuer), "{run}");
}

#[test]
fn a_server_that_would_weaken_the_protocol_is_refused_before_the_browser() {
    for change in [
        json!({ "discovery": { "code_challenge_methods_supported": ["plain"] } }),
        json!({ "discovery": { "token_endpoint": "http://evil.example/token" } }),
        json!({ "discovery": { "authorization_endpoint": "file:///etc/passwd" } }),
    ] {
        let (_emulator, provider, sandbox) = parts(&[]);
        provider.tamper(&change);
        let run = sandbox.seqera("login --no-browser").fails(7, "Nothing was sent");
        assert!(!run.stderr.contains("Open this address"), "{change}: {run}");
    }
}

#[test]
fn what_servers_leave_out_is_understood() {
    let (_emulator, provider, sandbox) = parts(&[]);
    provider.tamper(&json!({ "token": { "token_type": "bearer", "expires_in": "60" } }));
    let _login = sandbox.login().success();
    let (_emulator, provider, sandbox) = parts(&[("ROTATE", "0")]);
    let _login = sandbox.login().success();
    let kept = document(&sandbox)["refresh_token"].clone();
    provider.tamper(&json!({ "token": { "refresh_token": null } }));
    for _ in 0..2 {
        let renewed = sandbox.seqera("auth token --force-refresh").success();
        let stored = document(&sandbox);
        assert_eq!(
            (&stored["refresh_token"], &stored["access_token"]),
            (&kept, &renewed.stdout.trim().into())
        );
    }
    let (_emulator, provider, sandbox) = parts(&[]);
    provider.tamper(&json!({ "token": { "expires_in": null } }));
    let _login = sandbox.login().success();
    let _token = sandbox.seqera("auth token").success();
    let (_emulator, provider, sandbox) = parts(&[]);
    provider.tamper(&json!({ "token": { "token_type": "DPoP" } }));
    let _refused = sandbox.login().fails(6, "a token that cannot be used");
}

#[test]
fn without_rotation() {
    let (_emulator, provider, sandbox) = parts(&[("ROTATE", "0")]);
    let _login = sandbox.login().success();
    let renewals = provider.count(RENEWED);
    for _ in 0..2 {
        let _renewed = sandbox.seqera("auth token --force-refresh").success();
    }
    assert_eq!(provider.count(RENEWED), renewals + 2);
}

#[test]
fn a_lost_answer_kills_the_grant_and_is_said_once() {
    let (_emulator, provider, sandbox) = parts(&[]);
    let _login = sandbox.login().success();
    provider.fault(&json!({
        "route": "token", "grant": "refresh_token", "phase": "after", "action": "drop", "times": 1,
    }));
    let _ended = sandbox.seqera("auth token --force-refresh").fails(4, "has ended");
    let _again = sandbox.login().success();
    provider.fault(&json!({
        "route": "token", "grant": "refresh_token", "phase": "before", "action": "drop", "times": 1,
    }));
    let _not_noticed = sandbox.seqera("auth token --force-refresh").success();
}

#[test]
fn a_server_that_compares_ports_gets_the_one_that_is_fixed() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let (_emulator, _provider, sandbox) = parts(&[("EXACT_PORT", &port)]);
    let sandbox = sandbox.with("SEQERA_AUTH_REDIRECT_PORT", &port);
    let _login = sandbox.login().success();
}
