//! Conversations of the assistant: what a session is told about its directory, what is never sent, and sessions that are
//! gone on with.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use seqera_tests::emulator::{Emulator, Fault};
use seqera_tests::sandbox::Sandbox;
use serde_json::{Value, json};

use crate::emulator;
use crate::terminal::Terminal;

fn alice() -> (Emulator, Sandbox) {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator).with("SEQERA_ACCESS_TOKEN", &emulator.access_token);
    (emulator, sandbox)
}

fn text(delta: &str) -> Value {
    json!({ "type": "text-delta", "delta": delta })
}

fn stop() -> Value {
    json!({ "type": "finish", "finishReason": "stop" })
}

fn write(path: &Path, content: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// The body of the last session that was made.
fn told(emulator: &Emulator) -> Value {
    let requests = emulator.requests();
    let made =
        |entry: &&seqera_tests::emulator::Entry| entry.method == "POST" && entry.path.ends_with("/sessions");
    requests.iter().rev().find(made).unwrap().body.clone()
}

#[test]
fn a_session_is_told_about_its_directory() {
    let (emulator, sandbox) = alice();
    let home = sandbox.home();
    let workspace = home.join("ws");
    write(&workspace.join("main.nf"), "workflow { }\n");
    write(&workspace.join("modules/a.nf"), "");
    write(&workspace.join(".seqera/docs/usage.md"), "how to use it");
    write(&workspace.join(".seqera/memory/facts.md"), "what was learnt");
    write(&home.join("AGENTS.md"), "be kind");
    write(&workspace.join("AGENTS.md"), "be brief");
    let places = [
        "ws/.seqera/skills",
        "ws/.agents/skills",
        ".config/seqera/skills",
        ".seqera/skills",
        ".agents/skills",
        ".config/agents/skills",
    ];
    for (number, place) in places.iter().enumerate() {
        let skill = format!("---\nname: skill-{number}\ndescription: does {number}\n---\n");
        write(&home.join(place).join(format!("s{number}/SKILL.md")), &skill);
    }
    let mut command = sandbox.command(["ai", "--headless", "hello"]);
    command.current_dir(&workspace);
    let _run = sandbox.run(command).success();
    let body = told(&emulator);
    let context = &body["directory_context"];
    assert_eq!(body["cwd"], context["cwd"]);
    assert!(body["cwd"].as_str().unwrap().ends_with("/home/ws"));
    assert_eq!(
        (&context["main_nf_path"], &context["main_nf_content"]),
        (&"main.nf".into(), &"workflow { }".into())
    );
    assert_eq!(context["directory_tree"], "modules/\n  a.nf\nAGENTS.md\nmain.nf");
    assert_eq!(context["git_status"]["is_git_repo"], false);
    assert_eq!(context["pipeline_docs"][0]["content"], "how to use it");
    assert_eq!(context["pipeline_memory"][0]["content"], "what was learnt");
    let skills: Vec<(&str, &str)> = context["project_skills"]
        .as_array()
        .unwrap()
        .iter()
        .map(|skill| (skill["name"].as_str().unwrap(), skill["source"].as_str().unwrap()))
        .collect();
    assert_eq!(
        skills,
        [
            ("skill-0", "project"),
            ("skill-1", "project"),
            ("skill-2", "user"),
            ("skill-3", "user"),
            ("skill-4", "user"),
            ("skill-5", "user"),
        ]
    );
    let instructions = body["instruction_context"].as_str().unwrap();
    assert!(instructions.contains("be kind\n\n") && instructions.ends_with("be brief"), "{instructions}");
}

/// The emulator refuses a longer one.
#[test]
fn the_body_of_a_session_fits_whatever_the_directory_holds() {
    let (emulator, sandbox) = alice();
    for number in 0..80 {
        write(&sandbox.home().join(format!("directory{number:02}/\"quoted\" ünd 🧬{number}")), "");
        let skill = format!("---\nname: s{number}\ndescription: {}\n---\n", "\"🧬".repeat(100));
        write(&sandbox.home().join(format!(".seqera/skills/s{number}/SKILL.md")), &skill);
        write(&sandbox.home().join(format!(".seqera/docs/{number}.md")), &"\u{1}\n".repeat(4000));
    }
    write(&sandbox.home().join("main.nf"), &"// \"\\\"\n".repeat(3000));
    write(&sandbox.home().join("AGENTS.md"), &"\t".repeat(100_000));
    let _run = sandbox.seqera("ai --headless hello").success();
    let length = told(&emulator).to_string().encode_utf16().count();
    assert!((15_000..=20_000).contains(&length), "{length}");
}

#[test]
fn a_directory_that_cannot_be_looked_at_holds_nothing_up() {
    use std::os::unix::fs::PermissionsExt;

    let (emulator, sandbox) = alice();
    let home = sandbox.home();
    // A pipe that nobody writes into, a git that never answers, a link in a circle.
    for name in ["main.nf", "AGENTS.md"] {
        let made = std::process::Command::new("mkfifo").arg(home.join(name)).status().unwrap();
        assert!(made.success());
    }
    write(&home.join(".git/HEAD"), "");
    let bin = sandbox.root().join("bin");
    write(&bin.join("git"), "#!/bin/sh\nsleep 60\n");
    fs::set_permissions(bin.join("git"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(home.join(".agents")).unwrap();
    std::os::unix::fs::symlink(&home, home.join(".agents/skills")).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let sandbox = sandbox.with("PATH", path);
    let started = std::time::Instant::now();
    let _run = sandbox.seqera("ai --headless hello").success();
    assert!(started.elapsed() < std::time::Duration::from_secs(20), "{:?}", started.elapsed());
    assert!(told(&emulator)["directory_context"]["directory_listing"].as_str().unwrap().contains("main.nf"));
}

/// Everything that was kept below HOME, but for settings and credentials.
fn kept(directory: &Path, all: &mut String) {
    for item in fs::read_dir(directory).into_iter().flatten().flatten() {
        if item.path().is_dir() {
            kept(&item.path(), all);
        } else {
            all.push_str(&String::from_utf8_lossy(&fs::read(item.path()).unwrap()));
        }
    }
}

#[test]
fn no_secret_is_sent_shown_or_kept() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator).with("PIPELINE_API_KEY", "k3y-of \"mine\"");
    let _login = sandbox.login().success();
    let token = sandbox.seqera("auth token").success().stdout.trim().to_owned();
    for secret in [token.as_str(), "k3y-of \"mine\""] {
        emulator.forget_requests();
        write(&sandbox.home().join("main.nf"), &format!("x = '{secret}'\n"));
        write(&sandbox.home().join("AGENTS.md"), &format!("use {secret}\n"));
        let (one, two) = secret.split_at(secret.len() / 2);
        emulator.script(vec![
            text(&format!("it is {one}")),
            text(two),
            text(" indeed "),
            json!({ "type": "reasoning", "delta": format!("so {secret} and {one}") }),
            json!({ "type": "reasoning", "delta": two }),
            json!({ "type": "tool-call", "toolCallId": "1", "toolName": "t", "args": { "x": secret } }),
            json!({ "type": "tool-result", "toolCallId": "1", "result": { "x": secret } }),
            json!({ "execute": "execute_bash_local", "args": { "command": "cat main.nf" } }),
            json!({ "execute": "execute_bash_local", "args": { "command": format!("echo {secret}") } }),
            text("end"),
            stop(),
        ]);
        let options =
            ["--show-thinking", "--show-tools", "--show-tool-results", "--events-path", "events.jsonl"];
        let question = format!("is it {secret}?");
        let command = [&["ai", "--headless"], options.as_slice(), &[&question]].concat();
        let run = sandbox.run(sandbox.command(command)).success();
        let mut everything = format!("{run}");
        kept(&sandbox.home().join(".local/state"), &mut everything);
        everything.push_str(&fs::read_to_string(sandbox.home().join("events.jsonl")).unwrap());
        for entry in emulator.requests() {
            everything.push_str(&entry.body.to_string());
        }
        // Each part of what the assistant thinks is a line of its own.
        everything.push_str(&everything.replace("\n[thinking] ", ""));
        for form in [secret.to_owned(), secret.replace('"', "\\\""), secret.replace('"', "\\\\\\\"")] {
            assert!(!everything.contains(&form), "{form} in {everything}");
        }
        assert!(run.stdout.starts_with("it is ") && run.stdout.contains(" indeed "), "{run}");
        assert!(everything.contains("cat main.nf"), "the tool was used: {run}");
    }
}

#[test]
fn a_conversation_without_a_question_makes_no_session() {
    let (emulator, sandbox) = alice();
    let mut terminal = Terminal::run(&sandbox, &["ai"]);
    terminal.wait_for("> ");
    terminal.type_line("/session");
    terminal.wait_for("There is no session yet");
    terminal.type_line("/exit");
    assert_eq!(terminal.end(), 0);
    assert_eq!(emulator.count("POST", "/v1/cli/sessions"), 0);
}

#[test]
fn which_session_is_gone_on_with() {
    let (emulator, sandbox) = alice();
    let run = sandbox.seqera("ai --headless -c hello").success();
    assert!(run.stderr.contains("there is no session of this directory"), "{run}");
    // One: it is this one, and nothing has to be said.
    let run = sandbox.seqera("ai --headless -c hello").success();
    assert_eq!((emulator.count("POST", "/v1/cli/sessions"), run.stderr.as_str()), (1, ""), "{run}");
    // Of another directory.
    fs::create_dir(sandbox.home().join("other")).unwrap();
    let mut elsewhere = sandbox.command(["ai", "--headless", "-c", "hello"]);
    elsewhere.current_dir(sandbox.home().join("other"));
    let run = sandbox.run(elsewhere).success();
    assert!(run.stderr.contains("there is no session of this directory"), "{run}");
    let _unknown =
        sandbox.seqera("ai --headless -s nowhere hello").fails(1, "the server has no session nowhere");
    // Servers make ids of letters that stand for six bits each, and `-` is one.
    let _unknown = sandbox.seqera("ai --headless -s -q5 hello").fails(1, "the server has no session -q5");
    let _empty =
        sandbox.run(sandbox.command(["ai", "--headless", "-s", "", "hello"])).fails(2, "-s needs the id");
    let _both = sandbox.seqera("ai --headless -c -s x hello").fails(2, "cannot be used with");
    let list = sandbox.seqera("ai sessions list").success().stdout;
    assert!(!list.contains("nowhere"), "it is no session: {list}");
    let nowhere = sandbox.with("SEQERA_AI_CWD", "/no/such");
    let run = nowhere.seqera("ai --headless hello").fails(3, "the workspace /no/such is no directory");
    assert!(run.stderr.contains("SEQERA_AI_CWD"), "{run}");
}

#[test]
fn a_session_that_another_process_goes_on_with_is_left_alone() {
    let (emulator, sandbox) = alice();
    emulator.script(vec![text("begun"), stop()]);
    let _run = sandbox.seqera("ai --headless go").success();
    let list = sandbox.seqera("ai sessions list --json").success().stdout;
    let list: Value = serde_json::from_str(&list).unwrap();
    let id = list["sessions"][0]["session_id"].as_str().unwrap().to_owned();
    emulator.script(vec![text("again"), json!({ "sleep_ms": 30_000 })]);
    let mut first = sandbox
        .command(["ai", "--headless", "-s", &id, "go"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut seen = [0; 5];
    std::io::Read::read_exact(first.stdout.as_mut().unwrap(), &mut seen).unwrap();
    let _in_use = sandbox
        .run(sandbox.command(["ai", "--headless", "-s", &id, "go"]))
        .fails(1, "in use by another process");
    first.kill().unwrap();
    first.wait().unwrap();
    // Killed without a word: the lock is gone with it.
    emulator.script(vec![text("third"), stop()]);
    let run = sandbox.run(sandbox.command(["ai", "--headless", "-s", &id, "go"])).success();
    assert_eq!(run.stdout, "third\n");
}

#[test]
fn a_stream_that_is_refused_because_the_server_is_busy_is_asked_for_again() {
    for status in [429, 408, 503] {
        let (emulator, sandbox) = alice();
        emulator.fault(Fault::status("events", status).times(2));
        let run = sandbox.seqera("ai --headless hello").success();
        assert!(run.stdout.starts_with("Hello Alice"), "{status}: {run}");
    }
}

#[test]
fn what_was_said_is_listed_and_shown_here() {
    let (emulator, sandbox) = alice();
    emulator.script(vec![
        text("the \u{1b}[31mansw"),
        text("er"),
        json!({ "execute": "execute_bash_local", "args": { "command": "rm -rf x" } }),
        stop(),
    ]);
    let _run = sandbox.run(sandbox.command(["ai", "--headless", "what\u{1b}[2J is it?"])).fails(10, "");
    let list = sandbox.seqera("ai sessions list").success();
    assert!(list.stdout.contains("what is it?") && !list.stdout.contains('\u{1b}'), "{list}");
    let id = list.stdout.split_whitespace().next().unwrap();
    let shown = sandbox.run(sandbox.command(["ai", "sessions", "show", id])).success();
    assert!(shown.stdout.contains("> what is it?\n\nthe answer"), "{shown}");
    assert!(shown.stdout.contains("approval required") && !shown.stdout.contains('\u{1b}'), "{shown}");
    let _unknown = sandbox.seqera("ai sessions show nothing").fails(1, "no record of a session nothing");
    let _unknown = sandbox.seqera("ai sessions show --json -- -q5").fails(1, "no record of a session -q5");
    // The decision is in the audit, and the file is for its owner only.
    let audit = sandbox.home().join(".local/state/seqera/ai/audit.jsonl");
    let line: Value =
        serde_json::from_str(fs::read_to_string(&audit).unwrap().lines().next().unwrap()).unwrap();
    assert_eq!(
        (&line["decision"], &line["by"], &line["subject"]),
        (&"refused".into(), &"nobody".into(), &"rm -rf x".into())
    );
    assert_eq!(line["session_id"], id);
    sandbox.configure("ai_journal_days = 0\n");
    emulator.script(vec![text("unkept words"), stop()]);
    let _run = sandbox.seqera("ai --headless go").success();
    let mut all = String::new();
    kept(&sandbox.home(), &mut all);
    assert!(!all.contains("unkept words"));
}

#[test]
fn a_session_that_cannot_be_recorded_says_so_once_and_goes_on() {
    let (emulator, sandbox) = alice();
    let state = sandbox.home().join(".local/state/seqera");
    write(&state.join("ai"), "no directory");
    emulator.script(vec![
        json!({ "execute": "execute_bash_local", "args": { "command": "pwd" } }),
        text("all the same"),
        stop(),
    ]);
    let run = sandbox.seqera("ai --headless go").success();
    assert_eq!(run.stdout, "all the same\n");
    assert_eq!(run.stderr.matches("warning: this session is not recorded: ").count(), 1, "{run}");
    assert!(run.stderr.contains("seqera/ai"), "{run}");
}

/// Whatever is kept of a conversation goes when its time is over, and what is younger stays.
#[test]
fn what_was_said_is_kept_as_long_as_the_settings_say() {
    let (emulator, sandbox) = alice();
    let state = sandbox.home().join(".local/state/seqera/ai");
    let run = |word: &str| {
        emulator.script(vec![
            json!({ "execute": "execute_bash_local", "args": { "command": format!("seq 1 9999; echo {word}") } }),
            text(word),
            stop(),
        ]);
        sandbox.seqera("ai --headless --approval-mode full go").success()
    };
    let everything = || {
        let mut all = String::new();
        ["sessions", "output"].iter().for_each(|name| kept(&state.join(name), &mut all));
        all
    };
    let _first = run("yesterday");
    assert!(everything().contains("yesterday") && fs::read_dir(state.join("output")).unwrap().count() == 1);
    // Three days pass.
    for directory in [&state.join("sessions"), &state.join("output")] {
        for item in fs::read_dir(directory).unwrap() {
            let file = fs::File::options().write(true).open(item.unwrap().path()).unwrap();
            let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3 * 24 * 3600);
            file.set_modified(long_ago).unwrap();
        }
    }
    fs::remove_file(state.join("sessions/.pruned")).unwrap();
    sandbox.configure("ai_journal_days = 4\n");
    let _second = run("today");
    assert!(everything().contains("yesterday"), "four days");
    fs::remove_file(state.join("sessions/.pruned")).unwrap();
    sandbox.configure("ai_journal_days = 2\n");
    let _third = run("tomorrow");
    let left = everything();
    let words = ["yesterday", "today", "tomorrow"].map(|word| left.contains(word));
    assert_eq!(words, [false, true, true]);
    // Whoever wants something else is told when it cannot be.
    sandbox.configure("ai_journal_days = \"none\"\nai_send_commits = \"yes\"\n");
    let told = run("word").stderr;
    assert_eq!(told.matches("ai_journal_days is a number, not none").count(), 1, "{told}");
    assert_eq!(told.matches("ai_send_commits is true or false, not yes").count(), 1, "{told}");
}

/// A run that is killed in the middle of its answer.
fn killed(emulator: &Emulator, sandbox: &Sandbox) {
    emulator.script(vec![text("begun"), json!({ "sleep_ms": 60_000 })]);
    let mut killed = sandbox
        .command(["ai", "--headless", "go"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut seen = [0; 5];
    std::io::Read::read_exact(killed.stdout.as_mut().unwrap(), &mut seen).unwrap();
    killed.kill().unwrap();
    killed.wait().unwrap();
}

/// The server lists sessions that are over, and this one was never said to be.
#[test]
fn a_session_whose_process_was_killed_is_the_newest_all_the_same() {
    let (emulator, sandbox) = alice();
    let _before = sandbox.seqera("ai --headless hello").success();
    killed(&emulator, &sandbox);
    let sessions = emulator.count("POST", "/v1/cli/sessions");
    emulator.script(vec![text("the rest"), stop()]);
    let run = sandbox.seqera("ai --headless -c go").success();
    assert_eq!(run.stdout, "the rest\n");
    assert!(run.stderr.contains("the newest of 2 sessions of this directory: go ("), "{run}");
    assert_eq!(emulator.count("POST", "/v1/cli/sessions"), sessions, "no new one");
    // One that the server does not have any more is left out.
    killed(&emulator, &sandbox);
    emulator.fault(Fault::status("history", 404));
    let run = sandbox.seqera("ai --headless -c hello").success();
    assert!(run.stderr.contains("the newest of 2 sessions of this directory: go ("), "{run}");
    assert_eq!(emulator.count("POST", "/v1/cli/sessions"), sessions + 1, "that of the killed run");
}

/// The run of a process that was killed goes on at the server: it must not speak in the answer to another question.
#[test]
fn a_run_that_nobody_follows_any_more_does_not_answer_for_the_next() {
    let (emulator, sandbox) = alice();
    emulator.script(vec![text("begun"), json!({ "sleep_ms": 1500 }), text("of the old one"), stop()]);
    let mut left = sandbox
        .command(["ai", "--headless", "go"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut seen = [0; 5];
    std::io::Read::read_exact(left.stdout.as_mut().unwrap(), &mut seen).unwrap();
    left.kill().unwrap();
    left.wait().unwrap();
    emulator.script(vec![json!({ "sleep_ms": 3000 }), text("of the new one"), stop()]);
    let run = sandbox.seqera("ai --headless -c go").success();
    assert_eq!(run.stdout, "of the new one\n");
}

#[test]
fn whoever_is_not_signed_in_can_do_it_before_a_question_is_typed() {
    let emulator = crate::browser::person();
    let sandbox = Sandbox::on(&emulator).with("SEQERA_BROWSER_AUTO_OPEN", false);
    let asks = "You are not signed in. Sign in now (Y/n)? ";
    let mut terminal = Terminal::run(&sandbox, &["ai"]);
    terminal.wait_for(asks);
    terminal.type_line("n");
    terminal.wait_for("you are not signed in");
    terminal.wait_for("seqera login");
    assert_eq!(terminal.end(), 4);
    for answer in ["declined", "accepted"] {
        let mut terminal = Terminal::run(&sandbox, &["ai"]);
        terminal.wait_for(asks);
        terminal.type_line("");
        terminal.line_with("paste the address");
        let address = crate::browser::address(&terminal.seen());
        let address = if answer == "declined" { format!("{address}&login_hint=deny") } else { address };
        terminal.type_line(&crate::browser::callback_of(&address));
        if answer == "declined" {
            terminal.wait_for("sign-in was declined");
            assert_eq!(terminal.end(), 4);
            continue;
        }
        terminal.wait_for("Seqera AI.");
        terminal.type_line("hello");
        terminal.wait_for("Hello Bob");
        terminal.wait_for("> ");
        terminal.type_line("/exit");
        assert_eq!(terminal.end(), 0);
    }
}
