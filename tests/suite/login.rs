//! Signing in and out, against the emulator.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use seqera_tests::browser::{page, visit};
use seqera_tests::emulator::{Emulator, Fault, Options};
use seqera_tests::sandbox::{Sandbox, signal};

use crate::emulator;

fn credential_file(sandbox: &Sandbox) -> std::path::PathBuf {
    let dir = sandbox.config().join("credentials");
    let files = fs::read_dir(dir).unwrap().map(|item| item.unwrap().path());
    files.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "json")).unwrap()
}

#[test]
fn the_public_lines_are_printed_to_the_letter() {
    let emulator = Emulator::start(Options::default()).unwrap();
    // A port of its own: the usual one may be taken by the sign-in of another test, which is said in a line more.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let sandbox = Sandbox::on(&emulator).with("SEQERA_AUTH_REDIRECT_PORT", free);
    let login = sandbox.begin_login();
    assert_eq!(login.visit_as("bob"), "200");
    let run = login.finish().success();
    assert_eq!(run.stdout, "");
    let lines: Vec<&str> = run.stderr.lines().filter(|line| !line.starts_with("http")).collect();
    assert_eq!(
        lines,
        [
            "[Login] Starting Seqera CLI authentication...",
            "[Login] Open this address in a browser:",
            "[Login] ✓ Authentication successful!",
            "[Login] ✓ Organization set: Bob & Sons",
        ]
    );
}

#[test]
fn the_request_is_what_the_standards_ask_for() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let login = sandbox.begin_login();
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", "seqera_ai_cli"),
        ("code_challenge_method", "S256"),
        ("scope", "openid profile email offline_access"),
        ("audience", "platform"),
    ] {
        assert_eq!(login.parameter(name), value, "{name}");
    }
    assert_eq!(login.parameter("code_challenge").len(), 43);
    assert!(login.parameter("state").len() >= 22 && login.parameter("nonce").len() >= 22);
    assert_ne!(login.parameter("state"), login.parameter("nonce"));
    let redirect = login.parameter("redirect_uri");
    assert!(redirect.starts_with("http://127.0.0.1:") && redirect.ends_with("/callback"), "{redirect}");
    login.visit();
    let _run = login.finish().success();
    let exchange = emulator.requests().into_iter().find(|entry| entry.path == "/api/token").unwrap();
    assert_eq!(exchange.body["redirect_uri"], redirect);
    assert_eq!(exchange.body["client_id"], "seqera_ai_cli");
    assert!(exchange.bearer_sha256.is_empty() && exchange.body.get("client_secret").is_none());
    let agent = format!("seqera/{} (linux; {})", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH);
    assert!(
        emulator
            .requests()
            .iter()
            .filter(|entry| entry.path != "/api/authorize")
            .all(|entry| entry.user_agent == agent)
    );
}

#[test]
fn forged_callbacks_change_nothing_and_the_page_tells_the_truth() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let login = sandbox.begin_login();
    let callback = login.parameter("redirect_uri");
    let state = login.parameter("state");
    for (forged, arguments) in [
        (format!("{callback}?code=x&state=y"), &[][..]),
        (
            format!(
                "{callback}?error=access_denied&error_description=%3Cscript%3Ealert(1)%3C/script%3E&state=y"
            ),
            &[],
        ),
        (format!("{callback}?error=access_denied"), &[]),
        (format!("{callback}?state={state}"), &[]),
        (format!("{callback}?code=x&state={state}"), &["--header", "Host: evil.example"]),
        (format!("{callback}?code=x&state={state}"), &["--request", "POST"]),
    ] {
        let answer = page(&forged, arguments).unwrap();
        assert!(answer.starts_with("HTTP/1.1 4"), "{forged}: {answer}");
        assert!(!answer.contains("<script>") && !answer.contains(&state), "{answer}");
        for header in [
            "Cache-Control: no-store",
            "Referrer-Policy: no-referrer",
            "Content-Security-Policy: default-src 'none'",
        ] {
            assert!(answer.contains(header), "{answer}");
        }
    }
    assert!(page(&callback.replace("/callback", "/other"), &[]).unwrap().starts_with("HTTP/1.1 404"));
    assert_eq!(emulator.count("POST", "/api/token"), 0);
    assert_eq!(login.visit(), "200");
    let _run = login.finish().success();
    assert_eq!(emulator.count("POST", "/api/token"), 1);
}

#[test]
fn idle_and_endless_connections_do_not_block_it() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let login = sandbox.begin_login();
    let address = login.parameter("redirect_uri").replace("http://", "").replace("/callback", "");
    let idle: Vec<TcpStream> = (0..50).map(|_| TcpStream::connect(&address).unwrap()).collect();
    let mut endless = TcpStream::connect(&address).unwrap();
    let _refused = std::io::Write::write_all(&mut endless, &vec![b'x'; 1024 * 1024]);
    let started = Instant::now();
    assert_eq!(login.visit(), "200");
    assert!(started.elapsed() < Duration::from_secs(5));
    let _run = login.finish().success();
    drop(idle);
}

#[test]
fn a_declined_sign_in_is_4_and_stores_nothing() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let login = sandbox.begin_login();
    assert_eq!(login.visit_as("deny"), "400");
    let _run = login.finish().fails(4, "sign-in was declined");
    let _status = sandbox.seqera("auth status").fails(4, "");
}

#[test]
fn an_exchange_that_fails_is_told_in_the_browser_too_and_the_code_is_sent_once() {
    for fault in
        [Fault::status("token", 400), Fault::new("token", "html"), Fault::new("token", "drop").after()]
    {
        let emulator = emulator();
        emulator.fault(fault);
        let sandbox = Sandbox::on(&emulator);
        let login = sandbox.begin_login();
        assert_eq!(login.visit(), "400");
        let run = login.finish();
        assert!([3, 5, 6].contains(&run.code), "{run}");
        assert_eq!(emulator.count("POST", "/api/token"), 1);
        let _status = sandbox.seqera("auth status").fails(4, "");
    }
}

#[test]
fn credentials_are_private_and_bound_to_the_authority() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let _login = sandbox.login().success();
    let file = credential_file(&sandbox);
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(&sandbox.config().join("auth.json")), 0o600);
    assert_eq!(mode(file.parent().unwrap()), 0o700);
    let index = fs::read_to_string(sandbox.config().join("auth.json")).unwrap();
    assert!(!index.contains("rt_") && !index.contains("at_"), "no secret in the index");

    let other = crate::emulator();
    let sandbox = sandbox.with("SEQERA_AUTH_DOMAIN", &other.auth_domain);
    let _nobody = sandbox.seqera("auth token").fails(4, "you are not signed in");
    assert_eq!(other.requests().len(), 0, "nothing of one authority is sent to another");
    let sandbox = sandbox.with("SEQERA_AUTH_DOMAIN", &emulator.auth_domain).with("SEQERA_PROFILE", "work");
    let _nobody = sandbox.seqera("auth token").fails(4, "you are not signed in");
}

#[test]
fn status_says_who_where_from_and_until_when() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let out: serde_json::Value =
        serde_json::from_str(&sandbox.seqera("auth status --json").fails(4, "").stdout).unwrap();
    assert_eq!(out["profiles"][0]["state"], "signed_out");
    let _login = sandbox.login().success();
    emulator.forget_requests();
    let json: serde_json::Value =
        serde_json::from_str(&sandbox.seqera("auth status --json").success().stdout).unwrap();
    let profile = &json["profiles"][0];
    assert_eq!((&profile["state"], &profile["account"]), (&"valid".into(), &"Alice Example".into()));
    assert!(
        profile["expires_at"].as_i64().is_some() && profile["source"].as_str().unwrap().starts_with("file:")
    );
    let text = sandbox.seqera("auth status").success().stdout;
    assert!(
        text.contains("State: signed in") && text.contains("Alice Example <alice@example.com>"),
        "{text}"
    );
    assert_eq!(emulator.requests().len(), 0, "status needs no network");
    emulator.revoke_all();
    let _checked = sandbox.seqera("auth status --check").fails(4, "your session on ");
}

#[test]
fn a_command_within_the_life_of_the_token_makes_no_token_request() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let _login = sandbox.login().success();
    emulator.forget_requests();
    let token = sandbox.seqera("auth token").success();
    assert!(token.stdout.starts_with("at_") && token.stdout.lines().count() == 1 && token.stderr.is_empty());
    let _list = sandbox.seqera("org list").success();
    let paths: Vec<String> = emulator.requests().into_iter().map(|entry| entry.path).collect();
    assert_eq!(paths, ["/v1/cli/organizations"]);
}

#[test]
fn logout_ends_the_session_at_the_server_and_here() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let _login = sandbox.login().success();
    assert_eq!(emulator.live_tokens(), 2);
    let run = sandbox.seqera("logout").success();
    assert!(run.stderr.contains("[Logout] ✓ Signed out"), "{run}");
    assert_eq!(emulator.live_tokens(), 0);
    let hints: Vec<_> = emulator
        .requests()
        .into_iter()
        .filter(|entry| entry.path == "/api/revoke")
        .map(|entry| entry.body["token_type_hint"].clone())
        .collect();
    assert_eq!(hints, ["refresh_token", "access_token"]);
    let _gone = sandbox.seqera("auth token").fails(4, "you are not signed in");
    assert!(
        fs::read_dir(sandbox.config().join("credentials")).unwrap().all(|item| !item
            .unwrap()
            .path()
            .to_string_lossy()
            .ends_with(".json"))
    );
    let again = sandbox.seqera("logout").success();
    assert!(again.stderr.contains("You are not signed in."), "{again}");
}

#[test]
fn logout_removes_what_is_here_whatever_the_server_says() {
    for fault in [
        Fault::status("revocation", 503).times(2),
        Fault::new("revocation", "drop").times(2),
        Fault::status("discovery", 500),
    ] {
        let emulator = emulator();
        let sandbox = Sandbox::on(&emulator);
        let _login = sandbox.login().success();
        emulator.fault(fault);
        let run = sandbox.seqera("logout").success();
        assert!(run.stderr.contains("could not be told"), "{run}");
        let _gone = sandbox.seqera("auth token").fails(4, "you are not signed in");
    }
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let _login = sandbox.login().success();
    drop(emulator);
    let run = sandbox.seqera("logout").success();
    assert!(run.stderr.contains("could not be told"), "{run}");
    let _gone = sandbox.seqera("auth token").fails(4, "you are not signed in");
}

#[test]
fn a_new_sign_in_ends_the_old_one_when_its_successor_is_safe() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let _first = sandbox.login().success();
    let _second = sandbox.login().success();
    assert_eq!(emulator.live_tokens(), 2, "one session is left");
    let _works = sandbox.seqera("org list").success();
}

#[test]
fn a_token_of_the_environment_is_verified_and_wins() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator).with("SEQERA_ACCESS_TOKEN", &emulator.access_token);
    let run = sandbox.seqera("login").success();
    let lines: Vec<&str> = run.stderr.lines().collect();
    assert_eq!(lines.first(), Some(&"[Login] Starting Seqera CLI authentication..."));
    assert!(lines.iter().any(|line| line.contains("SEQERA_ACCESS_TOKEN is set")));
    assert!(lines.contains(&"[Login] ✓ Authentication successful!"));
    assert!(emulator.requests().iter().all(|entry| !entry.path.starts_with("/api/")), "no OAuth");
    assert!(!sandbox.config().join("credentials").exists());
    assert_eq!(sandbox.seqera("auth token").success().stdout.trim(), emulator.access_token);

    let bad = Sandbox::on(&emulator).with("TOWER_ACCESS_TOKEN", "no-good");
    let run = bad.seqera("login").fails(4, "rejected the token in TOWER_ACCESS_TOKEN");
    assert!(!run.stderr.contains("✓") && !run.stderr.contains("no-good"), "{run}");
    let _list = bad.seqera("org list").fails(4, "TOWER_ACCESS_TOKEN");

    let blank =
        Sandbox::on(&emulator).with("SEQERA_ACCESS_TOKEN", "  ").with("SEQERA_TOKEN", &emulator.access_token);
    assert_eq!(blank.seqera("auth token").success().stdout.trim(), emulator.access_token);
    let odd = Sandbox::on(&emulator).with("SEQERA_ACCESS_TOKEN", "two words");
    let _refused = odd.seqera("auth token").fails(3, "SEQERA_ACCESS_TOKEN does not hold a token");
}

#[test]
fn logout_says_when_a_variable_still_signs_in() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator).with("SEQERA_TOKEN", &emulator.access_token);
    let run = sandbox.seqera("logout").success();
    assert!(run.stderr.contains("SEQERA_TOKEN is still set"), "{run}");
    assert_eq!(emulator.requests().len(), 0);
}

#[test]
fn ports_that_are_taken() {
    let emulator = emulator();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let sandbox = Sandbox::on(&emulator).with("SEQERA_AUTH_REDIRECT_PORT", port);
    let run = sandbox.seqera("login --no-browser").fails(3, &format!("port {port} cannot be used"));
    assert!(run.stderr.contains("SEQERA_AUTH_REDIRECT_PORT"), "{run}");
    drop(taken);
    let login = sandbox.begin_login();
    assert!(login.parameter("redirect_uri").contains(&format!(":{port}/")));
    login.visit();
    let _run = login.finish().success();
}

#[test]
fn nobody_comes_back() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator).with("SEQERA_AUTH_CALLBACK_TIMEOUT_MS", 700);
    let started = Instant::now();
    let _run = sandbox.seqera("login --no-browser").fails(8, "no answer came from the browser");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn an_interrupted_sign_in_is_130_and_its_port_is_free_again() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    // A port that no other test takes as soon as it is free.
    let port = 20_000 + std::process::id() % 10_000;
    let login = sandbox.begin(&format!("login --no-browser --port {port}"));
    let callback = login.parameter("redirect_uri");
    signal(login.id(), "INT");
    let _run = login.finish().fails(130, "nothing was changed");
    assert_eq!(visit(&callback, &sandbox.root().join("jar")).unwrap(), "000");
}

#[test]
fn a_browser_is_opened_with_one_argument_and_without_the_shell() {
    let emulator = Emulator::start(Options { auto_approve: true, ..Options::default() }).unwrap();
    let sandbox = Sandbox::on(&emulator);
    let browser = sandbox.root().join("browser");
    let seen = sandbox.root().join("seen");
    fs::write(
        &browser,
        format!(
            "#!/bin/sh\nprintf '%s\\n' \"$#\" \"$1\" > {}\nexec curl -sL -o /dev/null \"$1\"\n",
            seen.display()
        ),
    )
    .unwrap();
    fs::set_permissions(&browser, fs::Permissions::from_mode(0o755)).unwrap();
    let sandbox = sandbox.with("BROWSER", browser.display());
    let run = sandbox.seqera("login").success();
    let seen = fs::read_to_string(seen).unwrap();
    let url = run.stderr.lines().find(|line| line.starts_with("http")).unwrap();
    assert_eq!(seen, format!("1\n{url}\n"), "the address is printed as well");
    let sandbox = sandbox.with("BROWSER", "/nonexistent");
    let login = sandbox.begin_login();
    login.visit();
    let _still_works = login.finish().success();
}

#[test]
fn many_organizations_and_nobody_to_ask() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let run = sandbox.login().success();
    assert!(run.stderr.contains("seqera org switch NAME"), "{run}");
    let login = sandbox.begin_login();
    login.visit_as("carol");
    let run = login.finish().success();
    assert!(run.stderr.contains("your account is in no organization"), "{run}");
}

#[test]
fn a_sign_in_stands_when_the_organization_fails() {
    let emulator = emulator();
    emulator.fault(Fault::status("organizations", 500));
    let sandbox = Sandbox::on(&emulator);
    let run = sandbox.login().success();
    assert!(run.stderr.contains("the organization was not set"), "{run}");
    let sandbox = Sandbox::on(&emulator).with_own_installation();
    fs::remove_dir_all(sandbox.bundled().join("org")).unwrap();
    let run = sandbox.login().success();
    assert!(run.stderr.contains("the organization was not set"), "{run}");
}

#[test]
fn info_asks_three_things_and_fails_if_one_does() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator).with("SEQERA_ACCESS_TOKEN", &emulator.access_token);
    let json: serde_json::Value =
        serde_json::from_str(&sandbox.seqera("info -o json").success().stdout).unwrap();
    assert_eq!(
        json["user"],
        serde_json::json!({ "status": "ok", "name": "Alice Example", "email": "alice@example.com" })
    );
    assert_eq!(json["agentBackend"]["version"], "1.0.0-emulator");
    assert_eq!(json["platform"]["apiVersion"], "1.70.0");
    let text = sandbox.seqera("info").success().stdout;
    for part in ["User\n  Name: Alice Example", "Agent Backend\n", "Seqera Platform\n", "Plugins\n  ai "] {
        assert!(text.contains(part), "{text}");
    }
    let sandbox = sandbox.with("SEQERA_CLI_OUTPUT_FORMAT", "json");
    emulator.fault(Fault::status("service-info", 500));
    let run = sandbox.seqera("info");
    assert_eq!(run.code, 5, "{run}");
    let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(
        (&json["platform"]["status"], &json["platform"]["version"]),
        (&"failed".into(), &serde_json::Value::Null)
    );
    assert_eq!(json["user"]["status"], "ok");
}

#[test]
fn no_secret_is_ever_printed() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator).with("SEQERA_LOG", "trace").with("RUST_BACKTRACE", "full");
    let mut said = sandbox.login().success().stderr;
    for line in ["auth status", "org list", "org switch 1002", "ai --headless hello", "info"] {
        let run = sandbox.seqera(line).success();
        said += &(run.stdout + &run.stderr);
    }
    let credential: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(credential_file(&sandbox)).unwrap()).unwrap();
    said += &sandbox.seqera("logout").success().stderr;
    for name in ["access_token", "refresh_token"] {
        let secret = credential[name].as_str().unwrap();
        assert!(secret.len() > 20 && !said.contains(secret), "{name} was printed");
    }
    assert!(said.contains("seqera_plugin_auth"), "the log was on:\n{said}");
}

/// auth f.6: what the server gives in that moment is given back, for nobody would ever end it.
#[test]
fn interrupted_while_the_code_is_exchanged_nothing_lives_on_at_the_server() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    emulator.fault(Fault { ms: 900, ..Fault::new("token", "delay") }.after());
    let login = sandbox.begin_login();
    let id = login.id();
    let interrupter = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(500));
        signal(id, "INT");
    });
    let _page = login.visit();
    interrupter.join().unwrap();
    let _told = login.finish().fails(130, "sign-in was interrupted; nothing was changed");
    assert_eq!(emulator.live_families(), 0);
    let _nobody = sandbox.seqera("auth token").fails(4, "you are not signed in");
}
