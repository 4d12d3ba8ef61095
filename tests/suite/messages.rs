//! What goes wrong with a sign-in, in words: who has to act, what happened, what to try; and its name for programs.

use seqera_tests::emulator::{Emulator, Fault};
use seqera_tests::provider::Provider;
use seqera_tests::sandbox::{Run, Sandbox};
use serde_json::Value;

use crate::emulator;

fn signed_in() -> (Emulator, Sandbox) {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let _login = sandbox.login().success();
    (emulator, sandbox)
}

/// `127.0.0.1:PORT` of an address.
fn host(url: &str) -> String {
    url.split('/').nth(2).unwrap().to_owned()
}

/// The problem that `auth status` has, by its name, for programs: in its report, or instead of it.
#[track_caller]
fn kind(sandbox: &Sandbox, code: i32) -> String {
    let run = sandbox.seqera("auth status --check --json").fails(code, "");
    let report: Value = serde_json::from_str(&run.stdout).unwrap_or_default();
    let error: Value = serde_json::from_str(&run.stderr).unwrap_or_default();
    let found = [&report["profiles"][0]["problem"], &error["error"]];
    let found = found.into_iter().find(|problem| problem.is_object()).unwrap_or_else(|| panic!("{run}"));
    assert!(!found["message"].as_str().unwrap().is_empty(), "{run}");
    found["kind"].as_str().unwrap().to_owned()
}

#[track_caller]
fn says(run: &Run, parts: &[&str]) {
    for part in parts {
        assert!(run.stderr.contains(part), "{part:?} is missing: {run}");
    }
}

#[test]
fn nobody_is_signed_in() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let run = sandbox.seqera("auth token").fails(4, "you are not signed in to ");
    says(&run, &[&host(&emulator.auth_domain), "Run `seqera login`, or set SEQERA_ACCESS_TOKEN."]);
    assert_eq!(kind(&sandbox, 4), "NotLoggedIn");
    let run = sandbox.seqera("auth token --profile work").fails(4, "as `work`");
    says(&run, &["Run `seqera login --profile work`"]);
}

/// Who is signed in under another name is told so, and nothing is chosen for them.
#[test]
fn somebody_is_signed_in_under_another_name() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let _login =
        sandbox.seqera_with_input("login --with-token --profile work", &emulator.access_token).success();
    let run = sandbox.seqera("auth token").fails(4, "you are not signed in to ");
    says(&run, &["Run `seqera login`, or set", "Or use the login that is there: SEQERA_PROFILE=work"]);
    let run = sandbox.seqera("logout").success();
    says(&run, &["You are not signed in as `default`, but as `work`: seqera logout --profile work."]);
    let mut command = sandbox.command(["logout"]);
    command.env("SEQERA_TOKEN", "x");
    let run = sandbox.run(command).success();
    says(
        &run,
        &[
            "SEQERA_TOKEN is still set and signs you in",
            "No login is stored here as `default`, but as `work`",
        ],
    );
    let _still = sandbox.seqera("auth token --profile work").success();
    let run = sandbox.seqera("logout --profile work").success();
    assert!(!run.stderr.contains("not signed in"), "{run}");
    let run = sandbox.seqera("logout").success();
    says(&run, &["[Logout] You are not signed in.\n"]);
}

#[test]
fn the_session_has_ended() {
    let (emulator, sandbox) = signed_in();
    emulator.revoke_all();
    assert_eq!(kind(&sandbox, 4), "SessionExpired", "a refused access token is looked into");
    assert_eq!(kind(&sandbox, 4), "SessionExpired", "and it stays so");
    let run = sandbox.seqera("auth token").fails(4, "your session on ");
    says(&run, &[&host(&emulator.auth_domain), " has ended", "Run `seqera login`."]);

    let (emulator, sandbox) = signed_in();
    emulator.revoke_all();
    let run = sandbox.seqera("auth token --force-refresh").fails(4, "your session on ");
    says(&run, &[" has ended (last renewed ", " s ago)", "Run `seqera login`."]);
}

/// An access token that a server forgot is renewed; the session is well.
#[test]
fn a_forgotten_access_token_is_no_ended_session() {
    let (emulator, sandbox) = signed_in();
    emulator.fault(Fault::status("userinfo", 401));
    let _well = sandbox.seqera("auth status --check").success();
    assert_eq!(emulator.count("GET", "/api/userinfo"), 3, "at sign-in, refused, and once more");
}

#[test]
fn the_token_of_a_variable_is_rejected() {
    let (emulator, sandbox) = signed_in();
    let sandbox = sandbox.with("TOWER_ACCESS_TOKEN", "no-good");
    let run = sandbox.seqera("login").fails(4, "rejected the token in TOWER_ACCESS_TOKEN");
    says(&run, &[&host(&emulator.backend), "your login as Alice Example, which was not used"]);
    assert_eq!(kind(&sandbox, 4), "EnvTokenRejected");
    // Every command, not those of sign-in alone.
    let run = sandbox.seqera("org list").fails(4, "rejected the token in TOWER_ACCESS_TOKEN");
    says(&run, &["unset TOWER_ACCESS_TOKEN"]);
}

#[test]
fn the_server_cannot_be_reached() {
    let (emulator, sandbox) = signed_in();
    drop(emulator);
    let run = sandbox.seqera("auth token --force-refresh").fails(5, "could not be renewed");
    says(&run, &["cannot reach 127.0.0.1", "refused", "You are still signed in; try again."]);
    assert_eq!(kind(&sandbox, 5), "Network");
}

#[test]
fn something_else_answers() {
    let emulator = emulator();
    emulator.fault(Fault::new("discovery", "html").times(9));
    let sandbox = Sandbox::on(&emulator);
    let run = sandbox.seqera("login --no-browser").fails(6, "does not answer as a sign-in server");
    says(&run, &["with HTML", "Check SEQERA_AUTH_DOMAIN"]);
    assert!(!run.stderr.contains("Open this address"), "{run}");
}

#[test]
fn the_answer_came_from_somebody_else() {
    let emulator = emulator();
    let provider = Provider::start(&[]);
    let sandbox = Sandbox::on(&emulator).with("SEQERA_AUTH_DOMAIN", &provider.issuer);
    provider.tamper(&serde_json::json!({ "callback": { "iss": "https://evil.example" } }));
    let login = sandbox.begin_login();
    assert_eq!(login.visit(), "400");
    let run = login.finish().fails(7, "sign-in stopped: the answer did not come from");
    says(&run, &["https://evil.example", &provider.issuer, "Nothing was stored."]);
}

#[test]
fn device_sign_in_is_not_offered() {
    let emulator = emulator();
    let provider = Provider::start(&[]);
    provider.tamper(&serde_json::json!({ "discovery": { "device_authorization_endpoint": null } }));
    let sandbox = Sandbox::on(&emulator).with("SEQERA_AUTH_DOMAIN", &provider.issuer);
    let run = sandbox.seqera("login --device").fails(6, "does not offer device sign-in");
    says(&run, &["seqera login --no-browser", "SEQERA_ACCESS_TOKEN"]);
    // Then no other message promises it.
    let sandbox = sandbox.with("SEQERA_AUTH_CALLBACK_TIMEOUT_MS", 100);
    let run = sandbox.seqera("login").fails(8, "no answer came from the browser");
    assert!(!run.stderr.contains("--device"), "{run}");
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let line = format!("login --port {}", held.local_addr().unwrap().port());
    let run = sandbox.seqera(&line).fails(3, "cannot be used");
    assert!(!run.stderr.contains("--device"), "{run}");
}

#[test]
fn nobody_came_and_somebody_left() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator).with("SEQERA_AUTH_CALLBACK_TIMEOUT_MS", 1500);
    let login = sandbox.begin_login();
    let run = login.finish().fails(8, "no answer came from the browser within 1.5 s");
    says(
        &run,
        &["SEQERA_AUTH_CALLBACK_TIMEOUT_MS", "seqera login --device", "--no-browser", "paste the address"],
    );
    let sandbox = sandbox.without("SEQERA_AUTH_CALLBACK_TIMEOUT_MS");
    let login = sandbox.begin_login();
    seqera_tests::sandbox::signal(login.id(), "INT");
    let run = login.finish().fails(130, "nothing was changed");
    assert!(!sandbox.config().join("auth.json").exists(), "{run}");
}

/// auth f.6: where there is no report the error is all there is, in one form and with nothing beside it.
#[test]
fn an_error_for_programs_has_one_form() {
    let (emulator, sandbox) = signed_in();
    let here = host(&emulator.auth_domain);
    let form = |run: Run| {
        assert_eq!(run.stdout, "", "{run}");
        let error: Value = serde_json::from_str(&run.stderr).unwrap_or_else(|error| panic!("{error}: {run}"));
        let error = &error["error"];
        let names: Vec<&String> = error.as_object().unwrap().keys().collect();
        assert_eq!(names, ["hint", "host", "kind", "message"], "{run}");
        ["kind", "message", "hint", "host"].map(|name| error[name].as_str().unwrap_or("null").to_owned())
    };
    let wrong = form(sandbox.seqera("auth status --json --profile a/b").fails(2, ""));
    let says = ["Usage", "`a/b` cannot be the name of a profile", "Use letters, digits", &here];
    for (found, says) in wrong.iter().zip(says) {
        assert!(found.starts_with(says), "{wrong:?}");
    }
    std::fs::write(sandbox.config().join("auth.json"), r#"{ "version": 2 }"#).unwrap();
    let newer = form(sandbox.seqera("auth status --json").fails(9, ""));
    assert!(newer[0] == "StoreUnavailable" && newer[1].contains("written by a newer seqera"), "{newer:?}");
    assert!(newer[2].starts_with("Use that one") && newer[3] == here, "{newer:?}");
    let nowhere = sandbox.with("SEQERA_AUTH_DOMAIN", "ftp://a.example");
    let nowhere = form(nowhere.seqera("auth status --json").fails(3, ""));
    assert!(nowhere[0] == "Configuration" && nowhere[3] == "null", "{nowhere:?}");
}

/// auth f.6: nobody signed in is a report, too.
#[test]
fn a_report_says_when_nobody_is_signed_in() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let run = sandbox.seqera("auth status --json").fails(4, "");
    let row = serde_json::from_str::<Value>(&run.stdout).unwrap()["profiles"][0].clone();
    assert_eq!(
        (&row["state"], &row["account"], &row["problem"]),
        (&"signed_out".into(), &Value::Null, &Value::Null)
    );
    assert_eq!((&row["host"], run.stderr.as_str()), (&host(&emulator.auth_domain).into(), ""));
}
