//! Defects that are known of clients of this protocol (section 13 of its description): each has a test that shows that
//! this one does better. [`WHERE`] names it; those that no other suite has are here.

use seqera_tests::emulator::{Emulator, Fault, Options, Replay};
use seqera_tests::raw_sse::{RawSse, Step};
use seqera_tests::sandbox::Sandbox;
use serde_json::{Value, json};

use crate::emulator;
use crate::streams::at;
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

/// Number of the defect, file of the test, its name.
const WHERE: &[(u8, &str, &str)] = &[
    (1, "logout.rs", "the_server_ends_what_logout_says_it_ends"),
    (2, "credential_store.rs", "a_keychain_keeps_the_session_for_the_next_process"),
    (2, "credential_store.rs", "a_keychain_that_fails_later_is_one_clear_error_and_nothing_is_lost"),
    (3, "races.rs", "twenty_expiries_of_eight_processes_cost_twenty_renewals"),
    (3, "races.rs", "forty_kills_under_rotation_end_in_a_token_or_a_clear_word"),
    (4, "renewal.rs", "what_is_no_verdict_keeps_the_login"),
    (5, "profiles.rs", "authorities_side_by_side"),
    (6, "defects.rs", "g06_a_dead_token_in_the_middle_of_a_run_is_renewed"),
    (7, "defects.rs", "g07_a_clean_end_is_no_end_and_an_overlap_is_shown_once"),
    (7, "streams.rs", "interruptions_do_not_add_up_while_something_new_comes"),
    (8, "defects.rs", "g08_frames_are_read_as_the_standard_says"),
    (8, "streams.rs", "every_byte_may_come_alone_with_every_line_end"),
    (9, "defects.rs", "g09_a_token_of_five_minutes_is_used_for_a_whole_run"),
    (10, "tools/files.rs", "what_looks_like_a_pattern_is_written_to_the_letter"),
    (11, "defects.rs", "g11_a_session_is_gone_on_with_whatever_the_server_replays"),
    (12, "tools/shell.rs", "a_tree_that_ignores_everything_is_ended_when_time_is_up"),
    (12, "tools/shell.rs", "a_signal_to_the_program_ends_what_it_runs"),
    (12, "tools/shell.rs", "reading_input_ends_at_once_and_no_start_up_file_runs"),
    (13, "tools/shell.rs", "what_is_printed_is_never_rewritten"),
    (13, "tools/shell.rs", "a_long_output_keeps_both_ends_and_the_whole_is_private"),
    (14, "defects.rs", "g14_nobody_else_reads_a_conversation"),
    (15, "tools/shell.rs", "what_is_automatic_runs_as_it_was_checked_and_the_rest_is_refused"),
    (
        15,
        "../../plugins/ai/approval/tests/classes/rules.rs",
        "a_grant_covers_the_session_but_not_what_is_dangerous",
    ),
    (15, "headless.rs", "what_nobody_can_approve_is_refused_with_its_reason_and_never_waited_for"),
    (16, "defects.rs", "g16_a_goal_gives_the_approval_mode_back"),
    (17, "defects.rs", "g17_a_backend_may_have_a_path_and_a_slash_at_its_end"),
    (18, "defects.rs", "g18_the_discovery_document_is_fetched_once"),
    (19, "org.rs", "a_selection_survives_a_new_login_and_is_never_used_for_somebody_else"),
    (19, "org.rs", "the_prompt_asks_again_can_be_cancelled_and_does_not_take_silence_for_an_answer"),
    (20, "login.rs", "forged_callbacks_change_nothing_and_the_page_tells_the_truth"),
    (21, "defects.rs", "g21_a_piped_output_is_headless"),
    (22, "defects.rs", "g22_errors_are_for_people"),
    (23, "defects.rs", "g23_the_first_event_names_the_session"),
    (24, "tools/shell.rs", "secrets_are_not_given_to_commands_and_not_sent"),
    (25, "defects.rs", "g25_commits_are_sent_only_when_the_user_says_so"),
];

#[test]
fn every_defect_has_a_test() {
    let suite = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("suite");
    for (number, file, test) in WHERE {
        let text = std::fs::read_to_string(suite.join(file)).unwrap();
        assert!(text.contains(&format!("#[test]\nfn {test}()")), "G{number}: {file} has no {test}");
    }
    let numbers: std::collections::BTreeSet<u8> = WHERE.iter().map(|(number, ..)| *number).collect();
    assert!(numbers.into_iter().eq(1..=25));
}

/// A 401 on the event stream in the middle of a run is answered by a renewal, and `expire` succeeds.
#[test]
fn g06_a_dead_token_in_the_middle_of_a_run_is_renewed() {
    let emulator = emulator();
    let sandbox = Sandbox::on(&emulator);
    let _login = sandbox.login().success();
    emulator.script(vec![text("one "), text("two"), stop()]);
    emulator.fault(Fault::stream("cut", 2));
    emulator.fault(Fault::status("events", 401).skip(1));
    emulator.fault(Fault::status("expire", 401));
    assert_eq!(sandbox.seqera("ai --headless go").success().stdout, "one two\n");
    let expired: Vec<_> =
        emulator.requests().into_iter().filter(|entry| entry.path.ends_with("/expire")).collect();
    assert_eq!(expired.last().map(|entry| entry.status), Some(200), "the session was ended after all");
}

/// A clean end without a terminal event is an interruption, and what is sent again is not shown again.
#[test]
fn g07_a_clean_end_is_no_end_and_an_overlap_is_shown_once() {
    let one = "id: 1\ndata: {\"type\":\"text-delta\",\"delta\":\"one \"}\n\n";
    let two = "id: 2\ndata: {\"type\":\"text-delta\",\"delta\":\"two\"}\n\n";
    let end = "id: 3\ndata: {\"type\":\"finish\",\"finishReason\":\"stop\"}\n\n";
    let write = |parts: &[&str]| Step::Write(parts.concat().into_bytes());
    let server = RawSse::start(vec![vec![write(&[one]), Step::End], vec![write(&[one, two, end])]]).unwrap();
    let run = at(&server).seqera("ai --headless go").success();
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("one two\n", ""));
}

/// CRLF frames and data of several lines.
#[test]
fn g08_frames_are_read_as_the_standard_says() {
    let stream = "id: 1\r\ndata: {\"type\":\"text-delta\",\r\ndata: \"delta\":\"ok\"}\r\n\r\nid: 2\r\ndata: {\"type\":\"finish\",\"finishReason\":\"stop\"}\r\n\r\n";
    let server = RawSse::start(vec![vec![Step::Write(stream.as_bytes().to_vec())]]).unwrap();
    assert_eq!(at(&server).seqera("ai --headless go").success().stdout, "ok\n");
}

/// A token that lives five minutes needs no renewal while a run that is shorter lasts.
#[test]
fn g09_a_token_of_five_minutes_is_used_for_a_whole_run() {
    let emulator = Emulator::start(Options { ttl_access: 300, ..Options::default() }).unwrap();
    let sandbox = Sandbox::on(&emulator);
    let _login = sandbox.login().success();
    emulator.forget_requests();
    let _run = sandbox.seqera("ai --headless hello").success();
    let _list = sandbox.seqera("org list").success();
    assert_eq!(emulator.count("POST", "/api/token"), 0);
}

/// `-c` with several sessions takes the newest and says so; a session that is gone on with shows the new answer and nothing
/// of the old ones, however the server replays.
#[test]
fn g11_a_session_is_gone_on_with_whatever_the_server_replays() {
    for replay in [Replay::Everything, Replay::Nothing, Replay::Unnumbered, Replay::WithoutEnd] {
        let (emulator, sandbox) = alice();
        emulator.configure(|options| options.replay = replay);
        for answer in ["first", "second"] {
            emulator.script(vec![text(answer), stop()]);
            let _begun = sandbox.seqera("ai --headless go").success();
        }
        let sessions = emulator.count("POST", "/v1/cli/sessions");
        emulator.script(vec![text("third"), stop()]);
        let run = sandbox.seqera("ai --headless -c go").success();
        assert_eq!(run.stdout, "third\n", "{replay:?}: {run}");
        assert!(run.stderr.contains("the newest of 2 sessions"), "{run}");
        assert_eq!(emulator.count("POST", "/v1/cli/sessions"), sessions, "no new session");
    }
}

/// What was said is in files of its owner only, below the state directory, and nothing is left elsewhere.
#[test]
fn g14_nobody_else_reads_a_conversation() {
    use std::os::unix::fs::PermissionsExt;

    let (emulator, sandbox) = alice();
    let temporary = sandbox.root().join("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let sandbox = sandbox.with("TMPDIR", temporary.display());
    emulator.script(vec![text("secret plans"), stop()]);
    let _run = sandbox.seqera("ai --headless --events-path events/e.jsonl go").success();
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0, "nothing in the temporary directory");
    let mut found = 0;
    let mut directories = vec![sandbox.home()];
    while let Some(directory) = directories.pop() {
        for item in std::fs::read_dir(directory).unwrap() {
            let path = item.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if std::fs::read_to_string(&path).is_ok_and(|text| text.contains("secret plans")) {
                found += 1;
                let mode = path.metadata().unwrap().permissions().mode() & 0o777;
                assert_eq!(mode, 0o600, "{}", path.display());
            }
        }
    }
    assert_eq!(found, 2, "the journal and the events");
    for directory in ["ai", "ai/sessions"] {
        let path = sandbox.home().join(".local/state/seqera").join(directory);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700, "{}", path.display());
    }
}

/// A goal gives the approval mode back.
#[test]
fn g16_a_goal_gives_the_approval_mode_back() {
    let (emulator, sandbox) = alice();
    for answer in ["not yet", "done. GOAL COMPLETE"] {
        emulator.script(vec![text(answer), stop()]);
    }
    let mut terminal = Terminal::run(&sandbox, &["ai", "--approval-mode", "basic"]);
    terminal.wait_for("> ");
    terminal.type_line("/goal make it work");
    terminal.wait_for("(goal: attempt 2 of 3)");
    terminal.wait_for("the approval mode is basic again");
    terminal.type_line("/status");
    terminal.wait_for("Mode: build, approval basic");
    terminal.type_line("/exit");
    assert_eq!(terminal.end(), 0);
    let asked = emulator.requests().into_iter().filter(|entry| entry.body["type"] == "user_message").count();
    assert_eq!(asked, 2, "no third attempt");
}

/// A backend with a path, and one with a slash at its end.
#[test]
fn g17_a_backend_may_have_a_path_and_a_slash_at_its_end() {
    let stream = "id: 1\ndata: {\"type\":\"finish\",\"finishReason\":\"stop\"}\n\n";
    for suffix in ["/prefix", "/prefix/", "/"] {
        let server = RawSse::start(vec![vec![Step::Write(stream.as_bytes().to_vec())]]).unwrap();
        let sandbox = at(&server).with("SEQERA_AI_BACKEND_URL", format!("{}{suffix}", server.address));
        sandbox.configure("ai_reconnect_seconds = 1\n");
        let _run = sandbox.seqera("ai --headless go").success();
        let _no_stream_is_left = sandbox.seqera("ai --headless -c go");
        let prefix = suffix.trim_end_matches('/');
        for request in server.requests() {
            let path = request.split(' ').nth(1).unwrap();
            assert!(path.starts_with(&format!("{prefix}/v1/cli/sessions")), "{suffix}: {request}");
        }
        assert!(
            server
                .requests()
                .iter()
                .any(|request| request.starts_with("GET") && request.contains("limit=10"))
        );
    }
}

/// A run that needs a renewal reads the discovery document once, and one that needs none not at all.
#[test]
fn g18_the_discovery_document_is_fetched_once() {
    let (emulator, sandbox) = crate::session::expired();
    for expected in [1, 1] {
        let _run = sandbox.seqera("ai --headless hello").success();
        assert_eq!(emulator.count("GET", "/api/.well-known/openid-configuration"), expected);
    }
}

/// An output that is piped gets the answer and no escape sequences.
#[test]
fn g21_a_piped_output_is_headless() {
    let (_emulator, sandbox) = alice();
    let run = sandbox.seqera("ai hello").success();
    assert!(run.stdout.starts_with("Hello Alice"), "{run}");
    assert!(!run.stdout.contains('\u{1b}') && run.stderr.is_empty(), "{run:?}");
}

/// An error is some lines for a person.
#[test]
fn g22_errors_are_for_people() {
    let (emulator, sandbox) = alice();
    emulator.fault(Fault::status("sessions", 500).times(9));
    let run = sandbox.seqera("ai --headless hello");
    assert_ne!(run.code, 0);
    assert!(run.stderr.len() < 400 && run.stderr.lines().count() <= 5, "{run}");
}

/// Whoever calls us learns the id of the session, and can go on with it.
#[test]
fn g23_the_first_event_names_the_session() {
    let (emulator, sandbox) = alice();
    let run = sandbox.seqera("ai --sub-agent hello").success();
    let first: Value = serde_json::from_str(run.stdout.lines().next().unwrap()).unwrap();
    let session = first["data"]["session_id"].as_str().unwrap();
    assert_eq!(first["data"]["run_id"].as_str().unwrap().len(), 36);
    let _again = sandbox.run(sandbox.command(["ai", "--sub-agent", "-s", session, "hello"])).success();
    assert!(
        emulator.requests().iter().filter(|entry| entry.path.contains(session)).count() > 3,
        "the session is a real one"
    );
}

/// Patches and authors of commits are sent when the user says so, and not otherwise.
#[test]
fn g25_commits_are_sent_only_when_the_user_says_so() {
    let (emulator, sandbox) = alice();
    let repository = sandbox.home();
    let git = |arguments: &[&str]| {
        let status = std::process::Command::new("git")
            .args(["-c", "user.name=Ada Author", "-c", "user.email=ada@example.com"])
            .args(arguments)
            .current_dir(&repository)
            .env("HOME", sandbox.root())
            .output()
            .unwrap();
        assert!(status.status.success(), "{status:?}");
    };
    std::fs::write(repository.join("main.nf"), "confidential patch\n").unwrap();
    std::fs::write(repository.join(".gitignore"), ".*\n").unwrap();
    git(&["init", "-q", "-b", "main"]);
    git(&["add", "main.nf"]);
    git(&["commit", "-q", "-m", "a message"]);
    let context = |emulator: &Emulator| {
        let requests = emulator.requests();
        requests.iter().rev().find(|entry| entry.path.ends_with("/sessions")).unwrap().body.clone()
    };
    let _run = sandbox.seqera("ai --headless hello").success();
    let body = context(&emulator);
    let git_status = &body["directory_context"]["git_status"];
    assert_eq!((&git_status["is_git_repo"], &git_status["branch"]), (&true.into(), &"main".into()));
    assert_eq!(git_status["recent_commits"], json!([]));
    assert!(!body.to_string().contains("Ada"), "{body}");
    sandbox.configure("ai_send_commits = true\n");
    let _run = sandbox.seqera("ai --headless hello").success();
    let commits = context(&emulator)["directory_context"]["git_status"]["recent_commits"].clone();
    assert_eq!((&commits[0]["author"], &commits[0]["message"]), (&"Ada Author".into(), &"a message".into()));
    assert!(commits[0]["diff"].as_str().unwrap().contains("confidential patch"));
}
