//! What a certified provider says is checked before it is believed: its metadata, its ID tokens, its answers.

use std::fs;

use seqera_tests::emulator::{Emulator, Options};
use seqera_tests::provider::Provider;
use seqera_tests::sandbox::Sandbox;
use serde_json::{Value, json};

use crate::provider::parts;

/// No credential was kept.
fn nothing_stored(sandbox: &Sandbox) -> bool {
    let Ok(items) = fs::read_dir(sandbox.config().join("credentials")) else { return true };
    !items.flatten().any(|item| item.path().extension().is_some_and(|extension| extension == "json"))
}

#[track_caller]
fn refused(sandbox: &Sandbox, provider: &Provider, change: &Value, says: &str) {
    provider.tamper(change);
    let run = sandbox.login();
    assert_eq!(run.code, 7, "{change}: {run}");
    assert!(run.stderr.contains(says), "{change} should say {says:?}: {run}");
    assert!(nothing_stored(sandbox), "{change}: {run}");
}

/// auth b.29
#[test]
fn a_sign_in_without_an_id_token_is_refused() {
    let (_emulator, provider, sandbox) = parts(&[]);
    refused(&sandbox, &provider, &json!({ "token": { "id_token": null } }), "did not send one");
    let stats = provider.stats();
    assert!(
        stats["counters"]["revocation"].as_u64().unwrap_or(0) > 0,
        "what is not kept is given back: {stats}"
    );
}

/// auth b.30
#[test]
fn a_signature_that_the_provider_did_not_make_is_refused() {
    let (_emulator, provider, sandbox) = parts(&[]);
    for (change, says) in [
        (json!({ "id_token": { "key": "stranger" } }), "its signature is wrong"),
        (json!({ "id_token": { "key": "none" } }), "signed with none"),
        (json!({ "id_token": { "key": "hs256" } }), "signed with HS256"),
        (json!({ "id_token": { "header": { "kid": "unknown" } } }), "does not publish"),
    ] {
        refused(&sandbox, &provider, &change, says);
    }
}

/// auth b.31
#[test]
fn every_claim_is_compared() {
    let (_emulator, provider, sandbox) = parts(&[]);
    for (claims, says) in [
        (json!({ "iss": "https://evil.example" }), "not from"),
        (json!({ "aud": "another" }), "for another client"),
        (json!({ "aud": ["seqera_ai_cli", "stranger"], "azp": "seqera_ai_cli" }), "for a stranger"),
        (json!({ "azp": "another" }), "made for another client"),
        (json!({ "nonce": "another" }), "does not answer our request"),
        (json!({ "exp": null }), "how long it is good"),
    ] {
        refused(&sandbox, &provider, &json!({ "id_token": { "claims": claims } }), says);
    }
    refused(&sandbox, &provider, &json!({ "id_token": { "shift": 7200 } }), "from the future");
    refused(&sandbox, &provider, &json!({ "id_token": { "shift": -7200 } }), "no longer good");
    provider.tamper(&json!({ "id_token": { "shift": -310 } }));
    let _within_the_leeway = sandbox.login().success();
}

/// auth b.32
#[test]
fn an_id_token_of_another_access_token_is_refused() {
    let (_emulator, provider, sandbox) = parts(&[]);
    let change = json!({ "id_token": { "claims": { "at_hash": "AAAA" } } });
    refused(&sandbox, &provider, &change, "at_hash");
}

/// auth b.20
#[test]
fn keys_are_not_fetched_in_the_clear() {
    let (_emulator, provider, sandbox) = parts(&[]);
    provider.tamper(&json!({ "discovery": { "jwks_uri": "http://evil.example/keys" } }));
    let _refused = sandbox.seqera("login --no-browser").fails(7, "in the clear");
    assert_eq!(provider.count("jwks"), 0);
}

/// auth b.21: one hop to the issuer that is named, if that names itself
#[test]
fn an_authority_may_say_which_issuer_it_is_once() {
    let (_emulator, issuer, sandbox) = parts(&[]);
    let alias = Provider::start(&[]);
    alias.tamper(&json!({ "discovery": { "issuer": issuer.issuer } }));
    let sandbox = sandbox.with("SEQERA_AUTH_DOMAIN", &alias.issuer);
    let _login = sandbox.login().success();
    let status = sandbox.seqera("auth status --json").success();
    assert!(status.stdout.contains(&issuer.issuer), "the issuer is shown: {status}");
    let asked = alias.count("discovery");
    let _renewed = sandbox.seqera("auth token --force-refresh").success();
    assert_eq!(alias.count("discovery"), asked, "a credential is shown to its issuer only");
    assert_eq!(alias.count("token:authorization_code"), 0);

    issuer.tamper(&json!({ "discovery": { "issuer": "https://third.example" } }));
    let _no_second_hop = sandbox.seqera("login --no-browser").fails(7, "says that it is another authority");
    let _not_sent =
        sandbox.seqera("auth token --force-refresh").fails(7, "says that it is another authority");
}

/// auth b.22
#[test]
fn a_redirect_never_gets_a_code_or_a_refresh_token() {
    let (_emulator, provider, sandbox) = parts(&[]);
    let trap = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    trap.set_nonblocking(true).unwrap();
    let location = format!("http://{}/", trap.local_addr().unwrap());
    let fault = json!({ "route": "token", "action": "redirect", "location": location });
    provider.fault(&fault);
    let _refused = sandbox.login().fails(7, "not followed");
    let _login = sandbox.login().success();
    provider.fault(&fault);
    let _refused = sandbox.seqera("auth token --force-refresh").fails(7, "not followed");
    let _kept = sandbox.seqera("auth token --force-refresh").success();
    assert!(trap.accept().is_err(), "somebody came to where the redirect leads");
    provider.fault(&json!({
        "route": "discovery", "action": "redirect", "location": "http://evil.example/", "times": 1,
    }));
    let _refused = sandbox.seqera("login --no-browser").fails(7, "an address that is not secure");
}

/// auth b.22: of the configuration three redirects are followed, and who answers at their end is looked at no less.
#[test]
fn redirects_of_the_configuration_are_followed_three_times() {
    let (_emulator, provider, sandbox) = parts(&[]);
    let document = |provider: &Provider| format!("{}/.well-known/openid-configuration", provider.issuer);
    let redirect = |location: &str, times: u32| {
        provider.fault(&json!({
            "route": "discovery", "action": "redirect", "location": location, "times": times,
        }));
    };
    redirect(&document(&provider), 3);
    let _login = sandbox.login().success();
    assert_eq!(provider.count("fault:discovery:redirect"), 3);
    redirect(&document(&provider), 4);
    let _refused = sandbox.seqera("login --no-browser").fails(6, "it redirects without end");

    let another = Provider::start(&[]);
    another.tamper(&json!({ "discovery": { "issuer": "https://evil.example" } }));
    redirect(&document(&another), 1);
    let run = sandbox.seqera("login --no-browser").fails(7, "says that it is another authority");
    assert!(run.stderr.contains("https://evil.example"), "{run}");
    assert!(!run.stderr.contains("Open this address"), "{run}");
}

/// auth b.28
#[test]
fn a_captive_portal_is_no_provider() {
    let (_emulator, provider, sandbox) = parts(&[]);
    let html = json!({
        "route": "discovery", "action": "status", "status": 200, "body": "<html>Welcome to the hotel",
    });
    provider.fault(&html);
    let run = sandbox.seqera("login --no-browser").fails(6, "HTML");
    assert!(nothing_stored(&sandbox), "{run}");
    let endless = "x".repeat(1_200_000);
    provider.fault(&json!({ "route": "discovery", "action": "status", "status": 200, "body": endless }));
    let _refused = sandbox.seqera("login --no-browser").fails(6, "without end");
}

/// auth f.4: a clock that is wrong is what is said, not that the server lies.
#[test]
fn a_clock_that_is_wrong_is_named() {
    let at = |clock_ahead| {
        let emulator = Emulator::start(Options { clock_ahead, ..Options::default() }).unwrap();
        let sandbox = Sandbox::on(&emulator);
        (emulator, sandbox)
    };
    let (_emulator, sandbox) = at(500);
    let run = sandbox.login().fails(7, "the clock of this computer is 8 min behind that of 127.0.0.1");
    assert!(run.stderr.contains("Set the clock") && nothing_stored(&sandbox), "{run}");
    let (_emulator, sandbox) = at(-200);
    let run = sandbox.login().success();
    assert!(run.stderr.contains("the clock of this computer is 3 min ahead of that of 127.0.0.1"), "{run}");
    let (_emulator, sandbox) = at(60);
    let run = sandbox.login().success();
    assert!(!run.stderr.contains("the clock"), "{run}");
}

/// auth b.33: what the documentation says and no more, and nothing that the server does not know.
#[test]
fn only_scopes_that_the_server_lists_are_asked_for() {
    let scope = |sandbox: &Sandbox| {
        let login = sandbox.begin_login();
        let scope = login.parameter("scope");
        let _status = login.visit();
        let _login = login.finish().success();
        scope
    };
    let (_emulator, provider, sandbox) = parts(&[]);
    assert_eq!(scope(&sandbox), "openid profile email offline_access");
    provider.tamper(&json!({ "discovery": { "scopes_supported": ["openid", "profile", "admin"] } }));
    assert_eq!(scope(&sandbox), "openid profile");
}

/// auth f: what an installation of its own knows beyond those is asked for by name, and what was not granted is said.
#[test]
fn further_scopes_are_asked_for_by_name() {
    let emulator = Emulator::start(Options::default()).unwrap();
    let sandbox = Sandbox::on(&emulator);
    let begun = |sandbox: &Sandbox| {
        let login = sandbox.begin("login --no-browser --scopes email,billing:read");
        assert_eq!(login.parameter("scope"), "openid profile email offline_access billing:read");
        let _status = login.visit();
        login.finish().success()
    };
    let run = begun(&sandbox);
    assert!(!run.stderr.contains("did not grant"), "{run}");
    let scopes = |sandbox: &Sandbox| {
        let json = sandbox.seqera("auth status --json").success().stdout;
        let json: Value = serde_json::from_str(&json).unwrap();
        json["profiles"][0]["scopes"].to_string()
    };
    let _renewed = sandbox.seqera("auth token --force-refresh").success();
    assert!(scopes(&sandbox).contains("billing:read"), "a renewal keeps them: {}", scopes(&sandbox));

    // The certified one leaves out what it does not know.
    let (_emulator, _provider, sandbox) = parts(&[]);
    let run = begun(&sandbox);
    assert!(run.stderr.contains("the server did not grant the scope billing:read"), "{run}");
    assert!(!run.stderr.contains("grant the scope email"), "{run}");
    assert!(!scopes(&sandbox).contains("billing:read"));
    let _renewed = sandbox.seqera("auth token --force-refresh").success();
    for wrong in ["one two", "", "a\"b"] {
        let run = sandbox.run(sandbox.command(["login", "--no-browser", "--scopes", wrong]));
        let _refused = run.fails(2, "write scopes as `one,another`");
    }
}
