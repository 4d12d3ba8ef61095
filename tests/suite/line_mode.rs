//! The conversation on a terminal: its commands, modes, skills, sessions and prompts.

use std::fs;
use std::time::Duration;

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

/// Starts, and waits for the first prompt.
fn begin(sandbox: &Sandbox, options: &[&str]) -> Terminal {
    let terminal = Terminal::run(sandbox, &[&["ai"], options].concat());
    terminal.wait_for("> ");
    terminal
}

fn leave(mut terminal: Terminal) {
    terminal.type_line("/exit");
    assert_eq!(terminal.end(), 0);
}

/// The messages that were posted.
fn messages(emulator: &Emulator) -> Vec<Value> {
    let posted = emulator.requests().into_iter().filter(|entry| entry.body["type"] == "user_message");
    posted.map(|entry| entry.body).collect()
}

#[test]
fn plan_and_build_are_modes_of_a_message() {
    let (emulator, sandbox) = alice();
    let mut terminal = begin(&sandbox, &[]);
    terminal.type_line("/plan");
    terminal.wait_for("Plan mode");
    terminal.wait_for("plan> ");
    emulator.script(vec![text("planned"), stop()]);
    terminal.type_line("go");
    terminal.wait_for("planned");
    terminal.wait_for("plan> ");
    terminal.type_line("/build");
    terminal.wait_for("Build mode");
    emulator.script(vec![text("built"), stop()]);
    terminal.type_line("go");
    terminal.wait_for("built");
    terminal.wait_for("> ");
    leave(terminal);
    let modes: Vec<Value> = messages(&emulator).iter().map(|body| body["mode"].clone()).collect();
    assert_eq!(modes, [Value::from("plan"), Value::Null]);
    let body = &messages(&emulator)[0];
    assert_eq!((&body["interaction_mode"], &body["caller"]), (&"interactive".into(), &"interactive".into()));
}

#[test]
fn the_approval_mode_is_shown_and_set() {
    let (_emulator, sandbox) = alice();
    sandbox.configure("approval_mode = \"basic\"\n");
    let mut terminal = begin(&sandbox, &[]);
    terminal.type_line("/approval");
    terminal.wait_for("basic");
    terminal.type_line("/approval full");
    terminal.wait_for("This is a convenience, not a boundary");
    terminal.type_line("/approval sometimes");
    terminal.wait_for("There is no mode sometimes; the modes are basic, default and full.");
    terminal.type_line("/status");
    terminal.wait_for("approval full");
    leave(terminal);
}

#[test]
fn a_goal_can_be_looked_at_and_dropped() {
    let (emulator, sandbox) = alice();
    let mut terminal = begin(&sandbox, &[]);
    terminal.type_line("/goal");
    terminal.wait_for("There is no goal");
    for _ in 0..3 {
        emulator.script(vec![text("not yet"), stop()]);
    }
    terminal.type_line("/goal make it work");
    terminal.wait_for("(goal: attempt 2 of 3)");
    terminal.wait_for("(goal: attempt 3 of 3)");
    terminal.wait_for("was not reached in three attempts; the approval mode is default again");
    // An interrupt ends it, too.
    emulator.script(vec![text("this takes long"), json!({ "sleep_ms": 30_000 })]);
    terminal.type_line("/goal another");
    terminal.wait_for("this takes long");
    terminal.type_keys("\u{3}");
    terminal.wait_for("(stopped)");
    terminal.wait_for("(the goal is dropped; the approval mode is default again)");
    terminal.wait_for("> ");
    terminal.type_line("/status");
    terminal.wait_for("Mode: build, approval default");
    leave(terminal);
    assert_eq!(messages(&emulator).len(), 4);
    assert!(messages(&emulator)[0]["content"].as_str().unwrap().contains("GOAL COMPLETE"));
}

#[test]
fn a_question_that_was_refused_leaves_the_next_one_alone() {
    let (emulator, sandbox) = alice();
    let mut terminal = begin(&sandbox, &[]);
    terminal.type_line("rate limit please");
    terminal.wait_for("You have sent too many messages");
    terminal.wait_for("> ");
    emulator.script(vec![json!({ "type": "error", "error": "no model" })]);
    terminal.type_line("go");
    terminal.wait_for("no model");
    terminal.wait_for("> ");
    emulator.script(vec![text("answered"), stop()]);
    terminal.type_line("go");
    terminal.wait_for("answered");
    leave(terminal);
    assert!(emulator.requests().iter().all(|entry| entry.body["type"] != "cancel"));
}

#[test]
fn thinking_is_shown_when_it_is_wanted() {
    let (emulator, sandbox) = alice();
    let script = || vec![json!({ "type": "reasoning", "delta": "a thought" }), text("answered"), stop()];
    let mut terminal = begin(&sandbox, &[]);
    emulator.script(script());
    terminal.type_line("go");
    terminal.wait_for("answered");
    assert!(!terminal.seen().contains("a thought"));
    terminal.type_line("/thinking");
    terminal.wait_for("is shown");
    emulator.script(script());
    terminal.type_line("go");
    terminal.wait_for("[thinking] a thought");
    terminal.type_line("/thinking");
    terminal.wait_for("is not shown");
    leave(terminal);
}

#[test]
fn skills_are_commands_and_never_take_the_place_of_one() {
    let (emulator, sandbox) = alice();
    for (name, about) in [("tidy-up", "tidies \u{1b}[2J up"), ("exit", "traps people")] {
        let directory = sandbox.home().join(".seqera/skills").join(name);
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("SKILL.md"), format!("---\nname: {name}\ndescription: {about}\n---\n"))
            .unwrap();
    }
    let mut terminal = begin(&sandbox, &[]);
    terminal.type_line("/help");
    terminal.wait_for("/tidy-up");
    terminal.wait_for("tidies up");
    terminal.wait_for("/debug-run");
    terminal.type_line("/tidy-up all of it");
    terminal.wait_for("You asked: Load the skill \"tidy-up\"");
    terminal.wait_for("> ");
    terminal.type_line("/debug-run");
    terminal.wait_for("You asked: Load the skill \"debug-run\"");
    terminal.wait_for("> ");
    let content: Vec<String> =
        messages(&emulator).iter().map(|body| body["content"].as_str().unwrap().to_owned()).collect();
    assert!(content[0].contains("tidy-up/SKILL.md") && content[0].ends_with("all of it"), "{content:?}");
    assert!(!content[1].contains("SKILL.md"), "{content:?}");
    leave(terminal);
    assert_eq!(messages(&emulator).len(), 2, "/exit left");
}

#[test]
fn a_session_is_chosen_from_a_list_and_its_last_words_are_shown() {
    let (emulator, sandbox) = alice();
    let _one = sandbox.run(sandbox.command(["ai", "--headless", "tell me of rna"])).success();
    let _two = sandbox.seqera("ai --headless hello").success();
    let mut terminal = begin(&sandbox, &[]);
    terminal.type_line("/sessions");
    terminal.wait_for("1. hello");
    terminal.wait_for("2. tell me of rna");
    terminal.wait_for("Which one (1-2; Enter for none)? ");
    terminal.type_line("7");
    terminal.wait_for("There is no session 7.");
    terminal.type_line("/sessions");
    terminal.wait_for("Enter for none)? ");
    terminal.type_line("2");
    terminal.wait_for("> tell me of rna");
    terminal.wait_for("nf-core/rnaseq");
    terminal.wait_for("> ");
    terminal.type_line("/session");
    terminal.type_line("hello again");
    terminal.wait_for("Hello Alice");
    terminal.wait_for("> ");
    terminal.type_keys("\u{4}");
    let (code, seen) = terminal.finish();
    assert_eq!(code, 0);
    let id = emulator.requests()[0].path.clone();
    assert_eq!(id, "/v1/cli/sessions");
    let first = emulator.requests()[1].path.split('/').nth(4).unwrap().to_owned();
    assert!(seen.contains(&format!("Go on with this session: seqera ai -s {first}")), "{seen}");
    assert_eq!(emulator.count("POST", "/v1/cli/sessions"), 2, "no third session");
}

#[test]
fn of_several_sessions_of_a_directory_a_person_chooses() {
    let (emulator, sandbox) = alice();
    let _one = sandbox.run(sandbox.command(["ai", "--headless", "tell me of rna"])).success();
    let _two = sandbox.seqera("ai --headless hello").success();
    let ids = |emulator: &Emulator| emulator.count("POST", "/v1/cli/sessions");
    for (answer, shown) in [("2", "> tell me of rna"), ("", "> tell me of rna"), ("n", "Seqera AI.")] {
        let mut terminal = Terminal::run(&sandbox, &["ai", "-c"]);
        terminal.wait_for("There are 2 sessions of this directory:");
        terminal.wait_for("Which one (1-2; Enter: 1, n: a new one)? ");
        terminal.type_line("9");
        terminal.wait_for("There is no session 9.");
        terminal.type_line(answer);
        terminal.wait_for(shown);
        terminal.wait_for("> ");
        // The one that was chosen is the newest from now on.
        terminal.type_line("tell me of rna");
        terminal.wait_for("nf-core/rnaseq");
        terminal.wait_for("> ");
        leave(terminal);
        assert_eq!(ids(&emulator), if answer == "n" { 3 } else { 2 }, "{answer}");
    }
    // One is no choice.
    let _other = fs::create_dir(sandbox.home().join("other"));
    let sandbox = sandbox.with("SEQERA_AI_CWD", "other");
    let _only = sandbox.seqera("ai --headless hello").success();
    let terminal = Terminal::run(&sandbox, &["ai", "-c"]);
    terminal.wait_for("> hello");
    terminal.wait_for("Seqera AI.");
    leave(terminal);
}

#[test]
fn credits_and_organization_are_shown() {
    let (emulator, sandbox) = alice();
    let _switched = sandbox.seqera("org switch 1002").success();
    let mut terminal = begin(&sandbox, &[]);
    terminal.type_line("/credits");
    terminal.wait_for("Included allowance: 7.5 % used");
    terminal.wait_for("Shared credits: 7.5 % used");
    emulator.fault(Fault::status("credits", 500).times(9));
    terminal.type_line("/credits");
    terminal.wait_for("error: ");
    terminal.type_line("/org");
    terminal.wait_for("Tutorial Lab (1002)");
    leave(terminal);
}

#[test]
fn a_prompt_shows_everything_and_enter_is_no_yes_to_what_is_dangerous() {
    let (emulator, sandbox) = alice();
    fs::create_dir(sandbox.home().join("results")).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", sandbox.home().join("link")).unwrap();
    let bash = |command: &str| json!({ "execute": "execute_bash_local", "args": { "command": command } });
    let mut terminal = begin(&sandbox, &[]);
    emulator.script(vec![
        bash("rm -r results"),
        bash("touch link"),
        bash("echo \u{202e}x > results/a"),
        text("done"),
        stop(),
    ]);
    terminal.type_line("go");
    terminal.wait_for("[tool] execute_bash_local rm -r results");
    terminal.wait_for("APPROVAL REQUIRED (default mode)");
    terminal.wait_for("Command: rm -r results");
    terminal.wait_for("Why: ");
    terminal.wait_for("1 or 3? ");
    terminal.type_line("");
    terminal.wait_for("needs a 1 to run");
    terminal.type_line("1");
    terminal.wait_for("Command: touch link");
    terminal.wait_for("is /etc/hostname, OUTSIDE the workspace");
    terminal.wait_for("? ");
    terminal.type_line("3 not that one");
    terminal.wait_for("Command: echo <U+202E>x > results/a");
    terminal.wait_for("? ");
    terminal.type_line("nonsense");
    terminal.wait_for("Type 1 to run it or 3 to reject it.");
    terminal.type_line("3");
    terminal.wait_for("done");
    leave(terminal);
    assert!(!sandbox.home().join("results").exists());
    let results: Vec<Value> = emulator
        .requests()
        .into_iter()
        .filter(|entry| entry.path.ends_with("/tool-results"))
        .map(|entry| entry.body["result"].clone())
        .collect();
    assert_eq!(results[0]["exit_code"], 0);
    assert_eq!(results[1]["stderr"], "the user denied it and says: not that one");
    assert_eq!(results[2]["stderr"], "the user denied it");
    // Each decision has its line, and who made it.
    let audit = fs::read_to_string(sandbox.home().join(".local/state/seqera/ai/audit.jsonl")).unwrap();
    let made: Vec<Value> =
        audit.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["decision"].clone()).collect();
    assert_eq!(made, ["approved", "rejected", "rejected"]);
    assert!(audit.lines().all(|line| line.contains("\"by\":\"person\"")), "{audit}");
}

#[test]
fn keys_that_were_on_their_way_do_not_answer_a_prompt() {
    let (emulator, sandbox) = alice();
    let bash = json!({ "execute": "execute_bash_local", "args": { "command": "make it" } });
    let mut terminal = begin(&sandbox, &[]);
    emulator.script(vec![text("wait for it"), json!({ "sleep_ms": 1500 }), bash, text("done"), stop()]);
    terminal.type_line("go");
    terminal.wait_for("wait for it");
    terminal.type_line("");
    terminal.type_line("1");
    terminal.wait_for("(Enter: 1)? ");
    terminal.type_line("3");
    terminal.wait_for("done");
    leave(terminal);
    let result = emulator.requests().into_iter().find(|entry| entry.path.ends_with("/tool-results")).unwrap();
    assert_eq!(result.body["result"]["stderr"], "the user denied it");
}

/// Somebody who goes on typing does not mean the prompt, and neither does the Enter at the end.
#[test]
fn whoever_is_typing_does_not_answer_a_prompt() {
    let (emulator, sandbox) = alice();
    let bash = json!({ "execute": "execute_bash_local", "args": { "command": "make it" } });
    let mut terminal = begin(&sandbox, &[]);
    emulator.script(vec![bash, text("done"), stop()]);
    terminal.type_line("go");
    terminal.wait_for("APPROVAL REQUIRED");
    for _ in 0..50 {
        terminal.type_keys("x");
        std::thread::sleep(Duration::from_millis(20));
    }
    terminal.type_line("");
    terminal.wait_for("(Enter: 1)? ");
    terminal.type_line("3");
    terminal.wait_for("done");
    leave(terminal);
    let result = emulator.requests().into_iter().find(|entry| entry.path.ends_with("/tool-results")).unwrap();
    assert_eq!(result.body["result"]["stderr"], "the user denied it");
}

#[test]
fn what_is_pasted_is_one_question() {
    let (emulator, sandbox) = alice();
    let sandbox = sandbox.with("TERM", "xterm");
    let mut terminal = begin(&sandbox, &[]);
    terminal.type_line("\u{1b}[200~why does it fail?\n/exit\n\n  at line 3\u{1b}[201~ please");
    terminal.wait_for("The emulator has no model");
    terminal.wait_for("> ");
    leave(terminal);
    let content = messages(&emulator)[0]["content"].clone();
    assert_eq!(content, "why does it fail?\n/exit\n\n  at line 3 please");
}

#[test]
fn what_a_terminal_sends_is_taken_as_far_as_it_can_be() {
    use std::io::Write;

    let (emulator, sandbox) = alice();
    let mut terminal = begin(&sandbox, &[]);
    terminal.keys.write_all(b"caf\xe9?\n").unwrap();
    terminal.wait_for("The emulator has no model");
    terminal.wait_for("> ");
    terminal.type_line(&"x".repeat(5000));
    terminal.wait_for("the terminal cut this line after 4095 bytes");
    terminal.wait_for("The emulator has no model");
    terminal.wait_for("> ");
    leave(terminal);
    let content: Vec<Value> = messages(&emulator).iter().map(|body| body["content"].clone()).collect();
    assert_eq!(content, [Value::from("caf\u{fffd}?"), Value::from("x".repeat(4095))]);
}

/// A token that the server does not take any more costs one renewal, whatever it is that is asked for.
#[test]
fn every_request_of_a_conversation_survives_a_renewal() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let _login = sandbox.login().success();
    emulator.script(vec![text("first"), stop()]);
    let _before = sandbox.seqera("ai --headless go").success();
    let refused = |route: &str| emulator.fault(Fault::status(route, 401));
    ["sessions", "history"].into_iter().for_each(refused);
    let mut terminal = begin(&sandbox, &["-c"]);
    // The events of the history, and those of the answer.
    ["events", "tool-results", "messages"].into_iter().for_each(refused);
    emulator.fault(Fault::status("events", 401).skip(2));
    emulator.script(vec![
        json!({ "execute": "execute_bash_local", "args": { "command": "pwd" } }),
        text("second"),
        stop(),
    ]);
    terminal.type_line("go");
    terminal.wait_for("second");
    terminal.wait_for("> ");
    ["credits", "skills"].into_iter().for_each(refused);
    terminal.type_line("/credits");
    terminal.wait_for("Included allowance");
    terminal.type_line("/help");
    terminal.wait_for("/debug-run");
    refused("expire");
    leave(terminal);
    let requests = emulator.requests();
    assert_eq!(requests.iter().filter(|entry| entry.status == 401).count(), 9, "each once");
    assert_eq!(requests.last().map(|entry| entry.status), Some(200));
}

/// At the prompt and in an answer; only Ctrl-C in an answer means just the answer.
#[test]
fn a_signal_leaves_a_conversation_in_order() {
    for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        for in_answer in [false, true] {
            if in_answer && signal == "INT" {
                continue;
            }
            let (emulator, sandbox) = alice();
            let mut terminal = begin(&sandbox, &[]);
            emulator.script(vec![
                text("begun"),
                json!({ "sleep_ms": if in_answer { 60_000 } else { 0 } }),
                stop(),
            ]);
            terminal.type_line("go");
            terminal.wait_for("begun");
            if !in_answer {
                terminal.wait_for("> ");
            }
            seqera_tests::sandbox::signal(terminal.id(), signal);
            let (ended, seen) = terminal.finish();
            assert_eq!(ended, code, "{signal}: {seen}");
            assert!(!seen.contains("error"), "{signal}: {seen}");
            let session = emulator.requests()[1].path.split('/').nth(4).unwrap().to_owned();
            assert!(
                seen.contains(&format!("Go on with this session: seqera ai -s {session}")),
                "{signal}: {seen}"
            );
            let last = emulator.requests().pop().unwrap();
            assert!(last.path.ends_with("/expire"), "{signal}, {in_answer}: {}", last.path);
        }
    }
}

#[test]
fn the_terminal_is_left_as_it_was() {
    let (emulator, sandbox) = alice();
    let sandbox = sandbox.with("TERM", "xterm");
    emulator.script(vec![
        json!({ "execute": "execute_bash_local", "args": { "command": "make it" } }),
        text("done"),
        stop(),
    ]);
    let inner = sandbox.command(["ai"]);
    let program = inner.get_program().to_string_lossy();
    let mut shell = std::process::Command::new("bash");
    shell.args(["-c", &format!("stty -a | xargs; {program} ai; stty -a | xargs; echo END")]);
    for (name, value) in inner.get_envs() {
        shell.env(name, value.unwrap_or_default());
    }
    shell.current_dir(sandbox.home());
    let mut terminal = Terminal::run_command(&shell);
    terminal.wait_for("> ");
    terminal.type_line("go");
    terminal.wait_for("(Enter: 1)? ");
    terminal.type_keys("\u{3}");
    terminal.wait_for("(stopped)");
    terminal.wait_for("> ");
    terminal.type_keys("\u{3}");
    terminal.wait_for("END");
    let (_, seen) = terminal.finish();
    let modes: Vec<&str> = seen.lines().filter(|line| line.contains("speed ")).map(str::trim).collect();
    assert_eq!(modes.len(), 2, "{seen}");
    assert_eq!(modes[0], modes[1]);
    let (on, off) = (seen.rfind("\u{1b}[?2004h"), seen.rfind("\u{1b}[?2004l"));
    assert!(on.is_some() && off > on, "{seen:?}");
}
