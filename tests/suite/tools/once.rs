//! A call runs at most once: across streams that break, results that get lost, and a program that is killed.

use std::fs;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use seqera_tests::emulator::Fault;
use seqera_tests::sandbox::{Run, finished, signal};
use serde_json::{Value, json};

use super::{Desk, answer, said};

const FULL: [&str; 2] = ["--approval-mode", "full"];

fn stop() -> Value {
    json!({ "type": "finish", "finishReason": "stop" })
}

/// A request for a command that leaves a trace, under a known id.
fn request(command: &str) -> Value {
    json!({
        "execute": "execute_bash_local", "request_id": "call-1",
        "args": { "command": format!("echo $$ >> runs; {command}") },
    })
}

#[track_caller]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

impl Desk {
    fn start(&self, options: &[&str]) -> Child {
        self.command(options).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn runs(&self) -> Vec<String> {
        fs::read_to_string(self.path("runs")).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// The session of the last message; empty before there is one.
    fn session(&self) -> String {
        let requests = self.emulator.requests();
        let message = requests.iter().rfind(|entry| entry.path.ends_with("/messages"));
        message.and_then(|entry| entry.path.split('/').nth(4)).unwrap_or_default().to_owned()
    }

    fn journal(&self) -> String {
        let path = format!(".local/state/seqera/ai/sessions/{}.jsonl", self.session());
        fs::read_to_string(self.sandbox.home().join(path)).unwrap_or_default()
    }
}

/// A run whose tool runs once, and whose answer comes to its end, in spite of a fault.
#[track_caller]
fn outlived(fault: Fault) -> Run {
    let desk = Desk::new();
    let what = format!("{fault:?}");
    desk.emulator.fault(fault);
    let text = json!({ "type": "text-delta", "delta": "and on" });
    desk.emulator.script(vec![request("echo one"), text, stop()]);
    let run = desk.sandbox.run(desk.command(&FULL));
    assert!(run.code == 0 && run.stdout == "and on\n", "{what}: {run}");
    assert_eq!(desk.runs().len(), 1, "{what}");
    run
}

#[test]
fn a_call_whose_program_was_killed_is_not_run_again_by_the_next_one() {
    let desk = Desk::new();
    desk.emulator.script(vec![request("exec sleep 600")]);
    let child = desk.start(&FULL);
    wait_until("the command runs", || desk.runs().len() == 1);
    signal(child.id(), "KILL");
    let _killed = child.wait_with_output().unwrap();
    signal(desk.runs()[0].parse().unwrap(), "KILL");
    let session = desk.session();
    desk.emulator.script(vec![request("exec sleep 600"), stop()]);
    let run = desk.sandbox.run(desk.command(&["--approval-mode", "full", "-s", &session])).success();
    let results = desk.results();
    assert_eq!(results.len(), 1, "{run}");
    assert!(said(&results[0]).contains("this call was begun before"), "{results:?}");
    assert!(results[0]["exit_code"] == 1 && desk.runs().len() == 1, "it ran once: {:?}", desk.runs());
}

/// Whether a process is there and has not ended.
fn lives(process: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// Nobody is there to end it, however it made itself independent; what an earlier command left on purpose is not meant.
#[test]
fn a_command_whose_program_was_killed_does_not_live_on() {
    let desk = Desk::new();
    let kept =
        json!({ "execute": "execute_bash_local", "args": { "command": "sleep 600 & echo $! > kept" } });
    let tree = "(setsid bash -c 'trap \"\" TERM HUP; echo $$ >> runs; sleep 600; sleep 600' &); \
                (trap '' TERM; echo $BASHPID >> runs; sleep 600; sleep 600) & sleep 600; sleep 600";
    desk.emulator.script(vec![kept, request(tree)]);
    let child = desk.start(&FULL);
    wait_until("the command and its children run", || desk.runs().len() == 3);
    signal(child.id(), "KILL");
    let _killed = child.wait_with_output().unwrap();
    for process in desk.runs() {
        wait_until("it was ended", || !lives(&process));
    }
    let kept = fs::read_to_string(desk.path("kept")).unwrap();
    assert!(lives(kept.trim()), "what was left in the background goes on");
    signal(kept.trim().parse().unwrap(), "KILL");
}

/// A variable that is named like a secret may hold a word that the journal writes itself.
#[test]
fn a_secret_that_is_a_word_of_the_journal_does_not_spoil_it() {
    let words =
        [("PARTITION_TOKEN", "session_id"), ("SORT_SECRET", "tool_started"), ("RANGE_TOKEN", "request_id")];
    let desk = words.iter().fold(Desk::new(), |desk, (name, word)| desk.with(name, word));
    desk.emulator.script(vec![request("exec sleep 600")]);
    let child = desk.start(&FULL);
    wait_until("the command runs", || desk.runs().len() == 1);
    signal(child.id(), "KILL");
    let _killed = child.wait_with_output().unwrap();
    signal(desk.runs()[0].parse().unwrap(), "KILL");
    let session = desk.session();
    let list = desk.sandbox.seqera("ai sessions list").success();
    assert!(list.stdout.contains(&session), "{list}");
    desk.emulator.script(vec![request("echo session_id"), stop()]);
    let run = desk.sandbox.run(desk.command(&["--approval-mode", "full", "-s", &session])).success();
    assert_eq!(desk.runs().len(), 1, "it ran once: {run}");
    let audit = fs::read_to_string(desk.sandbox.home().join(".local/state/seqera/ai/audit.jsonl")).unwrap();
    let line: Value = serde_json::from_str(audit.lines().next().unwrap()).unwrap();
    assert_eq!(line["request_id"], "call-1", "{audit}");
}

#[test]
fn a_result_that_was_not_sent_is_sent_by_the_next_program() {
    let desk = Desk::new();
    desk.emulator.fault(Fault::new("tool-results", "hang"));
    desk.emulator.script(vec![request("echo the result")]);
    let child = desk.start(&FULL);
    wait_until("the result is in the journal", || desk.journal().contains("\"type\":\"tool_result\""));
    signal(child.id(), "KILL");
    let _killed = child.wait_with_output().unwrap();
    let session = desk.session();
    desk.emulator.forget_requests();
    desk.emulator.script(vec![request("echo another result"), stop()]);
    let _run = desk.sandbox.run(desk.command(&["--approval-mode", "full", "-s", &session])).success();
    assert_eq!(desk.results(), [answer("the result\n", "", 0)]);
    assert_eq!(desk.runs().len(), 1);
}

#[test]
fn the_journal_has_a_result_before_the_server_does() {
    let desk = Desk::new();
    desk.emulator.script(vec![request("echo done"), stop()]);
    let child = desk.start(&FULL);
    let output = child.wait_with_output().unwrap();
    let run = finished(output.status, &output.stdout, &output.stderr).success();
    let journal = desk.journal();
    let at =
        |kind: &str| journal.find(&format!("\"type\":\"{kind}\"")).unwrap_or_else(|| panic!("{kind}: {run}"));
    assert!(at("tool_started") < at("tool_result") && at("tool_result") < at("result_sent"), "{journal}");
}

#[test]
fn a_request_that_comes_again_is_answered_once() {
    let desk = Desk::new();
    let again = json!({
        "type": "execute-local", "requestId": "call-1", "toolName": "execute_bash_local",
        "args": { "command": "echo $$ >> runs" },
    });
    let stop = json!({ "type": "finish", "finishReason": "stop" });
    desk.emulator.script(vec![request("echo one"), again, json!({ "sleep_ms": 300 }), stop]);
    let _run = desk.sandbox.run(desk.command(&FULL)).success();
    assert_eq!((desk.runs().len(), desk.results().len()), (1, 1));
}

#[test]
fn a_request_without_an_id_is_answered_each_time_and_never_run() {
    let desk = Desk::new();
    let nameless = json!({
        "type": "execute-local", "toolName": "execute_bash_local", "args": { "command": "echo $$ >> runs" },
    });
    let mut empty = nameless.clone();
    empty["requestId"] = "".into();
    desk.emulator.script(vec![nameless.clone(), nameless, empty, request("echo one"), stop()]);
    let run = desk.sandbox.run(desk.command(&FULL)).success();
    let results = desk.results();
    assert_eq!(results.len(), 4, "{run}");
    for result in &results[..3] {
        assert!(result["exit_code"] == 1 && said(result).contains("the request has no id"), "{result}");
    }
    assert_eq!((said(&results[3]), desk.runs().len()), ("one\n", 1));
}

#[test]
fn a_result_whose_answer_got_lost_is_given_again_and_that_is_enough() {
    for fault in [
        Fault::new("tool-results", "drop"),
        Fault::new("tool-results", "drop").after(),
        Fault::status("tool-results", 503),
        Fault::status("tool-results", 503).after(),
    ] {
        let _run = outlived(fault);
    }
}

/// The run waits for it, so it is worth as much patience as a stream.
#[test]
fn a_result_that_cannot_be_given_is_tried_again_for_as_long_as_a_stream() {
    for (fault, cause) in [
        (Fault::status("tool-results", 503).times(4), "(the connection broke: "),
        (Fault::new("tool-results", "drop").times(4), "(the connection broke: "),
        (Fault::status("tool-results", 429), "(the server is busy: "),
        (Fault::status("tool-results", 408).times(2), "(the server is busy: "),
        (Fault::status("tool-results", 425), "(the server is busy: "),
    ] {
        let run = outlived(fault);
        assert!(run.stderr.contains("trying again in 1 s") && run.stderr.contains(cause), "{cause}: {run}");
    }
    // When it does not help, whoever asked is told how to go on.
    let desk = Desk::new();
    desk.sandbox.configure("ai_reconnect_seconds = 1\n");
    desk.emulator.fault(Fault::status("tool-results", 503).times(100));
    desk.emulator.script(vec![request("echo one"), stop()]);
    let run = desk.sandbox.run(desk.command(&FULL)).fails(5, "503");
    assert!(run.stderr.contains(&format!("Go on with `seqera ai -s {}`", desk.session())), "{run}");
}

#[test]
fn a_change_that_is_killed_is_whole_or_not_there() {
    let content = |word: &str| format!("{word}\n{}", "line of the file\n".repeat(200_000));
    for pause in [0, 3, 6, 10, 15, 20, 30, 45, 60, 90] {
        let desk = Desk::new();
        desk.write("large", content("old"));
        desk.emulator.script(vec![
            json!({ "execute": "read_file_local", "args": { "path": "large", "end_line": 1 } }),
            json!({
                "execute": "edit_file_local", "args": { "path": "large", "old_str": "old", "new_str": "new" },
            }),
            stop(),
        ]);
        let child = desk.start(&FULL);
        wait_until("the file was read", || desk.results().len() == 1);
        std::thread::sleep(Duration::from_millis(pause));
        signal(child.id(), "KILL");
        let _killed = child.wait_with_output().unwrap();
        let now = String::from_utf8(desk.bytes("large")).unwrap();
        assert!(now == content("old") || now == content("new"), "after {pause} ms");
    }
}
