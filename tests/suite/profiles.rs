//! Several logins side by side: profiles, and authorities.

use std::fs;

use seqera_tests::emulator::{Emulator, Options};
use seqera_tests::sandbox::Sandbox;
use serde_json::Value;

use crate::emulator;

/// Alice as the default login, bob as `work`.
fn two() -> (Emulator, Sandbox) {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let _alice = sandbox.login().success();
    let login = sandbox.begin("login --no-browser --profile work");
    assert_eq!(login.visit_as("bob"), "200");
    let _bob = login.finish().success();
    (emulator, sandbox)
}

fn status(sandbox: &Sandbox, arguments: &str) -> Value {
    let run = sandbox.seqera(&format!("auth status --json {arguments}")).success();
    serde_json::from_str(&run.stdout).unwrap()
}

/// The profiles in order, each with its account.
fn accounts(status: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let rows = status["profiles"].as_array().unwrap();
    rows.iter().map(|row| (text(&row["profile"]), text(&row["account"]))).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(profile, account)| ((*profile).to_owned(), (*account).to_owned())).collect()
}

/// auth f.1: the flag, then the variable, then the default; and each is somebody.
#[test]
fn each_profile_is_its_own_login() {
    let (emulator, sandbox) = two();
    let alice = sandbox.seqera("auth token").success().stdout;
    let bob = sandbox.seqera("auth token --profile work").success().stdout;
    assert_ne!(alice, bob);
    let alice_in_charge = pairs(&[("default", "Alice Example"), ("work", "Bob Example")]);
    let bob_in_charge: Vec<_> = alice_in_charge.iter().rev().cloned().collect();
    assert_eq!(accounts(&status(&sandbox, "")), alice_in_charge);
    assert_eq!(accounts(&status(&sandbox, "--profile work")), bob_in_charge);
    assert_eq!(status(&sandbox, "")["profiles"][1]["active"], false);

    // Other plugins go by it too: bob is in one organization, alice in several.
    let sandbox = sandbox.with("SEQERA_PROFILE", "work");
    assert_eq!(accounts(&status(&sandbox, "")), bob_in_charge);
    assert_eq!(accounts(&status(&sandbox, "--profile default")), alice_in_charge, "the flag wins");
    let org = sandbox.seqera("org").success();
    assert!(org.stdout.contains("Bob & Sons"), "{org}");
    emulator.forget_requests();
    let list = sandbox.seqera("org list").success();
    assert!(list.stdout.contains("Bob & Sons"), "{list}");
    assert_eq!(emulator.count("POST", "/api/token"), 0, "nobody was renewed for that");
}

/// auth f.1: choosing one writes nothing, so that two terminals cannot disturb each other.
#[test]
fn choosing_a_profile_writes_nothing() {
    let (_emulator, sandbox) = two();
    let everything = || -> Vec<(std::path::PathBuf, std::time::SystemTime, Vec<u8>)> {
        let credentials = sandbox.config().join("credentials");
        let mut files: Vec<_> = [sandbox.config(), credentials]
            .iter()
            .flat_map(|dir| fs::read_dir(dir).unwrap().map(|item| item.unwrap().path()))
            .filter(|path| path.is_file())
            .map(|path| {
                let modified = fs::metadata(&path).unwrap().modified().unwrap();
                let bytes = fs::read(&path).unwrap();
                (path, modified, bytes)
            })
            .collect();
        files.sort();
        files
    };
    let before = everything();
    for line in ["auth status --profile work", "auth token --profile work", "auth token", "auth status"] {
        let _run = sandbox.seqera(line).success();
    }
    assert_eq!(before, everything());
}

/// auth f.1: signing out of one leaves the other.
#[test]
fn signing_out_of_one_leaves_the_other() {
    let (emulator, sandbox) = two();
    let run = sandbox.seqera("logout --profile work").success();
    assert!(run.stderr.contains("(profile work)"), "{run}");
    assert_eq!(emulator.live_tokens(), 2);
    assert_eq!(accounts(&status(&sandbox, "")), pairs(&[("default", "Alice Example")]));
    let gone = sandbox.seqera("auth token --profile work").fails(4, "you are not signed in");
    assert!(gone.stderr.contains("Run `seqera login --profile work`"), "{gone}");
    let _works = sandbox.seqera("org list").success();
}

/// A name stands in file names, keychain items and messages: one that could be something else is refused where it was
/// given.
#[test]
fn a_name_that_is_none_is_refused() {
    let emulator = emulator();
    for name in ["../x", "a/b", "a|b", "", "two words", "ä", &"x".repeat(65)] {
        let sandbox = Sandbox::on(&emulator);
        for words in [["auth", "status"], ["auth", "token"]] {
            let run = sandbox.run(sandbox.command([words[0], words[1], "--profile", name]));
            let _refused = run.fails(2, "cannot be the name of a profile");
        }
        for word in ["login", "logout"] {
            let run = sandbox.run(sandbox.command([word, "--profile", name]));
            let _refused = run.fails(2, "cannot be the name of a profile");
        }
        if !name.is_empty() {
            let sandbox = sandbox.with("SEQERA_PROFILE", name);
            let run = sandbox.seqera("auth token").fails(3, "cannot be the name of a profile");
            assert!(run.stderr.contains("SEQERA_PROFILE"), "who has to act: {run}");
        }
        assert!(!Sandbox::on(&emulator).config().join("auth.json").exists());
    }
    assert_eq!(emulator.requests().len(), 0);
}

/// auth f.2: one authority, however it is written, is one login; another authority never gets its token.
#[test]
fn authorities_side_by_side() {
    let (one, other) = (emulator(), Emulator::start(Options::default()).unwrap());
    let sandbox = Sandbox::on(&one);
    let _one = sandbox.login().success();
    let token = sandbox.seqera("auth token").success().stdout;
    for same in [format!("{}/", one.auth_domain), one.auth_domain.replace("http:", "HTTP:")] {
        let sandbox_token = {
            let mut command = sandbox.command(["auth", "token"]);
            command.env("SEQERA_AUTH_DOMAIN", &same);
            sandbox.run(command).success().stdout
        };
        assert_eq!(sandbox_token, token, "{same}");
    }
    let sandbox = sandbox.with("SEQERA_AUTH_DOMAIN", &other.auth_domain);
    for line in ["auth token", "auth token --force-refresh", "org list", "auth status --check"] {
        let run = sandbox.seqera(line);
        assert_eq!(run.code, 4, "{line}: {run}");
    }
    assert_eq!(other.requests().len(), 0, "nothing of one is sent to the other");
    let _other = sandbox.login().success();
    assert_ne!(sandbox.seqera("auth token").success().stdout, token);
    let rows = status(&sandbox, "");
    let issuers: Vec<&Value> =
        rows["profiles"].as_array().unwrap().iter().map(|row| &row["issuer"]).collect();
    assert_eq!(issuers, [&other.auth_domain, &one.auth_domain]);
    let sandbox = sandbox.with("SEQERA_AUTH_DOMAIN", &one.auth_domain);
    assert_eq!(sandbox.seqera("auth token").success().stdout, token, "the first is as it was");
    assert_eq!(one.count("POST", "/api/revoke"), 0);
}

/// auth f.1: another client of the same authority is another login.
#[test]
fn another_client_is_another_login() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let _login = sandbox.login().success();
    let sandbox = sandbox.with("SEQERA_AUTH_CLI_CLIENT_ID", "another");
    let _nobody = sandbox.seqera("auth token").fails(4, "you are not signed in");
}
