//! https with a certificate authority of one's own, as companies have.

use std::net::TcpListener;
use std::path::PathBuf;

use seqera_tests::emulator::{Emulator, Fault, Options};
use seqera_tests::sandbox::{Sandbox, signal};
use serde_json::json;
use tempfile::TempDir;

/// An emulator that speaks https, and the file with its authority.
fn encrypted() -> (Emulator, Sandbox, PathBuf, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let authority = dir.path().join("authority.pem");
    let options = Options { tls_ca: Some(authority.clone()), auto_approve: true, ..Options::default() };
    let emulator = Emulator::start(options).unwrap();
    let sandbox = Sandbox::on(&emulator);
    (emulator, sandbox, authority, dir)
}

#[test]
fn an_authority_that_is_named_is_believed() {
    for variable in ["SEQERA_CA_BUNDLE", "SSL_CERT_FILE"] {
        let (emulator, sandbox, authority, _dir) = encrypted();
        let sandbox =
            sandbox.with("SEQERA_ACCESS_TOKEN", &emulator.access_token).with(variable, authority.display());
        let run = sandbox.seqera("org list").success();
        assert!(run.stdout.contains("Tutorial Lab"), "{variable}: {run}");
        let run = sandbox.seqera("ai --headless hello").success();
        assert!(run.stdout.starts_with("Hello "), "{variable}: {run}");
    }
}

#[test]
fn an_unknown_authority_gets_no_token() {
    let (emulator, sandbox, _authority, _dir) = encrypted();
    let sandbox = sandbox.with("SEQERA_ACCESS_TOKEN", &emulator.access_token);
    let run = sandbox.seqera("org list").fails(5, "certificate");
    assert!(run.stderr.contains("SEQERA_CA_BUNDLE"), "{run}");
    let _login = sandbox.without("SEQERA_ACCESS_TOKEN").seqera("login --no-browser").fails(5, "certificate");
    assert!(emulator.requests().is_empty());
}

/// auth b.20: this machine is no exception for an authority that is reached over https.
#[test]
fn an_authority_over_https_leads_nowhere_in_the_clear() {
    let (emulator, sandbox, authority, _dir) = encrypted();
    let sandbox = sandbox.with("SEQERA_CA_BUNDLE", authority.display());
    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    stranger.set_nonblocking(true).unwrap();
    let in_the_clear = format!("http://{}/token", stranger.local_addr().unwrap());
    let issuer = &emulator.auth_domain;
    for name in [
        "authorization_endpoint",
        "token_endpoint",
        "device_authorization_endpoint",
        "revocation_endpoint",
        "userinfo_endpoint",
        "jwks_uri",
    ] {
        let mut document = json!({
            "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"), "jwks_uri": format!("{issuer}/jwks"),
        });
        document[name] = in_the_clear.as_str().into();
        emulator.fault(Fault { body: document.to_string(), ..Fault::status("discovery", 200) });
        let run = sandbox.seqera("login --no-browser").fails(7, "would have secrets sent in the clear");
        assert!(
            run.stderr.contains("Nothing was sent") && !run.stderr.contains("Open this"),
            "{name}: {run}"
        );
    }
    emulator.fault(Fault { location: in_the_clear, ..Fault::new("discovery", "redirect") });
    let _refused = sandbox.seqera("login --no-browser").fails(7, "an address that is not secure");
    assert!(stranger.accept().is_err(), "somebody came");
    let login = sandbox.begin_login();
    signal(login.id(), "INT");
    let _what_it_says_itself_is_fine = login.finish().fails(130, "");
}

#[test]
fn a_bundle_that_is_none_is_a_mistake_in_the_settings() {
    let (emulator, mut sandbox, authority, dir) = encrypted();
    sandbox = sandbox.with("SEQERA_ACCESS_TOKEN", &emulator.access_token);
    let empty = dir.path().join("empty.pem");
    std::fs::write(&empty, "no certificate").unwrap();
    for path in [empty, authority.with_extension("missing")] {
        sandbox = sandbox.with("SEQERA_CA_BUNDLE", path.display());
        let _refused = sandbox.seqera("org list").fails(3, "cannot be used");
    }
    assert!(emulator.requests().is_empty());
}
