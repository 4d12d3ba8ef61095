//! Headless runs as other programs see them: events as JSON lines, refusals, signals.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use seqera_tests::emulator::{Emulator, Fault};
use seqera_tests::sandbox::{Sandbox, finished, signal};
use serde_json::{Value, json};

use crate::emulator;

fn alice() -> (Emulator, Sandbox) {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator).with("SEQERA_ACCESS_TOKEN", &emulator.access_token);
    (emulator, sandbox)
}

fn text(delta: &str) -> Value {
    json!({ "type": "text-delta", "delta": delta })
}

fn finish(reason: &str) -> Value {
    let usage = json!({ "promptTokens": 7, "completionTokens": 3, "totalTokens": 10 });
    json!({ "type": "finish", "finishReason": reason, "usage": usage })
}

fn bash(command: &str) -> Value {
    json!({ "execute": "execute_bash_local", "request_id": "call-1", "args": { "command": command } })
}

/// Every line, without its time, and with the ids that differ from run to run named.
fn events(lines: &str) -> Vec<Value> {
    let mut events: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for event in &mut events {
        let fields = event.as_object_mut().unwrap();
        let at = fields.remove("timestamp").unwrap();
        assert!(at.as_str().is_some_and(|at| at.ends_with('Z')), "{at}");
    }
    let data = events[0]["data"].as_object_mut().unwrap();
    assert_eq!(data["run_id"].as_str().unwrap().len(), 36);
    data.remove("run_id");
    if data["session_id"].is_string() {
        data.insert("session_id".to_owned(), "SESSION".into());
    }
    events
}

fn everything() -> Vec<Value> {
    vec![
        json!({ "type": "start", "threadId": "t" }),
        json!({ "type": "reasoning", "delta": "hm" }),
        text("one "),
        json!({ "type": "tool-call", "toolCallId": "s", "toolName": "search", "args": { "q": 1 } }),
        json!({ "type": "tool-result", "toolCallId": "s", "result": "found" }),
        json!({ "type": "compacting", "status": "started" }),
        bash("echo out; exit 3"),
        text("two"),
        finish("stop"),
    ]
}

#[test]
fn a_sub_agent_speaks_in_lines_of_json() {
    let (emulator, sandbox) = alice();
    emulator.script(everything());
    let run = sandbox.seqera("ai --sub-agent --approval-mode full go").success();
    assert_eq!(run.stderr, "");
    let v1 = |kind: &str, data: Value| json!({ "v": 1, "type": kind, "data": data });
    let mut seen = events(&run.stdout);
    let output = seen.iter().position(|event| event["data"]["content"] == "out\n").unwrap();
    assert_eq!(
        seen.remove(output),
        v1("tool_result", json!({ "tool_id": "call-1", "content": "out\n", "is_error": false }))
    );
    assert_eq!(
        seen,
        [
            v1("run_started", json!({ "session_id": "SESSION" })),
            v1("thinking", json!({ "content": "hm" })),
            v1("text", json!({ "content": "one " })),
            v1("tool_call", json!({ "tool_id": "s", "tool_name": "search", "tool_input": { "q": 1 } })),
            v1(
                "tool_result",
                json!({ "tool_id": "s", "content": "found", "is_error": false, "status": "completed" })
            ),
            v1("compacting", json!({})),
            v1(
                "tool_call",
                json!({ "tool_id": "call-1", "tool_name": "execute_bash_local", "tool_input": { "command": "echo out; exit 3" } })
            ),
            v1(
                "tool_result",
                json!({ "tool_id": "call-1", "content": "out\n", "is_error": true, "status": "error" })
            ),
            v1("text", json!({ "content": "two" })),
            v1("complete", json!({ "status": "success" })),
        ]
    );
}

#[test]
fn the_same_events_go_into_a_file_of_its_owner() {
    let (emulator, sandbox) = alice();
    emulator.script(everything());
    let path = sandbox.home().join("new/directory/events.jsonl");
    let run = sandbox
        .seqera("ai --headless --events-path new/directory/events.jsonl --approval-mode full go")
        .success();
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("one two\n", ""));
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let seen = events(&fs::read_to_string(&path).unwrap());
    let kinds: Vec<&str> = seen.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds.first(), Some(&"run.started"));
    for kind in ["event.text", "event.thinking", "event.tool_use", "event.tool_result"] {
        assert!(kinds.contains(&kind), "{kind}: {kinds:?}");
    }
    assert!(seen.iter().all(|event| event.get("v").is_none()));
    assert!(
        seen.iter().any(|event| event["data"]["status"] == "running" && event["data"]["content"] == "out\n")
    );
    assert_eq!(
        seen.last().unwrap()["data"],
        json!({ "status": "success", "token_usage": { "input_tokens": 7, "output_tokens": 3, "total_tokens": 10 } })
    );
    // Written anew by the next run, and not at all beside a sub-agent's.
    let _run = sandbox.seqera("ai --headless --events-path new/directory/events.jsonl hello").success();
    assert!(!fs::read_to_string(&path).unwrap().contains("call-1"));
    fs::remove_file(&path).unwrap();
    let _run = sandbox.seqera("ai --sub-agent --events-path new/directory/events.jsonl hello").success();
    assert!(!path.exists());
    let _no_place = sandbox.seqera("ai --headless --events-path /proc/none/e hello").fails(1, "/proc/none/e");
}

#[test]
fn the_first_and_the_last_line_are_there_whatever_happens() {
    for (fault, script, code, status, error) in [
        (Some(Fault::status("sessions", 403)), vec![], 1, "error", Some("send_error")),
        (
            None,
            vec![text("a"), json!({ "type": "error", "error": "no model" })],
            1,
            "error",
            Some("stream_error"),
        ),
        (None, vec![text("a"), finish("length")], 1, "length", None),
        (None, vec![bash("rm x"), text("a"), finish("stop")], 10, "approval_required", None),
    ] {
        let (emulator, sandbox) = alice();
        fault.into_iter().for_each(|fault| emulator.fault(fault));
        emulator.script(script);
        let run = sandbox.seqera("ai --sub-agent go");
        assert_eq!(run.code, code, "{run}");
        let seen = events(&run.stdout);
        assert_eq!(seen[0]["type"], "run_started", "{run}");
        let last = seen.last().unwrap();
        assert_eq!((&last["type"], &last["data"]["status"]), (&"complete".into(), &status.into()), "{run}");
        let named = seen
            .iter()
            .find(|event| event["type"] == "error")
            .map(|event| event["data"]["code"].as_str().unwrap());
        assert_eq!(named, error, "{run}");
    }
    let signed_out = Sandbox::on(&emulator());
    let run = signed_out.seqera("ai --sub-agent go").fails(4, "not signed in");
    assert_eq!(events(&run.stdout)[0]["data"], json!({ "session_id": null }));
    let (_emulator, sandbox) = alice();
    for (sandbox, line, input, code, says) in [
        (&sandbox, "ai --sub-agent", "", 2, "there is no question to answer"),
        (&sandbox, "ai --sub-agent -", " \n", 2, "there is no question to answer"),
        (&sandbox, "ai --sub-agent --allow rm go", "", 2, "--allow"),
        (&sandbox, "ai --sub-agent --approval-mode none go", "", 2, "there is no approval mode none"),
        (&alice().1.with("SEQERA_AI_CWD", "/no/such"), "ai --sub-agent go", "", 3, "is no directory"),
    ] {
        let run = sandbox.seqera_with_input(line, input).fails(code, says);
        let seen = events(&run.stdout);
        assert_eq!(seen[0]["data"], json!({ "session_id": null }), "{line}: {run}");
        assert!(
            seen[1]["type"] == "error" && seen[1]["data"]["message"].as_str().unwrap().contains(says),
            "{run}"
        );
        assert_eq!(seen.last().unwrap()["data"]["status"], "error", "{line}: {run}");
    }
}

#[test]
fn what_nobody_can_approve_is_refused_with_its_reason_and_never_waited_for() {
    for mode in ["basic", "default", "full"] {
        let (emulator, sandbox) = alice();
        emulator.script(vec![bash("rm -rf ~"), text("so be it"), finish("stop")]);
        let run = sandbox
            .seqera(&format!("ai --sub-agent --approval-mode {mode} go"))
            .fails(10, "needed an approval");
        assert!(run.stderr.contains("--allow 'PATTERN'"), "{run}");
        let seen = events(&run.stdout);
        let refused = seen.iter().find(|event| event["type"] == "approval_refused").unwrap();
        assert_eq!((&refused["data"]["tool_id"], &refused["data"]["mode"]), (&"call-1".into(), &mode.into()));
        assert!(refused["data"]["reason"].as_str().is_some_and(|reason| !reason.is_empty()));
        let results: Vec<Value> = emulator
            .requests()
            .into_iter()
            .filter(|entry| entry.path.ends_with("/tool-results"))
            .map(|entry| entry.body["result"].clone())
            .collect();
        assert_eq!(results.len(), 1);
        assert_eq!((&results[0]["exit_code"], &results[0]["stdout"]), (&1.into(), &"".into()));
        assert!(
            results[0]["stderr"].as_str().unwrap().starts_with(&format!("approval required: in {mode} mode"))
        );
    }
    // The question itself never reaches for a terminal that is not there.
    let (emulator, sandbox) = alice();
    emulator.script(vec![bash("rm x"), text("b"), finish("stop")]);
    let _run = sandbox.seqera_with_input("ai --headless go", "1\n1\n1\n").fails(10, "");
}

#[test]
fn a_signal_cancels_at_the_server_ends_the_children_and_says_how_to_go_on() {
    for (name, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let (emulator, sandbox) = alice();
        emulator.script(vec![bash("trap '' INT TERM HUP; echo $$; sleep 300; sleep 300"), finish("stop")]);
        let mut child = sandbox
            .command(["ai", "--sub-agent", "--approval-mode", "full", "go"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut seen = String::new();
        let shell = loop {
            let from = seen.len();
            assert!(lines.read_line(&mut seen).unwrap() > 0, "{seen}");
            let event: Value = serde_json::from_str(&seen[from..]).unwrap();
            if event["type"] == "tool_result" {
                break event["data"]["content"].as_str().unwrap().trim().to_owned();
            }
        };
        let started = Instant::now();
        signal(child.id(), name);
        lines.read_to_string(&mut seen).unwrap();
        let output = child.wait_with_output().unwrap();
        let run = finished(output.status, seen.as_bytes(), &output.stderr);
        assert!(started.elapsed() < Duration::from_secs(10), "{name}: {:?}", started.elapsed());
        assert_eq!(run.code, code, "{name}: {run}");
        let stat = fs::read_to_string(format!("/proc/{shell}/stat")).unwrap_or_default();
        assert!(stat.is_empty() || stat.contains(") Z "), "{name}: it runs on: {stat}");
        let requests = emulator.requests();
        assert!(requests.iter().any(|entry| entry.body["type"] == "cancel"), "{name}");
        assert!(requests.last().unwrap().path.ends_with("/expire"), "{name}");
        let all = events(&run.stdout);
        let kinds: Vec<&str> = all.iter().map(|event| event["type"].as_str().unwrap()).collect();
        assert_eq!(kinds[kinds.len() - 2..], ["interrupted", "complete"], "{name}");
        let session = requests[1].path.split('/').rev().nth(1).unwrap();
        assert!(run.stderr.contains(&format!("seqera ai -s {session}")), "{name}: {run}");
    }
}

#[test]
fn a_session_that_was_interrupted_can_be_gone_on_with() {
    let (emulator, sandbox) = alice();
    emulator.script(vec![text("begun\n"), json!({ "sleep_ms": 30_000 })]);
    let mut child = sandbox
        .command(["ai", "--headless", "go"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut seen = [0; 6];
    child.stdout.as_mut().unwrap().read_exact(&mut seen).unwrap();
    signal(child.id(), "INT");
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let id = said.split("seqera ai -s ").nth(1).unwrap().split('`').next().unwrap();
    emulator.script(vec![text("the rest"), finish("stop")]);
    let run = sandbox.run(sandbox.command(["ai", "--headless", "-s", id, "and now?"])).success();
    assert_eq!(run.stdout, "the rest\n");
}
