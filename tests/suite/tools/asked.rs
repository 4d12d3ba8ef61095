//! Tools that a person is asked about, on a terminal.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Desk, answer, said};
use crate::terminal::Terminal;

impl Desk {
    /// A conversation in the workspace.
    fn talk(self, options: &[&str]) -> (Self, Terminal) {
        let workspace = self.path(".").canonicalize().unwrap().display().to_string();
        let desk = self.with("SEQERA_AI_CWD", &workspace);
        let terminal = Terminal::run(&desk.sandbox, &[&["ai"], options].concat());
        terminal.wait_for("> ");
        (desk, terminal)
    }

    /// The next answer asks for these tools and says "done".
    fn script(&self, calls: &[(&str, Value)]) {
        let calls = calls.iter().map(|(tool, args)| json!({ "execute": tool, "args": args }));
        let end = [
            json!({ "type": "text-delta", "delta": "done" }),
            json!({ "type": "finish", "finishReason": "stop" }),
        ];
        self.emulator.script(calls.chain(end).collect());
    }
}

fn shell(command: &str) -> (&'static str, Value) {
    ("execute_bash_local", json!({ "command": command }))
}

/// A request that nobody has to judge is written down like all others.
#[test]
fn every_request_is_a_line_of_the_audit() {
    let desk = Desk::new();
    desk.write("main.nf", "a = 1\n");
    let calls = [
        ("read_file_local", json!({ "path": "main.nf" })),
        ("edit_file_local", json!({ "path": "main.nf", "old_str": "b", "new_str": "c" })),
        ("no_such_tool_local", json!({ "path": "x" })),
        ("execute_bash_local", json!({ "text": "ls" })),
        shell("rm main.nf"),
    ];
    let (run, results) = desk.ask(&["--approval-mode", "basic"], &calls);
    assert_eq!(results.len(), calls.len(), "{run}");
    let (desk, mut terminal) = desk.talk(&[]);
    terminal.type_line("/plan");
    terminal.wait_for("plan> ");
    desk.script(&[shell("ls")]);
    terminal.type_line("go");
    terminal.wait_for("done");
    terminal.wait_for("plan> ");
    terminal.type_line("/exit");
    assert_eq!(terminal.end(), 0);
    let audit = fs::read_to_string(desk.sandbox.home().join(".local/state/seqera/ai/audit.jsonl")).unwrap();
    let lines: Vec<Value> = audit.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let made: Vec<_> =
        lines.iter().map(|line| ["tool", "decision", "by"].map(|key| line[key].as_str().unwrap())).collect();
    assert_eq!(
        made,
        [
            ["read_file_local", "auto", "engine"],
            ["edit_file_local", "refused", "engine"],
            ["no_such_tool_local", "refused", "engine"],
            ["execute_bash_local", "refused", "engine"],
            ["execute_bash_local", "refused", "nobody"],
            ["execute_bash_local", "refused", "engine"],
        ]
    );
    assert!(lines[1]["why"].as_str().unwrap().contains("old_str is not there"), "{audit}");
    assert_eq!((&lines[3]["rule"], &lines[5]["rule"]), (&"invalid-request".into(), &"plan-mode".into()));
    assert!(lines.iter().all(|line| line["at"].is_string() && line["request_id"] != ""), "{audit}");
}

#[test]
fn a_change_is_shown_before_it_is_made() {
    let desk = Desk::new();
    desk.write("main.nf", "a = 1\nb = 2\n");
    let (desk, mut terminal) = desk.talk(&["--approval-mode", "basic"]);
    desk.script(&[
        ("read_file_local", json!({ "path": "main.nf" })),
        ("edit_file_local", json!({ "path": "main.nf", "old_str": "b = 2", "new_str": "b = $&" })),
    ]);
    terminal.type_line("edit it");
    terminal.wait_for("APPROVAL REQUIRED (basic mode)");
    terminal.wait_for("Command: edit_file main.nf");
    terminal.wait_for("inside the workspace");
    terminal.wait_for("-b = 2");
    terminal.wait_for("+b = $&");
    assert_eq!(desk.bytes("main.nf"), b"a = 1\nb = 2\n", "nothing has happened yet");
    terminal.wait_for("1, 2 or 3 (Enter: 1)? ");
    terminal.type_line("");
    terminal.wait_for("done");
    assert_eq!(desk.bytes("main.nf"), b"a = 1\nb = $&\n");
    terminal.type_line("/exit");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn changes_are_taken_back_one_by_one_unless_somebody_went_on() {
    let desk = Desk::new();
    desk.write("a", "one\r\n");
    let (desk, mut terminal) = desk.talk(&[]);
    let edit = |old, new| ("edit_file_local", json!({ "path": "a", "old_str": old, "new_str": new }));
    desk.script(&[
        ("read_file_local", json!({ "path": "a" })),
        edit("one", "two"),
        edit("two", "three"),
        ("write_file_local", json!({ "path": "new", "content": "x" })),
    ]);
    terminal.type_line("go");
    terminal.wait_for("done");
    terminal.type_line("/undo");
    terminal.wait_for("new is removed again.");
    assert!(!desk.path("new").exists());
    terminal.type_line("/undo");
    terminal.wait_for("a is as it was before.");
    assert_eq!(desk.bytes("a"), b"two\r\n");
    desk.write("a", "mine\n");
    terminal.type_line("/undo");
    terminal.wait_for("was changed since, and is left alone");
    assert_eq!(desk.bytes("a"), b"mine\n");
    desk.write("a", "two\r\n");
    terminal.type_line("/undo");
    terminal.wait_for("a is as it was before.");
    assert_eq!(desk.bytes("a"), b"one\r\n");
    terminal.type_line("/undo");
    terminal.wait_for("there is no change of a file to take back");
    desk.script(&[edit("one", "x")]);
    terminal.type_line("again");
    terminal.wait_for("done");
    assert!(said(desk.results().last().unwrap()).contains("was not read yet"), "it knows another content");
    terminal.type_line("/exit");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn a_path_that_leads_elsewhere_after_the_yes_is_not_followed() {
    let desk = Desk::new();
    let outside = desk.sandbox.root().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::create_dir(desk.path("sub")).unwrap();
    let (desk, mut terminal) = desk.talk(&["--approval-mode", "basic"]);
    desk.script(&[("write_file_local", json!({ "path": "sub/new", "content": "x" }))]);
    terminal.type_line("write it");
    terminal.wait_for("1, 2 or 3 (Enter: 1)? ");
    fs::rename(desk.path("sub"), desk.path("was-sub")).unwrap();
    symlink(&outside, desk.path("sub")).unwrap();
    terminal.type_line("1");
    terminal.wait_for("done");
    let results = desk.results();
    assert!(said(&results[0]).contains("symbolic link"), "{results:?}");
    assert_eq!(
        fs::read_dir(&outside).unwrap().count() + fs::read_dir(desk.path("was-sub")).unwrap().count(),
        0
    );
    terminal.type_line("/exit");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn nobody_is_asked_about_what_would_fail() {
    let desk = Desk::new();
    desk.write("a", "one\n");
    let edit = |old: &str| ("edit_file_local", json!({ "path": "a", "old_str": old, "new_str": "x" }));
    let read = ("read_file_local", json!({ "path": "a" }));
    let (run, results) = desk.ask(&["--approval-mode", "basic"], &[edit("one"), read, edit("two")]);
    assert!(
        said(&results[0]).contains("was not read yet") && said(&results[2]).contains("is not there"),
        "{results:?}"
    );
    assert_eq!(run.code, 0, "no approval was missing: {run}");
}

#[test]
fn always_is_for_the_session_and_never_for_what_is_dangerous() {
    let (desk, mut terminal) = Desk::new().talk(&[]);
    desk.script(&[shell("echo $((1+1)) > two"), shell("echo $((2+2)) > four"), shell("rm two four")]);
    terminal.type_line("go");
    terminal.wait_for("Command: echo $((1+1)) > two");
    terminal.wait_for("1, 2 or 3 (Enter: 1)? ");
    terminal.type_line("2");
    terminal.wait_for("Command: rm two four");
    assert_eq!((desk.bytes("two"), desk.bytes("four")), (b"2\n".to_vec(), b"4\n".to_vec()));
    terminal.wait_for("1 or 3? ");
    terminal.type_line("");
    terminal.wait_for("needs a 1 to run");
    terminal.type_line("3 keep them");
    terminal.wait_for("done");
    let results = desk.results();
    assert_eq!(results[2], answer("", "the user denied it and says: keep them", 1));
    assert!(desk.path("two").exists());
    // A new session asks again.
    terminal.wait_for("> ");
    terminal.type_line("/clear");
    terminal.wait_for("> ");
    desk.script(&[shell("echo $((3+3)) > six")]);
    terminal.type_line("again");
    terminal.wait_for("1, 2 or 3 (Enter: 1)? ");
    terminal.type_line("3");
    terminal.wait_for("done");
    terminal.type_line("/exit");
    assert_eq!(terminal.end(), 0);
    assert!(!desk.path("six").exists());
}

#[test]
fn while_a_plan_is_made_nothing_changes() {
    let desk = Desk::new();
    desk.write("a", "one\n");
    let (desk, mut terminal) = desk.talk(&["--approval-mode", "full"]);
    terminal.type_line("/plan");
    terminal.wait_for("> ");
    let path = || json!({ "path": "new" });
    desk.script(&[
        shell("touch new"),
        ("run_nextflow_lint_local", json!({})),
        ("run_nf_core_lint_local", json!({})),
        ("write_file_local", json!({ "path": "new", "content": "x" })),
        ("edit_file_local", json!({ "path": "a", "old_str": "one", "new_str": "x" })),
        ("create_directory_local", path()),
        ("read_file_local", json!({ "path": "a" })),
        ("list_directory_local", json!({})),
        ("search_files_local", json!({ "pattern": "one" })),
    ]);
    terminal.type_line("plan it");
    terminal.wait_for("done");
    let results = desk.results();
    let refused = results.iter().filter(|result| said(result).starts_with("plan mode: ")).count();
    assert_eq!((results.len(), refused), (9, 6), "{results:?}");
    assert!(!desk.path("new").exists() && desk.bytes("a") == b"one\n");
    terminal.type_line("/exit");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn ctrl_c_ends_a_command_and_the_conversation_goes_on() {
    let (desk, mut terminal) = Desk::new().talk(&["--approval-mode", "full"]);
    desk.script(&[shell(
        "trap '' INT TERM; echo begun $$; (setsid sleep 600 & echo $! > id); sleep 600; sleep 600",
    )]);
    terminal.type_line("go");
    terminal.wait_for("| begun ");
    let started = Instant::now();
    let id = loop {
        let text = fs::read_to_string(desk.path("id")).unwrap_or_default();
        if text.ends_with('\n') {
            break text;
        }
        assert!(started.elapsed() < Duration::from_secs(10));
    };
    terminal.keys.write_all(b"\x03").unwrap();
    terminal.wait_for("(stopped)");
    let stat = fs::read_to_string(format!("/proc/{}/stat", id.trim())).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z "), "it runs on: {stat}");
    terminal.wait_for("> ");
    desk.script(&[shell("echo still here")]);
    terminal.type_line("and now");
    terminal.wait_for("| still here");
    terminal.wait_for("done");
    terminal.type_line("/exit");
    assert_eq!(terminal.end(), 0);
}
