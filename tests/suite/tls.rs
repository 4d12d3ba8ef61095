//! https with a certificate authority of one's own, as companies have.

use std::path::PathBuf;

use seqera_tests::emulator::{Emulator, Options};
use seqera_tests::sandbox::Sandbox;
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
