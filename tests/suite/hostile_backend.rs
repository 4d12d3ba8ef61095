//! A backend that means harm: whatever it says, a terminal shows text, and nothing that steers it.

use std::time::Duration;

use seqera_tests::raw_sse::{Answer, RawSse, Step};
use seqera_tests::sandbox::Sandbox;
use serde_json::{Value, json};

use crate::streams::at;
use crate::terminal::Terminal;

/// Clears the screen, sets the title, writes the clipboard, goes back in the line, reorders and hides; with a word to be
/// found by.
const EVIL: &str = "evil\u{1b}[2J\u{1b}]0;title\u{7}\u{1b}]52;c;cm0=\u{1b}\\\u{9b}1A\u{8}\r\u{90}q\u{9c}\u{202e}txt\u{200b}\u{7f}\u{e0041}";

/// What came out of a program has no character that a terminal would obey, and none that hides.
#[track_caller]
fn assert_harmless(what: &str, out: &str) {
    let bad = out.replace("\r\n", "\n").chars().find(|c| {
        let hides = matches!(c, '\u{200b}' | '\u{202e}' | '\u{e0041}');
        (c.is_control() && !matches!(c, '\n' | '\t')) || hides
    });
    assert_eq!(bad, None, "{what}: {out:?}");
}

fn answers(request: &str, status: &'static str, body: &Value) -> Answer {
    Answer { request: request.to_owned(), status, body: body.to_string() }
}

/// Everything that a session says of itself is evil.
fn backend(events: &[Value], more: Vec<Answer>) -> (RawSse, Sandbox) {
    // The end comes when the tools were asked for: a run that is over needs no tool.
    let write =
        |(event, id): (&Value, usize)| Step::Write(format!("id: {id}\ndata: {event}\n\n").into_bytes());
    let mut stream: Vec<Step> = events.iter().zip(1..).map(write).collect();
    stream.insert(stream.len().saturating_sub(1), Step::Pause(Duration::from_millis(500)));
    stream.push(Step::Hold);
    let row = json!({ "session_id": EVIL, "title": EVIL, "cwd": EVIL, "last_used": EVIL });
    let history = json!({ "messages": [
        { "role": "user", "content": EVIL }, { "role": "assistant", "content": [{ "text": EVIL }] },
    ] });
    let pool = json!({ "total": 1, "consumed": 1, "expiration_date": EVIL });
    let usual = [
        answers("POST /v1/cli/sessions/", "200 OK", &json!({})),
        answers("POST /v1/cli/sessions", "200 OK", &json!({ "session_id": EVIL })),
        answers("history_only", "200 OK", &json!({})),
        answers("/messages ", "200 OK", &history),
        answers("GET /v1/cli/sessions?", "200 OK", &json!({ "sessions": [row, row] })),
        answers(
            "GET /v1/cli/skills",
            "200 OK",
            &json!({ "skills": [{ "name": EVIL, "description": EVIL }] }),
        ),
        answers(
            "GET /v1/cli/credits",
            "200 OK",
            &json!({ "org_name": EVIL, "metering_tier": "org", "org_credits": pool }),
        ),
        answers("GET / ", "200 OK", &json!({ "version": EVIL, "platform_url": EVIL })),
        answers(
            "GET /v1/cli/organizations",
            "200 OK",
            &json!({ "organizations": [{ "org_id": EVIL, "org_name": EVIL, "org_type": EVIL }] }),
        ),
    ];
    let answers = more.into_iter().chain(usual).collect();
    let streams = vec![stream; 4];
    let server = RawSse::start_with(streams, answers).unwrap();
    let sandbox = at(&server);
    sandbox.configure("ai_reconnect_seconds = 1\nai_idle_timeout_seconds = 2\n");
    (server, sandbox)
}

fn events(end: &Value) -> Vec<Value> {
    let (one, two) = EVIL.split_at(6);
    vec![
        json!({ "type": "text-delta", "delta": EVIL }),
        json!({ "type": "text-delta", "delta": one }),
        json!({ "type": "text-delta", "delta": two }),
        json!({ "type": "reasoning", "delta": EVIL }),
        json!({ "type": "tool-call", "toolCallId": EVIL, "toolName": EVIL, "args": { "path": EVIL } }),
        json!({ "type": "tool-result", "toolCallId": EVIL, "result": EVIL }),
        json!({ "type": "execute-local", "requestId": EVIL, "toolName": EVIL, "args": {} }),
        json!({
            "type": "execute-local", "requestId": "1", "toolName": "execute_bash_local",
            "args": { "command": format!("rm {EVIL}") },
        }),
        json!({ "type": "compacting", "status": EVIL }),
        end.clone(),
    ]
}

#[test]
fn nothing_that_it_says_steers_the_terminal_of_a_headless_run() {
    let options =
        ["--headless", "--show-thinking", "--show-tools", "--show-tool-results", "--events-path", "e"];
    for (end, code) in [
        (json!({ "type": "finish", "finishReason": "stop" }), 10),
        (json!({ "type": "finish", "finishReason": EVIL }), 1),
        (json!({ "type": "error", "error": EVIL }), 1),
    ] {
        for options in [&options[..], &["--sub-agent"]] {
            let (_server, sandbox) = backend(&events(&end), Vec::new());
            let run = sandbox.run(sandbox.command([&["ai"], options, &["go"]].concat()));
            assert_eq!(run.code, code, "{run}");
            assert!(run.stdout.contains("evil"), "{run:?}");
            assert_harmless("standard output", &run.stdout);
            assert_harmless("standard error", &run.stderr);
            if let Ok(file) = std::fs::read_to_string(sandbox.home().join("e")) {
                assert_harmless("the file of events", &file);
            }
            for command in ["ai sessions list", "ai sessions list --json"] {
                assert_harmless(command, &sandbox.seqera(command).success().stdout);
            }
            for json in [&["--json"][..], &[]] {
                let show = [&["ai", "sessions", "show", EVIL], json].concat();
                assert_harmless("sessions show", &sandbox.run(sandbox.command(show)).success().stdout);
            }
        }
    }
    for status in ["400 Bad Request", "402 Payment Required", "403 Forbidden", "429 Too Many Requests"] {
        for detail in [json!({ "detail": EVIL }), json!({ "message": EVIL }), json!(EVIL)] {
            let refusal = answers("/messages", status, &detail);
            let (_server, sandbox) = backend(&[], vec![refusal]);
            let run = sandbox.seqera("ai --headless go");
            assert_ne!(run.code, 0);
            assert_harmless(status, &run.stderr);
        }
    }
    let (_server, sandbox) = backend(&[], Vec::new());
    for command in [
        "org list",
        "org list --json",
        "org switch",
        "org show",
        "org show --json",
        "info",
        "info -o json",
        "auth status --check --json",
        "ai --headless -c go",
        "ai --headless -s nowhere go",
    ] {
        let run = sandbox.seqera(command);
        assert_harmless(command, &run.stdout);
        assert_harmless(command, &run.stderr);
    }
}

/// A server, or a proxy on the way, says again what it was sent.
#[test]
fn a_token_that_it_says_again_is_not_shown_or_kept() {
    const TOKEN: &str = "a-token-of-a-test";
    let detail = json!({ "detail": format!("bad header: Bearer {TOKEN}") });
    for (events, refusals) in [
        (vec![json!({ "type": "error", "error": format!("bad header: Bearer {TOKEN}") })], vec![]),
        (vec![json!({ "type": "finish", "finishReason": TOKEN })], vec![]),
        (vec![], vec![answers("/messages", "400 Bad Request", &detail)]),
        (vec![], vec![answers("/messages", "402 Payment Required", &detail)]),
        (vec![], vec![answers("POST /v1/cli/sessions", "500 Internal Server Error", &detail)]),
    ] {
        let (_server, sandbox) = backend(&events, refusals);
        for mode in ["--headless", "--sub-agent"] {
            let run = sandbox.run(sandbox.command(["ai", mode, "go"]));
            assert!(run.code != 0 && run.stderr.contains("[secret]"), "{run}");
            assert!(!format!("{run}").contains(TOKEN), "{run}");
        }
    }
    let row = json!({ "session_id": "one", "title": TOKEN, "cwd": TOKEN, "last_used": 1 });
    let history = json!({ "messages": [{ "role": "user", "content": TOKEN }] });
    let said = vec![
        answers("GET /v1/cli/sessions?", "200 OK", &json!({ "sessions": [row] })),
        answers("GET /v1/cli/sessions/one/messages", "200 OK", &history),
        answers("GET /v1/cli/credits", "400 Bad Request", &detail),
    ];
    let (_server, sandbox) = backend(&[], said);
    let mut terminal = Terminal::run(&sandbox, &["ai"]);
    terminal.wait_for("> ");
    terminal.type_line("/credits");
    terminal.wait_for("[secret]");
    terminal.type_line("/sessions");
    terminal.wait_for("Enter for none)? ");
    terminal.type_line("1");
    terminal.wait_for("> [secret]");
    terminal.wait_for("> ");
    terminal.type_line("/exit");
    let (code, seen) = terminal.finish();
    assert!(code == 0 && !seen.contains(TOKEN), "{seen}");
}

#[test]
fn nothing_that_it_says_steers_the_terminal_of_a_conversation() {
    let end = json!({ "type": "error", "error": EVIL });
    let (_server, sandbox) = backend(&events(&end), Vec::new());
    let mut terminal = Terminal::run(&sandbox, &["ai"]);
    terminal.wait_for("> ");
    for command in ["/help", "/credits", "/status", "/org", "/thinking"] {
        terminal.type_line(command);
        terminal.wait_for("> ");
    }
    terminal.type_line("go");
    terminal.wait_for("APPROVAL REQUIRED");
    terminal.wait_for("Command: rm evil");
    terminal.wait_for("? ");
    terminal.type_line("3");
    terminal.wait_for("the assistant failed");
    terminal.wait_for("> ");
    for command in ["/session", "/status", "/export"] {
        terminal.type_line(command);
        terminal.wait_for("> ");
    }
    terminal.type_line("/sessions");
    terminal.wait_for("Enter for none)? ");
    terminal.type_line("1");
    terminal.wait_for("> evil");
    terminal.wait_for("> ");
    terminal.type_line("/exit");
    let (code, seen) = terminal.finish();
    assert_eq!(code, 0, "{seen:?}");
    assert_harmless("the terminal", &seen);
}
