//! Company networks: a proxy that everything has to pass, and certificates that are not what they should be.

use std::net::TcpListener;
use std::process::Command;

use seqera_tests::emulator::{Certificate, Emulator, Options};
use seqera_tests::proxy::Proxy;
use seqera_tests::sandbox::Sandbox;
use tempfile::TempDir;

/// A Platform with a name that only the proxy can lead to.
fn behind_a_proxy() -> (Emulator, Sandbox, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let authority = dir.path().join("authority.pem");
    let emulator = Emulator::start(Options {
        tls_ca: Some(authority.clone()),
        host_name: Some("platform.invalid".to_owned()),
        auto_approve: true,
        ..Options::default()
    })
    .unwrap();
    let sandbox = Sandbox::on(&emulator).with("SEQERA_CA_BUNDLE", authority.display());
    (emulator, sandbox, dir)
}

/// auth (e): sign-in, renewal, requests of plugins and sign-out take the same way.
#[test]
fn everything_goes_through_the_proxy_but_this_machine() {
    let (emulator, sandbox, dir) = behind_a_proxy();
    let proxy = Proxy::start(None).unwrap();
    let url = format!("http://{}", proxy.address);
    let sandbox = sandbox.with("HTTPS_PROXY", &url).with("HTTP_PROXY", &url);
    let login = sandbox.begin_login();
    let browser = Command::new("curl")
        .args(["--silent", "--location", "--output", "/dev/null", "--write-out", "%{http_code}"])
        .args(["--proxy", &url, "--noproxy", "127.0.0.1", "--cacert"])
        .args([dir.path().join("authority.pem").as_os_str(), login.url.as_ref()])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&browser.stdout), "200");
    let _login = login.finish().success();
    let _renewed = sandbox.seqera("auth token --force-refresh").success();
    let list = sandbox.seqera("org list").success();
    assert!(list.stdout.contains("Tutorial Lab"), "{list}");
    let answer = sandbox.seqera("ai --headless hello").success();
    assert!(answer.stdout.starts_with("Hello "), "{answer}");
    let _logout = sandbox.seqera("logout").success();
    assert_eq!(emulator.live_tokens(), 0);
    let asked = proxy.asked();
    assert!(
        asked.len() >= 5 && asked.iter().all(|line| line.starts_with("CONNECT platform.invalid:")),
        "{asked:?}"
    );

    // A server of this machine is not the proxy's business.
    let here = crate::emulator();
    let token = &here.access_token;
    let local = Sandbox::on(&here).with("HTTPS_PROXY", &url).with("HTTP_PROXY", &url).with("ALL_PROXY", &url);
    let _list = local.with("SEQERA_ACCESS_TOKEN", token).seqera("org list").success();
    assert_eq!(proxy.asked(), asked);
}

#[test]
fn a_host_that_needs_no_proxy_is_not_asked_for_through_one() {
    let (emulator, sandbox, _dir) = behind_a_proxy();
    let proxy = Proxy::start(None).unwrap();
    let sandbox = sandbox
        .with("https_proxy", format!("http://{}", proxy.address))
        .with("NO_PROXY", "other.invalid,platform.invalid")
        .with("SEQERA_ACCESS_TOKEN", &emulator.access_token);
    let _nobody_resolves_it = sandbox.seqera("org list").fails(5, "cannot reach platform.invalid");
    assert!(proxy.asked().is_empty());
}

#[test]
fn a_proxy_that_wants_to_know_who_asks() {
    let (emulator, sandbox, _dir) = behind_a_proxy();
    let proxy = Proxy::start(Some("YWxpY2U6dzBuZGVy")).unwrap();
    let sandbox = sandbox.with("SEQERA_ACCESS_TOKEN", &emulator.access_token);
    let sandbox = sandbox.with("HTTPS_PROXY", format!("http://alice:w0nder@{}", proxy.address));
    let _list = sandbox.seqera("org list").success();
    let sandbox = sandbox.with("HTTPS_PROXY", format!("http://alice:wr0ng@{}", proxy.address));
    let run = sandbox.seqera("org list").fails(5, "the proxy does not lead to platform.invalid");
    assert!(run.stderr.contains("HTTPS_PROXY") && !run.stderr.contains("wr0ng"), "{run}");
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let sandbox = sandbox.with("HTTPS_PROXY", format!("http://{nobody}"));
    let run = sandbox.seqera("org list").fails(5, "Connection refused");
    assert!(run.stderr.contains("HTTPS_PROXY is set: is that proxy right"), "{run}");
}

/// auth f.6: every problem with a certificate names who can solve it.
#[test]
fn certificates_that_are_not_right() {
    for (certificate, knows_authority, says, hint) in [
        (Certificate::Good, false, "an authority that is not trusted here", "SEQERA_CA_BUNDLE"),
        (Certificate::Expired, true, "has expired", "the clock of this computer"),
        (Certificate::NotYet, true, "is not valid yet", "the clock of this computer"),
        (Certificate::OfAnother, true, "is not for", "Check the address"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let authority = dir.path().join("authority.pem");
        let options = Options { tls_ca: Some(authority.clone()), certificate, ..Options::default() };
        let emulator = Emulator::start(options).unwrap();
        let mut sandbox = Sandbox::on(&emulator).with("SEQERA_ACCESS_TOKEN", &emulator.access_token);
        if knows_authority {
            sandbox = sandbox.with("SEQERA_CA_BUNDLE", authority.display());
        }
        let run = sandbox.seqera("org list").fails(5, says);
        assert!(run.stderr.contains(hint), "{certificate:?}: {run}");
        let _login = sandbox.without("SEQERA_ACCESS_TOKEN").seqera("login --no-browser").fails(5, says);
        assert!(emulator.requests().is_empty(), "{certificate:?}: a byte was sent");
    }
}

#[test]
fn a_server_without_tls_is_told_from_one_with_a_bad_certificate() {
    let emulator = crate::emulator();
    let address = emulator.backend.replace("http://", "https://");
    let sandbox = Sandbox::on(&emulator).with("SEQERA_AI_BACKEND_URL", address);
    let run = sandbox.with("SEQERA_ACCESS_TOKEN", "t").seqera("org list").fails(5, "does not speak TLS");
    assert!(run.stderr.contains("Check scheme and port"), "{run}");
}
