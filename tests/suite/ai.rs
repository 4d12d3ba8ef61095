//! The assistant: headless runs against every kind of stream, and the line mode on a terminal.

use std::io::{Read, Write};
use std::process::Stdio;
use std::time::{Duration, Instant};

use seqera_tests::emulator::{Emulator, Fault, Options, Replay};
use seqera_tests::sandbox::{Sandbox, finished, signal};
use serde_json::json;

use crate::emulator;
use crate::terminal::Terminal;

/// With a token of the environment.
fn alice() -> (Emulator, Sandbox) {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator).with("SEQERA_ACCESS_TOKEN", &emulator.access_token);
    (emulator, sandbox)
}

fn text(delta: &str) -> serde_json::Value {
    json!({ "type": "text-delta", "delta": delta })
}

fn stop() -> serde_json::Value {
    json!({ "type": "finish", "finishReason": "stop" })
}

fn paths(emulator: &Emulator) -> Vec<String> {
    let requests = emulator.requests();
    let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    requests.iter().map(|entry| format!("{} {}", entry.method, last(&entry.path))).collect()
}

#[test]
fn a_question_is_answered_on_standard_output() {
    let (emulator, sandbox) = alice();
    let run = sandbox.run(sandbox.command(["ai", "--headless", "tell me about nextflow"])).success();
    assert!(
        run.stdout.contains("Nextflow pipeline") && run.stdout.ends_with('\n') && run.stderr.is_empty(),
        "{run}"
    );
    assert_eq!(paths(&emulator), ["POST sessions", "POST messages", "GET events", "POST expire"]);
    let requests = emulator.requests();
    let session = &requests[0].body;
    assert_eq!(session["approval_mode"], "auto");
    assert_eq!((&session["headless"], &session["local_execution"]), (&true.into(), &true.into()));
    assert!(session.get("organization_id").is_none());
    let message = &requests[1].body;
    assert_eq!(
        (&message["type"], &message["interaction_mode"]),
        (&"user_message".into(), &"headless".into())
    );
    assert_eq!(message["run_id"].as_str().unwrap().len(), 36);
    let stream = &requests[2];
    assert_eq!(stream.accept, "text/event-stream");
    assert!(stream.query.is_empty(), "no cursor at the start");
    assert!(requests.iter().all(|entry| entry.client_version == env!("CARGO_PKG_VERSION") && !entry.bearer_sha256.is_empty()));
}

#[test]
fn the_selected_organization_is_billed() {
    let (emulator, sandbox) = alice();
    let _switched = sandbox.seqera("org switch 1002").success();
    emulator.forget_requests();
    let run = sandbox.seqera("ai --headless hello").success();
    assert!(run.stdout.contains("billed to organization 1002"), "{run}");
    assert_eq!(emulator.requests()[0].body["organization_id"], "1002");
}

#[test]
fn the_question_may_come_through_a_pipe_and_must_come_from_somewhere() {
    let (_emulator, sandbox) = alice();
    let run = sandbox.seqera_with_input("ai", "hello\n").success();
    assert!(run.stdout.contains("Hello Alice"), "{run}");
    let _none = sandbox.seqera("ai --headless").fails(2, "there is no question");
    // Where a `-` stands, and only there.
    let run = sandbox.seqera_with_input("ai why - briefly", "line 1\nline 2\n").success();
    assert!(run.stdout.starts_with("You asked: why\n\nline 1\nline 2\n\nbriefly. "), "{run}");
    let run = sandbox.seqera_with_input("ai why", "line 1\n").success();
    assert!(run.stdout.starts_with("You asked: why. "), "{run}");
}

#[test]
fn a_cut_stream_is_resumed_behind_what_was_seen() {
    for (action, after) in [("cut", 3), ("end", 3), ("cut", 1), ("end", 2)] {
        let (emulator, sandbox) = alice();
        emulator.fault(Fault::stream(action, after));
        emulator.script(vec![text("one "), text("two "), text("three"), stop()]);
        let run = sandbox.seqera("ai --headless go").success();
        assert_eq!(run.stdout, "one two three\n", "{action} after {after}");
        let streams: Vec<_> =
            emulator.requests().into_iter().filter(|entry| entry.path.ends_with("/events")).collect();
        assert_eq!(streams.len(), 2);
        assert_eq!(streams[1].query["cursor"], (after + 1).to_string());
    }
}

#[test]
fn an_event_stream_that_cannot_be_opened_is_tried_again() {
    let (emulator, sandbox) = alice();
    emulator.fault(Fault::status("events", 502));
    emulator.fault(Fault::new("events", "drop"));
    let run = sandbox.seqera("ai --headless hello").success();
    assert!(run.stdout.contains("Hello Alice"), "{run}");
    assert_eq!(run.stderr.matches("trying again in 1 s").count(), 1, "the first time nobody waits: {run}");
}

#[test]
fn a_lost_connection_is_5_and_what_came_is_kept() {
    let (emulator, sandbox) = alice();
    sandbox.configure("ai_reconnect_seconds = 1\n");
    emulator.fault(Fault::stream("cut", 2));
    emulator.fault(Fault::new("events", "drop").skip(1).times(100));
    emulator.script(vec![text("one "), text("two")]);
    let run = sandbox.seqera("ai --headless go").fails(5, "the connection to the assistant was lost");
    assert_eq!(run.stdout, "one \n", "{run}");
    let session = emulator.requests()[1].path.split('/').nth(4).unwrap().to_owned();
    assert!(run.stderr.contains(&format!("seqera ai -s {session}")), "{run}");
}

#[test]
fn how_a_run_can_end() {
    for (events, code, says) in [
        (
            vec![text("a"), json!({ "type": "finish", "finishReason": "length" })],
            1,
            "the answer is not complete (length)",
        ),
        (vec![text("a"), json!({ "type": "finish", "finishReason": "content_filter" })], 1, "content-filter"),
        (vec![text("a"), json!({ "type": "error", "error": "no \u{1b}[2Jmodel" })], 1, "because no model"),
    ] {
        let (emulator, sandbox) = alice();
        emulator.script(events);
        let run = sandbox.seqera("ai --headless go").fails(code, says);
        assert_eq!(run.stdout, "a\n");
        assert_eq!(emulator.requests().pop().unwrap().path.rsplit('/').next(), Some("expire"));
    }
    let (emulator, sandbox) = alice();
    emulator.script(vec![json!({ "type": "error" })]);
    let run = sandbox.seqera("ai --headless go").fails(1, "the assistant failed");
    assert_eq!((run.stdout.as_str(), run.stderr.lines().count()), ("", 1), "{run}");
}

#[test]
fn refusals_say_who_must_act() {
    for (fault, code, says) in [
        (Fault::status("sessions", 401).times(2), 4, "rejected the token in SEQERA_ACCESS_TOKEN"),
        (Fault::status("sessions", 403), 1, "your account may not use the assistant"),
        (Fault::status("events", 401).times(2), 4, "rejected the token in SEQERA_ACCESS_TOKEN"),
        (Fault::new("sessions", "html"), 6, "answers with HTML"),
    ] {
        let (emulator, sandbox) = alice();
        emulator.fault(fault);
        let _run = sandbox.seqera("ai --headless hello").fails(code, says);
    }
    let (emulator, sandbox) = alice();
    let run = sandbox
        .run(sandbox.command(["ai", "--headless", "I am out of credits"]))
        .fails(11, "no credits left");
    assert!(run.stderr.contains("because Your organization has no credits left"), "{run}");
    assert_eq!(paths(&emulator).last().unwrap(), "POST expire", "the session does not leak");
    let _limit = sandbox
        .run(sandbox.command(["ai", "--headless", "rate limit please"]))
        .fails(11, "You have sent too many messages");
    let signed_out = Sandbox::on(&emulator);
    let _out = signed_out.seqera("ai --headless hello").fails(4, "you are not signed in");
}

#[test]
fn a_renewal_in_the_middle_is_not_noticed() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let _login = sandbox.login().success();
    for route in ["sessions", "messages", "events", "expire"] {
        emulator.fault(Fault::status(route, 401));
    }
    let run = sandbox.seqera("ai --headless hello").success();
    assert!(run.stdout.contains("Hello Alice"), "{run}");
}

#[test]
fn a_request_for_a_local_tool_that_may_not_run_is_refused_once() {
    let (emulator, sandbox) = alice();
    emulator.fault(Fault::stream("cut", 4));
    let run = sandbox
        .run(sandbox.command(["ai", "--headless", "--show-tools", "please run `rm -rf /`"]))
        .fails(10, "");
    assert!(run.stdout.contains("I could not use execute_bash_local on your machine (exit code 1)"), "{run}");
    assert!(run.stdout.contains("approval required: in default mode a person has to agree"), "{run}");
    assert!(run.stderr.contains("[tool] execute_bash_local"), "{run}");
    assert_eq!(paths(&emulator).iter().filter(|path| *path == "POST tool-results").count(), 1);
}

#[test]
fn thinking_and_tools_are_shown_when_asked_for() {
    let (emulator, sandbox) = alice();
    let events = vec![
        json!({ "type": "reasoning", "delta": "hm" }),
        json!({ "type": "tool-call", "toolCallId": "1", "toolName": "search", "args": {} }),
        json!({ "type": "tool-result", "toolCallId": "1", "result": "x".repeat(600) }),
        json!({ "type": "something new", "delta": 5 }),
        text("done"),
        stop(),
    ];
    emulator.script(events.clone());
    let quiet = sandbox.seqera("ai --headless go").success();
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("done\n", ""));
    emulator.script(events);
    let run = sandbox.seqera("ai --headless --show-thinking --show-tools --show-tool-results go").success();
    assert_eq!(run.stdout, "done\n");
    assert_eq!(run.stderr, format!("[thinking] hm\n[tool] search\n[tool result] {}\n", "x".repeat(500)));
}

#[test]
fn a_message_is_not_posted_twice_without_need_and_again_when_the_server_failed() {
    let (emulator, sandbox) = alice();
    emulator.fault(Fault::status("messages", 503));
    let _run = sandbox.seqera("ai --headless hello").success();
    assert_eq!(paths(&emulator).iter().filter(|path| *path == "POST messages").count(), 2);
}

/// The server took the message, and its answer said otherwise or did not arrive.
#[test]
fn a_message_that_was_taken_all_the_same_is_not_posted_again() {
    for fault in [
        Fault::status("messages", 503).after(),
        Fault::status("messages", 500).after(),
        Fault::new("messages", "drop").after(),
    ] {
        let (emulator, sandbox) = alice();
        let what = format!("{fault:?}");
        emulator.fault(fault);
        emulator.script(vec![text("the only "), text("answer"), stop()]);
        let run = sandbox.seqera("ai --headless go").success();
        assert_eq!(run.stdout, "the only answer\n", "{what}");
        assert_eq!(paths(&emulator).iter().filter(|path| *path == "POST messages").count(), 1, "{what}");
    }
    // What was said before is no sign of it.
    let (emulator, sandbox) = alice();
    for replay in [Replay::Everything, Replay::Unnumbered] {
        emulator.configure(|options| options.replay = replay);
        let _before = sandbox.seqera("ai --headless hello").success();
        emulator.forget_requests();
        emulator.fault(Fault::status("messages", 503));
        emulator.script(vec![text("another answer"), stop()]);
        let run = sandbox.seqera("ai --headless -c go").success();
        assert_eq!(run.stdout, "another answer\n", "{replay:?}");
        assert_eq!(paths(&emulator).iter().filter(|path| *path == "POST messages").count(), 2, "{replay:?}");
    }
    // As long as it is not known, nothing is posted; then it is an error that says how to go on.
    emulator.forget_requests();
    emulator.fault(Fault::status("messages", 503));
    emulator.fault(Fault::status("events", 503).times(20));
    let run = sandbox.seqera("ai --headless go").fails(5, "503");
    assert!(run.stderr.contains("Go on with `seqera ai -s "), "{run}");
    assert_eq!(paths(&emulator).iter().filter(|path| *path == "POST messages").count(), 1);
}

#[test]
fn a_signal_ends_a_run_and_says_so_to_the_server() {
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let (emulator, sandbox) = alice();
        emulator.script(vec![text("begun\n"), json!({ "sleep_ms": 20_000 })]);
        let mut child = sandbox
            .command(["ai", "--headless", "go"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut seen = [0; 6];
        child.stdout.as_mut().unwrap().read_exact(&mut seen).unwrap();
        let started = Instant::now();
        signal(child.id(), name);
        let output = child.wait_with_output().unwrap();
        let run = finished(output.status, &output.stdout, &output.stderr);
        assert_eq!(run.code, code, "{run}");
        assert!(started.elapsed() < Duration::from_secs(3));
        assert!(paths(&emulator).contains(&"POST expire".to_owned()), "{:?}", paths(&emulator));
    }
}

#[test]
fn a_reader_that_goes_away_ends_it_silently() {
    let (emulator, sandbox) = alice();
    let mut child = sandbox
        .command(["ai", "--headless", "stream 100000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(141));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let requests = emulator.requests();
    assert!(requests.iter().any(|entry| entry.body["type"] == "cancel"), "nobody waits for the rest");
    assert_eq!(paths(&emulator).last().unwrap(), "POST expire");
}

#[test]
fn a_hundred_thousand_parts_arrive() {
    let (_emulator, sandbox) = alice();
    for kind in ["", " chunks", " writes"] {
        let run =
            sandbox.run(sandbox.command(["ai", "--headless", &format!("stream 100000{kind}")])).success();
        assert_eq!(run.stdout.matches("word ").count(), 100_000);
    }
}

#[test]
fn a_conversation_line_by_line() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let _login = sandbox.login().success();
    let _switched = sandbox.seqera("org switch 1002").success();
    let mut terminal = Terminal::run(&sandbox, &["ai"]);
    terminal.wait_for("> ");
    terminal.type_line("/help");
    terminal.wait_for("/status");
    terminal.wait_for("> ");
    terminal.type_line("/status");
    for line in [
        "Sign-in: signed in",
        "Account: Alice Example <alice@example.com>",
        "Token: file:",
        "Ends: in ",
        "Organization: Tutorial Lab",
        "Backend: http://127.0.0.1:",
        "Session: none yet",
    ] {
        terminal.wait_for(line);
    }
    terminal.wait_for("> ");
    terminal.type_line("hello");
    terminal.wait_for("Hello Alice, how can I help with your research?");
    terminal.wait_for("> ");
    terminal.type_line("error now");
    terminal.wait_for("the model is not available");
    terminal.wait_for("> ");
    terminal.type_line("/org");
    terminal.wait_for("Tutorial Lab (1002)");
    terminal.type_line("/nope");
    terminal.wait_for("There is no command or skill /nope");
    terminal.type_line("/clear");
    terminal.wait_for("The session has ended");
    terminal.type_line("tell me of rna");
    terminal.wait_for("nf-core/rnaseq");
    terminal.wait_for("> ");
    terminal.type_line("/exit");
    assert_eq!(terminal.end(), 0);
    let sessions = emulator.count("POST", "/v1/cli/sessions");
    let expired = emulator.requests().iter().filter(|entry| entry.path.ends_with("/expire")).count();
    assert_eq!((sessions, expired), (2, 2));
}

#[test]
fn ctrl_c_stops_an_answer_and_the_conversation_goes_on() {
    let (emulator, sandbox) = alice();
    emulator.script(vec![text("this takes long"), json!({ "sleep_ms": 20_000 })]);
    let mut terminal = Terminal::run(&sandbox, &["ai", "first question"]);
    terminal.wait_for("this takes long");
    terminal.keys.write_all(b"\x03").unwrap();
    terminal.wait_for("(stopped)");
    terminal.wait_for("> ");
    let cancelled = emulator.requests().into_iter().any(|entry| entry.body["type"] == "cancel");
    assert!(cancelled, "the server was told");
    terminal.type_line("hello");
    terminal.wait_for("Hello Alice");
    terminal.wait_for("> ");
    terminal.keys.write_all(b"\x03").unwrap();
    assert_eq!(terminal.end(), 130);
}

/// A stop in the middle of a renewal holds back nothing but the end of the process: the next one is heard.
#[test]
fn ctrl_c_is_heard_while_the_session_is_renewed() {
    let emulator = Emulator::start(Options::default()).unwrap();
    let sandbox = Sandbox::on(&emulator);
    let _login = sandbox.login().success();
    let _chosen = sandbox.run(sandbox.command(["org", "switch", "Tutorial Lab"])).success();
    crate::renewal::expire(&sandbox);
    emulator.forget_requests();
    emulator.fault(Fault { ms: 6000, ..Fault::new("token", "delay") }.after());
    let mut terminal = Terminal::run(&sandbox, &["ai", "first question"]);
    std::thread::sleep(Duration::from_millis(2500));
    terminal.keys.write_all(b"\x03").unwrap();
    terminal.wait_for("(stopped)");
    terminal.wait_for("> ");
    terminal.keys.write_all(b"\x03").unwrap();
    terminal.wait_for("\n");
    assert_eq!(terminal.end(), 130);
    let _stored = sandbox.seqera("auth token --force-refresh").success();
}
