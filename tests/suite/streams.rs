//! Event streams as no good server writes them, from a server that writes bytes.

use std::time::{Duration, Instant};

use seqera_tests::raw_sse::{RawSse, Step};
use seqera_tests::sandbox::{Run, Sandbox};

use crate::terminal::Terminal;

/// A sandbox of somebody with a token, at this server.
pub(crate) fn at(server: &RawSse) -> Sandbox {
    Sandbox::new()
        .with("SEQERA_AI_BACKEND_URL", &server.address)
        .with("SEQERA_ACCESS_TOKEN", "a-token-of-a-test")
}

/// One headless run against these streams.
fn run(streams: Vec<Vec<Step>>, config: &str) -> (RawSse, Run) {
    let server = RawSse::start(streams).unwrap();
    let sandbox = at(&server);
    sandbox.configure(config);
    let run = sandbox.seqera("ai --headless go");
    (server, run)
}

fn event(id: usize, data: &str) -> String {
    format!("id: {id}\ndata: {data}\n\n")
}

fn text(id: usize, text: &str) -> String {
    event(id, &format!(r#"{{"type":"text-delta","delta":"{text}"}}"#))
}

fn finish(id: usize) -> String {
    event(id, r#"{"type":"finish","finishReason":"stop"}"#)
}

fn write(text: impl Into<String>) -> Step {
    Step::Write(text.into().into_bytes())
}

/// An answer with everything that the standard allows.
const RICH: &str = "\u{feff}: hello\n\nid: 1\ndata: {\"type\":\"text-delta\",\ndata: \"delta\":\"one \u{1F9EC} \"}\n\nevent: message\nid:2\ndata:{\"type\":\"text-delta\",\"delta\":\"zwei äöü\"}\n\nretry: 5000\ndata: [DONE]\n\ndata: not json\n\nid: 3\ndata: {\"type\":\"finish\",\"finishReason\":\"stop\"}\n\n";

#[test]
fn every_byte_may_come_alone_with_every_line_end() {
    for end in ["\n", "\r\n", "\r"] {
        let stream = RICH.replace('\n', end).into_bytes();
        let (server, run) = run(vec![vec![Step::ByteByByte(stream), Step::End]], "");
        assert_eq!(run.success().stdout, "one \u{1F9EC} zwei äöü\n", "line end {end:?}");
        assert_eq!(server.streams().len(), 1);
    }
}

#[test]
fn a_stream_that_is_cut_inside_a_character_is_resumed_and_nothing_is_lost_or_doubled() {
    let second = text(2, "\u{1F9EC}b");
    let gene = second.find('\u{1F9EC}').unwrap();
    for inside in 1..4 {
        let mut first = text(1, "a").into_bytes();
        first.extend_from_slice(&second.as_bytes()[..gene + inside]);
        // The server sends what was seen once more.
        let rest = text(1, "a") + &second + &finish(3);
        let (server, run) = run(vec![vec![Step::Write(first), Step::Cut], vec![write(rest)]], "");
        assert_eq!(run.success().stdout, "a\u{1F9EC}b\n");
        let streams = server.streams();
        assert_eq!(streams.len(), 2, "{streams:?}");
        assert!(streams[1].ends_with("?cursor=2"), "{streams:?}");
    }
}

/// Without numbers a stream begins anew: what was seen is told by what it says.
#[test]
fn a_stream_without_numbers_is_resumed_and_nothing_is_lost_or_doubled() {
    let named =
        |stream: String| (1..9).fold(stream, |text, id| text.replace(&format!("id: {id}\n"), "id: a-1\n"));
    let bare = |stream: String| named(stream).replace("id: a-1\n", "");
    let ways: [&dyn Fn(String) -> String; 2] = [&named, &bare];
    for way in ways {
        let all = [text(1, "one "), text(2, "one "), text(3, "two ")];
        for seen in 1..=3 {
            let first = vec![write(way(all[..seen].concat())), Step::Cut];
            let whole = vec![write(way(all.concat() + &finish(4)))];
            let (_server, again) = run(vec![first.clone(), whole], "");
            assert_eq!(again.success().stdout, "one one two \n", "after {seen}");
            // A server that goes on where it was.
            let rest = [&[text(5, "and ")], &all[seen..]].concat().concat();
            let (_server, on) = run(vec![first, vec![write(way(rest + &finish(4)))]], "");
            let expected = ["one and one two \n", "one one and two \n", "one one two and \n"][seen - 1];
            assert_eq!(on.success().stdout, expected, "after {seen}");
        }
    }
}

#[test]
fn a_silent_stream_is_opened_again_and_comments_are_a_sign_of_life() {
    let silent = vec![write(text(1, "a")), Step::Hold];
    let (server, resumed) =
        run(vec![silent, vec![write(text(2, "b") + &finish(3))]], "ai_idle_timeout_seconds = 1\n");
    assert_eq!(resumed.success().stdout, "ab\n");
    assert_eq!(server.streams().len(), 2);

    let mut lively = vec![write(text(1, "a"))];
    for _ in 0..8 {
        lively.extend([Step::Pause(Duration::from_millis(400)), write(": still here\n\n")]);
    }
    lively.push(write(finish(2)));
    let (server, run) = run(vec![lively], "ai_idle_timeout_seconds = 2\n");
    assert_eq!(run.success().stdout, "a\n");
    assert_eq!(server.streams().len(), 1, "it was not opened again");
}

#[test]
fn a_run_ends_with_its_terminal_event_and_not_with_the_connection() {
    let started = Instant::now();
    let (server, run) = run(vec![vec![write(text(1, "a") + &finish(2)), Step::Hold]], "");
    assert_eq!(run.success().stdout, "a\n");
    assert!(started.elapsed() < Duration::from_secs(20));
    assert!(server.requests().last().unwrap().ends_with("/expire"), "{:?}", server.requests());
}

/// A character that a server cut in two costs that character, and not the event.
#[test]
fn an_event_with_half_a_character_is_read_all_the_same() {
    let mut stream = text(1, r"one \ud83d two \ude00 ").into_bytes();
    let broken = text(2, "three \u{1F9EC} ");
    let gene = broken.find('\u{1F9EC}').unwrap();
    stream.extend_from_slice(&broken.as_bytes()[..gene + 2]);
    stream.extend_from_slice(&broken.as_bytes()[gene + 4..]);
    let call = r#"{"type":"execute-local","requestId":"t","toolName":"execute_bash_local","args":{"command":"echo 'a\ud83db' > said"}}"#;
    stream.extend_from_slice(event(3, call).as_bytes());
    let steps = vec![Step::Write(stream), Step::Pause(Duration::from_secs(2)), write(finish(4))];
    let server = RawSse::start(vec![steps]).unwrap();
    let sandbox = at(&server);
    let run = sandbox.seqera("ai --headless go").success();
    assert_eq!(run.stdout, "one \u{fffd} two \u{fffd} three \u{fffd} \n");
    assert_eq!(run.stderr, "");
    assert_eq!(std::fs::read_to_string(sandbox.home().join("said")).unwrap(), "a\u{fffd}b\n");
}

#[test]
fn an_event_that_cannot_be_read_is_told() {
    let stream = text(1, "one ") + &event(2, "{\"type\":\"text-del") + &event(3, "no") + &text(4, "two");
    let (_server, run) = run(vec![vec![write(stream + "data: [DONE]\n\n" + &finish(5))]], "");
    let run = run.success();
    assert_eq!(run.stdout, "one two\n");
    assert_eq!(run.stderr.matches("cannot be read and is skipped").count(), 1, "once is enough: {run}");
    let (_server, run) = self::run(vec![vec![write("data: [DONE]\n\n".to_owned() + &finish(1))]], "");
    assert_eq!(run.success().stderr, "");
}

#[test]
fn an_event_of_ten_megabytes_arrives_whole() {
    let large = "0123456789".repeat(1024 * 1024);
    let stream = text(1, &large) + &finish(2);
    let (_server, run) = run(vec![vec![write(stream)]], "");
    let run = run.success();
    assert!(run.stdout.trim_end() == large, "{} bytes", run.stdout.len());
}

#[test]
fn an_event_that_never_ends_is_refused() {
    let part = vec![b'x'; 8 * 1024 * 1024];
    let mut steps = vec![write("data: ")];
    steps.extend(std::iter::repeat_n(Step::Write(part), 10));
    let (_server, run) = run(vec![steps], "");
    let _run = run.fails(6, "an event that does not end");
}

#[test]
fn interruptions_do_not_add_up_while_something_new_comes() {
    let streams = (1..=12).map(|id| vec![write(text(id, "x")), Step::End]);
    let last = vec![write(finish(13))];
    let (server, run) = run(streams.chain([last]).collect(), "");
    assert_eq!(run.success().stdout, format!("{}\n", "x".repeat(12)));
    assert_eq!(server.streams().len(), 13);
}

/// A tool ran for longer than the patience: the time without anything new begins when it has ended.
#[test]
fn the_time_that_a_tool_takes_is_no_time_without_progress() {
    let call = r#"{"type":"execute-local","requestId":"t","toolName":"execute_bash_local","args":{"command":"sleep 3"}}"#;
    let streams = vec![
        vec![write(event(1, call)), Step::End],
        vec![Step::Cut],
        vec![Step::Cut],
        vec![write(text(2, "there it is") + &finish(3))],
    ];
    let server = RawSse::start(streams).unwrap();
    let sandbox = at(&server);
    sandbox.configure("ai_reconnect_seconds = 3\n");
    let run = sandbox.seqera("ai --headless --approval-mode full go").success();
    assert_eq!(run.stdout, "there it is\n");
    assert_eq!(server.streams().len(), 4);
}

/// What had been sent when an answer was stopped is read before the next question, and is not taken for its answer.
#[test]
fn what_is_left_of_a_stopped_answer_is_no_part_of_the_next() {
    let cancelled = event(3, r#"{"type":"finish","finishReason":"cancelled"}"#);
    let history_end = event(9, r#"{"type":"history_end"}"#).replace("id: 9\n", "");
    let new = |id| text(id, "the new answer") + &finish(id + 1);
    for (history, live) in [
        (text(2, "left over") + &cancelled + &history_end, new(4)),
        (text(2, "left over") + &history_end, cancelled.clone() + &new(4)),
    ] {
        let streams = vec![
            vec![write(text(1, "the old answer")), Step::Hold],
            vec![write(history), Step::End],
            vec![write(live)],
        ];
        let server = RawSse::start(streams).unwrap();
        let mut terminal = Terminal::run(&at(&server), &["ai", "first"]);
        terminal.wait_for("the old answer");
        terminal.type_keys("\u{3}");
        terminal.wait_for("(stopped)");
        terminal.wait_for("> ");
        terminal.type_line("second");
        terminal.wait_for("the new answer");
        terminal.wait_for("> ");
        terminal.type_line("/exit");
        let (code, seen) = terminal.finish();
        assert!(code == 0 && !seen.contains("left over"), "{seen}");
        let asked: Vec<String> = server
            .streams()
            .iter()
            .map(|path| path.split('?').nth(1).unwrap_or_default().to_owned())
            .collect();
        assert!(asked[1] == "cursor=2&history_only=true" && asked[2].starts_with("cursor="), "{asked:?}");
    }
}
