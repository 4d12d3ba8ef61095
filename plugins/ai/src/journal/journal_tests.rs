use std::os::unix::fs::PermissionsExt;

use seqera_plugin_api::testing::FakeHost;

use super::*;
use crate::agent::{ToolCall, ToolResult};

fn journal(root: &Path) -> Journal {
    Journal::new(&FakeHost::new().directories(root).host(), Arc::new(|line| line.replace("s3cret", "***")))
}

fn store(root: &Path) -> Store {
    Store::for_reading(&FakeHost::new().directories(root).host()).unwrap()
}

fn session(id: &str) -> Record<'_> {
    Record::Session {
        session_id: id.into(),
        cwd: "/w".into(),
        backend: "http://b".into(),
        version: "1".into(),
        resumed: false,
    }
}

fn message(content: &str) -> Record<'_> {
    Record::Message { run_id: "r".into(), content: content.into(), plan: false }
}

fn is_here(opened: &Opened) -> bool {
    matches!(opened, Opened::Here(_))
}

#[test]
fn a_session_is_listed_and_read_without_secrets() {
    let root = tempfile::tempdir().unwrap();
    let mut journal = journal(root.path());
    assert!(is_here(&journal.open("abc")));
    journal.note(session("abc"));
    journal.note(message("what is s3cret?"));
    journal.text("one ");
    journal.text("two");
    journal.note(Record::End { outcome: "complete".into(), reason: None });
    let path = store(root.path()).path("abc");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(path.parent().unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o700);
    let listed = store(root.path()).sessions();
    assert_eq!((listed.len(), listed[0].title.as_str(), listed[0].cwd.as_str()), (1, "what is ***?", "/w"));
    let mut texts = Vec::new();
    store(root.path())
        .read("abc", |_, line| {
            if let Record::Text { content } = line.record {
                texts.push(content.into_owned());
            }
            Ok(())
        })
        .unwrap();
    assert_eq!(texts, ["one two"]);
    assert!(!std::fs::read_to_string(path).unwrap().contains("s3cret"));
}

#[test]
fn a_torn_line_is_skipped_and_does_not_spoil_the_next() {
    let root = tempfile::tempdir().unwrap();
    let mut first = journal(root.path());
    first.open("abc");
    first.note(session("abc"));
    drop(first);
    let path = store(root.path()).path("abc");
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"{\"at\":\"x\",\"type\":\"mess").unwrap();
    drop(file);
    let mut second = journal(root.path());
    assert!(is_here(&second.open("abc")));
    second.note(message("still here"));
    assert_eq!(store(root.path()).sessions()[0].title, "still here");
    std::fs::write(path.with_file_name("junk.jsonl"), [0xff, b'\n', b'{']).unwrap();
    assert_eq!(store(root.path()).sessions().len(), 1);
}

#[test]
fn a_session_is_gone_on_with_in_one_process_only() {
    let root = tempfile::tempdir().unwrap();
    let (mut one, mut two) = (journal(root.path()), journal(root.path()));
    assert!(is_here(&one.open("abc")));
    assert!(matches!(two.open("abc"), Opened::Elsewhere));
    assert!(is_here(&two.open("other")));
    one.close();
    assert!(is_here(&two.open("abc")));
}

#[test]
fn what_is_known_of_calls_outlives_the_process() {
    let root = tempfile::tempdir().unwrap();
    let mut first = journal(root.path());
    first.open("abc");
    let call = |id: &str| ToolCall { id: id.into(), name: "t".into(), args: "{}".into() };
    let result = ToolResult { stdout: "done".into(), ..ToolResult::default() };
    for id in ["started", "finished", "sent"] {
        first.note(Record::ToolStarted { call: std::borrow::Cow::Owned(call(id)) });
    }
    for id in ["finished", "sent"] {
        first.note(Record::ToolResult { id: id.into(), result: std::borrow::Cow::Borrowed(&result) });
    }
    first.note(Record::ResultSent { id: "sent".into() });
    drop(first);
    let Opened::Here(calls) = journal(root.path()).open("abc") else { panic!("it is locked") };
    let expected = [
        ("finished".to_owned(), Past::Unsent(result)),
        ("sent".to_owned(), Past::Sent),
        ("started".to_owned(), Past::Interrupted),
    ];
    assert_eq!(calls, expected);
}

#[test]
fn old_sessions_go_and_no_days_keep_nothing() {
    let root = tempfile::tempdir().unwrap();
    let mut kept = journal(root.path());
    kept.open("abc");
    kept.note(session("abc"));
    let unused = store(root.path()).sessions();
    assert!(unused.is_empty(), "nothing was said in it");
    kept.note(Record::Message { run_id: "r".into(), content: "hello".into(), plan: false });
    kept.close();
    let store = store(root.path());
    store.prune(SystemTime::now());
    assert_eq!(store.sessions().len(), 1);
    store.prune(SystemTime::now() + std::time::Duration::from_secs(200 * 24 * 3600));
    assert_eq!(store.sessions().len(), 0);
    let none = FakeHost::new().directories(root.path()).setting("ai_journal_days", "0").host();
    let mut journal = Journal::new(&none, Arc::new(str::to_owned));
    journal.open("new");
    journal.note(session("new"));
    journal.audit(&serde_json::json!({}));
    assert!(store.sessions().is_empty() && !root.path().join("state/ai/audit.jsonl").exists());
}

#[test]
fn ids_that_are_no_names_get_names() {
    assert_eq!(file_name("abc-1_2"), "abc-1_2.jsonl");
    let (one, two) = (file_name("../../etc/passwd"), file_name("../etc/passwd"));
    assert!(one != two && !one.contains('/') && one.starts_with("etcpasswd~"), "{one}");
}

#[test]
fn a_large_answer_is_written_in_parts() {
    let root = tempfile::tempdir().unwrap();
    let mut journal = journal(root.path());
    journal.open("abc");
    let answer = "ä".repeat(200_000);
    journal.text(&answer);
    journal.close();
    let mut all = String::new();
    store(root.path())
        .read("abc", |_, line| {
            if let Record::Text { content } = line.record {
                all.push_str(&content);
            }
            Ok(())
        })
        .unwrap();
    assert!(all == answer);
}
