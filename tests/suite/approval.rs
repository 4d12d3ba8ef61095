//! What the assistant may do by itself, asked from outside: `seqera ai approval explain`, without a sign-in.

use std::fs;
use std::os::unix::fs::symlink;

use seqera_tests::doc_commands::Document;
use seqera_tests::sandbox::{Run, Sandbox};
use serde_json::Value;

/// A workspace in a sandbox that knows no server.
fn workspace() -> (Sandbox, String) {
    let sandbox = Sandbox::new();
    let workspace = sandbox.home().join("ws");
    fs::create_dir_all(workspace.join("sub")).unwrap();
    fs::write(workspace.join("a.txt"), "x\n").unwrap();
    symlink("/etc", workspace.join("link")).unwrap();
    (sandbox, workspace.to_str().unwrap().to_owned())
}

fn explain(sandbox: &Sandbox, arguments: &[&str]) -> Run {
    sandbox.run(sandbox.command(["ai", "approval", "explain"].iter().chain(arguments)))
}

fn json(sandbox: &Sandbox, workspace: &str, arguments: &[&str]) -> Value {
    let run = explain(sandbox, &[&["--workspace", workspace, "--json"], arguments].concat()).success();
    assert_eq!(run.stderr, "");
    serde_json::from_str(&run.stdout).unwrap()
}

#[test]
fn a_decision_is_told_with_its_rule_and_reason() {
    let (sandbox, workspace) = workspace();
    let cases: &[(&[&str], &str, &str)] = &[
        (&["--", "ls -la"], "auto", "listed"),
        (&["--", "ls", "-la"], "auto", "listed"),
        (&["--mode", "basic", "--", "touch new.txt"], "prompt", "file-change"),
        (&["--", "touch new.txt"], "auto", "inside-workspace"),
        (&["--", "touch link/x"], "prompt", "outside-workspace"),
        (&["--cwd", "sub", "--", "touch ../new.txt"], "auto", "inside-workspace"),
        (&["--cwd", "..", "--", "touch new.txt"], "prompt", "working-directory"),
        (&["--", "git status"], "prompt", "not-listed"),
        (&["--mode", "full", "--", "git status"], "auto", "full-mode"),
        (&["--mode", "full", "--", "bash -c 'r\"\"m x'"], "prompt", "dangerous"),
        (&["--mode", "full", "--", "$c x"], "prompt", "computed-command"),
        (&["--mode", "full", "--", "echo 'x"], "prompt", "unreadable"),
        (&["--mode", "full", "--", "ls \u{202e}x"], "prompt", "hidden-characters"),
        (&["--mode", "full", "--", "seqera auth token"], "prompt", "credentials"),
        (&["--mode", "full", "--", "cat ~/.config/seqera/credentials/*"], "prompt", "credentials"),
        (&["--plan", "--mode", "full", "--", "ls"], "blocked", "plan-mode"),
        (&["--allow", "git status", "--", "git status | head -n 1"], "auto", "allow-flag"),
        (&["--allow", "git status", "--", "git push"], "prompt", "not-listed"),
        (&["--tool", "read_file_local", "--", "/etc/hosts"], "auto", "read-only"),
        (&["--tool", "edit_file_local", "--", "/etc/hosts"], "prompt", "outside-workspace"),
        (&["--tool", "write_file_local", "--", "sub/new.nf"], "auto", "inside-workspace"),
        (&["--tool", "write_file_local", "--plan", "--", "sub/new.nf"], "blocked", "plan-mode"),
        (
            &["--tool", "read_file_local", "--mode", "full", "--", "~/.config/seqera/credentials/a"],
            "prompt",
            "credentials",
        ),
        (&["--tool", "no_such_tool", "--", "x"], "blocked", "unknown-tool"),
    ];
    let mut wrong = Vec::new();
    for (arguments, decision, rule) in cases {
        let answer = json(&sandbox, &workspace, arguments);
        if answer["decision"] != *decision
            || answer["rule"] != *rule
            || answer["why"].as_str().unwrap().is_empty()
        {
            wrong.push(format!("{arguments:?} {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_person_reads_why_where_and_what_would_run() {
    let (sandbox, workspace) = workspace();
    let run = explain(&sandbox, &["--workspace", &workspace, "--", "cp a.txt \"b c\" && ls 2>&1"]).success();
    let expected = format!(
        "auto: every change stays inside of the workspace (inside-workspace)\n\
         path: b c is {workspace}/b c, inside the workspace\npath: a.txt is {workspace}/a.txt, inside the workspace\n\
         runs: 'cp' 'a.txt' 'b c' && 'ls' 2>&1\n"
    );
    assert_eq!(run.stdout, expected);
    let run = explain(&sandbox, &["--mode", "full", "--workspace", &workspace, "--", "rm -rf ~"]).success();
    assert!(run.stdout.starts_with("prompt: `rm` is asked about in every mode (dangerous)\n"), "{run}");
    assert!(run.stdout.contains("note: ~ is the home directory.\n"), "{run}");
    let run = explain(&sandbox, &["--workspace", &workspace, "--", "ls \u{1b}[2K\u{202e}x"]).success();
    assert!(!run.stdout.contains(['\u{1b}', '\u{202e}']), "{run}");
}

#[test]
fn the_mode_comes_from_the_settings_and_a_wrong_word_is_told() {
    let (sandbox, workspace) = workspace();
    sandbox.configure("approval_mode = \"full\"\n");
    assert_eq!(json(&sandbox, &workspace, &["--", "make"])["mode"], "full");
    assert_eq!(json(&sandbox, &workspace, &["--mode", "basic", "--", "make"])["mode"], "basic");
    let _mode = explain(&sandbox, &["--mode", "yolo", "--", "ls"]).fails(2, "there is no approval mode yolo");
    let _place = explain(&sandbox, &["--workspace", "/no/such", "--", "ls"])
        .fails(2, "there is no directory /no/such");
    let _dangerous = explain(&sandbox, &["--allow", "rm *", "--", "rm x"]).fails(2, "always asks");
    let _nothing = explain(&sandbox, &["--json"]).fails(2, "COMMAND");
}

#[test]
fn the_guide_shows_what_happens() {
    let sandbox = Sandbox::new();
    assert_eq!(Document::read("docs/approval.md", &sandbox).run(), 18);
}
