//! A session over time: renewal, rotation, many processes, servers that fail.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use seqera_tests::emulator::{Emulator, Fault, Options};
use seqera_tests::sandbox::{Sandbox, finished, signal};
use serde_json::json;

use crate::renewal::{change, end, expire, start};

/// Signed in with an access token that has ended.
pub(crate) fn expired() -> (Emulator, Sandbox) {
    let emulator = Emulator::start(Options { ttl_access: 1, ..Options::default() }).unwrap();
    let sandbox = Sandbox::on(&emulator);
    let _login = sandbox.login().success();
    emulator.configure(|options| options.ttl_access = 3600);
    std::thread::sleep(Duration::from_millis(1100));
    emulator.forget_requests();
    (emulator, sandbox)
}

fn refreshes(emulator: &Emulator) -> usize {
    emulator.requests().iter().filter(|entry| entry.path == "/api/token" && entry.status == 200).count()
}

#[test]
fn an_ended_token_is_renewed_once_and_rotated() {
    let (emulator, sandbox) = expired();
    for _ in 0..3 {
        let _list = sandbox.seqera("org list").success();
    }
    assert_eq!(refreshes(&emulator), 1);
    let _forced = sandbox.seqera("auth token --force-refresh").success();
    let _forced = sandbox.seqera("auth token --force-refresh").success();
    assert_eq!(refreshes(&emulator), 3, "each renewal used the newest refresh token");
}

#[test]
fn a_token_for_longer_work_is_renewed_early_and_never_promised() {
    let emulator = Emulator::start(Options { ttl_access: 900, ..Options::default() }).unwrap();
    let sandbox = Sandbox::on(&emulator);
    let _login = sandbox.login().success();
    let token = |seconds: u32| sandbox.seqera(&format!("auth token --min-ttl {seconds}"));
    let first = token(300).success().stdout;
    assert_eq!((token(0).success().stdout, refreshes(&emulator)), (first.clone(), 1));
    emulator.configure(|options| options.ttl_access = 3600);
    let refused = token(1800).fails(1, "no token that lives 1800 s can be had");
    assert_eq!((refused.stdout.as_str(), refreshes(&emulator)), ("", 1), "the next would be no longer");
    // A while later: the server may have changed its mind.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    change(&sandbox, &json!({ "obtained_at": now - 100, "expires_at": now + 800 }));
    let second = token(1800).success().stdout;
    assert_ne!(second, first, "15 minutes are less than half an hour");
    assert_eq!((token(1800).success().stdout, refreshes(&emulator)), (second, 2));
    let refused = token(7200).fails(1, "no token that lives 7200 s can be had");
    assert_eq!(refused.stdout, "", "no token that ends in the middle of the work");
    assert!(refused.stderr.contains("Ask for less with --min-ttl."), "{refused}");
    let _wrong = sandbox.seqera("auth token --min-ttl=-1").fails(2, "--min-ttl");
}

/// What cannot be renewed is no reason to say that it has ended, as long as nobody refused it.
#[test]
fn a_token_that_cannot_be_renewed_is_said_and_used() {
    let emulator = Emulator::start(Options { refresh_tokens: false, ..Options::default() }).unwrap();
    let personal = Sandbox::on(&emulator);
    let _login = personal.seqera_with_input("login --with-token", &emulator.access_token).success();
    let session = Sandbox::on(&emulator);
    let _login = session.login().success();
    for sandbox in [personal, session] {
        let token = sandbox.seqera("auth token").success().stdout;
        let forced = sandbox.seqera("auth token --force-refresh").success();
        assert_eq!((&forced.stdout, emulator.count("POST", "/api/token")), (&token, 1));
        assert_eq!(forced.stderr, "This is the stored token; it cannot be renewed.\n");
        let _works = sandbox.seqera("org list").success();
        emulator.fault(Fault::status("organizations", 401));
        let _refused = sandbox.seqera("org list").fails(4, "");
    }
}

#[test]
fn eight_processes_make_one_renewal_and_nobody_is_signed_out() {
    let (emulator, sandbox) = expired();
    emulator.fault(Fault { ms: 400, ..Fault::new("token", "delay") });
    let children: Vec<_> = (0..8)
        .map(|_| {
            sandbox.command(["auth", "token"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let mut tokens: Vec<String> = children
        .into_iter()
        .map(|child| {
            let output = child.wait_with_output().unwrap();
            finished(output.status, &output.stdout, &output.stderr).success().stdout
        })
        .collect();
    tokens.dedup();
    assert_eq!(tokens.len(), 1);
    assert_eq!(refreshes(&emulator), 1);
    let _still = sandbox.seqera("auth token --force-refresh").success();
}

#[test]
fn failures_that_pass_keep_the_session() {
    for fault in [
        Fault::status("token", 503).times(3),
        Fault::status("token", 429).times(3),
        Fault::new("token", "html").times(3),
        Fault::new("token", "drop").times(3),
        Fault::status("discovery", 503),
        Fault::new("discovery", "drop"),
    ] {
        let (emulator, sandbox) = expired();
        let name = format!("{} {} {}", fault.route, fault.action, fault.status);
        emulator.fault(fault);
        let run = sandbox.seqera("org list").fails(5, "You are still signed in");
        assert_eq!(run.stdout, "", "{name}");
        let _next_time = sandbox.seqera("org list").success();
    }
}

#[test]
fn one_failure_is_not_noticed() {
    let (emulator, sandbox) = expired();
    emulator.fault(Fault::status("token", 503));
    let run = sandbox.seqera("org list").success();
    assert_eq!(run.stderr, "");
    assert_eq!(refreshes(&emulator), 1);
}

#[test]
fn an_answer_that_was_lost_after_rotation_ends_in_a_clear_word() {
    let (emulator, sandbox) = expired();
    emulator.fault(Fault::new("token", "drop").after());
    let _ended = sandbox.seqera("org list").fails(4, "your session on");
    let _no_loop = sandbox.seqera("org list").fails(4, "your session on");
    let _again = sandbox.login().success();
    let _works = sandbox.seqera("org list").success();
}

#[test]
fn a_session_that_the_server_ended_asks_for_a_new_one() {
    let (emulator, sandbox) = expired();
    emulator.revoke_all();
    let run = sandbox.seqera("org list").fails(4, "has ended");
    assert!(run.stderr.contains("hint: Run `seqera login`."), "{run}");
    let status = sandbox.seqera("auth status --json").fails(4, "");
    assert!(status.stdout.contains("needs_login"), "{status}");
    emulator.forget_requests();
    let _at_once = sandbox.seqera("org list").fails(4, "has ended");
    assert_eq!(emulator.requests().len(), 0, "nobody asks a second time");
}

#[test]
fn an_account_that_may_not_any_more_keeps_its_login() {
    let (emulator, sandbox) = expired();
    emulator.fault(Fault::status("token", 403));
    let _refused = sandbox.seqera("org list").fails(1, "your account may not do this any more");
    let _later = sandbox.seqera("org list").success();
    emulator.fault(Fault::status("organizations", 403));
    let run = sandbox.seqera("org list").fails(1, "your account may not list organizations");
    assert!(run.stderr.contains("You are still signed in"), "{run}");
    let _later = sandbox.seqera("org list").success();
}

#[test]
fn a_401_brings_one_renewal_and_one_more_try() {
    let emulator = Emulator::start(Options::default()).unwrap();
    let sandbox = Sandbox::on(&emulator);
    let _login = sandbox.login().success();
    emulator.forget_requests();
    emulator.fault(Fault::status("organizations", 401));
    let _list = sandbox.seqera("org list").success();
    assert_eq!((emulator.count("GET", "/v1/cli/organizations"), refreshes(&emulator)), (2, 1));
    emulator.forget_requests();
    emulator.fault(Fault::status("organizations", 401).times(5));
    let _refused = sandbox.seqera("org list").fails(4, "does not accept your session");
    assert_eq!((emulator.count("GET", "/v1/cli/organizations"), refreshes(&emulator)), (2, 1));
}

/// Issue 4: a long session of the assistant never sees an expired token.
#[test]
fn a_session_of_the_assistant_outlives_its_tokens() {
    let emulator = Emulator::start(Options { ttl_access: 3, ..Options::default() }).unwrap();
    let sandbox = Sandbox::on(&emulator);
    let _login = sandbox.login().success();
    emulator.forget_requests();
    let mut steps = vec![json!({ "execute": "execute_bash_local", "args": { "command": "sleep 4" } }); 2];
    steps.push(json!({ "type": "text-delta", "delta": "done" }));
    steps.push(json!({ "type": "finish", "finishReason": "stop" }));
    emulator.script(steps);
    let run = sandbox.seqera("ai --headless --approval-mode full go").success();
    assert!(run.stdout.contains("done"), "{run}");
    let requests = emulator.requests();
    let told = requests.iter().filter(|entry| entry.path.ends_with("/tool-results")).count();
    assert_eq!(told, 2, "{run}");
    assert!(refreshes(&emulator) >= 2, "each command took longer than a token lives");
    let refused: Vec<_> = requests.iter().filter(|entry| entry.status == 401).collect();
    assert!(refused.is_empty(), "{refused:?}");
}

#[test]
fn without_rotation_the_refresh_token_stays() {
    let (emulator, sandbox) = expired();
    emulator.configure(|options| options.rotate = false);
    for _ in 0..3 {
        let _forced = sandbox.seqera("auth token --force-refresh").success();
    }
    assert_eq!(refreshes(&emulator), 3);
}

#[test]
fn killed_at_any_moment_of_a_renewal_the_store_is_whole() {
    let (emulator, sandbox) = expired();
    for round in 0..20 {
        emulator.fault(Fault { ms: 20, ..Fault::new("token", "delay") });
        let mut child = sandbox
            .command(["auth", "token", "--force-refresh"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(10 + round * 5));
        signal(child.id(), "KILL");
        let _killed = child.wait();
        for item in fs::read_dir(sandbox.config().join("credentials")).unwrap() {
            let path = item.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let text = fs::read_to_string(&path).unwrap();
                let _whole: serde_json::Value = serde_json::from_str(&text).unwrap();
            }
        }
        // A token that was rotated and not stored is lost; then there is one clear word, and a new sign-in.
        let run = sandbox.seqera("auth token");
        assert!(run.code == 0 || run.stderr.contains("Run `seqera login`"), "{run}");
        if run.code != 0 {
            let _again = sandbox.login().success();
        }
    }
}

/// auth f.3, b.42: whichever command renews, and on whichever thread; one signal, or two of somebody who is in a hurry.
#[test]
fn a_signal_waits_until_a_renewal_is_stored() {
    let (emulator, sandbox) = expired();
    for line in ["auth token", "org list", "info", "ai --headless hello"] {
        for signals in [&["INT"][..], &["TERM"], &["HUP"], &["INT", "INT"]] {
            let what = format!("{line}, {signals:?}");
            expire(&sandbox);
            emulator.forget_requests();
            emulator.fault(Fault { ms: 900, ..Fault::new("token", "delay") }.after());
            let child = start(sandbox.command(line.split(' ')));
            std::thread::sleep(Duration::from_millis(500));
            for name in signals {
                signal(child.id(), name);
                std::thread::sleep(Duration::from_millis(100));
            }
            let run = end(child);
            let number = match signals[0] {
                "TERM" => 15,
                "HUP" => 1,
                _ => 2,
            };
            assert_eq!(run.code, 128 + number, "{what}: {run}");
            assert_eq!(refreshes(&emulator), 1, "{what}: {run}");
            let next = sandbox.seqera("auth token --force-refresh");
            assert_eq!(next.code, 0, "{what}: {next}");
        }
    }
}

/// auth f.3: as long as nothing was sent nothing can be lost, and nobody is made to wait.
#[test]
fn a_signal_before_anything_was_sent_ends_it_at_once() {
    let (emulator, sandbox) = expired();
    emulator.fault(Fault { ms: 5000, ..Fault::new("discovery", "delay") });
    let began = Instant::now();
    let child = start(sandbox.command(["auth", "token"]));
    std::thread::sleep(Duration::from_millis(700));
    signal(child.id(), "INT");
    let run = end(child).fails(130, "");
    assert!(began.elapsed() < Duration::from_secs(4), "{run}");
    assert_eq!(emulator.count("POST", "/api/token"), 0, "{run}");
    let _still = sandbox.seqera("auth token").success();
}

#[test]
fn a_store_that_makes_no_sense_is_kept_and_named() {
    let (_emulator, sandbox) = expired();
    let dir = sandbox.config().join("credentials");
    let file = fs::read_dir(&dir)
        .unwrap()
        .map(|item| item.unwrap().path())
        .find(|path| path.to_string_lossy().ends_with(".json"))
        .unwrap();
    fs::write(&file, "{ half").unwrap();
    let _kept = sandbox.seqera("auth token").fails(9, "it was kept as");
    assert!(
        fs::read_dir(&dir).unwrap().any(|item| item.unwrap().path().to_string_lossy().contains("corrupt-"))
    );
    let _again = sandbox.login().success();
    let newer = fs::read_to_string(&file).unwrap().replace("\"v\":1", "\"v\":2");
    fs::write(&file, &newer).unwrap();
    let _refused = sandbox.seqera("auth token").fails(9, "written by a newer seqera");
    assert_eq!(fs::read_to_string(&file).unwrap(), newer, "it is not overwritten");
}

/// auth f.6: the index can be made again from what it points to.
#[test]
fn an_index_that_makes_no_sense_is_kept_and_stands_in_nobodys_way() {
    let emulator = Emulator::start(Options::default()).unwrap();
    let sandbox = Sandbox::on(&emulator);
    let index = sandbox.config().join("auth.json");
    let kept = || {
        let items = fs::read_dir(sandbox.config()).unwrap().map(|item| item.unwrap().path());
        items.filter(|path| path.to_string_lossy().contains("auth.corrupt-")).collect::<Vec<_>>()
    };
    for (line, variable) in [
        ("auth token", false),
        ("auth status", false),
        ("auth status", true),
        ("org list", false),
        ("logout", false),
        ("logout --all", false),
    ] {
        let _login = sandbox.login().success();
        fs::write(&index, "{ half").unwrap();
        let mut command = sandbox.command(line.split(' '));
        if variable {
            command.env("SEQERA_ACCESS_TOKEN", &emulator.access_token);
        }
        let run = sandbox.run(command).success();
        let [aside] = kept().try_into().unwrap();
        let said = format!("{} could not be understood and was kept as {}", index.display(), aside.display());
        assert_eq!(run.stderr.matches(&said).count(), 1, "{line}: {run}");
        assert_eq!(fs::read_to_string(&aside).unwrap(), "{ half");
        fs::remove_file(aside).unwrap();
        if line.starts_with("logout") {
            let _nobody = sandbox.seqera("auth token").fails(4, "you are not signed in");
            assert_eq!(emulator.live_tokens(), 0, "{line}");
        } else {
            let status = sandbox.seqera("auth status --check").success();
            assert!(status.stdout.contains("Account: Alice Example"), "{status}");
        }
    }
    fs::write(&index, "{ half").unwrap();
    let _login = sandbox.login().success();

    let newer = r#"{ "version": 2, "sessions": "in another form" }"#;
    fs::write(&index, newer).unwrap();
    let _refused = sandbox.seqera("login --no-browser").fails(9, "was written by a newer seqera");
    assert_eq!(fs::read_to_string(&index).unwrap(), newer, "it is neither moved nor overwritten");
}
